"""The planner: cases that people would ask about, and what always holds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.limits import Limits, open_spans, usable
from loa.streamer.core.localtime import local_day, unix_at
from loa.streamer.core.planner import Item, Plan, Planned, Reason, SlotContent, Unplaced, Window
from loa.streamer.core.planner import plan as plan_it
from loa.streamer.core.policy import Hours
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.slots import Slot

ZONE = "Asia/Ho_Chi_Minh"
TODAY = 739_522  # Friday 2025-09-26
MIDNIGHT = unix_at(ZONE, TODAY, 0)
MINUTE = 3000  # in ticks
DAY = 86_400


def at(day: int, hour: int, minute: int = 0) -> float:
    return float(MIDNIGHT + day * DAY + hour * 3600 + minute * 60)


def slots(*times: tuple[int, int], days: int = 7) -> list[Window]:
    """Windows at (hour, minutes) of every day from yesterday on."""
    return [
        window
        for n, (hour, minutes) in enumerate(times, 1)
        for window in Slot(n, 1, hour * 60, minutes, "FREQ=DAILY").windows(
            ZONE, TODAY - 1, TODAY + days
        )
    ]


def item(entry: int, minutes: float, **more: object) -> Item:
    return Item(entry, entry, f"{entry:064x}", round(minutes * MINUTE), order=entry, **more)  # type: ignore[arg-type]


def starts(plan: Plan, entry: int) -> list[float]:
    return [p.start for p in plan.planned if p.entry == entry]


NOW = at(0, 4)


def plan(
    windows: list[Window], items: list[Item], now: float = NOW, limits: Limits | None = None
) -> Plan:
    return plan_it(windows, items, now, ZONE, limits or Limits())


def test_packs_back_to_back_in_order() -> None:
    done = plan(slots((5, 45)), [item(2, 10), item(1, 20), item(3, 14)])
    assert [(p.entry, p.start) for p in done.planned] == [
        (1, at(0, 5)), (2, at(0, 5, 20)), (3, at(0, 5, 30)),
    ]  # fmt: skip
    assert done.unplaced == ()


def test_what_has_no_room_goes_to_the_next_day_and_short_ones_fill_up() -> None:
    done = plan(slots((5, 45)), [item(1, 30), item(2, 30), item(3, 15)])
    assert starts(done, 1) == [at(0, 5)]
    assert starts(done, 2) == [at(1, 5)]
    assert starts(done, 3) == [at(0, 5, 30)]


def test_three_times_a_day_for_a_week_is_once_in_each_of_three_slots() -> None:
    done = plan(slots((5, 45), (11, 45), (17, 45), days=8), [item(1, 5, per_day=3, days=7)])
    assert starts(done, 1) == [at(d, h) for d in range(7) for h in (5, 11, 17)]
    assert [p.number for p in done.planned] == list(range(21))
    assert done.unplaced == ()


def test_twice_a_day_is_spread_over_six_slots() -> None:
    hours = (5, 7, 11, 14, 17, 19)
    done = plan(slots(*((h, 30) for h in hours), days=1), [item(1, 5, per_day=2, days=0)])
    assert starts(done, 1) == [at(0, 5), at(0, 14)]


def test_three_times_in_one_slot_leaves_room_between_for_others() -> None:
    done = plan(slots((5, 45), days=1), [item(1, 5, per_day=3), item(2, 10), item(3, 20)])
    assert starts(done, 1) == [at(0, 5), at(0, 5, 15), at(0, 5, 30)]
    assert starts(done, 2) == [at(0, 5, 5)]
    assert done.unplaced == (Unplaced(3, 1, Reason.NO_ROOM),)


def test_what_begins_in_the_afternoon_is_not_crowded_into_the_evening() -> None:
    windows = slots((5, 45), (11, 45), (17, 45), days=3)
    done = plan(windows, [item(1, 5, per_day=3)], at(0, 12))
    assert starts(done, 1) == [at(0, 17), at(1, 5), at(1, 11)]


def test_not_before_and_expiry() -> None:
    windows = slots((5, 45))
    early = item(1, 10, not_before=at(0, 5, 30), expires=at(0, 5, 40))
    assert starts(plan(windows, [early]), 1) == [at(0, 5, 30)]
    late = item(1, 10, not_before=at(0, 5, 30), expires=at(0, 5, 39))
    assert plan(windows, [late]).unplaced == (Unplaced(1, 1, Reason.EXPIRED),)
    gone = item(1, 10, expires=at(0, 4))
    assert plan(windows, [gone]).unplaced == (Unplaced(1, 1, Reason.EXPIRED),)
    before = item(1, 10, expires=at(0, 4, 30))
    assert plan(windows, [before]).unplaced == (Unplaced(1, 1, Reason.NO_SLOT),)


def test_every_reason_is_told() -> None:
    windows = slots((5, 45), days=1)
    assert plan([], [item(1, 5)]).unplaced == (Unplaced(1, 1, Reason.NO_SLOT),)
    relay = [replace(w, content=SlotContent.RELAY) for w in windows]
    assert plan(relay, [item(1, 5)]).unplaced == (Unplaced(1, 1, Reason.NO_SLOT),)
    assert plan(windows, [item(1, 46)]).unplaced == (Unplaced(1, 1, Reason.TOO_LONG),)
    full = plan(windows, [item(1, 40), item(2, 10)])
    assert full.unplaced == (Unplaced(2, 1, Reason.NO_ROOM),)
    later = plan(windows, [item(1, 5, per_day=1, days=3)])
    assert later.unplaced == (Unplaced(1, 2, Reason.LATER),)
    short = plan(windows, [item(1, 20)], limits=Limits(session_minutes=15))
    assert short.unplaced == (Unplaced(1, 1, Reason.LIMIT),)
    outside = Limits((Hours((0, 1, 2, 3, 4, 5, 6), 6 * 60, 20 * 60),))
    assert plan(windows, [item(1, 20)], limits=outside).unplaced == (Unplaced(1, 1, Reason.LIMIT),)


def test_sessions_a_day_leave_later_slots_unused() -> None:
    windows = slots((5, 30), (11, 30), (17, 30), days=2)
    done = plan(windows, [item(1, 20), item(2, 20), item(3, 20)], limits=Limits((), 2, 0))
    assert starts(done, 3) == [at(1, 5)]
    # Two slots with a minute between them are one session.
    near = [*slots((5, 30), days=1), replace(slots((6, 10), days=1)[1], start=at(0, 5, 31))]
    assert len([w for w in usable(near, Limits((), 1, 0), ZONE) if w.start > NOW]) == 2


def test_priority_goes_at_once_and_then_before_what_is_routine() -> None:
    windows = slots((5, 45), (11, 45))
    urgent = item(9, 5, cls=BulletinClass.PRIORITY, per_day=2, days=2)
    done = plan(windows, [item(1, 10), urgent], at(0, 3))
    # Of a slot at five and one at eleven, today's second time takes the first that is still free.
    assert starts(done, 9) == [at(0, 3), at(0, 5), at(1, 5), at(1, 11)]
    assert starts(done, 1) == [at(0, 5, 5)]
    assert [p.slot for p in done.planned if p.entry == 9] == [0, 1, 1, 2]


def test_priority_waits_for_the_hours_and_for_what_is_sounding() -> None:
    hours = Limits((Hours((0, 1, 2, 3, 4, 5, 6), 5 * 60, 20 * 60),))
    urgent = item(9, 5, cls=BulletinClass.PRIORITY)
    assert starts(plan([], [urgent], at(0, 3), hours), 9) == [at(0, 5)]
    sounding = item(1, 10, started=at(0, 5))
    done = plan(slots((5, 45)), [sounding, urgent, item(2, 10)], at(0, 5, 3))
    assert starts(done, 1) == [at(0, 5)]
    assert starts(done, 9) == [at(0, 5, 10)]
    assert starts(done, 2) == [at(0, 5, 15)]


def test_villages_in_parallel() -> None:
    a, b = frozenset({1}), frozenset({2})
    done = plan(
        slots((5, 45)),
        [item(1, 10, targets=a), item(2, 20, targets=b), item(3, 10, targets=a), item(4, 5)],
    )
    assert starts(done, 1) == starts(done, 2) == [at(0, 5)]
    assert starts(done, 3) == [at(0, 5, 10)]
    assert starts(done, 4) == [at(0, 5, 20)]


def test_forty_five_bulletins_into_a_month_of_slots() -> None:
    windows = slots((5, 45), (17, 30), days=30)
    bulletins = [item(n, 3 + n % 9, per_day=1 + n % 2, days=1 + n % 5) for n in range(1, 46)]
    done = plan(windows, bulletins)
    assert done.unplaced == ()
    for one in bulletins:
        assert len(starts(done, one.entry)) == one.per_day * one.days
    check(windows, bulletins, NOW, Limits(), done)


# --- what always holds


def check(windows: list[Window], items: list[Item], now: float, limits: Limits, done: Plan) -> None:
    by_entry = {i.entry: i for i in items}
    free = [w for w in usable(windows, limits, ZONE) if w.content is SlotContent.QUEUE]
    sounding: list[Planned] = []
    placed: dict[int, int] = defaultdict(int)
    on_day: dict[tuple[int, int], int] = defaultdict(int)
    for playing in done.planned:
        one = by_entry[playing.entry]
        begun = one.started is not None and playing.start == one.started
        placed[one.entry] += 1
        end = playing.start + one.ticks / 50
        if not begun:
            assert playing.start >= now - 1e-6
            assert one.not_before is None or playing.start >= one.not_before - 1e-6
            assert one.expires is None or end <= one.expires + 1e-6
            if playing.slot:
                inside = [w for w in free if w.slot == playing.slot and w.start <= playing.start]
                assert any(end <= w.end + 1e-6 for w in inside), playing
            else:
                assert one.cls is BulletinClass.PRIORITY
                spans = open_spans(limits.hours, ZONE, now, playing.start + 30 * DAY)
                assert any(low - 1e-6 <= playing.start and end <= high for low, high in spans)
        for other in sounding:
            apart = other.targets and one.targets and other.targets.isdisjoint(one.targets)
            assert other.end <= playing.start + 1e-6 or apart, (other, playing)
        sounding.append(playing)
    missing: dict[int, int] = defaultdict(int)
    for lack in done.unplaced:
        assert lack.times > 0
        missing[lack.entry] += lack.times
    for one in items:
        numbers = [p.number for p in done.planned if p.entry == one.entry]
        assert numbers == list(range(len(one.played), len(one.played) + len(numbers)))
        if one.days:
            wanted = max(one.per_day * one.days - len(one.played), len(numbers) and 1)
            assert placed[one.entry] + missing[one.entry] == wanted, (one, done.unplaced)
        else:
            assert placed[one.entry] or missing[one.entry] or not windows
        for start in [*one.played, *(p.start for p in done.planned if p.entry == one.entry)]:
            window = next((w for w in free if w.start <= start < w.end), None)
            on_day[one.entry, local_day(ZONE, window.start if window else start)] += 1
    for (entry, _), times in on_day.items():
        assert times <= max(by_entry[entry].per_day, 1)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Window], list[Item], Limits]:
    times = draw(st.lists(st.integers(0, 23), min_size=0, max_size=4, unique=True).map(sorted))
    windows = slots(*((h, draw(st.sampled_from((15, 30, 60)))) for h in times), days=4)
    if draw(st.integers(0, 4)) == 0:
        windows = [replace(w, content=SlotContent.RELAY) if w.slot == 1 else w for w in windows]
    items = []
    for n in range(draw(st.integers(0, 7))):
        villages = draw(st.sampled_from((None, None, {1}, {2}, {1, 2}, {3})))
        items.append(
            Item(
                n + 1, n + 1, "x", draw(st.integers(1, 40)) * MINUTE // 2,
                BulletinClass.PRIORITY if draw(st.integers(0, 5)) == 0 else BulletinClass.ROUTINE,
                draw(st.integers(0, 9)), draw(st.integers(1, 4)), draw(st.integers(0, 3)),
                draw(st.none() | st.integers(-10, 70).map(lambda h: at(0, h, 7))),
                draw(st.none() | st.integers(-10, 90).map(lambda h: at(0, h, 11))),
                targets=None if villages is None else frozenset(villages),
            )
        )  # fmt: skip
    hours: tuple[Hours, ...] = ()
    if draw(st.integers(0, 3)) == 0:
        low = draw(st.integers(0, 12)) * 60
        hours = (Hours(tuple(range(draw(st.integers(1, 7)))), low, low + 600),)
    limits = Limits(hours, draw(st.sampled_from((0, 0, 1, 2))), draw(st.sampled_from((0, 0, 20))))
    return windows, items, limits


@settings(deadline=None, derandomize=True, max_examples=250)
@given(situations(), st.integers(0, 47))
def test_nothing_overlaps_or_leaves_its_window_and_everything_has_a_reason(
    situation: tuple[list[Window], list[Item], Limits], hour: int
) -> None:
    windows, items, limits = situation
    now = at(0, hour, 3)
    done = plan(windows, items, now, limits)
    check(windows, items, now, limits, done)
    assert plan(list(reversed(windows)), list(reversed(items)), now, limits) == done


@settings(deadline=None, derandomize=True, max_examples=180)
@given(situations(), st.integers(0, 200), st.sampled_from((0.0, -0.03, 0.4)))
def test_what_was_played_as_planned_leaves_the_rest_as_it_was(
    situation: tuple[list[Window], list[Item], Limits], minutes: int, off: float
) -> None:
    windows, items, limits = situation
    first = plan(windows, items, NOW, limits)
    for now in (at(0, 4, minutes * 7), at(0, 4, minutes * 14)):
        later = []
        for one in items:
            mine = [p for p in first.planned if p.entry == one.entry]
            sounding = next((p.start for p in mine if p.start <= now < p.end), None)
            # By the log it began a little earlier or later than it was to.
            played = tuple(p.start + off for p in mine if p.end <= now)
            later.append(replace(one, played=played, started=sounding))
        second = plan(windows, later, now, limits)
        assert list(second.planned) == [p for p in first.planned if p.end > now]


@settings(deadline=None, derandomize=True, max_examples=180)
@given(situations())
def test_adding_behind_never_delays(
    situation: tuple[list[Window], list[Item], Limits],
) -> None:
    windows, items, limits = situation
    if not items:
        return
    last = max(items, key=lambda i: (-i.cls, i.order, i.entry))
    without = plan(windows, [i for i in items if i is not last], NOW, limits)
    done = plan(windows, items, NOW, limits)
    assert [p for p in done.planned if p.entry != last.entry] == list(without.planned)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(situations(), st.integers(1, 3))
def test_a_plan_is_the_same_however_far_it_reaches(
    situation: tuple[list[Window], list[Item], Limits], days: int
) -> None:
    windows, items, limits = situation
    near = [w for w in windows if w.start < at(days, 0)]
    short = plan(near, items, NOW, limits).planned
    whole = plan(windows, items, NOW, limits).planned
    assert list(short) == [p for p in whole if p.start < at(days, 0) or not p.slot]
