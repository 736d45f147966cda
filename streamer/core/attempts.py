"""How often somebody may guess a password: a leaky bucket for each address, in a bounded table."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable


def household(peer: str) -> str:
    """Return what stands for an address when its failures are counted.

    One who has an IPv6 address has all 2⁶⁴ of its network, so the network counts.
    """
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Attempts:
    """Counts failures by key. ``limit`` failures may come at once, then ``limit`` in ``window`` s.

    At most ``size`` keys are kept; the one that failed longest ago is forgotten first, so that a
    flood of addresses costs memory for ``size`` of them and no more.
    """

    def __init__(self, limit: int = 10, window: float = 60.0, size: int = 4096) -> None:
        self._limit = limit
        self._rate = limit / window
        self._size = size
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def blocked(self, key: Hashable, now: float) -> bool:
        """Say whether ``key`` has failed too often to be asked again at ``now`` (seconds)."""
        return self._level(key, now) > self._limit - 1

    def failed(self, key: Hashable, now: float) -> None:
        """Count a failure of ``key`` at ``now`` (seconds)."""
        level = min(self._level(key, now) + 1, self._limit)
        self._levels[key] = (level, now)
        self._levels.move_to_end(key)
        if len(self._levels) > self._size:
            self._levels.popitem(last=False)

    def forgive(self, key: Hashable, now: float) -> None:
        """Take back one failure of ``key``, counted before it was known to be none."""
        level = self._level(key, now) - 1
        if level > 0:
            self._levels[key] = (level, now)
        else:
            self._levels.pop(key, None)

    def wait(self, key: Hashable, now: float) -> float:
        """Return the seconds until ``key`` may be asked again, 0 if it may be now."""
        return max(0.0, (self._level(key, now) - (self._limit - 1)) / self._rate)

    def _level(self, key: Hashable, now: float) -> float:
        level, then = self._levels.get(key, (0.0, now))
        return max(0.0, level - (now - then) * self._rate)

    def __len__(self) -> int:
        return len(self._levels)


class Guesses:
    """Failures of an address at one area, and at all of them together.

    The second is wider, for many sources may share an address, and needed: a token may be good for
    every area, so that its guesser could take another area, there or not, for each few guesses.
    """

    def __init__(self, here: int = 10, anywhere: int = 200, window: float = 60.0) -> None:
        self._here = Attempts(here, window)
        self._anywhere = Attempts(anywhere, window)

    def blocked(self, peer: str, area: str, now: float) -> bool:
        """Say whether ``peer`` may not try ``area`` at ``now`` (seconds)."""
        return self._here.blocked((peer, area), now) or self._anywhere.blocked(peer, now)

    def failed(self, peer: str, area: str, now: float) -> None:
        """Count a failure at ``now`` (seconds)."""
        self._here.failed((peer, area), now)
        self._anywhere.failed(peer, now)
