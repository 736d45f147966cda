"""Queues as staff see them: what waits, when it is played next, and what does not fit and why."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer import logs
from loa.streamer.core.areas import Area
from loa.streamer.core.planner import Planned, Unplaced
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.distribution import OPEN
from loa.streamer.desk.errors import NotFound
from loa.streamer.desk.planning import plan_station, played_of, read_material
from loa.streamer.desk.queue import version_of
from loa.streamer.desk.slots import require_station
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.schedule import EntryRow

AHEAD = 8 * 86_400.0
"""How far a queue is planned for people to see."""
_NEXT = 5
_TABLE: Any = EntryRow.__table__
SETTLE_EVERY = 3600.0

log = logs.get("queue")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One entry. ``played``: when it was played whole so far; ``next``: when it will be;
    ``unplaced``: what does not fit. ``ticks``: None while there is no audio."""

    row: EntryRow
    bulletin: BulletinRow
    ticks: int | None
    played: tuple[float, ...]
    next: tuple[Planned, ...]
    unplaced: tuple[Unplaced, ...]


@dataclass(frozen=True, slots=True)
class Queue:
    """A station's open entries, in the order in which they are planned."""

    version: int
    entries: tuple[Waiting, ...]


async def read_queue(desk: Desk, area: Area, now: float) -> Queue:
    """Return the queue of a station. Raises ``Conflict`` when the area is none."""
    require_station(desk, area, "queue.not_station")
    async with desk.store.read() as db:
        rows = await _rows(db, EntryRow.area_id == area.id, EntryRow.state.in_(OPEN))
        return await _queue(desk, db, area, now, rows)


async def read_entry(desk: Desk, entry: int, now: float) -> Waiting:
    """Return one entry, whatever its state. Raises ``NotFound``."""
    async with desk.store.read() as db:
        rows = await _rows(db, EntryRow.id == entry)
        if not rows:
            raise NotFound("entry.unknown", id=entry)
        area = desk.area(rows[0][0].area_id)
        queue = await _queue(desk, db, area, now, rows, entry)
        return queue.entries[0]


async def settle(desk: Desk) -> int:
    """Close the entries that were played as often as they were to be, or expired; return how many.

    Planning would pass them over anyway: this keeps queues short. Call it now and then.
    """
    now = desk.clock()
    async with desk.store.read() as db:
        played = await played_of(db, None, now)
        rows = await db.execute(
            select(
                EntryRow.id, EntryRow.version, EntryRow.per_day, EntryRow.days, EntryRow.expires_at,
                BulletinRow.expires_at.label("ends_at"),
            )
            .join(BulletinRow, BulletinRow.id == EntryRow.bulletin_id)
            .where(EntryRow.state.in_(OPEN))
        )  # fmt: skip
        over = [
            {"entry": row.id, "seen": row.version}
            for row in rows
            if any(t is not None and t <= now for t in (row.expires_at, row.ends_at))
            or (row.days and len(played.whole.get(row.id, ())) >= row.per_day * row.days)
        ]
    if over:
        # One that was changed meanwhile is looked at again the next time.
        close = (
            update(_TABLE)
            .where(_TABLE.c.id == bindparam("entry"), _TABLE.c.version == bindparam("seen"))
            .values(state="done", version=_TABLE.c.version + 1)
        )
        async with desk.store.write() as db:
            await (await db.connection()).execute(close, over)
    return len(over)


async def run_settling(desk: Desk) -> None:
    """Settle every hour, until cancelled."""
    while True:
        try:
            if closed := await settle(desk):
                log.info("entries of queues are done", entries=closed)
        except Exception as error:
            # The next hour is as good.
            desk.counters.add("queue.settling_failed")
            log.error("queues could not be settled", why=str(error))
        await asyncio.sleep(SETTLE_EVERY)


Found = list[tuple[EntryRow, BulletinRow, int | None]]


async def _rows(db: AsyncSession, *where: Any) -> Found:
    rows = await db.execute(
        select(EntryRow, BulletinRow, AudioRow.ticks)
        .join(BulletinRow, BulletinRow.id == EntryRow.bulletin_id)
        .outerjoin(AudioRow, AudioRow.sha256 == BulletinRow.audio_sha256)
        .where(*where)
        .order_by(BulletinRow.cls.desc(), EntryRow.position, EntryRow.id)
    )
    return [(entry, bulletin, ticks) for entry, bulletin, ticks in rows]


async def _queue(
    desk: Desk, db: AsyncSession, area: Area, now: float, rows: Found, entry: int | None = None
) -> Queue:
    material = await read_material(db, desk.tree, [area], now)
    played = await played_of(db, [area.id], now, entry)
    whole = await asyncio.to_thread(plan_station, desk, area, material, now, now + AHEAD)
    plan = whole.plan
    next_: dict[int, list[Planned]] = defaultdict(list)
    for playing in plan.planned:
        next_[playing.entry].append(playing)
    unplaced: dict[int, list[Unplaced]] = defaultdict(list)
    for lack in plan.unplaced:
        unplaced[lack.entry].append(lack)
    entries = tuple(
        Waiting(
            row, bulletin, ticks, tuple(sorted(played.whole.get(row.id, ()))),
            tuple(next_[row.id][:_NEXT]), tuple(unplaced[row.id]),
        )
        for row, bulletin, ticks in rows
    )  # fmt: skip
    return Queue(version_of(row for row, _, _ in rows if row.state in OPEN), entries)
