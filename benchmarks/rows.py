"""Rows of the benchmark's table and the judgement of them: pure, no clocks and no processes.

A *row* is one figure with its bound, a *try* is one run of what measures some rows, and a row is
missed only when it was missed in every try (``TRIES``): machines are noisy, and a gate that cries
wolf is removed by the next person in a hurry.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

TRIES = 3


class Missing(Exception):
    """Something that a measurement needs is not installed; the text says what."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure.

    ``value``: None when it was not measured, and then ``note`` says why. ``bound``: what it must
    not exceed (with ``at_least``: not fall below); None for a figure that is only shown.
    ``slack``: what this try is allowed beyond the bound, in the same unit: the p99 of a bare
    timer's lateness beside a latency, 0 elsewhere.
    """

    what: str
    value: float | None
    unit: str = ""
    bound: float | None = None
    at_least: bool = False
    slack: float = 0.0
    note: str = ""

    @property
    def missed_by(self) -> float:
        """How far the value lies on the wrong side of bound and slack; 0 when it does not."""
        if self.value is None or self.bound is None:
            return 0.0
        if math.isnan(self.value):
            return math.inf
        beyond = self.bound - self.value if self.at_least else self.value - self.bound
        return max(0.0, beyond - self.slack)

    @property
    def missed(self) -> bool:
        return self.missed_by > 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row after its tries: the first that held the bound, or else the nearest miss."""

    row: Row
    tries: int

    @property
    def state(self) -> str:
        """``held``, ``missed``, ``shown`` (a row without a bound) or ``skipped``."""
        if self.row.value is None:
            return "skipped"
        if self.row.bound is None:
            return "shown"
        return "missed" if self.row.missed else "held"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self.row), "tries": self.tries, "state": self.state}


@dataclass(frozen=True, slots=True)
class Section:
    """Rows that are measured together.

    ``run(quick)`` returns them, or raises ``Missing`` when it can measure nothing at all; any
    other exception is a missed try. ``quick``: part of ``QUICK=1``.
    """

    name: str
    run: Callable[[bool], Sequence[Row]]
    quick: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of one section."""

    name: str
    verdicts: list[Verdict] = field(default_factory=list)
    skipped: str = ""
    failed: str = ""
    seconds: float = 0.0

    @property
    def missed(self) -> bool:
        return bool(self.failed) or any(v.state == "missed" for v in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "seconds": round(self.seconds, 1),
            "skipped": self.skipped,
            "failed": self.failed,
            "rows": [verdict.as_json() for verdict in self.verdicts],
        }


def percentile(values: Iterable[float], part: float) -> float:
    """Return the value that ``part`` (0…1) of all do not exceed, by nearest rank.

    Raises ``ValueError`` when there are none.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the ratio of the medians of two alternating series of turns."""
    return statistics.median(ours) / statistics.median(theirs)


def better(one: Row, other: Row) -> Row:
    """Return the row that shows better: measured before not, held before missed, then nearer."""
    if one.value is None or other.value is None:
        return other if one.value is None else one
    return other if other.missed_by < one.missed_by else one


def merge(tries: Sequence[Sequence[Row]]) -> list[Verdict]:
    """Join the tries of one section: each row with its best try, and how many tries it took."""
    verdicts: dict[str, Verdict] = {}
    for number, rows in enumerate(tries, 1):
        for row in rows:
            known = verdicts.get(row.what)
            if known is None:
                verdicts[row.what] = Verdict(row, number)
            elif known.state in ("missed", "skipped"):
                verdicts[row.what] = Verdict(better(known.row, row), number)
    return list(verdicts.values())


def attempt(section: Section, quick: bool, tell: Callable[[str], None]) -> Outcome:
    """Run a section until every row has held its bound once, at most ``TRIES`` times."""
    outcome = Outcome(section.name)
    done: list[Sequence[Row]] = []
    for number in range(1, TRIES + 1):
        outcome.failed = ""
        try:
            done.append(section.run(quick))
        except Missing as missing:
            outcome.skipped = str(missing)
            break
        except Exception as error:
            outcome.failed = f"{type(error).__name__}: {error}"
            tell(f"{section.name}: try {number} failed: {outcome.failed}")
            continue
        outcome.verdicts = merge(done)
        still = {v.row.what for v in outcome.verdicts if v.state == "missed"}
        if not still:
            break
        for row in done[-1]:
            if row.missed and row.what in still:
                tell(f"{row.what}: try {number} missed {words(row)}")
    if done:
        outcome.failed = ""
    return outcome


def number(value: float, unit: str) -> str:
    """Write a value with as many digits as it deserves."""
    if not math.isfinite(value):
        return str(value)
    digits = 0 if value == int(value) or abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:.{digits}f}{' ' + unit if unit else ''}"


def bound_words(row: Row) -> str:
    """Write the bound of a row, its slack included."""
    if row.bound is None:
        return ""
    slack = f" (+{number(row.slack, '')})" if row.slack else ""
    return f"{'≥' if row.at_least else '≤'} {number(row.bound, row.unit)}{slack}"


def words(row: Row) -> str:
    """Say how a row was missed: value, bound, and by how much."""
    value = "nothing" if row.value is None else number(row.value, row.unit)
    beyond = number(row.missed_by, row.unit)
    part = f", {100 * row.missed_by / row.bound:.0f} %" if row.bound else ""
    return f"{value}, must be {bound_words(row)}: by {beyond}{part}"


def skipped(what: str, why: str, like: Row | None = None) -> Row:
    """A row that could not be measured, with the bound it would have had."""
    row = Row(what, None, note=why)
    if like is None:
        return row
    return replace(like, what=what, value=None, note=why)
