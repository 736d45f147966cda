"""A simulated line under the box's real link: what comes is late, what is sent leaves late.

The connection itself is a real one (TLS, WebSocket) to the server. ``SlowSocket`` stands between it
and the link. In an outage nothing is read or written, so that TCP holds the server back as it does
on a real line; nobody is told, and what the box gives up in that time stays open for the server
until the outage is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from random import Random
from typing import cast

import aiohttp

from loa.codecs.control.signing import PublicKey
from loa.receivers.fleet.fate import Way
from loa.receivers.fleet.profile import Line
from loa.receivers.fleet.turns import Turns
from loa.receivers.wire import CONNECT_WITHIN, Opened, Unreachable, opened

MOST = 512
"""Messages on their way to a box; beyond it is not read."""
ROUND_TRIPS = 3
"""Of TCP, TLS 1.3 and the upgrade."""
SERVER_GIVES_UP = 30.0
"""Seconds without an acknowledgement after which the server's kernel ends a connection."""
_CLOSED = aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None)


class Road:
    """One receiver's line: how late things are, and whether it is broken. ``now``: monotonic.

    ``turns``: which it takes with the other boxes of its process to connect.
    """

    def __init__(
        self, line: Line, delay: float, random: Random, turns: Turns | None = None
    ) -> None:
        self._turns = turns or Turns(1, 0.0)
        self.down = Way(line, delay, random)
        self.up = Way(line, delay, random)
        self.plain = not (delay or line.jitter_ms or line.loss or line.rate_kbit)
        """Nothing but outages can happen to it."""
        self.outages = 0
        self._whole = asyncio.Event()
        self._whole.set()
        self._since = self._until = 0.0
        self._abandoned: set[asyncio.Task[None]] = set()

    @property
    def broken(self) -> bool:
        """Whether nothing gets through."""
        return not self._whole.is_set()

    def cut(self) -> None:
        """An outage begins."""
        self.outages += 1
        self._since = time.monotonic()
        self._whole.clear()

    def mend(self) -> None:
        """It is over."""
        self._until = time.monotonic()
        self._whole.set()

    async def whole(self) -> float:
        """Wait for the end of an outage; return how long it lasted, 0 if there was none."""
        if self._whole.is_set():
            return 0.0
        since = self._since
        await self._whole.wait()
        return self._until - since

    def retried(self, lasted: float) -> float:
        """Return the seconds after an outage at which TCP tries again: its timer had doubled."""
        wait = at = 2 * self.down.delay + 0.2
        while at < lasted:
            wait = min(2 * wait, 60.0)
            at += wait
        return at - lasted

    @contextlib.asynccontextmanager
    async def opened(
        self, server: str, trust: Callable[[PublicKey], bool], tls: ssl.SSLContext
    ) -> AsyncIterator[Opened]:
        """As ``wire.opened``, over this line."""
        await self._reach()
        stack = contextlib.AsyncExitStack()
        async with self._turns.turn():
            there = await stack.enter_async_context(opened(server, trust, tls))
        slow = SlowSocket(there.socket, self)
        try:
            yield Opened(cast(aiohttp.ClientWebSocketResponse, slow), there.shake)
        finally:
            await slow.end()
            if self.broken:
                # The box is done with it; the server will hear of that later, or never.
                task = asyncio.ensure_future(self._close_later(stack))
                self._abandoned.add(task)
                task.add_done_callback(self._abandoned.discard)
            else:
                await stack.aclose()

    async def close(self) -> None:
        """The fleet ends: let go of what was abandoned."""
        self.mend()
        await asyncio.gather(*self._abandoned, return_exceptions=True)

    async def _close_later(self, stack: contextlib.AsyncExitStack) -> None:
        await self._whole.wait()
        await stack.aclose()

    async def _reach(self) -> None:
        """A connection is asked for at 0, 1, 3, 7 and 15 s; after 20 s the box gives up."""
        start = time.monotonic()
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                while self.broken:
                    await self._whole.wait()
                    again = 1.0
                    while (left := start + again - time.monotonic()) < 0:
                        again = 2 * again + 1
                    await asyncio.sleep(left)
        except TimeoutError:
            raise Unreachable("the server does not answer") from None
        if not self.plain:
            now = time.monotonic()
            there = now
            for _ in range(ROUND_TRIPS):
                there = self.down.arrives(self.up.arrives(there, 600), 1500)
            await asyncio.sleep(max(0.0, there - now))


class SlowSocket:
    """What the link uses of a WebSocket: ``receive``, iteration and ``send_str``.

    On a plain line what comes and goes is handed on as it is: only an outage holds it up.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, road: Road) -> None:
        self._socket = socket
        self._road = road
        self._here: asyncio.Queue[tuple[float, aiohttp.WSMessage]] = asyncio.Queue(MOST)
        self._leaving: asyncio.Queue[tuple[float, str]] = asyncio.Queue(MOST)
        self._held: aiohttp.WSMessage | None = None
        works = () if road.plain else (self._bring(), self._send())
        self._tasks = [asyncio.ensure_future(work) for work in works]

    async def receive(self) -> aiohttp.WSMessage:
        """Return the next message, when it is there."""
        if self._road.plain:
            if self._held is None:
                message = await self._socket.receive()
                if not self._road.broken:
                    return message
                self._held = message
            return await self._after_outage()
        due, message = await self._here.get()
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        return message

    def __aiter__(self) -> SlowSocket:
        return self

    async def __anext__(self) -> aiohttp.WSMessage:
        message = await self.receive()
        if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise StopAsyncIteration
        return message

    async def send_str(self, text: str) -> None:
        """Send, later."""
        if self._road.plain and not self._tasks:
            if not self._road.broken:
                await self._socket.send_str(text)
                return
            self._tasks.append(asyncio.ensure_future(self._send()))
        due = self._road.up.arrives(time.monotonic(), len(text) + 60)
        await self._leaving.put((due, text))

    async def end(self) -> None:
        """The box is done with it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _after_outage(self) -> aiohttp.WSMessage:
        road = self._road
        if lasted := await road.whole():
            if lasted > SERVER_GIVES_UP:
                self._held = _CLOSED
            await asyncio.sleep(road.retried(lasted))
        message, self._held = self._held, None
        assert message is not None
        return message

    async def _bring(self) -> None:
        road = self._road
        while True:
            message = await self._socket.receive()
            now = time.monotonic()
            if lasted := await road.whole():
                # What came in that time waited for TCP's timer; the server may have given it up.
                if lasted > SERVER_GIVES_UP:
                    message = _CLOSED
                now = time.monotonic() + road.retried(lasted)
            data = message.data
            size = len(data) if isinstance(data, str | bytes) else 0
            due = now if road.plain else road.down.arrives(now, size + 60)
            await self._here.put((due, message))
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return

    async def _send(self) -> None:
        road = self._road
        while True:
            due, text = await self._leaving.get()
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if lasted := await road.whole():
                await asyncio.sleep(road.retried(lasted))
            await self._socket.send_str(text)
