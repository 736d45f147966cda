"""Tells when the machine's network changed: another address, another route (Linux's rtnetlink).

A modem that roamed, or a cable that was pulled, leaves connections that nobody ends: who is told of
it asks at once whether the server is still there, instead of at the next heartbeat.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

_LINK, _IPV4_ADDRESS, _IPV4_ROUTE, _IPV6_ADDRESS, _IPV6_ROUTE = 0x1, 0x10, 0x40, 0x100, 0x400
GATHER = 1.0
"""Seconds in which changes are taken for one: an address, a route and a name come together."""


async def watch(changed: Callable[[], None], gather: float = GATHER) -> None:
    """Call ``changed`` after each change, until cancelled. Returns where there is no rtnetlink."""
    loop = asyncio.get_running_loop()
    try:
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    except (AttributeError, OSError):
        return
    with netlink:
        netlink.setblocking(False)
        try:
            netlink.bind((0, _LINK | _IPV4_ADDRESS | _IPV4_ROUTE | _IPV6_ADDRESS | _IPV6_ROUTE))
        except OSError:
            return
        while True:
            # Too many at once is an error, and means just as well that something changed.
            with contextlib.suppress(OSError):
                await loop.sock_recv(netlink, 65_536)
            await asyncio.sleep(gather)
            _drain(netlink)
            changed()


def _drain(netlink: socket.socket) -> None:
    for _ in range(1000):
        try:
            netlink.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            continue
