"""Days off: an area's own hold for everything below it. A year of them can be brought as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, select

from loa.streamer.core.areas import Area
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound
from loa.streamer.store.tables.schedule import HolidayRow

MAX_HOLIDAYS = 2000
"""Of one area."""
MAX_NAME = 100
MAX_LINES = 400


@dataclass(frozen=True, slots=True)
class Imported:
    """What a year's list changed, or would change."""

    added: int
    renamed: int
    removed: int
    kept: int


async def list_holidays(
    desk: Desk, area: Area, start: str, end: str
) -> list[tuple[HolidayRow, Area]]:
    """Return the days off of an area from one ISO date to another, each with whose it is."""
    lineage = {a.id: a for a in desk.tree.lineage(area)}
    async with desk.store.read() as db:
        rows = await db.scalars(
            select(HolidayRow)
            .where(HolidayRow.area_id.in_(lineage), HolidayRow.date.between(start, end))
            .order_by(HolidayRow.date, HolidayRow.id)
        )
        return [(row, lineage[row.area_id]) for row in rows]


async def add_holiday(desk: Desk, actor: Actor, area: Area, day: date, name: str) -> HolidayRow:
    """Make a day off. Raises ``Conflict`` when the area has one on that day."""
    async with desk.work(actor) as work:
        there = await work.db.scalar(
            select(HolidayRow).where(
                HolidayRow.area_id == area.id, HolidayRow.date == day.isoformat()
            )
        )
        if there is not None:
            other = {"kind": "holiday", "id": there.id, "name": there.name, "date": there.date}
            raise Conflict("holiday.there", [other], date=there.date, name=there.name)
        count = await work.db.scalar(select(func.count()).where(HolidayRow.area_id == area.id))
        if (count or 0) >= MAX_HOLIDAYS:
            raise Conflict("holiday.too_many", limit=MAX_HOLIDAYS)
        row = HolidayRow(area_id=area.id, date=day.isoformat(), name=name)
        work.db.add(row)
        await work.db.flush()
        work.record(
            "holiday.created", area=area.id, subject=f"holiday/{row.id}", date=row.date, name=name
        )
        return row


async def remove_holiday(desk: Desk, actor: Actor, holiday: int) -> None:
    """Make it an ordinary day again. Raises ``NotFound``."""
    async with desk.work(actor) as work:
        row = await work.db.get(HolidayRow, holiday)
        if row is None:
            raise NotFound("holiday.unknown", id=holiday)
        work.record(
            "holiday.removed", area=row.area_id, subject=f"holiday/{row.id}", date=row.date,
            name=row.name,
        )  # fmt: skip
        await work.db.delete(row)


async def import_year(
    desk: Desk, actor: Actor, area: Area, year: int, data: bytes, *, dry_run: bool = False
) -> Imported:
    """Make the CSV's days (``date,name``) the area's own days off of a year, in place of others.

    Raises ``Invalid`` naming every line that is wrong; then nothing is changed.
    """
    wanted = read_csv(data, year)
    if dry_run:
        async with desk.store.read() as db:
            rows = list(await db.scalars(_of_year(area, year)))
        return _compare(rows, wanted)
    async with desk.work(actor) as work:
        rows = list(await work.db.scalars(_of_year(area, year)))
        done = _compare(rows, wanted)
        have = {row.date: row for row in rows}
        for day, row in have.items():
            if day not in wanted:
                await work.db.delete(row)
            else:
                row.name = wanted[day]
        work.db.add_all(
            HolidayRow(area_id=area.id, date=day, name=name)
            for day, name in wanted.items()
            if day not in have
        )
        work.record(
            "holiday.imported", area=area.id, subject=f"area/{area.id}", year=year,
            days=sorted(wanted), removed=done.removed,
        )  # fmt: skip
        return done


def read_csv(data: bytes, year: int) -> dict[str, str]:
    """Return names by ISO date. A heading, a BOM, semicolons and 30/4/2026 are understood."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(FieldProblem("", "holiday.encoding")) from None
    if "\0" in text:
        raise Invalid(FieldProblem("", "field.character"))
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise Invalid(FieldProblem("", "field.too_many", {"limit": MAX_LINES}))
    comma = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
    found: dict[str, str] = {}
    problems: list[FieldProblem] = []
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=comma))
    except csv.Error:
        raise Invalid(FieldProblem("", "holiday.csv")) from None
    for n, cells in enumerate(rows, 1):
        if not any(cell.strip() for cell in cells) or (n == 1 and not _has_digit(cells)):
            continue
        place = f"line {n}"
        day = _date(cells[0])
        name = cells[1].strip() if len(cells) > 1 else ""
        if day is None:
            problems.append(FieldProblem(place, "slot.date"))
        elif day.year != year:
            problems.append(FieldProblem(place, "holiday.year", {"year": year}))
        elif day.isoformat() in found:
            problems.append(FieldProblem(place, "holiday.twice"))
        elif not name:
            problems.append(FieldProblem(place, "holiday.name"))
        elif len(name) > MAX_NAME:
            problems.append(FieldProblem(place, "field.too_long", {"limit": MAX_NAME}))
        else:
            found[day.isoformat()] = name
    if problems:
        raise Invalid(*problems[:100])
    return found


def _has_digit(cells: Sequence[str]) -> bool:
    return any(c.isdigit() for c in cells[0])


def _date(text: str) -> date | None:
    text = text.strip()
    try:
        if "/" in text:
            day, month, year = (int(part) for part in text.split("/"))
            return date(year, month, day)
        return date.fromisoformat(text)
    except ValueError:
        return None


def _of_year(area: Area, year: int) -> Select[HolidayRow]:
    return select(HolidayRow).where(
        HolidayRow.area_id == area.id, HolidayRow.date.between(f"{year}-01-01", f"{year}-12-31")
    )


def _compare(rows: Sequence[HolidayRow], wanted: dict[str, str]) -> Imported:
    have = {row.date: row.name for row in rows}
    return Imported(
        added=sum(day not in have for day in wanted),
        renamed=sum(day in have and have[day] != name for day, name in wanted.items()),
        removed=sum(day not in wanted for day in have),
        kept=sum(have.get(day) == name for day, name in wanted.items()),
    )
