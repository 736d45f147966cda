"""Calls about how receivers are: now and before, and what was announced."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select

from loa.streamer.core.rights import Permission
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.errors import FieldProblem, Invalid
from loa.streamer.desk.receiver_health import (
    HealthBook,
    Known,
    Point,
    book_of,
    hours,
    reports,
)
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.reports import AreaNamed
from loa.streamer.http.api.route import Call, Model, Route, area_of
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.receiver_health import AlertRow
from loa.streamer.store.tables.receivers import ReceiverRow

DAY = 86_400.0
HourSum = float | tuple[float, float, float]
State = Literal["online", "offline", "ailing"]


class ReceiverStatus(Model):
    """How a receiver is. ``state``: online, offline, or ailing: online, and something is wrong.

    ``sounding``: whether something sounds there now, as it says; null: it says nothing of it.
    ``troubles``: what; ``values`` (numbers, by the names of docs/receiver-health.md) and ``texts``
    are as it told them last, at ``reported_at``. ``seen_at``: when it was last connected.
    """

    id: Id
    name: str
    area: AreaNamed | None
    state: State
    sounding: bool | None
    seen_at: Time | None
    reported_at: Time | None
    troubles: tuple[str, ...]
    values: dict[str, float]
    texts: dict[str, str]


class StatusQuery(Paging):
    """``area``: only there and below; ``state``: only those; ``trouble``: only with this one."""

    area: Id | None = None
    state: State | None = None
    trouble: Annotated[str, Field(max_length=20)] | None = None


class Reported(Model):
    """What a receiver told at a time."""

    at: Time
    values: dict[str, float]


class Hour(Model):
    """An hour, by its beginning: of each value one number, or least, mean and most."""

    at: Time
    values: dict[str, HourSum]


class History(Model):
    """A receiver now and before: single reports of the last days, and hours of months."""

    now: ReceiverStatus
    reports: tuple[Reported, ...]
    hours: tuple[Hour, ...]


class HistoryQuery(Model):
    """From when until when; by default the last day. At most 3000 of each, the newest."""

    start: Time | None = Field(default=None, alias="from")
    end: Time | None = Field(default=None, alias="to")


class Alert(Model):
    """Something that was announced. ``trouble``: offline, or what was wrong.

    ``together``: it is about the area. ``receivers``: all whom it was about, ``missing``: those for
    whom it is not over. ``back_at``: when most were back; ``ended_at``: when all were.
    """

    id: Id
    trouble: str
    area: AreaNamed | None
    together: bool
    receivers: tuple[Id, ...]
    missing: tuple[Id, ...]
    began_at: Time
    told_at: Time
    back_at: Time | None
    ended_at: Time | None


class AlertsQuery(Paging):
    """Newest first: ``after`` is the id before which the next part begins. ``open``: only those
    that are not over, or only those that are; ``area``: only there and below."""

    area: Id | None = None
    open: bool | None = None
    trouble: Annotated[str, Field(max_length=20)] | None = None


async def _book(call: Call) -> HealthBook:
    fleet = call.services.fleet
    return await book_of(call.desk, None if fleet is None else fleet.health.book)


def _area(desk: Desk, id: int) -> AreaNamed | None:
    area = desk.tree.get(id)
    return None if area is None else AreaNamed(id=area.id, path=area.path, name=area.name)


def _status(call: Call, book: HealthBook, known: Known) -> ReceiverStatus:
    desk, fleet = call.desk, call.services.fleet
    session = None if fleet is None else fleet.hub.of(known.id)
    return ReceiverStatus.model_construct(
        id=known.id, name=known.name, area=_area(desk, known.area), state=book.state(known),
        sounding=None if session is None else session.sounding,
        seen_at=known.seen, reported_at=known.reported, troubles=tuple(sorted(known.troubles)),
        values=known.values, texts=known.texts,
    )  # fmt: skip


def _visible(call: Call, under: int | None) -> set[int]:
    areas = {a.id for a in call.actor.rights.areas(Permission.READ, call.desk.tree)}
    if under is not None:
        areas &= {a.id for a in call.desk.tree.below(call.desk.area(under))}
    return areas


async def list_status(call: Call) -> Page[ReceiverStatus]:
    """List how the enrolled receivers are, by their ids."""
    q: StatusQuery = call.query
    areas = _visible(call, q.area)
    book = await _book(call)
    found = []
    for id in sorted(book.known):
        known = book.known[id]
        if (
            id > q.after
            and known.area in areas
            and (q.trouble is None or q.trouble in known.troubles)
            and (q.state is None or q.state == book.state(known))
        ):
            found.append(known)
            if len(found) > q.limit:
                break
    return page(
        Page[ReceiverStatus], found, q.limit, lambda k: _status(call, book, k), lambda k: k.id
    )


async def history(call: Call) -> History:
    """Tell how a receiver is and was."""
    q: HistoryQuery = call.query
    end = call.desk.clock() + 1 if q.end is None else q.end
    start = end - DAY if q.start is None else q.start
    if start > end:
        raise Invalid(FieldProblem("to", "report.backwards"))
    receiver = call.params["receiver"]
    book = await _book(call)
    async with call.desk.store.read() as db:
        known = book.known.get(receiver)
        if known is None:
            row = await db.get(ReceiverRow, receiver)
            assert row is not None  # whoever asks has a right on its area
            known = Known(row.id, row.area_id, row.name, row.seen_at)
        single = await reports(db, receiver, start, end)
        by_hour = await hours(db, receiver, start, end)
    return History(
        now=_status(call, book, known),
        reports=tuple(Reported(at=p.at, values=p.values) for p in single),
        hours=tuple(_hour(p) for p in by_hour),
    )


def _hour(point: Point) -> Hour:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in point.values.items()
    }
    return Hour(at=point.at, values=values)


async def list_alerts(call: Call) -> Page[Alert]:
    """List what was announced on the areas that one may see, newest first."""
    q: AlertsQuery = call.query
    chosen = select(AlertRow).where(AlertRow.area_id.in_(_visible(call, q.area)))
    if q.after:
        chosen = chosen.where(AlertRow.id < q.after)
    if q.open is not None:
        ended = AlertRow.ended_at
        chosen = chosen.where(ended.is_(None) if q.open else ended.is_not(None))
    if q.trouble is not None:
        chosen = chosen.where(AlertRow.trouble == q.trouble)
    async with call.desk.store.read() as db:
        rows = await db.scalars(chosen.order_by(AlertRow.id.desc()).limit(q.limit + 1))
    return page(
        Page[Alert], list(rows), q.limit, lambda row: _alert(call.desk, row), lambda row: row.id
    )


def _alert(desk: Desk, row: AlertRow) -> Alert:
    return Alert(
        id=row.id, trouble=row.trouble, area=_area(desk, row.area_id), together=row.together,
        receivers=tuple(row.receivers), missing=tuple(row.missing), began_at=row.began_at,
        told_at=row.told_at, back_at=row.back_at, ended_at=row.ended_at,
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/receivers/status", list_status, "How the receivers are", Permission.READ,
        query=StatusQuery, answer=Page[ReceiverStatus],
    ),
    Route(
        "GET", "/receivers/{receiver}/health", history, "How a receiver is and was",
        Permission.READ, area_of(ReceiverRow, "receiver", "receiver"), query=HistoryQuery,
        answer=History,
    ),
    Route(
        "GET", "/alerts", list_alerts, "What was announced of receivers, newest first",
        Permission.READ, query=AlertsQuery, answer=Page[Alert],
    ),
)  # fmt: skip
