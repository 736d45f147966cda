"""The health of receivers at the server: kept, thinned, and told when it matters."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from loa.codecs.control.messages import Health
from loa.codecs.control.vitals import compose
from loa.streamer.core.policy import Policy
from loa.streamer.desk import policies
from loa.streamer.desk.desk import Happening
from loa.streamer.desk.receiver_health import AILING, OFFLINE, ONLINE, hours, reports
from loa.streamer.fleet.health import HealthTopic
from loa.streamer.fleet.health_store import Keep
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.store.tables.receiver_health import AlertRow, HealthReportRow, ReceiverHealthRow
from loa.streamer.store.tables.receivers import ReceiverRow
from support.desk import Office, desk_with_sample
from support.fleet import RecordingWire, connected
from support.receivers import HERE, add_receivers

NORTH = "/ha-giang/quang-binh/na-khuong"
FINE = {"temperature_c": 50.0, "mains": 1, "signal_percent": 60}
DAY = 86_400.0


@dataclass
class Watching:
    """Receivers that are there, and a server that looks every five seconds."""

    office: Office
    hub: Hub
    topic: HealthTopic
    boxes: dict[int, tuple[Session, RecordingWire]] = field(default_factory=dict)

    def connect(self, receivers: Iterable[int], path: str = HERE) -> None:
        for receiver in receivers:
            area = self.office.area(path).id
            self.boxes[receiver] = connected(self.hub, receiver, area)

    def disconnect(self, receivers: Iterable[int]) -> None:
        for receiver in list(receivers):
            self.hub.leave(self.boxes.pop(receiver)[0])

    async def report(self, receiver: int, **values: float) -> None:
        session, _ = self.boxes[receiver]
        message = compose(self.office.clock.now, {**FINE, **values}, {"operator": "Viettel"})
        await self.hub.take(session, message)

    async def run(self, seconds: float, step: float = 5.0) -> list[Happening]:
        """Let time pass, boxes talking; return what was told."""
        before = len(self.office.happened)
        end = self.office.clock.now + seconds
        while self.office.clock.now < end:
            self.office.clock.now += step
            for _, wire in self.boxes.values():
                wire.bytes_received += 60
            await self.topic.step()
        return self.office.happened[before:]

    def state(self, receiver: int) -> str:
        return self.topic.book.state(self.topic.book.known[receiver])


def topic_of(office: Office, **more: Any) -> tuple[Hub, HealthTopic]:
    hub = Hub(office.desk.counters)
    # One clock for both: what passes on one passes on the other.
    topic = HealthTopic(office.desk, hub, clock=lambda: office.clock.now, **more)
    hub.add(topic)
    return hub, topic


@contextlib.asynccontextmanager
async def watching(
    tmp_path: Path, count: int = 1, path: str = HERE, **more: Any
) -> AsyncIterator[tuple[Watching, list[int]]]:
    async with desk_with_sample(tmp_path) as office:
        receivers = await add_receivers(office, count, path)
        hub, topic = topic_of(office, **more)
        await topic.load()
        found = Watching(office, hub, topic)
        found.connect(receivers, path)
        yield found, receivers


def kinds(happened: Sequence[Happening]) -> list[str]:
    return [h.kind for h in happened]


async def alerts(office: Office) -> list[AlertRow]:
    async with office.desk.store.read() as db:
        return list(await db.scalars(select(AlertRow).order_by(AlertRow.id)))


async def test_what_is_told_is_kept_and_shown(tmp_path: Path) -> None:
    async with watching(tmp_path) as (there, (receiver,)):
        await there.report(receiver, temperature_c=51.5)
        assert there.state(receiver) == ONLINE
        assert there.topic.book.known[receiver].texts == {"operator": "Viettel"}
        await there.run(60)
        start = there.office.clock.now
        async with there.office.desk.store.read() as db:
            (point,) = await reports(db, receiver, 0, start)
            row = await db.get(ReceiverHealthRow, receiver)
        assert point.values == {**FINE, "temperature_c": 51.5}
        assert row is not None and row.values == point.values
        assert row.reported_at is not None and row.troubles == []
        strange = Health(at=0, values={"zz": 1.0})
        await there.hub.take(there.boxes[receiver][0], strange)
        assert there.office.desk.counters.snapshot()["health.unknown"] == 1


async def test_one_that_goes_and_comes_back_is_told_within_two_minutes(tmp_path: Path) -> None:
    async with watching(tmp_path, 2) as (there, (lost, _)):
        assert await there.run(300) == []
        went = there.office.clock.now
        there.disconnect([lost])
        (told,) = await there.run(300)
        assert told.kind == "receiver.offline" and told.at - went <= 120
        assert told.subject == f"receiver/{lost}" and told.area == there.office.area(HERE).id
        assert told.details["receivers"] == [{"id": lost, "name": "Cụm loa 1"}]
        assert there.state(lost) == OFFLINE
        there.connect([lost])
        (told,) = await there.run(300)
        assert told.kind == "receiver.online" and there.state(lost) == ONLINE
        (row,) = await alerts(there.office)
        assert row.ended_at is not None and row.missing == []


async def test_a_connection_that_is_dead_without_a_word_is_offline_too(tmp_path: Path) -> None:
    async with watching(tmp_path) as (there, (receiver,)):
        await there.run(60)
        session, wire = there.boxes.pop(receiver)  # it says nothing, and nobody hangs up
        assert kinds(await there.run(300)) == ["receiver.offline"]
        assert there.hub.of(receiver) is session and there.state(receiver) == OFFLINE
        there.boxes[receiver] = session, wire
        assert kinds(await there.run(300)) == ["receiver.online"]


async def test_an_area_that_goes_is_one_alert(tmp_path: Path) -> None:
    async with watching(tmp_path, 12, NORTH) as (there, receivers):
        south = await add_receivers(there.office, 12, "/ha-giang/quang-binh/tien-nguyen")
        there.connect(south, "/ha-giang/quang-binh/tien-nguyen")
        await there.run(60)
        there.disconnect(receivers)
        (told,) = await there.run(300)
        area = there.office.area(NORTH)
        assert told.kind == "receiver.offline" and told.subject == f"area/{area.id}"
        assert told.details["together"] and told.details["count"] == 12
        there.connect(receivers[:11], NORTH)
        (told,) = await there.run(300)
        assert told.kind == "receiver.online" and told.details["missing_count"] == 1
        (row,) = await alerts(there.office)
        assert row.back_at is not None and row.missing == receivers[11:]
        there.connect(receivers[11:], NORTH)
        assert kinds(await there.run(300)) == ["receiver.online"]


async def test_a_restart_of_the_server_alarms_nobody(tmp_path: Path) -> None:
    async with watching(tmp_path, 5) as (there, receivers):
        await there.run(60)
        there.disconnect(receivers[:1])
        await there.run(300)
        await there.topic.close()
        there.office.happened.clear()
        there.office.clock.now += 3600
        hub, topic = topic_of(there.office)
        await topic.load()
        again = Watching(there.office, hub, topic)
        assert await again.run(120) == []
        again.connect(receivers[1:4])
        # One never came back, and one is back that had gone before.
        again.connect(receivers[:1])
        told = await again.run(900)
        assert kinds(told) == ["receiver.online", "receiver.offline"]
        assert told[1].subject == f"receiver/{receivers[4]}"
        assert [row.ended_at is None for row in await alerts(there.office)] == [False, True]


async def test_ailing_and_well_again(tmp_path: Path) -> None:
    async with watching(tmp_path, 2) as (there, (receiver, other)):
        await there.report(other)
        await there.report(receiver, temperature_c=85)
        assert there.state(receiver) == AILING and there.state(other) == ONLINE
        (told,) = await there.run(120)
        assert told.kind == "receiver.ailing" and told.details["trouble"] == "heat"
        await there.report(receiver, temperature_c=75)
        assert await there.run(300) == []
        await there.report(receiver, temperature_c=60)
        (told,) = await there.run(300)
        assert told.kind == "receiver.well" and there.state(receiver) == ONLINE


async def test_a_power_cut_of_a_commune_with_batteries_is_one_alert(tmp_path: Path) -> None:
    async with watching(tmp_path, 10, NORTH) as (there, receivers):
        for receiver in receivers:
            await there.report(receiver, mains=0)
        (told,) = await there.run(300)
        assert told.kind == "receiver.ailing" and told.details["trouble"] == "power"
        assert told.details["count"] == 10
        for receiver in receivers:
            await there.report(receiver)
        assert kinds(await there.run(300)) == ["receiver.well"]


async def test_limits_are_the_areas(tmp_path: Path) -> None:
    async with watching(tmp_path) as (there, (receiver,)):
        office = there.office
        policy = Policy(receiver_limits=(("heat", 95.0),))
        await policies.set_policy(office.desk, office.server, office.area("/ha-giang"), policy, 0)
        await there.report(receiver, temperature_c=85)
        assert await there.run(300) == [] and there.state(receiver) == ONLINE


async def test_who_is_revoked_is_forgotten_without_an_alert(tmp_path: Path) -> None:
    async with watching(tmp_path, 2) as (there, (gone, _)):
        await there.run(60)
        there.disconnect([gone])
        await there.run(300)
        async with there.office.desk.work(there.office.server) as work:
            row = await work.db.get(ReceiverRow, gone)
            assert row is not None
            row.state = "revoked"
            work.record("receiver.revoked", subject=f"receiver/{gone}")
        assert kinds(await there.run(300)) == []
        (row_,) = await alerts(there.office)
        assert row_.ended_at is not None and gone not in there.topic.book.known


async def test_reports_become_hours_and_are_forgotten(tmp_path: Path) -> None:
    keep = Keep(reports=1, hours=3)
    async with watching(tmp_path, keep=keep) as (there, (receiver,)):
        start = there.office.clock.now
        for celsius in (50, 51, 55, 60):
            await there.report(receiver, temperature_c=celsius)
            await there.run(900, step=30)
        await there.run(3 * 3600, step=900)
        async with there.office.desk.store.read() as db:
            kept = await hours(db, receiver, start - 3600, start + DAY)
            assert len(await reports(db, receiver, 0, start + DAY)) == 4
        assert [p.values["temperature_c"] for p in kept] == [[50, 54.0, 60]]
        assert kept[0].values["mains"] == 1
        await there.run(1.2 * DAY, step=3600)
        async with there.office.desk.store.read() as db:
            assert await reports(db, receiver, 0, start + 9 * DAY) == []
            assert len(await hours(db, receiver, 0, start + DAY)) == len(kept)
        await there.run(3 * DAY, step=3600)
        async with there.office.desk.store.read() as db:
            assert await hours(db, receiver, 0, start + 9 * DAY) == []


async def test_an_alert_that_cannot_be_written_keeps_no_other_back(tmp_path: Path) -> None:
    async with watching(tmp_path, 2) as (there, (first, second)):
        await there.run(60)
        async with there.office.desk.store.write() as db:
            db.add(
                AlertRow(
                    id=1,
                    trouble="offline",
                    area_id=there.office.area(HERE).id,
                    together=False,
                    receivers=[],
                    missing=[],
                    began_at=0,
                    told_at=0,
                )
            )  # the number that the next one would have
        there.disconnect([first, second])
        told = await there.run(300)
        assert kinds(told) == ["receiver.offline"]
        assert there.office.desk.counters.snapshot()["health.alerts_dropped"] == 1


async def test_a_database_that_is_away_loses_nothing(tmp_path: Path) -> None:
    async with watching(tmp_path) as (there, (receiver,)):
        await there.report(receiver)
        store = there.office.desk.store
        real = store.write

        @contextlib.asynccontextmanager
        async def broken() -> AsyncIterator[None]:
            raise OSError("away")
            yield

        store.write = broken  # type: ignore[method-assign, assignment]
        with contextlib.suppress(OSError):
            await there.topic.write()
        store.write = real  # type: ignore[method-assign]
        await there.topic.write()
        async with store.read() as db:
            assert len(list(await db.scalars(select(HealthReportRow)))) == 1
