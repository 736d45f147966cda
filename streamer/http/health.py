"""``/healthz``: does it live? ``/readyz``: may it be sent listeners and sources?"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from loa.streamer.notify import Clockwork, lateness

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LATE_SECONDS = 2.0
"""An engine further behind than this is not alive: it catches up by itself after up to 1 s."""


def healthz(engine: Clockwork, clock: Callable[[], float] = time.monotonic) -> Handler:
    """Make the handler of liveness: 200 while ticks are made, 503 when they are overdue.

    That it answers at all says that the event loop runs. ``clock`` is ``time.monotonic``'s.
    """

    async def handle(_: web.Request) -> web.Response:
        late = max(0.0, lateness(engine, clock()))
        alive = late < LATE_SECONDS
        return web.json_response(
            {
                "status": "ok" if alive else "stalled",
                "tick": engine.tick,
                "late_seconds": round(late, 3),
            },
            status=200 if alive else 503,
            headers={"Cache-Control": "no-store"},
        )

    return handle


def readyz(missing: Callable[[], Sequence[str]]) -> Handler:
    """Make the handler of readiness: 200 when ``missing()`` is empty, else 503 with its words."""

    async def handle(_: web.Request) -> web.Response:
        reasons = list(missing())
        return web.json_response(
            {"status": "ready" if not reasons else "not ready", "missing": reasons},
            status=200 if not reasons else 503,
            headers={"Cache-Control": "no-store"},
        )

    return handle
