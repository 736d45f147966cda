"""The receivers' door: ``WS /api/v1/receivers/control``, from the upgrade to the session's end.

The server speaks first; a box has a few seconds to prove who it is, and joins the hub. From then on
its messages go to the topics, one after the other; a ``Ping`` is answered as soon as it is read,
for it asks what time it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import WSMessage, WSMsgType, web

from loa.codecs.control import messages
from loa.codecs.control.codes import digest_of
from loa.codecs.control.dialects import DIALECTS, Dialect
from loa.codecs.control.messages import (
    MAX_TEXT,
    Enrol,
    Enrolled,
    FromBox,
    Hello,
    Message,
    MessageError,
    Ping,
    Pong,
    Refused,
    UnknownMessage,
    Welcome,
)
from loa.codecs.control.signing import PublicKey
from loa.streamer import logs
from loa.streamer.core.attempts import Attempts, Guesses, household
from loa.streamer.counters import Counters
from loa.streamer.desk import receivers
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.receivers import NotEnrolled
from loa.streamer.fleet.handshake import Handshake, Refusal
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.fleet.identity import ServerIdentity
from loa.streamer.fleet.position import Position
from loa.streamer.fleet.registry import Registry, Seen
from loa.streamer.fleet.strangers import Strangers
from loa.streamer.fleet.wire import Narrow, SocketWire, shape
from loa.streamer.ingest.tls import key_hash_of

ROUTE = "/api/v1/receivers/control"
ABSENCES = 3
"""Heartbeats without anything from the box, after which a session ends."""
SWEEP = 5.0
MOST_UNNAMED = 8 * 1024
"""Bytes that are taken of a connection before it has proved who it is: the longest ``Enrol``."""
MOST_QUEUED = 32
"""Messages of a box that wait to be dealt with; then it is not read until there is room."""

log = logs.get("fleet")


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """``hello_within``: seconds from the upgrade to a proof of who it is. ``strangers``: how many
    connections without one there may be (``strangers.Strangers``). ``heartbeat``: see
    ``messages.Welcome``. ``rate``, ``burst``: messages a second that are read of a box, and how
    many at once."""

    hello_within: float = 10.0
    strangers: int = 1000
    heartbeat: float = 50.0
    rate: float = 50.0
    burst: float = 400.0


async def _nothing() -> None:
    return


class FleetDoor:
    """See the module. ``add_routes`` it, ``run`` it as a task, ``close`` it at the end."""

    def __init__(
        self,
        desk: Desk,
        hub: Hub,
        identity: ServerIdentity,
        registry: Registry,
        position: Position,
        counters: Counters,
        settings: DoorSettings | None = None,
    ) -> None:
        self.desk, self.hub, self.identity, self.registry = desk, hub, identity, registry
        self.position, self.counters = position, counters
        self.settings = settings or DoorSettings()
        self.wrong_codes = Attempts(limit=20, window=60.0)
        # Thousands of boxes may share an operator's address, and one of them may be revoked.
        self.wrong_keys = Guesses(here=10, anywhere=300)
        self.strangers: Strangers[Connection] = Strangers(self.settings.strangers)
        self.sessions: set[Connection] = set()
        self.dialects: Mapping[int, Dialect] = DIALECTS
        self.closing = False
        self.was_over: Callable[[], Awaitable[None]] = _nothing
        """Called when a box trusts the identity that is only prepared here."""

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the WebSocket's address."""
        router.add_get(ROUTE, self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one box, from its upgrade to its end."""
        transport = request.transport
        certificate = None if transport is None else key_hash_of(transport)
        if certificate is None or transport is None:
            return self._refused(403, "plain", "receivers connect over TLS, to the server itself")
        if self.closing:
            return self._refused(503, "stopping", "the server is stopping")
        if self.strangers.full(household(request.remote or ""), asyncio.get_running_loop().time()):
            return self._refused(503, "full", "too many receivers are connecting at once")
        socket = web.WebSocketResponse(
            max_msg_size=MAX_TEXT, compress=False, autoping=True, timeout=1.0
        )
        if not socket.can_prepare(request).ok:
            return self._refused(400, "upgrade", "this address is a WebSocket")
        if not shape(transport):
            self.counters.add("fleet.socket_options_failed")
        await socket.prepare(request)
        narrow = Narrow(transport, MOST_UNNAMED, lambda: self.counters.add("fleet.refused.long"))
        connection = Connection(self, socket, transport, certificate, request.remote or "", narrow)
        await connection.serve()
        return socket

    def _refused(self, status: int, count: str, text: str) -> web.Response:
        self.counters.add(f"fleet.refused.{count}")
        headers = {"Retry-After": "3"} if status == 503 else None
        return web.json_response(
            {"error": {"code": count, "message": text}}, status=status, headers=headers
        )

    async def run(self) -> None:
        """End sessions from which nothing comes any more, again and again."""
        while True:
            await asyncio.sleep(SWEEP)
            self.sweep(asyncio.get_running_loop().time())

    def sweep(self, now: float) -> None:
        """End what has been silent for too long at ``now`` (monotonic)."""
        for connection in list(self.sessions):
            if now - connection.heard > ABSENCES * self.settings.heartbeat:
                self.counters.add("fleet.half_open")
                connection.wire.abort()

    def end(self, receiver: int, refused: Refused) -> None:
        """End a receiver's session, and tell it why."""
        session = self.hub.of(receiver)
        if session is not None:
            session.send(refused)
            session.close(refused.code)

    async def close(self) -> None:
        """Say goodbye to every box; they come back after a restart."""
        self.closing = True
        there = [*self.sessions, *self.strangers]
        for connection in there:
            connection.wire.send_text(
                messages.encode(Refused(code="stopping", why="the server is stopping"))
            )
            connection.wire.close("stopping")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3.0):
                for connection in there:
                    await connection.over.wait()
        for connection in [*self.sessions, *self.strangers]:
            connection.wire.abort()


class Connection:
    """One box's connection."""

    def __init__(
        self,
        door: FleetDoor,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        certificate: bytes,
        peer: str,
        narrow: Narrow,
    ) -> None:
        self._door, self._socket, self._peer, self._narrow = door, socket, peer, narrow
        self._house = household(peer)
        self._certificate = certificate
        self._loop = asyncio.get_running_loop()
        self.wire = SocketWire(transport)
        self.heard = self._loop.time()
        self.over = asyncio.Event()
        self._tokens, self._filled = door.settings.burst, self.heard
        self._queue: deque[FromBox] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._room = asyncio.Event()

    async def serve(self) -> None:
        """Run the connection until it ends."""
        door = self._door
        gone = door.strangers.add(self, self._house, self.heard)
        if gone is not None:
            door.counters.add("fleet.made_room")
            gone.wire.abort()
        session: Session | None = None
        try:
            async with asyncio.timeout(door.settings.hello_within):
                session = await self._begin()
            door.strangers.discard(self)
            self._narrow.widen()
            if session is not None and not door.closing:
                door.sessions.add(self)
                await self._listen(session)
        except TimeoutError:
            door.counters.add("fleet.timeout")
        except Refusal as refusal:
            self._refuse(refusal.refused)
        except (ConnectionError, RuntimeError):
            # aiohttp's words for a connection that was closed under it.
            door.counters.add("fleet.lost")
        finally:
            door.strangers.discard(self)
            door.sessions.discard(self)
            if session is not None:
                door.hub.leave(session)
            self.wire.close("over")
            self.over.set()
            if self._worker is not None:
                self._worker.cancel()
                await asyncio.gather(self._worker, return_exceptions=True)

    def _refuse(self, refused: Refused) -> None:
        self._door.counters.add(f"fleet.refused.{refused.code}")
        log.info("receiver refused", peer=self._peer, code=refused.code, why=refused.why)
        self._send(refused)

    def _send(self, message: Message) -> None:
        self.wire.send_text(messages.encode(message))

    # --- the beginning

    async def _begin(self) -> Session | None:
        door = self._door
        now = door.desk.clock()
        identities = door.identity.identities(self._certificate, now)
        shake = Handshake(identities, self._certificate, now, dialects=door.dialects)
        self._send(shake.challenge)
        data = await self._first()
        if data is None:
            return None
        asked = shake.read(data)
        if isinstance(asked, Enrol):
            await self._enrol(shake, asked)
            return None
        return await self._welcome(shake, asked)

    async def _first(self) -> str | None:
        message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT:
            self._door.counters.add("fleet.left_unnamed")
            return None
        self.wire.bytes_received += len(message.data)
        return str(message.data)

    async def _enrol(self, shake: Handshake, enrol: Enrol) -> None:
        door, house = self._door, self._house
        if door.wrong_codes.blocked(house, self._loop.time()):
            raise Refusal("busy", "too many wrong codes came from this address: wait a minute")
        key = shake.check_enrol(enrol)
        try:
            row = await receivers.enrol(
                door.desk, digest_of(enrol.secret), key, self._peer,
                enrol.software, enrol.hardware, enrol.serial,
            )  # fmt: skip
        except NotEnrolled as error:
            door.wrong_codes.failed(house, self._loop.time())
            raise Refusal(error.code, str(error)) from None
        area = door.desk.tree.get(row.area_id)
        door.counters.add("fleet.enrolled")
        log.info("receiver enrolled", receiver=row.id, name=row.name, peer=self._peer)
        self._send(
            Enrolled(
                receiver=row.id, name=row.name,
                area="" if area is None else area.path,
                area_name="" if area is None else area.name[:200],
                area_id=row.area_id,
            )
        )  # fmt: skip

    async def _welcome(self, shake: Handshake, hello: Hello) -> Session:
        door = self._door
        # Who proves who he is comes in, whatever others did behind the same address: a box that was
        # kept out would miss emergencies. Only the reading of what is not in memory is held up.
        if not door.registry.may_know(hello.receiver):
            self._hold_up(hello)
        known = await door.registry.get(hello.receiver)
        try:
            if known is None or known.state == "removed":
                raise Refusal("unknown", "this server has no such receiver: enrol the box anew")
            if known.state == "revoked":
                raise Refusal("revoked", "this receiver was revoked: ask for a new code")
            key = shake.check_hello(hello, known.keys)
        except Refusal as refusal:
            if refusal.refused.code != "signature":  # then the box tries another key of its own
                self._hold_up(hello)
            door.wrong_keys.failed(self._house, str(hello.receiver), self._loop.time())
            raise
        prepared = door.identity.prepared
        if prepared is not None and shake.trusted == prepared.public:
            await door.was_over()
        if len(known.keys) > 1 and key == known.keys[1]:
            await receivers.use_next_key(door.desk, known.id, key)
        # What was awaited may have taken long enough for a revocation.
        if (again := await door.registry.get(known.id)) is None or key not in again.keys:
            raise Refusal("revoked", "this receiver was revoked: ask for a new code")
        session = Session(
            again.id, again.area, again.name, hello, self.wire, self._peer, door.desk.clock(),
            door.counters, trusts=b"" if shake.trusted is None else shake.trusted.data,
            dialect=shake.dialect,
        )  # fmt: skip
        self._welcomed(session, shake.trusted)
        return session

    def _hold_up(self, hello: Hello) -> None:
        if self._door.wrong_keys.blocked(self._house, str(hello.receiver), self._loop.time()):
            raise Refusal("busy", "too many wrong signatures: wait a minute")

    def _welcomed(self, session: Session, trusted: PublicKey | None) -> None:
        door = self._door
        now = door.desk.clock()
        self._send(
            Welcome(
                version=session.hello.version,
                tick=door.position.now(),
                unix=now,
                heartbeat=door.settings.heartbeat,
            )
        )
        if trusted is not None and (next_ := door.identity.successor(trusted, now)) is not None:
            session.send(next_)
        door.counters.add("fleet.welcomed")
        door.registry.seen(session.receiver, Seen(now, self._peer, session.hello.software))
        door.hub.join(session)

    # --- the session

    async def _listen(self, session: Session) -> None:
        async for message in self._socket:
            self.heard = self._loop.time()
            if message.type is WSMsgType.TEXT:
                await self._read(session, message)
            elif message.type is not WSMsgType.BINARY:
                break
            else:
                self._door.counters.add("fleet.messages.bad")
            if session.ended or self.wire.closed_why is not None:
                break
            await self._slow_down()

    async def _read(self, session: Session, raw: WSMessage) -> None:
        counters = self._door.counters
        self.wire.bytes_received += len(raw.data)
        try:
            message = session.dialect.from_box(raw.data)
        except UnknownMessage:
            counters.add("fleet.messages.unknown")
            return
        except MessageError:
            counters.add("fleet.messages.bad")
            return
        if isinstance(message, Ping):
            if message.on is not None:
                session.sounding = message.on
            session.send(
                Pong(
                    sent=message.sent, tick=self._door.position.now(),
                    unix=self._door.desk.clock(),
                )
            )  # fmt: skip
        elif isinstance(message, Hello | Enrol):
            counters.add("fleet.messages.bad")
        else:
            self._queue.append(message)
            if self._worker is None:
                self._worker = self._loop.create_task(self._work(session))
            while len(self._queue) >= MOST_QUEUED and not session.ended:
                self._room.clear()
                await self._room.wait()

    async def _work(self, session: Session) -> None:
        try:
            while self._queue and not session.ended:
                message = self._queue.popleft()
                self._room.set()
                try:
                    await self._door.hub.take(session, message)
                except Exception:
                    self._door.counters.add("fleet.topics.failed")
                    log.exception(
                        "a message failed", receiver=session.receiver, of=type(message).__name__
                    )
        finally:
            self._worker = None
            self._room.set()

    async def _slow_down(self) -> None:
        settings, now = self._door.settings, self._loop.time()
        self._tokens = min(settings.burst, self._tokens + (now - self._filled) * settings.rate) - 1
        self._filled = now
        if self._tokens < 0:
            self._door.counters.add("fleet.slowed_down")
            await asyncio.sleep(-self._tokens / settings.rate)
