"""The as-run log against the engine: whatever is carried, replay gives what a listener got."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from loa.codecs.ogg import OggReader
from loa.codecs.opus import OpusFileWriter
from loa.native.engine import ChainConfig, Clip, Engine, LiveProgramme
from loa.native.ring import RingConfig
from loa.streamer.air.archive import Archive
from loa.streamer.air.asrun import Airing, AsRun
from loa.streamer.air.clock import TickClock
from loa.streamer.air.replay import Replay
from loa.streamer.air.stretches import carried_of
from loa.streamer.counters import Counters
from loa.streamer.store import airing
from loa.streamer.store.store import Store
from loa.streamer.store.tables.airing import AiredRow, ArchiveRow
from loa.streamer.store.tables.areas import AreaRow
from support.desk import empty_store
from support.timeline import Stream, tagged_packet

START = 155_000_000_003
SILENCE = b"\xf8\xff\xfe"
TONE = (0.1 * np.sin(2 * np.pi * 440 * np.arange(960) / 48_000)).astype(np.float32)
MOUNTS = 3


def audio_of(number: int) -> str:
    return f"{number:064x}"


def packets_of(number: int, ticks: int) -> list[bytes]:
    # Sound to a file's reader: one 20 ms CELT frame, mono.
    return [b"\xf8" + tagged_packet(number, i)[1:] for i in range(ticks)]


@dataclass
class Listener:
    stream: Stream
    heard: dict[int, bytes] = field(default_factory=dict)

    def read(self) -> None:
        for page in self.stream.read():
            self.heard.update(enumerate(page.packets, page.first))


class Studio:
    """An engine on its virtual clock with its log, archive and listeners."""

    def __init__(self, store: Store, data: Path) -> None:
        self.engine = Engine(START, virtual=True, fanouts=1, kept_ticks=400)
        self.store, self.data = store, data
        self.clock = TickClock(
            self.engine,
            lambda: 1_790_000_000.0 + self.engine.tick / 50 - START / 50,
            lambda: self.engine.deadline(self.engine.tick),
        )
        self.counters = Counters()
        self.archive = Archive(
            self.engine, store, data, self.clock, self.counters, segment=300,
            wall=lambda: self.clock.read().unix,
        )  # fmt: skip
        self.mounts = [self.engine.open_mount() for _ in range(MOUNTS)]
        self.asrun = AsRun(
            store, data, self.clock, self.counters, lambda n: n + 1, self.archive
        )  # fmt: skip
        self.listeners = [self.join(mount) for mount in self.mounts]
        self.lives: list[LiveProgramme] = []

    def join(self, mount: int) -> Listener:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        self.engine.join(mount, theirs.detach(), b"", cadence=10, burst_ticks=0, max_lag_ticks=5000)
        return Listener(Stream(ours, b""))

    def add_clip(self, number: int, ticks: int) -> Clip:
        packets = packets_of(number, ticks)
        data, sizes = b"".join(packets), np.array([len(p) for p in packets], np.uint16)
        folder = self.data / "audio"
        folder.mkdir(exist_ok=True)
        with (folder / f"{audio_of(number)}.opus").open("wb") as file:
            writer = OpusFileWriter(file)
            writer.add(data, sizes)
            writer.finish(960 * ticks)
        return Clip(data, sizes)

    def advance(self, ticks: int, writing: bool = True) -> None:
        for _ in range(ticks):
            for live in self.lives if writing else ():
                live.write(TONE, True)
            self.engine.advance(1)
            self.take_events()
        for listener in self.listeners:
            listener.read()

    def take_events(self) -> None:
        for event in self.engine.events():
            self.asrun.on_event(event)
            self.archive.on_event(event)

    async def close(self) -> None:
        await self.asrun.close()
        await self.archive.close()
        self.engine.close()
        for listener in self.listeners:
            listener.stream.close()


@asynccontextmanager
async def studio(path: Path) -> AsyncIterator[Studio]:
    store = await empty_store(path)
    async with store.write() as db:
        for number in range(MOUNTS):
            db.add(AreaRow(name=f"a{number}", path=f"/a{number}", created_at=0.0))
    one = Studio(store, path)
    try:
        yield one
    finally:
        await one.close()
        await store.close()


def decoded(stream: bytes) -> tuple[int, list[bytes]]:
    """Return the tick after the last packet, and the packets."""
    reader = OggReader(b"OpusHead")
    packets = reader.feed(stream)
    assert reader.bad_pages == reader.holes == 0 and reader.ended
    return packets[-1].granule // 960, [p.data for p in packets[2:]]


async def replayed(one: Studio, mount: int, first: int, end: int) -> list[bytes]:
    async with one.store.read() as db:
        rows = list(await db.scalars(select(AiredRow).where(AiredRow.area_id == mount + 1)))
        files = await airing.archives_of(db, {r.archive_id for r in rows if r.archive_id})
    carried = carried_of(rows, files, one.data, end)
    stream = b"".join(Replay(one.data, one.counters).stream(carried, first, end))
    last, packets = decoded(stream)
    assert last == end
    return packets


async def random_hours(one: Studio, random: Random) -> None:
    lengths = [1, 7, 40, 130, 400]
    clips = [one.add_clip(i, ticks) for i, ticks in enumerate(lengths)]
    for _ in range(random.randint(5, 40)):
        mounts = random.sample(one.mounts, random.randint(1, MOUNTS))
        now = one.engine.tick
        tick = now + random.choice([1, 1, 2, 30, 60])
        choice = random.random()
        if choice < 0.15:
            one.engine.carry(mounts, 0, tick)
        elif choice < 0.35 and len(one.lives) < 3:
            start = now + 4
            live = one.engine.open_live(
                ChainConfig(complexity=0), RingConfig(40, 400, 2000, False), start
            )
            one.lives.append(live)
            one.asrun.expect(mounts, live.handle, Airing("live", title="Ông Bí thư"))
            one.engine.carry(mounts, live.handle, start)
        elif choice < 0.45 and one.lives:
            live = one.lives.pop(random.randrange(len(one.lives)))
            random.choice([live.finish, live.cut])()
            live.close()
        elif choice < 0.6 and one.lives:
            live = random.choice(one.lives)
            one.asrun.expect(mounts, live.handle, Airing("live"))
            one.engine.carry(mounts, live.handle, tick)
        else:
            number = random.randrange(len(clips))
            offset = random.choice([0, 0, random.randrange(lengths[number])])
            start = tick + random.choice([0, 0, 0, -3, 5])
            handle = one.engine.open_clip(clips[number], start, offset)
            what = Airing(
                "bulletin", audio=audio_of(number), play=f"p{_}", start=start, offset=offset,
                ticks=lengths[number],
            )  # fmt: skip
            one.asrun.expect(mounts, handle, what)
            one.engine.carry(mounts, handle, tick)
            if random.random() < 0.1:
                one.engine.cut(handle)
        one.advance(random.choice([1, 5, 20, 90]), writing=random.random() < 0.9)
        if random.random() < 0.4:
            await one.asrun.write()
        await one.archive.poll()  # the engine keeps eight seconds only
    one.advance(30)


@settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(seed=st.integers(0, 2**32))
def test_what_is_replayed_is_what_was_heard(seed: int, tmp_path_factory: pytest.TempPathFactory):
    async def main() -> None:
        async with studio(tmp_path_factory.mktemp("asrun")) as one:
            await random_hours(one, Random(seed))
            end = one.engine.tick + 1
            await one.asrun.write()
            await one.archive.poll()
            await one.asrun.close()
            await one.archive.close()
            for mount, listener in enumerate(one.listeners):
                first = min(listener.heard)
                end = max(listener.heard) + 1
                packets = await replayed(one, mount, first, end)
                heard = [listener.heard[tick] for tick in range(first, end)]
                differ = [
                    first + i for i, (a, b) in enumerate(zip(packets, heard, strict=True)) if a != b
                ]
                assert not differ, (
                    mount, differ[:5], len(differ), packets[differ[0] - first][:9],
                    listener.heard[differ[0]][:9],
                )  # fmt: skip
            async with one.store.read() as db:
                for mount in range(MOUNTS):
                    rows = await db.scalars(
                        select(AiredRow)
                        .where(AiredRow.area_id == mount + 1)
                        .order_by(AiredRow.from_tick)
                    )
                    ticks = [(r.from_tick, r.to_tick) for r in rows]
                    assert all(a < b for a, b in ticks), ticks
                    assert all(a[1] <= b[0] for a, b in pairwise(ticks))
            assert one.counters.snapshot().get("asrun.unexpected", 0) == 0

    asyncio.run(main())


async def test_rounds_of_a_file_are_one_stretch(tmp_path: Path):
    async with studio(tmp_path) as one:
        clip = one.add_clip(0, 20)
        start = START + 10
        for number in range(10):
            handle = one.engine.open_clip(clip, start + 20 * number)
            what = Airing(
                "file", audio=audio_of(0), start=start + 20 * number, ticks=20, loop="spot"
            )
            one.asrun.expect(one.mounts, handle, what)
            one.engine.carry(one.mounts, handle, start + 20 * number)
            one.advance(20)
        one.advance(30)
        await one.asrun.write()
        async with one.store.read() as db:
            rows = list(await db.scalars(select(AiredRow)))
        assert [(r.area_id, r.from_tick, r.to_tick) for r in rows] == [
            (mount + 1, start, start + 200) for mount in one.mounts
        ]
        heard = one.listeners[0].heard
        packets = await replayed(one, 0, start, start + 210)
        assert packets == [heard[tick] for tick in range(start, start + 210)]


async def test_after_a_crash_what_was_open_is_closed_at_the_last_known_tick(tmp_path: Path):
    async with studio(tmp_path) as one:
        clip = one.add_clip(3, 400)
        handle = one.engine.open_clip(clip, START + 10)
        what = Airing("bulletin", audio=audio_of(3), play="x", start=START + 10, ticks=400)
        one.asrun.expect(one.mounts[:1], handle, what)
        one.engine.carry(one.mounts[:1], handle, START + 10)
        one.advance(60)
        assert await one.asrun.write()
        one.advance(20)
        await one.asrun.write()
        # Another server starts on what this one left.
        later = AsRun(one.store, one.data, one.clock, one.counters, lambda n: n + 1)
        played = await later.recover()
        async with one.store.read() as db:
            row = (await db.scalars(select(AiredRow))).one()
        assert row.to_tick == START + 80 and not row.complete
        assert row.failure == airing.INTERRUPTED
        assert played == {1: {"x": 70}}
        await later.close()


async def test_what_was_played_whole(tmp_path: Path):
    async with studio(tmp_path) as one:
        clip = one.add_clip(2, 40)

        def play(key: str, start: int, offset: int = 0, end: int | None = None) -> None:
            handle = one.engine.open_clip(clip, start, offset)
            what = Airing(
                "bulletin", entry=7, audio=audio_of(2), play=key, start=start, offset=offset,
                ticks=40,
            )  # fmt: skip
            one.asrun.expect(one.mounts[:1], handle, what)
            one.engine.carry(one.mounts[:1], handle, start)
            if end is not None:
                one.advance(end - one.engine.tick - 3)
                one.engine.carry(one.mounts[:1], 0, end)
            one.advance(start + 50 - one.engine.tick)

        play("a", START + 10)
        play("b", START + 100, end=START + 120)
        play("b", START + 200, 20)
        play("c", START + 300, end=START + 320)
        await one.asrun.write()
        async with one.store.read() as db:
            rows = list(await db.scalars(select(AiredRow).order_by(AiredRow.from_tick)))
        assert [(r.play, r.skipped, r.complete) for r in rows] == [
            ("a", 0, True), ("b", 0, False), ("b", 20, True), ("c", 0, False),
        ]  # fmt: skip


async def test_the_store_fails_for_a_while_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with studio(tmp_path) as one:
        clip = one.add_clip(2, 40)
        handle = one.engine.open_clip(clip, START + 10)
        what = Airing("bulletin", audio=audio_of(2), play="a", start=START + 10, ticks=40)
        one.asrun.expect(one.mounts, handle, what)
        one.engine.carry(one.mounts, handle, START + 10)
        one.advance(20)

        async def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(airing, "insert_stretches", full)
            assert not await one.asrun.write()
            one.advance(60)
            assert not await one.asrun.write()
        assert await one.asrun.write()
        async with one.store.read() as db:
            rows = list(await db.scalars(select(AiredRow)))
        assert [(r.to_tick, r.complete) for r in rows] == [(START + 50, True)] * MOUNTS
        assert one.counters.snapshot()["asrun.write_failed"] == 2


async def test_a_long_relay_is_several_files_and_old_ones_are_removed(tmp_path: Path):
    async with studio(tmp_path) as one:
        live = one.engine.open_live(
            ChainConfig(complexity=0), RingConfig(40, 400, 2000, False), START + 4
        )
        one.lives.append(live)
        one.asrun.expect(one.mounts, live.handle, Airing("relay", title="VOV"))
        one.engine.carry(one.mounts, live.handle, START + 4)
        for _ in range(8):
            one.advance(100)
            await one.asrun.write()
            await one.archive.poll()
        live.close()
        one.advance(300)
        await one.asrun.write()
        await one.archive.poll()
        async with one.store.read() as db:
            files = list(await db.scalars(select(ArchiveRow).order_by(ArchiveRow.id)))
            rows = list(await db.scalars(select(AiredRow)))
        assert len(files) == 3 and all(r.archive_id == files[0].id for r in rows)
        assert [f.series_id for f in files] == [None, files[0].id, files[0].id]
        assert all(a.first_tick + a.ticks == b.first_tick for a, b in pairwise(files))
        heard = one.listeners[1].heard
        first, end = max(min(heard), rows[1].from_tick), rows[1].to_tick + 5
        assert await replayed(one, 1, first, end) == [
            heard.get(t, SILENCE) for t in range(first, end)
        ]

        one.archive._wall = lambda: one.clock.read().unix + 400 * 86_400
        await one.archive.sweep()
        assert not list((tmp_path / "archive").rglob("*.opus"))
        assert set(await replayed(one, 1, first, end)) == {SILENCE}


async def test_a_full_disk_costs_the_file_a_hole_and_nobody_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with studio(tmp_path) as one:
        live = one.engine.open_live(
            ChainConfig(complexity=0), RingConfig(40, 400, 2000, False), START + 4
        )
        one.lives.append(live)
        one.asrun.expect(one.mounts, live.handle, Airing("live"))
        one.engine.carry(one.mounts, live.handle, START + 4)
        one.advance(100)
        await one.asrun.write()
        await one.archive.poll()

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("loa.streamer.air.kept_file.os.pwrite", full)
            one.advance(500)
            await one.archive.poll()
        live.close()
        one.advance(20)
        await one.archive.poll()
        assert one.counters.snapshot()["archive.write_failed"] == 1
        lost = one.counters.snapshot()["archive.missing_ticks"]
        await one.asrun.write()
        async with one.store.read() as db:
            files = list(await db.scalars(select(ArchiveRow)))
            row = (await db.scalars(select(AiredRow))).first()
        assert row is not None and row.to_tick is not None
        assert sum(f.missing for f in files) == lost > 50
        assert sum(f.ticks for f in files) == row.to_tick - files[0].first_tick
        heard = one.listeners[0].heard
        packets = await replayed(one, 0, row.from_tick, row.to_tick)
        differ = [p for i, p in enumerate(packets) if p != heard.get(row.from_tick + i, p)]
        assert len(differ) <= lost and set(differ) == {SILENCE}
