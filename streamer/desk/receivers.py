"""Receivers at the desk: added, enrolled by one-time codes, moved, revoked, removed.

A receiver is first only a place on a pole with a name. A code makes a box that receiver; whoever is
enrolled for it later takes its place. What is removed keeps its row, for reports speak of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.codecs.control.codes import Code
from loa.codecs.control.signing import PublicKey
from loa.streamer.core.areas import Area
from loa.streamer.desk.desk import Actor, Desk, Work, server_actor
from loa.streamer.desk.errors import (
    Conflict,
    DeskError,
    FieldProblem,
    Invalid,
    NotFound,
    Stale,
)
from loa.streamer.store.tables.receivers import EnrolmentRow, ReceiverRow

MOST = 100_000
"""Receivers of one server."""
MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is said of a receiver; None: as it is."""

    name: str | None = None
    horns: int | None = None
    serial: str | None = None
    hardware: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    installed_at: float | None = None
    handed_over_at: float | None = None
    notes: str | None = None

    def given(self) -> dict[str, Any]:
        """Return what is to be different."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Coded:
    """A receiver and the code that a box is enrolled by, which is shown this once."""

    row: ReceiverRow
    code: Code
    expires_at: float


class NotEnrolled(Exception):
    """A box was not enrolled; ``code`` as in ``messages.Refused``, the text in plain words."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


# --- by staff


async def add(
    desk: Desk,
    actor: Actor,
    wanted: Sequence[tuple[Area, Wishes]],
    server: PublicKey,
    valid: float,
    *,
    dry_run: bool = False,
) -> list[Coded]:
    """Add receivers, all or none, each with a code of this server that is good for ``valid`` s.

    ``dry_run``: only see whether that could be done. Raises ``Invalid``, naming each that cannot.
    """
    made = []
    async with desk.work(actor) as work:
        problems = await _taken(work.db, wanted)
        if problems:
            raise Invalid(*problems[:MOST_PROBLEMS])
        there = await work.db.scalar(select(func.count()).select_from(ReceiverRow)) or 0
        if there + len(wanted) > MOST:
            raise Conflict("receiver.too_many", limit=MOST)
        if dry_run:
            return []
        for area, wishes in wanted:
            row = ReceiverRow(
                area_id=area.id, state="new", settings={}, created_at=work.now,
                created_by=actor.who, **wishes.given(),
            )  # fmt: skip
            work.db.add(row)
            made.append(row)
        await work.db.flush()
        coded = [_code(work, row, server, valid) for row in made]
        for row in made:
            work.record(
                "receiver.added", area=row.area_id, subject=f"receiver/{row.id}", name=row.name
            )
    return coded


async def new_code(desk: Desk, actor: Actor, id: int, server: PublicKey, valid: float) -> Coded:
    """Give a receiver a new code; earlier ones that were not used are good no more.

    The box that it has stays connected until another one is enrolled by the code.
    """
    async with desk.work(actor) as work:
        row = await get(work.db, id)
        await _drop_codes(work.db, id)
        coded = _code(work, row, server, valid)
        work.record("receiver.code_made", area=row.area_id, subject=f"receiver/{id}")
    return coded


async def change(desk: Desk, actor: Actor, id: int, version: int, wishes: Wishes) -> ReceiverRow:
    """Change what is said of it."""
    async with desk.work(actor) as work:
        row = await _changing(work.db, id, version)
        given = {k: v for k, v in wishes.given().items() if getattr(row, k) != v}
        wanted = Wishes(name=given.get("name"), serial=given.get("serial"))
        if (area := desk.tree.get(row.area_id)) is not None and (
            problems := await _taken(work.db, [(area, wanted)])
        ):
            raise Invalid(*problems)
        for name, value in given.items():
            setattr(row, name, value)
        row.version += 1
        work.record(
            "receiver.changed", area=row.area_id, subject=f"receiver/{id}", fields=sorted(given)
        )
    return row


async def move(desk: Desk, actor: Actor, id: int, version: int, area: Area) -> ReceiverRow:
    """Have it belong to another area; its session begins anew."""
    async with desk.work(actor) as work:
        row = await _changing(work.db, id, version)
        former, row.area_id = row.area_id, area.id
        row.settings_version += 1
        row.version += 1
        work.record("receiver.moved", area=area.id, subject=f"receiver/{id}", former=former)
    return row


async def revoke(desk: Desk, actor: Actor, id: int) -> ReceiverRow:
    """Cut it off at once: its keys and codes are good no more. Only a new code brings it back."""
    async with desk.work(actor) as work:
        row = await get(work.db, id)
        row.state, row.key, row.next_key = "revoked", None, None
        row.revoked_at = work.now
        row.version += 1
        await _drop_codes(work.db, id)
        work.record("receiver.revoked", area=row.area_id, subject=f"receiver/{id}")
    return row


async def remove(desk: Desk, actor: Actor, id: int) -> None:
    """Remove it, and cut off its box. What it played stays on record."""
    async with desk.work(actor) as work:
        row = await get(work.db, id)
        row.state, row.key, row.next_key = "removed", None, None
        row.version += 1
        await _drop_codes(work.db, id)
        work.record("receiver.removed", area=row.area_id, subject=f"receiver/{id}", name=row.name)


async def get(db: AsyncSession, id: int) -> ReceiverRow:
    """Return a receiver that was not removed, or raise ``NotFound``."""
    row = await db.get(ReceiverRow, id)
    if row is None or row.state == "removed":
        raise NotFound("receiver.unknown", id=id)
    return row


# --- by boxes


async def enrol(
    desk: Desk, sha256: str, key: PublicKey, peer: str, software: str, hardware: str, serial: str
) -> ReceiverRow:
    """Enrol the box with this new key by the code of this digest. Raises ``NotEnrolled``.

    A box that did not hear that it worked may ask again: same code, same key.
    """
    async with desk.work(server_actor(desk.tree)) as work:
        code = await work.db.scalar(select(EnrolmentRow).where(EnrolmentRow.sha256 == sha256))
        if code is None:
            raise NotEnrolled("secret", "this server knows no such code (any more)")
        row = await work.db.get(ReceiverRow, code.receiver_id, with_for_update=True)
        assert row is not None
        if code.used_at is not None:
            if row.state == "enrolled" and row.key == key.data:
                return row
            raise NotEnrolled("secret", "this code was used already: ask for a new one")
        if row.state == "removed":
            raise NotEnrolled("secret", "this receiver was removed")
        if code.expires_at <= work.now:
            raise NotEnrolled("expired", "this code has expired: ask for a new one")
        replaced = row.state == "enrolled"
        code.used_at = work.now
        row.state, row.key, row.next_key = "enrolled", key.data, None
        row.enrolled_at, row.revoked_at = work.now, None
        row.software, row.peer = software, peer[:100]
        row.hardware = hardware or row.hardware
        row.serial = row.serial or serial
        row.version += 1
        work.record(
            "receiver.enrolled", area=row.area_id, subject=f"receiver/{row.id}",
            key=key.fingerprint.hex(), peer=peer, replaced=replaced,
        )  # fmt: skip
    return row


async def keep_next_key(desk: Desk, id: int, key: PublicKey) -> bool:
    """Keep the key that a box is going over to; False when it is no longer enrolled."""
    async with desk.work(server_actor(desk.tree)) as work:
        row = await work.db.get(ReceiverRow, id, with_for_update=True)
        if row is None or row.state != "enrolled":
            return False
        if key.data not in (row.key, row.next_key):
            row.next_key = key.data
            work.record(
                "receiver.key_announced", area=row.area_id, subject=f"receiver/{id}",
                key=key.fingerprint.hex(),
            )  # fmt: skip
    return True


async def use_next_key(desk: Desk, id: int, key: PublicKey) -> None:
    """The box used its next key: the one before is good no more."""
    async with desk.work(server_actor(desk.tree)) as work:
        row = await work.db.get(ReceiverRow, id, with_for_update=True)
        if row is None or row.next_key != key.data:
            return
        row.key, row.next_key = key.data, None
        work.record(
            "receiver.key_changed", area=row.area_id, subject=f"receiver/{id}",
            key=key.fingerprint.hex(),
        )  # fmt: skip


# --- small things


async def _taken(db: AsyncSession, wanted: Sequence[tuple[Area, Wishes]]) -> list[FieldProblem]:
    """Name those whose place or serial number another receiver has already, or one before it."""
    areas = sorted({area.id for area, _ in wanted})
    serials = sorted({w.serial for _, w in wanted if w.serial})
    names: set[tuple[int, str]] = set()
    numbers: set[str] = set()
    there = select(ReceiverRow.area_id, ReceiverRow.name, ReceiverRow.serial).where(
        ReceiverRow.state != "removed"
    )
    for at in range(0, len(areas), 500):
        rows = await db.execute(there.where(ReceiverRow.area_id.in_(areas[at : at + 500])))
        names.update((row.area_id, row.name) for row in rows)
    for at in range(0, len(serials), 500):
        rows = await db.execute(there.where(ReceiverRow.serial.in_(serials[at : at + 500])))
        numbers.update(row.serial for row in rows)
    problems = []
    for at, (area, wishes) in enumerate(wanted):
        place = f"items.{at}." if len(wanted) > 1 else ""
        name = (area.id, wishes.name or "")
        if name in names:
            problems.append(
                FieldProblem(f"{place}name", "receiver.name_taken", {"name": wishes.name})
            )
        if wishes.serial and wishes.serial in numbers:
            problems.append(
                FieldProblem(f"{place}serial", "receiver.serial_taken", {"serial": wishes.serial})
            )
        names.add(name)
        numbers.add(wishes.serial or "")
    return problems


def _code(work: Work, row: ReceiverRow, server: PublicKey, valid: float) -> Coded:
    code = Code.make(server)
    expires_at = work.now + valid
    work.db.add(
        EnrolmentRow(
            receiver_id=row.id, sha256=code.digest, created_at=work.now,
            created_by=work.actor.who, expires_at=expires_at,
        )
    )  # fmt: skip
    return Coded(row, code, expires_at)


async def _drop_codes(db: AsyncSession, id: int) -> None:
    await db.execute(
        delete(EnrolmentRow).where(EnrolmentRow.receiver_id == id, EnrolmentRow.used_at.is_(None))
    )


async def _changing(db: AsyncSession, id: int, version: int) -> ReceiverRow:
    row = await get(db, id)
    if row.version != version:
        raise Stale(row.version)
    return row


class NoReceivers(DeskError):
    """This server has no door for receivers."""
