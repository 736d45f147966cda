"""The one timeline: ticks of 20 ms, and what they have to do with the time of day.

A server starts at the tick that the time of day gives, or just behind the last one it ever made,
whichever is later, so that ticks never go back, whatever its clock did meanwhile. From then on
ticks follow the monotonic clock and drift away from UTC as that does: nobody computes UTC by
multiplying.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

TICKS_A_SECOND = 50
EPOCH = 1_735_689_600
"""2025-01-01 00:00 UTC in Unix seconds: tick 0. Late enough that granules of two years stay small
enough for every player tried."""


def tick_of(unix: float) -> int:
    """Return the tick that lies at a time of day (Unix seconds) by the mapping used at a start."""
    return max(0, math.floor((unix - EPOCH) * TICKS_A_SECOND))


def start_tick(unix: float, high_water: int | None) -> int:
    """Return the tick to start with: by the time of day, but after every tick ever made."""
    by_clock = tick_of(unix)
    return by_clock if high_water is None else max(by_clock, high_water + 1)


@dataclass(frozen=True, slots=True)
class ClockReading:
    """A tick beside the time of day at which it was complete, as measured now.

    ``unix`` is in seconds, right within ``uncertainty`` seconds as far as this machine can tell:
    how long the reading took. How right the machine's own clock is, it does not say.
    """

    tick: int
    unix: float
    uncertainty: float


def read_clock(
    tick: int, tick_monotonic: float, monotonic_before: float, unix: float, monotonic_after: float
) -> ClockReading:
    """Put a tick, known on the monotonic clock, onto the time of day.

    ``unix`` was read between the two readings of the monotonic clock (all in seconds).
    """
    middle = (monotonic_before + monotonic_after) / 2
    return ClockReading(
        tick, unix - (middle - tick_monotonic), (monotonic_after - monotonic_before) / 2
    )
