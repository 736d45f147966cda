"""Calls about what a day brings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from loa.streamer.core.areas import Area
from loa.streamer.core.planner import Planned
from loa.streamer.core.rights import Permission
from loa.streamer.desk import day as desk_day
from loa.streamer.http.api.dates import Date
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.queue import Class, Lack, WithClass, class_word, lack
from loa.streamer.http.api.route import Call, Model, Route, area_in_path
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.airing import AiredRow


class DayQuery(Model):
    """Which day, in the area's own time; without one, today."""

    date: Date | None = None


class Place(Model):
    """An area, by name."""

    id: Id
    path: str
    name: str


class From(Model):
    """A part of the day."""

    start: Time
    end: Time


class Off(Model):
    """A day off, and of which area it is."""

    name: str
    area: Place


class Limits(Model):
    """What holds in the area, and which area said so; null: nobody did. 0 and no hours: no
    limit."""

    hours: tuple[From, ...]
    hours_from: Place | None
    sessions_a_day: int
    sessions_a_day_from: Place | None
    session_minutes: int
    session_minutes_from: Place | None


class PlannedItem(WithClass):
    """A bulletin that will be played. (What sounds already is among what is aired.)"""

    entry: Id
    bulletin: Id
    title: str
    cls: Annotated[Class, Field(serialization_alias="class")]
    language: str
    origin: Place | None
    start: Time
    end: Time
    targets: tuple[Id, ...] | None


class AiredItem(WithClass):
    """What was on air. ``end`` null: it still is. ``complete``: a bulletin's end was heard."""

    kind: str
    title: str
    cls: Annotated[Class, Field(serialization_alias="class")]
    language: str
    origin: Place | None
    entry: Id | None
    bulletin: Id | None
    start: Time
    end: Time | None
    complete: bool
    drill: bool
    why: str


class DayWindow(Model):
    """A window of a slot. ``allowed``: the parts that hours and limits leave of it. ``upper``: the
    station above whose programme it carries, with what that has planned for the time."""

    slot: Id
    name: str
    content: str
    relay: str
    start: Time
    end: Time
    allowed: tuple[From, ...]
    upper: Place | None
    planned: tuple[PlannedItem, ...]
    aired: tuple[AiredItem, ...]


class NoPlace(Lack):
    """A bulletin that has found no place by the end of the day."""

    entry: Id
    bulletin: Id
    title: str


class Day(Model):
    """A day of an area: of its station, with what is heard in the area.

    ``planned`` and ``aired`` are what is outside all windows: what is due at once, lives,
    emergencies.
    """

    area: Place
    station: Place
    date: date
    timezone: str
    start: Time
    end: Time
    offset_minutes: int
    holidays: tuple[Off, ...]
    limits: Limits
    windows: tuple[DayWindow, ...]
    planned: tuple[PlannedItem, ...]
    aired: tuple[AiredItem, ...]
    unplaced: tuple[NoPlace, ...]


async def read_day(call: Call) -> Day:
    """Return a day."""
    day = await desk_day.read_day(call.desk, call.areas[0], call.query.date, call.desk.clock())
    zone = str(day.policy.timezone)
    offset = datetime.fromtimestamp(day.start, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return Day(
        area=_place(day.area), station=_place(day.station), date=day.date, timezone=zone,
        start=day.start, end=day.end,
        offset_minutes=(offset or timedelta()) // timedelta(minutes=1),
        holidays=tuple(Off(name=row.name, area=_place(of)) for row, of in day.holidays),
        limits=Limits(
            hours=tuple(From(start=low, end=high) for low, high in day.hours)
            if day.policy.hours else (),
            hours_from=_source(day, "hours"),
            sessions_a_day=day.policy.sessions_a_day or 0,
            sessions_a_day_from=_source(day, "sessions_a_day"),
            session_minutes=day.policy.session_minutes or 0,
            session_minutes_from=_source(day, "session_minutes"),
        ),
        windows=tuple(
            DayWindow(
                slot=w.slot.id, name=w.slot.name, content=w.window.content.value,
                relay=w.window.relay, start=w.window.start, end=w.window.end,
                allowed=tuple(From(start=low, end=high) for low, high in w.allowed),
                upper=None if w.upper is None else _place(w.upper),
                planned=tuple(_planned(call, day, p) for p in w.planned),
                aired=tuple(_aired(call, row) for row in w.aired),
            )
            for w in sorted(day.windows, key=lambda w: w.window.start)
        ),
        planned=tuple(_planned(call, day, p) for p in day.planned),
        aired=tuple(_aired(call, row) for row in day.aired),
        unplaced=tuple(
            NoPlace(
                **lack(call.language, u.times, u.reason).model_dump(), entry=u.entry,
                bulletin=day.bulletin_of[u.entry],
                title=day.bulletins[day.bulletin_of[u.entry]].title,
            )
            for u in day.unplaced
        ),
    )  # fmt: skip


def _place(area: Area) -> Place:
    return Place(id=area.id, path=area.path, name=area.name)


def _known(call: Call, id: int | None) -> Place | None:
    area = None if id is None else call.desk.tree.get(id)
    return None if area is None else _place(area)


def _source(day: desk_day.Day, setting: str) -> Place | None:
    area = day.sources[setting]
    return None if area is None else _place(area)


def _planned(call: Call, day: desk_day.Day, playing: Planned) -> PlannedItem:
    info = day.bulletins[playing.bulletin]
    return PlannedItem(
        entry=playing.entry, bulletin=playing.bulletin, title=info.title,
        cls=class_word(playing.cls), language=info.language, origin=_known(call, info.origin),
        start=playing.start, end=playing.end,
        targets=None if playing.targets is None else tuple(sorted(playing.targets)),
    )  # fmt: skip


def _aired(call: Call, row: AiredRow) -> AiredItem:
    return AiredItem(
        kind=row.kind, title=row.title, cls=class_word(row.cls), language=row.language,
        origin=_known(call, row.origin_id), entry=row.entry_id, bulletin=row.bulletin_id,
        start=row.from_unix, end=row.to_unix, complete=row.complete, drill=row.drill,
        why=row.why,
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas/{area}/day", read_day, "A day: its slots, what was and will be on air",
        Permission.READ, area_in_path, query=DayQuery, answer=Day, tag="schedule",
    ),
)  # fmt: skip
