"""A simulated line: order, lateness, outages, and sockets that the server still thinks of."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Any, cast

import aiohttp
import pytest

from loa.receivers.fleet.dialing import Road, SlowSocket
from loa.receivers.fleet.profile import Line


class Socket:
    """What a WebSocket is for ``SlowSocket``."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[aiohttp.WSMessage] = asyncio.Queue()
        self.sent: asyncio.Queue[str] = asyncio.Queue()

    async def receive(self) -> aiohttp.WSMessage:
        return await self.coming.get()

    async def send_str(self, text: str) -> None:
        self.sent.put_nowait(text)

    def say(self, text: str) -> None:
        self.coming.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None))

    def over(self) -> None:
        self.coming.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None))


def slow(road: Road, socket: Socket) -> SlowSocket:
    return SlowSocket(cast(Any, socket), road)


async def test_what_comes_is_late_and_in_order_and_ends_with_the_connection() -> None:
    road = Road(Line(jitter_ms=20, loss=0.2), 0.01, Random(1))
    socket = Socket()
    line = slow(road, socket)
    begun = time.monotonic()
    for number in range(5):
        socket.say(str(number))
    socket.over()
    assert [message.data async for message in line] == ["0", "1", "2", "3", "4"]
    assert time.monotonic() - begun >= 0.01
    for number in range(3):
        await line.send_str(str(number))
    assert [await socket.sent.get() for _ in range(3)] == ["0", "1", "2"]
    await line.end()


async def test_in_an_outage_nothing_gets_through() -> None:
    road = Road(Line(), 0.0, Random(1))
    assert road.plain
    socket = Socket()
    line = slow(road, socket)
    road.cut()
    socket.say("later")
    await line.send_str("later, too")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await line.receive()
    assert socket.sent.empty()
    road.mend()
    assert (await line.receive()).data == "later"
    assert await socket.sent.get() == "later, too"
    await line.end()


def test_after_an_outage_tcp_waits_for_its_timer() -> None:
    road = Road(Line(), 0.1, Random(1))
    # Sent again after 0.4 s, 1.2 s, 2.8 s, 6 s, 12.4 s.
    assert road.retried(0.3) == pytest.approx(0.1)
    assert road.retried(3.0) == pytest.approx(3.0)
    assert road.retried(7.0) == pytest.approx(5.4)
