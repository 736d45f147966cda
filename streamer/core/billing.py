"""Billing cycles, quotas, what is forecast, and what it costs. Pure.

Bytes are counted by local days. A megabyte is 10⁶ bytes, as operators sell them.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from loa.streamer.core.localtime import DAY, local_day, unix_at

MB = 1_000_000
WARN, LAST, CACHED_ONLY, RENEWED = 0.80, 0.95, 0.98, 0.90
"""Parts of the quota: a first warning, a second, then the cache only, until it is below again."""
RECENT_DAYS = 7
LEAST_DAYS = 2.0
"""Days of use that a forecast needs."""
MOST_A_SECOND = 50_000_000
"""Bytes that no modem on a pole moves: a counter that says so is broken."""
MOST_SPREAD = 62
MESSAGE_BYTES = 600
"""Of a usual message to a box that plays; …"""
MESSAGE_OVERHEAD = 22 + 52 + 52
"""… around it TLS, TCP and IP with time stamps, and the acknowledgement."""
REPLY_BYTES = 60
SESSION_OVERHEAD = 6000
"""To open a connection: TCP, TLS with its certificate, the WebSocket's greeting."""


# --- cycles


@dataclass(frozen=True, slots=True)
class Cycle:
    """The local days ``first`` … ``last``, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """How many there are."""
        return (self.last - self.first).days + 1

    def times(self, zone: str) -> tuple[float, float]:
        """Return from when until when it is, in Unix seconds."""
        return unix_at(zone, self.first.toordinal(), 0), unix_at(zone, self.last.toordinal() + 1, 0)


@dataclass(frozen=True, slots=True)
class CycleRule:
    """Calendar months from ``day`` on (the last one of a month that is shorter), or packages of
    ``days`` days, one of which began on ``start``."""

    day: int = 1
    days: int = 0
    start: date | None = None

    def at(self, day: date) -> Cycle:
        """Return the cycle in which a day lies."""
        if self.days and self.start is not None:
            number = (day - self.start).days // self.days
            first = self.start + timedelta(days=number * self.days)
            return Cycle(first, first + timedelta(days=self.days - 1))
        first = self._first(day.year, day.month)
        if day < first:
            year, month = _month(day.year, day.month - 1)
            return Cycle(self._first(year, month), first - timedelta(days=1))
        year, month = _month(day.year, day.month + 1)
        return Cycle(first, self._first(year, month) - timedelta(days=1))

    def beginning(self, first: date, last: date) -> Iterator[Cycle]:
        """Yield the cycles that begin on one of these days, in order."""
        cycle = self.at(first)
        if cycle.first < first:
            cycle = self.at(cycle.last + timedelta(days=1))
        while cycle.first <= last:
            yield cycle
            cycle = self.at(cycle.last + timedelta(days=1))

    def _first(self, year: int, month: int) -> date:
        return date(year, month, min(self.day, calendar.monthrange(year, month)[1]))


def _month(year: int, month: int) -> tuple[int, int]:
    return (year - 1, 12) if month == 0 else (year + 1, 1) if month == 13 else (year, month)


def day_of(zone: str, unix: float) -> date:
    """Return the local day of a moment."""
    return date.fromordinal(local_day(zone, unix))


# --- quotas


@dataclass(frozen=True, slots=True)
class Standing:
    """How a SIM stands in its cycle. ``share`` of the quota; ``forecast``: bytes at its end.

    Both are None where nobody knows them.
    """

    cycle: Cycle
    used: int
    quota: int | None
    share: float | None
    forecast: int | None

    @property
    def ahead(self) -> bool:
        """Whether the quota will be used up before the end."""
        return self.quota is not None and self.forecast is not None and self.forecast > self.quota


def standing(
    cycle: Cycle, zone: str, now: float, *, used: int, quota: int | None, recent: int,
    recent_days: float,
) -> Standing:  # fmt: skip
    """Return how it stands at ``now``; ``recent`` bytes were used in the last ``recent_days``."""
    _, end = cycle.times(zone)
    forecast = None
    if recent_days >= LEAST_DAYS:
        forecast = round(used + recent / recent_days * max(0.0, end - now) / DAY)
    share = None if not quota else used / quota
    return Standing(cycle, used, quota, share, forecast)


def warnings(standing: Standing, told: Collection[str]) -> tuple[str, ...]:
    """Return of what to warn now: ``ahead``, ``80``, ``95``, ``used_up``; each once in a cycle.

    Of several that are new the last one is said; those before it are as good as told (``passed``).
    """
    found = passed(standing)
    new = [word for word in found if word not in told]
    return (new[-1],) if new and found.index(new[-1]) == len(found) - 1 else ()


def passed(standing: Standing) -> list[str]:
    """Return everything that there would be to warn of, from the least."""
    share = standing.share or 0.0
    found = ["ahead"] if standing.ahead else []
    found += ["80"] if share >= WARN else []
    found += ["95"] if share >= LAST else []
    return found + (["used_up"] if share >= 1.0 else [])


def cached_only(standing: Standing, was: bool) -> bool:
    """Say whether the box is to use its cache only, and emergencies."""
    share = standing.share or 0.0
    return share >= RENEWED if was else share >= CACHED_ONLY


# --- money


@dataclass(frozen=True, slots=True)
class Tariff:
    """See ``tables/sims.py``."""

    package_bytes: int = 0
    package_price: float = 0.0
    megabyte_price: float = 0.0
    currency: str = "VND"


def cost(tariff: Tariff, used: int) -> float:
    """Return what a cycle costs in which so much was used; begun megabytes count."""
    beyond = max(0, used - tariff.package_bytes)
    return round(tariff.package_price + -(-beyond // MB) * tariff.megabyte_price, 2)


# --- counting


@dataclass(frozen=True, slots=True)
class ModemCounters:
    """What a box told of its modem (``receivers/modem.py``): of this run, and of all before."""

    epoch: int
    received: int
    sent: int
    before: int

    @property
    def total(self) -> int:
        """All bytes."""
        return self.before + self.received + self.sent


def grown(last: ModemCounters | None, now: ModemCounters) -> tuple[int, int]:
    """Return the bytes (received, sent) that were not told yet; nothing is counted twice.

    Of one run, what went back is a counter that began anew and is not new data. Of another run all
    is new, and of the runs before what is more than was told (a box that had no connection; which
    way those went, nobody knows any more: received).
    """
    if last is None:
        return now.received, now.sent
    if last.epoch == now.epoch:
        return max(0, now.received - last.received), max(0, now.sent - last.sent)
    return now.received + max(0, now.before - last.total), now.sent


def plausible(received: int, sent: int, seconds: float) -> bool:
    """Say whether a modem can have moved so much in the time."""
    return received + sent <= MOST_A_SECOND * max(60.0, seconds)


def spread(amount: int, zone: str, start: float, end: float) -> dict[date, int]:
    """Put bytes that were used between two moments to local days, by time; the sum stays."""
    start = max(min(start, end), end - MOST_SPREAD * DAY)
    first, last = local_day(zone, start), local_day(zone, end)
    if first == last or amount <= 0:
        return {date.fromordinal(last): amount}
    found: dict[date, int] = {}
    left = amount
    for day in range(first, last):
        until = unix_at(zone, day + 1, 0)
        part = min(left, round(amount * max(0.0, until - max(start, unix_at(zone, day, 0)))
                               / (end - start)))  # fmt: skip
        found[date.fromordinal(day)] = part
        left -= part
    found[date.fromordinal(last)] = left
    return found


def overhead(sent: int, received: int, sessions: int) -> int:
    """Estimate what TLS, TCP and IP put around messages: the server does not see it.

    By usual sizes of messages: it is an estimate, and is shown as one.
    """
    messages = sent / MESSAGE_BYTES + received / REPLY_BYTES
    return round(messages * MESSAGE_OVERHEAD) + sessions * SESSION_OVERHEAD
