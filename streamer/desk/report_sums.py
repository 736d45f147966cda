"""What reports are summed from: the as-run log, emergencies and queues, added up by the database.

However many areas and rows there are, it is the same few queries. Stretches are cut at the period's
edges and at the edges of its months. Areas are those of the rows: what was merged or removed since
is put to its successor by ``reports.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.periods import Period
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.schedule import EntryRow

MOST_LISTED = 500
"""So many failures, and so many entries that were not aired as planned, are named."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What one mount carried in one month: ``seconds`` of a kind, class and language."""

    area: int
    month: int
    kind: str
    cls: int
    language: str
    drill: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class PutOn:
    """What one area put on air in one month, however many mounts carried it.

    Of each playing the mount that carried most of it counts. ``items``: playings that began in it.
    """

    origin: int
    month: int
    kind: str
    cls: int
    language: str
    drill: bool
    items: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Called:
    """Emergencies, or drills, that an area called in one month."""

    area: int
    month: int
    drill: bool
    count: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Stretches of a mount in one month that failed."""

    area: int
    month: int
    count: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One of them."""

    at: float
    area: int
    kind: str
    title: str
    why: str


@dataclass(frozen=True, slots=True)
class Queued:
    """An entry of a queue that expired in the period. ``aired``: playings that went to the end."""

    entry: int
    area: int
    title: str
    per_day: int
    days: int
    since: float
    expires: float
    aired: int


class Sums:
    """The queries of one report. ``areas``: ids whose mounts are looked at, None for all."""

    def __init__(
        self, db: AsyncSession, period: Period, now: float, areas: Collection[int] | None
    ) -> None:
        self._db = db
        self._start, self._end = period.start, min(period.end, now)
        self._months = period.months
        self._now = now
        self._areas = None if areas is None else sorted(areas)

    async def carried(self, stations: Collection[int]) -> list[Carried]:
        """Return what the mounts of ``stations`` carried."""
        parts = self._parts(sorted(stations)).subquery()
        keys = (
            parts.c.area, parts.c.month, parts.c.kind, parts.c.cls, parts.c.language, parts.c.drill
        )  # fmt: skip
        query: Select[Any] = select(*keys, func.sum(parts.c.seconds)).group_by(*keys)
        rows = await self._db.execute(query)
        return [Carried(a, m, k, c, g, bool(d), s) for a, m, k, c, g, d, s in rows]

    async def put_on(self, kinds: Collection[str]) -> list[PutOn]:
        """Return what of these kinds was put on air, by whom."""
        parts = self._parts(self._areas, kinds).subquery()
        what = [func.max(parts.c[n]).label(n) for n in ("kind", "cls", "language", "drill")]
        # Every mount's share of a playing …
        shares = (
            select(
                parts.c.origin, parts.c.play, parts.c.area, parts.c.month, *what,
                func.sum(parts.c.seconds).label("seconds"),
            )
            .group_by(parts.c.origin, parts.c.play, parts.c.area, parts.c.month)
            .subquery()
        )  # fmt: skip
        # … of which the largest is what was put on air …
        what = [func.max(shares.c[n]).label(n) for n in ("kind", "cls", "language", "drill")]
        plays = (
            select(
                shares.c.origin, shares.c.play, shares.c.month, *what,
                func.max(shares.c.seconds).label("seconds"),
            )
            .group_by(shares.c.origin, shares.c.play, shares.c.month)
            .subquery()
        )  # fmt: skip
        # … and which is an item of the month in which it began: with one month always of that one.
        item: Any = literal(1, Integer)
        if len(self._months) > 1:
            first = func.min(plays.c.month).over(partition_by=(plays.c.origin, plays.c.play))
            item = case((plays.c.month == first, 1), else_=0)
        counted = select(plays, item.label("item")).subquery()
        keys = [
            counted.c[n] for n in ("origin", "month", "kind", "cls", "language", "drill")
        ]  # fmt: skip
        sums = (func.sum(counted.c.item), func.sum(counted.c.seconds))
        query: Select[Any] = select(*keys, *sums).group_by(*keys)
        rows = await self._db.execute(query)
        return [PutOn(o, m, k, c, g, bool(d), int(n), s) for o, m, k, c, g, d, n, s in rows]

    async def called(self) -> list[Called]:
        """Return the emergencies and drills; what waits for a second person is none yet."""
        month = self._month(CueRow.called_at).label("month")
        drill = case((CueRow.drill, 1), else_=0).label("drill")
        query = select(CueRow.area_id, month, drill).where(
            CueRow.called_at >= self._start, CueRow.called_at < self._end, CueRow.state != "waiting"
        )
        rows = await self._db.execute(_counted(self._within(query, CueRow.area_id)))
        return [Called(a, m, bool(d), n) for a, m, d, n in rows]

    async def failed(self, stations: Collection[int]) -> tuple[list[Failed], list[Failure]]:
        """Return how often stations failed to carry something; the first of them by name."""
        wanted = and_(
            AiredRow.failure != "", AiredRow.from_unix >= self._start,
            AiredRow.from_unix < self._end, AiredRow.area_id.in_(sorted(stations)),
        )  # fmt: skip
        month = self._month(AiredRow.from_unix).label("month")
        counts = await self._db.execute(_counted(select(AiredRow.area_id, month).where(wanted)))
        named = await self._db.execute(
            select(
                AiredRow.from_unix, AiredRow.area_id, AiredRow.kind, AiredRow.title,
                AiredRow.failure,
            )
            .where(wanted)
            .order_by(AiredRow.from_unix, AiredRow.id)
            .limit(MOST_LISTED)
        )  # fmt: skip
        return [Failed(*row) for row in counts], [Failure(*row) for row in named]

    async def queued(self) -> list[Queued]:
        """Return the entries that expired in the period, and how often each was aired."""
        ended = and_(
            EntryRow.expires_at >= self._start, EntryRow.expires_at < self._end,
            EntryRow.state == "accepted",
        )  # fmt: skip
        if self._areas is not None:
            ended = and_(ended, EntryRow.area_id.in_(self._areas))
        aired = (
            select(AiredRow.entry_id, func.count(func.distinct(AiredRow.play)).label("aired"))
            .where(AiredRow.entry_id.in_(select(EntryRow.id).where(ended)), AiredRow.complete)
            .group_by(AiredRow.entry_id)
            .subquery()
        )
        query = (
            select(
                EntryRow.id, EntryRow.area_id, BulletinRow.title, EntryRow.per_day, EntryRow.days,
                func.coalesce(EntryRow.not_before, EntryRow.added_at), EntryRow.expires_at,
                func.coalesce(aired.c.aired, 0),
            )
            .join(BulletinRow, BulletinRow.id == EntryRow.bulletin_id)
            .outerjoin(aired, aired.c.entry_id == EntryRow.id)
            .where(ended)
            .order_by(EntryRow.expires_at, EntryRow.id)
        )  # fmt: skip
        return [Queued(*row) for row in await self._db.execute(query)]

    # --- parts of queries

    def _within(self, query: Select[Any], column: Any) -> Select[Any]:
        return query if self._areas is None else query.where(column.in_(self._areas))

    def _month(self, at: Any) -> ColumnElement[int]:
        """Return the number of the month in which a time lies; what is before is in the first."""
        later = [(at < month.start, index) for index, month in enumerate(self._months) if index]
        if not later:
            return literal(0, Integer)
        return case(*((rule, literal(n - 1, Integer)) for rule, n in later), else_=len(later))

    def _parts(self, areas: Sequence[int] | None, kinds: Collection[str] = ()) -> Any:
        """Return every stretch within the period, cut at the edges of months."""
        row = AiredRow
        to = func.coalesce(row.to_unix, self._now)
        play = case((row.play != "", row.play), else_=literal("row:").concat(cast(row.id, String)))
        origin = func.coalesce(EntryRow.area_id, row.origin_id, row.area_id)
        drill = case((row.drill, 1), else_=0)
        columns = (
            row.area_id.label("area"), origin.label("origin"), play.label("play"), row.kind,
            row.cls, row.language, drill.label("drill"),
        )  # fmt: skip
        within = and_(
            row.from_unix < self._end, or_(row.to_unix.is_(None), row.to_unix > self._start)
        )
        if areas is not None:
            within = and_(within, row.area_id.in_(areas))
        if kinds:
            within = and_(within, row.kind.in_(kinds))
        start = _later(row.from_unix, self._start)
        ends = [(row.from_unix < month.end, month.end) for month in self._months[:-1]]
        end = case(*ends, else_=self._end) if ends else literal(self._end, Float)
        heads = (
            select(
                *columns, self._month(row.from_unix).label("month"),
                (_sooner(_sooner(to, end), literal(self._end, Float)) - start).label("seconds"),
            )
            .outerjoin(EntryRow, EntryRow.id == row.entry_id)
            .where(within)
        )  # fmt: skip
        if len(self._months) == 1:
            return heads
        months = self._later_months()
        tails = (
            select(
                *columns, months.c.month,
                (_sooner(_sooner(to, months.c.end), literal(self._end, Float)) - months.c.start)
                .label("seconds"),
            )
            .join(months, and_(months.c.start > row.from_unix, months.c.start < to))
            .outerjoin(EntryRow, EntryRow.id == row.entry_id)
            .where(within, months.c.start < self._end)
        )  # fmt: skip
        return union_all(heads, tails)

    def _later_months(self) -> Subquery:
        selects = [
            select(
                literal(index, Integer).label("month"),
                literal(month.start, Float).label("start"),
                literal(month.end, Float).label("end"),
            )
            for index, month in enumerate(self._months)
            if index
        ]
        return union_all(*selects).subquery()


def _counted(query: Any) -> Select[Any]:
    """Return how often each row of ``query`` is there."""
    # By a subquery: PostgreSQL cannot know that an expression with parameters is the same twice.
    rows = query.subquery()
    return select(*rows.c, func.count()).group_by(*rows.c)


def _sooner(one: Any, other: Any) -> ColumnElement[float]:
    return case((one < other, one), else_=other)


def _later(one: Any, other: Any) -> ColumnElement[float]:
    return case((one > other, one), else_=other)
