"""Calls about schedule: slots and days off."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import select

from loa.streamer.core.localtime import local_day
from loa.streamer.core.rights import Permission
from loa.streamer.core.slots import MAX_MINUTES
from loa.streamer.core.windows import SlotContent
from loa.streamer.desk import holidays as desk_holidays
from loa.streamer.desk import slots as desk_slots
from loa.streamer.desk.errors import NotFound
from loa.streamer.desk.slots import SlotWish
from loa.streamer.http.api import day, queue
from loa.streamer.http.api.dates import Date
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.reading import TooLarge
from loa.streamer.http.api.route import Call, Model, Route, area_in_path, area_of
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.schedule import HolidayRow, SlotRow

P = Permission

Name = Annotated[str, Field(min_length=1, max_length=100)]
LocalTime = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d$", max_length=16)]
Rule = Annotated[str, Field(max_length=300)]
Minutes = Annotated[int, Field(ge=1, le=MAX_MINUTES)]
Url = Annotated[str, Field(max_length=2048)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
Days = Annotated[tuple[Day, ...], Field(max_length=desk_slots.MAX_EXCEPTIONS)]
Content = Literal["queue", "relay", "upper"]
_COMING = 5
_MAX_CSV = 256 * 1024


class NewSlot(Model):
    """A slot: ``minutes`` from ``first`` (date and time of day of the area) on, and again by
    ``rrule`` (RFC 5545 without DTSTART: DAILY, WEEKLY, MONTHLY or YEARLY; empty: once).

    ``content``: the area's queue, a relay, or the programme of the level above. ``exceptions``:
    dates on which it does not take place; ``on_holidays``: whether it does on days off.
    """

    name: Name
    first: LocalTime
    minutes: Minutes
    rrule: Rule = ""
    content: Content = "queue"
    relay: Url = ""
    relay_alternative: Url = ""
    exceptions: Days = ()
    on_holidays: bool = True
    enabled: bool = True


class SlotChange(Model):
    """What is to be changed of a slot; what is not given stays."""

    name: Name | None = None
    first: LocalTime | None = None
    minutes: Minutes | None = None
    rrule: Rule | None = None
    content: Content | None = None
    relay: Url | None = None
    relay_alternative: Url | None = None
    exceptions: Days | None = None
    on_holidays: bool | None = None
    enabled: bool | None = None


class Slot(Model):
    """A slot, and when it takes place next. ``first`` is in its area's ``timezone``."""

    id: Id
    area: Id
    name: str
    first: str
    minutes: int
    rrule: str
    content: Content
    relay: str
    relay_alternative: str
    exceptions: tuple[str, ...]
    on_holidays: bool
    enabled: bool
    timezone: str
    next: tuple[Time, ...]
    version: int


async def list_slots(call: Call) -> Page[Slot]:
    """List the slots of a station."""
    area, q = call.areas[0], call.query
    async with call.desk.store.read() as db:
        rows = list(
            await db.scalars(
                select(SlotRow)
                .where(SlotRow.area_id == area.id, SlotRow.id > q.after)
                .order_by(SlotRow.id)
                .limit(q.limit + 1)
            )
        )
        off = await desk_slots.holidays(call.desk, db, area)
    return page(Page[Slot], rows, q.limit, lambda row: _slot(call, row, off), lambda row: row.id)


async def add_slot(call: Call) -> Slot:
    """Make a slot."""
    wish = SlotWish(**call.body.model_dump())
    return await _shown(call, await desk_slots.add_slot(call.desk, call.actor, call.areas[0], wish))


async def get_slot(call: Call) -> Slot:
    """Return a slot."""
    async with call.desk.store.read() as db:
        row = await db.get(SlotRow, call.params["slot"])
    if row is None:
        raise NotFound("slot.unknown", id=call.params["slot"])
    return await _shown(call, row)


async def change_slot(call: Call) -> Slot:
    """Change a slot."""
    changes = {k: v for k, v in call.body.model_dump(exclude_unset=True).items() if v is not None}
    row = await desk_slots.change_slot(
        call.desk, call.actor, call.params["slot"], call.version, changes
    )
    return await _shown(call, row)


async def remove_slot(call: Call) -> None:
    """Remove a slot."""
    await desk_slots.remove_slot(call.desk, call.actor, call.params["slot"], call.version)


async def _shown(call: Call, row: SlotRow) -> Slot:
    async with call.desk.store.read() as db:
        off = await desk_slots.holidays(call.desk, db, call.desk.area(row.area_id))
    return _slot(call, row, off)


def _slot(call: Call, row: SlotRow, off: set[int]) -> Slot:
    now = call.desk.clock()
    zone = str(call.desk.policies.effective(call.desk.area(row.area_id)).timezone)
    coming: list[float] = []
    if row.enabled:
        today = local_day(zone, now)
        for window in desk_slots.slot_of(row).windows(zone, today - 1, today + 366, off):
            if window.end > now:
                coming.append(window.start)
            if len(coming) == _COMING:
                break
    return Slot(
        id=row.id, area=row.area_id, name=row.name, first=row.first, minutes=row.minutes,
        rrule=row.rrule, content=SlotContent(row.content).value, relay=row.relay,
        relay_alternative=row.relay_alternative, exceptions=tuple(row.exceptions),
        on_holidays=row.on_holidays, enabled=row.enabled, timezone=zone, next=tuple(coming),
        version=row.version,
    )  # fmt: skip


class HolidayQuery(Paging):
    """Which year; without one, from today on."""

    year: Annotated[int, Field(ge=2000, le=2199)] | None = None


class NewHoliday(Model):
    """A day off."""

    date: Date
    name: Name


class Holiday(Model):
    """A day off, and of which area it is: this one or one above it."""

    id: Id
    date: Date
    name: str
    area: Id
    area_name: str
    inherited: bool


class HolidayImport(Model):
    """Which year the file is of; ``dry_run``: only say what would change."""

    year: Annotated[int, Field(ge=2000, le=2199)]
    dry_run: bool = False


class HolidaysImported(Model):
    """What a file changed, or would change."""

    added: int
    renamed: int
    removed: int
    kept: int
    dry_run: bool


async def list_holidays(call: Call) -> Page[Holiday]:
    """List the days off of an area, inherited ones too."""
    area, q = call.areas[0], call.query
    if q.year is None:
        zone = str(call.desk.policies.effective(area).timezone)
        start = date.fromordinal(local_day(zone, call.desk.clock())).isoformat()
        end = "2199-12-31"
    else:
        start, end = f"{q.year}-01-01", f"{q.year}-12-31"
    found = await desk_holidays.list_holidays(call.desk, area, start, end)
    # In the order of dates; a page goes on after the place that it ended at.
    part = found[q.after : q.after + q.limit]
    place = q.after + len(part)
    return Page[Holiday](
        items=tuple(_holiday(row, of.name, of.id != area.id) for row, of in part),
        next=place if place < len(found) else None,
    )


async def add_holiday(call: Call) -> Holiday:
    """Make a day off."""
    area = call.areas[0]
    row = await desk_holidays.add_holiday(
        call.desk, call.actor, area, call.body.date, call.body.name
    )
    return _holiday(row, area.name, False)


async def remove_holiday(call: Call) -> None:
    """Remove a day off."""
    await desk_holidays.remove_holiday(call.desk, call.actor, call.params["holiday"])


async def import_holidays(call: Call) -> HolidaysImported:
    """Take a CSV file (``date,name``) as the area's days off of a year."""
    q = call.query
    data = bytearray()
    async for part in call.request.content.iter_chunked(65_536):
        data += part
        if len(data) > _MAX_CSV:
            raise TooLarge(_MAX_CSV)
    done = await desk_holidays.import_year(
        call.desk, call.actor, call.areas[0], q.year, bytes(data), dry_run=q.dry_run
    )
    return HolidaysImported(
        added=done.added, renamed=done.renamed, removed=done.removed, kept=done.kept,
        dry_run=q.dry_run,
    )  # fmt: skip


def _holiday(row: HolidayRow, area: str, inherited: bool) -> Holiday:
    return Holiday(
        id=row.id, date=date.fromisoformat(row.date), name=row.name, area=row.area_id,
        area_name=area, inherited=inherited,
    )  # fmt: skip


_SLOT = area_of(SlotRow, "slot", "slot")
_HOLIDAY = area_of(HolidayRow, "holiday", "holiday")

ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas/{area}/slots", list_slots, "The slots of a station", P.READ, area_in_path,
        query=Paging, answer=Page[Slot],
    ),
    Route(
        "POST", "/areas/{area}/slots", add_slot, "Make a slot", P.SCHEDULE, area_in_path,
        body=NewSlot, answer=Slot, status=201,
    ),
    Route("GET", "/slots/{slot}", get_slot, "A slot", P.READ, _SLOT, answer=Slot),
    Route(
        "PATCH", "/slots/{slot}", change_slot, "Change a slot", P.SCHEDULE, _SLOT,
        body=SlotChange, answer=Slot, versioned=True,
    ),
    Route(
        "DELETE", "/slots/{slot}", remove_slot, "Remove a slot", P.SCHEDULE, _SLOT,
        versioned=True,
    ),
    Route(
        "GET", "/areas/{area}/holidays", list_holidays, "The days off of an area", P.READ,
        area_in_path, query=HolidayQuery, answer=Page[Holiday],
    ),
    Route(
        "POST", "/areas/{area}/holidays", add_holiday, "Make a day off", P.SCHEDULE,
        area_in_path, body=NewHoliday, answer=Holiday, status=201,
    ),
    Route(
        "POST", "/areas/{area}/holidays/import", import_holidays,
        "Take a file as the days off of a year", P.SCHEDULE, area_in_path,
        query=HolidayImport, raw=True, takes=("text/csv",), answer=HolidaysImported,
    ),
    Route(
        "DELETE", "/holidays/{holiday}", remove_holiday, "Remove a day off", P.SCHEDULE, _HOLIDAY,
    ),
    *queue.ROUTES,
    *day.ROUTES,
)  # fmt: skip
