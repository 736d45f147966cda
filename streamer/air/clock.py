"""Ticks and the time of day, by the clock as it is now (``core/timeline.py`` says why not else)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from loa.streamer.core.timeline import TICKS_A_SECOND, ClockReading, read_clock


class Timeline(Protocol):
    """What gives ticks: the engine."""

    @property
    def tick(self) -> int:
        """The newest complete tick."""

    def deadline(self, tick: int) -> float:
        """The monotonic time at which ``tick`` is due."""


class TickClock:
    """Reads the engine's timeline beside the time of day, anew for each question."""

    def __init__(
        self,
        timeline: Timeline,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeline = timeline
        self._wall = wall
        self._monotonic = monotonic

    @property
    def now(self) -> int:
        """The newest complete tick."""
        return self._timeline.tick

    def read(self) -> ClockReading:
        """Return a tick and the time of day beside it."""
        tick = self._timeline.tick
        due = self._timeline.deadline(tick)
        before = self._monotonic()
        unix = self._wall()
        return read_clock(tick, due, before, unix, self._monotonic())

    def unix(self, tick: int) -> float:
        """Return the time of day of a tick that is near."""
        return unix_of(self.read(), tick)


def unix_of(reading: ClockReading, tick: int) -> float:
    """Return the Unix seconds of a tick not far from a reading."""
    return reading.unix + (tick - reading.tick) / TICKS_A_SECOND


def tick_of(reading: ClockReading, unix: float) -> int:
    """Return the tick that lies nearest to a time not far from a reading."""
    return reading.tick + round((unix - reading.unix) * TICKS_A_SECOND)
