"""Listeners: who asks for a stream, what they are told, and how they join the fan-out.

A plain listener costs Python one request: its descriptor is duplicated, the duplicate is given to
the engine with everything that is to be sent first, and asyncio's own is dropped. Over TLS the
engine sends into a socket pair instead and asyncio carries the bytes on (``TlsPump``).
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol

import numpy as np
import numpy.typing as npt

from loa.codecs.opus import timeline_headers
from loa.native.engine import TICKS_A_SECOND, Event, EventKind
from loa.native.error import NativeError
from loa.streamer.air.mounts import MountInfo, Mounts
from loa.streamer.counters import Counters
from loa.streamer.ingest.frontdoor import STREAM_EXTENSION, Peer
from loa.streamer.ingest.reply import CORS, Fields, header_block, text_reply
from loa.streamer.ingest.request import BadRequest, RequestHead

CADENCES = {"low": 2, "thrifty": 10}
"""Ticks in a page, by the name of the cadence."""
MAX_BURST = 30.0
AUDIO_ELEMENT_BURST = 12.0
"""Chromium's ``<audio>`` plays nothing before it has some 30 KB."""
USER_TIMEOUT_MS = 30_000

_DIGITS = frozenset("0123456789")


class Fanout(Protocol):
    """What is needed of ``loa.native.engine.Engine``."""

    def join(
        self,
        mount: int,
        fd: int,
        prefix: bytes,
        *,
        cadence: int,
        burst_ticks: int,
        max_lag_ticks: int,
        drop: bool = False,
        from_tick: int = -1,
    ) -> int:
        """Give a connected socket to the fan-out; return the listener's id."""

    def mount_listeners(self, count: int) -> npt.NDArray[np.int32]:
        """Return the number of listeners on each of the first ``count`` mounts."""


@dataclass(frozen=True, slots=True)
class ListenerConfig:
    """``max_listeners`` on all mounts, ``max_a_mount`` on one (0: no limit of its own).

    ``burst``: seconds of the past a listener gets at once unless it asks otherwise. ``max_lag``:
    seconds behind which it skips to the present, or with ``drop_laggards`` is disconnected.
    ``bitrate``: of the streams, in bit/s. ``send_buffer``: SO_SNDBUF as given to the kernel, in
    seconds of the stream; 0 leaves the kernel's default.

    Measured on loopback with 640-byte pages at 24 kb/s: the default lets 1,200 s of stream pile up
    in the kernel for a listener that does not read. With 1.4 s (4,200 bytes, which the kernel
    doubles) it is 2.6 s when the other side's buffer is small too, and 10 s, in flight and counted
    by SIOCOUTQ, when it is large.
    """

    max_listeners: int = 20_000
    max_a_mount: int = 0
    burst: float = 0.5
    max_lag: float = 10.0
    drop_laggards: bool = False
    bitrate: int = 24_000
    send_buffer: float = 1.4
    retry_after: int = 10

    @property
    def send_bytes(self) -> int:
        """SO_SNDBUF in bytes as given to the kernel; 0: its default."""
        return round(self.send_buffer * self.bitrate / 8)


@dataclass(frozen=True, slots=True)
class Wish:
    """How a listener wants to hear a mount: ``from_tick`` -1 means live."""

    cadence: int
    burst_ticks: int
    from_tick: int = -1


def parse_wish(head: RequestHead, default_burst: float) -> Wish:
    """Read ``cadence``, ``from`` and ``burst``. Raises ``BadRequest`` (400) naming the bad one.

    ``thrifty`` is what whoever does not ask gets: most listeners are on a SIM, and only a player
    that keeps its own buffer small gains from ``low`` (studios and our own page ask for it).
    """
    arguments = head.arguments()
    name = arguments.get("cadence", "thrifty")
    if name not in CADENCES:
        raise BadRequest(400, f"cadence is one of: {', '.join(CADENCES)}")
    burst = default_burst
    if head.headers.get("sec-fetch-dest") == "audio":
        burst = AUDIO_ELEMENT_BURST
    if (text := arguments.get("burst")) is not None:
        burst = _seconds(text)
    from_tick = -1
    if (text := arguments.get("from")) is not None:
        if not text or len(text) > 18 or not _DIGITS.issuperset(text):
            raise BadRequest(400, "from is a tick: a whole number, as in granule / 960")
        from_tick = int(text)
    return Wish(CADENCES[name], round(burst * TICKS_A_SECOND), from_tick)


def _seconds(text: str) -> float:
    # float() takes more than we want to: nan, inf, 1_0, blanks.
    if text and len(text) <= 10 and (_DIGITS | {"."}).issuperset(text):
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if 0 <= value <= MAX_BURST:
            return value
    raise BadRequest(400, f"burst is a number of seconds from 0 to {MAX_BURST:.0f}")


class Listeners:
    """Admits listeners to mounts, within limits.

    Feed it the engine's events (``left``), or its counts of listeners only grow.
    """

    def __init__(
        self,
        engine: Fanout,
        mounts: Mounts,
        counters: Counters,
        config: ListenerConfig | None = None,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.config = config or ListenerConfig()
        self._engine = engine
        self._mounts = mounts
        self._counters = counters
        self._wall = wall
        self._ogg = timeline_headers()
        self._made: dict[tuple[int, tuple[int, int]], tuple[int, MountInfo, bytes]] = {}
        self._mount_of: dict[int, int] = {}
        self._on: Counter[int] = Counter()
        self._pumps: set[TlsPump] = set()

    # --- counts

    @property
    def count(self) -> int:
        """Listeners now, on all mounts."""
        return len(self._mount_of)

    def on(self, mount: int) -> int:
        """Return the listeners that a mount has now."""
        return self._on[mount]

    @property
    def tls_count(self) -> int:
        """Those of them that listen over TLS."""
        return len(self._pumps)

    def left(self, event: Event) -> None:
        """Take an ``EventKind.LEFT`` of the engine (others are ignored)."""
        if (
            event.kind is EventKind.LEFT
            and (mount := self._mount_of.pop(event.id, None)) is not None
        ):
            self._on[mount] -= 1
            if not self._on[mount]:
                del self._on[mount]

    async def close(self) -> None:
        """Close the TLS listeners' connections, once the engine has stopped: it ends them first."""
        for _ in range(100):
            if not self._pumps:
                return
            await asyncio.sleep(0.01)
        for pump in list(self._pumps):
            pump.abort()

    # --- admission

    def admit(self, head: RequestHead, peer: Peer, transport: asyncio.Transport) -> bytes | None:
        """Join the listener behind ``transport``, and return None: the connection is taken over.

        Or return an answer to send before closing it: to HEAD and OPTIONS, and to everyone who
        cannot be served.
        """
        try:
            return self._admit(head, peer, transport)
        except BadRequest as error:
            self._counters.add(f"listeners.refused.{error.status}")
            fields = [*CORS]
            if error.status == 503:
                fields.append(("Retry-After", str(self.config.retry_after)))
            return text_reply(error.status, error.text, fields, body=head.method != "HEAD")

    def _admit(self, head: RequestHead, peer: Peer, transport: asyncio.Transport) -> bytes | None:
        mount = self._mounts.find(head.path.removesuffix(STREAM_EXTENSION))
        if mount is None:
            raise BadRequest(
                404,
                "no station has this address; those that do are listed at /listen\n"
                "không có địa bàn nào ở địa chỉ này; xem danh sách ở trang /",
            )
        if head.method == "OPTIONS":
            return self._preflight()
        wish = parse_wish(head, self.config.burst)
        headers = self._headers(mount, head.version)
        if head.method == "HEAD":
            return headers
        self._check_limits(mount.number)
        prefix = headers + self._ogg
        try:
            if peer.secure:
                self._join_secure(mount.number, wish, prefix, transport)
            else:
                self._join_plain(mount.number, wish, prefix, transport)
        except (OSError, NativeError):
            self._counters.add("listeners.refused.resources")
            raise BadRequest(503, "this server cannot take another listener now") from None
        self._counters.add("listeners.admitted")
        return None

    def _check_limits(self, mount: int) -> None:
        limit, own = self.config.max_listeners, self.config.max_a_mount
        if self.count < limit and not 0 < own <= self._on[mount]:
            return
        # Our counts can only be too high: when the loop was stopped for so long that events of
        # leaving were dropped. So it is the engine that has the last word.
        counts = self._engine.mount_listeners(max([mount, *self._on]) + 1)
        if counts.sum() >= limit:
            raise BadRequest(503, "this server has as many listeners as it takes; try again later")
        if 0 < own <= counts[mount]:
            raise BadRequest(503, "this station has as many listeners as it takes; try again later")

    def _preflight(self) -> bytes:
        return header_block(
            204,
            [
                ("Server", "Loa"),
                *CORS,
                ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
                ("Access-Control-Allow-Headers", "range, if-range"),
                ("Access-Control-Max-Age", "86400"),
                ("Allow", "GET, HEAD, OPTIONS"),
                ("Connection", "close"),
            ],
        )

    def _headers(self, mount: MountInfo, version: tuple[int, int]) -> bytes:
        """Return status line and headers; a herd within one second gets the same bytes."""
        second, key = int(self._wall()), (mount.number, version)
        known = self._made.get(key)
        if known is None or known[:2] != (second, mount):
            known = (second, mount, header_block(200, self._fields(mount, second), version))
            self._made[key] = known
        return known[2]

    def _fields(self, mount: MountInfo, second: int) -> Fields:
        # No Accept-Ranges and no length: this has no beginning that one could go back to.
        fields = [
            ("Date", formatdate(second, usegmt=True)),
            ("Server", "Loa"),
            ("Content-Type", "audio/ogg; codecs=opus"),
            ("Cache-Control", "no-cache, no-store"),
            ("Connection", "close"),
            *CORS,
            ("icy-name", mount.name),
            ("icy-br", str(self.config.bitrate // 1000)),
            ("icy-pub", "0"),
        ]
        if mount.description:
            fields.append(("icy-description", mount.description))
        return fields

    # --- joining

    def _join(self, mount: int, fd: int, prefix: bytes, wish: Wish) -> None:
        """Give ``fd`` to the engine; it stays the caller's when this raises ``NativeError``."""
        listener = self._engine.join(
            mount,
            fd,
            prefix,
            cadence=wish.cadence,
            burst_ticks=wish.burst_ticks,
            max_lag_ticks=round(self.config.max_lag * TICKS_A_SECOND),
            drop=self.config.drop_laggards,
            from_tick=wish.from_tick,
        )
        self._mount_of[listener] = mount
        self._on[mount] += 1

    def _join_plain(
        self, mount: int, wish: Wish, prefix: bytes, transport: asyncio.Transport
    ) -> None:
        fd = os.dup(transport.get_extra_info("socket").fileno())
        try:
            self._shape(fd)
            self._join(mount, fd, prefix, wish)
        except BaseException:
            os.close(fd)
            raise
        # The connection lives on in the duplicate, so this closes asyncio's descriptor and no more.
        transport.abort()

    def _join_secure(
        self, mount: int, wish: Wish, prefix: bytes, transport: asyncio.Transport
    ) -> None:
        ours, engines = socket.socketpair()
        try:
            for end in (ours, engines):
                end.setblocking(False)
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.config.send_bytes or 4096)
            pump = TlsPump(ours, transport, self._pumps)
            self._join(mount, engines.fileno(), prefix, wish)
        except BaseException:
            ours.close()
            engines.close()
            raise
        engines.detach()
        if (raw := transport.get_extra_info("socket")) is not None:
            self._shape(raw.fileno())
        transport.set_protocol(pump)
        pump.connection_made(transport)

    def _shape(self, fd: int) -> None:
        """Let lag be seen early and dead connections end; what fails here is not worth refusing."""
        connection = socket.socket(fileno=fd)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self.config.send_bytes:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.config.send_bytes)
        except OSError:
            self._counters.add("listeners.socket_options_failed")
        finally:
            connection.detach()


class TlsPump(asyncio.Protocol):
    """Carries a listener's bytes from the engine's socket pair into its TLS connection.

    It stops reading as soon as the connection's own buffers hold something, so that a slow listener
    lags where the engine can see it, in the socket pair, and the engine's policy applies.
    """

    LIMIT = 2048
    """Bytes in asyncio's write buffers above which no more is read."""
    CHUNK = 4096

    def __init__(
        self, ours: socket.socket, transport: asyncio.Transport, pumps: set[TlsPump]
    ) -> None:
        self._ours = ours
        self._transport = transport
        self._pumps = pumps
        self._loop = asyncio.get_running_loop()
        self._reading = False
        self._open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; called by whoever switched the transport to this protocol."""
        self._pumps.add(self)
        self._transport.set_write_buffer_limits(high=self.LIMIT, low=0)
        self.resume_writing()

    def pause_writing(self) -> None:
        """The connection does not take more: leave the rest to the engine."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._ours)

    def resume_writing(self) -> None:
        """The connection takes more."""
        if self._open and not self._reading:
            self._reading = True
            self._loop.add_reader(self._ours, self._carry)

    def _carry(self) -> None:
        try:
            data = self._ours.recv(self.CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._transport.write(data)
        else:
            # The engine has finished with this listener.
            self._close()
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """A listener has nothing more to say; what it sends is dropped."""

    def eof_received(self) -> bool:
        """It half-closed: as with plain listeners, that means it left."""
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        """The listener left; the engine sees the socket pair close."""
        self._close()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._close()
        self._transport.abort()

    def _close(self) -> None:
        if self._open:
            self.pause_writing()
            self._open = False
            self._pumps.discard(self)
            self._ours.close()
