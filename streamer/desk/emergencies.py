"""Emergencies: called, confirmed by a second person where the area wants one, stopped, corrected.

What is called goes out when its call is committed: the air hears of it by the bus. Where the area
asks for a second person it waits until another account confirms it, ten minutes at most; who finds
nobody may override that, and it stands in the audit log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area
from loa.streamer.core.coverage import layout
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.core.timeline import TICKS_A_SECOND
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound, Stale
from loa.streamer.store.cues import WAITING
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.cues import CueRow

TWICE = 60.0
"""Seconds within which the same call again is taken for a button pressed twice."""
LASTS = 3600.0
"""Seconds that one without repeats may be late when nobody says otherwise."""
LONGEST = 7 * 86_400.0
MARGIN = 600.0
"""Seconds that the last repeat may be late, behind another emergency."""
CORRECTED_WITHIN = 86_400.0
"""Seconds after its end within which a correction waits for no second person."""


class State(StrEnum):
    """How an emergency stands."""

    WAITING = "waiting"
    """For a second person."""
    LAPSED = "lapsed"
    """Nobody confirmed it in time."""
    STANDING = "standing"
    OVER = "over"
    """It has expired."""
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    """It was taken back, or refused, while it waited: nobody has heard it."""
    CORRECTED = "corrected"


def state_of(row: CueRow, now: float) -> State:
    """Return how an emergency stands at ``now``."""
    if row.state == State.WAITING and now >= row.called_at + WAITING:
        return State.LAPSED
    if row.state == State.STANDING and now >= row.expires_at:
        return State.OVER
    return State(row.state)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be said to whom. ``targets`` None: the whole area. Times are Unix seconds.

    ``every`` seconds it is said again, until ``repeat_until`` (None: until it expires); 0: once.
    ``expires`` None: when it can be an hour late, or its last repeat ten minutes.
    """

    bulletin: int
    targets: Sequence[int] | None = None
    excluded: Sequence[int] = ()
    severity: int = 3
    drill: bool = False
    every: float = 0.0
    repeat_until: float | None = None
    expires: float | None = None
    reason: str = ""
    override: bool = False


async def call(desk: Desk, actor: Actor, area: Area, wanted: Wanted) -> CueRow:
    """Call an emergency. It goes out at once, or waits for a second person; see its state."""
    async with desk.work(actor) as work:
        row = await _make(desk, work, area, wanted)
        waits = desk.policies.effective(area).second_person and not wanted.override
        await _not_twice(work.db, row)
        work.db.add(row)
        if waits:
            row.state = State.WAITING
            await work.db.flush()
            _record(work, "waiting", row)
        else:
            await work.db.flush()
            _record(work, "called", row)
            if row.override:
                _record(work, "override", row)
    return row


async def confirm(desk: Desk, actor: Actor, id: int, version: int) -> CueRow:
    """Be the second person: it goes out. Raises ``Forbidden`` for whoever called it himself."""
    if actor.token is not None or actor.account is None:
        raise Forbidden("in_person")
    async with desk.work(actor) as work:
        row = await _get(work.db, id)
        state = state_of(row, work.now)
        if state is not State.WAITING:
            raise _not_in(row, state, "emergency.not_waiting")
        if row.version != version:
            raise Stale(row.version)
        if row.called_by == actor.account:
            raise Forbidden("emergency.same_person")
        late = work.now - row.called_at
        row.state = State.STANDING
        row.starts_at = row.confirmed_at = work.now
        row.confirmed_by, row.confirmer = actor.account, actor.who
        # What it was given to be said in, it keeps.
        row.expires_at += late
        if row.repeat_until is not None:
            row.repeat_until += late
        row.version += 1
        _record(work, "confirmed", row, caller=row.caller)
    return row


async def stop(desk: Desk, actor: Actor, id: int, reason: str = "") -> CueRow:
    """Stop one: what is on air of it is cut. Also takes back one that waits."""
    async with desk.work(actor) as work:
        row = await _get(work.db, id)
        state = state_of(row, work.now)
        if state not in (State.WAITING, State.STANDING):
            raise _not_in(row, state, "emergency.not_standing")
        ended = State.STOPPED if state is State.STANDING else State.CANCELLED
        _end(row, ended, actor, work.now)
        _record(work, "stopped", row, note=reason)
    return row


async def correct(
    desk: Desk,
    actor: Actor,
    id: int,
    version: int,
    wanted: Wanted,
    targets: Sequence[int] | None = None,
    excluded: Sequence[int] | None = None,
    severity: int | None = None,
    drill: bool | None = None,
) -> CueRow:
    """Stop one and call another in its place, at once and in one transaction; return the new one.

    What has expired or was stopped can be corrected as well, for it was heard; what never went out
    cannot. What is None is as it was (and so not taken from ``wanted``); with targets of its own,
    nothing is excluded unless that is said. No second person is waited for: where the area wants
    one, a correction may not reach further than what it corrects, make a real one of a drill, or
    come later than a day after its end, but by an override.
    """
    async with desk.work(actor) as work:
        old = await _get(work.db, id)
        state = state_of(old, work.now)
        if state not in (State.STANDING, State.OVER, State.STOPPED):
            raise _not_in(old, state, "emergency.not_standing")
        if old.version != version:
            raise Stale(old.version)
        area = desk.area(old.area_id)
        if targets is None:
            # Areas that are gone since then need no correction.
            shape = layout(desk.tree)
            targets = [t for t in old.targets if shape.below(t, area.id)] or [area.id]
            if excluded is None:
                excluded = [x for x in old.excluded if shape.below(x, area.id)]
        wanted = replace(
            wanted,
            targets=targets,
            excluded=excluded or (),
            severity=old.severity if severity is None else severity,
            drill=old.drill if drill is None else drill,
        )
        row = await _make(desk, work, area, wanted)
        if desk.policies.effective(area).second_person and not wanted.override:
            _alone(desk, old, row)
        work.db.add(row)
        await work.db.flush()
        if state is State.STOPPED:
            # Who stopped it, and when, stays.
            old.state = State.CORRECTED
            old.version += 1
        else:
            _end(old, State.CORRECTED, actor, work.now)
        old.corrected_by = row.id
        _record(work, "corrected", old, by=row.id)
        _record(work, "called", row, corrects=old.id)
        if row.override:
            _record(work, "override", row)
    return row


def areas_of(desk: Desk, targets: Sequence[int], excluded: Sequence[int]) -> set[int]:
    """Return the ids of the areas that an emergency is for."""
    shape = layout(desk.tree)
    return {shape.ids[number] for number in _reach(desk, targets, excluded)}


def reach(desk: Desk, row: CueRow) -> int:
    """Return how many areas an emergency is for."""
    return len(_reach(desk, row.targets, row.excluded))


# --- what these share


def _reach(desk: Desk, targets: Sequence[int], excluded: Sequence[int]) -> set[int]:
    """Return the numbers (``coverage.Layout``) of the areas that hear it."""
    shape = layout(desk.tree)
    found: set[int] = set()
    for ids, take in ((targets, found.update), (excluded, found.difference_update)):
        for id in ids:
            if (number := shape.number.get(id)) is not None:
                take(range(number, shape.end[number]))
    return found


def _alone(desk: Desk, old: CueRow, row: CueRow) -> None:
    """Raise ``Invalid`` for a correction that a second person would have to see."""
    problems: list[FieldProblem] = []
    before = _reach(desk, old.targets, old.excluded)
    if not _reach(desk, row.targets, row.excluded) <= before:
        problems.append(FieldProblem("targets", "emergency.wider"))
    if old.drill and not row.drill:
        problems.append(FieldProblem("drill", "emergency.drill_made_real"))
    ended = old.expires_at if old.stopped_at is None else old.stopped_at
    if row.called_at > ended + CORRECTED_WITHIN:
        problems.append(FieldProblem("override", "emergency.late"))
    if problems:
        raise Invalid(*problems)


def _end(row: CueRow, state: State, actor: Actor, now: float) -> None:
    row.state = state
    row.stopped_at, row.stopped_by = now, actor.who
    row.version += 1


def _record(work: Work, what: str, row: CueRow, **more: Any) -> None:
    work.record(
        f"emergency.{what}", area=row.area_id, subject=f"emergency/{row.id}",
        bulletin=row.bulletin_id, severity=row.severity, drill=row.drill,
        targets=row.targets, excluded=row.excluded, reason=row.reason, **more,
    )  # fmt: skip


async def _get(db: AsyncSession, id: int) -> CueRow:
    row = await db.get(CueRow, id, with_for_update=True)
    if row is None:
        raise NotFound("emergency.unknown", id=id)
    return row


def _not_in(row: CueRow, state: State, code: str) -> Conflict:
    others = [{"kind": "emergency", "id": row.id, "state": state.value, "who": row.stopped_by}]
    if row.corrected_by is not None:
        others.append({"kind": "emergency", "id": row.corrected_by, "state": "", "who": ""})
    return Conflict(code, others)


async def _not_twice(db: AsyncSession, row: CueRow) -> None:
    """Raise ``Conflict`` when the same was called a moment ago."""
    recent = await db.scalars(
        select(CueRow).where(
            CueRow.area_id == row.area_id,
            CueRow.bulletin_id == row.bulletin_id,
            CueRow.called_at > row.called_at - TWICE,
            CueRow.state.in_((State.WAITING, State.STANDING)),
        )
    )
    for other in recent:
        if (set(other.targets), set(other.excluded)) == (set(row.targets), set(row.excluded)):
            raise Conflict(
                "emergency.twice",
                [{"kind": "emergency", "id": other.id, "state": other.state, "who": other.caller}],
            )


async def _make(desk: Desk, work: Work, area: Area, wanted: Wanted) -> CueRow:
    """Return the row of a call that goes out now. Raises ``Invalid`` with every field."""
    problems: list[FieldProblem] = []
    bulletin, audio = await _bulletin(desk, work, area, wanted, problems)
    targets = list(dict.fromkeys(wanted.targets)) if wanted.targets is not None else [area.id]
    excluded = list(dict.fromkeys(wanted.excluded))
    _check_areas(desk, area, targets, excluded, problems)
    seconds = audio.ticks / TICKS_A_SECOND if audio is not None else 0.0
    until, expires = _times(wanted, work.now, seconds, problems)
    if wanted.override and not wanted.reason:
        problems.append(FieldProblem("reason", "emergency.reason"))
    if problems or bulletin is None or audio is None:
        raise Invalid(*problems)
    return CueRow(
        area_id=area.id, bulletin_id=bulletin.id, audio_sha256=audio.sha256,
        severity=wanted.severity, drill=wanted.drill, targets=targets, excluded=excluded,
        every=wanted.every, repeat_until=until, starts_at=work.now, expires_at=expires,
        reason=wanted.reason, override=wanted.override, state=State.STANDING,
        called_at=work.now, called_by=work.actor.account, caller=work.actor.who,
        confirmer="", stopped_by="", version=1,
    )  # fmt: skip


async def _bulletin(
    desk: Desk, work: Work, area: Area, wanted: Wanted, problems: list[FieldProblem]
) -> tuple[BulletinRow | None, AudioRow | None]:
    """Return what is to be said; it must be the area's, or one from above, and be approved."""
    row = await work.db.get(BulletinRow, wanted.bulletin)
    home = None if row is None else desk.tree.get(row.area_id)
    above = {a.id for a in desk.tree.lineage(area)}
    known = home is not None and (
        home.id in above or work.actor.rights.allow(Permission.READ, home, desk.tree)
    )
    if row is None or not known:
        problems.append(FieldProblem("bulletin", "emergency.no_bulletin", {"id": wanted.bulletin}))
        return None, None
    audio = None if row.audio_sha256 is None else await work.db.get(AudioRow, row.audio_sha256)
    if row.state != "approved" or audio is None:
        problems.append(FieldProblem("bulletin", "emergency.not_approved", {"title": row.title}))
    elif row.expires_at is not None and row.expires_at <= work.now:
        problems.append(FieldProblem("bulletin", "emergency.bulletin_expired"))
    if not wanted.drill and row.cls != BulletinClass.EMERGENCY:
        problems.append(FieldProblem("bulletin", "emergency.not_emergency", {"title": row.title}))
    return row, audio


def _check_areas(
    desk: Desk, area: Area, targets: list[int], excluded: list[int], problems: list[FieldProblem]
) -> None:
    shape = layout(desk.tree)
    for number, id in enumerate(targets):
        if not shape.below(id, area.id):
            problem = FieldProblem(f"targets.{number}", "emergency.outside", {"area": area.name})
            problems.append(problem)
    reached = _reach(desk, targets, ())
    for number, id in enumerate(excluded):
        if shape.number.get(id) not in reached:
            problems.append(FieldProblem(f"excluded.{number}", "emergency.not_reached"))
    if not problems and not _reach(desk, targets, excluded):
        problems.append(FieldProblem("excluded", "emergency.nobody"))


def _times(
    wanted: Wanted, now: float, seconds: float, problems: list[FieldProblem]
) -> tuple[float | None, float]:
    """Return until when it is repeated, and when it expires."""
    until = wanted.repeat_until if wanted.every else None
    if wanted.repeat_until is not None:
        if not wanted.every:
            problems.append(FieldProblem("every_minutes", "emergency.every"))
        elif wanted.repeat_until <= now:
            problems.append(FieldProblem("repeat_until", "emergency.past"))
    elif wanted.every and wanted.expires is None:
        problems.append(FieldProblem("repeat_until", "emergency.until"))
    last = until if until is not None else now
    expires = wanted.expires
    if expires is None:
        expires = last + seconds + (MARGIN if wanted.every else LASTS)
    elif expires < last + seconds:
        problems.append(FieldProblem("expires_at", "emergency.expires_early"))
    elif wanted.every and until is None:
        until = expires - seconds
    if expires > now + LONGEST:
        field = "expires_at" if wanted.expires is not None else "repeat_until"
        problems.append(FieldProblem(field, "emergency.too_long"))
    return until, expires
