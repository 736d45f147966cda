"""The box's one connection: it is there, or on its way back; parts get the messages they take.

::

    link = Link(identity, parts)
    await link.run()            until it is cancelled
    link.send(message)          by the parts, on the same loop
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import aiohttp

from loa.codecs.control import frames, messages
from loa.codecs.control.dialects import NEWEST
from loa.codecs.control.frames import Audio, FrameError, Piece
from loa.codecs.control.messages import (
    Change,
    Enough,
    FromServer,
    Message,
    MessageError,
    Ping,
    Refused,
    UnknownMessage,
    Welcome,
)
from loa.codecs.control.signing import PublicKey, SigningKey
from loa.receivers.backoff import Backoff
from loa.receivers.enrol import software
from loa.receivers.handshake import HandshakeError, NoCommonVersion
from loa.receivers.identity import BoxIdentity
from loa.receivers.keys import Keys
from loa.receivers.liveness import Liveness
from loa.receivers.orders import Bound
from loa.receivers.parts import Part
from loa.receivers.wire import Opened, context, opened

MOST_WAITING = 256
"""Messages that wait to be sent…"""
MOST_BYTES = 512 * 1024
"""…and their bytes."""
WELCOME_WITHIN = 20.0
STEADY = 30.0
"""A session that lasted so long ends an outage: what comes after is a new one."""
HOPELESS = 300.0
"""Seconds between tries after an answer that only people can change."""
_HOPELESS = frozenset({"version", "message", "unknown", "revoked", "signature"})

Dial = Callable[
    [str, Callable[[PublicKey], bool], ssl.SSLContext],
    contextlib.AbstractAsyncContextManager[Opened],
]
"""How a connection is opened, as ``wire.opened`` does."""
Greeting = Callable[[], Mapping[str, object]]
"""Returns fields of ``Hello`` that parts know: resume, commands, settings, inventory, booted."""


class NoSession(Exception):
    """The server refused a session, or it ended; the text says why."""

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(why)
        self.code = code


class Link:
    """See the module; a ``parts.Line``. ``counters`` and ``why`` are for the status."""

    def __init__(
        self,
        identity: BoxIdentity,
        parts: Sequence[Part] = (),
        *,
        greeting: Greeting = dict,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        dial: Dial = opened,
        tls: ssl.SSLContext | None = None,
        unpack: Callable[[bytes], Audio | Piece] = frames.unpack,
    ) -> None:
        self.identity = identity
        self.keys = Keys(identity, self.send)
        self.counters: Counter[str] = Counter()
        self.why = "not connected yet"
        """Why there is no session, in plain words; empty while there is one."""
        self._parts: list[Part] = [*parts, self.keys]
        self._by_type: dict[type, list[Part]] = {}
        for part in self._parts:
            self._sort_in(part)
        self._greeting = greeting
        self._backoff = backoff or Backoff()
        self._clock = clock
        self._dial = dial
        self._tls = tls or context()
        self._unpack = unpack
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)
        self._queued = 0
        self._live = Liveness(clock())
        self._dialect = NEWEST
        self._down_since: float | None = clock()
        self._key_tried = 0
        self.nonce = b""
        """The box's challenge of this session: commands repeat it."""
        self.server: PublicKey | None = None
        """The server's identity in this session."""
        self.failures: list[str] = []
        """The newest mistakes of parts, for the status."""
        self._hurry = asyncio.Event()
        self.changed = asyncio.Event()
        """Set whenever a session began or ended; whoever waits for that clears it."""

    def add(self, part: Part) -> None:
        """Add a part that needs the link to be made."""
        self._parts.append(part)
        self._sort_in(part)

    def _sort_in(self, part: Part) -> None:
        for kind in part.takes:
            self._by_type.setdefault(kind, []).append(part)

    # --- what parts see

    @property
    def up(self) -> bool:
        """Whether there is a session."""
        return self._socket is not None

    @property
    def bound(self) -> Bound | None:
        """What commands of this session must be; None without one."""
        if self._socket is None or self.server is None:
            return None
        return Bound(self.identity.kept.receiver, self.nonce, (self.server,))

    @property
    def down_since(self) -> float | None:
        """Since when (monotonic) there is none; None while there is one."""
        return self._down_since

    def send(self, message: Message) -> bool:
        """Send a message; False when there is no session or too much waits already."""
        if self._socket is None:
            return False
        data = self._dialect.encode(message)
        if self._queue.full() or self._queued + len(data) > MOST_BYTES:
            self.counters["link.not_sent"] += 1
            return False
        if isinstance(message, Enough):
            self._live.streaming = False
        self._queued += len(data)
        self._queue.put_nowait(data)
        return True

    def hurry(self) -> None:
        """The network changed: try at once, or see at once whether the connection still lives."""
        self._live.doubt(self._clock())
        self._hurry.set()

    # --- the shell

    async def run(self) -> None:
        """Keep a session, for ever."""
        while True:
            began = None
            trying = asyncio.timeout(self._backoff.within(self._clock()))
            try:
                async with (
                    trying,
                    self._dial(self.identity.kept.server, self.identity.trusts, self._tls) as there,
                ):
                    key = self._key()
                    welcome = await self._welcome(there, key)
                    trying.reschedule(None)
                    began = self._clock()
                    await self._session(there, welcome)
            except (NoSession, HandshakeError, OSError, aiohttp.ClientError) as error:
                silent = trying.expired() and began is None
                why = NoSession("the server does not answer", "silent") if silent else error
                wait = self._failed(why, began)
            await self._pause(wait)

    def _key(self) -> SigningKey:
        keys = self.identity.keys
        return keys[self._key_tried % len(keys)]

    def _failed(self, error: Exception, began: float | None) -> float:
        now = self._clock()
        code = error.code if isinstance(error, NoSession) else type(error).__name__
        self.counters[f"link.failed.{code or 'lost'}"] += 1
        self.why = str(error) or type(error).__name__
        if began is not None and now - began >= STEADY:
            self._backoff.succeeded()
        wait = self._backoff.failed(now)
        if code == "signature" and began is None:
            self._key_tried += 1
            if self._key_tried % len(self.identity.keys):
                return wait  # the server may know another of the box's keys
        if code in _HOPELESS or isinstance(error, NoCommonVersion):
            return HOPELESS * random.uniform(0.7, 1.3)
        return wait

    async def _pause(self, seconds: float) -> None:
        # (Somebody may have been in a hurry already while the connection was taken down.)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()

    async def _welcome(self, there: Opened, key: SigningKey) -> Welcome:
        kept = self.identity.kept
        hello = there.shake.hello(kept.receiver, key, software=software(), **self._greeting())
        await there.socket.send_str(messages.encode(hello).decode())
        try:
            async with asyncio.timeout(WELCOME_WITHIN):
                message = await there.socket.receive()
        except TimeoutError:
            raise NoSession("the server does not answer") from None
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise NoSession("the server ended the connection")
        try:
            answer = messages.from_server(message.data)
        except MessageError as error:
            raise NoSession(f"the server's answer cannot be read: {error}") from None
        if isinstance(answer, Refused):
            raise NoSession(answer.why or answer.code, answer.code)
        if not isinstance(answer, Welcome):
            raise NoSession("the server did not begin a session")
        assert there.shake.server is not None
        try:
            self.identity.worked(key)
            self.identity.server_is(there.shake.server)
        except OSError:
            # A full disk keeps nobody from a session: what was there before still connects.
            self.counters["link.identity_not_written"] += 1
        self._key_tried = 0
        self.nonce = there.shake.nonce
        self.server = there.shake.server
        return answer

    async def _session(self, there: Opened, welcome: Welcome) -> None:
        now = self._clock()
        self._live = Liveness(now, welcome.heartbeat)
        self._dialect = there.shake.dialect
        self._hurry.clear()
        self._queue = asyncio.Queue(MOST_WAITING)
        self._queued = 0
        self._socket, self._down_since, self.why = there.socket, None, ""
        self.counters["link.sessions"] += 1
        self.changed.set()
        for part in self._parts:
            self._safely(part.welcomed, welcome)
        tasks = [
            asyncio.ensure_future(work)
            for work in (self._read(there.socket), self._write(there.socket), self._watch())
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._socket, self._down_since = None, self._clock()
            self.why = "the connection was lost"
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.changed.set()
            for part in self._parts:
                self._safely(part.parted)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            now = self._clock()
            self._live.received(now)
            try:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(self._dialect.from_server(message.data), now)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    self._take(self._unpack(message.data), now)
            except UnknownMessage:
                self.counters["link.messages.unknown"] += 1
            except (MessageError, FrameError):
                self.counters["link.messages.bad"] += 1
        raise NoSession("the connection was lost")

    def _take(self, message: FromServer | Audio | Piece, now: float) -> None:
        if isinstance(message, Refused):
            raise NoSession(message.why or message.code, message.code)
        if isinstance(message, Audio):
            self._live.streaming = True
        elif isinstance(message, Change) and not message.stream:
            self._live.streaming = False
        for part in self._by_type.get(type(message), ()):
            self._safely(part.take, message, now)

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            data = await self._queue.get()
            self._queued -= len(data)
            self._live.sent(self._clock())
            await socket.send_str(data.decode())

    async def _watch(self) -> None:
        while True:
            now = self._clock()
            if self._live.dead(now):
                raise NoSession("the connection is dead: nothing comes any more")
            if self._live.ping_due(now):
                self._live.pinged(now)
                self.send(Ping(sent=now))
            await asyncio.sleep(max(0.05, min(self._live.next(now) - now, 1.0)))

    def _safely(self, tell: Callable[..., object], *said: object) -> None:
        # One part's mistake must not end the connection of the others.
        try:
            tell(*said)
        except Exception as error:
            self.counters["link.parts_failed"] += 1
            self.failures.append(f"{type(error).__name__}: {error}"[:200])
            del self.failures[:-10]
