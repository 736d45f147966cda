"""Calls about data, coverage and inventory, and the dead zones: for the office that pays."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Annotated, Any

from aiohttp import web
from pydantic import AfterValidator, ConfigDict, Field

from loa.streamer.core.areas import Area
from loa.streamer.core.billing import day_of
from loa.streamer.core.periods import MAX_DAYS
from loa.streamer.core.rights import Permission
from loa.streamer.desk import coverage, data_report, data_usage, inventory
from loa.streamer.desk.coverage import Covered
from loa.streamer.desk.data_usage import Used, zone_of
from loa.streamer.desk.errors import FieldProblem, Invalid
from loa.streamer.desk.receiver_health import book_of
from loa.streamer.desk.reports import checked
from loa.streamer.http.api import receiver_sheets
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.receiver_sheets import Tables, as_csv, as_xlsx
from loa.streamer.http.api.reports import CSV, XLSX, AreaNamed, Day
from loa.streamer.http.api.route import Call, Model, Route, area_in_path, area_of
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.receivers import ReceiverRow

RECENT = 30


def _month(text: str) -> str:
    if not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", text):
        raise ValueError("report.month")
    return text


class AreaQuery(Model):
    """Of which area, with everything below it."""

    area: Id


class PeriodQuery(AreaQuery):
    """Billing cycles that begin in a ``month`` (2026-09), or ``from`` … ``to``; by default this
    month's."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    month: Annotated[str, Field(max_length=7), AfterValidator(_month)] | None = None
    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")


class DaysQuery(Model):
    """The local days ``from`` … ``to``; by default the last thirty."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="to")


class Amount(Model):
    """Bytes: as the modem counted them, and as the server did; of those, ``estimated`` is what TLS,
    TCP and IP put around messages, which the server does not see."""

    modem: int
    server: int
    estimated: int


class ReceiverNamed(Model):
    """A receiver, as reports name it."""

    id: Id
    name: str
    area: AreaNamed | None


class DataLine(Model):
    """A SIM in one billing cycle. ``over``: the cycle is."""

    model_config = ConfigDict(serialize_by_alias=True)

    sim: Id
    iccid: str
    operator: str
    number: str
    area: AreaNamed
    receiver: ReceiverNamed | None
    tariff: str | None
    first: date = Field(serialization_alias="from", validation_alias="from")
    last: date = Field(serialization_alias="to", validation_alias="to")
    used: Amount
    quota: int | None
    share: float | None
    cost: float | None
    currency: str | None
    over: bool


class UnknownSim(Model):
    """A receiver that used data with a SIM that nobody wrote down."""

    receiver: ReceiverNamed
    used: Amount


class DataAnswer(Model):
    """The data of an area and everything below it; ``costs`` by currency."""

    model_config = ConfigDict(serialize_by_alias=True)

    area: AreaNamed
    first: date = Field(serialization_alias="from", validation_alias="from")
    last: date = Field(serialization_alias="to", validation_alias="to")
    made_at: Time
    used: Amount
    costs: dict[str, float]
    lines: tuple[DataLine, ...]
    unknown: tuple[UnknownSim, ...]


class CoveredArea(Model):
    """An area with everything below it.

    ``communes``: stations without another one below; ``communes_working``: with a receiver that was
    connected in the last 7 days. ``villages``: areas with nothing below that are no station;
    ``villages_played``: whose receiver played in the last 7 days, as it says itself.
    """

    area: AreaNamed
    communes: int
    communes_working: int
    villages: int
    villages_with_receiver: int
    villages_played: int
    villages_dead: int
    receivers: dict[str, int]
    horns: int


class CoverageAnswer(Model):
    """``silent``: villages with receivers of which none played; ``without``: with none, and in no
    dead zone; ``dead``: in one."""

    area: AreaNamed
    made_at: Time
    total: CoveredArea
    by_area: tuple[CoveredArea, ...]
    silent: tuple[AreaNamed, ...]
    without: tuple[AreaNamed, ...]
    dead: tuple[AreaNamed, ...]


class InventoryReceiver(Model):
    """A receiver as equipment."""

    id: Id
    name: str
    area: AreaNamed
    state: str
    horns: int
    serial: str
    hardware: str
    software: str
    installed_at: Time | None
    handed_over_at: Time | None
    latitude: float | None
    longitude: float | None
    iccid: str | None
    notes: str


class InventorySim(Model):
    """A SIM as equipment."""

    id: Id
    iccid: str
    operator: str
    number: str
    area: AreaNamed
    state: str
    tariff: str | None
    receiver: Id | None
    installed_on: date | None
    handed_over_on: date | None
    notes: str


class InventoryAnswer(Model):
    """What there is in an area and below it."""

    area: AreaNamed
    made_at: Time
    receivers: tuple[InventoryReceiver, ...]
    sims: tuple[InventorySim, ...]


class DataDay(Model):
    """A receiver's data on a local day; ``sim`` null: nobody knows which."""

    day: date
    sim: Id | None
    used: Amount


class ReceiverData(Model):
    """A receiver's data by days."""

    model_config = ConfigDict(serialize_by_alias=True)

    receiver: Id
    first: date = Field(serialization_alias="from", validation_alias="from")
    last: date = Field(serialization_alias="to", validation_alias="to")
    used: Amount
    days: tuple[DataDay, ...]


class DeadZone(Model):
    """Whether any mobile network reaches an area and what is below it."""

    dead_zone: bool
    note: Annotated[str, Field(max_length=1000)] = ""


class DeadZoneOut(DeadZone):
    """``since`` and ``who``: when and by whom it was called one."""

    area: Id
    since: Time | None
    who: str


# --- where


async def _area_in_query(call: Call) -> Sequence[Area]:
    return [call.desk.area(call.query.area)]


# --- showing


def _named(area: Area) -> AreaNamed:
    return AreaNamed(id=area.id, path=area.path, name=area.name)


def _amount(used: Used) -> Amount:
    return Amount(modem=used.modem, server=used.server, estimated=used.overhead)


def _receiver(of: data_report.Receiver) -> ReceiverNamed:
    return ReceiverNamed(id=of.id, name=of.name, area=None if of.area is None else _named(of.area))


def _line(line: data_report.Line) -> DataLine:
    sim, tariff = line.sim, line.tariff
    return DataLine.model_validate({
        "sim": sim.id, "iccid": sim.iccid, "operator": sim.operator, "number": sim.number,
        "area": _named(line.area),
        "receiver": None if line.receiver is None else _receiver(line.receiver),
        "tariff": None if tariff is None else tariff.name,
        "from": line.cycle.first, "to": line.cycle.last, "used": _amount(line.used),
        "quota": line.quota,
        "share": None if not line.quota else round(line.used.most / line.quota, 4),
        "cost": line.cost, "currency": None if tariff is None else tariff.currency,
        "over": line.over,
    })  # fmt: skip


async def _data(call: Call) -> data_report.DataReport:
    q: PeriodQuery = call.query
    area = call.areas[0]
    first, last = q.first, q.last
    if q.month is not None and (first is not None or last is not None):
        raise Invalid(FieldProblem("month", "report.either"))
    if first is None and last is None:
        today = day_of(zone_of(call.desk, area.id), call.desk.clock())
        first = today.replace(day=1) if q.month is None else date.fromisoformat(q.month + "-01")
        last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    first, last = checked(first, last, MAX_DAYS)
    return await data_report.make(call.desk, area, first, last)


async def read_data(call: Call) -> DataAnswer:
    """Answer the report on data."""
    report = await _data(call)
    return DataAnswer.model_validate({
        "area": _named(report.area), "from": report.first, "to": report.last,
        "made_at": report.at, "used": _amount(report.used), "costs": report.costs,
        "lines": tuple(_line(line) for line in report.lines),
        "unknown": tuple(
            UnknownSim(receiver=_receiver(u.receiver), used=_amount(u.used)) for u in report.unknown
        ),
    })  # fmt: skip


async def _coverage(call: Call) -> coverage.Coverage:
    fleet = call.services.fleet
    book = await book_of(call.desk, None if fleet is None else fleet.health.book)
    return await coverage.make(call.desk, call.areas[0], book)


def _covered(of: Covered) -> CoveredArea:
    names = set(CoveredArea.model_fields) - {"area", "receivers"}
    return CoveredArea(
        area=_named(of.area), **{name: getattr(of, name) for name in names},
        receivers={state: of.receivers[state] for state in coverage.STATES},
    )  # fmt: skip


async def read_coverage(call: Call) -> CoverageAnswer:
    """Answer the report on coverage."""
    found = await _coverage(call)
    return CoverageAnswer(
        area=_named(found.area), made_at=found.at, total=_covered(found.total),
        by_area=tuple(_covered(of) for of in found.areas),
        silent=tuple(_named(a) for a in found.silent),
        without=tuple(_named(a) for a in found.without),
        dead=tuple(_named(a) for a in found.dead),
    )  # fmt: skip


async def read_inventory(call: Call) -> InventoryAnswer:
    """Answer the inventory."""
    found = await inventory.make(call.desk, call.areas[0])
    receivers = []
    for row, area in found.receivers:
        sim = found.sim_of.get(row.id)
        names = set(InventoryReceiver.model_fields) - {"area", "iccid"}
        receivers.append(
            InventoryReceiver(
                area=_named(area), iccid=None if sim is None else sim.iccid,
                **{name: getattr(row, name) for name in names},
            )
        )  # fmt: skip
    sims = []
    for card, area in found.sims:
        tariff = found.tariffs.get(card.tariff_id or 0)
        names = set(InventorySim.model_fields) - {"area", "tariff", "receiver"}
        sims.append(
            InventorySim(
                area=_named(area), tariff=None if tariff is None else tariff.name,
                receiver=card.receiver_id, **{name: getattr(card, name) for name in names},
            )
        )  # fmt: skip
    return InventoryAnswer(
        area=_named(found.area), made_at=found.at, receivers=tuple(receivers), sims=tuple(sims)
    )


async def read_receiver_data(call: Call) -> ReceiverData:
    """Answer a receiver's data by days."""
    q: DaysQuery = call.query
    receiver = call.params["receiver"]
    today = day_of(zone_of(call.desk, call.areas[0].id), call.desk.clock())
    first, last = q.first, q.last
    if first is None and last is None:
        first, last = today - timedelta(days=RECENT - 1), today
    first, last = checked(first, last, MAX_DAYS)
    async with call.desk.store.read() as db:
        days = await data_usage.days_of(db, receiver, first, last)
    return ReceiverData.model_validate({
        "receiver": receiver, "from": first, "to": last,
        "used": _amount(sum((used for _, _, used in days), Used())),
        "days": tuple(
            DataDay(day=day, sim=sim or None, used=_amount(used)) for day, sim, used in days
        ),
    })  # fmt: skip


# --- files

_Make = Callable[[Call], Any]


async def _data_tables(call: Call) -> Tables:
    return await _tables(call, receiver_sheets.data_tables, await _data(call))


async def _coverage_tables(call: Call) -> Tables:
    return await _tables(call, receiver_sheets.coverage_tables, await _coverage(call))


async def _inventory_tables(call: Call) -> Tables:
    found = await inventory.make(call.desk, call.areas[0])
    return await _tables(call, receiver_sheets.inventory_tables, found)


async def _tables(call: Call, make: Callable[[Any, str, str], Tables], found: Any) -> Tables:
    zone = zone_of(call.desk, call.areas[0].id)
    return await asyncio.to_thread(make, found, call.language, zone)


def _file(what: str, make: _Make, write: Callable[[Tables], bytes], media: str, ending: str) -> Any:
    async def handle(call: Call) -> web.Response:
        body = await asyncio.to_thread(write, await make(call))
        place = call.areas[0].path.strip("/").replace("/", "-")
        today = day_of(zone_of(call.desk, call.areas[0].id), call.desk.clock())
        name = f"{place}-{what}-{today}.{ending}"
        return web.Response(
            body=body, content_type=media, charset="utf-8" if ending == "csv" else None,
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Content-Language": call.language,
                "Cache-Control": "no-store",
            },
        )  # fmt: skip

    handle.__name__ = f"read_{what}_{ending}"  # what OpenAPI calls the operation by
    return handle


# --- dead zones


async def read_dead_zone(call: Call) -> DeadZoneOut:
    """Answer what was said of an area."""
    return await _dead_zone(call, call.areas[0])


async def set_dead_zone(call: Call) -> DeadZoneOut:
    """Say it."""
    body: DeadZone = call.body
    await coverage.set_dead_zone(call.desk, call.actor, call.areas[0], body.dead_zone, body.note)
    return await _dead_zone(call, call.areas[0])


async def _dead_zone(call: Call, area: Area) -> DeadZoneOut:
    async with call.desk.store.read() as db:
        row = await coverage.dead_zone(db, area.id)
    if row is None:
        return DeadZoneOut(area=area.id, dead_zone=False, since=None, who="")
    return DeadZoneOut(area=area.id, dead_zone=True, note=row.note, since=row.since, who=row.who)


def _report(
    what: str, summary: str, query: type[Model], read: Any, answer: Any, tables: _Make
) -> tuple[Route, ...]:
    path = f"/reports/{what}"
    return (
        Route(
            "GET", path, read, summary, Permission.READ, _area_in_query, query=query, answer=answer
        ),
        Route(
            "GET", f"{path}.csv", _file(what, tables, as_csv, CSV, "csv"),
            f"{summary}, as CSV", Permission.READ, _area_in_query, query=query, answers=(CSV,),
        ),
        Route(
            "GET", f"{path}.xlsx", _file(what, tables, as_xlsx, XLSX, "xlsx"),
            f"{summary}, as a workbook", Permission.READ, _area_in_query, query=query,
            answers=(XLSX,),
        ),
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    *_report(
        "data", "The data that SIMs used and what it costs", PeriodQuery, read_data, DataAnswer,
        _data_tables,
    ),
    *_report(
        "coverage", "Where receivers work", AreaQuery, read_coverage, CoverageAnswer,
        _coverage_tables,
    ),
    *_report(
        "inventory", "Receivers and SIMs that there are", AreaQuery, read_inventory,
        InventoryAnswer, _inventory_tables,
    ),
    Route(
        "GET", "/receivers/{receiver}/data", read_receiver_data, "The data of a receiver by days",
        Permission.READ, area_of(ReceiverRow, "receiver", "receiver"), query=DaysQuery,
        answer=ReceiverData,
    ),
    Route(
        "GET", "/areas/{area}/dead-zone", read_dead_zone, "Whether an area is a dead zone",
        Permission.READ, area_in_path, answer=DeadZoneOut,
    ),
    Route(
        "PUT", "/areas/{area}/dead-zone", set_dead_zone, "Call an area a dead zone, or no longer",
        Permission.RECEIVERS, area_in_path, body=DeadZone, answer=DeadZoneOut,
    ),
)  # fmt: skip
