"""Calls about reports: what an area and everything below it put on air in a period."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, ConfigDict, Field

from loa.streamer.core.areas import Area
from loa.streamer.core.periods import MAX_DAYS, half
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.desk.errors import FieldProblem, Invalid
from loa.streamer.desk.report import Report, Totals
from loa.streamer.desk.reports import checked
from loa.streamer.http.api import report_sheets
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.route import Call, Model, Route, area_in_path
from loa.streamer.http.api.times import Time

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 12, 31)


def _half(text: str) -> str:
    first, _ = half(text)
    if not EARLIEST <= first <= LATEST:
        raise ValueError("report.half")
    return text


Day = Annotated[date, Field(ge=EARLIEST, le=LATEST)]


class PeriodQuery(Model):
    """The local days ``from`` … ``to``, both included; or ``half`` a year, ``2026-1``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")
    half: Annotated[str, Field(max_length=6), AfterValidator(_half)] | None = None


class AreaNamed(Model):
    """An area, as reports name it."""

    id: Id
    path: str
    name: str


class Sum(Model):
    """What an area and everything below it did. ``minutes``: put on air, however many heard it.

    ``hours_on_air``: of all stations' mounts together, by kind. ``missed``: playings that queues
    were to make before an entry expired, and did not.
    """

    items: int
    minutes: float
    hours_on_air: dict[str, float]
    emergencies: int
    drills: int
    failures: int
    missed: int
    stations: int
    active_stations: int


class ByClass(Model):
    """One class in one language; ``drill``: what drills sent."""

    model_config = ConfigDict(serialize_by_alias=True)

    cls: str = Field(serialization_alias="class", validation_alias="class")
    drill: bool
    language: str
    items: int
    minutes: float
    hours_on_air: float


class ByKind(Model):
    """One kind: live, bulletin, relay or file."""

    kind: str
    items: int
    minutes: float
    hours_on_air: float


class ByMonth(Model):
    """One calendar month, or the part of it that lies in the period."""

    month: str
    items: int
    minutes: float
    hours_on_air: dict[str, float]
    emergencies: int
    drills: int
    failures: int
    missed: int


class ByArea(Model):
    """An area below; ``level`` 1 is directly below. ``own_items``: without what lies below it."""

    area: AreaNamed
    level: int
    own_items: int
    total: Sum


class FailureThen(Model):
    """Something that a station failed to carry."""

    at: Time
    area: Id
    kind: str
    title: str
    why: str


class MissedEntry(Model):
    """A bulletin whose entry in a queue expired before it was aired as often as it was to."""

    area: Id
    title: str
    planned: int
    aired: int
    expired_at: Time


class ReportAnswer(Model):
    """What an area and everything below it put on air.

    ``items_from_above``: what came from areas above. ``active`` and ``silent``: the stations that
    put at least one item on air, and those that did not. ``failures`` and ``missed`` name the first
    500; the sums have all.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    area: AreaNamed
    first: date = Field(serialization_alias="from", validation_alias="from")
    last: date = Field(serialization_alias="to", validation_alias="to")
    timezone: str
    made_at: Time
    total: Sum
    items_from_above: int
    minutes_from_above: float
    by_class: tuple[ByClass, ...]
    by_kind: tuple[ByKind, ...]
    by_month: tuple[ByMonth, ...]
    by_area: tuple[ByArea, ...]
    active: tuple[AreaNamed, ...]
    silent: tuple[AreaNamed, ...]
    failures: tuple[FailureThen, ...]
    missed: tuple[MissedEntry, ...]


def _named(area: Area) -> AreaNamed:
    return AreaNamed(id=area.id, path=area.path, name=area.name)


def _minutes(seconds: float) -> float:
    return round(seconds / 60, 2)


def _hours(seconds: float) -> float:
    return round(seconds / 3600, 3)


def _by_kind(seconds: dict[str, float]) -> dict[str, float]:
    return {kind: _hours(value) for kind, value in sorted(seconds.items())}


def _sum(totals: Totals) -> Sum:
    return Sum(
        items=totals.items, minutes=_minutes(totals.seconds),
        hours_on_air=_by_kind(totals.on_air), emergencies=totals.emergencies,
        drills=totals.drills, failures=totals.failures, missed=totals.missed,
        stations=totals.stations, active_stations=totals.active,
    )  # fmt: skip


def show(report: Report) -> ReportAnswer:
    """Return a report as it is answered."""
    return ReportAnswer.model_validate({
        "area": _named(report.area),
        "from": report.period.first,
        "to": report.period.last,
        "timezone": report.period.timezone,
        "made_at": report.made_at,
        "total": _sum(report.totals),
        "items_from_above": report.above,
        "minutes_from_above": _minutes(report.above_seconds),
        "by_class": [
            {
                "class": BulletinClass(of.cls).name.lower(), "drill": of.drill,
                "language": of.language, "items": of.items, "minutes": _minutes(of.seconds),
                "hours_on_air": _hours(of.on_air),
            }
            for of in report.by_class
        ],
        "by_kind": [
            {
                "kind": of.kind, "items": of.items, "minutes": _minutes(of.seconds),
                "hours_on_air": _hours(of.on_air),
            }
            for of in report.by_kind
        ],
        "by_month": [
            {
                "month": month.name, "items": totals.items, "minutes": _minutes(totals.seconds),
                "hours_on_air": _by_kind(totals.on_air), "emergencies": totals.emergencies,
                "drills": totals.drills, "failures": totals.failures, "missed": totals.missed,
            }
            for month, totals in report.by_month
        ],
        "by_area": [
            {
                "area": _named(of.area), "level": of.level, "own_items": of.own_items,
                "total": _sum(of.totals),
            }
            for of in report.areas
        ],
        "active": [_named(a) for a in report.active],
        "silent": [_named(a) for a in report.silent],
        "failures": [
            {"at": f.at, "area": f.area, "kind": f.kind, "title": f.title, "why": f.why}
            for f in report.failures
        ],
        "missed": [
            {
                "area": m.area, "title": m.title, "planned": m.planned, "aired": m.aired,
                "expired_at": m.expired,
            }
            for m in report.missed
        ],
    })  # fmt: skip


async def _report(call: Call) -> Report:
    query: PeriodQuery = call.query
    first, last = query.first, query.last
    if query.half is not None:
        if first is not None or last is not None:
            raise Invalid(FieldProblem("half", "report.either"))
        first, last = half(query.half)
    first, last = checked(first, last, MAX_DAYS)
    return await call.services.reports.make(call.desk, call.areas[0], first, last)


async def read_report(call: Call) -> ReportAnswer:
    """Answer a report as JSON."""
    report = await _report(call)
    return await asyncio.to_thread(show, report)


async def read_csv(call: Call) -> web.Response:
    """Answer a report as CSV."""
    return await _file(call, report_sheets.as_csv, CSV, "csv")


async def read_xlsx(call: Call) -> web.Response:
    """Answer a report as a workbook."""
    return await _file(call, report_sheets.as_xlsx, XLSX, "xlsx")


async def _file(
    call: Call, make: Callable[[Report, str], bytes], media_type: str, ending: str
) -> web.Response:
    report = await _report(call)
    body = await asyncio.to_thread(make, report, call.language)
    place = report.area.path.strip("/").replace("/", "-")
    name = f"{place}-{report.period.first}-{report.period.last}.{ending}"
    return web.Response(
        body=body, content_type=media_type, charset="utf-8" if ending == "csv" else None,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Language": call.language,
            "Cache-Control": "no-store",
        },
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas/{area}/report", read_report, "What was put on air in a period",
        Permission.READ, area_in_path, query=PeriodQuery, answer=ReportAnswer,
    ),
    Route(
        "GET", "/areas/{area}/report.csv", read_csv, "A report as CSV for spreadsheets",
        Permission.READ, area_in_path, query=PeriodQuery, answers=(CSV,),
    ),
    Route(
        "GET", "/areas/{area}/report.xlsx", read_xlsx, "A report as a workbook",
        Permission.READ, area_in_path, query=PeriodQuery, answers=(XLSX,),
    ),
)  # fmt: skip
