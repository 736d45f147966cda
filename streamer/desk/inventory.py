"""The inventory: receivers and SIMs of an area and below it, installed and handed over when."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from loa.streamer.core.areas import Area
from loa.streamer.desk.desk import Desk
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.sims import SimRow, TariffRow


@dataclass(frozen=True, slots=True)
class Inventory:
    """Rows with their areas; ``sim_of``: by receiver the SIM that it has."""

    area: Area
    at: float
    receivers: tuple[tuple[ReceiverRow, Area], ...]
    sims: tuple[tuple[SimRow, Area], ...]
    sim_of: dict[int, SimRow]
    tariffs: dict[int, TariffRow]
    names: dict[int, str]
    """Of receivers."""


async def make(desk: Desk, top: Area) -> Inventory:
    """Return what there is now."""
    areas = {a.id: a for a in desk.tree.below(top)}
    async with desk.store.read() as db:
        receivers = list(
            await db.scalars(
                select(ReceiverRow)
                .where(ReceiverRow.area_id.in_(areas), ReceiverRow.state != "removed")
                .order_by(ReceiverRow.id)
            )
        )
        sims = list(await db.scalars(select(SimRow).order_by(SimRow.id)))
        tariffs = {row.id: row for row in await db.scalars(select(TariffRow))}
    names = {row.id: row.name for row in receivers}
    return Inventory(
        top, desk.clock(),
        tuple((row, areas[row.area_id]) for row in receivers),
        tuple((row, areas[row.area_id]) for row in sims if row.area_id in areas),
        {row.receiver_id: row for row in sims if row.receiver_id is not None},
        tariffs, names,
    )  # fmt: skip
