"""SIMs and tariffs at the desk: kept, put into receivers, imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area
from loa.streamer.desk.desk import Actor, Desk, Work, server_actor
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound, Stale
from loa.streamer.desk.receiver_settings import set_cached_only
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.sims import SimPlaceRow, SimRow, TariffRow

STATES = ("stock", "active", "suspended", "retired")
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SimWish:
    """What of a SIM can be said; None: as it is. Dates are ISO 8601; 0 bytes: no quota."""

    iccid: str | None = None
    operator: str | None = None
    number: str | None = None
    tariff_id: int | None = None
    quota_bytes: int | None = None
    cycle: str | None = None
    cycle_day: int | None = None
    cycle_days: int | None = None
    cycle_from: str | None = None
    state: str | None = None
    installed_on: str | None = None
    handed_over_on: str | None = None
    notes: str | None = None

    def given(self) -> dict[str, Any]:
        """Return what is to be different."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class TariffWish:
    """What of a tariff can be said; None: as it is."""

    name: str | None = None
    operator: str | None = None
    package_bytes: int | None = None
    package_price: float | None = None
    megabyte_price: float | None = None
    currency: str | None = None

    def given(self) -> dict[str, Any]:
        """Return what is to be different."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in said.items() if value is not None}


# --- tariffs


async def make_tariff(desk: Desk, actor: Actor, area: Area, wish: TariffWish) -> TariffRow:
    """Make a tariff, for the SIMs of an area and those below; its name must be given."""
    async with desk.work(actor) as work:
        row = TariffRow(area_id=area.id, **wish.given())
        work.db.add(row)
        await work.db.flush()
        work.record("tariff.created", area=area.id, subject=f"tariff/{row.id}", **wish.given())
    return row


async def change_tariff(
    desk: Desk, actor: Actor, id: int, version: int, wish: TariffWish
) -> TariffRow:
    """Change a tariff; what was used before costs by the new one, too."""
    async with desk.work(actor) as work:
        row = await work.db.get(TariffRow, id, with_for_update=True)
        if row is None:
            raise NotFound("tariff.unknown", id=id)
        if row.version != version:
            raise Stale(row.version)
        for name, value in wish.given().items():
            setattr(row, name, value)
        row.version += 1
        work.record("tariff.changed", area=row.area_id, subject=f"tariff/{id}", **wish.given())
    return row


async def remove_tariff(desk: Desk, actor: Actor, id: int) -> None:
    """Remove a tariff that no SIM has."""
    async with desk.work(actor) as work:
        row = await work.db.get(TariffRow, id, with_for_update=True)
        if row is None:
            raise NotFound("tariff.unknown", id=id)
        has = await work.db.scalar(select(SimRow.iccid).where(SimRow.tariff_id == id).limit(1))
        if has is not None:
            raise Conflict("tariff.used", iccid=has)
        await work.db.delete(row)
        work.record("tariff.removed", area=row.area_id, subject=f"tariff/{id}", name=row.name)


# --- SIMs


async def make(desk: Desk, actor: Actor, area: Area, wish: SimWish) -> SimRow:
    """Put a SIM into the inventory; its ICCID must be given."""
    async with desk.work(actor) as work:
        return await make_in(desk, work, area, wish)


async def make_in(desk: Desk, work: Work, area: Area, wish: SimWish) -> SimRow:
    """The same, within a piece of work."""
    there = await work.db.scalar(select(SimRow.id).where(SimRow.iccid == wish.iccid))
    if there is not None:
        raise Conflict("sim.there", [{"kind": "sim", "id": there, "name": wish.iccid}])
    await _check(desk, work.db, area, wish)
    row = SimRow(area_id=area.id, warned=[], created_at=work.now, **wish.given())
    _check_cycle(row)
    work.db.add(row)
    await work.db.flush()
    work.record("sim.created", area=area.id, subject=f"sim/{row.id}", **wish.given())
    return row


async def change(desk: Desk, actor: Actor, id: int, version: int, wish: SimWish) -> SimRow:
    """Change what is said of a SIM."""
    async with desk.work(actor) as work:
        row = await get(work.db, id)
        if row.version != version:
            raise Stale(row.version)
        await change_in(desk, work, row, wish)
    return row


async def change_in(desk: Desk, work: Work, row: SimRow, wish: SimWish) -> bool:
    """The same, within a piece of work; return whether anything is different."""
    given = {k: v for k, v in wish.given().items() if getattr(row, k) != v}
    if not given:
        return False
    if "iccid" in given:
        there = await work.db.scalar(select(SimRow.id).where(SimRow.iccid == given["iccid"]))
        if there is not None:
            raise Conflict("sim.there", [{"kind": "sim", "id": there, "name": given["iccid"]}])
    area = desk.tree.get(row.area_id)
    if area is not None:
        await _check(desk, work.db, area, wish)
    for name, value in given.items():
        setattr(row, name, value)
    _check_cycle(row)
    row.version += 1
    if row.state == "retired" and row.receiver_id is not None:
        await _take_out(desk, work, row)
    work.record("sim.changed", area=row.area_id, subject=f"sim/{row.id}", **given)
    return True


async def move(desk: Desk, actor: Actor, id: int, version: int, area: Area) -> SimRow:
    """Have it belong to another area."""
    async with desk.work(actor) as work:
        row = await get(work.db, id)
        if row.version != version:
            raise Stale(row.version)
        row.area_id, row.version = area.id, version + 1
        work.record("sim.moved", area=area.id, subject=f"sim/{id}")
    return row


async def assign(desk: Desk, actor: Actor, id: int, version: int, receiver: int | None) -> SimRow:
    """Put a SIM into a receiver, or (None) take it out; whichever was in there is out then."""
    async with desk.work(actor) as work:
        row = await get(work.db, id)
        if row.version != version:
            raise Stale(row.version)
        if row.receiver_id == receiver:
            return row
        if row.state == "retired":
            raise Conflict("sim.retired")
        await put(desk, work, row, receiver, "staff")
    return row


async def put(desk: Desk, work: Work, row: SimRow, receiver: int | None, how: str) -> None:
    """Put a SIM into a receiver within a piece of work. ``how``: staff or box."""
    if row.receiver_id is not None:
        await _take_out(desk, work, row)
    if receiver is not None:
        other = await work.db.scalar(
            select(SimRow).where(SimRow.receiver_id == receiver).with_for_update()
        )
        if other is not None:
            await _take_out(desk, work, other)
            other.version += 1
        await work.db.flush()
        row.receiver_id = receiver
        if row.state == "stock":
            row.state = "active"
        work.db.add(
            SimPlaceRow(
                sim_id=row.id, receiver_id=receiver, since=work.now, how=how, who=work.actor.who
            )
        )
    row.version += 1
    work.record(
        "sim.assigned", area=row.area_id, subject=f"sim/{row.id}", receiver=receiver, how=how
    )


async def _take_out(desk: Desk, work: Work, row: SimRow) -> None:
    await work.db.execute(
        update(SimPlaceRow)
        .where(SimPlaceRow.sim_id == row.id, SimPlaceRow.until.is_(None))
        .values(until=work.now)
    )
    if row.cached_only and row.receiver_id is not None:
        await set_cached_only(desk, work, [row.receiver_id], False)
    row.receiver_id, row.cached_only = None, False
    await work.db.flush()


async def found_in(desk: Desk, moved: Mapping[int, int]) -> None:
    """Boxes say that they have these SIMs: receivers by SIM."""
    async with desk.work(server_actor(desk.tree)) as work:
        for id, receiver in sorted(moved.items()):
            row = await work.db.get(SimRow, id, with_for_update=True)
            if row is None or row.receiver_id == receiver:
                continue
            if await work.db.get(ReceiverRow, receiver) is not None:
                await put(desk, work, row, receiver, "box")


async def get(db: AsyncSession, id: int) -> SimRow:
    """Return a SIM that is to be changed. Raises ``NotFound``."""
    row = await db.get(SimRow, id, with_for_update=True)
    if row is None:
        raise NotFound("sim.unknown", id=id)
    return row


async def places(db: AsyncSession, id: int) -> Sequence[SimPlaceRow]:
    """Return where a SIM was, newest first; the last hundred."""
    found = await db.scalars(
        select(SimPlaceRow)
        .where(SimPlaceRow.sim_id == id)
        .order_by(SimPlaceRow.id.desc())
        .limit(100)
    )
    return list(found)


async def _check(desk: Desk, db: AsyncSession, area: Area, wish: SimWish) -> None:
    if wish.tariff_id is not None:
        tariff = await db.get(TariffRow, wish.tariff_id)
        above = {a.id for a in desk.tree.lineage(area)}
        if tariff is None or tariff.area_id not in above:
            raise Invalid(FieldProblem("tariff", "tariff.unknown", {"id": wish.tariff_id}))


def _check_cycle(row: SimRow) -> None:
    if row.cycle == "package" and not row.cycle_from:
        raise Invalid(FieldProblem("cycle_from", "sim.cycle_from"))
    if row.cycle_from:
        date.fromisoformat(row.cycle_from)
