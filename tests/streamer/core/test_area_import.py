"""What a table of areas would change.

Invariants: a tree's own table changes nothing there, and makes it anew on an empty server; all
mistakes are named, and with a mistake nothing changes.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.area_import import ImportPlan, plan_import
from loa.streamer.core.area_tables import AreaLine, read_csv, read_json, write_csv, write_json
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.reorganise import Reorganisation, ReorganiseError


def sample() -> AreaTree:
    return AreaTree(
        [
            Area("/ha-giang", "Hà Giang", True, (), 1, "02"),
            Area("/ha-giang/quang-binh", "Quang Bình", True, ("/cu",), 2, "034"),
            Area("/ha-giang/quang-binh/na-khuong", "Nà Khương", True, (), 3, "01015"),
            Area("/ha-giang/quang-binh/xuan-minh", "Xuân Minh", True, (), 4),
            Area("/tuyen-quang", "Tuyên Quang", False, (), 5),
        ]
    )


def plan(*lines: AreaLine) -> ImportPlan:
    return plan_import(sample(), lines)


def paths(found: ImportPlan) -> dict[str, str]:
    return {c.after.name: c.after.path for c in found.changes if c.after is not None}


def problems(found: ImportPlan) -> list[tuple[int, str, str]]:
    assert found.changes == []
    return [(p.line, p.column, p.code) for p in found.problems]


def test_lines_find_their_areas_by_id_then_code_then_path():
    found = plan(
        AreaLine(2, id=4, name="Xuân Minh", station=False),
        AreaLine(3, code="01015", name="Nà Khương mới", path="/ha-giang/quang-binh/na-khuong"),
        AreaLine(4, path="/cu", rank=3),
        AreaLine(5, name="Tuyên Quang", station=True),
    )
    assert not found.problems
    assert {c.id: c.kinds for c in found.changes} == {
        4: ("station",), 3: ("renamed",), 2: ("ordered",), 5: ("station",),
    }  # fmt: skip
    assert found.untouched == 1
    assert paths(found)["Nà Khương mới"] == "/ha-giang/quang-binh/na-khuong"


def test_the_path_follows_a_name_where_the_table_has_none():
    found = plan(AreaLine(2, id=3, name="Nà Khương mới", parent="/ha-giang/quang-binh"))
    assert paths(found) == {"Nà Khương mới": "/ha-giang/quang-binh/na-khuong-moi"}


def test_parents_are_named_by_the_paths_before_or_after():
    for parent in ("/ha-giang/quang-binh", "/ha-giang/qb", "/cu"):
        found = plan(
            AreaLine(2, parent=parent, name="Mới"),
            AreaLine(3, id=2, path="/ha-giang/qb", name="Quang Bình"),
        )
        assert not found.problems
        assert paths(found)["Mới"] == "/ha-giang/qb/moi"
        assert paths(found)["Xuân Minh"] == "/ha-giang/qb/xuan-minh"


def test_a_new_district_and_its_communes_come_in_any_order():
    found = plan(
        AreaLine(2, name="Thôn 1", parent="/ha-giang/xin-man/co-pha"),
        AreaLine(3, name="Cốc Pha", path="/ha-giang/xin-man/co-pha"),
        AreaLine(4, name="Xín Mần", parent="/ha-giang"),
        AreaLine(5, name="Xín Mần", parent="/tuyen-quang"),
    )
    assert not found.problems
    assert [c.after.path for c in found.changes if c.after] == [
        "/ha-giang/xin-man",
        "/ha-giang/xin-man/co-pha",
        "/ha-giang/xin-man/co-pha/thon-1",
        "/tuyen-quang/xin-man",
    ]


def test_two_swap_paths_and_codes():
    found = plan(
        AreaLine(2, id=3, name="Nà Khương", path="/ha-giang/quang-binh/xuan-minh", code="7"),
        AreaLine(3, id=4, name="Xuân Minh", path="/ha-giang/quang-binh/na-khuong", code="01015"),
    )
    assert not found.problems
    assert paths(found)["Xuân Minh"] == "/ha-giang/quang-binh/na-khuong"


def test_areas_move_by_path_or_by_parent():
    by_path = plan(AreaLine(2, id=4, name="Xuân Minh", path="/tuyen-quang/xuan-minh"))
    by_parent = plan(
        AreaLine(
            2, id=4, name="Xuân Minh", path="/ha-giang/quang-binh/xuan-minh", parent="/tuyen-quang"
        )
    )
    assert by_path.changes == by_parent.changes != []


def test_every_mistake_is_named():
    found = plan(
        AreaLine(2, id=3, name="Nà Khương", path="/ha-giang/quang-binh/xuan-minh"),
        AreaLine(3, id=2, name="Quang Bình", code="02"),
        AreaLine(4, id=5, name="Tuyên Quang", aliases=("/cu",)),
    )
    assert sorted(problems(found)) == [
        (2, "path", "import.path_taken"),
        (3, "code", "import.code_taken"),
        (4, "aliases", "import.alias_taken"),
    ]
    found = plan(
        AreaLine(2, name="A", parent="/nowhere"),
        AreaLine(3, name="B", path="/nowhere/b"),
        AreaLine(4, id=4, name="Xuân Minh", path="/ha-giang/x", parent="/tuyen-quang"),
    )
    assert problems(found) == [
        (2, "parent", "import.parent_unknown"),
        (3, "path", "import.parent_unknown"),
        (4, "parent", "import.parent_differs"),
    ]
    found = plan(AreaLine(2, id=3), AreaLine(3, code="01015"), AreaLine(4, path="/new"))
    assert problems(found) == [(3, "", "import.twice"), (4, "name", "field.missing")]
    found = plan(AreaLine(2, name="A", path="/a"), AreaLine(3, name="B", path="/a"))
    assert problems(found) == [(3, "path", "import.twice")]


def test_a_table_of_another_server_is_noticed():
    found = plan(AreaLine(2, id=5, name="Cao Bằng", path="/cao-bang"))
    assert problems(found) == [(2, "id", "import.other_area")]


def test_new_areas_that_would_hang_in_a_circle_are_refused():
    found = plan(
        AreaLine(2, name="A", path="/b/a"),
        AreaLine(3, name="B", path="/b", parent="/b/a"),
    )
    assert problems(found) == [(3, "parent", "import.parent_differs")]
    found = plan(
        AreaLine(2, id=2, name="Quang Bình", parent="/ha-giang/quang-binh/xuan-minh"),
    )
    assert problems(found) == [(2, "parent", "area.cycle")]


def test_the_same_table_twice_makes_nothing_twice():
    table = (AreaLine(2, name="Thôn 1", parent="/ha-giang"), AreaLine(3, name="Cao Bằng"))
    first = plan_import(sample(), table)
    p = Reorganisation(sample())
    assert len(first.changes) == 2
    ha_giang = p.create("Thôn 1", 1)
    top = p.create("Cao Bằng", None)
    assert ha_giang and top
    ids = {ha_giang: 10, top: 11}
    tree = AreaTree(
        Area(a.path, a.name, a.station, a.aliases, ids.get(a.id, a.id), a.code) for a in p.tree()
    )
    assert plan_import(tree, table) == ImportPlan(untouched=len(tree))


@st.composite
def trees(draw) -> AreaTree:
    p = Reorganisation(sample())
    names = st.sampled_from(["An", "Bình", "=1", "An Bình", "'-", "Live"])
    for _ in range(draw(st.integers(0, 12))):
        ids = [a.id for a in p.tree()]
        one, other = draw(st.sampled_from(ids)), draw(st.sampled_from([None, *ids]))
        name = draw(names)
        state = p.tree()
        try:
            match draw(st.sampled_from(["create", "rename", "move", "level", "order"])):
                case "create":
                    p.create(name, other, word=None if name != "'-" else "w")
                case "rename":
                    p.rename(one, name, keep_path=name == "'-")
                case "move":
                    p.move(one, other)
                case "level":
                    p.remove_level(one)
                case "order":
                    p.order(one, list(p.children(one).values())[::-1])
        except ReorganiseError:
            p = Reorganisation(state)
        renumbered = {a.id: i for i, a in enumerate(p.tree(), start=100) if a.id < 0}
        p = Reorganisation(
            AreaTree(
                Area(
                    a.path, a.name, a.station, a.aliases, renumbered.get(a.id, a.id), a.code, a.rank
                )
                for a in p.tree()
            )
        )
    return p.tree()


@settings(deadline=None, derandomize=True, max_examples=150)
@given(trees())
def test_a_trees_own_table_changes_nothing_and_makes_it_anew_elsewhere(tree: AreaTree):
    for lines in (read_csv(write_csv(tree)), read_json(write_json(tree))):
        assert plan_import(tree, lines) == ImportPlan(untouched=len(tree))
        anew = plan_import(AreaTree([]), lines)
        assert not anew.problems
        made = {
            (a.path, a.name, a.station, a.code, a.rank, a.aliases)
            for a in (c.after for c in anew.changes)
            if a is not None
        }
        assert made == {(a.path, a.name, a.station, a.code, a.rank, a.aliases) for a in tree}
