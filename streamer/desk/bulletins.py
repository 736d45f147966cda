"""Bulletins as staff work on them: made, edited, copied, and taken through their life.

What a step needs is ``core/bulletins.py``'s to say. What is read stands in ``bulletin_list.py``,
what becomes of recordings in ``bulletin_audio.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import delete, select

from loa.streamer.core.areas import Area
from loa.streamer.core.bulletins import EDITABLE, Audio, Facts, Lack, State, Step, Verdict, judge
from loa.streamer.core.languages import LANGUAGES
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.words import folded
from loa.streamer.desk import distribution
from loa.streamer.desk.areas import past_area
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import (
    Conflict,
    FieldProblem,
    Forbidden,
    Invalid,
    NotFound,
    Stale,
)
from loa.streamer.desk.policies import effective_policy
from loa.streamer.store.tables.bulletins import BulletinEventRow, BulletinRow, BulletinTargetRow

MAX_TARGETS = 500
_DONE = {
    Step.SUBMIT: "submitted",
    Step.REVISE: "revised",
    Step.APPROVE: "approved",
    Step.REJECT: "rejected",
    Step.WITHDRAW: "withdrawn",
}
_NOT_NOW = {
    State.DRAFT: "bulletin.is_draft",
    State.SUBMITTED: "bulletin.is_submitted",
    State.APPROVED: "bulletin.is_approved",
    State.REJECTED: "bulletin.is_rejected",
    State.WITHDRAWN: "bulletin.is_withdrawn",
}
_FIELD_OF = {
    Lack.TITLE: "title",
    Lack.NO_AUDIO: "audio",
    Lack.PREPARING: "audio",
    Lack.FAILED: "audio",
    Lack.TARGETS: "targets",
    Lack.EXPIRED: "expires_at",
    Lack.UNHEARD: "audio",
    Lack.REASON: "reason",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody says of a bulletin; the names are those of the columns.

    ``targets``: ids of areas, each with everything below. ``per_day`` times on each of ``days``
    days (0: until it expires), not before ``starts_at``, is how it is to be queued.
    """

    title: str
    language: str = "vi"
    cls: int = BulletinClass.ROUTINE
    sign_text: str = ""
    notes: str = ""
    starts_at: float | None = None
    expires_at: float | None = None
    per_day: int = 1
    days: int = 1
    targets: tuple[int, ...] = ()


WISHES = tuple(f.name for f in fields(Wish) if f.name != "targets")


async def create(desk: Desk, actor: Actor, area: Area, wish: Wish) -> int:
    """Make a draft; return its id. Without targets it is for its own area."""
    async with desk.work(actor) as work:
        wish = replace(wish, targets=wish.targets or (area.id,))
        _check(desk, area, wish, {f.name for f in fields(Wish)}, work.now)
        row = _row(area, wish, work)
        work.db.add(row)
        await work.db.flush()
        await _set_targets(work, row.id, wish.targets)
        told(work, row, "created")
        return row.id


async def edit(desk: Desk, actor: Actor, id: int, changes: Mapping[str, Any], version: int) -> None:
    """Change what ``changes`` names (fields of ``Wish``); what was rejected is a draft again."""
    async with desk.work(actor) as work:
        row = await locked(work, id, version)
        editable(row)
        before = wish_of(row, await targets_of(work, id))
        after = replace(before, **changes)
        changed = {name for name in changes if getattr(before, name) != getattr(after, name)}
        if "language" in changed and row.voice:
            # What a voice of one language speaks is never labelled as another.
            raise Invalid(FieldProblem("language", "bulletin.spoken_language"))
        _check(desk, await home(desk, row), after, changed, work.now)
        for name in WISHES:
            setattr(row, name, getattr(after, name))
        if "targets" in changed:
            await _set_targets(work, id, after.targets)
        retouched(row)
        told(work, row, "edited", fields=sorted(changed))


async def copy(desk: Desk, actor: Actor, id: int, area: Area) -> int:
    """Make a draft like bulletin ``id`` in ``area``, with its audio; return the new id.

    It is for the same areas if those lie there, else for ``area``. An expiry that has passed is
    left out.
    """
    async with desk.work(actor) as work:
        old = await locked(work, id)
        inside = {a.id for a in desk.tree.below(area)}
        targets = [t for t in await targets_of(work, id) if t in inside]
        wish = wish_of(old, targets or [area.id])
        if wish.expires_at is not None and wish.expires_at <= work.now:
            wish = replace(wish, expires_at=None, starts_at=None)
        row = _row(area, wish, work)
        for name in ("text", "spoken", "voice", "filename", "source_sha256"):
            setattr(row, name, getattr(old, name))
        if old.audio_state == Audio.READY:
            row.audio_state, row.audio_sha256 = old.audio_state, old.audio_sha256
        if old.created_by == row.created_by:
            row.heard_sha256 = old.heard_sha256
        row.search = searched(row)
        work.db.add(row)
        await work.db.flush()
        await _set_targets(work, row.id, wish.targets)
        told(work, row, "created", copy_of=id)
        return row.id


async def take(
    desk: Desk, actor: Actor, id: int, step: Step, version: int, note: str = ""
) -> State:
    """Take a bulletin one step on; return its new state.

    Raises ``Conflict`` where there is no such step, ``Invalid`` naming everything that is missing,
    ``Forbidden`` for an own one that somebody else must approve.
    """
    async with desk.work(actor) as work:
        row = await locked(work, id, version)
        targets = await targets_of(work, id)
        area = await home(desk, row)
        verdict = judge(facts(desk, area, row, len(targets), actor), step, work.now, note)
        after = allowed(row, verdict)
        row.state = after
        row.version += 1
        if step is Step.SUBMIT:
            row.submitted_by = actor.account
        told(work, row, _DONE[step], note=note)
        if step is Step.APPROVE:
            await distribution.distribute(desk, work, row)
        elif step is Step.WITHDRAW:
            await distribution.withdraw(work, row)
            if row.audio_state == Audio.PREPARING:
                row.audio_state, row.source = Audio.NONE, ""
        return after


# --- what the other modules of bulletins need, too


async def locked(work: Work, id: int, version: int | None = None) -> BulletinRow:
    """Return a bulletin to change it. Raises ``NotFound``, and ``Stale`` if it was changed."""
    row = await work.db.scalar(select(BulletinRow).where(BulletinRow.id == id).with_for_update())
    if row is None:
        raise NotFound("bulletin.unknown", id=id)
    if version is not None and row.version != version:
        raise Stale(row.version)
    return row


def editable(row: BulletinRow) -> None:
    """Raise ``Conflict`` for what is no longer edited."""
    if State(row.state) not in EDITABLE:
        raise Conflict(_NOT_NOW[State(row.state)], [reference(row)])


def retouched(row: BulletinRow) -> None:
    """Note that a bulletin was changed: it is a draft of the next version."""
    row.state = State.DRAFT
    row.version += 1
    row.search = searched(row)


def told(work: Work, row: BulletinRow, kind: str, note: str = "", **details: Any) -> None:
    """Write down what happened to a bulletin: in its own history, and on record."""
    work.db.add(
        BulletinEventRow(
            bulletin_id=row.id, at=work.now, account_id=work.actor.account, who=work.actor.who,
            kind=kind, note=note,
        )
    )  # fmt: skip
    if note:
        details["note"] = note
    work.record(
        f"bulletin.{kind}", area=row.area_id, subject=f"bulletin/{row.id}", title=row.title,
        **details,
    )  # fmt: skip


async def home(desk: Desk, row: BulletinRow) -> Area:
    """Return a bulletin's area, or what stands where that was. Raises ``NotFound``."""
    area = desk.tree.get(row.area_id)
    return area if area is not None else (await past_area(desk, row.area_id))[1]


def facts(desk: Desk, area: Area, row: BulletinRow, targets: int, actor: Actor) -> Facts:
    """Return what deciding about a bulletin's next step takes; ``area`` is its ``home``."""
    own = actor.account is not None and actor.account in (row.created_by, row.submitted_by)
    return Facts(
        State(row.state),
        row.title,
        Audio(row.audio_state),
        targets,
        spoken=bool(row.voice),
        heard=row.audio_sha256 is not None and row.heard_sha256 == row.audio_sha256,
        expires=row.expires_at,
        own=own,
        approve_own=effective_policy(desk, area).approve_own is not False,
    )


def allowed(row: BulletinRow, verdict: Verdict) -> State:
    """Return where a step leads, or raise what stands against it."""
    if verdict.after is None:
        raise Conflict(_NOT_NOW[State(row.state)], [reference(row)])
    if Lack.OWN in verdict.lacks:
        raise Forbidden("bulletin.own")
    if verdict.lacks:
        raise Invalid(*(FieldProblem(_FIELD_OF[x], f"bulletin.{x}") for x in verdict.lacks))
    return verdict.after


def reference(row: BulletinRow) -> dict[str, Any]:
    """Return a bulletin as what something collides with."""
    return {"kind": "bulletin", "id": row.id, "name": row.title, "state": row.state}


async def targets_of(work: Work, id: int) -> list[int]:
    """Return the ids of the areas that a bulletin is for."""
    found = await work.db.scalars(
        select(BulletinTargetRow.area_id)
        .where(BulletinTargetRow.bulletin_id == id)
        .order_by(BulletinTargetRow.area_id)
    )
    return list(found)


def wish_of(row: BulletinRow, targets: Iterable[int]) -> Wish:
    """Return what was said of a bulletin."""
    return Wish(targets=tuple(targets), **{name: getattr(row, name) for name in WISHES})


def searched(row: BulletinRow) -> str:
    """Return what a bulletin is found by."""
    return folded("\n".join((row.title, row.sign_text, row.text, row.notes, row.filename)))


# --- making and checking


def _row(area: Area, wish: Wish, work: Work) -> BulletinRow:
    row = BulletinRow(
        area_id=area.id, state=State.DRAFT, text="", spoken="", voice="", filename="", source="",
        source_sha256="", audio_state=Audio.NONE, audio_error="", heard_sha256="",
        created_at=work.now, created_by=work.actor.account, version=1,
        **{name: getattr(wish, name) for name in WISHES},
    )  # fmt: skip
    row.search = searched(row)
    return row


async def _set_targets(work: Work, id: int, targets: Iterable[int]) -> None:
    await work.db.execute(delete(BulletinTargetRow).where(BulletinTargetRow.bulletin_id == id))
    for target in dict.fromkeys(targets):
        work.db.add(BulletinTargetRow(bulletin_id=id, area_id=target))
    await work.db.flush()


def _check(desk: Desk, area: Area, wish: Wish, changed: Iterable[str], now: float) -> None:
    """Raise ``Invalid`` with every ``changed`` field that makes no sense."""
    changed = set(changed)
    wrong: list[FieldProblem] = []
    if "language" in changed and wish.language not in LANGUAGES:
        wrong.append(FieldProblem("language", "bulletin.language", {"known": ", ".join(LANGUAGES)}))
    if "expires_at" in changed and wish.expires_at is not None and wish.expires_at <= now:
        wrong.append(FieldProblem("expires_at", "bulletin.expires_past"))
    elif (
        changed & {"expires_at", "starts_at"}
        and wish.expires_at is not None
        and wish.starts_at is not None
        and wish.expires_at <= wish.starts_at
    ):
        wrong.append(FieldProblem("expires_at", "bulletin.expires_before_start"))
    if changed & {"days", "expires_at"} and wish.days == 0 and wish.expires_at is None:
        wrong.append(FieldProblem("days", "bulletin.days_need_expiry"))
    if "targets" in changed:
        for at, id in enumerate(wish.targets):
            target = desk.tree.get(id)
            if target is None:
                wrong.append(FieldProblem(f"targets.{at}", "area.unknown", {"area": id}))
            elif target.id != area.id and not target.path.startswith(area.path + "/"):
                values = {"target": target.name, "area": area.name}
                wrong.append(FieldProblem(f"targets.{at}", "bulletin.target_outside", values))
    if wrong:
        raise Invalid(*wrong)
