"""The play-out planner: packs a station's queue into its slots, and says what did not fit and why.

Pure: the same queue, slots, as-run so far and time give the same plan. Items are placed one after
the other, priority first, each into the earliest gaps that suit it; so an item that is added behind
never delays one before it, and what was played as planned leaves the rest of the plan as it was.
What was to be played and was not is simply planned again, at the next moment that fits, until it
expires.

- ``per_day`` playings of a day go into different slots of that day, spread over it; only where
  there are fewer slots than playings does one take several, apart from each other where it can.
- The first playing of a priority item is due at once, whatever slot is open or none, within the
  hours of the area. The others are planned into slots like those of routine items.
- Items for different villages (``targets``, every area that hears it) may sound at the same time.

All times are Unix seconds (UTC); within, they are counted in ticks.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter

from loa.streamer.core.limits import Limits, open_spans, usable
from loa.streamer.core.localtime import local_day
from loa.streamer.core.plans import Item, Plan, Planned, Reason, Targets, Unplaced
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import TICKS_A_SECOND
from loa.streamer.core.windows import SlotContent, Window

__all__ = ["Item", "Plan", "Planned", "Reason", "SlotContent", "Unplaced", "Window", "plan"]

Busy = tuple[int, int, Targets]
FOREVER = 1 << 62
A_MOMENT = 5 * TICKS_A_SECOND
_NO_LIMITS = Limits()


def plan(
    windows: Sequence[Window],
    items: Iterable[Item],
    now: float,
    timezone: str,
    limits: Limits = _NO_LIMITS,
) -> Plan:
    """Plan the items into the windows, from ``now`` until the last window ends.

    ``windows`` are those of whole local days, from the day before ``now`` on, past ones too: how
    playings are spread over a day depends on all its slots. They are cut to ``limits`` here.
    """
    return _Planner(windows, now, timezone, limits).plan(items)


@dataclass(slots=True)
class _Room:
    """A window of the queue as it is being filled. ``busy`` is sorted by start."""

    slot: int
    start: int
    end: int
    day: int
    busy: list[Busy] = field(default_factory=list)
    room: int = 0
    """Ticks that are left for what everyone hears, at most."""

    def gap(self, low: int, high: int, length: int, targets: Targets) -> int | None:
        """Return the first moment from ``low`` on at which there is room that ends by ``high``."""
        low, high = max(low, self.start), min(high, self.end)
        if high - low < length:
            return None
        return _gap(self.busy, low, high, length, targets)

    def take(self, start: int, end: int, targets: Targets) -> None:
        insort(self.busy, (start, end, targets), key=itemgetter(0))
        if targets is None:
            self.room -= min(end, self.end) - max(start, self.start)


def _gap(busy: Iterable[Busy], low: int, high: int, length: int, targets: Targets) -> int | None:
    at = low
    for start, end, others in busy:
        if start >= at + length:
            break
        if end > at and (others is None or targets is None or not others.isdisjoint(targets)):
            at = end
    return at if at + length <= high else None


@dataclass(slots=True)
class _Job:
    """An item on its way into the plan. ``left``: playings that it still needs, None: no end."""

    item: Item
    low: int
    high: int
    left: int | None
    used: dict[int, int] = field(default_factory=dict)
    """How often it is played in a window, by the window's start."""
    on_day: dict[int, int] = field(default_factory=dict)
    placed: list[tuple[int, int]] = field(default_factory=list)
    """(start, slot) of what was placed."""
    short: int = 0
    limited: bool = False
    seen: bool = False
    """Whether there was any window that would do."""

    def count(self, room: _Room | None, day: int) -> None:
        self.on_day[day] = self.on_day.get(day, 0) + 1
        if room is not None:
            self.used[room.start] = self.used.get(room.start, 0) + 1


class _Planner:
    def __init__(
        self, windows: Sequence[Window], now: float, timezone: str, limits: Limits
    ) -> None:
        self.zone = timezone
        self.limits = limits
        self.unix = now
        self.now = _up(now)
        self.queue = [w for w in windows if w.content is SlotContent.QUEUE]
        self.end = max((w.end for w in windows), default=now)
        self.rooms = [
            _Room(w.slot, _up(w.start), _down(w.end), local_day(timezone, w.start))
            for w in usable(windows, limits, timezone)
            if w.content is SlotContent.QUEUE
        ]
        self.days: list[tuple[int, list[_Room]]] = []
        """The windows by local day, of those that have any."""
        for room in self.rooms:
            room.room = room.end - room.start
            if not self.days or self.days[-1][0] != room.day:
                self.days.append((room.day, []))
            self.days[-1][1].append(room)
        self.shortest = min((r.room for r in self.rooms), default=0)
        self.at_once: list[Busy] = []
        """What sounds now or is due at once, in slots or out of them."""

    def plan(self, items: Iterable[Item]) -> Plan:
        ordered = sorted(items, key=lambda i: (-i.cls, i.order, i.entry))
        for item in ordered:
            if item.started is not None:
                self._take(_near(item.started), item)
        planned: list[Planned] = []
        unplaced: list[Unplaced] = []
        for item in ordered:
            job = self._job(item)
            if item.started is not None:
                start = _near(item.started)
                room, day = self._window_of(start, item)
                # What began at once stays what it was, whatever slot that fell into.
                slot = 0 if room is None or _is_due_at_once(item) else room.slot
                job.placed.append((start, slot))
                job.count(room, day)
            if job.left is None or job.left > 0:
                unplaced += self._place(job)
            job.placed.sort()
            done = len(item.played)
            planned += [
                Planned(
                    item.entry, item.bulletin, item.audio, item.ticks, item.cls, slot,
                    start / TICKS_A_SECOND, done + n, item.targets, item.expires,
                )
                for n, (start, slot) in enumerate(job.placed)
            ]  # fmt: skip
        planned.sort(key=attrgetter("start", "entry", "number"))
        return Plan(tuple(planned), tuple(unplaced))

    def _job(self, item: Item) -> _Job:
        left = None
        if item.days:
            began = len(item.played) + (item.started is not None)
            left = max(0, item.per_day * item.days - began)
        low = 0 if item.not_before is None else _up(item.not_before)
        high = FOREVER if item.expires is None else _down(item.expires)
        job = _Job(item, low, high, left)
        for unix in item.played:
            job.count(*self._window_of(_near(unix), item))
        return job

    def _place(self, job: _Job) -> list[Unplaced]:
        """Place what an item still needs; return what was not."""
        item = job.item
        if job.high <= self.now:
            return [Unplaced(item.entry, job.left or item.per_day, Reason.EXPIRED)]
        if _is_due_at_once(item) and item.started is None:
            reason = self._place_at_once(job)
            if reason is not None:
                return [Unplaced(item.entry, job.left or item.per_day, reason)]
        for day, rooms in self.days:
            if job.left == 0:
                break
            if rooms[-1].end > max(self.now, job.low) and rooms[0].start < job.high:
                self._place_on(job, day, rooms)
        return self._missing(job)

    def _place_at_once(self, job: _Job) -> Reason | None:
        """Place the first playing of a priority item; return why that cannot be."""
        item = job.item
        low, length = max(self.now, job.low), item.ticks
        end = max(self.end, low / TICKS_A_SECOND + 8 * 86_400)
        spans = open_spans(self.limits.hours, self.zone, low / TICKS_A_SECOND, end)
        for start, stop in spans:
            last = FOREVER if not self.limits.hours else _down(stop)
            at = _gap(self.at_once, max(low, _up(start)), last, length, item.targets)
            if at is None:
                continue
            if at + length > job.high:
                return Reason.LIMIT if start * TICKS_A_SECOND > low else Reason.EXPIRED
            if job.left is not None:
                job.left -= 1
            job.count(*self._window_of(at, item))
            job.placed.append((at, 0))
            self._take(at, item)
            return None
        return Reason.LIMIT

    def _place_on(self, job: _Job, day: int, rooms: list[_Room]) -> None:
        """Place what is due on one day."""
        item = job.item
        length, low, high = item.ticks, job.low, job.high
        if low > rooms[0].start or high < rooms[-1].end or length > self.shortest:
            rooms = [r for r in rooms if min(r.end, high) - max(r.start, low) >= length]
        if not rooms:
            return
        wanted = item.per_day - job.on_day.get(day, 0)
        if job.left is not None:
            wanted = min(wanted, job.left)
        if wanted <= 0:
            return
        size, times = len(rooms), item.per_day
        most = -(-times // size)
        low = max(low, self.now)
        if rooms[-1].end - low < length:
            return
        job.seen = True
        # First the slots that spread it evenly over the day, then any other, then a second time.
        spread = [n * size // times for n in range(times)] if times < size else range(size)
        placed = 0
        for n in spread:
            if placed < wanted and not job.used.get(rooms[n].start):
                placed += self._try(job, rooms[n], low, 0, most)
        if placed < wanted and times < size:
            first = set(spread)
            for n, room in enumerate(rooms):
                if placed < wanted and n not in first and not job.used.get(room.start):
                    placed += self._try(job, room, low, 0, most)
        for again in range(1, most):
            for room in rooms:
                if placed < wanted and job.used.get(room.start) == again:
                    placed += self._try(job, room, low, again, most)
        if placed < wanted:
            self._fell_short(job, rooms, low, wanted - placed, most)

    def _try(self, job: _Job, room: _Room, low: int, again: int, most: int) -> int:
        """Place one playing in a window if there is room; return how many that were."""
        item = job.item
        if item.ticks > room.room:
            return 0
        at = None
        if again:
            apart = room.start + again * (room.end - room.start) // most
            at = room.gap(max(low, apart), job.high, item.ticks, item.targets)
        if at is None:
            at = room.gap(low, job.high, item.ticks, item.targets)
        if at is None:
            return 0
        room.take(at, at + item.ticks, item.targets)
        job.count(room, room.day)
        job.placed.append((at, room.slot))
        if job.left is not None:
            job.left -= 1
        return 1

    def _fell_short(self, job: _Job, rooms: list[_Room], low: int, missing: int, most: int) -> None:
        # A slot that is over, or was used as often as it can, is nobody's fault.
        possible = sum(
            max(0, most - job.used.get(r.start, 0)) for r in rooms if r.end - low >= job.item.ticks
        )
        job.short += min(missing, possible)

    def _missing(self, job: _Job) -> list[Unplaced]:
        """Say why there is still something to be placed."""
        item, left = job.item, job.left
        if left == 0 or (left is None and not job.short and job.seen):
            return []
        if not job.seen:
            return [Unplaced(item.entry, left or item.per_day, self._why_nowhere(job))]
        reason = Reason.NO_ROOM if self.limits.none or not self._is_cut() else Reason.LIMIT
        if left is None:
            return [Unplaced(item.entry, job.short, reason)]
        found = []
        short = min(left, job.short)
        if short:
            found.append(Unplaced(item.entry, short, reason))
        if left > short:
            ends = job.high <= _down(self.end)
            rest = Reason.EXPIRED if ends else Reason.LATER
            found.append(Unplaced(item.entry, left - short, rest))
        return found

    def _why_nowhere(self, job: _Job) -> Reason:
        low, high = max(job.low, self.now), job.high
        rooms = [r for r in self.rooms if r.end > low and r.start < high]
        raw = [w for w in self.queue if _down(w.end) > low and _up(w.start) < high]
        if not raw:
            began = job.item.days and (job.item.played or job.item.started is not None)
            return Reason.LATER if began and job.high > _down(self.end) else Reason.NO_SLOT
        longest = max(_down(w.end) - _up(w.start) for w in raw)
        if longest < job.item.ticks:
            return Reason.TOO_LONG
        if max((r.end - r.start for r in rooms), default=0) < job.item.ticks:
            return Reason.LIMIT
        if all(job.item.per_day <= job.on_day.get(r.day, 0) for r in rooms):
            return Reason.LATER
        if job.high <= _down(self.end):
            return Reason.EXPIRED
        return Reason.NO_SLOT

    def _is_cut(self) -> bool:
        """Whether limits take anything from the slots of the queue."""
        whole = sum(_down(w.end) - _up(w.start) for w in self.queue)
        return sum(r.end - r.start for r in self.rooms) < whole

    def _take(self, start: int, item: Item) -> None:
        """Take a time of its own for what is played whatever slot is open."""
        end = start + item.ticks
        insort(self.at_once, (start, end, item.targets), key=itemgetter(0))
        n = max(0, bisect_right(self.rooms, start, key=attrgetter("start")) - 1)
        for room in self.rooms[n:]:
            if room.start >= end:
                break
            if room.end > start:
                room.take(start, end, item.targets)

    def _window_of(self, start: int, item: Item) -> tuple[_Room | None, int]:
        """Return the window that a playing belongs to, and the day that it counts for.

        The log's clock is not the planner's to the tick: what began a moment before its window
        began in it.
        """
        tick = start + min(item.ticks // 2, A_MOMENT)
        n = bisect_right(self.rooms, tick, key=attrgetter("start")) - 1
        if n >= 0 and tick < self.rooms[n].end:
            return self.rooms[n], self.rooms[n].day
        return None, local_day(self.zone, tick / TICKS_A_SECOND)


def _is_due_at_once(item: Item) -> bool:
    return item.cls is not BulletinClass.ROUTINE and not item.played


def _up(unix: float) -> int:
    # What is a tick but for the last digits of a float is that tick.
    return math.ceil(unix * TICKS_A_SECOND - 1e-3)


def _down(unix: float) -> int:
    return math.floor(unix * TICKS_A_SECOND + 1e-3)


def _near(unix: float) -> int:
    return round(unix * TICKS_A_SECOND)
