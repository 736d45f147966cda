"""What is wrong with a receiver, by its values and its area's limits."""

from __future__ import annotations

import pytest

from loa.codecs.control.vitals import vital
from loa.streamer.core.condition import SETTABLE, TROUBLES, Limits, summary, troubles

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("values", "before", "limits", "expected"),
    [
        ({}, NONE, (), set()),
        ({"temperature_c": 79.9, "mains": 1}, NONE, (), set()),
        ({"temperature_c": 80, "mains": 0}, NONE, (), {"heat", "power"}),
        ({"temperature_c": 75}, {"heat"}, (), {"heat"}),  # not yet cool again
        ({"temperature_c": 72}, {"heat"}, (), set()),
        ({}, {"heat"}, (), {"heat"}),  # not told: as it was
        ({"temperature_c": 71}, NONE, (("heat", 70.0),), {"heat"}),
        ({"temperature_c": 61}, {"heat"}, (("heat", 70.0),), set()),
        ({"signal_percent": 5}, NONE, (("signal", -1.0),), set()),  # in a valley: never
        ({"mains": 1}, NONE, (("power", 5.0),), set()),  # not to be set
    ],
)
def test_troubles(
    values: dict[str, float], before: frozenset[str], limits: Limits, expected: set[str]
) -> None:
    assert troubles(values, frozenset(before), limits) == expected


def test_every_trouble_is_about_a_value_that_can_be_told() -> None:
    assert TROUBLES.keys() >= SETTABLE
    for threshold in TROUBLES.values():
        vital(threshold.name)


def test_an_hour_in_short() -> None:
    assert summary([3, 3, 3]) == 3
    assert summary([1, 2, 6]) == [1, 3.0, 6]
