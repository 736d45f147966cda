"""Slots: at their time of day whatever clocks do, and never two at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.limits import Limits, open_spans, usable
from loa.streamer.core.localtime import local_day, unix_at
from loa.streamer.core.planner import Item, Window, plan
from loa.streamer.core.policy import Hours
from loa.streamer.core.slots import AHEAD_DAYS, Overlap, Slot, local_text, moment, overlap

ZONES = ("Asia/Ho_Chi_Minh", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
BERLIN = "Europe/Berlin"


def day(iso: str) -> int:
    return date.fromisoformat(iso).toordinal()


def local(unix: float, zone: str) -> str:
    return datetime.fromtimestamp(unix, ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


@settings(deadline=None, derandomize=True, max_examples=150)
@given(st.sampled_from(ZONES), st.dates(date(2000, 1, 1), date(2035, 12, 31)), st.integers(0, 1440))
def test_local_times_are_what_the_time_zone_says(zone: str, at: date, minute: int) -> None:
    unix = unix_at(zone, at.toordinal(), minute)
    wall = datetime.fromordinal(at.toordinal() + minute // 1440)
    expected = wall.replace(
        hour=minute % 1440 // 60, minute=minute % 60, tzinfo=ZoneInfo(zone)
    ).timestamp()
    assert unix == expected
    assert local_day(zone, unix) == datetime.fromtimestamp(unix, ZoneInfo(zone)).toordinal()


def test_a_slot_stays_at_its_time_of_day_when_clocks_change() -> None:
    slot = Slot(1, day("2026-03-01"), 5 * 60, 45, "FREQ=DAILY")
    found = [w.start for w in slot.windows(BERLIN, day("2026-03-28"), day("2026-03-31"))]
    assert [local(s, BERLIN)[-5:] for s in found] == ["05:00"] * 3
    assert [b - a for a, b in pairwise(found)] == [23 * 3600, 24 * 3600]
    # What is left out when clocks go forward takes place as much later; its length stays.
    night = Slot(1, day("2026-03-01"), 150, 45, "FREQ=DAILY")
    (window,) = night.windows(BERLIN, day("2026-03-29"), day("2026-03-30"))
    assert local(window.start, BERLIN) == "2026-03-29T03:30"
    assert window.end - window.start == 45 * 60
    # What comes twice when they go back takes place once.
    (window,) = night.windows(BERLIN, day("2026-10-25"), day("2026-10-26"))
    assert datetime.fromtimestamp(window.start, UTC).strftime("%H:%M") == "00:30"


def test_windows_that_a_change_of_clocks_pushes_together_do_not_overlap() -> None:
    slots = (Slot(1, 1, 90, 60, "FREQ=DAILY"), Slot(2, 1, 180, 30, "FREQ=DAILY"))
    windows = [w for s in slots for w in s.windows(BERLIN, day("2026-03-29"), day("2026-03-30"))]
    # 01:30 to 02:30 ends at 03:30 on this day, but the next one begins at 03:00.
    first, second = usable(windows, Limits(), BERLIN)
    assert first.end == second.start
    done = plan(windows, [Item(n, n, "", 15 * 3000) for n in range(5)], windows[0].start, BERLIN)
    ends = [p.end for p in done.planned]
    assert all(p.start >= end for p, end in zip(done.planned[1:], ends, strict=False))


def test_exceptions_and_days_off() -> None:
    slot = Slot(
        1, 1, 300, 45, "FREQ=DAILY", exceptions=frozenset({day("2026-09-23")}), on_holidays=False
    )
    off = {day("2026-09-22")}
    assert list(slot.days(day("2026-09-21"), day("2026-09-25"), off)) == [
        day("2026-09-21"), day("2026-09-24"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "first", ["", "2026-01-05", "2026-02-30T05:00", "1999-01-01T05:00", "x" * 99]
)
def test_moments_that_are_none(first: str) -> None:
    with pytest.raises(ValueError):
        moment(first)


def test_moments() -> None:
    assert local_text(*moment("2026-01-05T05:07")) == "2026-01-05T05:07"
    assert local_text(day("2026-01-05"), 1450) == "2026-01-06T00:10"


rules = st.sampled_from(
    ("", "FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=MO,TH",
     "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY;COUNT=9",
     "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29")
)  # fmt: skip
TODAY = day("2026-09-21")
slots = st.builds(
    Slot, st.just(1), st.integers(TODAY - 60, TODAY + 60), st.integers(0, 1439),
    st.sampled_from((1, 30, 45, 400, 1440)), rules,
    exceptions=st.frozensets(st.integers(TODAY, TODAY + 40), max_size=3),
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=150)
@given(slots, slots)
def test_two_slots_collide_exactly_when_one_minute_is_in_both(one: Slot, two: Slot) -> None:
    def spans(slot: Slot) -> list[tuple[int, int]]:
        found = slot.days(TODAY - 1, TODAY + AHEAD_DAYS)
        return [(d * 1440 + slot.minute, d * 1440 + slot.minute + slot.minutes) for d in found]

    theirs = spans(two)
    both = [
        max(a, c)
        for a, b in spans(one)
        for c, d in theirs
        if a < d and c < b and max(a, c) >= TODAY * 1440
    ]
    found = overlap(one, two, TODAY)
    if not both:
        assert found is None
    else:
        assert found == Overlap(1, min(both) // 1440, min(both) % 1440)


def test_hours_that_touch_at_midnight_are_one() -> None:
    hours = (Hours((0, 1, 2, 3, 4, 5, 6), 0, 1440),)
    start, end = unix_at("UTC", TODAY, 0), unix_at("UTC", TODAY + 3, 0)
    assert open_spans(hours, "UTC", start, end) == [(start, end)]
    night = Window(1, start + 86_000, start + 87_000)
    assert usable([night], Limits(hours), "UTC") == [night]


def test_hours_cut_a_window_into_what_they_allow() -> None:
    hours = (Hours((0,), 300, 360), Hours((0,), 420, 480))
    start = unix_at("UTC", TODAY, 0)  # a Monday
    window = Window(1, start + 330 * 60, start + 450 * 60)
    assert [(w.start - start, w.end - start) for w in usable([window], Limits(hours), "UTC")] == [
        (330 * 60, 360 * 60), (420 * 60, 450 * 60),
    ]  # fmt: skip
    tuesday = Window(1, window.start + 86_400, window.end + 86_400)
    assert usable([tuesday], Limits(hours), "UTC") == []


def test_five_o_clock_in_two_thousand_communes() -> None:
    slot = Slot(1, TODAY - 100, 300, 45, "FREQ=DAILY")
    zone = "Asia/Ho_Chi_Minh"
    now = unix_at(zone, TODAY, 299)
    five = float(unix_at(zone, TODAY, 300))
    for commune in range(2000):
        windows = list(slot.windows(zone, TODAY - 1, TODAY + 1))
        items = [Item(commune * 10 + n, n, "", 3000 * (5 + n)) for n in range(3)]
        done = plan(windows, items, now, zone)
        assert [p.start for p in done.planned] == [five, five + 300, five + 660]
