"""The as-run log in the database: written in batches, read by area and time, closed after a crash.

A stretch is known by its area and first tick: those of one mount never overlap.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import Table, and_, bindparam, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.bulletins import State
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import TICKS_A_SECOND
from loa.streamer.store.tables.airing import AiredRow, ArchiveRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.schedule import EntryRow

INTERRUPTED = "interrupted by a restart"
AT_ONCE = 500
"""Ids in one ``IN``: both databases take more, but not any number."""


async def insert_stretches(db: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write stretches that began, as the columns of ``AiredRow``."""
    await db.execute(insert(AiredRow), rows)


_AIRED = cast(Table, AiredRow.__table__)
# By the index on area and time; the tick is to be exact about it.
_IT = (
    _AIRED.c.area_id == bindparam("area"),
    _AIRED.c.from_unix == bindparam("at"),
    _AIRED.c.from_tick == bindparam("first"),
)


async def remove_stretches(db: AsyncSession, keys: Sequence[dict[str, Any]]) -> None:
    """Remove stretches that turned out to be empty: ``area``, ``first`` and ``at``."""
    connection = await db.connection()
    await connection.execute(delete(_AIRED).where(*_IT), keys)


async def close_stretches(db: AsyncSession, ends: Sequence[dict[str, Any]]) -> None:
    """Close stretches: ``area``, ``first`` and ``at`` (as begun), and the columns that say how."""
    statement = (
        update(_AIRED)
        .where(*_IT)
        .values(
            {
                name: bindparam(f"new_{name}")
                for name in ("to_tick", "to_unix", "complete", "failure", "archive_id")
            }
        )
    )
    connection = await db.connection()
    await connection.execute(statement, ends)


async def close_open(db: AsyncSession, last_tick: int) -> int:
    """Close what a crash left open at the last tick that is known; return how many."""
    end = case((AiredRow.from_tick > last_tick, AiredRow.from_tick), else_=last_tick + 1)
    done = await db.execute(
        update(AiredRow)
        .where(AiredRow.to_tick.is_(None))
        .values(
            to_tick=end,
            to_unix=AiredRow.from_unix + (end - AiredRow.from_tick) / float(TICKS_A_SECOND),
            complete=False,
            failure=INTERRUPTED,
        )
        .execution_options(synchronize_session=False)
    )
    return int(getattr(done, "rowcount", 0))


async def newest_tick(db: AsyncSession) -> int:
    """Return the newest tick that the log knows of, -1 for none."""
    newest = select(func.max(AiredRow.from_tick), func.max(AiredRow.to_tick))
    begun, ended = (await db.execute(newest)).one()
    return max(-1 if begun is None else int(begun), -1 if ended is None else int(ended) - 1)


async def played_packets(db: AsyncSession, since: float) -> dict[int, dict[str, int]]:
    """Return by area and play how many packets were played of what began after ``since``.

    ``play`` is what the arbiter knows it by: after a restart it goes on where it was.
    """
    played: dict[int, dict[str, int]] = {}
    over = func.max(AiredRow.skipped + AiredRow.to_tick - AiredRow.from_tick)
    rows = await db.execute(
        select(AiredRow.area_id, AiredRow.play, over)
        .where(AiredRow.from_unix >= since, AiredRow.to_tick.is_not(None), AiredRow.play != "")
        .group_by(AiredRow.area_id, AiredRow.play)
        .order_by(func.min(AiredRow.from_unix))
    )
    for area, play, packets in rows:
        played.setdefault(area, {})[play] = int(packets)
    return played


async def stretches(
    db: AsyncSession, area: int, start: float, end: float, *, after: int = 0, limit: int = 1000
) -> list[AiredRow]:
    """Return the stretches of a mount that touch [start, end) in Unix seconds, by id."""
    found = await db.scalars(
        select(AiredRow)
        .where(
            AiredRow.area_id == area,
            AiredRow.from_unix < end,
            or_(AiredRow.to_unix.is_(None), AiredRow.to_unix > start),
            AiredRow.id > after,
        )
        .order_by(AiredRow.id)
        .limit(limit)
    )
    return list(found)


async def archives_of(db: AsyncSession, ids: Collection[int]) -> list[ArchiveRow]:
    """Return the files of the programmes whose first file is one of ``ids``, by first tick."""
    found: list[ArchiveRow] = []
    for some in _pieces(ids):
        found += await db.scalars(
            select(ArchiveRow).where(
                and_(
                    ArchiveRow.removed_at.is_(None),
                    or_(ArchiveRow.id.in_(some), ArchiveRow.series_id.in_(some)),
                )
            )
        )
    return sorted(found, key=lambda row: row.first_tick)


async def bulletin_words(db: AsyncSession, ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Return title and language of bulletins by id."""
    words: dict[int, tuple[str, str]] = {}
    for some in _pieces(ids):
        rows = await db.execute(
            select(BulletinRow.id, BulletinRow.title, BulletinRow.language).where(
                BulletinRow.id.in_(some)
            )
        )
        words |= {id: (title, language) for id, title, language in rows}
    return words


async def senders(
    db: AsyncSession, entries: Collection[int], cues: Collection[int]
) -> tuple[dict[int, str], dict[int, str]]:
    """Return who put entries into their queues, and who called emergencies, by id."""
    added: dict[int, str] = {}
    for some in _pieces(entries):
        rows = await db.execute(select(EntryRow.id, EntryRow.added_by).where(EntryRow.id.in_(some)))
        added |= {row.id: row.added_by for row in rows}
    called: dict[int, str] = {}
    for some in _pieces(cues):
        rows = await db.execute(select(CueRow.id, CueRow.caller).where(CueRow.id.in_(some)))
        called |= {row.id: row.caller for row in rows}
    return added, called


def _pieces(ids: Collection[int]) -> list[list[int]]:
    ordered = sorted(set(ids))
    return [ordered[at : at + AT_ONCE] for at in range(0, len(ordered), AT_ONCE)]


def _public(since: float) -> tuple[Any, ...]:
    """What everybody could hear: aired to its end since then, no drill and no emergency, and still
    approved."""
    return (
        AiredRow.from_unix > since,
        AiredRow.complete.is_(True),
        AiredRow.drill.is_(False),
        AiredRow.cls < BulletinClass.EMERGENCY,
        BulletinRow.id == AiredRow.bulletin_id,
        BulletinRow.state == State.APPROVED,
        BulletinRow.cls < BulletinClass.EMERGENCY,
    )


async def lately(
    db: AsyncSession, area: int, since: float, limit: int
) -> Sequence[tuple[BulletinRow, int, float]]:
    """Return what an area aired that everybody may hear again: the bulletin, its ticks and when it
    was last aired, the newest first."""
    last = func.max(AiredRow.from_unix)
    found = (
        select(AiredRow.bulletin_id, last.label("at"))
        .where(AiredRow.area_id == area, *_public(since))
        .group_by(AiredRow.bulletin_id)
        .order_by(last.desc())
        .limit(limit)
        .subquery()
    )
    rows = await db.execute(
        select(BulletinRow, AudioRow.ticks, found.c.at)
        .join(found, found.c.bulletin_id == BulletinRow.id)
        .join(AudioRow, AudioRow.sha256 == BulletinRow.audio_sha256)
        .order_by(found.c.at.desc())
    )
    return [(row, ticks, at) for row, ticks, at in rows]


async def public_audio(db: AsyncSession, bulletin: int, since: float) -> str | None:
    """Return the audio of a bulletin that everybody may hear again, or None."""
    return await db.scalar(
        select(BulletinRow.audio_sha256)
        .where(AiredRow.bulletin_id == bulletin, *_public(since))
        .limit(1)
    )
