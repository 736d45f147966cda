"""The SIM ledger: bytes counted once, put to SIMs and days; warnings; then the cache only."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from loa.codecs.control.vitals import compose
from loa.streamer.core.billing import MB
from loa.streamer.desk import sims
from loa.streamer.desk.data_usage import Used, days_of, of_sims, standings
from loa.streamer.desk.desk import Happening
from loa.streamer.desk.errors import Conflict, Invalid, Stale
from loa.streamer.desk.sims import SimWish, TariffWish
from loa.streamer.fleet.health import HealthTopic
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.fleet.ledger import Ledger
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.sims import SimPlaceRow, SimRow
from support.desk import Office, desk_with_sample
from support.fleet import RecordingWire, connected
from support.receivers import HERE, add_receivers

ICCID, OTHER = "89840480000123456789", "89840480000999999999"
TODAY = date(2026, 9, 21)


@dataclass
class Counting:
    office: Office
    hub: Hub
    ledger: Ledger

    async def told(
        self,
        session: Session,
        received: int,
        *,
        epoch: int = 1,
        before: int = 0,
        iccid: str = "",
        up: float = 60.0,
    ) -> None:
        values = {"modem_epoch": epoch, "modem_received": received, "modem_sent": 0,
                  "modem_before": before, "up_s": up}  # fmt: skip
        await self.hub.take(session, compose(0, values, {}))
        if iccid:
            await self.hub.take(session, compose(0, {}, {"iccid": iccid}))

    async def used(self, receiver: int) -> list[tuple[str, int, Used]]:
        async with self.office.desk.store.read() as db:
            found = await days_of(db, receiver, date(2026, 1, 1), date(2027, 1, 1))
        return [(day.isoformat(), sim, used) for day, sim, used in found]


def begin(office: Office) -> Counting:
    hub = Hub(office.desk.counters)
    health = HealthTopic(office.desk, hub, clock=lambda: office.clock.now)
    ledger = Ledger(office.desk, hub)
    hub.add(health)
    hub.add(ledger)
    health.reported.append(ledger.reported)
    return Counting(office, hub, ledger)


@contextlib.asynccontextmanager
async def counting(
    tmp_path: Path, count: int = 1
) -> AsyncIterator[tuple[Counting, list[int], Session, RecordingWire]]:
    async with desk_with_sample(tmp_path) as office:
        receivers = await add_receivers(office, count)
        found = begin(office)
        await found.ledger.load()
        session, wire = connected(found.hub, receivers[0], office.area(HERE).id)
        yield found, receivers, session, wire


async def add_sim(office: Office, iccid: str = ICCID, **wish: Any) -> SimRow:
    given = SimWish(iccid=iccid, **wish)
    return await sims.make(office.desk, office.server, office.area(HERE), given)


async def test_both_sides_are_counted_and_once(tmp_path: Path) -> None:
    async with counting(tmp_path) as (there, (receiver,), session, wire):
        wire.bytes_sent, wire.bytes_received = 60_000, 600
        await there.told(session, 70_000)
        await there.ledger.step()
        ((day, sim, used),) = await there.used(receiver)
        assert (day, sim, used.modem) == ("2026-09-21", 0, 70_000)
        assert used.server == 60_600 + used.overhead and used.overhead > 6000
        await there.told(session, 70_000)
        await there.ledger.step()
        assert (await there.used(receiver))[0][2] == used
        wire.bytes_sent += 1000
        there.hub.leave(session)  # the last bytes of a session count, too
        await there.ledger.step()
        assert (await there.used(receiver))[0][2].server > used.server + 1000


async def test_what_a_machine_did_before_it_came_is_not_counted(tmp_path: Path) -> None:
    async with counting(tmp_path) as (there, (receiver,), session, _):
        await there.told(session, 6 * 10**9, up=30 * 86_400.0)
        await there.told(session, 6 * 10**9 + 500)
        await there.ledger.write()
        assert sum(used.modem for _, _, used in await there.used(receiver)) == 500


async def test_after_restarts_of_either_side_nothing_is_counted_twice(tmp_path: Path) -> None:
    async with counting(tmp_path) as (there, (receiver,), session, _):
        await there.told(session, 1000)
        await there.ledger.close()
        again = begin(there.office)
        await again.ledger.load()
        session, _ = connected(again.hub, receiver, there.office.area(HERE).id)
        await again.told(session, 1500)
        await again.told(session, 20, epoch=2, before=1500)
        await again.told(session, 5, epoch=3, before=0)  # its memory card was changed
        await again.ledger.step()
        assert sum(used.modem for _, _, used in await again.used(receiver)) == 1525
        await again.told(session, 10**15, epoch=3)
        await again.ledger.step()
        assert sum(used.modem for _, _, used in await again.used(receiver)) == 1525
        assert there.office.desk.counters.snapshot()["ledger.implausible"] == 1


async def test_what_was_used_without_a_connection_is_put_to_its_days(tmp_path: Path) -> None:
    async with counting(tmp_path) as (there, (receiver,), session, _):
        await there.told(session, 1000)
        there.office.clock.now += 3 * 86_400
        await there.told(session, 1000 + 72_000)
        await there.ledger.write()
        used = {day: of.modem for day, _, of in await there.used(receiver)}
        assert list(used) == ["2026-09-21", "2026-09-22", "2026-09-23", "2026-09-24"]
        assert used["2026-09-22"] == used["2026-09-23"] == 24_000
        assert sum(used.values()) == 73_000


async def test_a_sim_follows_the_box_that_has_it(tmp_path: Path) -> None:
    async with counting(tmp_path, 2) as (there, (first, second), session, _):
        sim, other = await add_sim(there.office), await add_sim(there.office, OTHER)
        await sims.assign(there.office.desk, there.office.server, sim.id, 1, first)
        await there.ledger.step()
        await there.told(session, 500)
        await there.told(session, 800, iccid=OTHER)  # somebody changed it on the pole
        await there.told(session, 900)
        await there.ledger.step()
        used = {sim: of.modem for _, sim, of in await there.used(first)}
        assert used == {sim.id: 800, other.id: 100}
        async with there.office.desk.store.read() as db:
            rows = {row.iccid: row for row in await db.scalars(select(SimRow))}
            places = list(await db.scalars(select(SimPlaceRow).order_by(SimPlaceRow.id)))
        assert rows[ICCID].receiver_id is None and rows[OTHER].receiver_id == first
        assert rows[OTHER].state == "active"
        assert [(p.sim_id, p.how, p.until is None) for p in places] == [
            (sim.id, "staff", False), (other.id, "box", True),
        ]  # fmt: skip
        # Staff have the last word, until a box says something new.
        now = rows[OTHER].version
        await sims.assign(there.office.desk, there.office.server, other.id, now, second)
        await there.told(session, 900, iccid=OTHER)
        await there.ledger.step()
        async with there.office.desk.store.read() as db:
            row = await db.get(SimRow, other.id)
        assert row is not None and row.receiver_id == second


def warned(happened: list[Happening]) -> list[str]:
    return [
        h.details.get("level", h.kind.removeprefix("receiver."))
        for h in happened
        if h.kind.startswith("receiver.data_")
    ]


async def test_warnings_then_the_cache_only_until_the_next_cycle(tmp_path: Path) -> None:
    async with counting(tmp_path) as (there, (receiver,), session, _):
        office = there.office
        tariff = await sims.make_tariff(
            office.desk, office.server, office.area("/ha-giang"),
            TariffWish(name="V90", package_bytes=1000 * MB, package_price=90_000),
        )  # fmt: skip
        sim = await add_sim(office, tariff_id=tariff.id, cycle_day=20)
        await sims.assign(office.desk, office.server, sim.id, 1, receiver)
        await there.ledger.step()
        seen = []
        for megabytes in (500, 790, 810, 820, 955, 985, 1100):
            office.clock.now += 1000
            await there.told(session, megabytes * MB)
            await there.ledger.step()
            seen.append(warned(office.happened))
            office.happened.clear()
        assert seen == [[], [], ["80"], [], ["95"], ["data_cached_only"], ["used_up"]]
        async with office.desk.store.read() as db:
            row = await db.get(ReceiverRow, receiver)
            assert row is not None and row.settings == {"cached_only": True}
            assert row.settings_digest  # it was ordered to take them
        office.clock.now += 30 * 86_400  # the next cycle
        await there.ledger.step()
        assert warned(office.happened) == ["data_renewed"]
        async with office.desk.store.read() as db:
            row = await db.get(ReceiverRow, receiver)
            assert row is not None and row.settings == {}


async def test_what_will_not_last_is_warned_of_before(tmp_path: Path) -> None:
    async with counting(tmp_path) as (there, (receiver,), session, _):
        office = there.office
        sim = await add_sim(office, quota_bytes=1000 * MB, cycle="package", cycle_from="2026-09-20")
        await sims.assign(office.desk, office.server, sim.id, 1, receiver)
        await there.ledger.step()
        for day in range(4):
            await there.told(session, (day + 1) * 100 * MB)
            office.clock.now += 86_400
            await there.ledger.step()
        assert warned(office.happened) == ["ahead"]
        async with office.desk.store.read() as db:
            row = await db.get(SimRow, sim.id)
            assert row is not None
            stand = (await standings(office.desk, db, [row], office.clock.now))[sim.id]
        assert stand.quota == 1000 * MB and stand.used == 400 * MB
        assert stand.forecast is not None and stand.forecast > 2000 * MB


async def test_a_database_that_is_away_loses_no_byte(tmp_path: Path) -> None:
    async with counting(tmp_path) as (there, (receiver,), session, _):
        await there.told(session, 1000)
        store = there.office.desk.store
        real = store.write

        @contextlib.asynccontextmanager
        async def broken() -> AsyncIterator[None]:
            raise OSError("away")
            yield

        store.write = broken  # type: ignore[method-assign, assignment]
        with pytest.raises(OSError, match="away"):
            await there.ledger.write()
        await there.told(session, 1700)
        store.write = real  # type: ignore[method-assign]
        await there.ledger.write()
        assert [used.modem for _, _, used in await there.used(receiver)] == [1700]


async def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, server = office.desk, office.server
        (receiver,) = await add_receivers(office)
        sim = await add_sim(office)
        with pytest.raises(Conflict, match="there"):
            await add_sim(office)
        with pytest.raises(Invalid):
            await add_sim(office, OTHER, cycle="package")
        elsewhere = await sims.make_tariff(
            desk, server, office.area("/tuyen-quang"), TariffWish(name="X")
        )
        with pytest.raises(Invalid):
            await add_sim(office, OTHER, tariff_id=elsewhere.id)
        with pytest.raises(Stale):
            await sims.assign(desk, server, sim.id, 9, receiver)
        row = await sims.assign(desk, server, sim.id, 1, receiver)
        row = await sims.change(desk, server, sim.id, row.version, SimWish(state="retired"))
        assert row.receiver_id is None
        with pytest.raises(Conflict, match="retired"):
            await sims.assign(desk, server, sim.id, row.version, receiver)
        async with desk.store.read() as db:
            assert await of_sims(db, [sim.id], TODAY, TODAY) == {}
