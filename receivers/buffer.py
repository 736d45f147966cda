"""Packets that came by the connection, by their ticks, until they are played or given up. Pure.

What came lies in spans without holes; TCP makes that one span, or a few after outages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

MOST = 7000
"""Ticks: what a server keeps and sends again (2 minutes), and what comes meanwhile."""


class Buffer:
    """At most ``MOST`` packets. ``refused``: those for which there was no room, ``repeated``: those
    that were there already."""

    def __init__(self, most: int = MOST) -> None:
        self.refused = 0
        self.repeated = 0
        self._most = most
        self._packets: dict[int, bytes] = {}
        self._firsts: list[int] = []
        self._afters: list[int] = []

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, tick: int, packets: Sequence[bytes]) -> int:
        """Keep the packets of consecutive ticks; return how many of them are new."""
        known = self._packets
        afters, count = self._afters, len(packets)
        if (not afters or tick >= afters[-1]) and 0 < count <= self._most - len(known):
            # As a line brings it: behind all that is here.
            known.update(zip(range(tick, tick + count), packets, strict=True))
            if afters and tick == afters[-1]:
                afters[-1] = tick + count
            else:
                self._firsts.append(tick)
                afters.append(tick + count)
            return count
        new = 0
        for at, packet in enumerate(packets, tick):
            if at in known:
                self.repeated += 1
            elif len(known) >= self._most:
                self.refused += 1
            else:
                known[at] = packet
                new += 1
                self._cover(at)
        return new

    def ahead(self, tick: int) -> int:
        """Return how many ticks lie here without a hole from ``tick`` on."""
        i = bisect_right(self._firsts, tick) - 1
        return max(0, self._afters[i] - tick) if i >= 0 else 0

    def next(self, tick: int) -> int | None:
        """Return the first tick from ``tick`` on that lies here."""
        i = bisect_right(self._firsts, tick)
        if i > 0 and self._afters[i - 1] > tick:
            return tick
        return self._firsts[i] if i < len(self._firsts) else None

    def take(self, tick: int, count: int) -> list[bytes]:
        """Return these packets, all of which lie here, and forget them."""
        found = [self._packets.pop(at) for at in range(tick, tick + count)]
        self._uncover(tick, tick + count)
        return found

    def keep(self, spans: Iterable[tuple[int, int | None]]) -> int:
        """Forget all outside of these spans (first, after or None); return how many those were."""
        wanted = list(spans)
        before = len(self._packets)
        gone = [
            at
            for at in self._packets
            if not any(first <= at and (after is None or at < after) for first, after in wanted)
        ]
        for at in gone:
            del self._packets[at]
        if gone:
            self._firsts, self._afters = [], []
            for at in sorted(self._packets):
                self._cover(at)
        return before - len(self._packets)

    def _cover(self, at: int) -> None:
        i = bisect_right(self._firsts, at) - 1
        if i >= 0 and self._afters[i] == at:
            self._afters[i] = at + 1
        else:
            i += 1
            self._firsts.insert(i, at)
            self._afters.insert(i, at + 1)
        if i + 1 < len(self._firsts) and self._firsts[i + 1] == at + 1:
            self._afters[i] = self._afters[i + 1]
            del self._firsts[i + 1], self._afters[i + 1]

    def _uncover(self, first: int, after: int) -> None:
        i = bisect_right(self._firsts, first) - 1
        begin, end = self._firsts[i], self._afters[i]
        left = [(begin, first)] if begin < first else []
        left += [(after, end)] if after < end else []
        self._firsts[i : i + 1] = [span[0] for span in left]
        self._afters[i : i + 1] = [span[1] for span in left]
