from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.rights import (
    Grant,
    Permission,
    Rights,
    Role,
    SourceToken,
    SourceTokens,
    digest,
)
from support.desk import SAMPLE


def test_a_token_covers_its_area_and_what_is_below_and_nothing_beside():
    token = SourceToken(digest("s"), "/ha-giang")
    assert token.covers(Area("/ha-giang", ""))
    assert token.covers(Area("/ha-giang/quang-binh", ""))
    assert not token.covers(Area("/ha-giang-2", ""))
    assert not token.covers(Area("/ha", ""))


def test_a_token_for_everything():
    assert SourceToken(digest("s"), "/").covers(Area("/any/where", ""))


def test_only_the_right_secret_is_known():
    first, second = SourceToken(digest("one"), "/a"), SourceToken(digest("two"), "/b")
    third = SourceToken(digest("one"), "/c")
    tokens = SourceTokens([first, second, third])
    assert tokens.known("one") == [first, third]
    assert tokens.known("two") == [second]
    assert tokens.known("") == tokens.known("ONE") == []


ROLES = st.sampled_from(list(Role))
IDS = st.integers(1, len(SAMPLE) + 2)
"""Some of them are of no area."""


@given(
    grants=st.lists(st.builds(Grant, IDS, ROLES), max_size=4),
    scopes=st.sets(st.sampled_from(list(Permission))),
    within=st.none() | IDS,
    permission=st.sampled_from(list(Permission)),
)
@settings(deadline=None, derandomize=True)
def test_the_areas_of_a_right_are_those_on_which_it_is_given(
    grants: list[Grant], scopes: set[Permission], within: int | None, permission: Permission
) -> None:
    tree = AreaTree(
        Area(path, name, station, id=id) for id, (path, name, station) in enumerate(SAMPLE, 1)
    )
    rights = Rights(tuple(grants), frozenset(scopes), within)
    given_on = [area for area in tree if rights.allow(permission, area, tree)]
    assert rights.areas(permission, tree) == given_on
    assert rights.anywhere(permission, tree) is bool(given_on)
