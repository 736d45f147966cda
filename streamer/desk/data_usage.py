"""The data that receivers and SIMs used, as it was counted, by days and by billing cycles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.billing import RECENT_DAYS, Cycle, CycleRule, Standing, day_of, standing
from loa.streamer.core.billing import Tariff as TariffOf
from loa.streamer.desk.desk import Desk
from loa.streamer.store.tables.sims import DataDayRow, SimRow, TariffRow

AT_ONCE = 500
UNKNOWN_SIM = 0
FIELDS = ("modem_received", "modem_sent", "sent", "received", "overhead")
Key = tuple[int, int, str]
"""Receiver, SIM, day."""


@dataclass(frozen=True, slots=True)
class Used:
    """Bytes: by the modem's count, and by the server's with its estimate of what goes around."""

    modem: int = 0
    server: int = 0
    overhead: int = 0
    """Of ``server``, what is estimated."""

    @property
    def most(self) -> int:
        """What counts against the quota: whichever is more, for either may have missed some."""
        return max(self.modem, self.server)

    def __add__(self, other: Used) -> Used:
        return Used(
            self.modem + other.modem, self.server + other.server, self.overhead + other.overhead
        )


NOTHING = Used()
_SUMS = (
    func.coalesce(func.sum(DataDayRow.modem_received + DataDayRow.modem_sent), 0),
    func.coalesce(func.sum(DataDayRow.sent + DataDayRow.received + DataDayRow.overhead), 0),
    func.coalesce(func.sum(DataDayRow.overhead), 0),
)


async def add(db: AsyncSession, amounts: Mapping[Key, Mapping[str, int]]) -> None:
    """Add bytes to days."""
    keys = list(amounts)
    there: set[Key] = set()
    receivers = sorted({key[0] for key in keys})
    days = sorted({key[2] for key in keys})
    for some in _parts(receivers):
        rows = await db.execute(
            select(DataDayRow.receiver_id, DataDayRow.sim_id, DataDayRow.day).where(
                DataDayRow.receiver_id.in_(some), DataDayRow.day.in_(days)
            )
        )
        there.update((r, s, d) for r, s, d in rows)
    old = [key for key in keys if key in there]
    new = [key for key in keys if key not in there]
    if new:
        await db.execute(insert(DataDayRow), [
            {"receiver_id": r, "sim_id": s, "day": d, **_whole(amounts[r, s, d])}
            for r, s, d in new
        ])  # fmt: skip
    if old:
        table = cast(Table, DataDayRow.__table__)
        await db.execute(
            update(table)
            .where(
                table.c.receiver_id == bindparam("r"),
                table.c.sim_id == bindparam("s"),
                table.c.day == bindparam("d"),
            )
            .values({name: table.c[name] + bindparam(f"n_{name}") for name in FIELDS}),
            [
                {"r": r, "s": s, "d": d,
                 **{f"n_{k}": v for k, v in _whole(amounts[r, s, d]).items()}}
                for r, s, d in old
            ],
        )  # fmt: skip


def _whole(amounts: Mapping[str, int]) -> dict[str, int]:
    return {name: amounts.get(name, 0) for name in FIELDS}


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    return (ids[at : at + AT_ONCE] for at in range(0, len(ids), AT_ONCE))


# --- sums


async def of_sims(
    db: AsyncSession, sims: Sequence[int], first: date, last: date
) -> dict[int, Used]:
    """Return what SIMs used on these days, by their ids; those without anything are left out."""
    return await _sums(db, DataDayRow.sim_id, sims, first, last)


async def without_sim(
    db: AsyncSession, receivers: Sequence[int], first: date, last: date
) -> dict[int, Used]:
    """Return what receivers used on these days with a SIM that nobody knows."""
    return await _sums(
        db, DataDayRow.receiver_id, receivers, first, last, DataDayRow.sim_id == UNKNOWN_SIM
    )


async def _sums(
    db: AsyncSession, column: Any, ids: Sequence[int], first: date, last: date, *more: Any
) -> dict[int, Used]:
    found: dict[int, Used] = {}
    for some in _parts(ids):
        rows = await db.execute(
            select(column, *_SUMS)
            .where(
                column.in_(some),
                DataDayRow.day >= first.isoformat(),
                DataDayRow.day <= last.isoformat(),
                *more,
            )
            .group_by(column)
        )
        found |= {id: Used(int(m), int(s), int(o)) for id, m, s, o in rows}
    return found


async def days_of(
    db: AsyncSession, receiver: int, first: date, last: date
) -> list[tuple[date, int, Used]]:
    """Return what a receiver used day by day: the day, the SIM (0: unknown), the bytes."""
    rows = await db.execute(
        select(DataDayRow.day, DataDayRow.sim_id, *_SUMS)
        .where(
            DataDayRow.receiver_id == receiver,
            DataDayRow.day >= first.isoformat(),
            DataDayRow.day <= last.isoformat(),
        )
        .group_by(DataDayRow.day, DataDayRow.sim_id)
        .order_by(DataDayRow.day, DataDayRow.sim_id)
    )
    return [(date.fromisoformat(d), s, Used(int(m), int(b), int(o))) for d, s, m, b, o in rows]


# --- SIMs in their cycles


def rule_of(sim: SimRow) -> CycleRule:
    """Return the billing cycles of a SIM."""
    if sim.cycle == "package" and sim.cycle_from:
        return CycleRule(days=sim.cycle_days, start=date.fromisoformat(sim.cycle_from))
    return CycleRule(day=sim.cycle_day)


def quota_of(sim: SimRow, tariff: TariffRow | None) -> int | None:
    """Return the bytes that a SIM has in a cycle; None: nobody said."""
    if sim.quota_bytes is not None:
        return sim.quota_bytes or None
    return None if tariff is None else tariff.package_bytes or None


def tariff_of(row: TariffRow) -> TariffOf:
    """Return a tariff as the core has it."""
    return TariffOf(row.package_bytes, row.package_price, row.megabyte_price, row.currency)


def zone_of(desk: Desk, area: int) -> str:
    """Return the time zone of an area, also of one that is no more."""
    found = desk.tree.get(area)
    zone = None if found is None else desk.policies.effective(found).timezone
    return zone or "Asia/Ho_Chi_Minh"


async def standings(
    desk: Desk, db: AsyncSession, sims: Collection[SimRow], now: float
) -> dict[int, Standing]:
    """Return how SIMs stand in their cycles now, by their ids: a few queries for all of them."""
    tariffs = {row.id: row for row in await db.scalars(select(TariffRow))}
    cycles: dict[int, Cycle] = {}
    together: dict[Cycle, list[int]] = {}
    recent: dict[date, list[int]] = {}
    for sim in sims:
        today = day_of(zone_of(desk, sim.area_id), now)
        cycle = cycles[sim.id] = rule_of(sim).at(today)
        together.setdefault(cycle, []).append(sim.id)
        recent.setdefault(today, []).append(sim.id)
    used: dict[int, Used] = {}
    for cycle, ids in together.items():
        used |= await of_sims(db, ids, cycle.first, cycle.last)
    lately: dict[int, Used] = {}
    begun: dict[int, str] = {}
    for today, ids in recent.items():
        lately |= await of_sims(db, ids, today - timedelta(days=RECENT_DAYS), today)
        for some in _parts(ids):
            rows = await db.execute(
                select(DataDayRow.sim_id, func.min(DataDayRow.day))
                .where(
                    DataDayRow.sim_id.in_(some),
                    DataDayRow.day >= (today - timedelta(days=RECENT_DAYS)).isoformat(),
                )
                .group_by(DataDayRow.sim_id)
            )
            begun.update((id, day) for id, day in rows)
    found = {}
    for sim in sims:
        zone = zone_of(desk, sim.area_id)
        days = 0.0
        if sim.id in begun:
            since = date.fromisoformat(begun[sim.id])
            days = (now - Cycle(since, since).times(zone)[0]) / 86_400
        found[sim.id] = standing(
            cycles[sim.id], zone, now, used=used.get(sim.id, NOTHING).most,
            quota=quota_of(sim, tariffs.get(sim.tariff_id or 0)),
            recent=lately.get(sim.id, NOTHING).most, recent_days=days,
        )  # fmt: skip
    return found
