from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.rights import (
    Grant,
    Permission,
    Rights,
    Role,
)
from support.desk import SAMPLE

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
