"""Which URLs and addresses a relay may be fetched from: the rule that keeps it off our own network.

A relay's URL is typed in by an operator and its server may redirect anywhere; without this rule it
could read what only the machine itself can reach. Names are resolved first and the *address* is
judged, and the connection goes to that very address (``streamer/ingest/relay.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL = 2048

# IANA's special-purpose registries (RFC 6890 and later additions), in the words of a refusal.
_REFUSED_4 = tuple(
    (IPv4Network(network), why)
    for network, why in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by a carrier's NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
_REFUSED_6 = tuple(
    (IPv6Network(network), why)
    for network, why in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")


class AddressRefused(ValueError):
    """The URL or address may not be fetched; the message says why, for an operator to read."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked for, once the address of its host has passed ``refusal``."""

    url: str
    host: str
    port: int
    tls: bool


def target(url: str) -> Target:
    """Check the form of a relay's URL; raise ``AddressRefused`` with the reason.

    Only http and https, no user or password in it, port 80, 443 or from 1024 on.
    """
    if len(url) > MAX_URL:
        raise AddressRefused(f"the URL is longer than {MAX_URL} characters")
    if any(ord(char) <= 32 or ord(char) == 127 or char == "\\" for char in url):
        raise AddressRefused("the URL holds a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError as error:
        raise AddressRefused(f"not a URL: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise AddressRefused(f"only http and https are fetched, not {parts.scheme or 'this'!r}")
    if not host:
        raise AddressRefused("the URL has no host")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("a user or password in the URL is not supported")
    tls = parts.scheme == "https"
    if port is None:
        port = 443 if tls else 80
    if port not in (80, 443) and port < 1024:
        raise AddressRefused(f"port {port} is refused: 80, 443, or 1024 and above")
    return Target(url, host, port, tls)


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read the configured exceptions (``"10.1.0.0/16"``, ``"::1"``); raise ``ValueError``."""
    return tuple(ip_network(text) for text in texts)


def refusal(address: str | Address, allowed: Sequence[Network] = ()) -> str | None:
    """Say why a relay may not connect to ``address``, or None when it may.

    ``allowed`` are the configured exceptions. An IPv4 address inside an IPv6 one (mapped, NAT64,
    6to4, Teredo) is judged as what it leads to. Raises ``ValueError`` when it is no address.
    """
    if isinstance(address, str):
        # A zone ("fe80::1%eth0") names an interface of this machine, never a public host.
        address = ip_address(address.partition("%")[0])
    inner = _inner(address)
    if any(one in network for network in allowed for one in {address, inner}):
        return None
    if isinstance(inner, IPv4Address):
        return next((why for network, why in _REFUSED_4 if inner in network), None)
    why = next((why for network, why in _REFUSED_6 if inner in network), None)
    if why is None and inner not in _GLOBAL_UNICAST_6:
        return "reserved"
    return why


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFFFFFF)
    if address in _TEREDO:
        return IPv4Address(~int(address) & 0xFFFFFFFF)
    return address
