"""Slots: recurring windows of a station, in its own time of day. Pure.

Everything is worked out in local days and minutes, so that a slot stays at its time of day when
clocks are changed; only what comes out is in Unix seconds. Whether two slots collide is judged by
the clock on the wall, too: the hour that a change of clocks doubles does not count.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from loa.streamer.core import recurrence
from loa.streamer.core.localtime import unix_at
from loa.streamer.core.windows import SlotContent, Window

MINUTES_A_DAY = 1440
MAX_MINUTES = MINUTES_A_DAY
"""A slot is at most a day long: so it never overlaps its own next one."""
AHEAD_DAYS = 396
"""How far two slots are compared: thirteen months."""
SPARSE_DAYS = 5 * 366
"""A slot that does not take place within this time of its first date never does, as we see it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A recurring window: ``minutes`` long from ``minute`` of each day that ``rule`` finds.

    ``first``: the first day that counts, as an ordinal. ``exceptions``: days on which it does not
    take place; ``on_holidays``: whether it does on holidays.
    """

    id: int
    first: int
    minute: int
    minutes: int
    rule: str = ""
    content: SlotContent = SlotContent.QUEUE
    relay: str = ""
    alternative: str = ""
    exceptions: frozenset[int] = field(default_factory=frozenset)
    on_holidays: bool = True

    def days(self, start: int, end: int, holidays: Container[int] = ()) -> Iterator[int]:
        """Yield the days of [start, end) on which it takes place, in order."""
        for day in recurrence.days(self.rule, self.first, start, end):
            if day in self.exceptions or (not self.on_holidays and day in holidays):
                continue
            yield day

    def windows(
        self, zone: str, start: int, end: int, holidays: Container[int] = ()
    ) -> Iterator[Window]:
        """Yield the windows that begin on the local days [start, end) of a time zone, in order."""
        length = self.minutes * 60
        for day in self.days(start, end, holidays):
            begin = unix_at(zone, day, self.minute)
            yield Window(self.id, begin, begin + length, self.content, self.relay, self.alternative)

    def never(self) -> bool:
        """Say whether there is no day at all on which it would take place, holidays apart."""
        return next(self.days(self.first, self.first + SPARSE_DAYS), None) is None


@dataclass(frozen=True, slots=True)
class Overlap:
    """The first time at which two slots collide: ``day`` and ``minute`` are local."""

    slot: int
    day: int
    minute: int


def moment(first: str) -> tuple[int, int]:
    """Read the local date and time of a first occurrence (``2026-01-05T05:00``): day and minute.

    Raises ``ValueError``.
    """
    at = datetime.strptime(first, "%Y-%m-%dT%H:%M")
    if not 2000 <= at.year < 2200:
        raise ValueError("the year is out of reach")
    return at.toordinal(), at.hour * 60 + at.minute


def overlap(slot: Slot, other: Slot, today: int, holidays: Container[int] = ()) -> Overlap | None:
    """Return where a slot first collides with another in the thirteen months from a day on."""
    start, end = today - 1, today + AHEAD_DAYS
    if slot.minutes < 1 or other.minutes < 1:
        return None
    mine, theirs = slot.days(start, end, holidays), other.days(start, end, holidays)
    here, there = next(mine, None), next(theirs, None)
    while here is not None and there is not None:
        begin = here * MINUTES_A_DAY + slot.minute
        also = there * MINUTES_A_DAY + other.minute
        if begin < also + other.minutes and also < begin + slot.minutes:
            at = max(begin, also)
            if at // MINUTES_A_DAY >= today:
                return Overlap(other.id, at // MINUTES_A_DAY, at % MINUTES_A_DAY)
        if begin + slot.minutes <= also + other.minutes:
            here = next(mine, None)
        else:
            there = next(theirs, None)
    return None


def local_text(day: int, minute: int) -> str:
    """Return a local day and minute as ``2026-01-05T05:00``."""
    at = datetime.combine(date.fromordinal(day), datetime.min.time()) + timedelta(minutes=minute)
    return at.strftime("%Y-%m-%dT%H:%M")
