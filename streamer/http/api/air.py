"""Calls about emergencies: called, confirmed, stopped, corrected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select

from loa.streamer.core.rights import Permission
from loa.streamer.core.timeline import TICKS_A_SECOND
from loa.streamer.desk import emergencies
from loa.streamer.desk.air import Air
from loa.streamer.desk.emergencies import State, Wanted, state_of
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route, area_in_body, area_of
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.cues import CueRow

SCANNED = 500
"""Rows that are read at a time while looking for those that one may see."""

Areas = Annotated[tuple[Id, ...], Field(min_length=1, max_length=1000)]
Reason = Annotated[str, Field(max_length=1000)]
Severity = Annotated[int, Field(ge=1, le=5)]
Minutes = Annotated[float, Field(ge=1, le=1440)]


class Order(Model):
    """What is to be said. ``every_minutes``: again so often, until ``repeat_until``, or until it
    expires. ``override``: without the second person that the area wants; needs a reason, and stands
    in the audit log."""

    bulletin: Id
    every_minutes: Minutes | None = None
    repeat_until: Time | None = None
    expires_at: Time | None = None
    reason: Reason = ""
    override: bool = False


class NewEmergency(Order):
    """A call. ``targets``: areas at or below ``area``, each with everything below; left out: all
    of ``area``. ``excluded``: areas among these that are spared, with everything below."""

    area: Id
    targets: Areas | None = None
    excluded: Annotated[tuple[Id, ...], Field(max_length=1000)] = ()
    severity: Severity = 3
    drill: bool = False


class Correction(Order):
    """What takes the place of another: for the same areas, as severe, a drill or not, as that one,
    where nothing else is said."""

    targets: Areas | None = None
    excluded: Annotated[tuple[Id, ...], Field(max_length=1000)] | None = None
    severity: Severity | None = None
    drill: bool | None = None


class Stop(Model):
    """Why it is stopped."""

    reason: Reason = ""


class Emergency(Model):
    """An emergency that was called. ``starts_at``: when it goes or went out. ``reach``: how many
    areas it is for; ``sounding``: on how many it sounds right now. ``next_at``: when it is due
    again. ``corrected_by``: the one that took its place."""

    id: Id
    area: Id
    area_name: str
    bulletin: Id
    title: str
    seconds: float
    state: State
    severity: int
    drill: bool
    targets: tuple[int, ...]
    excluded: tuple[int, ...]
    reach: int
    sounding: int
    every_minutes: float | None
    repeat_until: Time | None
    starts_at: Time
    next_at: Time | None
    expires_at: Time
    reason: str
    override: bool
    called_at: Time
    caller: str
    confirmed_at: Time | None
    confirmer: str
    stopped_at: Time | None
    stopped_by: str
    corrected_by: int | None
    version: int


class EmergencyQuery(Paging):
    """Newest first: ``after`` is the id before which the next part begins."""

    state: State | None = None
    area: Id | None = None
    drill: bool | None = None


def _sounding(call: Call) -> Mapping[int, int]:
    air: Air | None = call.services.air
    return {} if air is None else air.sounding()


def _shown(
    call: Call, row: CueRow, title: str, ticks: int, sounding: Mapping[int, int]
) -> Emergency:
    now = call.desk.clock()
    state = state_of(row, now)
    area = call.desk.tree.get(row.area_id)
    return Emergency(
        id=row.id, area=row.area_id, area_name=area.name if area else "",
        bulletin=row.bulletin_id, title=title, seconds=ticks / TICKS_A_SECOND,
        state=state, severity=row.severity, drill=row.drill,
        targets=tuple(row.targets), excluded=tuple(row.excluded),
        reach=emergencies.reach(call.desk, row), sounding=sounding.get(row.id, 0),
        every_minutes=row.every / 60 if row.every else None, repeat_until=row.repeat_until,
        starts_at=row.starts_at, next_at=_next(row, now) if state is State.STANDING else None,
        expires_at=row.expires_at, reason=row.reason, override=row.override,
        called_at=row.called_at, caller=row.caller, confirmed_at=row.confirmed_at,
        confirmer=row.confirmer, stopped_at=row.stopped_at, stopped_by=row.stopped_by,
        corrected_by=row.corrected_by, version=row.version,
    )  # fmt: skip


def _next(row: CueRow, now: float) -> float | None:
    if not row.every:
        return None
    due = row.starts_at + (int((now - row.starts_at) // row.every) + 1) * row.every
    last = row.expires_at if row.repeat_until is None else row.repeat_until
    return due if due <= last and due < row.expires_at else None


async def _show(call: Call, id: int) -> Emergency:
    async with call.desk.store.read() as db:
        row = await db.get_one(CueRow, id)
        bulletin = await db.get_one(BulletinRow, row.bulletin_id)
        audio = await db.get_one(AudioRow, row.audio_sha256)
    return _shown(call, row, bulletin.title, audio.ticks, _sounding(call))


def _sees(call: Call) -> Callable[[CueRow], bool]:
    """Return what tells whether somebody sees an emergency: it was called, or sounds, for him."""
    tree = call.desk.tree
    mine = {a.id for a in call.actor.rights.areas(Permission.READ, tree)}
    above = {a.id for id in mine if (area := tree.get(id)) for a in tree.lineage(area)}
    return lambda row: row.area_id in mine or any(t in above for t in row.targets)


async def list_emergencies(call: Call) -> Page[Emergency]:
    """List emergencies, newest first."""
    query: EmergencyQuery = call.query
    chosen = (
        select(CueRow, BulletinRow.title, AudioRow.ticks)
        .join(BulletinRow, BulletinRow.id == CueRow.bulletin_id)
        .join(AudioRow, AudioRow.sha256 == CueRow.audio_sha256)
        .order_by(CueRow.id.desc())
        .limit(SCANNED)
    )
    if query.area is not None:
        chosen = chosen.where(CueRow.area_id == query.area)
    if query.drill is not None:
        chosen = chosen.where(CueRow.drill == query.drill)
    if query.state is not None:
        stored = {State.LAPSED: State.WAITING, State.OVER: State.STANDING}
        chosen = chosen.where(CueRow.state == stored.get(query.state, query.state))
    sees, now = _sees(call), call.desk.clock()
    found: list[tuple[CueRow, str, int]] = []
    before = query.after
    async with call.desk.store.read() as db:
        while len(found) <= query.limit:
            part = chosen if not before else chosen.where(CueRow.id < before)
            rows = list(await db.execute(part))
            for row, title, ticks in rows:
                if sees(row) and (query.state is None or state_of(row, now) is query.state):
                    found.append((row, title, ticks))
            if len(rows) < SCANNED:
                break
            before = rows[-1][0].id
    sounding = _sounding(call)
    return page(
        Page[Emergency], found[: query.limit + 1], query.limit,
        lambda item: _shown(call, *item, sounding), lambda item: item[0].id,
    )  # fmt: skip


def _wanted(body: Order, **more: Any) -> Wanted:
    return Wanted(
        body.bulletin, every=60 * (body.every_minutes or 0), repeat_until=body.repeat_until,
        expires=body.expires_at, reason=body.reason, override=body.override, **more,
    )  # fmt: skip


async def make(call: Call) -> Emergency:
    """Call an emergency."""
    body: NewEmergency = call.body
    wanted = _wanted(
        body, targets=body.targets, excluded=body.excluded, severity=body.severity,
        drill=body.drill,
    )  # fmt: skip
    area = call.desk.area(body.area)
    row = await emergencies.call(call.desk, call.actor, area, wanted)
    return await _show(call, row.id)


async def show(call: Call) -> Emergency:
    """Show one."""
    return await _show(call, call.params["emergency"])


async def confirm(call: Call) -> Emergency:
    """Confirm one as the second person."""
    row = await emergencies.confirm(
        call.desk, call.actor, call.params["emergency"], call.version
    )  # fmt: skip
    return await _show(call, row.id)


async def stop(call: Call) -> Emergency:
    """Stop one."""
    body: Stop = call.body
    row = await emergencies.stop(call.desk, call.actor, call.params["emergency"], body.reason)
    return await _show(call, row.id)


async def correct(call: Call) -> Emergency:
    """Put another in the place of one."""
    body: Correction = call.body
    row = await emergencies.correct(
        call.desk, call.actor, call.params["emergency"], call.version,
        _wanted(body), body.targets, body.excluded, body.severity, body.drill,
    )  # fmt: skip
    return await _show(call, row.id)


_ON = area_of(CueRow, "emergency", "emergency")
_NEEDS = Permission.EMERGENCY
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/emergencies", list_emergencies,
        "Emergencies of the areas one may see, and those that reach them, newest first",
        Permission.READ, query=EmergencyQuery, answer=Page[Emergency],
    ),
    Route(
        "POST", "/emergencies", make,
        "Call an emergency: it goes out at once, or waits for a second person",
        _NEEDS, area_in_body, body=NewEmergency, answer=Emergency, status=201,
    ),
    Route(
        "GET", "/emergencies/{emergency}", show, "An emergency", Permission.READ, _ON,
        answer=Emergency,
    ),
    Route(
        "POST", "/emergencies/{emergency}/confirm", confirm,
        "Confirm an emergency that somebody else called: it goes out", _NEEDS, _ON,
        answer=Emergency, versioned=True,
    ),
    # Not versioned: whoever presses stop is not to be told to look again first.
    Route(
        "POST", "/emergencies/{emergency}/stop", stop,
        "Stop an emergency: what is on air of it is cut", _NEEDS, _ON, body=Stop, answer=Emergency,
    ),
    Route(
        "POST", "/emergencies/{emergency}/correct", correct,
        "Stop an emergency and call another in its place, at once", _NEEDS, _ON, body=Correction,
        answer=Emergency, status=201, versioned=True,
    ),
)  # fmt: skip
