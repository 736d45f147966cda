"""A PROXY header is read, waited for, or refused; how its bytes are cut changes nothing."""

from __future__ import annotations

import ipaddress
import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.ingest.proxy import (
    MAX_V1,
    MAX_V2,
    SIGNATURE,
    BadProxyHeader,
    ProxyHeader,
    parse_proxy,
)


def version_2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + struct.pack("!BBH", 0x20 | command, family, len(body)) + body


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n", ("192.0.2.7", 56324)),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n", ("2001:db8::7", 1)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN whatever it says\r\n", None),
        (version_2(1, 0x11, bytes([192, 0, 2, 7, 1, 2, 3, 4, 0, 80, 1, 187])), ("192.0.2.7", 80)),
        (
            version_2(1, 0x21, bytes(15) + b"\x01" + bytes(16) + b"\x01\x00\x00\x50" + b"tlv"),
            ("::1", 256),
        ),
        (version_2(0, 0x00, b""), None),
        (version_2(0, 0x11, b""), None),
        (version_2(1, 0x31, bytes(216)), None),
    ],
)
def test_headers(data: bytes, source: tuple[str, int] | None) -> None:
    assert parse_proxy(data + b"GET / HTTP/1.1\r\n") == ProxyHeader(source, len(data))
    for size in range(len(data)):
        assert parse_proxy(data[:size]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"G",
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 65536\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 +1 2\r\n",
        b"PROXY TCP4 192.0.2.07 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY \xff\r\n",
        b"PROXY " + b"x" * MAX_V1,
        SIGNATURE + b"\x11\x11\x00\x0c",
        SIGNATURE + b"\x22\x11\x00\x0c",
        version_2(1, 0x11, bytes(11)),
        version_2(1, 0x11, bytes(MAX_V2)),
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        parse_proxy(data)


@settings(deadline=None, derandomize=True)
@given(st.ip_addresses(), st.integers(0, 65535), st.binary(max_size=60))
def test_what_was_written_is_read(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int, tail: bytes
) -> None:
    name = str(address)
    line = f"PROXY TCP{address.version} {name} {name} {port} 80\r\n".encode()
    assert parse_proxy(line + tail) == ProxyHeader((name, port), len(line))
    family = 0x11 if address.version == 4 else 0x21
    header = version_2(1, family, address.packed * 2 + struct.pack("!HH", port, 80) + tail)
    assert parse_proxy(header + tail) == ProxyHeader((name, port), len(header))


def outcome(data: bytes, step: int) -> object:
    for end in range(step, len(data) + step, step):
        try:
            header = parse_proxy(data[:end])
        except BadProxyHeader:
            return "bad"
        if header is not None:
            return header
    return None


def test_mutated_headers() -> None:
    """A header, a wish for more or BadProxyHeader comes out, the same whole and byte by byte."""
    rng = random.Random(21)
    seeds = (
        b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\nGET /",
        version_2(1, 0x11, bytes(range(12))) + b"GET /",
        version_2(1, 0x21, bytes(range(36)) + b"\x04\x00\x01x"),
    )
    for _ in range(3000):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(3)):
            at = rng.randrange(len(data))
            if rng.randrange(3):
                data[at] = rng.randrange(256)
            else:
                del data[at : at + rng.randrange(5)]
        assert outcome(bytes(data), 1) == outcome(bytes(data), max(1, len(data)))
