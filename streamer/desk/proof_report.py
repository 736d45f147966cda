"""Proof of play in a period: what an area's receivers were to play, day by day, and what they did.

A playing at a receiver counts once, on the day on which it was due (or was played, where a box went
by its own schedule), for the area to which its receiver belongs today. Read a day at a time: a
province has tens of thousands of them a day.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area
from loa.streamer.core.heard import REACHED, Due, Outcome, Said, judge
from loa.streamer.core.periods import Period
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.heard import REPORT_WITHIN, Online
from loa.streamer.desk.policies import effective_policy
from loa.streamer.desk.reports import Places
from loa.streamer.store import heard as stored
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.proof import PlayReportRow
from loa.streamer.store.tables.receivers import ReceiverRow

MAX_DAYS = 31
LATER = 3600.0
"""Seconds after a day in which what was due on it is still looked for: it may have been late."""
MOST_SILENT = 5000
"""Receivers that are named because nothing was heard of them."""
AT_ONCE = 1
"""Such reports that are made at a time: each reads much."""

_turn = asyncio.Semaphore(AT_ONCE)
K = TypeVar("K")


@dataclass(slots=True)
class Proven:
    """Playings at receivers, by outcome; ``sounded``: of those where a microphone or a current
    sensor measured it, how many it heard."""

    outcomes: dict[Outcome, int] = field(default_factory=dict)
    sounded: int = 0
    sounded_measured: int = 0

    @property
    def due(self) -> int:
        """How many there were to be."""
        return sum(self.outcomes.values())

    @property
    def reached(self) -> int:
        """How many sounded, as far as the devices tell."""
        return sum(n for outcome, n in self.outcomes.items() if outcome in REACHED)

    def add(self, outcome: Outcome, said: Said | None) -> None:
        """Count one playing at one receiver."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if said is not None and said.sounded is not None:
            self.sounded_measured += 1
            self.sounded += said.sounded > 0

    def add_all(self, other: Proven) -> None:
        """Add what another one counted."""
        for outcome, n in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + n
        self.sounded += other.sounded
        self.sounded_measured += other.sounded_measured


@dataclass(frozen=True, slots=True)
class OfAreaDay:
    """One area on one day. ``playings``: how many its mount carried."""

    area: Area
    day: date
    receivers: int
    playings: int
    proven: Proven


@dataclass(frozen=True, slots=True)
class Silent:
    """A receiver of which nothing was heard in the whole period, though something was due."""

    id: int
    name: str
    area: Area
    seen_at: float | None
    due: int


@dataclass(frozen=True, slots=True)
class ProofReport:
    """See the module. ``rows``: areas that had something to play, by day and then as the tree has
    them; ``receivers``: the enrolled ones."""

    area: Area
    period: Period
    made_at: float
    receivers: int
    total: Proven
    rows: tuple[OfAreaDay, ...]
    silent: tuple[Silent, ...]

    def by_day(self) -> list[tuple[date, Proven]]:
        """Return the sums of the days."""
        return _sums((row.day, row.proven) for row in self.rows)

    def by_area(self) -> list[tuple[Area, Proven]]:
        """Return the sums of the areas."""
        names = {row.area.id: row.area for row in self.rows}
        found = _sums((row.area.id, row.proven) for row in self.rows)
        return sorted(((names[id], of) for id, of in found), key=lambda item: item[0].path)


def _sums(rows: Iterable[tuple[K, Proven]]) -> list[tuple[K, Proven]]:
    found: dict[K, Proven] = {}
    for key, proven in rows:
        found.setdefault(key, Proven()).add_all(proven)
    return list(found.items())


@dataclass(frozen=True, slots=True)
class _Box:
    id: int
    name: str
    area: Area
    seen_at: float | None


async def make(desk: Desk, area: Area, first: date, last: date, online: Online) -> ProofReport:
    """Return the proof of play of an area and everything below it for the local days."""
    period = Period(first, last, effective_policy(desk, area).timezone or "UTC")
    async with _turn:
        now = desk.clock()
        making = _Making(now, online)
        async with desk.store.read() as db:
            rows = await db.execute(
                select(AreaRow.id, AreaRow.parent_id, AreaRow.successor_id, AreaRow.station)
            )
            places = Places(desk.tree, area, {id: (up, new, st) for id, up, new, st in rows})
            boxes = await _boxes(db, places.now)
            before: set[str] = set()
            day = first
            while day <= last:
                one = Period(day, day, period.timezone)
                end = min(one.end, now)
                if one.start < end:
                    due, said = await _read(db, one.start, end, places.now)
                    await asyncio.to_thread(making.take, day, one.end, due, said, boxes, before)
                    before = {play for _, play in due}
                day += timedelta(days=1)
        order = {a.id: n for n, a in enumerate(desk.tree)}
        making.rows.sort(key=lambda row: (row.day, order.get(row.area.id, 0)))
        total = Proven()
        for row in making.rows:
            total.add_all(row.proven)
        return ProofReport(
            area, period, now, len(boxes), total, tuple(making.rows), making.silent(boxes)
        )


async def _boxes(db: AsyncSession, places: Mapping[int, Area]) -> dict[int, _Box]:
    rows = await db.execute(
        select(ReceiverRow.id, ReceiverRow.name, ReceiverRow.area_id, ReceiverRow.seen_at)
        .where(ReceiverRow.state == "enrolled")
        .order_by(ReceiverRow.id)
    )
    return {
        id: _Box(id, name, places[area], seen) for id, name, area, seen in rows if area in places
    }


_Due = dict[tuple[int, str], Due]


async def _read(
    db: AsyncSession, start: float, end: float, places: Mapping[int, Area]
) -> tuple[_Due, list[Said]]:
    aired = await stored.due(db, [AiredRow.from_unix >= start, AiredRow.from_unix < end], end)
    due: _Due = {}
    for one, _ in aired:
        area = places.get(one.area)
        if area is not None:
            due[area.id, one.play] = one
    told = [PlayReportRow.at >= start, PlayReportRow.at < end + LATER]
    return due, await stored.said(db, told)


class _Making:
    """One report being added up."""

    def __init__(self, now: float, online: Online) -> None:
        self.rows: list[OfAreaDay] = []
        self._now = now
        self._online = online
        self._heard: set[int] = set()
        self._due: defaultdict[int, int] = defaultdict(int)

    def take(
        self,
        day: date,
        end: float,
        due: _Due,
        said: list[Said],
        boxes: Mapping[int, _Box],
        before: set[str],
    ) -> None:
        """Add a day. ``before``: what was due on the day before it, and is counted there."""
        plays: defaultdict[int, dict[str, Due]] = defaultdict(dict)
        for (area, play), one in due.items():
            plays[area][play] = one
        told: defaultdict[int, dict[str, Said]] = defaultdict(dict)
        known = {play for _, play in due}
        for report in said:
            # What was played by the box's own schedule counts on the day on which it was.
            if report.play in known or (report.play not in before and report.at < end):
                told[report.receiver][report.play] = report
        proven: defaultdict[int, Proven] = defaultdict(Proven)
        count: defaultdict[int, int] = defaultdict(int)
        areas: dict[int, Area] = {}
        for box in boxes.values():
            here, mine = plays[box.area.id], told[box.id]
            areas[box.area.id] = box.area
            count[box.area.id] += 1
            there = self._online(box.id)
            for play in dict.fromkeys((*here, *mine)):
                verdict = judge(
                    here.get(play), mine.get(play), None, online=there, now=self._now,
                    patience=REPORT_WITHIN,
                )  # fmt: skip
                proven[box.area.id].add(verdict.outcome, mine.get(play))
                self._due[box.id] += 1
                if play in mine:
                    self._heard.add(box.id)
        for id, of in proven.items():
            self.rows.append(OfAreaDay(areas[id], day, count[id], len(plays[id]), of))

    def silent(self, boxes: Mapping[int, _Box]) -> tuple[Silent, ...]:
        """Return the receivers that said nothing of what was due."""
        found = [
            Silent(box.id, box.name, box.area, box.seen_at, self._due[box.id])
            for box in boxes.values()
            if self._due[box.id] and box.id not in self._heard
        ]
        return tuple(found[:MOST_SILENT])
