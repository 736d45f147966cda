"""What stations are going to play: their slots and queues, put through the planner.

``station_plans`` reads everything in a few queries, however many stations there are, and lets the
loop go on after every few milliseconds of planning. A plan is of whole
local days and then cut: it is the same whatever stretch of it is asked for.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.limits import Limits, usable
from loa.streamer.core.localtime import local_day
from loa.streamer.core.planner import Item, Plan, Planned, plan
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.slots import Slot
from loa.streamer.core.timeline import TICKS_A_SECOND
from loa.streamer.core.windows import Window
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.slots import ordinal, slot_of
from loa.streamer.store.airing import INTERRUPTED
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.schedule import EntryRow, HolidayRow, SlotRow

FEW = 500
"""Up to so many stations are asked for by name; for more, everything is read."""
SLICE = 0.005
"""Seconds that planning keeps to itself before it lets the loop go on."""
PART = 256
"""Rows that are fetched together."""
STALE = 60.0
"""Seconds after its end that something which is still on by the log is no longer believed."""


@dataclass(frozen=True, slots=True)
class BulletinInfo:
    """What is to be known of a bulletin that is planned. ``origin``: the id of its area."""

    title: str
    language: str
    cls: BulletinClass
    origin: int
    sign: str = ""


@dataclass(frozen=True, slots=True)
class StationPlan:
    """What a station is going to play.

    ``windows``: of all its slots, cut to hours and limits, by start. ``plan``: what is played when,
    within what was asked for. ``bulletins``: those of ``plan``, by id.
    """

    station: int
    timezone: str
    limits: Limits
    windows: tuple[Window, ...]
    plan: Plan
    bulletins: Mapping[int, BulletinInfo]

    @property
    def priority(self) -> tuple[Planned, ...]:
        """What is due at once, outside all slots: in the order in which the commune wants it."""
        return tuple(p for p in self.plan.planned if not p.slot)

    @property
    def plays(self) -> tuple[Planned, ...]:
        """What was planned into slots, by start."""
        return tuple(p for p in self.plan.planned if p.slot)


@dataclass(slots=True)
class Material:
    """What is read of the store for planning, by station."""

    slots: dict[int, list[Slot]] = field(default_factory=lambda: defaultdict(list))
    items: dict[int, list[Item]] = field(default_factory=lambda: defaultdict(list))
    holidays: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """By the area that has them, as ordinals."""
    bulletins: dict[int, BulletinInfo] = field(default_factory=dict)


async def station_plans(
    desk: Desk, stations: Collection[int] | None, now: float, until: float
) -> dict[int, StationPlan]:
    """Return what stations (by id; None: all) play between two moments, by their ids.

    Ids that are no stations are left out. The clock of the desk plays no part.
    """
    tree = desk.tree
    areas = [
        area
        for area in (tree if stations is None else map(tree.get, stations))
        if area is not None and area.station
    ]
    async with desk.store.read() as db:
        material = await read_material(db, tree, areas if stations is not None else None, now)
    plans = {}
    turn = time.monotonic()
    for area in areas:
        plans[area.id] = plan_station(desk, area, material, now, until)
        if time.monotonic() - turn > SLICE:
            await asyncio.sleep(0)
            turn = time.monotonic()
    return plans


def plan_station(
    desk: Desk, area: Area, material: Material, now: float, until: float
) -> StationPlan:
    """Plan one station from what was read."""
    policy = desk.policies.effective(area)
    zone, limits = str(policy.timezone), Limits.of(policy)
    # What began yesterday may still be open; what is planned late today depends on all of today.
    start, end = local_day(zone, now) - 1, local_day(zone, until) + 1
    raw = list(raw_windows(desk, area, material, zone, start, end))
    whole = plan(raw, material.items.get(area.id, ()), now, zone, limits)
    windows = usable(raw, limits, zone)
    planned = tuple(p for p in whole.planned if p.start < until)
    return StationPlan(
        area.id,
        zone,
        limits,
        tuple(w for w in windows if w.end > now and w.start < until),
        Plan(planned, whole.unplaced),
        {p.bulletin: material.bulletins[p.bulletin] for p in planned},
    )


def raw_windows(
    desk: Desk, area: Area, material: Material, zone: str, start: int, end: int
) -> Iterator[Window]:
    """Yield the windows of a station that begin on the local days [start, end), by slot."""
    holidays = holidays_of(desk.tree, area, material.holidays)
    for slot in material.slots.get(area.id, ()):
        yield from slot.windows(zone, start, end, holidays)


def holidays_of(tree: AreaTree, area: Area, holidays: Mapping[int, set[int]]) -> set[int]:
    """Return the days off of an area: its own, and those of every area above it."""
    return {day for a in tree.lineage(area) for day in holidays.get(a.id, ())}


async def read_material(
    db: AsyncSession, tree: AreaTree, areas: Sequence[Area] | None, now: float
) -> Material:
    """Read the slots, holidays and queues of stations (None: of all), as of ``now``."""
    ids = None if areas is None or len(areas) > FEW else [area.id for area in areas]
    material = Material()
    async for row in rows_of(db, _slots(ids)):
        material.slots[row.area_id].append(slot_of(row))
    for area_id, off in await db.execute(select(HolidayRow.area_id, HolidayRow.date)):
        material.holidays[area_id].add(ordinal(off))
    played = await played_of(db, ids, now)
    async for row in rows_of(db, _entries(ids)):
        expires = min((t for t in (row.expires_at, row.ends_at) if t is not None), default=None)
        cls = BulletinClass(row.cls)
        material.items[row.area_id].append(
            Item(
                row.id, row.bulletin_id, row.sha256, row.ticks, cls, row.position, row.per_day,
                row.days, row.not_before, expires, tuple(sorted(played.whole.get(row.id, ()))),
                heard_by(tree, row.targets), played.now.get(row.id),
            )
        )  # fmt: skip
        material.bulletins[row.bulletin_id] = BulletinInfo(
            row.title, row.language, cls, row.origin_id, row.sign_text
        )
    return material


def heard_by(tree: AreaTree, targets: Collection[int] | None) -> frozenset[int] | None:
    """Return every area that hears what is for these; None stays: everyone."""
    if targets is None:
        return None
    areas = [area for area in map(tree.get, targets) if area is not None]
    return frozenset(below.id for area in areas for below in tree.below(area))


def _slots(ids: list[int] | None) -> Select[Any]:
    query = select(*SlotRow.__table__.columns).where(SlotRow.enabled).order_by(SlotRow.id)
    return query if ids is None else query.where(SlotRow.area_id.in_(ids))


def _entries(ids: list[int] | None) -> Select[Any]:
    """What is accepted, and of a bulletin that may be played."""
    columns: tuple[Any, ...] = (
        EntryRow.id, EntryRow.area_id, EntryRow.bulletin_id, EntryRow.position,
        EntryRow.per_day, EntryRow.days, EntryRow.not_before, EntryRow.expires_at,
        EntryRow.targets, BulletinRow.title, BulletinRow.language, BulletinRow.cls,
        BulletinRow.expires_at.label("ends_at"), BulletinRow.area_id.label("origin_id"),
        BulletinRow.sign_text,
        AudioRow.sha256, AudioRow.ticks,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(BulletinRow, BulletinRow.id == EntryRow.bulletin_id)
        .join(AudioRow, AudioRow.sha256 == BulletinRow.audio_sha256)
        .where(EntryRow.state == "accepted", BulletinRow.state == "approved")
    )
    return query if ids is None else query.where(EntryRow.area_id.in_(ids))


# What could not be put on air at all is over as well: it would only fail again.
_FAILED = and_(AiredRow.failure.not_in(("", INTERRUPTED)), AiredRow.to_tick == AiredRow.from_tick)


@dataclass(slots=True)
class PlayedSoFar:
    """What the as-run log says of entries: when each was played ``whole``, and when the playing
    began that sounds ``now`` (as if it had never been interrupted)."""

    whole: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    now: dict[int, float] = field(default_factory=dict)


async def played_of(
    db: AsyncSession, ids: list[int] | None, now: float, entry: int | None = None
) -> PlayedSoFar:
    """Return what was played of the accepted entries of stations (None: of all), or of one entry,
    whatever became of it."""
    # For everyone below, its station's own mount tells; for some villages, any of theirs does.
    query = (
        select(
            AiredRow.entry_id,
            func.min(AiredRow.from_unix),
            func.max(case((AiredRow.complete, 1), (_FAILED, 1), else_=0)),
            func.max(case((AiredRow.to_tick.is_(None), AiredRow.from_unix), else_=0.0)),
            func.max(case((AiredRow.to_tick.is_(None), AiredRow.skipped), else_=0)),
            func.max(AudioRow.ticks),
        )
        .join(EntryRow, EntryRow.id == AiredRow.entry_id)
        .join(BulletinRow, BulletinRow.id == EntryRow.bulletin_id)
        .join(AudioRow, AudioRow.sha256 == BulletinRow.audio_sha256)
        .where(
            EntryRow.state == "accepted" if entry is None else EntryRow.id == entry,
            or_(AiredRow.area_id == EntryRow.area_id, EntryRow.targets.is_not(None)),
        )
        .group_by(AiredRow.entry_id, AiredRow.play)
    )
    if ids is not None:
        query = query.where(EntryRow.area_id.in_(ids))
    found = PlayedSoFar()
    async for entry, first, complete, since, skipped, ticks in rows_of(db, query):
        if complete:
            found.whole[entry].append(first)
        elif since:
            began = since - skipped / TICKS_A_SECOND
            if began + ticks / TICKS_A_SECOND + STALE > now:
                found.now[entry] = began
    return found


async def rows_of(db: AsyncSession, query: Any) -> AsyncIterator[Any]:
    """Yield the rows of a query of which there may be very many: the loop goes on meanwhile."""
    result = await db.stream(query)
    async for part in result.partitions(PART):
        for row in part:
            yield row
