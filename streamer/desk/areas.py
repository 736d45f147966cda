"""Changing the tree: each change is one transaction, with history, on record.

Those that take something away or hang it elsewhere answer with an ``Outcome``: what is different,
and what became of what was still to come. With ``dry_run`` they only say so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from loa.streamer.core.area_words import WordRefused
from loa.streamer.core.areas import Area
from loa.streamer.core.reorganise import Change, Reorganisation, ReorganiseError
from loa.streamer.core.rights import Role
from loa.streamer.desk import grants
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound, Stale
from loa.streamer.store import areas as stored
from loa.streamer.store import handover
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.people import GrantRow


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be different; None stays. ``word``: the last word of the path, else the name's."""

    name: str | None = None
    word: str | None = None
    keep_path: bool = False
    code: str | None = None
    station: bool | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or would be. ``over``: what went to the heir, ``ended``: what went nowhere."""

    changes: tuple[Change, ...]
    over: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)


class _OnlyLooking(Exception):
    """Ends a dry run's transaction, undoing it."""


async def create(
    desk: Desk,
    actor: Actor,
    name: str,
    parent: Area | None,
    *,
    word: str | None = None,
    code: str = "",
    station: bool = False,
) -> int:
    """Make an area below ``parent`` (None: at the top); return its id."""
    async with _reorganising(desk, actor) as (work, plan):
        above = _now(desk, parent)
        with words_of_fields(word is not None):
            id = plan.create(name, above, word=word, code=code, station=station)
        area = plan.area(id)
        id = (await store(work, plan.changes()))[id]
        _record(work, "created", id, id, name=area.name, path=area.path, station=area.station)
    return id


async def edit(desk: Desk, actor: Actor, area: Area, version: int, edit: Edit) -> None:
    """Rename an area, make it a station or none, give it a code. Raises ``Stale``."""
    async with _reorganising(desk, actor) as (work, plan):
        area = _checked(desk, area, version)
        with words_of_fields(edit.word is not None):
            name = area.name if edit.name is None else edit.name
            if name != area.name or edit.word is not None:
                plan.rename(area.id, name, word=edit.word, keep_path=edit.keep_path)
            if edit.code is not None:
                plan.set_codes({area.id: edit.code})
            if edit.station is not None:
                plan.set_station(area.id, edit.station)
        changes = plan.changes()
        await store(work, changes)
        for change in changes:
            for kind, details in stored.history(change):
                _record(work, kind, change.id, change.id, **details)


async def move(
    desk: Desk, actor: Actor, area: Area, version: int, parent: Area | None, dry_run: bool = False
) -> Outcome:
    """Hang an area, with everything below it, below another one, or at the top."""
    async with _reorganising(desk, actor, dry_run) as (work, plan):
        area = _checked(desk, area, version)
        with words_of_fields():
            plan.move(area.id, _now(desk, parent))
        outcome = Outcome(tuple(plan.changes()))
        if outcome.changes:
            await refuse_emergencies(desk, work, [area])
            await store(work, outcome.changes)
            paths = {"before": area.path, "after": plan.area(area.id).path}
            _record(work, "moved", area.id, area.id, **paths)
        if dry_run:
            raise _OnlyLooking
    return outcome


async def merge(
    desk: Desk, actor: Actor, area: Area, version: int, into: Area, dry_run: bool = False
) -> Outcome:
    """Have an area taken in by another, with what is below it and what was still to come."""
    async with _reorganising(desk, actor, dry_run) as (work, plan):
        area = _checked(desk, area, version)
        with words_of_fields():
            plan.merge(area.id, desk.area(into.id).id)
        await refuse_emergencies(desk, work, [area])
        changes = tuple(plan.changes())
        await store(work, changes)
        above = [a.id for a in desk.tree.lineage(area)]
        local = _local(desk, area, work.now)
        over = await handover.hand_over(work.db, area.id, into.id, above, work.now, local)
        outcome = Outcome(changes, over)
        taken_in = {"id": area.id, "name": area.name, "path": area.path, "over": over}
        who, now = actor.who, work.now
        await stored.write_event(work.db, into.id, who, now, "took_in", taken_in)
        _record(
            work, "merged", area.id, into.id,
            name=area.name, path=area.path, into=into.id, into_path=into.path, over=over,
        )  # fmt: skip
        if dry_run:
            raise _OnlyLooking
    return outcome


async def remove_level(
    desk: Desk, actor: Actor, area: Area, version: int, dry_run: bool = False
) -> Outcome:
    """Remove an area between others; what is below it goes up to the one above."""
    async with _reorganising(desk, actor, dry_run) as (work, plan):
        area = _checked(desk, area, version)
        with words_of_fields():
            plan.remove_level(area.id)
        outcome = await _removed(desk, work, area, plan, "level_removed")
        if dry_run:
            raise _OnlyLooking
    return outcome


async def remove(
    desk: Desk,
    actor: Actor,
    area: Area,
    version: int,
    *,
    subtree: bool = False,
    dry_run: bool = False,
) -> Outcome:
    """Remove an area that has nothing below it; with ``subtree``, together with all that is."""
    async with _reorganising(desk, actor, dry_run) as (work, plan):
        area = _checked(desk, area, version)
        with words_of_fields():
            plan.remove(area.id, subtree=subtree)
        outcome = await _removed(desk, work, area, plan, "removed")
        if dry_run:
            raise _OnlyLooking
    return outcome


async def order(desk: Desk, actor: Actor, parent: Area | None, ids: Sequence[int]) -> None:
    """Put all areas below ``parent`` into this order."""
    async with _reorganising(desk, actor) as (work, plan):
        above = _now(desk, parent)
        with words_of_fields():
            plan.order(above, ids)
        changes = plan.changes()
        await store(work, changes)
        if changes:
            work.record("area.ordered", area=above, subject=f"area/{above or 0}", order=list(ids))


# --- areas that are no more


async def past_area(desk: Desk, id: int) -> tuple[AreaRow, Area]:
    """Return an area that is or was there, and what stands where it stood.

    Raises ``NotFound`` when there never was one, or nothing stands there.
    """
    async with desk.store.read() as db:
        row = await db.get(AreaRow, id)
    here = None if row is None else await stand_in(desk, row, {})
    if row is None or here is None:
        raise NotFound("area.unknown", area=id)
    return row, here


async def stand_in(desk: Desk, row: AreaRow, known: Mapping[int, AreaRow]) -> Area | None:
    """Return the area itself, or what took it in, or what is above where it hung.

    ``known``: removed areas that were read already.
    """
    while (here := desk.tree.get(row.id)) is None:
        id = row.successor_id if row.successor_id is not None else row.parent_id
        if id is None:
            return None
        if (here := desk.tree.get(id)) is not None:
            return here
        above = known.get(id)
        if above is None:
            async with desk.store.read() as db:
                above = await db.get(AreaRow, id)
            if above is None:
                return None
        row = above
    return here


# --- pieces, also for what changes many areas at once


@asynccontextmanager
async def _reorganising(
    desk: Desk, actor: Actor, dry_run: bool = False
) -> AsyncIterator[tuple[Work, Reorganisation]]:
    try:
        async with desk.reorganising, desk.work(actor) as work:
            yield work, Reorganisation(desk.tree)
    except _OnlyLooking:
        assert dry_run


async def store(work: Work, changes: Sequence[Change]) -> dict[int, int]:
    """Store changes within a piece of work; return the ids of new areas by what they had.

    Who puts an area at the top administers it: nobody above could.
    """
    ids = await stored.write_changes(work.db, changes, work.actor.who, work.now)
    work.tree_changed = work.tree_changed or bool(changes)
    if work.actor.account is not None:
        tops = {
            ids.get(change.id, change.id)
            for change in changes
            if change.after is not None
            and change.parent is None
            and (change.before is None or change.former_parent is not None)
        }
        await _administer(work, work.actor.account, tops)
    return ids


async def _administer(work: Work, account: int, areas: set[int]) -> None:
    have = select(GrantRow.area_id).where(
        GrantRow.account_id == account, GrantRow.role == Role.ADMINISTRATOR
    )
    for id in sorted(areas - set(await work.db.scalars(have))):
        await grants.administer(work, id)


async def _removed(desk: Desk, work: Work, area: Area, plan: Reorganisation, kind: str) -> Outcome:
    await refuse_emergencies(desk, work, [area])
    changes = tuple(plan.changes())
    gone = [c.id for c in changes if c.after is None]
    ended = await handover.left_behind(work.db, gone, work.now, _local(desk, area, work.now))
    await store(work, changes)
    parent = None if area.parent is None else desk.tree.find(area.parent)
    where = None if parent is None else parent.id
    # The boxes hang where they hung: they belong to the area above now.
    moved = await handover.receivers_to(work.db, gone, where)
    if moved and where is None:
        raise Conflict("area.receivers", count=moved)
    cards = await handover.sims_to(work.db, gone, where)
    if cards and where is None:
        raise Conflict("area.sims", count=cards)
    details = {"name": area.name, "path": area.path, "areas": len(gone), "ended": ended}
    if moved:
        details["receivers"] = moved
    _record(work, kind, area.id, where, **details)
    return Outcome(changes, ended=ended)


def _record(work: Work, kind: str, id: int, where: int | None, **details: object) -> None:
    work.record(f"area.{kind}", area=where, subject=f"area/{id}", **details)


def _checked(desk: Desk, area: Area, version: int) -> Area:
    """Return the area as it is, now that nobody else changes it. Raises ``Stale``."""
    there = desk.area(area.id)
    if there.version != version:
        raise Stale(there.version)
    return there


def _now(desk: Desk, area: Area | None) -> int | None:
    return None if area is None else desk.area(area.id).id


async def refuse_emergencies(desk: Desk, work: Work, areas: Iterable[Area]) -> None:
    """An emergency sounds where it was called for; the ground is not changed under it."""
    near: set[int] = set()
    for area in areas:
        near.update(a.id for a in (*desk.tree.lineage(area), *desk.tree.below(area)))
    found = await handover.standing_emergencies(work.db, work.now, near.__contains__)
    if found:
        raise Conflict("area.emergency", [{"kind": "emergency", "id": id} for id in found])


def _local(desk: Desk, area: Area, now: float) -> datetime:
    zone = desk.policies.effective(area).timezone
    assert zone is not None
    return datetime.fromtimestamp(now, ZoneInfo(zone)).replace(tzinfo=None)


@contextmanager
def words_of_fields(chosen_word: bool = False) -> Iterator[None]:
    """Say what a reorganisation refuses in the words of a request's fields."""
    try:
        yield
    except WordRefused as error:
        field = "code" if error.code.startswith("area.code") else "name"
        if chosen_word and error.code.startswith("area.word"):
            field = "word"
        raise Invalid(FieldProblem(field, error.code, dict(error.values))) from None
    except ReorganiseError as error:
        values = dict(error.values)
        raise Conflict(error.code, named(error.others), **values) from None


def named(areas: Iterable[Area]) -> list[dict[str, object]]:
    """Return areas as what something collides with."""
    return [{"kind": "area", "id": a.id, "name": a.name, "path": a.path} for a in areas]
