"""Making reports: what the database summed, put to the areas of today and added up the tree."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import select

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.periods import Period
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.errors import FieldProblem, Invalid
from loa.streamer.desk.policies import effective_policy
from loa.streamer.desk.report import ITEMS, KINDS, Missed, Of, OfArea, OfKind, Report, Totals
from loa.streamer.desk.report_sums import (
    MOST_LISTED,
    Called,
    Carried,
    Failed,
    Failure,
    PutOn,
    Queued,
    Sums,
)
from loa.streamer.store.tables.areas import AreaRow

AT_ONCE = 2
EVERYWHERE = 0.8
"""From this part of all areas on, rows are read without naming areas."""
DAY = 86_400.0
_Row = tuple[int | None, int | None, bool]
"""Of an area that there is or was: what it hung below, its successor, whether it is a station."""


class Reports:
    """Makes reports, few at once: each reads much. Belongs to one event loop."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def make(self, desk: Desk, area: Area, first: date, last: date) -> Report:
        """Return the report of an area for the local days ``first`` … ``last``."""
        period = Period(first, last, effective_policy(desk, area).timezone or "UTC")
        async with self._turn:
            now = desk.clock()
            async with desk.store.read() as db:
                rows = await db.execute(
                    select(AreaRow.id, AreaRow.parent_id, AreaRow.successor_id, AreaRow.station)
                )
                places = Places(desk.tree, area, {id: (up, new, st) for id, up, new, st in rows})
                everywhere = len(places.now) >= EVERYWHERE * len(desk.tree)
                sums = Sums(db, period, now, None if everywhere else places.now)
                carried = await sums.carried(places.stations)
                put_on = await sums.put_on(ITEMS)
                called = await sums.called()
                failed, failures = await sums.failed(places.stations)
                queued = await sums.queued()
        making = _Making(places, period)
        making.take(carried, put_on, called, failed, queued)
        return making.report(now, carried, tuple(failures))


def checked(first: date | None, last: date | None, most: int) -> tuple[date, date]:
    """Return both days. Raises ``Invalid`` where one is missing or they make no period."""
    problems = []
    if first is None:
        problems.append(FieldProblem("from", "field.missing"))
    if last is None:
        problems.append(FieldProblem("to", "field.missing"))
    if first is not None and last is not None:
        if last < first:
            problems.append(FieldProblem("to", "report.backwards"))
        elif (last - first).days >= most:
            problems.append(FieldProblem("to", "report.too_long", {"limit": most}))
    if problems or first is None or last is None:
        raise Invalid(*problems)
    return first, last


class Places:
    """Where rows of any area, also of one that is gone, are counted today.

    ``now``: by the id of a row the living area below ``top`` that it is counted for. ``stations``:
    the ids of those, gone ones too, that are or were stations.
    """

    def __init__(
        self,
        tree: AreaTree,
        top: Area,
        rows: Mapping[int, _Row],
    ) -> None:
        self.tree, self.top = tree, top
        below = {a.id for a in tree.below(top)}
        self.now: dict[int, Area] = {}
        stations = set()
        for id, (_, _, station) in rows.items():
            living = self._living(id, rows)
            if living is not None and living.id in below:
                self.now[id] = living
                if station:
                    stations.add(id)
        self.stations = frozenset(stations)

    def _living(self, id: int, rows: Mapping[int, _Row]) -> Area | None:
        seen: set[int] = set()
        while id not in seen and id in rows:
            if (area := self.tree.get(id)) is not None:
                return area
            seen.add(id)
            parent, successor, _ = rows[id]
            following = successor if successor is not None else parent
            if following is None:
                return None
            id = following
        return None

    def station(self, id: int) -> Area | None:
        """Return the station that answers for an area, None where that is not below ``top``."""
        area = self.now.get(id)
        if area is None:
            return None
        found = self.tree.station_of(area)
        # What a village does is its station's; above the report's area there is nothing to tell.
        return found if found is not None and found.id in self.now else area


class _Making:
    """One report being added up."""

    def __init__(self, places: Places, period: Period) -> None:
        self._places = places
        self._period = period
        self._below = places.tree.below(places.top)
        self._own = {a.id: Totals() for a in self._below}
        self._months = [Totals() for _ in period.months]
        self._above = Totals()
        self._mine: list[PutOn] = []
        self._missed: list[Missed] = []

    def take(
        self,
        carried: Iterable[Carried],
        put_on: Iterable[PutOn],
        called: Iterable[Called],
        failed: Iterable[Failed],
        queued: Iterable[Queued],
    ) -> None:
        """Put everything to its area and month."""
        now = self._places.now
        for c in carried:
            for totals in self._both(now[c.area], c.month):
                totals.on_air[c.kind] = totals.on_air.get(c.kind, 0.0) + c.seconds
        for p in put_on:
            station = self._places.station(p.origin)
            if station is None:
                self._above.items += p.items
                self._above.seconds += p.seconds
                continue
            self._mine.append(p)
            for totals in self._both(station, p.month):
                totals.items += p.items
                totals.seconds += p.seconds
        for e in called:
            if e.area in now:
                for totals in self._both(now[e.area], e.month):
                    totals.drills += e.count if e.drill else 0
                    totals.emergencies += 0 if e.drill else e.count
        for f in failed:
            if f.area in self._places.stations:
                for totals in self._both(now[f.area], f.month):
                    totals.failures += f.count
        months = self._period.months
        for q in queued:
            missed = _missed(q)
            if missed is not None and q.area in now:
                self._missed.append(missed)
                month = next(i for i, m in enumerate(months) if q.expires < m.end)
                for totals in self._both(now[q.area], month):
                    totals.missed += missed.planned - missed.aired

    def _both(self, area: Area, month: int) -> tuple[Totals, Totals]:
        return self._own[area.id], self._months[month]

    def report(
        self, now: float, carried: Sequence[Carried], failures: tuple[Failure, ...]
    ) -> Report:
        """Return it."""
        stations = [a for a in self._below if a.station]
        for area in stations:
            own = self._own[area.id]
            own.stations, own.active = 1, int(own.items > 0)
        areas, totals = self._rolled_up()
        return Report(
            area=self._places.top, period=self._period, made_at=now, totals=totals,
            above=self._above.items, above_seconds=self._above.seconds,
            by_class=_by_class(self._mine, carried),
            by_kind=_by_kind(self._mine, carried),
            by_month=tuple(zip(self._period.months, self._months, strict=True)),
            areas=areas,
            active=tuple(a for a in stations if self._own[a.id].active),
            silent=tuple(a for a in stations if not self._own[a.id].active),
            failures=failures,
            missed=tuple(self._missed[:MOST_LISTED]),
            names={id: area.name for id, area in self._places.now.items()},
        )  # fmt: skip

    def _rolled_up(self) -> tuple[tuple[OfArea, ...], Totals]:
        """Return each area with everything below it, but villages; and all of it."""
        top = self._places.top
        whole = {id: Totals() for id in self._own}
        parents: set[str] = set()
        # Children come after their parents, so from the end each is whole when it is added.
        for area in reversed(self._below):
            whole[area.id].add(self._own[area.id])
            if area is not top and area.parent is not None:
                parents.add(area.parent)
                above = self._places.tree.find(area.parent)
                assert above is not None
                whole[above.id].add(whole[area.id])
        depth = top.path.count("/")
        areas = tuple(
            OfArea(a, a.path.count("/") - depth, whole[a.id], self._own[a.id].items)
            for a in self._below
            if a is not top and (a.station or a.path in parents)
        )
        return areas, whole[top.id]


def _by_class(put_on: Iterable[PutOn], carried: Iterable[Carried]) -> tuple[Of, ...]:
    sums: defaultdict[tuple[bool, int, str], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for p in put_on:
        found = sums[p.drill, p.cls, p.language]
        found[0] += p.items
        found[1] += p.seconds
    for c in carried:
        if c.kind in ITEMS:
            sums[c.drill, c.cls, c.language][2] += c.seconds
    return tuple(
        Of(cls, drill, language, int(items), seconds, on_air)
        for (drill, cls, language), (items, seconds, on_air) in sorted(sums.items())
    )


def _by_kind(put_on: Iterable[PutOn], carried: Iterable[Carried]) -> tuple[OfKind, ...]:
    sums = {kind: [0, 0.0, 0.0] for kind in KINDS}
    for p in put_on:
        sums[p.kind][0] += p.items
        sums[p.kind][1] += p.seconds
    for c in carried:
        sums.setdefault(c.kind, [0, 0.0, 0.0])[2] += c.seconds
    return tuple(OfKind(kind, int(n), s, a) for kind, (n, s, a) in sums.items())


def _missed(entry: Queued) -> Missed | None:
    """Return what an entry lacked when it expired; without a number of days it was for each day."""
    days = entry.days or max(1, math.ceil((entry.expires - entry.since) / DAY))
    planned = entry.per_day * days
    if entry.aired >= planned:
        return None
    return Missed(entry.area, entry.title, planned, entry.aired, entry.expires)
