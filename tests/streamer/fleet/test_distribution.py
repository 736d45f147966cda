"""Pieces of files: who gets which, in whose turn, and how fast."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from loa.codecs.control import frames
from loa.codecs.control.frames import Piece
from loa.codecs.control.messages import Fetch, Gone
from loa.codecs.control.sealed import hash_of
from loa.streamer.counters import Counters
from loa.streamer.fleet.distribution import MOST_BEHIND, Distribution
from loa.streamer.fleet.hub import Hub
from support.fleet import RecordingWire, connected

AUDIO = bytes(range(256)) * 400
OTHER = b"other" * 1000


@dataclass
class Shelf:
    """Schedules of areas 1 and 2: the first plays AUDIO."""

    def __post_init__(self) -> None:
        file = b"a schedule"
        self.filed = SimpleNamespace(
            hash=hash_of(file), data=file, areas=(1,), audios=frozenset([hash_of(AUDIO)])
        )

    def of(self, area: int) -> object:
        return self.filed if area == 1 else None

    def file(self, hash: bytes) -> object:
        return self.filed if hash == self.filed.hash else None


@asynccontextmanager
async def sending(
    folder: Path, rate: int = 100_000_000
) -> AsyncIterator[tuple[Hub, Distribution, Shelf]]:
    (folder / "audio").mkdir()
    for data in (AUDIO, OTHER):
        (folder / "audio" / f"{hash_of(data).hex()}.opus").write_bytes(data)
    hub, shelf = Hub(Counters()), Shelf()
    distribution = Distribution(shelf, folder, hub.counters, rate)  # type: ignore[arg-type]
    hub.add(distribution)
    task = asyncio.create_task(distribution.run())
    try:
        yield hub, distribution, shelf
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(wire: RecordingWire, count: int) -> list[Piece]:
    async with asyncio.timeout(20):
        while len(wire.frames) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    found = []
    for frame in wire.frames:
        head = 2 if frame[1] < 126 else 4 if frame[1] == 126 else 10
        piece = frames.unpack(frame[head:])
        assert isinstance(piece, Piece)
        found.append(piece)
    return found


async def test_a_box_gets_pieces_of_what_its_area_plays_and_nothing_else(tmp_path: Path) -> None:
    async with sending(tmp_path) as (hub, distribution, shelf):
        mine, wire = connected(hub, 1, 1)
        others, elsewhere = connected(hub, 2, 2)
        await hub.take(mine, Fetch(hash=hash_of(AUDIO), offset=1000, length=5000))
        (piece,) = await until(wire, 1)
        assert piece == Piece(hash_of(AUDIO), 1000, AUDIO[1000:6000])
        await hub.take(mine, Fetch(hash=shelf.filed.hash, offset=2, length=60_000))
        assert (await until(wire, 2))[1].data == b"schedule"
        for session, hash in ((mine, hash_of(OTHER)), (others, hash_of(AUDIO))):
            await hub.take(session, Fetch(hash=hash, offset=0, length=10))
        assert wire.sent == [Gone(hash=hash_of(OTHER))]
        assert elsewhere.sent == [Gone(hash=hash_of(AUDIO))]
        # What is lost, or is asked for beyond its end, is gone, too.
        await hub.take(mine, Fetch(hash=hash_of(AUDIO), offset=len(AUDIO), length=10))
        async with asyncio.timeout(10):
            while len(wire.sent) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert wire.sent[1] == Gone(hash=hash_of(AUDIO)) and distribution.waiting == 0


async def test_one_at_a_time_and_not_behind_what_still_waits(tmp_path: Path) -> None:
    async with sending(tmp_path) as (hub, distribution, _):
        session, wire = connected(hub, 1, 1)
        wire.waiting = MOST_BEHIND + 1
        for offset in (0, 100, 200):
            await hub.take(session, Fetch(hash=hash_of(AUDIO), offset=offset, length=100))
        await asyncio.sleep(0.05)
        assert wire.frames == [] and distribution.waiting == 1
        assert hub.counters.snapshot()["fleet.fetch.again"] == 2
        wire.waiting = 0
        (piece,) = await until(wire, 1)
        assert piece.offset == 200
        # Who is gone is forgotten.
        wire.waiting = MOST_BEHIND + 1
        await hub.take(session, Fetch(hash=hash_of(AUDIO), offset=0, length=100))
        hub.leave(session)
        assert distribution.waiting == 0


async def test_what_it_may_not_have_is_not_had_by_changing_its_mind(tmp_path: Path) -> None:
    async with sending(tmp_path) as (hub, distribution, _):
        session, wire = connected(hub, 1, 1)
        wire.waiting = MOST_BEHIND + 1
        await hub.take(session, Fetch(hash=hash_of(AUDIO), offset=0, length=100))
        await hub.take(session, Fetch(hash=hash_of(OTHER), offset=0, length=100))
        assert wire.sent == [Gone(hash=hash_of(OTHER))] and distribution.waiting == 0
        wire.waiting = 0
        await hub.take(session, Fetch(hash=hash_of(AUDIO), offset=100, length=100))
        (piece,) = await until(wire, 1)
        assert (piece.hash, piece.offset) == (hash_of(AUDIO), 100)


async def test_all_have_their_turn_within_one_rate(tmp_path: Path) -> None:
    async with sending(tmp_path, rate=400_000) as (hub, _, _):
        boxes = [connected(hub, n, 1) for n in range(1, 41)]
        began = asyncio.get_running_loop().time()
        for session, _ in boxes:
            await hub.take(session, Fetch(hash=hash_of(AUDIO), offset=0, length=10_000))
        for _, wire in boxes:
            await until(wire, 1)
        # 400 kB less what may go at once: not faster than the rate, whoever asks.
        assert asyncio.get_running_loop().time() - began > 0.7
        assert [len(wire.frames) for _, wire in boxes] == [1] * 40
