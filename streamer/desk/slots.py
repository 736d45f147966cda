"""Slots of stations: made, changed and removed, never two at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.addresses import AddressRefused, target
from loa.streamer.core.areas import Area
from loa.streamer.core.localtime import local_day
from loa.streamer.core.recurrence import RuleError, parse
from loa.streamer.core.slots import MAX_MINUTES, Slot, local_text, moment, overlap
from loa.streamer.core.windows import SlotContent
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound, Stale
from loa.streamer.store.tables.schedule import HolidayRow, SlotRow

MAX_SLOTS = 60
"""Of one station."""
MAX_EXCEPTIONS = 400


@dataclass(frozen=True, slots=True)
class SlotWish:
    """What somebody says of a slot; the names are those of the columns."""

    name: str = ""
    first: str = ""
    minutes: int = 0
    rrule: str = ""
    content: str = SlotContent.QUEUE.value
    relay: str = ""
    relay_alternative: str = ""
    exceptions: tuple[str, ...] = ()
    on_holidays: bool = True
    enabled: bool = True


async def add_slot(desk: Desk, actor: Actor, area: Area, wish: SlotWish) -> SlotRow:
    """Make a slot of a station. Raises ``Invalid`` and ``Conflict``."""
    wish = checked(wish)
    require_station(desk, area, "slot.not_station")
    async with desk.work(actor) as work:
        count = await work.db.scalar(select(func.count()).where(SlotRow.area_id == area.id))
        if (count or 0) >= MAX_SLOTS:
            raise Conflict("slot.too_many", limit=MAX_SLOTS)
        await _refuse_overlaps(desk, work, area, wish, None)
        row = SlotRow(area_id=area.id, **_columns(wish))
        work.db.add(row)
        await work.db.flush()
        _record(work, "created", row, minutes=row.minutes, first=row.first, rrule=row.rrule)
        return row


async def change_slot(
    desk: Desk, actor: Actor, slot: int, version: int, changes: Mapping[str, Any]
) -> SlotRow:
    """Change what ``changes`` names, and leave the rest. Raises ``DeskError``."""
    async with desk.work(actor) as work:
        row = await _newest(work, slot, version)
        area = desk.area(row.area_id)
        before = wish_of(row)
        wish = checked(replace(before, **changes))
        await _refuse_overlaps(desk, work, area, wish, row.id)
        for name, value in _columns(wish).items():
            setattr(row, name, value)
        row.version += 1
        changed = {
            f.name: getattr(wish, f.name)
            for f in fields(SlotWish)
            if getattr(wish, f.name) != getattr(before, f.name)
        }
        _record(work, "changed", row, changed=changed)
        return row


async def remove_slot(desk: Desk, actor: Actor, slot: int, version: int) -> None:
    """Remove a slot; what was planned into it finds another. Raises ``DeskError``."""
    async with desk.work(actor) as work:
        row = await _newest(work, slot, version)
        _record(work, "removed", row, first=row.first, rrule=row.rrule)
        await work.db.delete(row)


def require_station(desk: Desk, area: Area, code: str) -> None:
    """Raise ``Conflict`` with the station that is meant, unless the area is one."""
    if not area.station:
        station = desk.tree.station_of(area)
        others = [] if station is None else [named(station)]
        raise Conflict(code, others, area=area.name)


def named(area: Area) -> dict[str, Any]:
    """Return an area as what something collides with."""
    return {"kind": "area", "id": area.id, "name": area.name, "path": area.path}


def slot_of(row: Any) -> Slot:
    """Return a row as the core knows it; it was checked when it was stored."""
    day, minute = moment(row.first)
    return Slot(
        row.id, day, minute, row.minutes, row.rrule, SlotContent(row.content), row.relay,
        row.relay_alternative, frozenset(ordinal(d) for d in row.exceptions), row.on_holidays,
    )  # fmt: skip


def ordinal(day: str) -> int:
    """Return an ISO date as an ordinal."""
    return date.fromisoformat(day).toordinal()


def wish_of(row: SlotRow) -> SlotWish:
    """Return what a slot says."""
    said = {f.name: getattr(row, f.name) for f in fields(SlotWish)}
    return SlotWish(**{**said, "exceptions": tuple(row.exceptions)})


def checked(wish: SlotWish) -> SlotWish:
    """Return a wish in its normal form; raise ``Invalid`` naming every field that is wrong."""
    problems = list(_problems(wish))
    if problems:
        raise Invalid(*problems)
    relay = wish.content == SlotContent.RELAY
    rule = wish.rrule.strip().upper().removeprefix("RRULE:")
    exceptions = tuple(sorted({date.fromisoformat(d).isoformat() for d in wish.exceptions}))
    day, minute = moment(wish.first)
    wish = replace(
        wish,
        first=local_text(day, minute),
        rrule=rule,
        exceptions=exceptions,
        relay=wish.relay if relay else "",
        relay_alternative=wish.relay_alternative if relay else "",
    )
    off = frozenset(ordinal(d) for d in exceptions)
    if Slot(0, day, minute, wish.minutes, rule, exceptions=off).never():
        raise Invalid(FieldProblem("rrule", "slot.never"))
    return wish


def _problems(wish: SlotWish) -> Iterable[FieldProblem]:
    if not wish.name.strip():
        yield FieldProblem("name", "field.missing")
    try:
        moment(wish.first)
    except ValueError:
        yield FieldProblem("first", "slot.first")
    if not 1 <= wish.minutes <= MAX_MINUTES:
        yield FieldProblem("minutes", "slot.minutes", {"limit": MAX_MINUTES})
    if wish.rrule.strip():
        try:
            parse(wish.rrule.strip().upper().removeprefix("RRULE:"))
        except RuleError as error:
            yield FieldProblem("rrule", error.code, {"part": error.part})
    if len(wish.exceptions) > MAX_EXCEPTIONS:
        yield FieldProblem("exceptions", "field.too_many", {"limit": MAX_EXCEPTIONS})
    for n, day in enumerate(wish.exceptions):
        try:
            date.fromisoformat(day)
        except ValueError:
            yield FieldProblem(f"exceptions.{n}", "slot.date")
    if wish.content not in set(SlotContent):
        yield FieldProblem("content", "field.choice", {"expected": ", ".join(SlotContent)})
    if wish.content == SlotContent.RELAY:
        if not wish.relay:
            yield FieldProblem("relay", "slot.relay_missing")
        for name in ("relay", "relay_alternative"):
            url = getattr(wish, name)
            try:
                if url:
                    target(url)
            except AddressRefused as error:
                yield FieldProblem(name, "field.invalid", {"reason": str(error)})
    elif wish.relay or wish.relay_alternative:
        yield FieldProblem("relay", "slot.relay_unused")


def _columns(wish: SlotWish) -> dict[str, Any]:
    columns = {f.name: getattr(wish, f.name) for f in fields(SlotWish)}
    return {**columns, "name": wish.name.strip(), "exceptions": list(wish.exceptions)}


async def _newest(work: Work, slot: int, version: int) -> SlotRow:
    row = await work.db.get(SlotRow, slot, with_for_update=True)
    if row is None:
        raise NotFound("slot.unknown", id=slot)
    if row.version != version:
        raise Stale(row.version)
    return row


async def _refuse_overlaps(
    desk: Desk, work: Work, area: Area, wish: SlotWish, itself: int | None
) -> None:
    """Raise ``Conflict`` naming every slot of the station that this one would collide with."""
    if not wish.enabled:
        return
    mine = slot_of(SlotRow(id=0, **_columns(wish)))
    rows = await work.db.scalars(
        select(SlotRow).where(SlotRow.area_id == area.id, SlotRow.enabled).order_by(SlotRow.id)
    )
    today = local_day(str(desk.policies.effective(area).timezone), work.now)
    off = await holidays(desk, work.db, area)
    others = []
    # What begins later than in thirteen months is looked at from its own beginning.
    for row in rows:
        if row.id == itself:
            continue
        theirs = slot_of(row)
        found = overlap(mine, theirs, max(today, mine.first, theirs.first), off)
        if found is not None:
            at = local_text(found.day, found.minute)
            others.append({"kind": "slot", "id": row.id, "name": row.name, "first": at})
    if others:
        raise Conflict("slot.overlap", others, name=others[0]["name"], at=others[0]["first"])


async def holidays(desk: Desk, db: AsyncSession, area: Area) -> set[int]:
    """Return the days off of an area, its own and inherited ones, as ordinals."""
    above = [a.id for a in desk.tree.lineage(area)]
    days = await db.scalars(select(HolidayRow.date).where(HolidayRow.area_id.in_(above)))
    return {ordinal(day) for day in days}


def _record(work: Work, what: str, row: SlotRow, **details: Any) -> None:
    work.record(
        f"slot.{what}", area=row.area_id, subject=f"slot/{row.id}", name=row.name, **details
    )
