"""Local dates and times of day, and the Unix seconds that they are in a time zone.

Days are proleptic ordinals (``date.toordinal``). Where clocks are put forward, a time that is left
out means as much later (RFC 5545); where they are put back, one that comes twice means the first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = 60
DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()


@lru_cache(maxsize=32_768)
def _offset(zone: str, day: int) -> int | None:
    """Return the seconds that a zone is ahead of UTC all through a day; None when they change."""
    midnight = datetime.fromordinal(day)
    there = ZoneInfo(zone)
    first = midnight.replace(tzinfo=there).utcoffset()
    # Changes come at most months apart: two equal ends have nothing between them.
    last = (midnight + timedelta(days=1)).replace(tzinfo=there, fold=1).utcoffset()
    if first is None or last is None or first != last:
        return None
    return int(first.total_seconds())


def unix_at(zone: str, day: int, minute: int) -> int:
    """Return the Unix time of a minute (0 … 1440) of a local day."""
    offset = _offset(zone, day)
    if offset is not None:
        return (day - _EPOCH) * DAY + minute * MINUTE - offset
    local = datetime.fromordinal(day) + timedelta(minutes=minute)
    return int(local.replace(tzinfo=ZoneInfo(zone)).timestamp())


def local_day(zone: str, unix: float) -> int:
    """Return the local day on which a moment lies."""
    day = int(unix // DAY) + _EPOCH
    offset = _offset(zone, day)
    if offset is not None:
        # Good for the day itself; its neighbours may have another.
        found = int((unix + offset) // DAY) + _EPOCH
        if found == day or _offset(zone, found) == offset:
            return found
    return datetime.fromtimestamp(unix, UTC).astimezone(ZoneInfo(zone)).toordinal()
