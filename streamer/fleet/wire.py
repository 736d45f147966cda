"""A session's connection: WebSocket frames written straight to the transport.

aiohttp reads; what is sent goes past its writer, for its framing of every message anew costs more
than the write itself, and a frame of audio is the same bytes for thousands.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Callable
from contextlib import suppress

from aiohttp import WSCloseCode

USER_TIMEOUT_MS = 30_000
THIN_LINEAR_TIMEOUTS = 16
"""TCP_THIN_LINEAR_TIMEOUTS of Linux, which Python has no name for: what is lost again and again
is sent again after the same while, and not after twice, four times, eight times as long."""
SEND_BYTES = 16 * 1024
"""SO_SNDBUF, which the kernel doubles: what may be under way to a box that is far."""
UNSENT_BYTES = 2048
"""TCP_NOTSENT_LOWAT: what may lie in the kernel and is not even under way, where nobody sees it."""
NOTSENT_LOWAT = getattr(socket, "TCP_NOTSENT_LOWAT", 25)


class SocketWire:
    """See ``hub.Wire``. ``closed_why`` is what the first ``close`` said, else None."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        raw = transport.get_extra_info("socket")
        self._fd = -1 if raw is None else raw.fileno()
        self.closed_why: str | None = None
        self.bytes_sent = 0
        self.bytes_received = 0

    @property
    def waiting(self) -> int:
        """Bytes that were written and the kernel has not taken yet."""
        try:
            return self._transport.get_write_buffer_size()
        except AttributeError:
            self._lost()
            return 0

    @property
    def unread(self) -> int:
        """Bytes that were written and the peer's kernel has not acknowledged."""
        waiting = self.waiting
        if self._fd < 0 or self._transport.is_closing():
            return waiting
        try:
            under_way = struct.unpack("i", fcntl.ioctl(self._fd, termios.TIOCOUTQ, bytes(4)))
        except OSError:
            return waiting
        return waiting + int(under_way[0])

    def send_text(self, data: bytes) -> None:
        """Send a text message."""
        self.send_frame(text_frame(data))

    def send_frame(self, frame: bytes) -> None:
        """Send a whole frame."""
        # A connection that was lost takes it and throws it away, until the door hears of that.
        if self.closed_why is None:
            try:
                self._transport.write(frame)
            except AttributeError:
                self._lost()
            else:
                self.bytes_sent += len(frame)

    def close(self, why: str) -> None:
        """Say goodbye and close; a peer that takes nothing is dropped after a moment."""
        if self.closed_why is None:
            text = why.encode()[:100]
            self.send_frame(
                bytes((0x88, 2 + len(text))) + WSCloseCode.GOING_AWAY.to_bytes(2) + text
            )
        if self.closed_why is None:
            self.closed_why = why
            self._transport.close()

    def abort(self) -> None:
        """Drop it at once."""
        self.closed_why = self.closed_why or "aborted"
        with suppress(AttributeError):
            self._transport.abort()

    def _lost(self) -> None:
        # A TLS transport of asyncio's that was closed twice has lost its other half, and stumbles.
        self.closed_why = self.closed_why or "lost"


class Narrow(asyncio.Protocol):
    """Stands before a connection's protocol until it is known who is there: of a stranger no more
    than ``most`` bytes are taken, whatever he announces; then the connection is dropped."""

    def __init__(
        self, transport: asyncio.Transport, most: int, exceeded: Callable[[], None]
    ) -> None:
        inner = transport.get_protocol()
        assert isinstance(inner, asyncio.Protocol)
        self._transport, self._inner = transport, inner
        self._left, self._exceeded = most, exceeded
        transport.set_protocol(self)

    def widen(self) -> None:
        """It is no stranger: from now on this is not in between."""
        with suppress(AttributeError):  # it was lost: see SocketWire
            self._transport.set_protocol(self._inner)

    def data_received(self, data: bytes) -> None:
        """Pass on what there is room for."""
        if self._left < 0:
            return
        self._left -= len(data)
        if self._left < 0:
            self._exceeded()
            self._transport.abort()
        else:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass it on."""
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._inner.resume_writing()


def text_frame(payload: bytes) -> bytes:
    """Return the WebSocket frame of a server's text message (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload


def shape(transport: asyncio.BaseTransport) -> bool:
    """Let lag be seen early and dead connections end; False where that could not be set."""
    raw = transport.get_extra_info("socket")
    if raw is None:
        return False
    connection = socket.socket(fileno=raw.fileno())
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        if sys.platform == "linux":
            connection.setsockopt(socket.IPPROTO_TCP, THIN_LINEAR_TIMEOUTS, 1)
        connection.setsockopt(socket.IPPROTO_TCP, NOTSENT_LOWAT, UNSENT_BYTES)
    except OSError:
        return False
    finally:
        connection.detach()
    return True
