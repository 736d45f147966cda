"""What receivers heard against what they should have: pure, by stretches of ticks.

The server's as-run log says what a mount carried at each tick. What a receiver sounded is known for
each tick too, since its packets are those of ticks. So every tick of a stretch was heard, or missed
(with or without an excuse: the box was dead, or its line was), and what was heard beside it was
wrong. A tick that sounded twice is counted as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

EMERGENCY = 2


@dataclass(frozen=True, slots=True)
class Due:
    """What a mount carried in the ticks ``first`` … ``end - 1``; ``play`` as in the as-run log."""

    first: int
    end: int
    kind: str
    cls: int
    play: str


@dataclass(frozen=True, slots=True)
class Run:
    """What a receiver sounded: consecutive ticks of one playing. ``late``: seconds between its
    first tick's own time and its sound (the delay that its group keeps included). ``cached``: from
    its cache. ``made_up``: ticks of it that were concealed."""

    first: int
    end: int
    play: str
    late: float = 0.0
    cached: bool = False
    made_up: int = 0


@dataclass(frozen=True, slots=True)
class Absence:
    """Ticks during which a receiver had no line, or (``dead``) no power."""

    first: int
    end: int
    dead: bool


@dataclass(frozen=True, slots=True)
class Leniency:
    """How many ticks before and after an absence may be missed as well. ``bulletin_outage``: the
    longest outage (ticks) after which a bulletin is to be whole all the same."""

    before: int = 3 * 50
    after: int = 8 * 50
    bulletin_outage: int = 90 * 50


@dataclass(slots=True)
class Verdict:
    """Ticks. ``first_late``: seconds late of each stretch's first heard tick."""

    due: int = 0
    heard: int = 0
    cached: int = 0
    made_up: int = 0
    excused: int = 0
    missed: int = 0
    wrong: int = 0
    twice: int = 0
    first_late: list[float] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        for name in ("due", "heard", "cached", "made_up", "excused", "missed", "wrong", "twice"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.first_late += other.first_late

    def as_json(self) -> dict[str, Any]:
        said = asdict(self)
        del said["first_late"]
        return said


Span = tuple[int, int]


def judge(
    due: Sequence[Due],
    runs: Sequence[Run],
    absences: Sequence[Absence],
    leniency: Leniency | None = None,
) -> Verdict:
    """Compare one receiver's runs with what its mount carried while it was to be there."""
    leniency = leniency or Leniency()
    verdict = Verdict(made_up=sum(run.made_up for run in runs))
    sounded = sorted((run.first, run.end) for run in runs)
    verdict.twice = sum(end - first for first, end in sounded) - length(union(sounded))
    matched = 0
    for stretch in due:
        span = [(stretch.first, stretch.end)]
        mine = sorted((r for r in runs if same(stretch, r)), key=lambda run: run.first)
        heard = union(overlap(span, [(r.first, r.end) for r in mine]))
        got = length(heard)
        matched += got
        verdict.due += stretch.end - stretch.first
        verdict.heard += got
        cached = [(r.first, r.end) for r in mine if r.cached]
        verdict.cached += length(overlap(span, union(cached)))
        missing = without(span, heard)
        excuses = union(excuse(stretch, absence, leniency) for absence in absences)
        excused = length(overlap(missing, excuses))
        verdict.excused += excused
        verdict.missed += length(missing) - excused
        if mine and not length(overlap(span, excuses)):
            verdict.first_late.append(mine[0].late)
    verdict.wrong = length(union(sounded)) - matched
    return verdict


def same(stretch: Due, run: Run) -> bool:
    """Whether this run is of that stretch's playing."""
    return run.play == stretch.play and run.first < stretch.end and run.end > stretch.first


def excuse(stretch: Due, absence: Absence, leniency: Leniency) -> Span:
    """Return the ticks of a stretch that an absence excuses."""
    if (
        stretch.kind == "bulletin"
        and stretch.cls != EMERGENCY
        and not absence.dead
        and absence.end - absence.first <= leniency.bulletin_outage
    ):
        return 0, 0
    return absence.first - leniency.before, absence.end + leniency.after


# --- spans: sorted, apart from each other


def union(spans: Iterable[Span]) -> list[Span]:
    """Join spans that touch or overlap."""
    joined: list[Span] = []
    for first, end in sorted(spans):
        if end <= first:
            continue
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((first, end))
    return joined


def overlap(one: Iterable[Span], other: Sequence[Span]) -> list[Span]:
    """Return what lies in both."""
    both = [
        (max(first, start), min(end, stop)) for first, end in one for start, stop in other
        if first < stop and start < end
    ]  # fmt: skip
    return sorted(both)


def without(one: Iterable[Span], other: Sequence[Span]) -> list[Span]:
    """Return what lies in one, but not in the other (a union)."""
    left = []
    for first, end in one:
        at = first
        for start, stop in other:
            if stop <= at or start >= end:
                continue
            if start > at:
                left.append((at, start))
            at = max(at, stop)
        if at < end:
            left.append((at, end))
    return left


def length(spans: Iterable[Span]) -> int:
    """Return how many ticks lie in spans that are apart."""
    return sum(end - first for first, end in spans)
