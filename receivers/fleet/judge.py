"""What receivers heard against what they should have: pure, by stretches of ticks.

The server's as-run log says what a mount carried at each tick. What a receiver sounded is known for
each tick too, since its packets are those of ticks. So every tick of a stretch was heard, or missed
(with or without an excuse: the box was dead, or its line was), and what was heard beside it was
wrong. A tick that sounded twice is counted as such.

A bulletin is heard whole, and so late, by a box whose line was away. It may be that late, and no
later, than its line was away (``allowance``); within that, what it had not come to when the fleet
ended is *to come*, and a live that begins while it still plays is excused for so long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from loa.receivers.runs import WHOLE_LAG

EMERGENCY = 2
TICKS = 50


@dataclass(frozen=True, slots=True)
class Due:
    """What a mount carried in the ticks ``first`` … ``end - 1``; ``play`` as in the as-run log."""

    first: int
    end: int
    kind: str
    cls: int
    play: str

    @property
    def whole(self) -> bool:
        """Whether it is heard whole, however late."""
        return self.kind == "bulletin" and self.cls != EMERGENCY


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
    """Ticks during which a receiver had no line, or (``dead``) no power. ``begins``: it had been
    switched on, and had no session yet; that excuses nothing."""

    first: int
    end: int
    dead: bool
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Leniency:
    """How many ticks before and after an absence may be missed as well. ``bulletin_outage``: the
    longest outage (ticks) after which a bulletin is to be whole all the same."""

    before: int = 3 * 50
    after: int = 8 * 50
    bulletin_outage: int = 90 * 50
    usual: int = 3 * 50
    """How late a box may be that had no outage."""
    latest: int = WHOLE_LAG + 3 * 50
    """How late it may be after outages."""
    stands: int = 5 * 50
    """How long before the end it may have sounded last and still be said to go on."""


@dataclass(slots=True)
class Verdict:
    """Ticks. ``first_late``: seconds late of each stretch's first heard tick; ``held_late``: of
    those that were late as outages before them allow."""

    due: int = 0
    heard: int = 0
    cached: int = 0
    made_up: int = 0
    to_come: int = 0
    excused: int = 0
    missed: int = 0
    wrong: int = 0
    twice: int = 0
    first_late: list[float] = field(default_factory=list)
    held_late: list[float] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        for each in fields(self):
            # Sums of ticks, and lists that are put together.
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def as_json(self) -> dict[str, Any]:
        said = asdict(self)
        del said["first_late"], said["held_late"]
        return said


Span = tuple[int, int]


def judge(
    due: Sequence[Due],
    runs: Sequence[Run],
    absences: Sequence[Absence],
    leniency: Leniency | None = None,
    coming: Span = (0, 0),
    busy: Sequence[Span] = (),
) -> Verdict:
    """Compare one receiver's runs with what its mount carried while it was to be there.

    ``coming`` and ``busy`` are what ``to_come`` and ``behind`` say of all that it sounded.
    """
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
        if stretch.whole:
            later = overlap(missing, [coming])
            verdict.to_come += length(later)
            missing = without(missing, later)
        excuses = [excuse(stretch, absence, leniency) for absence in absences]
        if not stretch.whole and stretch.cls != EMERGENCY:
            excuses += busy
        excuses = union(excuses)
        excused = length(overlap(missing, excuses))
        verdict.excused += excused
        verdict.missed += length(missing) - excused
        if mine and not length(overlap(span, excuses)):
            held = stretch.whole and held_late(mine[0], absences, leniency)
            (verdict.held_late if held else verdict.first_late).append(mine[0].late)
    verdict.wrong = length(union(sounded)) - matched
    return verdict


def same(stretch: Due, run: Run) -> bool:
    """Whether this run is of that stretch's playing."""
    return run.play == stretch.play and run.first < stretch.end and run.end > stretch.first


def allowance(absences: Sequence[Absence], until: int, leniency: Leniency) -> int:
    """Return how late (ticks) a bulletin may be at a tick, after what happened before it."""
    gone = union(
        (a.first, a.end) if a.begins else (a.first - leniency.before, a.end + leniency.after)
        for a in absences if a.first < until
    )  # fmt: skip
    return min(leniency.usual + length(gone), leniency.latest)


def held_late(run: Run, absences: Sequence[Absence], leniency: Leniency) -> bool:
    """Whether a bulletin is late because of outages, and no later than they allow."""
    late = round(run.late * TICKS)
    return leniency.usual < late <= allowance(absences, run.first + late, leniency)


def to_come(
    runs: Sequence[Run], absences: Sequence[Absence], until: int, leniency: Leniency | None = None
) -> Span:
    """Return the ticks that a box which still played at ``until``, the end, had not come to, as far
    as it may be late. One that had fallen silent with its line whole has nothing to come."""
    leniency = leniency or Leniency()
    last = max(runs, key=lambda run: run.end + run.late * TICKS, default=None)
    if last is None:
        return 0, 0
    still = [(math.ceil(last.end + last.late * TICKS), until)]
    lines = union((a.first, a.end + leniency.after) for a in absences if may_be_whole(a, leniency))
    if length(without(still, lines)) > leniency.stands:
        return 0, 0
    return max(last.end, until - allowance(absences, until, leniency)), until


def behind(
    runs: Sequence[Run], absences: Sequence[Absence], leniency: Leniency | None = None
) -> list[Span]:
    """Return the ticks that went by while a box still played what it may have been late with."""
    leniency = leniency or Leniency()
    return union(
        (run.end, run.end + round(run.late * TICKS) + leniency.usual)
        for run in runs if held_late(run, absences, leniency)
    )  # fmt: skip


def may_be_whole(absence: Absence, leniency: Leniency) -> bool:
    """Whether a bulletin is to be whole after this."""
    return not absence.dead and absence.end - absence.first <= leniency.bulletin_outage


def excuse(stretch: Due, absence: Absence, leniency: Leniency) -> Span:
    """Return the ticks of a stretch that an absence excuses."""
    if absence.begins:
        return 0, 0
    if stretch.whole and may_be_whole(absence, leniency):
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
