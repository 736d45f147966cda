"""On which days something recurs: the part of RFC 5545's RRULE that days need, and no more.

Days are proleptic ordinals (``date.toordinal``). A rule is evaluated period by period up to the
last day that is asked for, so that what it costs is known before, whatever it says: libraries that
search for the next match go on to the year 9999 when there is none. Times of day, seconds and
weeks by number have no use here and are refused.
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

MAX_RULE = 300
MAX_INTERVAL = 999
MAX_COUNT = 5000
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_BLOCK = 64
"""Days that are worked out, and remembered, together."""
_FIRST = date(2000, 1, 1).toordinal()
_LAST = date(2200, 1, 1).toordinal()
_BYDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


class RuleError(ValueError):
    """A rule is refused: ``code`` says why, ``part`` where."""

    def __init__(self, code: str, part: str = "") -> None:
        super().__init__(f"{code} {part}".strip())
        self.code = code
        self.part = part


@dataclass(frozen=True, slots=True)
class Rule:
    """See RFC 5545, 3.3.10. ``byday``: (ordinal or 0, weekday); ``until``: an ordinal, inclusive.

    Empty tuples mean that the part is not there.
    """

    freq: str
    interval: int = 1
    count: int | None = None
    until: int | None = None
    byday: tuple[tuple[int, int], ...] = ()
    bymonthday: tuple[int, ...] = ()
    bymonth: tuple[int, ...] = ()
    bysetpos: tuple[int, ...] = ()
    wkst: int = 0

    @property
    def anchored(self) -> bool:
        """Whether the days depend on the first one (beyond not being before it)."""
        if self.interval != 1 or self.count is not None:
            return True
        if self.freq == "DAILY":
            return False
        return not (self.byday or self.bymonthday)


@lru_cache(maxsize=4096)
def parse(text: str) -> Rule:
    """Read a rule (``FREQ=WEEKLY;BYDAY=MO,WE``); raise ``RuleError``."""
    if len(text) > MAX_RULE:
        raise RuleError("rule.too_long")
    parts: dict[str, str] = {}
    for piece in text.upper().removeprefix("RRULE:").split(";"):
        name, sign, value = piece.strip().partition("=")
        if not sign or not value:
            raise RuleError("rule.form", piece.strip()[:40])
        if name in parts:
            raise RuleError("rule.twice", name)
        parts[name] = value
    freq = parts.pop("FREQ", "")
    if freq not in FREQUENCIES:
        raise RuleError("rule.freq", freq)
    if "COUNT" in parts and "UNTIL" in parts:
        raise RuleError("rule.count_until")
    rule = Rule(
        freq,
        interval=_number("INTERVAL", parts.pop("INTERVAL", "1"), 1, MAX_INTERVAL),
        count=_number("COUNT", parts.pop("COUNT"), 1, MAX_COUNT) if "COUNT" in parts else None,
        until=_until(parts.pop("UNTIL")) if "UNTIL" in parts else None,
        byday=_byday(parts.pop("BYDAY")) if "BYDAY" in parts else (),
        bymonthday=_numbers("BYMONTHDAY", parts.pop("BYMONTHDAY", ""), -31, 31),
        bymonth=_numbers("BYMONTH", parts.pop("BYMONTH", ""), 1, 12),
        bysetpos=_numbers("BYSETPOS", parts.pop("BYSETPOS", ""), -366, 366),
        wkst=_weekday("WKST", parts.pop("WKST", "MO")),
    )
    if parts:
        raise RuleError("rule.part", next(iter(parts)))
    if freq in ("DAILY", "WEEKLY") and any(n for n, _ in rule.byday):
        raise RuleError("rule.ordinal", "BYDAY")
    if rule.bysetpos and not (rule.byday or rule.bymonthday or rule.bymonth):
        raise RuleError("rule.setpos", "BYSETPOS")
    return rule


def days(rule: str, first: int, start: int, end: int) -> Iterator[int]:
    """Yield the days of [start, end) on which a rule that begins on ``first`` falls, in order.

    No rule ("") means ``first`` alone. Nothing outside the years 2000 … 2199 is found.
    """
    start, end = max(start, first, _FIRST), min(end, _LAST)
    if not rule:
        if start <= first < end:
            yield first
        return
    anchor = first if parse(rule).anchored else 0
    for block in range(start // _BLOCK, (end - 1) // _BLOCK + 1 if end > start else 0):
        for day in _block(rule, anchor, block):
            if start <= day < end:
                yield day


@lru_cache(maxsize=16384)
def _block(text: str, first: int, block: int) -> tuple[int, ...]:
    rule = parse(text)
    start, end = block * _BLOCK, (block + 1) * _BLOCK
    if rule.until is not None:
        end = min(end, rule.until + 1)
    # What is counted must be counted from the first.
    found: list[int] = []
    left = rule.count if rule.count is not None else -1
    for period in _periods(rule, max(first, _FIRST), start if left < 0 else 0, end):
        for day in _chosen(rule, period):
            if day < first:
                continue
            if left == 0 or day >= end:
                return tuple(found)
            left -= 1
            if day >= start:
                found.append(day)
    return tuple(found)


Period = tuple[range, date]
"""The days of a period, and the first day of the rule: what it leaves open is as on that."""


def _periods(rule: Rule, first: int, start: int, end: int) -> Iterator[Period]:
    """Yield the periods that may have days of [start, end), every ``interval``-th from the first.

    Beginning a few too early is harmless: the caller filters.
    """
    origin = date.fromordinal(first)
    step = rule.interval
    if rule.freq == "DAILY":
        for day in range(first + _rounded(start - first, step), end, step):
            yield range(day, day + 1), origin
    elif rule.freq == "WEEKLY":
        week = first - (origin.weekday() - rule.wkst) % 7
        for day in range(week + _rounded(start - 6 - week, 7 * step), end, 7 * step):
            yield range(day, day + 7), origin
    elif rule.freq == "MONTHLY":
        base = origin.year * 12 + origin.month - 1
        here = date.fromordinal(max(start, first))
        month = base + _rounded(here.year * 12 + here.month - 1 - base, step)
        while True:
            day = date(month // 12, month % 12 + 1, 1).toordinal()
            if day >= end:
                return
            yield range(day, day + monthrange(month // 12, month % 12 + 1)[1]), origin
            month += step
    else:
        year = origin.year
        year += _rounded(date.fromordinal(max(start, first)).year - year, step)
        while (day := date(year, 1, 1).toordinal()) < end:
            yield range(day, day + 365 + isleap(year)), origin
            year += step


def _rounded(distance: int, step: int) -> int:
    """Return the first multiple of ``step`` that is at least ``distance``, and not negative.

    For months and years that is the period itself, which ``distance`` counts in whole ones.
    """
    return max(0, -(-distance // step) * step)


def _chosen(rule: Rule, period: Period) -> Iterable[int]:
    """Return the days of one period that the rule takes, in order."""
    whole, origin = period
    byday, bymonthday, bymonth = rule.byday, rule.bymonthday, rule.bymonth
    if not byday and not bymonthday:
        if rule.freq == "WEEKLY":
            byday = ((0, origin.weekday()),)
        elif rule.freq == "MONTHLY":
            bymonthday = (origin.day,)
        elif rule.freq == "YEARLY":
            bymonthday = (origin.day,)
            bymonth = bymonth or (origin.month,)
    found: list[int] = []
    if rule.freq in ("DAILY", "WEEKLY"):
        found = [day for day in whole if _fits(day, byday, bymonthday, bymonth)]
    else:
        # The n-th Monday is one of the year only where nothing speaks of months.
        yearly = rule.freq == "YEARLY" and not rule.bymonth
        for month in _months(whole, bymonth):
            inside: Iterable[int] = month
            if bymonthday:
                inside = [month[n] for n in _places(bymonthday, len(month))]
            if byday:
                around = whole if yearly else month
                inside = [day for day in inside if _is_day(day, byday, around)]
            found += inside
    if rule.bysetpos:
        found = [found[n] for n in _places(rule.bysetpos, len(found))]
    return found


def _places(numbers: tuple[int, ...], size: int) -> list[int]:
    """Return the indices that 1, 2 … and -1, -2 … from the end mean, in order."""
    places = {n - 1 if n > 0 else size + n for n in numbers}
    return [n for n in sorted(places) if 0 <= n < size]


def _months(whole: range, bymonth: tuple[int, ...]) -> Iterator[range]:
    """Cut a month or a year into its months, those of ``bymonth`` if there is any."""
    here = whole.start
    while here < whole.stop:
        day = date.fromordinal(here)
        length = monthrange(day.year, day.month)[1]
        if not bymonth or day.month in bymonth:
            yield range(here, here + length)
        here += length


def _fits(
    ordinal: int,
    byday: tuple[tuple[int, int], ...],
    bymonthday: tuple[int, ...],
    bymonth: tuple[int, ...],
) -> bool:
    if byday and all((ordinal - 1) % 7 != weekday for _, weekday in byday):
        return False
    if not bymonth and not bymonthday:
        return True
    day = date.fromordinal(ordinal)
    if bymonth and day.month not in bymonth:
        return False
    length = monthrange(day.year, day.month)[1]
    return not bymonthday or day.day in bymonthday or day.day - length - 1 in bymonthday


def _is_day(day: int, byday: tuple[tuple[int, int], ...], around: range) -> bool:
    weekday = (day - 1) % 7  # the ordinal 1 was a Monday
    for n, wanted in byday:
        if weekday != wanted:
            continue
        if n == 0:
            return True
        place = (day - around.start) // 7 + 1 if n > 0 else -((around.stop - 1 - day) // 7 + 1)
        if place == n:
            return True
    return False


def _number(part: str, text: str, low: int, high: int) -> int:
    if not re.fullmatch(r"[+-]?\d{1,6}", text):
        raise RuleError("rule.number", part)
    value = int(text)
    if not low <= value <= high:
        raise RuleError("rule.number", part)
    return value


def _numbers(part: str, text: str, low: int, high: int) -> tuple[int, ...]:
    if not text:
        return ()
    found = tuple(_number(part, piece, low, high) for piece in text.split(","))
    if 0 in found:
        raise RuleError("rule.number", part)
    return found


def _weekday(part: str, text: str) -> int:
    if text not in DAYS:
        raise RuleError("rule.day", part)
    return DAYS.index(text)


def _byday(text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for piece in text.split(","):
        match = _BYDAY.fullmatch(piece)
        if match is None or (match[1] is not None and not 1 <= abs(int(match[1])) <= 53):
            raise RuleError("rule.day", "BYDAY")
        found.append((int(match[1] or 0), DAYS.index(match[2])))
    return tuple(found)


def _until(text: str) -> int:
    # A time of day behind the date is allowed, and means that day: slots are whole.
    match = re.fullmatch(r"(\d{4})-?(\d\d)-?(\d\d)(T\d{4,6}Z?)?", text)
    try:
        if match is None:
            raise ValueError
        return date(int(match[1]), int(match[2]), int(match[3])).toordinal()
    except ValueError:
        raise RuleError("rule.until", "UNTIL") from None
