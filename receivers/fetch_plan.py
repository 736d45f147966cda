"""What to fetch now, and in which pieces. Pure.

What is due within a day comes before the rest, what is due soon before what is due later, and of
what is due about the same time the smaller first. The rest waits for the hours when the line costs
nobody anything (``Settings.off_peak``), but not for more than a day, for a box may have no power at
night. A piece is as large as the line carries in about half a second, so that an emergency that
comes meanwhile waits no longer than that behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from loa.receivers.agenda import Need

DAY = 86_400.0
SOON = (3600.0, 6 * 3600.0, DAY)
"""What is due within the first of these comes before what is due within the next…"""
NOT_LONGER = 26 * 3600.0
"""Seconds that something waits for off-peak hours at most."""
LEAST_PIECE, FIRST_PIECE, MOST_PIECE = 2048, 8192, 64 * 1024
QUICK, SLOW = 0.35, 0.8
"""Seconds: a piece that came within the first can be larger, after the second must be smaller."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for fetching now. ``minute``: of the local day."""

    unix: float
    minute: int
    off_peak: tuple[int, int]
    cached_only: bool = False
    busy: bool = False
    """Audio is coming by the line: only what is due within the hour is fetched meanwhile."""


def within(minute: int, span: tuple[int, int]) -> bool:
    """Say whether a minute lies in [begin, end) of the day, which may go over midnight."""
    begin, end = span
    return begin <= minute < end if begin <= end else minute >= begin or minute < end


def choose(
    wanted: Iterable[Need],
    have: Callable[[bytes], bool],
    since: Mapping[bytes, float],
    rules: Rules,
) -> Need | None:
    """Return what to fetch now; None: nothing. Pure.

    ``have``: what is there, or cannot be had. ``since``: when each was first wanted (Unix seconds).
    """
    free = within(rules.minute, rules.off_peak)
    best: tuple[tuple[int, float, int, bytes], Need] | None = None
    for need in wanted:
        if have(need.hash):
            continue
        left = need.due - rules.unix
        group = next((n for n, limit in enumerate(SOON) if left <= limit), len(SOON))
        if need.cls == 2:
            group = -1
        elif rules.cached_only or (rules.busy and group > 0):
            continue
        elif group == len(SOON):
            waits = rules.unix - since.get(need.hash, rules.unix)
            if not free and waits < NOT_LONGER:
                continue
        day = left // DAY if group == len(SOON) else 0.0
        rank = (group, day, need.size, need.hash)
        if best is None or rank < best[0]:
            best = (rank, need)
    return None if best is None else best[1]


class PieceSize:
    """How many bytes to ask for, by how long the last ones took. Pure."""

    def __init__(self) -> None:
        self.now = FIRST_PIECE

    def took(self, size: int, seconds: float) -> None:
        """A piece of ``size`` bytes came after so many seconds."""
        if seconds > SLOW:
            self.now = max(LEAST_PIECE, min(self.now, size) // 2)
        elif seconds < QUICK and size >= self.now:
            self.now = min(MOST_PIECE, self.now * 3 // 2)


def minute_of(zone: str, unix: float) -> int:
    """Return the minute of the local day."""
    try:
        there = datetime.fromtimestamp(unix, ZoneInfo(zone))
    except (KeyError, ValueError, OSError):  # a box without the table of zones
        return int((unix + 7 * 3600) // 60) % 1440
    return there.hour * 60 + there.minute
