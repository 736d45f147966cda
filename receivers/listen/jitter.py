"""Packets by tick: put in as they arrive, taken out in order, each once; holes become known losses.

Nothing here waits or reads a clock: ``now`` is an argument, in seconds of any monotonic clock. The
depth in ms, and all stretching, are the ring's behind it; what is decided here is which tick comes
next, and when one that is missing has been waited for long enough.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

TICK = 0.02
"""Seconds."""
LAST_TICK = 2**40
"""No timeline gets there: 697 years."""


@dataclass(frozen=True, slots=True)
class Slot:
    """What to play for one tick: ``packet`` is None where it was lost and must be made up."""

    tick: int
    packet: bytes | None


@dataclass(slots=True)
class JitterCounters:
    """Ticks since the start."""

    accepted: int = 0
    repeated: int = 0
    """Came again, or after they had been played or given up."""
    refused: int = 0
    """Ticks that cannot be, or for which there was no room."""
    lost: int = 0
    """Missing, whether made up or left out."""
    left_out: int = 0
    """Of the lost: too many in a row to be made up."""


@dataclass(slots=True)
class JitterBuffer:
    """At most ``most_ms`` of packets, from the next tick wanted on.

    ``patience_ms``: how long a missing tick is waited for once a later one is there. Zero suits
    TCP, where what is missing never comes. ``conceal_ms``: of one hole, this much is made up;
    beyond it the ticks are left out, because time has passed without them.
    """

    patience_ms: float = 0.0
    conceal_ms: float = 100.0
    most_ms: float = 10_000.0
    counters: JitterCounters = field(default_factory=JitterCounters)
    next_tick: int | None = None
    """The next tick wanted; None before the first packet."""
    _packets: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    _order: list[int] = field(default_factory=list)

    @property
    def held_ms(self) -> float:
        """What lies here now."""
        return len(self._packets) * TICK * 1000

    def put(self, tick: int, packet: bytes, now: float) -> bool:
        """Take a packet that arrived; say whether it is new and wanted."""
        if not 0 <= tick < LAST_TICK:
            self.counters.refused += 1
            return False
        if self.next_tick is None:
            self.next_tick = tick
        if tick < self.next_tick or tick in self._packets:
            self.counters.repeated += 1
            return False
        if self.held_ms >= self.most_ms:
            self.counters.refused += 1
            return False
        self._packets[tick] = (packet, now)
        heapq.heappush(self._order, tick)
        self.counters.accepted += 1
        return True

    def take(self, now: float) -> list[Slot]:
        """Return what can be played now, in the order of ticks."""
        slots: list[Slot] = []
        while self._order and self.next_tick is not None:
            first = self._order[0]
            packet, arrived = self._packets[first]
            gap = first - self.next_tick
            if gap and now < arrived + self.patience_ms / 1000 and self.held_ms < self.most_ms:
                break
            made_up = min(gap, round(self.conceal_ms / 1000 / TICK))
            self.counters.lost += gap
            self.counters.left_out += gap - made_up
            slots.extend(Slot(self.next_tick + i, None) for i in range(made_up))
            slots.append(Slot(first, packet))
            heapq.heappop(self._order)
            del self._packets[first]
            self.next_tick = first + 1
        return slots

    def due(self) -> float | None:
        """When ``take`` has something again though nothing arrives; None: never."""
        if not self._order:
            return None
        return self._packets[self._order[0]][1] + self.patience_ms / 1000

    def restart(self) -> None:
        """Forget where we were: another timeline begins with the next packet."""
        self._packets.clear()
        self._order.clear()
        self.next_tick = None
