"""Liveness follows the engine's ticks; readiness names what is missing."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from loa.streamer.http.health import Handler, healthz, readyz


class FakeEngine:
    tick = 100

    def deadline(self, tick: int) -> float:
        return tick * 0.02


async def ask(handler: Handler) -> tuple[int, dict[str, Any]]:
    response = await handler(make_mocked_request("GET", "/"))
    assert isinstance(response, web.Response) and isinstance(response.body, bytes)
    assert response.headers["Cache-Control"] == "no-store"
    return response.status, json.loads(response.body)


async def test_alive_while_ticks_are_made() -> None:
    handler = healthz(FakeEngine(), lambda: 2.0)
    assert await ask(handler) == (200, {"status": "ok", "tick": 100, "late_seconds": 0.0})


async def test_a_second_of_catching_up_is_alive() -> None:
    assert (await ask(healthz(FakeEngine(), lambda: 3.5)))[0] == 200


async def test_stalled() -> None:
    handler = healthz(FakeEngine(), lambda: 7.02)
    assert await ask(handler) == (503, {"status": "stalled", "tick": 100, "late_seconds": 5.0})


async def test_ready_when_nothing_is_missing() -> None:
    missing = ["the areas' files are being read"]
    handler = readyz(lambda: missing)
    assert await ask(handler) == (503, {"status": "not ready", "missing": missing})
    missing.clear()
    assert await ask(handler) == (200, {"status": "ready", "missing": []})
