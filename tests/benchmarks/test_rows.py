"""Judging rows: bounds, slack, tries, percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.rows import (
    Missing,
    Row,
    Section,
    attempt,
    bound_words,
    merge,
    percentile,
    ratio,
    skipped,
    words,
)


def test_a_bound_is_reached_but_not_passed() -> None:
    assert not Row("a", 1.15, bound=1.15).missed
    assert Row("a", 1.16, bound=1.15).missed_by == pytest.approx(0.01)
    assert not Row("a", 0.45, bound=0.45, at_least=True).missed
    assert Row("a", 0.40, bound=0.45, at_least=True).missed_by == pytest.approx(0.05)


def test_slack_is_beyond_the_bound_on_the_wrong_side() -> None:
    assert not Row("a", 23, "ms", 20, slack=3).missed
    assert Row("a", 23.5, "ms", 20, slack=3).missed_by == pytest.approx(0.5)
    assert not Row("a", 17, "s", 20, at_least=True, slack=3).missed


def test_a_row_without_value_or_bound_is_never_missed_and_nan_always() -> None:
    assert not Row("a", None, bound=1).missed
    assert not Row("a", 5.0).missed
    assert Row("a", math.nan, bound=1).missed


def test_percentile_is_the_nearest_rank() -> None:
    values = list(range(1, 101))
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1) == 100
    assert percentile([7.0], 0.99) == 7.0
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_and_enough_lie_below(
    values: list[float], part: float
) -> None:
    found = percentile(values, part)
    assert found in values
    assert sum(value <= found for value in values) >= part * len(values) - 1e-9


def test_a_ratio_is_of_medians_so_one_bad_turn_does_not_matter() -> None:
    assert ratio([2, 2, 2, 2, 90], [1, 1, 1, 1, 1]) == 2


def run_section(*tries: Sequence[Row] | Exception) -> tuple[object, int]:
    waiting = list(tries)
    said: list[str] = []

    def run(quick: bool) -> Sequence[Row]:
        found = waiting.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    outcome = attempt(Section("s", run), False, said.append)
    return outcome, len(tries) - len(waiting)


def test_a_row_is_missed_only_when_missed_in_every_try() -> None:
    miss, hold = Row("a", 2, bound=1), Row("a", 1, bound=1)
    outcome, used = run_section([miss], [hold], [hold])
    assert used == 2
    assert not outcome.missed  # type: ignore[attr-defined]
    outcome, used = run_section([miss], [Row("a", 1.5, bound=1)], [miss])
    assert used == 3
    assert outcome.missed  # type: ignore[attr-defined]
    assert outcome.verdicts[0].row.value == 1.5  # type: ignore[attr-defined]


def test_rows_may_hold_in_different_tries() -> None:
    verdicts = merge(
        [
            [Row("a", 1, bound=1), Row("b", 3, bound=1), Row("c", 9.0)],
            [Row("a", 5, bound=1), Row("b", 1, bound=1), Row("c", 8.0)],
        ]
    )
    assert [(v.row.what, v.row.value, v.tries, v.state) for v in verdicts] == [
        ("a", 1, 1, "held"),
        ("b", 1, 2, "held"),
        ("c", 9.0, 1, "shown"),
    ]


def test_a_section_that_breaks_is_missed_unless_it_works_in_another_try() -> None:
    broken = RuntimeError("no")
    outcome, used = run_section(broken, [Row("a", 1, bound=1)])
    assert used == 2 and not outcome.missed  # type: ignore[attr-defined]
    outcome, used = run_section(broken, broken, broken)
    assert used == 3 and outcome.missed  # type: ignore[attr-defined]
    assert "no" in outcome.failed  # type: ignore[attr-defined]


def test_what_is_not_installed_is_skipped_with_a_word() -> None:
    outcome, used = run_section(Missing("icecast2 is not installed"))
    assert used == 1 and not outcome.missed  # type: ignore[attr-defined]
    assert outcome.skipped == "icecast2 is not installed"  # type: ignore[attr-defined]
    row = skipped("ours ÷ Icecast", "not installed", Row("", 0, "", 0.95))
    assert (row.value, row.bound, row.note, row.missed) == (None, 0.95, "not installed", False)


def test_a_miss_says_by_how_much() -> None:
    row = Row("p99", 26.0, "ms", 20, slack=1.5)
    assert words(row) == "26 ms, must be ≤ 20 ms (+1.50): by 4.50 ms, 22 %"
    assert bound_words(Row("a", 1, bound=0.45, at_least=True)) == "≥ 0.45"
