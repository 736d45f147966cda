"""The place on the timeline, between ticks."""

from __future__ import annotations

import time
from collections.abc import Callable

from loa.streamer.air.clock import Timeline
from loa.streamer.core.timeline import TICKS_A_SECOND


class Position:
    """Reads it anew for each question. A tick is complete when it is due, whenever it is made."""

    def __init__(self, timeline: Timeline, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._timeline = timeline
        self._monotonic = monotonic

    def now(self) -> float:
        """Return the place in ticks, with its fraction."""
        tick = self._timeline.tick
        return tick + (self._monotonic() - self._timeline.deadline(tick)) * TICKS_A_SECOND
