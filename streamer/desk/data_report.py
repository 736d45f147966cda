"""The report on data for the office that pays: every SIM's cycles that begin in a month or period.

So each cycle is in one month's report, and twelve of them are the year. A cycle that is not over
says what was used so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from loa.streamer.core.areas import Area
from loa.streamer.core.billing import Cycle, cost, day_of
from loa.streamer.desk import data_usage
from loa.streamer.desk.data_usage import (
    NOTHING,
    Used,
    quota_of,
    rule_of,
    tariff_of,
    zone_of,
)
from loa.streamer.desk.desk import Desk
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.sims import SimRow, TariffRow


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver, as a report names it."""

    id: int
    name: str
    area: Area | None


@dataclass(frozen=True, slots=True)
class Line:
    """A SIM in one cycle. ``cost`` is None without a tariff, ``over`` says that it is complete."""

    sim: SimRow
    area: Area
    receiver: Receiver | None
    tariff: TariffRow | None
    cycle: Cycle
    used: Used
    quota: int | None
    cost: float | None
    over: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """A receiver that used data with a SIM that nobody wrote down."""

    receiver: Receiver
    used: Used


@dataclass(frozen=True, slots=True)
class DataReport:
    """Everything of an area and below it; ``costs`` by currency."""

    area: Area
    first: date
    last: date
    at: float
    lines: tuple[Line, ...]
    unknown: tuple[Unknown, ...]
    used: Used
    costs: dict[str, float]


async def make(desk: Desk, top: Area, first: date, last: date) -> DataReport:
    """Return the report of cycles that begin on these days."""
    areas = {a.id: a for a in desk.tree.below(top)}
    now = desk.clock()
    async with desk.store.read() as db:
        sims = list(
            await db.scalars(select(SimRow).where(SimRow.area_id.in_(areas)).order_by(SimRow.id))
        )
        tariffs = {row.id: row for row in await db.scalars(select(TariffRow))}
        rows = await db.execute(select(ReceiverRow.id, ReceiverRow.name, ReceiverRow.area_id))
        receivers = {id: Receiver(id, name, desk.tree.get(area)) for id, name, area in rows}
        together: dict[Cycle, list[SimRow]] = {}
        for sim in sims:
            for cycle in rule_of(sim).beginning(first, last):
                together.setdefault(cycle, []).append(sim)
        lines = []
        for cycle, some in together.items():
            used = await data_usage.of_sims(db, [s.id for s in some], cycle.first, cycle.last)
            for sim in some:
                # What was neither in use nor used is no line.
                if sim.id not in used and (
                    sim.state in ("stock", "retired") or _before(sim, cycle)
                ):
                    continue
                today = day_of(zone_of(desk, sim.area_id), now)
                if cycle.first > today:
                    continue
                tariff = tariffs.get(sim.tariff_id or 0)
                amount = used.get(sim.id, NOTHING)
                lines.append(
                    Line(
                        sim, areas[sim.area_id], receivers.get(sim.receiver_id or 0), tariff, cycle,
                        amount, quota_of(sim, tariff),
                        None if tariff is None else cost(tariff_of(tariff), amount.most),
                        cycle.last < today,
                    )
                )  # fmt: skip
        here = [r.id for r in receivers.values() if r.area is not None and r.area.id in areas]
        nameless = await data_usage.without_sim(db, here, first, last)
    lines.sort(key=lambda line: (line.sim.id, line.cycle.first))
    total = sum((line.used for line in lines), NOTHING)
    costs: dict[str, float] = {}
    for line in lines:
        if line.tariff is not None and line.cost is not None:
            currency = line.tariff.currency
            costs[currency] = costs.get(currency, 0.0) + line.cost
    unknown = tuple(Unknown(receivers[id], used) for id, used in sorted(nameless.items()))
    return DataReport(
        top, first, last, now, tuple(lines), unknown,
        sum((u.used for u in unknown), total), costs,
    )  # fmt: skip


def _before(sim: SimRow, cycle: Cycle) -> bool:
    """Say whether a cycle was over before the SIM was there."""
    return sim.installed_on is not None and cycle.last.isoformat() < sim.installed_on
