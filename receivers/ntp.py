"""The time of day from an NTP server (SNTP, RFC 4330), where there is no session to ask.

Nobody signs these answers; ``timekeeping`` believes them less than the server's, and within bounds.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Callable, Sequence

PORT = 123
WITHIN = 5.0
EVERY = 1800.0
TRY_AGAIN = 120.0
SINCE_1900 = 2_208_988_800
ERA = 1 << 32
FIRST = 1_735_689_600
"""2025-01-01: the era of a stamp is chosen so that it is later (RFC 4330, 3)."""
MOST_DELAY = 2.0
"""Seconds: an answer that took longer says too little."""


class NtpError(Exception):
    """There was no answer that could be used."""


def request(nonce: bytes) -> bytes:
    """Return a client's packet; ``nonce``: 8 random bytes, which the answer must repeat."""
    return bytes((0x23,)) + bytes(39) + nonce


def answered(packet: bytes, nonce: bytes, took: float) -> float:
    """Return the Unix time as the answer arrived, ``took`` seconds after the question.

    Raises ``NtpError``.
    """
    if len(packet) < 48:
        raise NtpError("the answer is too short")
    first, stratum = packet[0], packet[1]
    leap, version, mode = first >> 6, first >> 3 & 7, first & 7
    if mode != 4 or not 3 <= version <= 4 or packet[24:32] != nonce:
        raise NtpError("this is no answer to the question")
    if leap == 3 or not 1 <= stratum <= 15:
        raise NtpError("the server does not know the time itself")
    received, sent = (_unix(*struct.unpack(">II", packet[at : at + 8])) for at in (32, 40))
    held = sent - received
    if not 0 <= held <= took or took - held > MOST_DELAY:
        raise NtpError("the answer took too long")
    return sent + (took - held) / 2


def _unix(seconds: int, fraction: int) -> float:
    unix = seconds - SINCE_1900 + fraction / ERA
    return unix if unix >= FIRST else unix + ERA


async def ask(server: str, port: int = PORT) -> float:
    """Ask a server once. Raises ``NtpError`` and ``OSError``."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bytes] = loop.create_future()
    try:
        async with asyncio.timeout(WITHIN):
            transport, _ = await loop.create_datagram_endpoint(
                lambda: _Client(answer), remote_addr=(server, port)
            )
            try:
                nonce = secrets.token_bytes(8)
                began = loop.time()
                transport.sendto(request(nonce))
                packet = await answer
                return answered(packet, nonce, loop.time() - began)
            finally:
                transport.close()
    except TimeoutError:
        raise NtpError("there was no answer") from None


class _Client(asyncio.DatagramProtocol):
    def __init__(self, answer: asyncio.Future[bytes]) -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._answer.done():
            self._answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc)


async def keep_asking(
    servers: Sequence[str],
    alone: Callable[[], bool],
    heard: Callable[[float, float], None],
    clock: Callable[[], float],
    port: int = PORT,
) -> None:
    """Ask one after the other while the box is ``alone`` (there is no session), until cancelled."""
    turn = 0
    while servers:
        wait = TRY_AGAIN
        if alone():
            try:
                unix = await ask(servers[turn % len(servers)], port)
            except (NtpError, OSError):
                turn += 1
            else:
                heard(unix, clock())
                wait = EVERY
        await asyncio.sleep(wait)
