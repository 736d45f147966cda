"""Reading the audit log, and seeing whether somebody has been at it. Nothing here changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from loa.streamer.core.areas import Area
from loa.streamer.core.audit import FIRST, Entry, seal
from loa.streamer.core.rights import Permission
from loa.streamer.desk.desk import AUDIT_HEAD, Actor, Desk
from loa.streamer.store.store import Store
from loa.streamer.store.tables.audit import AuditRow, ValueRow

BATCH = 1000
MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Filter:
    """What of the log is asked for; None: whatever. ``action`` may end with ``.*``."""

    area: Area | None = None
    """There, or below."""
    account: int | None = None
    action: str | None = None
    since: float | None = None
    until: float | None = None


async def entries(
    desk: Desk, actor: Actor, wanted: Filter, *, after: int, limit: int
) -> Sequence[AuditRow]:
    """Return what the actor may read, the newest first; one more than ``limit`` if there is.

    Entries of no area that is there are for those who may read a top-level area's. ``after``: the
    id of the last entry that was read before, 0 to begin.
    """
    tree = desk.tree
    readable = actor.rights.areas(Permission.AUDIT, tree)
    query = select(AuditRow).order_by(AuditRow.id.desc())
    if after:
        query = query.where(AuditRow.id < after)
    if wanted.area is not None:
        below = {area.id for area in tree.below(wanted.area)}
        query = query.where(AuditRow.area_id.in_([a.id for a in readable if a.id in below]))
    elif len(readable) < len(tree):
        inside: ColumnElement[bool] = AuditRow.area_id.in_([area.id for area in readable])
        if any(area.parent is None for area in readable):
            hidden = {area.id for area in tree} - {area.id for area in readable}
            inside = or_(AuditRow.area_id.is_(None), AuditRow.area_id.not_in(hidden))
        query = query.where(inside)
    if wanted.account is not None:
        query = query.where(AuditRow.account_id == wanted.account)
    if wanted.action is not None:
        if wanted.action.endswith(".*"):
            begins = AuditRow.action.startswith(wanted.action[:-1], autoescape=True)
            query = query.where(begins)
        else:
            query = query.where(AuditRow.action == wanted.action)
    if wanted.since is not None:
        query = query.where(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditRow.at < wanted.until)
    async with desk.store.read() as db:
        return (await db.scalars(query.limit(limit + 1))).all()


async def verify(store: Store) -> list[str]:
    """Check the whole chain; return what is wrong with it in plain words, nothing if all is well.

    Reads in batches, each in a transaction of its own: the log may be long and grows meanwhile.
    """
    problems: list[str] = []
    previous, last, count = FIRST, 0, 0
    while len(problems) < MOST_PROBLEMS:
        async with store.read() as db:
            found = await db.scalars(
                select(AuditRow).where(AuditRow.id > last).order_by(AuditRow.id).limit(BATCH)
            )
            rows = found.all()
            head = await db.scalar(select(ValueRow.value).where(ValueRow.name == AUDIT_HEAD))
        for row in rows:
            if row.previous != previous:
                problems.append(
                    f"entry {row.id} of the audit log does not follow the one before it: entries "
                    f"between {last} and {row.id} were removed, or put in another order"
                )
            entry = Entry(
                row.at, row.account_id, row.who, row.action, row.area_id, row.subject, row.details
            )
            if row.hash != seal(entry, row.previous):
                problems.append(f"entry {row.id} of the audit log was changed after it was written")
            previous, last = row.hash, row.id
            count += 1
        if len(rows) < BATCH:
            if head != previous and (head is not None or count):
                problems.append(
                    f"the audit log ends with entry {last}, but that is not the newest one that "
                    "was written: entries at its end were removed"
                )
            break
    return problems[:MOST_PROBLEMS]
