import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.areas import Area, AreaDraft, AreaError, AreaTree, place, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Hà Giang", "ha-giang"),
        ("Nà Khương", "na-khuong"),
        ("Đồng Văn", "dong-van"),
        ("Đắk Lắk", "dak-lak"),
        ("Xã  Quảng   Ngần ", "xa-quang-ngan"),
        ("Thôn 3 (mới)", "thon-3-moi"),
        ("Ha\u0300 Giang", "ha-giang"),  # decomposed
        ("★", ""),
    ],
)
def test_slugs_of_vietnamese_names(name: str, expected: str):
    assert slug(name) == expected


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=50))
def test_a_slug_can_always_stand_in_a_path(name: str):
    word = slug(name)
    assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in word)
    assert not word.startswith("-")
    assert not word.endswith("-")
    assert slug(word) == word


def tree() -> AreaTree:
    return AreaTree(
        [
            Area("/a/b/c", "C", aliases=("/old/c",)),
            Area("/a", "A"),
            Area("/a/b", "B", station=True),
            Area("/d", "D", aliases=("/a/b",)),
        ]
    )


def test_parents_come_before_children_and_order_is_kept():
    assert [area.path for area in tree()] == ["/a", "/a/b", "/a/b/c", "/d"]


def test_find_by_path_slash_and_alias():
    areas = tree()
    assert areas.find("/a/b/c/") == areas.find("/a/b/c") == areas.find("/old/c")
    assert areas.find("/nowhere") is None


def test_a_new_area_takes_its_path_from_an_old_alias():
    found = tree().find("/a/b")
    assert found is not None
    assert found.name == "B"


def test_lineage_and_below():
    areas = tree()
    leaf = areas.find("/a/b/c")
    top = areas.find("/a")
    assert leaf is not None
    assert top is not None
    assert [a.path for a in areas.lineage(leaf)] == ["/a/b/c", "/a/b", "/a"]
    assert [a.path for a in areas.below(top)] == ["/a", "/a/b", "/a/b/c"]


@pytest.mark.parametrize(
    ("areas", "word"),
    [
        ([Area("/a", "A"), Area("/a", "B")], "two areas"),
        ([Area("/a/b", "B")], "no area /a"),
        ([Area("/api", "A")], "address of the server"),
        ([Area("/admin", "A")], "address of the server"),
    ],
)
def test_what_cannot_be_a_tree_is_named(areas: list[Area], word: str):
    with pytest.raises(AreaError, match=word):
        AreaTree(areas)


def test_places_from_names_are_numbered_where_they_collide():
    areas = place(
        [
            AreaDraft("Hà Giang"),
            AreaDraft("Xuân Minh", parent="/ha-giang"),
            AreaDraft("Xuân Mình", parent="/ha-giang"),
            AreaDraft("Api"),
        ]
    )
    assert [a.path for a in areas] == [
        "/ha-giang",
        "/ha-giang/xuan-minh",
        "/ha-giang/xuan-minh-2",
        "/api-2",
    ]


def test_a_name_without_letters_needs_a_path():
    with pytest.raises(AreaError, match="give a path"):
        place([AreaDraft("★")])
