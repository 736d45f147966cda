"""How receivers are: the newest of each in memory, what it was before in the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.codecs.control.vitals import VALUES
from loa.streamer.core.condition import Limits
from loa.streamer.desk.desk import Desk
from loa.streamer.store.tables.receiver_health import (
    HealthHourRow,
    HealthReportRow,
    ReceiverHealthRow,
)
from loa.streamer.store.tables.receivers import ReceiverRow

ONLINE, OFFLINE, AILING = "online", "offline", "ailing"
HOUR = 3600
MOST_POINTS = 3000
"""Of a history."""
_SHORT = {vital.name: vital.short for vital in VALUES}
_NAME = {vital.short: vital.name for vital in VALUES}


@dataclass(slots=True, eq=False)
class Known:
    """What is known of a receiver. Times are Unix seconds; ``stored``: it has a row."""

    id: int
    area: int
    name: str
    seen: float | None = None
    reported: float | None = None
    values: dict[str, float] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    troubles: frozenset[str] = frozenset()
    stored: bool = False
    changed: bool = False


def _nobody(receiver: int) -> bool:
    return False


class HealthBook:
    """All enrolled receivers, by id; the topic of the hub keeps it up (``fleet/health.py``).

    ``connected``: says whether a receiver is; nobody is where no hub runs.
    """

    def __init__(self, connected: Callable[[int], bool] = _nobody) -> None:
        self.known: dict[int, Known] = {}
        self.connected = connected
        self.loaded = False

    async def read(self, db: AsyncSession) -> list[int]:
        """Read which receivers there are; return those that are no more.

        Of those that are known already, only the place and name.
        """
        rows = await db.execute(
            select(ReceiverRow.id, ReceiverRow.area_id, ReceiverRow.name, ReceiverRow.seen_at)
            .where(ReceiverRow.state == "enrolled")
        )  # fmt: skip
        there = {}
        for id, area, name, seen in rows:
            one = self.known.get(id)
            if one is None:
                one = Known(id, area, name, seen)
            one.area, one.name = area, name
            there[id] = one
        new = there.keys() - self.known.keys()
        gone = list(self.known.keys() - there.keys())
        if new:
            stored = select(ReceiverHealthRow)
            if len(new) < 200:
                stored = stored.where(ReceiverHealthRow.receiver_id.in_(new))
            for row in await db.scalars(stored):
                if row.receiver_id not in new:
                    continue
                one = there[row.receiver_id]
                one.seen = max(row.seen_at, one.seen or 0.0)
                one.reported = row.reported_at
                one.values, one.texts = dict(row.values), dict(row.texts)
                one.troubles, one.stored = frozenset(row.troubles), True
        self.known, self.loaded = there, True
        return gone

    def state(self, known: Known) -> str:
        """Say in a word how a receiver is."""
        if not self.connected(known.id):
            return OFFLINE
        return AILING if known.troubles else ONLINE


async def book_of(desk: Desk, running: HealthBook | None = None) -> HealthBook:
    """Return the book that is kept up, or where none is, what the database knows."""
    if running is not None and running.loaded:
        return running
    book = HealthBook()
    async with desk.store.read() as db:
        await book.read(db)
    return book


def limits_of(desk: Desk, area: int) -> Limits:
    """Return the limits of an area's receivers."""
    found = desk.tree.get(area)
    if found is None:
        return ()
    return desk.policies.effective(found).receiver_limits or ()


# --- history


@dataclass(frozen=True, slots=True)
class Point:
    """What a receiver told at a time, or in the hour from then on: numbers, or their range."""

    at: float
    values: dict[str, Any]


async def reports(db: AsyncSession, receiver: int, start: float, end: float) -> Sequence[Point]:
    """Return single reports of a time, oldest first; at most 3000, the newest."""
    rows = await db.execute(
        select(HealthReportRow.at, HealthReportRow.values)
        .where(
            HealthReportRow.receiver_id == receiver,
            HealthReportRow.at >= start,
            HealthReportRow.at < end,
        )
        .order_by(HealthReportRow.at.desc())
        .limit(MOST_POINTS)
    )
    return [Point(at, long_names(values)) for at, values in rows][::-1]


async def hours(db: AsyncSession, receiver: int, start: float, end: float) -> Sequence[Point]:
    """Return the hours of a time, oldest first; at most 3000, the newest."""
    rows = await db.execute(
        select(HealthHourRow.hour, HealthHourRow.values)
        .where(
            HealthHourRow.receiver_id == receiver,
            HealthHourRow.hour >= int(start // HOUR),
            HealthHourRow.hour < end / HOUR,
        )
        .order_by(HealthHourRow.hour.desc())
        .limit(MOST_POINTS)
    )
    return [Point(float(hour * HOUR), long_names(values)) for hour, values in rows][::-1]


def short_names(values: dict[str, float]) -> dict[str, Any]:
    """Return values as they are kept: by their two letters, whole numbers as such."""
    return {
        _SHORT[name]: int(value) if value == int(value) else value
        for name, value in values.items()
        if name in _SHORT
    }


def long_names(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as they are shown; what has no name any more is left out."""
    return {_NAME[short]: value for short, value in values.items() if short in _NAME}
