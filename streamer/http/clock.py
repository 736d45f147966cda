"""``/api/v1/clock``: the tick now and the time of day beside it, for whoever follows our clock."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from loa.streamer.core.timeline import read_clock
from loa.streamer.notify import Clockwork

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def clock(
    engine: Clockwork,
    monotonic: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> Handler:
    """Make the handler. ``unix``: the server's time of day, within ``uncertainty`` seconds."""

    async def handle(_: web.Request) -> web.Response:
        before = monotonic()
        unix = wall()
        after = monotonic()
        tick = engine.tick
        reading = read_clock(tick, engine.deadline(tick), before, unix, after)
        return web.json_response(
            {"tick": reading.tick, "unix": reading.unix, "uncertainty": reading.uncertainty},
            headers={"Cache-Control": "no-store"},
        )

    return handle
