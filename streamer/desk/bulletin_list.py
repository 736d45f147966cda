"""Reading bulletins: lists by what is looked for, and one with everything about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.bulletins import State
from loa.streamer.core.rights import Permission, Rights
from loa.streamer.core.words import folded
from loa.streamer.desk.bulletins import home
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import Forbidden, NotFound
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.bulletins import (
    AudioRow,
    BulletinEventRow,
    BulletinRow,
    BulletinTargetRow,
)
from loa.streamer.store.tables.people import AccountRow

PASSED_ON = (State.APPROVED, State.WITHDRAWN)
"""What those it is for may see, too, wherever it comes from."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What is looked for. None and "" leave a thing open.

    ``area``: of this area and those below it. ``for_area``: approved, and for this area, whoever
    made it. ``text``: words that must all occur, marks and case apart.
    """

    area: Area | None = None
    for_area: Area | None = None
    state: str | None = None
    cls: int | None = None
    language: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """What is known of a bulletin's audio: its length in ticks, bytes, and preparing's report."""

    ticks: int
    size: int
    report: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Whole:
    """A bulletin with what hangs on it; ``events`` oldest first, and ``area``: its home (neither in
    lists)."""

    row: BulletinRow
    targets: tuple[int, ...]
    audio: Heard | None
    names: dict[int, str]
    """Names of the accounts that it names."""
    events: tuple[BulletinEventRow, ...] = ()
    area: Area | None = None


async def listed(desk: Desk, actor: Actor, wanted: Filter, after: int, limit: int) -> list[Whole]:
    """Return at most ``limit`` bulletins with ids below ``after`` (0: all), newest first."""
    async with desk.store.read() as db:
        conditions = _conditions(desk, actor, wanted, await _gone(db, desk.tree))
        if after:
            conditions.append(BulletinRow.id < after)
        query = (
            select(BulletinRow, AudioRow.ticks, AudioRow.size, AudioRow.report)
            .outerjoin(AudioRow, AudioRow.sha256 == BulletinRow.audio_sha256)
            .where(*conditions)
            .order_by(BulletinRow.id.desc())
            .limit(limit)
        )
        found = [(row, _heard(*rest)) for row, *rest in await db.execute(query)]
        targets = await _targets(db, [row.id for row, _ in found])
        names = await _names(db, [row for row, _ in found])
    return [Whole(row, targets.get(row.id, ()), audio, names) for row, audio in found]


async def one(desk: Desk, id: int) -> Whole:
    """Return a bulletin with its events. Raises ``NotFound``."""
    async with desk.store.read() as db:
        row = await db.get(BulletinRow, id)
        if row is None:
            raise NotFound("bulletin.unknown", id=id)
        audio = None
        if row.audio_sha256 is not None:
            columns = select(AudioRow.ticks, AudioRow.size, AudioRow.report)
            found = await db.execute(columns.where(AudioRow.sha256 == row.audio_sha256))
            audio = _heard(*found.one())
        targets = await _targets(db, [id])
        events = await db.scalars(
            select(BulletinEventRow)
            .where(BulletinEventRow.bulletin_id == id)
            .order_by(BulletinEventRow.id)
        )
        found_events, names = tuple(events), await _names(db, [row])
    area = await home(desk, row)
    return Whole(row, targets.get(id, ()), audio, names, found_events, area)


async def home_of(desk: Desk, id: int) -> Area:
    """Return the area of a bulletin, or what stands where that was. Raises ``NotFound``."""
    async with desk.store.read() as db:
        row = await db.get(BulletinRow, id)
    if row is None:
        raise NotFound("bulletin.unknown", id=id)
    return await home(desk, row)


async def area_to_read(desk: Desk, rights: Rights, id: int) -> Area:
    """Return the area on which READ lets somebody see a bulletin. Raises ``NotFound``.

    Its own; or, for what was approved, one that it is for, where he may read that and not the
    other: a commune hears what its district sends.
    """
    async with desk.store.read() as db:
        row = await db.get(BulletinRow, id)
    if row is None:
        raise NotFound("bulletin.unknown", id=id)
    own = await home(desk, row)
    if rights.allow(Permission.READ, own, desk.tree) or row.state not in PASSED_ON:
        return own
    async with desk.store.read() as db:
        targets = set((await _targets(db, [id])).get(id, ()))
    for area in rights.areas(Permission.READ, desk.tree):
        if targets & {a.id for a in desk.tree.lineage(area)}:
            return area
    return own


async def _gone(db: AsyncSession, tree: AreaTree) -> dict[int, int]:
    """Return what stands where each area that is no more was, both by id."""
    rows = await db.execute(
        select(AreaRow.id, AreaRow.successor_id, AreaRow.parent_id).where(
            AreaRow.removed_at.is_not(None)
        )
    )
    after = {id: parent if heir is None else heir for id, heir, parent in rows}
    found = {}
    for id in after:
        at: int | None = id
        while at is not None and tree.get(at) is None:
            at = after.get(at)
        if at is not None:
            found[id] = at
    return found


def _conditions(
    desk: Desk, actor: Actor, wanted: Filter, gone: dict[int, int]
) -> list[ColumnElement[bool]]:
    tree = desk.tree
    readable = {a.id for a in actor.rights.areas(Permission.READ, tree)}
    conditions: list[ColumnElement[bool]] = []
    inside = readable
    if wanted.area is not None:
        inside = {a.id for a in tree.below(wanted.area)} & readable
    # What areas that are no more made belongs to what stands there.
    here = inside | {id for id, heir in gone.items() if heir in inside}
    mine = BulletinRow.area_id.in_(sorted(here))
    if wanted.area is None and len(readable) == len(tree):
        mine = BulletinRow.area_id.is_not(None)
    if wanted.for_area is not None:
        if wanted.for_area.id not in readable:
            raise Forbidden("forbidden", area=wanted.for_area.name)
        above = [a.id for a in tree.lineage(wanted.for_area)]
        meant = select(BulletinTargetRow.bulletin_id).where(BulletinTargetRow.area_id.in_(above))
        conditions.append(BulletinRow.id.in_(meant))
        passed_on = BulletinRow.state.in_(PASSED_ON)
        conditions.append(or_(mine, passed_on) if wanted.area is None else and_(mine, passed_on))
        if wanted.state is None:
            conditions.append(BulletinRow.state == State.APPROVED)
    else:
        conditions.append(mine)
    if wanted.state is not None:
        conditions.append(BulletinRow.state == wanted.state)
    if wanted.cls is not None:
        conditions.append(BulletinRow.cls == wanted.cls)
    if wanted.language is not None:
        conditions.append(BulletinRow.language == wanted.language)
    for word in folded(wanted.text).split():
        conditions.append(BulletinRow.search.contains(word, autoescape=True))
    return conditions


def _heard(ticks: int | None, size: int | None, report: dict[str, Any] | None) -> Heard | None:
    if ticks is None or size is None or report is None:
        return None
    return Heard(ticks, size, report)


async def _targets(db: AsyncSession, ids: list[int]) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    rows = await db.execute(
        select(BulletinTargetRow.bulletin_id, BulletinTargetRow.area_id)
        .where(BulletinTargetRow.bulletin_id.in_(ids))
        .order_by(BulletinTargetRow.bulletin_id, BulletinTargetRow.area_id)
    )
    for bulletin, area in rows:
        found[bulletin] = (*found.get(bulletin, ()), area)
    return found


async def _names(db: AsyncSession, rows: Iterable[BulletinRow]) -> dict[int, str]:
    ids = {id for row in rows for id in (row.created_by, row.submitted_by) if id is not None}
    found = await db.execute(
        select(AccountRow.id, AccountRow.name).where(AccountRow.id.in_(sorted(ids)))
    )
    return {id: name for id, name in found}  # noqa: C416
