"""From a bulletin to queues: what was approved goes to every station it is for, and comes back.

Both are called in the transaction that approves or withdraws it (``desk/bulletins.py``).
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import AreaTree
from loa.streamer.core.policy import UpperRoutine
from loa.streamer.core.rights import BulletinClass
from loa.streamer.desk.desk import Desk, Work
from loa.streamer.store.tables.bulletins import BulletinRow, BulletinTargetRow
from loa.streamer.store.tables.schedule import EntryRow

OPEN = ("offered", "accepted")
"""States of entries that are still in a queue."""
_MANY = 500
"""Up to so many stations are named in a query; for more, all are read."""


async def distribute(desk: Desk, work: Work, bulletin: BulletinRow) -> int:
    """Put an approved bulletin into the queue of every station that it is for; return how many.

    Its own station takes it as its own. For those below it comes from an upper level: priority is
    accepted, routine as the policy of each says. Stations that have it in their queue keep that.
    """
    if bulletin.cls >= BulletinClass.EMERGENCY:
        return 0
    targets = await targets_of(work.db, bulletin.id)
    heard = stations_of(desk.tree, targets)
    if not heard:
        return 0
    named = None if len(heard) > _MANY else list(heard)
    have = select(EntryRow.area_id).where(
        EntryRow.bulletin_id == bulletin.id, EntryRow.state.not_in(("removed", "done"))
    )
    already = set(await work.db.scalars(have))
    last = select(EntryRow.area_id, func.max(EntryRow.position)).group_by(EntryRow.area_id)
    if named is not None:
        last = last.where(EntryRow.area_id.in_(named))
    ends: dict[int, float] = {row[0]: row[1] for row in await work.db.execute(last)}
    own = _own_station(desk, bulletin)
    rows = []
    for station, villages in heard.items():
        if station in already:
            continue
        rows.append(
            {
                "area_id": station,
                "bulletin_id": bulletin.id,
                "origin": "own" if station == own else "upper",
                "state": "accepted" if station == own else _first_state(desk, station, bulletin),
                "targets": villages,
                "position": ends.get(station, 0.0) + 1,
                "per_day": bulletin.per_day,
                "days": bulletin.days,
                "not_before": bulletin.starts_at,
                "expires_at": None,
                "added_at": work.now,
                "added_by": work.actor.who,
                "version": 1,
            }
        )
    if rows:
        await work.db.execute(insert(EntryRow), rows)
        offered = sum(row["state"] == "offered" for row in rows)
        work.record(
            "queue.distributed", area=bulletin.area_id, subject=f"bulletin/{bulletin.id}",
            title=bulletin.title, stations=len(rows), offered=offered,
        )  # fmt: skip
    return len(rows)


async def withdraw(work: Work, bulletin: BulletinRow) -> int:
    """Take a bulletin out of every queue; return of how many."""
    removed = await work.db.execute(
        update(EntryRow)
        .where(EntryRow.bulletin_id == bulletin.id, EntryRow.state.in_(OPEN))
        .values(state="removed", version=EntryRow.version + 1)
    )
    count = int(removed.rowcount)  # type: ignore[attr-defined]
    if count:
        work.record(
            "queue.withdrawn", area=bulletin.area_id, subject=f"bulletin/{bulletin.id}",
            title=bulletin.title, stations=count,
        )  # fmt: skip
    return count


def stations_of(tree: AreaTree, targets: Collection[int]) -> dict[int, list[int] | None]:
    """Return the stations that air what is for these areas, by id, and for which villages of theirs
    (None: for all that hears them)."""
    heard: dict[int, set[int] | None] = {}
    for id in targets:
        area = tree.get(id)
        if area is None:
            continue
        if not area.station:
            station = tree.station_of(area)
            if station is not None and heard.get(station.id, set()) is not None:
                heard.setdefault(station.id, set()).add(id)  # type: ignore[union-attr]
        for below in tree.below(area):
            if below.station:
                heard[below.id] = None
    return {id: None if villages is None else sorted(villages) for id, villages in heard.items()}


def _first_state(desk: Desk, station: int, bulletin: BulletinRow) -> str:
    if bulletin.cls != BulletinClass.ROUTINE:
        return "accepted"
    policy = desk.policies.effective(desk.area(station))
    return "offered" if policy.upper_routine is UpperRoutine.ASK else "accepted"


def _own_station(desk: Desk, bulletin: BulletinRow) -> int | None:
    area = desk.tree.get(bulletin.area_id)
    station = None if area is None else desk.tree.station_of(area)
    return None if station is None else station.id


async def targets_of(db: AsyncSession, bulletin: int) -> list[int]:
    """Return the ids of the areas that a bulletin is for, each with everything below it."""
    rows = await db.scalars(
        select(BulletinTargetRow.area_id).where(BulletinTargetRow.bulletin_id == bulletin)
    )
    return sorted(rows)
