"""NTP: what a server answers, and what is no answer."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers import ntp
from loa.receivers.ntp import NtpError, answered, request

NONCE = bytes(range(8))
UNIX = 1_790_000_000.25


def stamp(unix: float) -> bytes:
    seconds = unix + ntp.SINCE_1900
    return struct.pack(">II", int(seconds) % ntp.ERA, int(seconds % 1 * ntp.ERA))


def answer(
    first: int = 0x24, stratum: int = 2, nonce: bytes = NONCE, at: float = UNIX, held: float = 0.1
) -> bytes:
    return bytes((first, stratum)) + bytes(22) + nonce + stamp(at) + stamp(at + held)


def test_the_time_as_the_answer_arrives() -> None:
    assert len(request(NONCE)) == 48 and request(NONCE)[40:] == NONCE
    assert answered(answer(), NONCE, 0.3) == pytest.approx(UNIX + 0.1 + 0.1, abs=1e-6)


def test_after_2036_the_stamps_begin_anew() -> None:
    later = 2_100_000_000.0
    assert answered(answer(at=later), NONCE, 0.3) == pytest.approx(later + 0.2, abs=1e-6)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        answer()[:47],
        answer(nonce=bytes(8)),
        answer(first=0x23),  # a client's
        answer(first=0xE4),  # its clock is not set
        answer(stratum=0),  # a kiss of death
        answer(stratum=16),
        answer(held=-1.0),
    ],
)
def test_others_are_no_answer(packet: bytes) -> None:
    with pytest.raises(NtpError):
        answered(packet, NONCE, 0.3)


def test_one_that_took_too_long_says_too_little() -> None:
    with pytest.raises(NtpError):
        answered(answer(), NONCE, 2.3)


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=100), st.floats(0, 10))
def test_whatever_comes_is_a_time_or_refused(packet: bytes, took: float) -> None:
    try:
        assert answered(packet, NONCE, took) >= ntp.FIRST
    except NtpError:
        return


async def test_a_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            self.transport.sendto(answer(nonce=data[40:], held=0.0), addr)  # type: ignore[attr-defined]

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        assert abs(await ntp.ask("127.0.0.1", port) - UNIX) < 1.0
        heard: asyncio.Future[float] = loop.create_future()
        asking = asyncio.create_task(
            ntp.keep_asking(
                ["127.0.0.1"], lambda: True, lambda unix, now: heard.set_result(unix), loop.time,
                port,
            )
        )  # fmt: skip
        assert abs(await heard - UNIX) < 1.0
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    finally:
        transport.close()
    monkeypatch.setattr(ntp, "WITHIN", 0.05)
    with pytest.raises((NtpError, OSError)):
        await ntp.ask("127.0.0.1", port)
