"""One day of one area: its slots, what was aired in them, what is planned, what does not fit.

Of an area that is no station it is the day of its station, with what is heard in the area.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select

from loa.streamer.core.areas import Area
from loa.streamer.core.limits import Span, open_spans, usable
from loa.streamer.core.localtime import local_day, unix_at
from loa.streamer.core.planner import Planned, Reason, Unplaced
from loa.streamer.core.policy import Policy
from loa.streamer.core.windows import SlotContent, Window
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid
from loa.streamer.desk.holidays import list_holidays
from loa.streamer.desk.planning import (
    BulletinInfo,
    plan_station,
    raw_windows,
    read_material,
)
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.schedule import HolidayRow, SlotRow

A_MOMENT = 1.0
MAX_AHEAD = 400
"""Days that can be looked ahead."""


@dataclass(slots=True)
class DayWindow:
    """A window of the day. ``allowed``: the parts that hours and limits leave of it."""

    slot: SlotRow
    window: Window
    allowed: list[Span]
    upper: Area | None = None
    """Of a slot for the level above: the station whose programme it carries. What that has planned
    for the time is ``planned``."""
    planned: list[Planned] = field(default_factory=list)
    aired: list[AiredRow] = field(default_factory=list)


@dataclass(slots=True)
class Day:
    """See the module. ``planned`` and ``aired`` are what lies outside all windows: priority items,
    lives, emergencies. ``sources``: which area said what holds, None: nobody."""

    area: Area
    station: Area
    date: date
    start: float
    end: float
    policy: Policy
    sources: dict[str, Area | None]
    hours: list[Span]
    holidays: list[tuple[HolidayRow, Area]]
    windows: list[DayWindow]
    planned: list[Planned]
    aired: list[AiredRow]
    unplaced: list[Unplaced]
    bulletins: dict[int, BulletinInfo]
    bulletin_of: dict[int, int]
    """The bulletin of each entry that is unplaced."""


async def read_day(desk: Desk, area: Area, day: date | None, now: float) -> Day:
    """Return a day (None: today) of an area. Raises ``Conflict`` where there is no station."""
    station = desk.tree.station_of(area)
    if station is None:
        raise Conflict("day.no_station", area=area.name)
    policy = desk.policies.effective(station)
    zone = str(policy.timezone)
    today = local_day(zone, now)
    wanted = today if day is None else day.toordinal()
    if not today - 20 * 366 <= wanted <= today + MAX_AHEAD:
        raise Invalid(FieldProblem("date", "day.too_far", {"limit": MAX_AHEAD}))
    start, end = float(unix_at(zone, wanted, 0)), float(unix_at(zone, wanted + 1, 0))
    iso = date.fromordinal(wanted).isoformat()
    above = _station_above(desk, station)
    async with desk.store.read() as db:
        both = [station] if above is None else [station, above]
        material = await read_material(db, desk.tree, both, now)
        slots = {
            row.id: row
            for row in await db.scalars(select(SlotRow).where(SlotRow.area_id == station.id))
        }
        # What began before midnight may reach into the day, but not for longer than a day.
        aired = [
            row
            for row in await db.scalars(
                select(AiredRow)
                .where(
                    AiredRow.area_id == area.id,
                    AiredRow.from_unix >= start - 86_400,
                    AiredRow.from_unix < end,
                )
                .order_by(AiredRow.from_unix, AiredRow.id)
                .limit(5000)
            )
            if row.to_unix is None or row.to_unix > start
        ]
    plan = await asyncio.to_thread(plan_station, desk, station, material, now, max(now, end))
    # What began the day before may reach into it.
    around = list(raw_windows(desk, station, material, zone, wanted - 1, wanted + 1))
    raw = [window for window in around if window.end > start and window.start < end]
    allowed = usable(around, plan.limits, zone)
    # What sounds is shown as what is on air, and not again as what is planned.
    sounding = {row.entry_id for row in aired if row.to_unix is None}
    planned = [
        p
        for p in plan.plan.planned
        if not (p.entry in sounding and p.start <= now)
        and p.end > start
        and p.start < end
        and (p.targets is None or _hears(area, station, p))
    ]
    found = Day(
        area, station, date.fromordinal(wanted), start, end, policy,
        desk.policies.sources(station), open_spans(plan.limits.hours, zone, start, end),
        await list_holidays(desk, station, iso, iso),
        [DayWindow(slots[w.slot], w, _parts(w, allowed)) for w in raw], planned, aired,
        [u for u in plan.plan.unplaced if u.reason is not Reason.LATER] if end > now else [],
        material.bulletins,
        {item.entry: item.bulletin for item in material.items.get(station.id, ())},
    )  # fmt: skip
    _put_into_windows(found)
    if above is not None and any(w.window.content is SlotContent.UPPER for w in found.windows):
        upper = await asyncio.to_thread(plan_station, desk, above, material, now, max(now, end))
        carried = upper.plan.planned
        for one in found.windows:
            if one.window.content is SlotContent.UPPER:
                low, high = one.window.start, one.window.end
                one.upper = above
                one.planned += [p for p in carried if p.end > low and p.start < high]
    return found


def _station_above(desk: Desk, station: Area) -> Area | None:
    parent = None if station.parent is None else desk.tree.find(station.parent)
    return None if parent is None else desk.tree.station_of(parent)


def _hears(area: Area, station: Area, playing: Planned) -> bool:
    return area == station or area.id in (playing.targets or ())


def _parts(window: Window, usable: Sequence[Window]) -> list[Span]:
    return [
        (part.start, part.end)
        for part in usable
        if part.slot == window.slot and window.start <= part.start and part.end <= window.end
    ]


def _put_into_windows(day: Day) -> None:
    for window in day.windows:
        low, high = window.window.start, window.window.end
        window.planned = [p for p in day.planned if low <= p.start + A_MOMENT < high]
        # The log's clock is not the slots' to the tick.
        window.aired = [r for r in day.aired if low <= r.from_unix + A_MOMENT < high]
    shown = {id(p) for w in day.windows for p in w.planned}
    day.planned = [p for p in day.planned if id(p) not in shown]
    heard = {r.id for w in day.windows for r in w.aired}
    day.aired = [r for r in day.aired if r.id not in heard]
