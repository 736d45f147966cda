"""A real engine, door and box: what comes over TLS is what the mount carried, breaks included."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import Change, FromServer, Message, Recount, Welcome
from loa.native.engine import Engine
from loa.streamer.air.asrun import Airing
from loa.streamer.desk.desk import Desk
from loa.streamer.fleet.carriage import Carriage
from loa.streamer.fleet.fleet import Air
from support.link import HERE, fleet_door
from support.timeline import tagged_clip, tagged_packet

START = 3_000_000


class Ear:
    """A part that keeps what it gets."""

    takes: Sequence[type[Message | Audio | Piece]] = (Change, Recount, Audio)

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.heard: dict[int, bytes] = {}
        self.twice = 0
        self.recounts = 0

    def welcomed(self, welcome: Welcome) -> None:
        pass

    def parted(self) -> None:
        pass

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        if isinstance(message, Audio):
            for tick, packet in enumerate(message.packets, message.tick):
                self.twice += tick in self.heard
                self.heard[tick] = packet
        elif isinstance(message, Change):
            self.changes.append(message)
        else:
            self.recounts += 1


async def test_a_live_goes_on_where_the_line_broke(tmp_path: Path) -> None:
    with Engine(START, workers=0, fanouts=1, max_mounts=4) as engine:
        loop = asyncio.get_running_loop()
        carriages: list[Carriage] = []
        mount = engine.open_mount()

        def take() -> None:
            for event in engine.events():
                carriages[0].on_event(event)

        def air(desk: Desk) -> Air:
            carriages.append(Carriage(engine, desk.counters, 6000))
            here = next(area.id for area in desk.tree if area.path == HERE)
            return Air(engine, carriages[0], {here: mount}.get, take, 6000)

        async with fleet_door(tmp_path, timeline=engine, air=air) as there:
            loop.add_reader(engine.event_fd, take)
            try:
                ear = Ear()
                identity = await there.enrol(HERE)
                link = await there.link(identity=identity, parts=[ear])
                start = engine.tick + 10
                handle = engine.open_clip(tagged_clip(1, 1000), start)
                carriages[0].expect([mount], handle, Airing("live", play="x"))
                carriages[0].told([mount], handle, engine.carry([mount], handle, start))
                await there.until(lambda: len(ear.heard) > 20)
                assert ear.recounts == 1 and ear.changes[-1].tick == start
                assert min(ear.heard) == start
                await there.unlink(link)
                last = max(ear.heard)
                await there.until(lambda: engine.tick > last + 60)
                link = await there.link(
                    identity=identity, parts=[ear], greeting=lambda: {"resume": last + 1}
                )
                await there.until(lambda: max(ear.heard) > last + 80)
                assert ear.heard == {
                    tick: tagged_packet(1, tick - start)
                    for tick in range(start, max(ear.heard) + 1)
                }
                assert not ear.twice
            finally:
                loop.remove_reader(engine.event_fd)
