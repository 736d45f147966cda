"""What is kept of what boxes tell of themselves: the newest of each, reports, and hours of them.

Reports are written in batches, thinned to hours once an hour is over, and forgotten.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, func, insert, select, update

from loa.codecs.control import vitals
from loa.streamer.core.condition import summary
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.receiver_health import HOUR, Known, short_names
from loa.streamer.store.tables.receiver_health import (
    AlertRow,
    HealthHourRow,
    HealthReportRow,
    ReceiverHealthRow,
)

THIN_AFTER = 120.0
"""An hour is thinned so long after its end."""
MOST_REPORTS = 20_000
"""That wait to be written."""
_HISTORY = frozenset(vital.short for vital in vitals.VALUES if vital.history)


@dataclass(frozen=True, slots=True)
class Keep:
    """For how many days single reports, hours of them, and alerts are kept."""

    reports: float = 2.0
    hours: float = 62.0
    alerts: float = 400.0


class HealthStore:
    """See the module: ``add`` reports, ``write`` and ``thin`` now and then."""

    def __init__(self, desk: Desk, keep: Keep) -> None:
        self._desk, self._keep = desk, keep
        self._reports: list[dict[str, Any]] = []
        self._thinned: int | None = None

    def add(self, receiver: int, at: float, values: dict[str, float]) -> bool:
        """Keep a report until it is written; False: too many wait."""
        if len(self._reports) >= MOST_REPORTS:
            return False
        self._reports.append({"receiver_id": receiver, "at": at, "values": short_names(values)})
        return True

    async def write(self, known: Iterable[Known]) -> None:
        """Write what was reported since the last time; what cannot be is tried again."""
        changed = [one for one in known if one.changed]
        reports, self._reports = self._reports, []
        if not changed and not reports:
            return
        for one in changed:
            one.changed = False
        try:
            async with self._desk.store.write() as db:
                there = set(
                    await db.scalars(select(ReceiverHealthRow.receiver_id))
                    if any(not one.stored for one in changed)
                    else ()
                )
                new = [one for one in changed if not one.stored and one.id not in there]
                old = [one for one in changed if one.stored or one.id in there]
                if new:
                    await db.execute(insert(ReceiverHealthRow), [_row(one) for one in new])
                if old:
                    table = cast(Table, ReceiverHealthRow.__table__)
                    await db.execute(
                        update(table).where(table.c.receiver_id == bindparam("of")),
                        [{"of": one.id, **_row(one)} for one in old],
                    )
                if reports:
                    await db.execute(insert(HealthReportRow), reports)
        except BaseException:
            self._reports = (reports + self._reports)[:MOST_REPORTS]
            for one in changed:
                one.changed = True
            raise
        for one in changed:
            one.stored = True

    async def thin(self) -> None:
        """Make hours of the reports of hours that are over, and forget what is old."""
        now = self._desk.clock()
        last = int((now - THIN_AFTER) // HOUR) - 1
        async with self._desk.store.read() as db:
            if self._thinned is None:
                self._thinned = await db.scalar(select(func.max(HealthHourRow.hour)))
            if self._thinned is None:
                first = await db.scalar(select(func.min(HealthReportRow.at)))
                self._thinned = last if first is None else int(first // HOUR) - 1
        earliest = int((now - self._keep.reports * 86_400) // HOUR)
        for hour in range(max(self._thinned + 1, earliest), last + 1):
            await self._thin_hour(hour)
            self._thinned = hour
        async with self._desk.store.write() as db:
            await db.execute(
                delete(HealthReportRow).where(
                    HealthReportRow.at < now - self._keep.reports * 86_400
                )
            )
            oldest = int((now - self._keep.hours * 86_400) // HOUR)
            await db.execute(delete(HealthHourRow).where(HealthHourRow.hour < oldest))
            await db.execute(
                delete(AlertRow).where(AlertRow.ended_at < now - self._keep.alerts * 86_400)
            )

    async def _thin_hour(self, hour: int) -> None:
        async with self._desk.store.read() as db:
            rows = list(
                await db.execute(
                    select(HealthReportRow.receiver_id, HealthReportRow.values).where(
                        HealthReportRow.at >= hour * HOUR, HealthReportRow.at < (hour + 1) * HOUR
                    )
                )
            )
        if rows:
            found = await asyncio.to_thread(_hours, [(r, v) for r, v in rows], hour)
            async with self._desk.store.write() as db:
                await db.execute(insert(HealthHourRow), found)


def _row(one: Known) -> dict[str, Any]:
    return {
        "receiver_id": one.id, "seen_at": one.seen or 0.0, "reported_at": one.reported,
        "values": one.values, "texts": one.texts, "troubles": sorted(one.troubles),
    }  # fmt: skip


def _hours(rows: Sequence[tuple[int, dict[str, float]]], hour: int) -> list[dict[str, Any]]:
    of: dict[int, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for receiver, values in rows:
        for name, value in values.items():
            if name in _HISTORY:
                of[receiver][name].append(value)
    return [
        {
            "receiver_id": receiver, "hour": hour,
            "values": {name: summary(numbers) for name, numbers in values.items()},
        }
        for receiver, values in of.items()
    ]  # fmt: skip
