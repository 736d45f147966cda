"""Schedule and audio by a real connection: told, fetched, told again when something changed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from loa.codecs.control.messages import inventory_digest
from loa.codecs.control.orders import Play
from loa.codecs.control.sealed import hash_of
from loa.codecs.control.settings import Settings
from loa.receivers.agenda import KeptSchedule, Need
from loa.receivers.cache import Cache
from loa.receivers.clock import Clock
from loa.receivers.fetching import Fetching
from loa.receivers.link import Link
from loa.receivers.parts import Part
from loa.receivers.timekeeping import DayTime
from loa.streamer.desk import receiver_orders
from loa.streamer.fleet import agendas
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from support.boxes import FakeJournal, opus_file
from support.desk import NOW
from support.link import HERE, FleetDoorHere, fleet_door
from support.schedule import add_bulletin, add_entry, add_slot


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agendas, "GATHER", 0.1)


class NoMachine:
    boot = "test"

    def synchronized(self) -> float | None:
        return None

    def battery(self) -> float | None:
        return None


class Time:
    """Gives the clock its session: a part of the box."""

    takes = ()

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def welcomed(self, welcome: object) -> None:
        self._clock.welcomed(welcome, time.monotonic())  # type: ignore[arg-type]

    def parted(self) -> None:
        self._clock.parted()

    def take(self, message: object, now: float) -> None:
        pass


class Box:
    def __init__(self, there: FleetDoorHere, folder: Path) -> None:
        self.there = there
        self.folder = folder
        self.area = there.office.area(HERE).id
        self.cache = Cache(folder / "cache", 10**8)
        self.schedule = KeptSchedule(
            folder / "schedule", lambda: [there.fleet.identity.key.public], lambda: self.area
        )
        self.clock = Clock()
        self.day = DayTime(folder / "time", NoMachine(), self.clock.unix, time.monotonic())
        self.tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        self.identity = await self.there.enrol(HERE)
        self.parts: list[Part] = [Time(self.clock)]  # type: ignore[list-item]
        link = Link(self.identity)
        self.fetching = Fetching(
            self.folder / "since", link, self.cache, self.schedule, self.day,
            lambda: Settings(off_peak=(0, 1440)), FakeJournal(),
        )  # fmt: skip
        self.parts.append(self.fetching)
        self.link = await self.there.link(
            identity=self.identity, parts=self.parts,
            greeting=lambda: {"inventory": inventory_digest(self.cache.hashes())},
        )  # fmt: skip
        self.fetching._line = self.link
        self.fetching.poke()
        self.tasks.append(asyncio.create_task(self.fetching.run()))

    async def close(self) -> None:
        await self.there.unlink(self.link)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def audio(there: FleetDoorHere, number: int, ticks: int, queued: bool = True) -> bytes:
    """Have a bulletin with audio of its own, in the queue or not; return the audio."""
    office = there.office
    data = opus_file(number, ticks)
    folder = there.fleet.packs._data / "audio"
    folder.mkdir(exist_ok=True)
    sha256 = hash_of(data).hex()
    (folder / f"{sha256}.opus").write_bytes(data)
    id = await add_bulletin(office, office.area(HERE), seconds=ticks / 50)
    async with office.desk.store.write() as db:
        db.add(
            AudioRow(
                sha256=sha256, ticks=ticks, size=len(data), report={}, peaks=b"", created_at=NOW
            )
        )
        await db.flush()
        row = await db.get(BulletinRow, id)
        assert row is not None
        row.audio_sha256 = sha256
    if queued:
        await add_entry(office, office.area(HERE), id, per_day=3, days=0)
    return data


async def test_a_box_fetches_its_schedule_and_what_it_plays(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        office = there.office
        for hour in (5, 11, 17):
            await add_slot(office, office.area(HERE), f"2026-09-22T{hour:02}:00", 30, "FREQ=DAILY")
        first = await audio(there, 1, 3000)
        box = Box(there, tmp_path / "box")
        await box.connect()
        await there.until(lambda: box.cache.has(hash_of(first)))
        assert box.schedule.now is not None and len(box.schedule.now.stations[0].plays) == 21
        session = there.fleet.hub.of(box.identity.kept.receiver)
        assert session is not None
        # What is played three times a day for a week came once, and so did the schedule.
        schedule = there.fleet.agendas.of(box.area)
        assert schedule is not None
        assert there.count("fleet.fetch.bytes") == len(first) + len(schedule.data)

        # Staff queue another bulletin: the box is told, and has it.
        second = await audio(there, 2, 2000)
        async with office.desk.work(office.server) as work:
            work.record("entry.added", area=box.area)
        await there.until(lambda: box.cache.has(hash_of(second)))
        assert len(box.cache.hashes()) == 2
        await there.until(lambda: session.cached >= box.cache.hashes() or there.fleet.audio is None)

        # Another identity of the server's: all is signed anew, and comes again; no audio does.
        before, key = box.schedule.hash, there.fleet.identity.key.public
        await there.fleet.go_over(office.server)
        await there.until(lambda: box.schedule.hash != before)
        assert there.fleet.identity.key.public != key
        assert box.cache.counters["cache.damaged"] == 0
        assert there.count("fleet.fetch.bytes") < len(first) + len(second) + 5 * 4096
        await box.close()


async def test_what_it_is_ordered_to_play_is_fetched_and_nothing_else_is(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        data = await audio(there, 1, 500, queued=False)
        box = Box(there, tmp_path / "box")
        await box.connect()
        need = Need(hash_of(data), len(data), 0.0)
        wanted = asyncio.create_task(box.fetching.fetched(need))
        await there.until(lambda: box.fetching.counters["fetch.gone"] == 1)
        assert not wanted.done() and not box.cache.has(need.hash)

        play = Play(audio=need.hash, size=len(data), ticks=500, start=0, play="order/1")
        await receiver_orders.order(
            there.office.desk, there.office.server, [box.identity.kept.receiver], play
        )
        await there.until(lambda: there.fleet.orders.to_play(box.identity.kept.receiver, need.hash))
        box.fetching.sync()
        async with asyncio.timeout(20):
            await wanted
        assert box.cache.has(need.hash)
        await box.close()
