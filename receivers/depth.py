"""How long a box waits before it plays a tick, as its line asks for. Pure.

The line is judged by how long after its tick a packet is there: the waiting for its message to be
full, the way, and whatever queues. The depth is what the worst of the last minute asked for, the
one worst apart: what happens once a minute is cheaper made up for than waited for all the time.
"""

from __future__ import annotations

TICK = 0.02
SPAN = 100
"""Ticks of audio that are judged together."""
SPANS = 32
SEVERAL = 5
MARGIN, MARGIN_PART = 0.010, 0.1
MOST = 2.0
"""Seconds: a line worse than that is not waited for."""
SHRINK = 0.001
"""Seconds of depth given up in each second of audio."""


class Depth:
    """``seconds`` to wait; ``first``: with which it begins, ``least``: below which it never goes.

    Call ``came`` for each message of audio that is not sent again.
    """

    def __init__(self, first: float, least: float = 0.03) -> None:
        self.seconds = first
        self.needed = 0.0
        """What the line asks for, without margin."""
        self.often = 0.0
        """What it asks for in several spans of the last minute, not in one or two."""
        self._least = least
        self._spans = [0.0] * SPANS
        self._span = 0
        self._ticks = 0

    def came(self, after: float, ticks: int) -> None:
        """Packets of so many ticks came, the first ``after`` seconds after its tick."""
        self._ticks += ticks
        span = self._ticks // SPAN % SPANS
        if span != self._span:
            self._span = span
            self._spans[span] = 0.0
        self._spans[span] = max(self._spans[span], min(after, MOST))
        ordered = sorted(self._spans)
        self.often = ordered[-SEVERAL]
        self.needed = ordered[-2] if ordered[-2] > 0 else ordered[-1]
        wanted = max(self._least, self.needed * (1 + MARGIN_PART) + MARGIN)
        self.seconds = max(wanted, self.seconds - SHRINK * ticks * TICK)
