"""Many SIMs at once: added, or changed where they are there, all or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area
from loa.streamer.desk import sims
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import DeskError, FieldProblem, Invalid
from loa.streamer.desk.sims import SimWish
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.sims import SimRow, TariffRow

MOST_PROBLEMS = 100
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """What a line says. ``area``: whose it is; ``tariff``: by its name."""

    area: Area | None
    wish: SimWish
    tariff: str | None = None
    receiver: int | None = None


@dataclass(slots=True)
class Done:
    """How many were added, changed and put into receivers."""

    added: int = 0
    changed: int = 0
    assigned: int = 0


class _DryRun(Exception):
    """Nothing of it is to be kept."""


async def take_list(
    desk: Desk,
    actor: Actor,
    listed: Sequence[Listed],
    require: Callable[[Area], None],
    *,
    dry_run: bool = False,
) -> Done:
    """Do it; ``require`` raises where there is no right. Raises ``Invalid``, naming the lines."""
    done = Done()
    try:
        async with desk.work(actor) as work:
            taking = await _Taking.begin(desk, work, listed, require)
            problems: list[FieldProblem] = []
            for at, item in enumerate(listed):
                try:
                    await taking.take(item, done)
                except Invalid as error:
                    problems += [replace(f, field=f"items.{at}.{f.field}") for f in error.fields]
                except DeskError as error:
                    problems.append(FieldProblem(f"items.{at}", error.code, error.values))
                if len(problems) >= MOST_PROBLEMS:
                    break
            if problems:
                raise Invalid(*problems[:MOST_PROBLEMS])
            if dry_run:
                raise _DryRun
    except _DryRun:
        pass
    return done


class _Taking:
    """The lines are taken one by one; what they name was read before."""

    def __init__(self, desk: Desk, work: Work, require: Callable[[Area], None]) -> None:
        self._desk, self._work, self._require = desk, work, require
        self._sims: dict[str, SimRow] = {}
        self._receivers: dict[int, ReceiverRow] = {}
        self._tariffs: list[TariffRow] = []
        self._seen: set[str] = set()

    @classmethod
    async def begin(
        cls, desk: Desk, work: Work, listed: Sequence[Listed], require: Callable[[Area], None]
    ) -> _Taking:
        taking = cls(desk, work, require)
        await taking._read(work.db, listed)
        return taking

    async def _read(self, db: AsyncSession, listed: Sequence[Listed]) -> None:
        iccids = sorted({item.wish.iccid for item in listed if item.wish.iccid})
        ids = sorted({item.receiver for item in listed if item.receiver is not None})
        for at in range(0, len(iccids), AT_ONCE):
            some = iccids[at : at + AT_ONCE]
            rows = await db.scalars(select(SimRow).where(SimRow.iccid.in_(some)))
            self._sims |= {row.iccid: row for row in rows}
        for at in range(0, len(ids), AT_ONCE):
            found = await db.scalars(
                select(ReceiverRow).where(ReceiverRow.id.in_(ids[at : at + AT_ONCE]))
            )
            self._receivers |= {row.id: row for row in found}
        self._tariffs = list(await db.scalars(select(TariffRow)))

    async def take(self, item: Listed, done: Done) -> None:
        iccid = item.wish.iccid or ""
        if iccid in self._seen:
            raise Invalid(FieldProblem("iccid", "sim.twice"))
        self._seen.add(iccid)
        row = self._sims.get(iccid)
        area = item.area if row is None else self._desk.tree.get(row.area_id)
        if area is None:
            raise Invalid(FieldProblem("area", "field.missing"))
        self._require(area)
        wish = self._with_tariff(item, area)
        if row is None:
            row = await sims.make_in(self._desk, self._work, area, wish)
            done.added += 1
        else:
            changed = await sims.change_in(self._desk, self._work, row, wish)
            if item.area is not None and item.area.id != row.area_id:
                self._require(item.area)
                row.area_id = item.area.id
                row.version += 1
                self._work.record("sim.moved", area=item.area.id, subject=f"sim/{row.id}")
                changed = True
            done.changed += changed
        if item.receiver is not None and item.receiver != row.receiver_id:
            receiver = self._receivers.get(item.receiver)
            there = None if receiver is None else self._desk.tree.get(receiver.area_id)
            if receiver is None or receiver.state == "removed" or there is None:
                raise Invalid(FieldProblem("receiver", "receiver.unknown", {"id": item.receiver}))
            self._require(there)
            await sims.put(self._desk, self._work, row, item.receiver, "staff")
            done.assigned += 1

    def _with_tariff(self, item: Listed, area: Area) -> SimWish:
        if item.tariff is None:
            return item.wish
        above = [a.id for a in self._desk.tree.lineage(area)]
        found = [t for t in self._tariffs if t.name == item.tariff and t.area_id in above]
        if not found:
            raise Invalid(FieldProblem("tariff_name", "tariff.no_name", {"name": item.tariff}))
        nearest = min(found, key=lambda t: above.index(t.area_id))
        return replace(item.wish, tariff_id=nearest.id)
