"""A real door of the fleet on loopback over TLS, and real boxes connected to it.

    async with fleet_door(tmp_path) as there:
        link = await there.link("/ha-giang/quang-binh/na-khuong", parts=[part])
        session = there.fleet.hub.of(link.identity.kept.receiver)

``there.office`` is the desk with its sample province (``support.desk``); the timeline is a fake one
that runs with the monotonic clock. ``topics``: called with the fleet before it starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from loa.codecs.control.codes import Code
from loa.receivers.backoff import Backoff
from loa.receivers.enrol import enrol
from loa.receivers.identity import BoxIdentity
from loa.receivers.link import Greeting, Link
from loa.receivers.parts import Part
from loa.streamer.air.clock import Timeline
from loa.streamer.desk import receivers
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.receivers import Wishes
from loa.streamer.fleet.fleet import Air, Fleet, FleetSettings
from loa.streamer.https import own_certificate
from loa.streamer.ingest.frontdoor import Door
from loa.streamer.ingest.tls import Certificate
from support.desk import Office, desk_with_sample

HERE = "/ha-giang/quang-binh/na-khuong"


class RunningTimeline:
    """A timeline of 50 ticks a second by the monotonic clock, from ``first`` on."""

    def __init__(self, first: int = 3_000_000_000) -> None:
        self._first = first
        self._began = time.monotonic()

    @property
    def tick(self) -> int:
        return self._first + int((time.monotonic() - self._began) * 50)

    def deadline(self, tick: int) -> float:
        return self._began + (tick - self._first) / 50


class _Nobody:
    """No listeners: the door is for receivers only."""

    def admit(self, head: object, peer: object, transport: asyncio.Transport) -> bytes:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class FleetDoorHere:
    """What a test has. ``url`` is what a box would be given."""

    office: Office
    fleet: Fleet
    door: Door
    url: str
    state: Path
    certificate: Certificate
    runner: web.AppRunner
    added: int = 0
    links: dict[Link, asyncio.Task[None]] = field(default_factory=dict)

    async def add(self, area: str = HERE, name: str | None = None) -> tuple[int, Code]:
        """Add a receiver; return its id and a code."""
        self.added += 1
        name = name or f"Cụm loa {self.added}"
        made = await receivers.add(
            self.office.desk, self.office.server, [(self.office.area(area), Wishes(name=name))],
            self.fleet.identity.key.public, self.fleet.code_seconds,
        )  # fmt: skip
        return made[0].row.id, made[0].code

    async def enrol(self, area: str = HERE, name: str | None = None) -> BoxIdentity:
        """Add a receiver and enrol a box as it, over the connection."""
        id, code = await self.add(area, name)
        return await enrol([self.url], code, self.state / f"box-{id}", hardware="test", serial="")

    async def link(
        self,
        area: str = HERE,
        *,
        identity: BoxIdentity | None = None,
        parts: Sequence[Part] = (),
        greeting: Greeting = dict,
        wait: bool = True,
    ) -> Link:
        """Return a running link of a newly enrolled box (or ``identity``'s), with a session."""
        identity = identity or await self.enrol(area)
        link = Link(identity, parts, greeting=greeting, backoff=Backoff(random.Random(4)))
        self.links[link] = asyncio.get_running_loop().create_task(link.run())
        if wait:
            await self.until(lambda: link.up)
        return link

    async def unlink(self, link: Link) -> None:
        """End a link, as if the box had lost its power."""
        task = self.links.pop(link)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait until something is so; fail when it never is."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def count(self, name: str) -> int:
        """Return a counter of the server's."""
        return self.office.desk.counters.snapshot().get(name, 0)


@contextlib.asynccontextmanager
async def fleet_door(
    tmp_path: Path,
    *,
    timeline: Timeline | None = None,
    settings: FleetSettings | None = None,
    topics: Callable[[Fleet], None] | None = None,
    certificate: Certificate | None = None,
    port: int = 0,
    air: Callable[[Desk], Air] | None = None,
) -> AsyncIterator[FleetDoorHere]:
    """Open a desk, a fleet and its door; see the module."""
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    made: list[Fleet] = []

    def make(desk: Desk) -> Fleet:
        heard = None if air is None else air(desk)
        made.append(Fleet(desk, timeline or RunningTimeline(), data, settings, air=heard))
        return made[0]

    async with desk_with_sample(tmp_path, fleet=make) as office:
        fleet = made[0]
        if topics is not None:
            topics(fleet)
        if certificate is None:
            cert, key = own_certificate.ensure(data, time.time())
            certificate = Certificate(cert, key, office.desk.counters)
        door = Door(_Nobody(), None, office.desk.counters)
        app = web.Application()
        fleet.add_routes(app.router)
        app.router.add_route("*", "/{path:.*}", door.late)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        await fleet.start()
        at = await door.open(runner, "127.0.0.1", port, certificate=certificate)
        there = FleetDoorHere(
            office, fleet, door, f"wss://127.0.0.1:{at}", tmp_path, certificate, runner
        )
        try:
            yield there
        finally:
            for link in list(there.links):
                await there.unlink(link)
            await door.stop_accepting()
            await fleet.door.close()
            await runner.cleanup()
            await door.close()
            await asyncio.sleep(0.05)
