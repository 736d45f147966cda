"""A whole listening server in the test's own process: engine, a few mounts, front door, pages."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import uvloop
from aiohttp import web

from loa.native.engine import Clip, Engine, Event
from loa.native.opus import FRAME, OpusEncoder
from loa.streamer.air.listeners import ListenerConfig, Listeners
from loa.streamer.air.mounts import SILENT, MountInfo, OnAir
from loa.streamer.counters import Counters
from loa.streamer.ingest.frontdoor import Door, DoorConfig, SourceFactory
from loa.streamer.ingest.tls import Certificate

START_TICK = 3_000_000_000


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def on_both_loops(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test under asyncio's own event loop and under uvloop."""

    @functools.wraps(test)
    def run(loop: str, **arguments: object) -> None:
        with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
            runner.run(test(**arguments))

    signature = inspect.signature(test)
    loop = inspect.Parameter("loop", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    shown = signature.replace(parameters=[*signature.parameters.values(), loop])
    run.__signature__ = shown  # type: ignore[attr-defined]
    del run.__wrapped__  # type: ignore[attr-defined]
    return pytest.mark.parametrize("loop", list(LOOPS))(run)


class Complaints(logging.Handler):
    """Collects what libraries log as an error; our own warnings are what tests provoke."""

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__(logging.WARNING)
        self.problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("loa."):
            self.problems.append({"message": self.format(record)})


@dataclass
class FixedMounts:
    """Mounts of the engine under test; ``aliases`` maps former paths to present ones."""

    mounts: list[MountInfo]
    aliases: dict[str, str] = field(default_factory=dict)
    carried: dict[int, OnAir] = field(default_factory=dict)

    def find(self, path: str) -> MountInfo | None:
        path = self.aliases.get(path, path)
        return next((mount for mount in self.mounts if mount.path == path), None)

    def all(self) -> Sequence[MountInfo]:
        return self.mounts

    def on_air(self, number: int) -> OnAir:
        return self.carried.get(number, SILENT)


def tone(seconds: float, hz: float = 440.0, level: float = 0.25) -> Clip:
    """A clip of a sine."""
    return Clip(*_tone(seconds, hz, level))


@functools.cache
def _tone(seconds: float, hz: float, level: float) -> tuple[bytes, npt.NDArray[np.uint16]]:
    count = round(seconds * 50) * FRAME
    at = np.arange(count) / 48_000
    samples = (level * np.sin(2 * np.pi * hz * at)).astype(np.float32)
    return OpusEncoder(complexity=5).encode_many(samples)


@dataclass
class Serving:
    """What a test may need of the server."""

    engine: Engine
    mounts: FixedMounts
    listeners: Listeners
    door: Door
    counters: Counters
    host: str
    port: int
    events: list[Event]
    certificate: Certificate | None = None
    problems: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http{'s' if self.certificate else ''}://{self.host}:{self.port}"

    def count(self, name: str) -> int:
        return self.counters.snapshot().get(name, 0)

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until something is so; fail when it never is."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A bare connection to the front door."""
        return await asyncio.open_connection(self.host, self.port)

    async def ask(self, request: bytes, *, size: int = -1, seconds: float = 10.0) -> bytes:
        """Send bytes and read ``size`` bytes of the answer (-1: until the end)."""
        reader, writer = await self.connect()
        try:
            writer.write(request)
            async with asyncio.timeout(seconds):
                return await (reader.readexactly(size) if size >= 0 else reader.read())
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(
    *,
    listener_config: ListenerConfig | None = None,
    door_config: DoorConfig | None = None,
    source_protocol: SourceFactory | None = None,
    certificate: Certificate | None = None,
    routes: Callable[[web.Application, Serving], None] | None = None,
    virtual: bool = False,
    max_listeners: int = 20_000,
    port: int = 0,
) -> AsyncIterator[Serving]:
    """Two mounts, the first of which plays a tone for a minute; silence on the other."""
    counters, events = Counters(), list[Event]()
    with Engine(START_TICK, virtual=virtual, max_listeners=max_listeners) as engine:
        mounts = FixedMounts(
            [
                MountInfo(engine.open_mount(), "/ha-giang/na-khuong", "Nà Khương", "dữ liệu mẫu"),
                MountInfo(engine.open_mount(), "/ha-giang/ban-rua", "Bản Rừa"),
            ],
            {"/cu/na-khuong": "/ha-giang/na-khuong"},
        )
        engine.carry([0], engine.open_clip(tone(60.0), engine.tick + 5), engine.tick + 5)
        mounts.carried[0] = OnAir("file", "Bản tin sáng")
        listeners = Listeners(engine, mounts, counters, listener_config)
        door = Door(listeners, source_protocol, counters, door_config)
        server = Serving(
            engine, mounts, listeners, door, counters, "127.0.0.1", 0, events, certificate
        )
        app = web.Application()
        if routes is not None:
            routes(app, server)
        app.router.add_route("*", "/{path:.*}", door.late)
        runner = web.AppRunner(app, handle_signals=False)
        await runner.setup()
        server.port = await door.open(runner, server.host, port, certificate=certificate)
        loop = asyncio.get_running_loop()

        def take() -> None:
            for event in engine.events():
                events.append(event)
                listeners.left(event)

        loop.add_reader(engine.event_fd, take)
        complaints = Complaints(server.problems)
        logging.getLogger().addHandler(complaints)
        loop.set_exception_handler(lambda _, context: server.problems.append(context))
        try:
            yield server
        finally:
            await door.stop_accepting()
            engine.stop(200)
            loop.remove_reader(engine.event_fd)
            take()
            await listeners.close()
            await door.close()
            await runner.cleanup()
            # Transports that were closed close their sockets in the loop's next rounds.
            await asyncio.sleep(0.02)
            logging.getLogger().removeHandler(complaints)
            assert not server.problems
