"""Our own HTTP client for addresses that people typed in: it connects only where that is allowed.

The rule of ``core/addresses.py`` is applied to every connection's real address at the moment it is
made, so that neither a redirect nor a name server that changes its mind leads into our own network.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import aiohttp

from loa.streamer.core.addresses import Network, refusal


class PrivateAddress(OSError):
    """A connection was about to be made to an address that is not public."""


def client(
    allowed: Sequence[Network], timeout: aiohttp.ClientTimeout, *, what: str = "this"
) -> aiohttp.ClientSession:
    """Return a client that keeps no connection and no cookie; ``what`` is for the refusal's words.

    ``allowed`` are the configured exceptions. Redirects are the caller's: it must not follow them.
    """

    def make(address: Any) -> socket.socket:
        family, kind, protocol, _, where = address
        why = refusal(where[0], allowed)
        if why is not None:
            raise PrivateAddress(f"{where[0]} is {why}; {what} to public addresses only")
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            socket_factory=make, force_close=True, use_dns_cache=False, limit=0
        ),
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("Accept-Encoding",),
        read_bufsize=32 * 1024,
    )


def private(error: BaseException | None) -> PrivateAddress | None:
    """Find the refusal of an address among an error's causes."""
    seen = 0
    while error is not None and seen < 8:
        if isinstance(error, PrivateAddress):
            return error
        if isinstance(error, BaseExceptionGroup):
            found = [private(one) for one in error.exceptions]
            return next((one for one in found if one is not None), None)
        inner = getattr(error, "os_error", None)
        error = inner if inner is not None and inner is not error else error.__cause__
        seen += 1
    return None
