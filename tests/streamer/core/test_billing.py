"""Cycles, quotas, forecasts, money, and counters that are counted once."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.billing import (
    MB,
    Cycle,
    CycleRule,
    ModemCounters,
    Tariff,
    cached_only,
    cost,
    day_of,
    grown,
    overhead,
    passed,
    plausible,
    spread,
    standing,
    warnings,
)

ZONE = "Asia/Ho_Chi_Minh"
D = date.fromisoformat


@pytest.mark.parametrize(
    ("rule", "day", "first", "last"),
    [
        (CycleRule(), "2026-09-21", "2026-09-01", "2026-09-30"),
        (CycleRule(day=15), "2026-09-14", "2026-08-15", "2026-09-14"),
        (CycleRule(day=15), "2026-09-15", "2026-09-15", "2026-10-14"),
        (CycleRule(day=31), "2026-02-27", "2026-01-31", "2026-02-27"),
        (CycleRule(day=31), "2026-02-28", "2026-02-28", "2026-03-30"),
        (CycleRule(day=1), "2026-12-31", "2026-12-01", "2026-12-31"),
        (CycleRule(day=5), "2027-01-01", "2026-12-05", "2027-01-04"),
        (CycleRule(days=30, start=D("2026-09-10")), "2026-10-09", "2026-09-10", "2026-10-09"),
        (CycleRule(days=30, start=D("2026-09-10")), "2026-10-10", "2026-10-10", "2026-11-08"),
        (CycleRule(days=30, start=D("2026-09-10")), "2026-09-09", "2026-08-11", "2026-09-09"),
    ],
)
def test_cycles(rule: CycleRule, day: str, first: str, last: str) -> None:
    assert rule.at(D(day)) == Cycle(D(first), D(last))


Rules = st.one_of(
    st.builds(CycleRule, day=st.integers(1, 31)),
    st.builds(
        CycleRule, days=st.integers(1, 400), start=st.dates(date(2020, 1, 1), date(2030, 1, 1))
    ),
)


@settings(deadline=None, derandomize=True)
@given(Rules, st.dates(date(2019, 1, 1), date(2035, 1, 1)))
def test_every_day_is_in_one_cycle_and_they_follow_each_other(rule: CycleRule, day: date) -> None:
    cycle = rule.at(day)
    assert cycle.first <= day <= cycle.last
    assert rule.at(cycle.first) == rule.at(cycle.last) == cycle
    assert rule.at(cycle.last + timedelta(days=1)).first == cycle.last + timedelta(days=1)
    begun = list(rule.beginning(day, day + timedelta(days=100)))
    assert all(day <= c.first <= day + timedelta(days=100) for c in begun)
    for a, b in itertools.pairwise(begun):
        assert b.first == a.last + timedelta(days=1)


def stands(share: float, *, recent: float = 0.0, quota: int | None = 1000 * MB) -> object:
    return standing(
        Cycle(D("2026-09-01"), D("2026-09-30")), ZONE, 1_790_000_000.0,
        used=round(share * 1000 * MB), quota=quota, recent=round(recent * 7 * MB), recent_days=7,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("share", "recent", "told", "expected"),
    [
        (0.5, 10, (), ()),
        (0.5, 60, (), ("ahead",)),  # 60 MB a day for 9 more days
        (0.5, 60, ("ahead",), ()),
        (0.8, 0, (), ("80",)),
        (0.8, 60, ("ahead",), ("80",)),
        (0.81, 0, ("80",), ()),
        (0.96, 60, (), ("95",)),  # not three messages at once
        (0.96, 60, ("95",), ()),  # those that were passed over are not told afterwards
        (1.2, 60, ("ahead", "80", "95"), ("used_up",)),
        (1.2, 60, ("used_up",), ()),
    ],
)
def test_warnings(
    share: float, recent: float, told: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert warnings(stands(share, recent=recent), told) == expected  # type: ignore[arg-type]


def test_without_a_quota_nothing_is_warned_of() -> None:
    found = stands(5.0, recent=99, quota=None)
    assert passed(found) == [] and not cached_only(found, False)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("share", "was", "now"),
    [(0.97, False, False), (0.98, False, True), (0.95, True, True), (0.89, True, False)],
)
def test_the_cache_only(share: float, was: bool, now: bool) -> None:
    assert cached_only(stands(share), was) is now  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tariff", "used", "price"),
    [
        (Tariff(4000 * MB, 70_000, 0), 9000 * MB, 70_000),
        (Tariff(1000 * MB, 70_000, 25), 1000 * MB, 70_000),
        (Tariff(1000 * MB, 70_000, 25), 1000 * MB + 1, 70_025),
        (Tariff(0, 0, 75), 10 * MB, 750),
        (Tariff(0, 0, 75), 0, 0),
    ],
)
def test_costs(tariff: Tariff, used: int, price: float) -> None:
    assert cost(tariff, used) == price


def counters(epoch: int, received: int, sent: int = 0, before: int = 0) -> ModemCounters:
    return ModemCounters(epoch, received, sent, before)


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, counters(1, 100, 20, 5000), (100, 20)),
        (counters(1, 100), counters(1, 150, 7), (50, 7)),
        (counters(1, 100), counters(1, 100), (0, 0)),
        (counters(1, 100), counters(1, 40), (0, 0)),  # went back
        (counters(1, 100, 20), counters(2, 30, 4, 120), (30, 4)),  # a reboot
        (counters(1, 100, 20), counters(2, 30, 4, 90), (30, 4)),  # … by a power cut
        (counters(1, 100, 20), counters(3, 30, 4, 620), (530, 4)),  # a run that told nothing
        (counters(1, 100, 20, 9000), counters(7, 30), (30, 0)),  # a new box
    ],
)
def test_counters_are_counted_once(
    last: ModemCounters | None, now: ModemCounters, expected: tuple[int, int]
) -> None:
    assert grown(last, now) == expected


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1000), st.booleans(), st.booleans())))
def test_a_box_that_loses_power_is_never_counted_twice(
    steps: list[tuple[int, int, bool, bool]],
) -> None:
    """The box uses data, reboots (losing what it had not written down), and tells now and then."""
    used = counted = lost = 0
    now, last = counters(0, 0), counters(0, 0)
    for reboots, amount, told, written in steps:
        for _ in range(reboots):
            kept = now.total if written else now.before
            lost += now.total - kept
            now = counters(now.epoch + 1, 0, 0, kept)
        now = counters(now.epoch, now.received + amount, 0, now.before)
        used += amount
        if told:
            counted += sum(grown(last, now))
            last = now
    assert counted <= used
    counted += sum(grown(last, now))
    assert used - lost <= counted <= used


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 10**12), st.floats(0, 100 * 86_400), st.floats(1.7e9, 1.9e9))
def test_what_is_spread_over_days_stays_the_same(amount: int, seconds: float, end: float) -> None:
    found = spread(amount, ZONE, end - seconds, end)
    assert sum(found.values()) == amount and min(found.values()) >= 0
    assert max(found) == day_of(ZONE, end) and len(found) <= 64


def test_spreading_goes_by_time() -> None:
    midnight = 1_790_010_000.0  # 2026-09-22 00:00 in Vietnam
    found = spread(1000, ZONE, midnight - 3 * 3600, midnight + 3600)
    assert found == {D("2026-09-21"): 750, D("2026-09-22"): 250}


def test_an_hour_of_live_speech_is_what_the_target_says() -> None:
    hour = 5 * 3600 * 630  # messages of 200 ms at 24 kb/s
    assert 12 * MB < hour + overhead(hour, 72 * 60, 0) < 14 * MB
    assert plausible(10**9, 0, 900) and not plausible(10**15, 0, 900)
