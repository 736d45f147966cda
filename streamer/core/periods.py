"""Periods of reports: whole local days, cut into calendar months. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MAX_DAYS = 1100
_HALF = re.compile(r"([12][0-9]{3})-([12])")


@dataclass(frozen=True, slots=True)
class Month:
    """The part of a calendar month that lies in a period: ``2026-01``, in Unix seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Period:
    """The local days ``first`` … ``last``, both included, in a time zone."""

    first: date
    last: date
    timezone: str

    @property
    def start(self) -> float:
        """Where the first day begins, in Unix seconds."""
        return self._midnight(self.first)

    @property
    def end(self) -> float:
        """Where the last day ends."""
        return self._midnight(self.last + timedelta(days=1))

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.last - self.first).days + 1

    @property
    def months(self) -> tuple[Month, ...]:
        """The months, in order; the first and the last may be parts of theirs."""
        found = []
        day = self.first
        while day <= self.last:
            following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
            end = min(following, self.last + timedelta(days=1))
            found.append(Month(f"{day:%Y-%m}", self._midnight(day), self._midnight(end)))
            day = end
        return tuple(found)

    def _midnight(self, day: date) -> float:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.timezone)).timestamp()


def half(text: str) -> tuple[date, date]:
    """Return the days of half a year: ``2026-1`` is January to June. Raises ``ValueError``."""
    found = _HALF.fullmatch(text)
    if found is None:
        raise ValueError("report.half")
    year = int(found[1])
    if found[2] == "1":
        return date(year, 1, 1), date(year, 6, 30)
    return date(year, 7, 1), date(year, 12, 31)
