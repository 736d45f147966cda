"""How long to wait before the next try, so that thousands of boxes do not come back at once."""

from __future__ import annotations

from random import Random

FIRST = 0.5
SOON = 4.0
LATER = 60.0
TEN_MINUTES = 600.0
TRY, PATIENT_TRY = 8.0, 20.0
"""Seconds that one try may take: in the first ten minutes, and from then on. A line that answers
is known by then, and one that lost what was sent is better asked anew; what is slower than that
gets its time later."""


class Backoff:
    """Waits of up to 0.5 s at first, 4 s in the first ten minutes of an outage, 60 s from then on.

    Each is drawn from the upper seven tenths of its bound. ``now``: seconds, monotonic.
    """

    def __init__(self, random: Random | None = None, first: float = FIRST) -> None:
        self._random = random or Random()
        self._first = first
        self._bound = first
        self._since: float | None = None

    def failed(self, now: float) -> float:
        """Say that a try failed, or a connection was lost; return the seconds to wait."""
        if self._since is None:
            self._since = now
        most = SOON if now - self._since < TEN_MINUTES else LATER
        bound = min(self._bound, most)
        self._bound = min(2 * bound, LATER)
        return bound * self._random.uniform(0.3, 1.0)

    def within(self, now: float) -> float:
        """Return how many seconds a try that begins now may take."""
        soon = self._since is None or now - self._since < TEN_MINUTES
        return TRY if soon else PATIENT_TRY

    def succeeded(self) -> None:
        """Audio arrived: the next outage starts anew."""
        self._bound = self._first
        self._since = None
