"""A real engine, a real door, a link over TLS and an output's own thread: what the decoder is given
is what the mount carried, packet by packet, also where the line broke."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from loa.codecs.control.frames import SILENT_PACKET
from loa.codecs.control.settings import Settings
from loa.native.engine import Engine
from loa.receivers.carriage import Carriage
from loa.receivers.link import Link
from loa.receivers.outputs import NullOutput, Opened
from loa.receivers.parts import Samples
from loa.streamer.air.asrun import Airing
from loa.streamer.desk.desk import Desk
from loa.streamer.fleet.carriage import Carriage as Carried
from loa.streamer.fleet.fleet import Air
from support.boxes import FakeCache, FakeDay, FakeJournal
from support.link import HERE, fleet_door
from support.timeline import tagged_clip

START = 3_000_000
LENGTH = 150


class Line:
    """Whichever link there is."""

    link: Link | None = None
    down_since: float | None = None

    @property
    def up(self) -> bool:
        return self.link is not None and self.link.up

    def send(self, message: object) -> bool:
        return self.link is not None and self.link.send(message)  # type: ignore[arg-type]


async def test_a_bulletin_over_a_line_that_breaks(tmp_path: Path) -> None:
    with Engine(START, workers=0, fanouts=1, max_mounts=4) as engine:
        loop = asyncio.get_running_loop()
        known: list[Carried] = []
        mount = engine.open_mount()

        def take() -> None:
            for event in engine.events():
                known[0].on_event(event)

        def air(desk: Desk) -> Air:
            known.append(Carried(engine, desk.counters, 6000))
            here = next(area.id for area in desk.tree if area.path == HERE)
            return Air(engine, known[0], {here: mount}.get, take, 6000)

        line, journal = Line(), FakeJournal()
        cache = FakeCache(lambda _: False)
        carriage = Carriage(line, cache, journal, FakeDay(), settings=Settings(cadence="low"))
        given: list[bytes] = []
        decode = carriage.player._decoder.decode

        def decoding(packet: bytes) -> Samples:
            given.append(packet)
            return decode(packet)

        carriage.player._decoder.decode = decoding  # type: ignore[method-assign]

        async with fleet_door(tmp_path, timeline=engine, air=air) as there:
            loop.add_reader(engine.event_fd, take)
            looking = asyncio.ensure_future(carriage.run())
            try:
                identity = await there.enrol(HERE)
                with Opened(NullOutput(), carriage.player.read_into):
                    line.link = await there.link(identity=identity, parts=[carriage])
                    start = engine.tick + 10
                    handle = engine.open_clip(tagged_clip(1, LENGTH), start)
                    airing = Airing(
                        "bulletin", audio=("01" * 32), play="b", start=start, ticks=LENGTH
                    )
                    known[0].expect([mount], handle, airing)
                    known[0].told([mount], handle, engine.carry([mount], handle, start))
                    await there.until(lambda: len(given) > 40)
                    await there.unlink(line.link)
                    line.link, line.down_since = None, time.monotonic()
                    await there.until(lambda: engine.tick > start + 110)
                    line.link = await there.link(
                        identity=identity, parts=[carriage],
                        greeting=lambda: {"resume": carriage.resume()},
                    )  # fmt: skip
                    await there.until(lambda: bool(journal.stretches))
            finally:
                loop.remove_reader(engine.event_fd)
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)
            truth = engine.mount_packets(mount, start, LENGTH)
        assert truth is not None
        sounded = [packet for packet in given if packet != SILENT_PACKET]
        assert sounded == [packet for packet in truth if packet != SILENT_PACKET]
        (played,) = journal.stretches
        assert played.whole and played.delivered == LENGTH and played.missed == 0
        assert carriage.clock.exchanges > 1 and carriage.clock.doubt(time.monotonic()) < 0.05
        assert carriage.player.counters.failed == 0
