"""How far a box lags behind what it was sent, in ticks.

Bytes alone do not tell time: silence is a tenth of speech. So marks say how many bytes were written
by a tick, and what the box has not acknowledged yet says which marks it has reached. That is asked
once a second, or before each message once it lags (``slow``). A box that lags too far is ``held``:
it is given nothing until it has drained. A message once begun is always finished: what was given to
the wire is never taken back.
"""

from __future__ import annotations

from collections import deque

from loa.streamer.fleet.hub import Wire

LAG_TICKS = 150
SLOW_TICKS = 50
MARK_EVERY = 25
DRAINED = 1024
"""Bytes that a box may still lack when it is written to again."""


class Lag:
    """See the module; of one wire."""

    __slots__ = ("_marks", "_wire", "held", "slow")

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._marks: deque[tuple[int, int]] = deque(maxlen=64)
        self.slow = False
        self.held = False

    def forget(self) -> None:
        """Begin anew."""
        self._marks.clear()
        self.slow = self.held = False

    def well(self, now: int) -> bool:
        """Look at a box that seems to take what it is sent; say whether it does."""
        if not self._wire.unread:
            self._marks.clear()
            return True
        self.slow = self._ticks(now) > SLOW_TICKS
        return not self.slow

    def drained(self) -> bool:
        """Say whether a box that was held has drained; it is held no longer then."""
        if self._wire.unread > DRAINED:
            return False
        self.forget()
        return True

    def takes(self, now: int) -> bool:
        """Say whether a box that seems to be slow is to be given more; else it is held now."""
        lag = self._ticks(now)
        self.slow = lag > SLOW_TICKS
        self.held = lag > LAG_TICKS
        return not self.held

    def _ticks(self, now: int) -> int:
        """Return by how many ticks it lags at least, and set the next mark."""
        wire, marks = self._wire, self._marks
        sent = wire.bytes_sent
        taken = sent - wire.unread
        while marks and marks[0][0] <= taken:
            marks.popleft()
        if taken < sent and (not marks or now - marks[-1][1] >= MARK_EVERY):
            marks.append((sent, now))
        return now - marks[0][1] if marks else 0
