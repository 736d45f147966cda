"""How much faster or slower a box is to play so that it sounds when it should. Pure.

A PI loop over the error: its integral learns how the device's clock runs, its other part brings
back what is off in some seconds. Both are slow enough that nobody hears it.
"""

from __future__ import annotations

BLOCK = 0.02
SMOOTH = 0.5
"""Seconds over which the error is averaged: a device does not tell its time exactly."""
PULL = 0.25
"""Of the error is made good in each second."""
LEARN = PULL * PULL / 4
GENTLE = 5_000.0
"""ppm that nobody hears: 9 cents."""
HASTY = 15_000.0
"""For a live that lags, on its own: a quarter of a semitone."""
NEAR = 0.010
"""Seconds of error up to which it says something about the device's clock."""
MOST_LEARNT = 300.0
SLEW = 2_000.0
"""ppm in a second."""


class Steering:
    """``ppm``: what is asked for now; positive: faster."""

    def __init__(self) -> None:
        self.ppm = 0.0
        self.learnt = 0.0
        self.error = 0.0
        """Averaged; seconds, positive: late."""
        self._fresh = True

    def begin(self) -> None:
        """What sounds begins, or was moved: errors before it say nothing about it."""
        self._fresh = True

    def moved(self, seconds: float) -> None:
        """What sounds was moved by so much: positive, it is less late now."""
        self.error -= seconds

    def update(self, error: float, most: float) -> float:
        """Take the error of a block (seconds, positive: late); return the ppm for it, at most
        ``most`` to either side (0: as the clock runs)."""
        if self._fresh:
            self.error, self._fresh = error, False
        self.error += (error - self.error) * BLOCK / SMOOTH
        wanted = self.learnt
        if most > 0:
            wanted += 1e6 * PULL * self.error
            if abs(self.error) < NEAR:
                self.learnt += 1e6 * LEARN * self.error * BLOCK
                self.learnt = min(max(self.learnt, -MOST_LEARNT), MOST_LEARNT)
            wanted = min(max(wanted, -most), most)
        self.ppm += min(max(wanted - self.ppm, -SLEW * BLOCK), SLEW * BLOCK)
        return self.ppm
