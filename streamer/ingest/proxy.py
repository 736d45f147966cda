"""The PROXY protocol, versions 1 and 2: who a layer-4 proxy speaks for (HAProxy's specification).

A proxy that only copies bytes puts this header before the client's first byte. Whether to expect
it is decided by the connection's address alone, never by what the bytes look like: the header is
believed, so only configured proxies may send one.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from dataclasses import dataclass

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
"""What a version 2 header starts with."""
MAX_V1 = 107
"""Bytes of the longest version 1 line, its CRLF included."""
MAX_V2 = 16 + 2048
"""Bytes of the longest version 2 header that is taken: addresses and a generous number of TLVs."""

_V1 = b"PROXY "
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")


class BadProxyHeader(Exception):
    """A configured proxy sent something else than a PROXY header; close the connection."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A complete header: ``size`` bytes of the connection.

    ``source`` is the client's address and port, or None when the proxy speaks for itself (a health
    check) or does not know; then the connection's own address holds.
    """

    source: tuple[str, int] | None
    size: int


def parse_proxy(data: bytes | bytearray) -> ProxyHeader | None:
    """Read the header that ``data`` starts with; None while it is incomplete.

    Raises ``BadProxyHeader`` as soon as it cannot become one.
    """
    data = bytes(data[:MAX_V2])
    if data[: len(SIGNATURE)] == SIGNATURE[: len(data)]:
        return _version_2(data)
    if data[: len(_V1)] == _V1[: len(data)]:
        return _version_1(data)
    raise BadProxyHeader("the connection does not start with a PROXY header")


def _version_1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\n", 0, MAX_V1)
    if end < 0:
        if len(data) >= MAX_V1:
            raise BadProxyHeader(f"a PROXY line is longer than {MAX_V1} bytes")
        return None
    size = end + 1
    if data[end - 1 : end] != b"\r":
        raise BadProxyHeader("a PROXY line does not end with CRLF")
    try:
        words = data[: end - 1].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise BadProxyHeader("a PROXY line is not ASCII") from None
    if words[1] == "UNKNOWN":
        return ProxyHeader(None, size)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise BadProxyHeader("a PROXY line does not name TCP4, TCP6 or UNKNOWN and two addresses")
    try:
        addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address]
        if words[1] == "TCP4":
            addresses = [ipaddress.IPv4Address(word) for word in words[2:4]]
        else:
            addresses = [ipaddress.IPv6Address(word) for word in words[2:4]]
    except ValueError:
        raise BadProxyHeader("a PROXY line holds an address that is not one") from None
    if any(not _PORT.fullmatch(word) or int(word) > 65535 for word in words[4:6]):
        raise BadProxyHeader("a PROXY line holds a port that is not one")
    return ProxyHeader((str(addresses[0]), int(words[4])), size)


def _version_2(data: bytes) -> ProxyHeader | None:
    if len(data) > 12 and data[12] >> 4 != 2:
        raise BadProxyHeader("a PROXY header of an unknown version")
    if len(data) > 12 and data[12] & 0xF > 1:
        raise BadProxyHeader("a PROXY header with an unknown command")
    if len(data) < 16:
        return None
    family, length = data[13], struct.unpack_from("!H", data, 14)[0]
    size = 16 + length
    if size > MAX_V2:
        raise BadProxyHeader(f"a PROXY header is longer than {MAX_V2} bytes")
    # TCP over IPv4, TCP over IPv6: two addresses and two ports, which must fit.
    width = {0x11: 4, 0x21: 16}.get(family)
    local = data[12] & 0xF == 0
    if not local and width and length < 2 * width + 4:
        raise BadProxyHeader("a PROXY header is too short for its addresses")
    if len(data) < size:
        return None
    if local or width is None:
        return ProxyHeader(None, size)
    address = ipaddress.ip_address(data[16 : 16 + width])
    port = struct.unpack_from("!H", data, 16 + 2 * width)[0]
    return ProxyHeader((str(address), port), size)
