"""Reorganising the tree.

Invariants: the tree stays a tree; what stays keeps its id; a path that an area ever had finds that
area or what took it in, unless another area got the path later or the area was removed for good; no
path is two areas'; and the changes say all that is different.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.area_words import WordRefused, clean_code, clean_name, word_of
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.reorganise import Change, Reorganisation, ReorganiseError


def sample() -> AreaTree:
    return AreaTree(
        [
            Area("/ha-giang", "Hà Giang", True, (), 1, "02"),
            Area("/ha-giang/quang-binh", "Quang Bình", True, (), 2, "034"),
            Area("/ha-giang/quang-binh/na-khuong", "Nà Khương", True, ("/cu",), 3, "01015"),
            Area("/ha-giang/quang-binh/na-khuong/ban-rua", "Bản Rừa", False, (), 4),
            Area("/ha-giang/quang-binh/xuan-minh", "Xuân Minh", True, (), 5),
            Area("/ha-giang/quang-binh/xuan-minh/ban-rua", "Bản Rừa", False, (), 6),
            Area("/tuyen-quang", "Tuyên Quang", False, (), 7),
        ]
    )


def plan() -> Reorganisation:
    return Reorganisation(sample())


def paths(plan: Reorganisation) -> dict[int, str]:
    return {area.id: area.path for area in plan.tree()}


def kinds(plan: Reorganisation) -> dict[int, tuple[str, ...]]:
    return {change.id: change.kinds for change in plan.changes()}


def test_a_renamed_area_takes_its_whole_subtree_along_and_old_paths_still_find_them():
    p = plan()
    p.rename(2, "Quang Bình mới")
    tree = p.tree()
    assert paths(p)[4] == "/ha-giang/quang-binh-moi/na-khuong/ban-rua"
    for area in sample():
        found = tree.find(area.path)
        assert found is not None
        assert found.id == area.id
    assert kinds(p) == {2: ("renamed",), 3: (), 4: (), 5: (), 6: ()}


def test_a_name_can_change_while_the_path_stays():
    p = plan()
    p.rename(2, "Quang Bình mới", keep_path=True)
    assert paths(p) == {area.id: area.path for area in sample()}
    assert kinds(p) == {2: ("renamed",)}


def test_the_path_comes_back_with_the_name():
    p = plan()
    p.rename(2, "Khác")
    p = Reorganisation(p.tree())
    p.rename(2, "Quang Bình")
    assert paths(p)[2] == "/ha-giang/quang-binh"
    assert p.area(2).aliases == ("/ha-giang/khac",)


def test_a_moved_area_goes_with_everything_below_it():
    p = plan()
    p.move(3, 7)
    assert paths(p)[4] == "/tuyen-quang/na-khuong/ban-rua"
    assert kinds(p) == {3: ("moved",), 4: ()}
    change = next(c for c in p.changes() if c.id == 3)
    assert (change.former_parent, change.parent) == (2, 7)


def test_a_move_below_itself_is_refused():
    with pytest.raises(ReorganiseError) as refused:
        plan().move(1, 4)
    assert refused.value.code == "area.cycle"
    assert {a.id for a in refused.value.others} == {2, 3, 4}


def test_merged_areas_are_one_and_every_path_finds_it():
    p = plan()
    p.merge(5, 3)
    tree = p.tree()
    assert paths(p)[6] == "/ha-giang/quang-binh/na-khuong/ban-rua-2"
    found = tree.find("/ha-giang/quang-binh/xuan-minh")
    assert found is not None
    assert found.id == 3
    assert kinds(p) == {3: (), 5: ("merged",), 6: ("moved",)}
    merged = p.changes()[-1]
    assert (merged.id, merged.successor, merged.after) == (5, 3, None)


def test_what_takes_in_a_station_is_one():
    p = plan()
    p.merge(2, 7)
    assert p.area(7).station


@pytest.mark.parametrize(
    ("id", "into", "code"), [(3, 3, "area.merge_self"), (2, 3, "area.merge_below")]
)
def test_senseless_merges_are_refused(id: int, into: int, code: str):
    with pytest.raises(ReorganiseError, match=code):
        plan().merge(id, into)


def test_a_level_that_is_abolished_leaves_its_communes_to_the_province():
    p = plan()
    p.remove_level(2)
    assert paths(p) == {
        1: "/ha-giang",
        3: "/ha-giang/na-khuong",
        4: "/ha-giang/na-khuong/ban-rua",
        5: "/ha-giang/xuan-minh",
        6: "/ha-giang/xuan-minh/ban-rua",
        7: "/tuyen-quang",
    }
    tree = p.tree()
    for old, id in (("/ha-giang/quang-binh", 1), ("/ha-giang/quang-binh/xuan-minh/ban-rua", 6)):
        found = tree.find(old)
        assert found is not None
        assert found.id == id


def test_the_top_is_no_level_that_can_be_abolished():
    with pytest.raises(ReorganiseError, match=r"area\.level_top"):
        plan().remove_level(1)


def test_a_child_may_have_the_name_of_the_level_that_goes():
    same = AreaTree(
        [
            Area("/a", "A", id=1),
            Area("/a/b", "B", id=2),
            Area("/a/b/b", "B", id=3),
            Area("/a/b/b/b", "B", id=4),
            Area("/a/b/b/c", "C", id=5),
            Area("/a/b/c", "C", id=6),
            Area("/a/c", "C", id=7),
        ]
    )
    p = Reorganisation(same)
    p.remove_level(2)
    assert paths(p) == {1: "/a", 3: "/a/b", 4: "/a/b/b", 5: "/a/b/c", 6: "/a/c-2", 7: "/a/c"}


def test_only_what_has_nothing_below_it_is_removed_unless_all_is_meant():
    with pytest.raises(ReorganiseError, match=r"area\.not_empty") as refused:
        plan().remove(3)
    assert [a.id for a in refused.value.others] == [4]
    p = plan()
    p.remove(2, subtree=True)
    assert set(paths(p)) == {1, 7}
    assert p.tree().find("/cu") is None
    p.remove(7)
    with pytest.raises(ReorganiseError, match=r"area\.last"):
        p.remove(1)


def test_new_areas_are_numbered_where_the_word_is_taken_and_refused_where_it_was_chosen():
    p = plan()
    assert p.area(p.create("XUÂN MINH", 2)).path == "/ha-giang/quang-binh/xuan-minh-2"
    assert p.area(p.create("Live", None)).path == "/live-2"
    with pytest.raises(ReorganiseError, match=r"area\.path_taken") as refused:
        plan().create("Khác", 2, word="xuan-minh")
    assert [a.id for a in refused.value.others] == [5]
    with pytest.raises(WordRefused, match=r"area\.word_reserved"):
        plan().create("API", None, word="api")
    with pytest.raises(WordRefused, match=r"area\.word_none"):
        plan().create("★", 2)


def test_a_new_area_takes_a_path_that_another_had_before():
    p = plan()
    p.rename(5, "Khác")
    p = Reorganisation(p.tree())
    new = p.create("Xuân Minh", 2)
    found = p.tree().find("/ha-giang/quang-binh/xuan-minh")
    assert found is not None
    assert found.id == new
    assert p.area(5).aliases == ()
    # It goes away: the path finds it no more, and nobody else.
    p.rename(new, "Nữa")
    assert p.area(new).aliases == ("/ha-giang/quang-binh/xuan-minh",)


def test_codes_are_of_one_area_each():
    with pytest.raises(ReorganiseError, match=r"area\.code_taken"):
        plan().set_codes({5: "034"})
    p = plan()
    p.set_codes({2: "01015", 3: "034"})
    assert (p.area(2).code, p.area(3).code) == ("01015", "034")
    assert kinds(p) == {2: ("code",), 3: ("code",)}


def test_siblings_stay_in_the_order_they_are_put_in():
    p = plan()
    p.order(2, [5, 3])
    assert [a.id for a in p.tree()] == [1, 2, 5, 6, 3, 4, 7]
    last = p.create("A", 2)
    assert [a.id for a in p.tree()][-2:] == [last, 7]
    with pytest.raises(ReorganiseError, match=r"area\.order_incomplete"):
        plan().order(2, [5])


def test_two_may_swap_their_places_at_once():
    p = plan()
    p.arrange({3: p.place(2, "x", "xuan-minh"), 5: p.place(2, "x", "na-khuong")})
    assert paths(p)[4] == "/ha-giang/quang-binh/xuan-minh/ban-rua"
    assert paths(p)[6] == "/ha-giang/quang-binh/na-khuong/ban-rua"
    assert not any(p.area(id).aliases for id in (4, 5, 6))


def test_a_path_that_grows_too_long_is_refused():
    p = plan()
    at = 4
    for _ in range(5):
        at = p.create("x" * 90, at)
    with pytest.raises(ReorganiseError, match=r"area\.path_too_long"):
        p.create("x" * 90, at)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "x" * 101, "a\u202eb", "\ud800"])
def test_names_that_nobody_could_read_are_refused(name: str):
    with pytest.raises(WordRefused):
        clean_name(name)


def test_names_and_codes_are_kept_in_one_form():
    assert clean_name("  Ha\u0300 Giang ") == "Hà Giang"
    assert clean_code(" 01015 ") == "01015"
    for code in ("=1", "a b", "1" * 21):
        with pytest.raises(WordRefused):
            clean_code(code)
    assert len(word_of("x" * 100)) == 80


NAMES = st.sampled_from(["An", "Bình", "Cao", "An Bình", "Đồng", "api", "Live"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["create", "rename", "keep", "move", "merge", "remove", "level", "code", "order"]
        ),
        st.integers(0, 50),
        st.integers(0, 50),
        NAMES,
    ),
    max_size=30,
)


def step(p: Reorganisation, what: str, one: Area, other: Area | None, name: str) -> None:
    id, parent = one.id, None if other is None else other.id
    match what:
        case "create":
            p.create(name, parent)
        case "rename":
            p.rename(id, name)
        case "keep":
            p.rename(id, name, keep_path=True)
        case "move":
            p.move(id, parent)
        case "merge":
            p.merge(id, parent or id)
        case "remove":
            p.remove(id, subtree=name == "An")
        case "level":
            p.remove_level(id)
        case "code":
            p.set_codes({id: name.encode("ascii", "ignore").decode().replace(" ", "")})
        case "order":
            siblings = [a.id for a in p.tree() if a.parent == one.path]
            p.order(id, siblings[::-1])


def stored(tree: AreaTree, changes: list[Change]) -> AreaTree:
    """Apply changes as the store does: each by what it says, new areas with new ids."""
    areas = {area.id: area for area in tree}
    for change in changes:
        areas.pop(change.id, None)
        if change.after is not None:
            areas[change.id] = change.after
    return AreaTree(areas.values())


@settings(deadline=None, derandomize=True, max_examples=300)
@given(STEPS)
def test_whatever_is_done_the_tree_stays_a_tree_and_no_path_is_lost(steps):
    tree = sample()
    # Who a path has to find: the last who had it.
    owners = {path: area.id for area in tree for path in (*area.aliases, area.path)}
    next_id = 100
    for what, first, second, name in steps:
        areas = list(tree)
        one = areas[first % len(areas)]
        other = [None, *areas][second % (len(areas) + 1)]
        p = Reorganisation(tree)
        try:
            step(p, what, one, other, name)
        except ReorganiseError:
            continue
        new, changes = p.tree(), p.changes()
        assert {a.id: a for a in stored(tree, changes)} == {a.id: a for a in new}
        assert all(c.before != c.after for c in changes)

        heirs = {c.id: c.successor for c in changes if c.after is None}
        if what == "level":
            heirs[one.id] = next(a.id for a in tree if a.path == one.parent)
        ids = {a.id for a in tree}
        assert {a.id for a in new if a.id > 0} == ids - heirs.keys()
        for path, owner in list(owners.items()):
            if owner in heirs:
                heir = heirs[owner]
                if heir is None:
                    del owners[path]
                else:
                    owners[path] = heir
        for area in new:
            owners[area.path] = area.id
        for path, owner in owners.items():
            found = new.find(path)
            assert found is not None, path
            assert found.id == owner, path
        aliases = [alias for area in new for alias in area.aliases]
        assert len(aliases) == len(set(aliases))
        assert not set(aliases) & {area.path for area in new}
        codes = [area.code for area in new if area.code]
        assert len(codes) == len(set(codes))
        renumbered = {}
        for area in new:
            if area.id < 0:
                renumbered[area.id] = next_id
                next_id += 1
        tree = AreaTree(
            Area(
                a.path, a.name, a.station, a.aliases, renumbered.get(a.id, a.id), a.code, a.rank
            )
            for a in new
        )  # fmt: skip
        owners = {path: renumbered.get(owner, owner) for path, owner in owners.items()}
