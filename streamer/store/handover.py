"""What a merged area hands over to the area that takes it in: what is still to come, and rights.

History (what was aired, who did what, bulletins as they were made) stays with the area it was of:
its rows are never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from dateutil.rrule import rrulestr
from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.store.cues import WAITING
from loa.streamer.store.tables.bulletins import BulletinRow, BulletinTargetRow, SpellingRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.people import ApiTokenRow, GrantRow, SourceTokenRow
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.schedule import EntryRow, HolidayRow, SlotRow
from loa.streamer.store.tables.sims import SimRow, TariffRow
from loa.streamer.store.tables.webhooks import WebhookRow

TO_COME = ("offered", "accepted")
UNDECIDED = ("draft", "submitted")


async def hand_over(
    db: AsyncSession, merged: int, heir: int, above: Sequence[int], now: float, local: datetime
) -> dict[str, int]:
    """Hand everything over; return how many of each kind.

    ``above``: ids of the areas above the merged one, in whose queues it may be named. ``local``:
    the present in the area's own time of day, without a time zone. Slots are switched off where the
    heir has slots of its own that are on: two plans in one would overlap.
    """
    return {
        "slots": await _slots(db, merged, heir, local),
        "queue": await _queue(db, merged, heir, above, now),
        "holidays": await _holidays(db, merged, heir, local),
        "bulletins": await _bulletin_targets(db, merged, heir),
        "grants": await _grants(db, merged, heir),
        "tokens": await _tokens(db, merged, heir),
        "webhooks": await _all(db, WebhookRow, merged, heir),
        "spelling": await _spelling(db, merged, heir),
        "receivers": await receivers_to(db, [merged], heir),
        "sims": await sims_to(db, [merged], heir),
    }


async def sims_to(db: AsyncSession, areas: Sequence[int], heir: int | None) -> int:
    """Have the SIMs and tariffs of these areas belong to ``heir``; None: only count the SIMs."""
    here = SimRow.area_id.in_(areas)
    count = await db.scalar(select(func.count()).select_from(SimRow).where(here)) or 0
    if heir is not None:
        for table in (SimRow, TariffRow):
            await db.execute(
                update(table)
                .where(table.area_id.in_(areas))
                .values(area_id=heir, version=table.version + 1)
            )
    return count


async def receivers_to(db: AsyncSession, areas: Sequence[int], heir: int | None) -> int:
    """Have the receivers of these areas belong to ``heir``; None: only count them.

    Those that were removed stay where they were: what they played was aired there.
    """
    here = (ReceiverRow.area_id.in_(areas), ReceiverRow.state != "removed")
    count = await db.scalar(select(func.count()).select_from(ReceiverRow).where(*here)) or 0
    if heir is not None and count:
        await db.execute(
            update(ReceiverRow)
            .where(*here)
            .values(
                area_id=heir,
                settings_version=ReceiverRow.settings_version + 1,
                version=ReceiverRow.version + 1,
            )
            .execution_options(synchronize_session=False)
        )
    return count


async def left_behind(
    db: AsyncSession, areas: Sequence[int], now: float, local: datetime
) -> dict[str, int]:
    """Return how much of what was to come, and how many rights, end with these areas."""
    slots = await db.scalars(select(SlotRow).where(SlotRow.area_id.in_(areas)))
    entries = select(func.count()).where(EntryRow.area_id.in_(areas), *_to_come(now))
    grants = select(func.count()).where(GrantRow.area_id.in_(areas))
    return {
        "slots": sum(_comes_again(row, local) for row in slots),
        "queue": await db.scalar(entries) or 0,
        "grants": await db.scalar(grants) or 0,
    }


async def standing_emergencies(
    db: AsyncSession, now: float, concerned: Callable[[int], bool]
) -> list[int]:
    """Return the ids of emergencies that are not over and have a target that is ``concerned``."""
    rows = await db.execute(
        select(CueRow.id, CueRow.area_id, CueRow.targets).where(
            or_(
                CueRow.state == "standing",
                and_(CueRow.state == "waiting", CueRow.called_at > now - WAITING),
            ),
            CueRow.expires_at > now,
        )
    )
    return [id for id, area, targets in rows if any(concerned(a) for a in (area, *targets))]


def _to_come(now: float) -> tuple[Any, Any]:
    return (
        EntryRow.state.in_(TO_COME),
        or_(EntryRow.expires_at.is_(None), EntryRow.expires_at > now),
    )


def _comes_again(slot: SlotRow, local: datetime) -> bool:
    first = datetime.fromisoformat(slot.first)
    if not slot.rrule:
        return first >= local
    try:
        return rrulestr(slot.rrule, dtstart=first).after(local, inc=True) is not None
    except (ValueError, TypeError):
        return True  # a rule that is not understood is for people to decide


async def _slots(db: AsyncSession, merged: int, heir: int, local: datetime) -> int:
    own = await db.scalar(
        select(func.count()).where(SlotRow.area_id == heir, SlotRow.enabled.is_(True))
    )
    rows = await db.scalars(select(SlotRow).where(SlotRow.area_id == merged))
    moved = [row for row in rows if _comes_again(row, local)]
    for row in moved:
        row.area_id = heir
        row.version += 1
        row.enabled = row.enabled and not own
    return len(moved)


async def _queue(db: AsyncSession, merged: int, heir: int, above: Sequence[int], now: float) -> int:
    last = await db.scalar(select(func.max(EntryRow.position)).where(EntryRow.area_id == heir))
    rows = await db.scalars(
        select(EntryRow)
        .where(EntryRow.area_id == merged, *_to_come(now))
        .order_by(EntryRow.position, EntryRow.id)
    )
    count = 0
    for count, row in enumerate(rows, start=1):
        row.area_id = heir
        row.position = (last or 0.0) + count
        row.version += 1
    # What was for the merged area only, in another's queue, is now for the one that took it in.
    others = await db.scalars(
        select(EntryRow).where(EntryRow.area_id.in_([*above, heir]), *_to_come(now))
    )
    for row in others:
        _retarget(row, merged, heir)
    return count


def _retarget(row: Any, merged: int, heir: int) -> None:
    if row.targets is not None and merged in row.targets:
        row.targets = sorted({heir, *row.targets} - {merged})


async def _holidays(db: AsyncSession, merged: int, heir: int, local: datetime) -> int:
    today = local.date().isoformat()
    have = set(await db.scalars(select(HolidayRow.date).where(HolidayRow.area_id == heir)))
    rows = await db.scalars(
        select(HolidayRow).where(HolidayRow.area_id == merged, HolidayRow.date >= today)
    )
    moved = [row for row in rows if row.date not in have]
    for row in moved:
        row.area_id = heir
    return len(moved)


async def _bulletin_targets(db: AsyncSession, merged: int, heir: int) -> int:
    """Bulletins that were not decided upon are for the heir as well."""
    undecided = (
        select(BulletinTargetRow.bulletin_id)
        .join(BulletinRow, BulletinRow.id == BulletinTargetRow.bulletin_id)
        .where(BulletinRow.state.in_(UNDECIDED))
    )
    have = set(await db.scalars(undecided.where(BulletinTargetRow.area_id == heir)))
    missing = set(await db.scalars(undecided.where(BulletinTargetRow.area_id == merged))) - have
    db.add_all(BulletinTargetRow(bulletin_id=id, area_id=heir) for id in sorted(missing))
    return len(missing)


async def _grants(db: AsyncSession, merged: int, heir: int) -> int:
    have = {
        (account, role)
        for account, role in await db.execute(
            select(GrantRow.account_id, GrantRow.role).where(GrantRow.area_id == heir)
        )
    }
    rows = list(await db.scalars(select(GrantRow).where(GrantRow.area_id == merged)))
    for row in rows:
        if (row.account_id, row.role) in have:
            await db.delete(row)
        else:
            row.area_id = heir
    return len(rows)


async def _tokens(db: AsyncSession, merged: int, heir: int) -> int:
    count = await _all(db, ApiTokenRow, merged, heir)
    count += await _all(db, SourceTokenRow, merged, heir)
    for row in await db.scalars(select(SourceTokenRow).where(SourceTokenRow.revoked_at.is_(None))):
        _retarget(row, merged, heir)
    return count


async def _all(db: AsyncSession, table: Any, merged: int, heir: int) -> int:
    ids = list(await db.scalars(select(table.id).where(table.area_id == merged)))
    if ids:
        await db.execute(update(table).where(table.area_id == merged).values(area_id=heir))
    return len(ids)


async def _spelling(db: AsyncSession, merged: int, heir: int) -> int:
    """Hand over how words are spoken, where the heir has none of its own for them."""
    own = await db.scalars(select(SpellingRow).where(SpellingRow.area_id == heir))
    taken = {(row.language, row.written.lower()) for row in own}
    rows = await db.scalars(select(SpellingRow).where(SpellingRow.area_id == merged))
    moved = [row for row in rows if (row.language, row.written.lower()) not in taken]
    for row in moved:
        row.area_id = heir
        row.version += 1
    return len(moved)
