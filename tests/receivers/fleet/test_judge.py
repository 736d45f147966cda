"""What receivers heard against what they should have, by spans and tick by tick."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.fleet.judge import (
    Absence,
    Due,
    Leniency,
    Run,
    judge,
    length,
    overlap,
    union,
    without,
)

NEWS = Due(1000, 2000, "bulletin", 0, "n1")
LIVE = Due(3000, 9000, "live", 0, "l1")
FIRE = Due(9000, 9500, "bulletin", 2, "e1")


def test_who_heard_all_missed_nothing() -> None:
    runs = [Run(1000, 2000, "n1", 0.8, True), Run(3000, 9000, "l1", 0.7, made_up=3)]
    verdict = judge([NEWS, LIVE], runs, [])
    assert (verdict.due, verdict.heard, verdict.cached, verdict.made_up) == (7000, 7000, 1000, 3)
    assert (verdict.missed, verdict.wrong, verdict.twice) == (0, 0, 0)
    assert verdict.first_late == [0.8, 0.7]


def test_what_was_not_carried_is_wrong_and_what_sounds_again_is_twice() -> None:
    assert judge([NEWS], [Run(900, 1100, "n1")], []).wrong == 100
    other = judge([NEWS], [Run(1000, 1100, "l1")], [])
    assert (other.wrong, other.missed) == (100, 1000)
    again = judge([NEWS], [Run(1000, 2000, "n1"), Run(1900, 1950, "n1")], [])
    assert (again.twice, again.wrong, again.missed) == (50, 0, 0)


def test_an_outage_excuses_a_live_but_no_bulletin_that_could_be_sent_again() -> None:
    gone = Absence(4000, 6000, dead=False)
    runs = [Run(3000, 4000, "l1"), Run(6200, 9000, "l1")]
    live = judge([LIVE], runs, [gone])
    assert (live.missed, live.excused) == (0, 2200)
    bulletin = Due(3000, 9000, "bulletin", 0, "l1")
    assert judge([bulletin], runs, [gone]).missed == 2200
    assert judge([bulletin], runs, [Absence(4000, 6000, dead=True)]).missed == 0
    long = Leniency(bulletin_outage=1000)
    assert judge([bulletin], runs, [gone], long).missed == 0
    # An emergency goes at once, with gaps, also when it was recorded.
    assert judge([FIRE], [Run(9200, 9500, "e1")], [Absence(8900, 9100, dead=False)]).missed == 0
    assert judge([FIRE], [], []).missed == 500


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


@settings(deadline=None, derandomize=True)
@given(spans, spans)
def test_spans_are_sets_of_ticks(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def ticks(given: list[tuple[int, int]]) -> set[int]:
        return {tick for first, end in given for tick in range(first, end)}

    a, b = union(one), union(other)
    assert ticks(a) == ticks(one) and length(a) == len(ticks(one))
    assert ticks(overlap(a, b)) == ticks(a) & ticks(b)
    assert ticks(without(a, b)) == ticks(a) - ticks(b)
    assert length(without(a, b)) == len(ticks(a) - ticks(b))


runs_ = st.lists(
    st.builds(
        lambda first, size, play: Run(first, first + size, play),
        st.integers(0, 80), st.integers(1, 30), st.sampled_from(["a", "b"]),
    ),
    max_size=8,
)  # fmt: skip


@settings(deadline=None, derandomize=True)
@given(runs_, st.lists(st.tuples(st.integers(1, 20), st.sampled_from("ab")), max_size=4), spans)
def test_every_tick_is_counted_once(
    runs: list[Run], carried: list[tuple[int, str]], gone: list[tuple[int, int]]
) -> None:
    due, at = [], 5
    for size, play in carried:
        due.append(Due(at, at + size, "live", 0, play))
        at += size + 3
    absences = [Absence(first, end, False) for first, end in gone if end > first]
    verdict = judge(due, runs, absences, Leniency(before=2, after=3))
    assert verdict.due == verdict.heard + verdict.missed + verdict.excused
    played = [(tick, run.play) for run in runs for tick in range(run.first, run.end)]
    ticks = {tick for tick, _ in played}
    assert verdict.twice == len(played) - len(ticks)
    should = {tick: d.play for d in due for tick in range(d.first, d.end)}
    right = {tick for tick, play in played if should.get(tick) == play}
    assert verdict.heard == len(right) and verdict.wrong == len(ticks) - len(right)
