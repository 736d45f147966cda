"""The one port: who a connection belongs to is decided by its first request.

::

    connection ─► PROXY header? ─► TLS? ─► request head ─┬─► listeners  GET, HEAD of a stream
                  (configured     (its port's            ├─► sources    SOURCE, PUT of an area
                   addresses)      own)                  └─► aiohttp    everything else

``Door`` is what all connections share; a ``FrontDoor`` lives until its connection is handed on.
Until then a connection has ``head_timeout`` seconds in all, whatever it sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol, cast

from aiohttp import web

from loa.streamer import logs
from loa.streamer.core import areas
from loa.streamer.counters import Counters
from loa.streamer.ingest.proxy import BadProxyHeader, parse_proxy
from loa.streamer.ingest.reply import text_reply
from loa.streamer.ingest.request import (
    BadRequest,
    Headers,
    RequestHead,
    RequestParser,
    split_target,
)
from loa.streamer.ingest.tls import Certificate
from loa.streamer.tasks import Tasks

log = logs.get("door")

RESERVED = areas.RESERVED | {"", "*", "favicon.ico", "robots.txt", "status-json.xsl"}
"""First segments of paths that are never an area's."""
STREAM_EXTENSION = ".opus"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, as far as it is known (behind a proxy: whom it speaks for)."""

    host: str
    port: int
    secure: bool


class Admission(Protocol):
    """What the front door needs of ``streamer/air/listeners.py``."""

    def admit(self, head: RequestHead, peer: Peer, transport: asyncio.Transport) -> bytes | None:
        """Take the connection over and return None, or return an answer to close it with."""


SourceFactory = Callable[[RequestHead, Peer], asyncio.Protocol]


@dataclass(frozen=True, slots=True)
class DoorConfig:
    """``head_timeout``: seconds from accepting to a complete head, handshake included.

    ``max_connections``: those without a complete head and those of aiohttp together; listeners and
    sources have limits of their own. ``queues``: sockets that listen on each address; each has a
    ``backlog`` of its own, which Linux cuts to 4,096 unless told otherwise, and 10,000 listeners
    that come back at once need room: who finds none tries again after 1, 3, 7… s. ``proxies``:
    networks whose connections must begin with a PROXY header.
    """

    head_timeout: float = 15.0
    linger: float = 2.0
    max_connections: int = 16_384
    backlog: int = 4096
    queues: int = 3
    keepalive: float = 30.0
    proxies: tuple[Network, ...] = ()
    reserved: frozenset[str] = RESERVED


def first_segment(path: str) -> str:
    """Return the first segment of a path: ``api`` of ``/api/v1``."""
    return path.removeprefix("/").partition("/")[0]


class Door:
    """What the connections share; ``open`` it, and ``close`` it at the end.

    ``late`` is to be the catch-all route of the web application that ``open`` is given.
    """

    def __init__(
        self,
        listeners: Admission,
        source_protocol: SourceFactory | None,
        counters: Counters,
        config: DoorConfig | None = None,
    ) -> None:
        self.config = config or DoorConfig()
        self.listeners = listeners
        self.source_protocol = source_protocol
        self.counters = counters
        self.web_connections = 0
        # In order of their deadlines, since each group has one fixed time to live.
        self._waiting: dict[FrontDoor, float] = {}
        self._lingering: dict[FrontDoor, float] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._tasks = Tasks(counters, log)
        self._servers: list[asyncio.Server] = []
        self._web: web.Server | None = None
        self._loop = asyncio.get_running_loop()

    # --- life

    async def open(
        self,
        runner: web.AppRunner,
        host: str | None = None,
        port: int = 0,
        *,
        sock: socket.socket | None = None,
        certificate: Certificate | None = None,
    ) -> int:
        """Listen on ``host`` and ``port`` (0: any), or on ``sock``; return the port.

        With a ``certificate`` that port speaks TLS. ``runner`` has been set up. May be called
        several times with one runner. Raises ``OSError``.
        """
        assert runner.server is not None, "call runner.setup() first"
        self._web = runner.server

        def connection() -> FrontDoor:
            return FrontDoor(self, certificate)

        create, backlog = self._loop.create_server, self.config.backlog
        if sock is not None:
            self._servers.append(await create(connection, sock=sock, backlog=backlog))
            return int(sock.getsockname()[1])
        port = await self._claim(host, port)
        for _ in range(self.config.queues):
            self._servers.append(
                await create(connection, host, port, backlog=backlog, reuse_port=True)
            )
        return port

    async def _claim(self, host: str | None, port: int) -> int:
        """Return ``port``, or a free one for 0; ``OSError`` when somebody listens there already.

        Sockets that share a port would share it with another server's as well, without a word.
        """
        found = await self._loop.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with contextlib.ExitStack() as stack:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                probe = stack.enter_context(socket.socket(family, kind, protocol))
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address[0], port, *address[2:]))
                port = int(probe.getsockname()[1])
        return port

    async def stop_accepting(self) -> None:
        """Close the listening sockets; connections go on."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def close(self) -> None:
        """Stop accepting and drop whoever has no complete head yet."""
        await self.stop_accepting()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for connection in [*self._waiting, *self._lingering]:
            connection.abort()
        self._waiting.clear()
        self._lingering.clear()
        await self._tasks.stop()

    @property
    def waiting(self) -> int:
        """Connections without a complete head."""
        return len(self._waiting)

    # --- routing

    def is_stream(self, path: str) -> bool:
        """Is this the path of a mount's stream?"""
        return path.endswith(STREAM_EXTENSION) and first_segment(path) not in self.config.reserved

    def is_source(self, head: RequestHead) -> bool:
        """Does this request want to put something on air?"""
        if self.source_protocol is None:
            return False
        if head.method == "SOURCE":
            return True
        return head.method == "PUT" and first_segment(head.path) not in self.config.reserved

    def is_listener(self, head: RequestHead) -> bool:
        """Does this request want to hear something?"""
        return head.method in ("GET", "HEAD", "OPTIONS") and self.is_stream(head.path)

    def is_proxy(self, host: str) -> bool:
        """Must a connection from this address begin with a PROXY header?"""
        if not self.config.proxies:
            return False
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.config.proxies)

    # --- connections that have no head yet

    def arrive(self, connection: FrontDoor) -> bool:
        """Count a new connection in; False when there is no room for it."""
        self.counters.add("door.connections")
        if len(self._waiting) + self.web_connections >= self.config.max_connections:
            # A proper client's head comes within a round trip. So whoever has dawdled longest makes
            # room, unless even that one is fresh: then it is a herd, and it has to come back.
            oldest = next(iter(self._waiting), None)
            dawdled = self.config.head_timeout - 1.0
            if oldest is None or self._waiting[oldest] - self._loop.time() > dawdled:
                self.counters.add("door.refused.full")
                return False
            self.counters.add("door.evicted")
            oldest.abort()
            self.leave(oldest)
        self._waiting[connection] = self._loop.time() + self.config.head_timeout
        self._wake()
        return True

    def leave(self, connection: FrontDoor) -> None:
        """Forget a connection, handed on or lost."""
        self._waiting.pop(connection, None)
        self._lingering.pop(connection, None)

    def linger(self, connection: FrontDoor) -> None:
        """Give a connection a moment to read its answer."""
        self._waiting.pop(connection, None)
        self._lingering[connection] = self._loop.time() + self.config.linger
        self._wake()

    def _wake(self) -> None:
        if self._sweep is None:
            self._sweep = self._loop.call_later(min(1.0, self.config.linger), self._sweep_now)

    def _sweep_now(self) -> None:
        self._sweep = None
        now = self._loop.time()
        for group in (self._waiting, self._lingering):
            late: list[FrontDoor] = []
            for connection, deadline in group.items():
                if deadline > now:
                    break
                late.append(connection)
            for connection in late:
                del group[connection]
                connection.time_out()
        if self._waiting or self._lingering:
            self._wake()

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine for a connection; it ends with the door at the latest."""
        self._tasks.spawn(coroutine)

    # --- aiohttp

    def web_handler(self, peer: Peer) -> WebHandler:
        """Return an aiohttp connection handler for ``peer``."""
        assert self._web is not None
        return WebHandler(self, peer, self._web, self._loop)

    async def late(self, request: web.Request) -> web.StreamResponse:
        """The catch-all route: streams asked for on a connection that aiohttp already serves.

        Browsers reuse the page's connection for the stream. A source cannot: its body has no
        framing, and aiohttp has swallowed its beginning.
        """
        handler, transport = request.protocol, request.transport
        assert isinstance(handler, WebHandler)
        # What aiohttp writes to a connection that is closed or taken away is lost without a word.
        nothing = web.Response()
        if transport is None or transport.is_closing():
            return nothing
        headers = Headers(tuple((name.lower(), value) for name, value in request.headers.items()))
        version = (request.version.major, request.version.minor)
        try:
            path, query = split_target(request.raw_path)
            head = RequestHead(request.method, request.raw_path, path, query, version, headers)
        except BadRequest as error:
            return web.Response(status=error.status, text=error.text + "\n")
        if self.is_source(head):
            self.counters.add("door.source_on_web")
            response = web.Response(
                status=400, text="a source must open a connection of its own; connect again\n"
            )
            response.force_close()
            return response
        if not self.is_listener(head):
            raise web.HTTPNotFound(text="nothing here; the stations are listed at /listen\n")
        # Answers to earlier requests of this connection go first.
        if transport.get_write_buffer_size():
            await asyncio.sleep(0.05)
        if transport.get_write_buffer_size():
            self.counters.add("door.refused.unread")
            transport.abort()
            return nothing
        answer = self.listeners.admit(head, handler.peer, transport)
        if answer is not None:
            transport.write(answer)
            transport.close()
        elif not transport.is_closing():
            # Over TLS the transport lives on under another protocol; this one has lost it.
            handler.connection_lost(None)
        return nothing


class WebHandler(web.RequestHandler):
    """aiohttp's connection handler, told who the peer is; counted while it lives."""

    __slots__ = ("_counted", "_door", "peer")

    def __init__(
        self, door: Door, peer: Peer, server: web.Server, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=door.config.keepalive,
            access_log=None,  # type: ignore[arg-type]
            max_field_size=16 * 1024,
        )
        self._door = door
        self._counted = False
        self.peer = peer

    @property
    def peername(self) -> tuple[str, int]:
        """Who the peer is, behind a proxy whom it speaks for: ``request.remote``."""
        return self.peer.host, self.peer.port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve the connection."""
        self._counted = True
        self._door.web_connections += 1
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone, or serves something else now."""
        if self._counted:
            self._counted = False
            self._door.web_connections -= 1
        super().connection_lost(exc)


class Stage(Enum):
    """What the bytes that come next are."""

    PROXY = auto()
    CLIENT_HELLO = auto()
    HANDSHAKE = auto()
    HEAD = auto()
    DONE = auto()


class FrontDoor(asyncio.Protocol):
    """One connection until it is handed on."""

    def __init__(self, door: Door, certificate: Certificate | None = None) -> None:
        self._door = door
        self._certificate = certificate
        self._stage = Stage.HEAD
        self._transport: asyncio.Transport | None = None
        self._peer = Peer("", 0, False)
        self._early = bytearray()  # of the stages before HEAD
        self._parser = RequestParser()

    # --- asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with what the address demands."""
        # (uvloop's transports are not instances of asyncio's.)
        self._transport = cast(asyncio.Transport, transport)
        address = transport.get_extra_info("peername")
        host, port = (address[0], address[1]) if address else ("", 0)
        self._peer = Peer(host, port, False)
        if not self._door.arrive(self):
            self._finish(
                text_reply(503, "too many connections; try again shortly", [("Retry-After", "5")])
            )
        elif self._door.is_proxy(host):
            self._stage = Stage.PROXY
        elif self._certificate is not None:
            self._stage = Stage.CLIENT_HELLO

    def data_received(self, data: bytes) -> None:
        """Take what the peer sent, for whichever stage it is."""
        if self._stage is Stage.HEAD:
            self._read_head(data)
        elif self._stage is Stage.PROXY:
            self._read_proxy(data)
        elif self._stage is Stage.CLIENT_HELLO:
            self._start_tls(data)
        elif self._stage is Stage.HANDSHAKE:
            # Decrypted bytes can come before start_tls has returned.
            self._early += data

    def eof_received(self) -> bool:
        """Half-closed before the head was complete: there is nothing to answer."""
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        """The peer left, or we closed."""
        self._stage = Stage.DONE
        self._door.leave(self)

    # --- stages

    def _read_proxy(self, data: bytes) -> None:
        self._early += data
        try:
            header = parse_proxy(self._early)
        except BadProxyHeader as error:
            self._door.counters.add("door.bad.proxy")
            log.warning("a proxy sent no PROXY header", peer=self._peer.host, error=str(error))
            self.abort()
            return
        if header is None:
            return
        if header.source is not None:
            self._peer = Peer(*header.source, False)
        rest = bytes(self._early[header.size :])
        self._early.clear()
        self._stage = Stage.HEAD if self._certificate is None else Stage.CLIENT_HELLO
        if rest:
            self.data_received(rest)

    def _start_tls(self, first: bytes) -> None:
        assert self._transport is not None
        self._stage = Stage.HANDSHAKE
        self._transport.pause_reading()  # until the TLS layer is there to read
        # asyncio would let 64 KiB wait behind the TLS layer, 20 s of a stream, where nobody looks.
        self._transport.set_write_buffer_limits(high=4096)
        self._door.spawn(self._handshake(first))

    async def _handshake(self, first: bytes) -> None:
        """Put TLS between the socket and us; ``first`` are bytes of it that were read already."""
        transport, certificate = self._transport, self._certificate
        assert transport is not None and certificate is not None
        loop = asyncio.get_running_loop()
        starting = loop.create_task(
            loop.start_tls(
                transport,
                self,
                certificate.context(loop.time()),
                server_side=True,
                ssl_handshake_timeout=self._door.config.head_timeout,
                ssl_shutdown_timeout=self._door.config.linger,
            )
        )
        # The first step of start_tls queues the beginning of the TLS layer and of reading; two
        # steps of the queue put these bytes right behind, before anything newer can be read.
        loop.call_soon(loop.call_soon, _inject, transport, first)
        try:
            secured = await starting
        # (RuntimeError: uvloop's word for a connection that was reset meanwhile.)
        except (OSError, TimeoutError, RuntimeError, asyncio.CancelledError) as error:
            self._door.counters.add("door.bad.tls")
            self._door.leave(self)
            transport.abort()
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        if secured is None or self._stage is Stage.DONE:
            (secured or transport).abort()
            return
        self._transport = secured
        self._peer = Peer(self._peer.host, self._peer.port, True)
        self._stage = Stage.HEAD
        early = bytes(self._early)
        self._early.clear()
        if early:
            self._read_head(early)

    def _read_head(self, data: bytes) -> None:
        try:
            head = self._parser.feed(data)
        except BadRequest as error:
            self._door.counters.add("door.bad.head")
            self._finish(text_reply(error.status, error.text))
            return
        if head is not None:
            self._hand_on(head)

    def _hand_on(self, head: RequestHead) -> None:
        door, transport = self._door, self._transport
        assert transport is not None
        if door.is_listener(head):
            answer = door.listeners.admit(head, self._peer, transport)
            if answer is None:
                self._stage = Stage.DONE
                door.leave(self)
            else:
                self._finish(answer)
        elif door.is_source(head):
            assert door.source_protocol is not None
            door.counters.add("door.sources")
            self._switch(door.source_protocol(head, self._peer), self._parser.rest)
        elif head.path == "*":
            allow = "GET, HEAD, PUT, POST, OPTIONS, SOURCE"
            self._finish(
                text_reply(200 if head.method == "OPTIONS" else 400, allow, [("Allow", allow)])
            )
        else:
            door.counters.add("door.web")
            self._switch(door.web_handler(self._peer), bytes(self._parser.received))

    def _switch(self, protocol: asyncio.Protocol, data: bytes) -> None:
        assert self._transport is not None
        self._stage = Stage.DONE
        self._door.leave(self)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if data:
            protocol.data_received(data)

    # --- ends

    def _finish(self, answer: bytes) -> None:
        """Answer and close; what the peer still sends is read, or the answer could be lost.

        (Closing a socket with unread input resets the connection, and a reset discards what the
        peer has not read.)
        """
        transport = self._transport
        assert transport is not None
        self._stage = Stage.DONE
        transport.write(answer)
        if transport.is_closing():
            self._door.leave(self)
        elif transport.can_write_eof():
            transport.write_eof()
            self._door.linger(self)
        else:
            transport.close()
            self._door.leave(self)

    def time_out(self) -> None:
        """Its time is up: to send a head, or to read its answer."""
        if self._stage is Stage.HEAD and self._transport is not None:
            self._door.counters.add("door.timeout.head")
            self._finish(text_reply(408, "no complete request came in time"))
            return
        if self._stage is not Stage.DONE:
            self._door.counters.add("door.timeout.handshake")
        self.abort()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._stage = Stage.DONE
        if self._transport is not None:
            self._transport.abort()


def _inject(transport: asyncio.Transport, data: bytes) -> None:
    """Give bytes that were read before a protocol was switched to the one that is there now."""
    # (uvloop's TLS layer is a buffered protocol without being an instance of asyncio's.)
    protocol = cast(asyncio.BufferedProtocol, transport.get_protocol())
    if not hasattr(protocol, "get_buffer"):
        return
    view = memoryview(data)
    while view and not transport.is_closing():
        buffer = memoryview(protocol.get_buffer(len(view)))
        size = min(len(buffer), len(view))
        buffer[:size] = view[:size]
        protocol.buffer_updated(size)
        view = view[size:]


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and networks of a configuration. Raises ``ValueError`` naming the bad one."""
    return tuple(ipaddress.ip_network(text) for text in texts)
