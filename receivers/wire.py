"""A WebSocket over TLS to the server, up to and including the proof of who answered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import aiohttp

from loa.codecs.control.certificates import CertificateError, key_hash
from loa.codecs.control.messages import MAX_TEXT
from loa.codecs.control.signing import PublicKey
from loa.receivers.address import PATH
from loa.receivers.handshake import Handshake, HandshakeError, Untrusted

CONNECT_WITHIN = 20.0
"""Seconds for name, connection, TLS, upgrade and the server's first words."""
USER_TIMEOUT_MS = 15_000


class Unreachable(HandshakeError):
    """There was no connection, or it ended too soon."""


@dataclass(slots=True)
class Opened:
    """A connection whose server has proved who it is; nothing was said to it yet."""

    socket: aiohttp.ClientWebSocketResponse
    shake: Handshake


def context() -> ssl.SSLContext:
    """Return how a box speaks TLS: no authority vouches for the server, its pin does."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


@contextlib.asynccontextmanager
async def opened(
    server: str, trust: Callable[[PublicKey], bool], tls: ssl.SSLContext
) -> AsyncIterator[Opened]:
    """Connect to ``wss://host:port``. Raises ``HandshakeError``: whom the box met, or why not."""
    connector = aiohttp.TCPConnector(ssl=tls, limit=1, force_close=True)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as client:
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                ws = await client.ws_connect(
                    server + PATH, compress=0, max_msg_size=MAX_TEXT, autoping=True,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )  # fmt: skip
                shake = await _challenged(ws, trust)
        except aiohttp.WSServerHandshakeError as error:
            raise Unreachable(f"the server answered {error.status}: {error.message}") from None
        except TimeoutError:
            raise Unreachable("the server does not answer") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise Unreachable(f"the server cannot be reached: {_why(error)}") from None
        try:
            _shape(ws)
            yield Opened(ws, shake)
        finally:
            with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                await ws.close()


async def _challenged(
    ws: aiohttp.ClientWebSocketResponse, trust: Callable[[PublicKey], bool]
) -> Handshake:
    try:
        shake = Handshake(_certificate(ws), trust)
        message = await ws.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise Unreachable("the server ended the connection before its first words")
        shake.read(message.data)
    except BaseException:
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            await ws.close()
        raise
    return shake


def _certificate(ws: aiohttp.ClientWebSocketResponse) -> bytes:
    tls = ws.get_extra_info("ssl_object")
    der = None if tls is None else tls.getpeercert(binary_form=True)
    if der is None:
        raise Untrusted("the server showed no certificate")
    try:
        return key_hash(der)
    except CertificateError as error:
        raise Untrusted(str(error)) from None


def _shape(ws: aiohttp.ClientWebSocketResponse) -> None:
    raw = ws.get_extra_info("socket")
    if raw is None:
        return
    connection = socket.socket(fileno=raw.fileno())
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
    except OSError:
        pass
    finally:
        connection.detach()


def _why(error: BaseException) -> str:
    cause = getattr(error, "os_error", None) or error
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)[:200]
