"""The queue of a station: what waits to be played there, in which order, and who put it there.

An entry is *offered* (from an upper level, and the commune has not decided), *accepted*,
*declined*, *removed*, or *done*: played as often as it was to be, or expired. The first two are
open. A queue has a version, made of its open entries, so that whoever orders it orders what he saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area
from loa.streamer.core.rights import BulletinClass
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.distribution import OPEN, stations_of, targets_of
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound, Stale
from loa.streamer.desk.slots import require_station
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.schedule import EntryRow

MAX_OPEN = 500
"""Open entries of one station."""
MAX_PER_DAY = 24
MAX_DAYS = 366
MAX_TARGETS = 500


@dataclass(frozen=True, slots=True)
class EntryWish:
    """How an entry is to be played; the names are those of the columns."""

    per_day: int = 1
    days: int = 1
    not_before: float | None = None
    expires_at: float | None = None
    targets: tuple[int, ...] | None = None


async def add_entry(
    desk: Desk, actor: Actor, area: Area, bulletin: int, wish: EntryWish
) -> EntryRow:
    """Put a bulletin at the end of a station's queue; it is planned once it is approved.

    Raises ``Invalid`` naming every wrong field, and ``Conflict``.
    """
    require_station(desk, area, "queue.not_station")
    async with desk.work(actor) as work:
        row = await work.db.get(BulletinRow, bulletin)
        if row is None:
            raise Invalid(FieldProblem("bulletin", "queue.no_bulletin", {"id": bulletin}))
        await _check_bulletin(desk, work.db, area, row)
        wish = _checked(desk, area, wish, row, work.now)
        if await _count(work.db, area) >= MAX_OPEN:
            raise Conflict("queue.full", limit=MAX_OPEN)
        entry = EntryRow(
            area_id=area.id, bulletin_id=row.id, origin="own", state="accepted",
            position=await _end(work.db, area), added_at=work.now, added_by=actor.who,
            **_columns(wish),
        )  # fmt: skip
        work.db.add(entry)
        await work.db.flush()
        _record(work, "added", entry, title=row.title)
        return entry


async def change_entry(
    desk: Desk, actor: Actor, entry: int, version: int, changes: Mapping[str, Any]
) -> EntryRow:
    """Change how an entry is played. Raises ``DeskError``."""
    async with desk.work(actor) as work:
        row, bulletin = await _newest(work, entry, version)
        _refuse_closed(row)
        if row.origin == "upper" and bulletin.cls != BulletinClass.ROUTINE:
            raise Conflict("queue.fixed")
        area = desk.area(row.area_id)
        before = _wish_of(row)
        wish = _checked(desk, area, replace(before, **changes), bulletin, work.now, changed=changes)
        for name, value in _columns(wish).items():
            setattr(row, name, value)
        row.version += 1
        changed = {name: value for name, value in changes.items() if getattr(before, name) != value}
        _record(work, "changed", row, changed=changed)
        return row


async def remove_entry(desk: Desk, actor: Actor, entry: int, version: int) -> None:
    """Take an entry out of the queue. Raises ``DeskError``."""
    async with desk.work(actor) as work:
        row, bulletin = await _newest(work, entry, version)
        _refuse_closed(row)
        if row.origin == "upper" and bulletin.cls != BulletinClass.ROUTINE:
            raise Conflict("queue.priority")
        row.state = "removed"
        row.version += 1
        _record(work, "removed", row, title=bulletin.title)


async def decide(desk: Desk, actor: Actor, entry: int, accept: bool) -> EntryRow:
    """Accept or decline what an upper level sent; the last word counts until it was played.

    Raises ``Conflict`` for what is of priority and cannot be declined, or is not an upper level's.
    """
    async with desk.work(actor) as work:
        row, bulletin = await _newest(work, entry, None)
        state = "accepted" if accept else "declined"
        if row.origin != "upper":
            raise Conflict("queue.own")
        if not accept and bulletin.cls != BulletinClass.ROUTINE:
            raise Conflict("queue.priority")
        if row.state in ("removed", "done"):
            raise Conflict("queue.closed")
        if row.state != state:
            if accept:
                row.position = await _end(work.db, desk.area(row.area_id))
            row.state = state
            row.version += 1
            _record(work, state, row, title=bulletin.title)
        return row


async def order(desk: Desk, actor: Actor, area: Area, version: int, entries: Sequence[int]) -> int:
    """Give the accepted entries of a queue this order; return the queue's new version.

    Those of priority go before the others in any case, each class in the order given. Raises
    ``Stale`` when the queue is not the one that was seen, and ``Invalid``.
    """
    async with desk.work(actor) as work:
        rows = {row.id: row for row in await _open(work.db, area)}
        there = version_of(rows.values())
        if there != version:
            raise Stale(there)
        accepted = {id for id, row in rows.items() if row.state == "accepted"}
        problems = [
            FieldProblem(f"entries.{n}", "queue.not_in", {"id": id})
            for n, id in enumerate(entries)
            if id not in accepted
        ]
        if len(set(entries)) != len(entries):
            problems.append(FieldProblem("entries", "queue.twice"))
        if not problems and len(entries) != len(accepted):
            missing = sorted(accepted - set(entries))
            problems.append(FieldProblem("entries", "queue.missing", {"ids": missing}))
        if problems:
            raise Invalid(*problems[:100])
        for position, id in enumerate(entries, 1):
            rows[id].position = float(position)
        work.record("queue.ordered", area=area.id, subject=f"area/{area.id}", entries=list(entries))
        return version_of(rows.values())


def version_of(rows: Iterable[Any]) -> int:
    """Return the version of a queue: a digest of what whoever orders it looks at."""
    digest = hashlib.sha256()
    for row in sorted(rows, key=lambda row: row.id):
        digest.update(f"{row.id} {row.state} {row.position!r};".encode())
    return int.from_bytes(digest.digest()[:6])


async def _check_bulletin(desk: Desk, db: AsyncSession, area: Area, row: BulletinRow) -> None:
    """Raise ``Invalid`` for what cannot be in this queue: not for here, thrown away, a call."""
    if row.cls >= BulletinClass.EMERGENCY:
        raise Invalid(FieldProblem("bulletin", "queue.emergency"))
    if row.state in ("rejected", "withdrawn"):
        raise Invalid(FieldProblem("bulletin", "queue.thrown_away", {"title": row.title}))
    origin = desk.tree.get(row.area_id)
    near = origin is not None and desk.tree.station_of(origin) == area
    if not near and area.id not in stations_of(desk.tree, await targets_of(db, row.id)):
        raise Invalid(
            FieldProblem("bulletin", "queue.not_for", {"title": row.title, "area": area.name})
        )


def _checked(
    desk: Desk,
    area: Area,
    wish: EntryWish,
    bulletin: BulletinRow,
    now: float,
    changed: Collection[str] | None = None,
) -> EntryWish:
    """Return a wish in its normal form; raise ``Invalid`` naming every field that is wrong."""
    problems = []
    for name, value, low, high in (
        ("per_day", wish.per_day, 1, MAX_PER_DAY),
        ("days", wish.days, 0, MAX_DAYS),
    ):
        if value < low:
            problems.append(FieldProblem(name, "field.too_small", {"limit": low}))
        if value > high:
            problems.append(FieldProblem(name, "field.too_large", {"limit": high}))
    expires = wish.expires_at
    if expires is not None and expires <= now and (changed is None or "expires_at" in changed):
        problems.append(FieldProblem("expires_at", "queue.past"))
    ends = [t for t in (expires, bulletin.expires_at) if t is not None]
    if wish.not_before is not None and ends and min(ends) <= wish.not_before:
        late = "expires_at" if expires is not None and expires <= wish.not_before else "not_before"
        problems.append(FieldProblem(late, "queue.ends_before"))
    if wish.days == 0 and not ends:
        problems.append(FieldProblem("expires_at", "queue.endless"))
    if wish.targets is not None:
        problems += _target_problems(desk, area, wish.targets)
        wish = replace(wish, targets=tuple(sorted(set(wish.targets))))
        if area.id in (wish.targets or ()):
            wish = replace(wish, targets=None)
    if problems:
        raise Invalid(*problems)
    return wish


def _target_problems(desk: Desk, area: Area, targets: Sequence[int]) -> Iterable[FieldProblem]:
    if not targets:
        yield FieldProblem("targets", "field.too_few", {"limit": 1})
    if len(targets) > MAX_TARGETS:
        yield FieldProblem("targets", "field.too_many", {"limit": MAX_TARGETS})
    for n, id in enumerate(targets[:MAX_TARGETS]):
        target = desk.tree.get(id)
        if target is None:
            yield FieldProblem(f"targets.{n}", "area.unknown", {"area": id})
        elif desk.tree.station_of(target) != area:
            values = {"target": target.name, "area": area.name}
            yield FieldProblem(f"targets.{n}", "queue.target", values)


def _wish_of(row: EntryRow) -> EntryWish:
    said = {f.name: getattr(row, f.name) for f in fields(EntryWish)}
    targets = None if row.targets is None else tuple(row.targets)
    return EntryWish(**{**said, "targets": targets})


def _columns(wish: EntryWish) -> dict[str, Any]:
    said = {f.name: getattr(wish, f.name) for f in fields(EntryWish)}
    return {**said, "targets": None if wish.targets is None else list(wish.targets)}


def _refuse_closed(row: EntryRow) -> None:
    if row.state not in OPEN:
        raise Conflict("queue.closed")


async def _newest(work: Work, entry: int, version: int | None) -> tuple[EntryRow, BulletinRow]:
    row = await work.db.get(EntryRow, entry, with_for_update=True)
    if row is None:
        raise NotFound("entry.unknown", id=entry)
    if version is not None and row.version != version:
        raise Stale(row.version)
    bulletin = await work.db.get(BulletinRow, row.bulletin_id)
    assert bulletin is not None
    return row, bulletin


async def _open(db: AsyncSession, area: Area) -> list[EntryRow]:
    rows = await db.scalars(
        select(EntryRow)
        .where(EntryRow.area_id == area.id, EntryRow.state.in_(OPEN))
        .order_by(EntryRow.position, EntryRow.id)
    )
    return list(rows)


async def _count(db: AsyncSession, area: Area) -> int:
    count = await db.scalar(
        select(func.count()).where(EntryRow.area_id == area.id, EntryRow.state.in_(OPEN))
    )
    return count or 0


async def _end(db: AsyncSession, area: Area) -> float:
    last = await db.scalar(select(func.max(EntryRow.position)).where(EntryRow.area_id == area.id))
    return (last or 0.0) + 1


def _record(work: Work, what: str, row: EntryRow, **details: Any) -> None:
    work.record(
        f"queue.{what}", area=row.area_id, subject=f"entry/{row.id}", bulletin=row.bulletin_id,
        **details,
    )  # fmt: skip
