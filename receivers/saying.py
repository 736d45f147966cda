"""When a box tells the server that something sounds, or nothing any more: said by its pings. Pure.

With the first ping of a session, which leaves anyway; later a few seconds after it changed, if it
is still so then: boxes of a province begin and end together, and must not all speak at once.
"""

from __future__ import annotations

import math
import random

LEAST, MOST = 1.0, 6.0
"""Seconds after a change."""


class Saying:
    """One session's. Times are monotonic seconds; a word is None where nobody measures."""

    def __init__(self) -> None:
        self.at = math.inf
        """When a word is due; infinite: there is nothing new."""
        self._told: bool | None = None

    def word(self, sounds: bool | None) -> bool | None:
        """Return what a ping is to say; None: nothing new."""
        return None if sounds is self._told else sounds

    def said(self, sounds: bool | None) -> None:
        """A ping left that said it."""
        self._told, self.at = sounds, math.inf

    def due(self, sounds: bool | None, now: float) -> bool:
        """Say whether a ping is to leave for it now."""
        if self._told is None or sounds is None or sounds is self._told:
            self.at = math.inf
            return False
        if math.isinf(self.at):
            self.at = now + random.uniform(LEAST, MOST)
        return now >= self.at
