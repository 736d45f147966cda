"""What receivers heard against what they should have, by spans and tick by tick."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.fleet.judge import (
    Absence,
    Due,
    Leniency,
    Run,
    behind,
    judge,
    length,
    overlap,
    to_come,
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


def test_a_box_that_is_late_by_its_outage_has_the_rest_to_come() -> None:
    # 2,000 ticks without a line, and it goes on where it was; the fleet ends at 8000.
    one, two = Due(3000, 7000, "bulletin", 0, "n1"), Due(7000, 7850, "bulletin", 1, "n2")
    runs = [Run(3000, 4000, "n1", 0.7), Run(4000, 5950, "n1", 41.0)]
    away = Absence(4000, 6000, dead=False)

    def judged(runs: list[Run], gone: list[Absence], until: int = 8000) -> tuple[int, int, int]:
        coming = to_come(runs, gone, until)
        verdict = judge([one, two], runs, gone, coming=coming)
        assert verdict.due == sum((verdict.heard, verdict.to_come, verdict.missed))
        return verdict.heard, verdict.to_come, verdict.missed

    assert judged(runs, [away]) == (2950, 1900, 0)
    # Nothing made it so late, or not that late: that is a fault.
    assert judged(runs, []) == (2950, 0, 1900)
    short = Absence(4000, 4500, dead=False)
    allowed = 150 + 500 + 3 * 50 + 8 * 50
    assert judged(runs, [short]) == (2950, allowed - 150, 1900 - allowed + 150)
    # A hole in what it heard is one; and nothing comes from a box that fell silent.
    assert judged([runs[0], Run(4100, 5950, "n1", 41.0)], [away]) == (2850, 1900, 100)
    assert judged([runs[0], Run(4000, 5650, "n1", 41.0)], [away]) == (2650, 0, 2200)
    # In an outage it is silent, and goes on after it; without power it is not.
    now = Absence(4000, 5400, dead=False)
    assert judged(runs[:1], [now], 5400) == (1000, 1400, 3850 - 1400)
    dead = [Absence(4000, 5400, dead=True)]
    assert to_come(runs[:1], dead, 5400) == (0, 0)


def test_late_first_sounds_are_told_apart_by_what_made_them_late() -> None:
    away = Absence(4000, 6000, dead=False)
    two = Due(6500, 7000, "bulletin", 0, "n2")
    runs = [Run(6500, 7000, "n2", 41.0)]
    assert judge([two], runs, [away]).held_late == [41.0]
    assert judge([two], runs, []).first_late == [41.0]
    assert judge([two], [Run(6500, 7000, "n2", 60.0)], [away]).first_late == [60.0]
    assert judge([two], [Run(6500, 7000, "n2", 0.8)], [away]).first_late == [0.8]
    # Before its first session a box is as late as that took, and no more.
    begins = Absence(6300, 6800, dead=False, begins=True)
    assert judge([two], [Run(6500, 7000, "n2", 12.0)], [begins]).held_late == [12.0]
    assert judge([two], [Run(6500, 7000, "n2", 14.0)], [begins]).first_late == [14.0]
    assert judge([two], [], [begins]).missed == 500


def test_a_live_that_begins_while_a_late_bulletin_is_on_is_excused_for_so_long() -> None:
    away = Absence(4000, 6000, dead=False)
    news, live = Due(3000, 7000, "bulletin", 0, "n1"), Due(7000, 12_000, "live", 0, "l1")
    runs = [Run(4000, 7000, "n1", 41.0), Run(9060, 12_000, "l1", 0.7)]
    busy = behind(runs, [away])
    verdict = judge([news, live], runs, [away], busy=busy)
    assert (verdict.missed, verdict.excused) == (1000, 2060)
    # An emergency waits for none of it, and who is late without a reason is not excused.
    fire = Due(7000, 12_000, "bulletin", 2, "l1")
    assert judge([news, fire], runs, [away], busy=busy).missed == 1000 + 2060
    assert behind(runs, []) == []


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
