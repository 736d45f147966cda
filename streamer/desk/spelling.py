"""How an area has words spoken: its table, on top of those above it and of what is built in."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound, Stale
from loa.streamer.speech.spelling import Spelled, Speller
from loa.streamer.store.tables.bulletins import SpellingRow

MOST = 1000
"""Entries of one area in one language."""


async def table(desk: Desk, area: Area, language: str) -> dict[str, str]:
    """Return what an area and those above it have written and spoken; the nearest wins."""
    lineage = [a.id for a in desk.tree.lineage(area)]
    async with desk.store.read() as db:
        rows = await db.scalars(
            select(SpellingRow)
            .where(SpellingRow.area_id.in_(lineage), SpellingRow.language == language)
            .order_by(SpellingRow.id)
        )
        found = sorted(rows, key=lambda row: -lineage.index(row.area_id))
    # By what is the same to a speller, so that an area overrules what differs in case alone.
    merged = {row.written.lower(): (row.written, row.spoken) for row in found}
    return dict(merged.values())


async def spell(desk: Desk, area: Area, text: str, language: str) -> Spelled:
    """Return a text as a voice is to be given it in an area. The text is short enough."""
    own = await table(desk, area, language)
    return await asyncio.to_thread(_spell, own, text, language)


def _spell(own: Mapping[str, str], text: str, language: str) -> Spelled:
    return Speller(own, language).spell(text)


async def entries(
    desk: Desk, area: Area, language: str | None, inherited: bool, after: int, limit: int
) -> list[SpellingRow]:
    """Return entries of an area, and those above it if wanted, with ids beyond ``after``."""
    areas = [a.id for a in desk.tree.lineage(area)] if inherited else [area.id]
    wanted = select(SpellingRow).where(SpellingRow.area_id.in_(areas), SpellingRow.id > after)
    if language is not None:
        wanted = wanted.where(SpellingRow.language == language)
    async with desk.store.read() as db:
        return list(await db.scalars(wanted.order_by(SpellingRow.id).limit(limit)))


async def add(
    desk: Desk, actor: Actor, area: Area, language: str, written: str, spoken: str
) -> SpellingRow:
    """Add an entry. Raises ``Invalid`` and ``Conflict``."""
    written, spoken = _checked(language, written, spoken)
    async with desk.work(actor) as work:
        count = await work.db.scalar(
            select(func.count())
            .select_from(SpellingRow)
            .where(SpellingRow.area_id == area.id, SpellingRow.language == language)
        )
        if (count or 0) >= MOST:
            raise Conflict("spelling.full", limit=MOST)
        await _unless_taken(work.db, area.id, language, written, 0)
        row = SpellingRow(area_id=area.id, language=language, written=written, spoken=spoken)
        work.db.add(row)
        await work.db.flush()
        work.record(
            "spelling.added", area=area.id, subject=f"spelling/{row.id}",
            language=language, written=written, spoken=spoken,
        )  # fmt: skip
        return row


async def change(
    desk: Desk, actor: Actor, id: int, version: int, written: str | None, spoken: str | None
) -> SpellingRow:
    """Change an entry; None leaves as it is. Raises ``Stale``, ``Invalid`` and ``Conflict``."""
    async with desk.work(actor) as work:
        row = await _row(work.db, id, version)
        before = {"written": row.written, "spoken": row.spoken}
        row.written, row.spoken = _checked(
            row.language,
            row.written if written is None else written,
            row.spoken if spoken is None else spoken,
        )
        with work.db.no_autoflush:
            await _unless_taken(work.db, row.area_id, row.language, row.written, row.id)
        row.version += 1
        work.record(
            "spelling.changed", area=row.area_id, subject=f"spelling/{row.id}",
            before=before, after={"written": row.written, "spoken": row.spoken},
        )  # fmt: skip
        return row


async def remove(desk: Desk, actor: Actor, id: int, version: int) -> None:
    """Remove an entry. Raises ``Stale`` and ``NotFound``."""
    async with desk.work(actor) as work:
        row = await _row(work.db, id, version)
        await work.db.delete(row)
        work.record(
            "spelling.removed", area=row.area_id, subject=f"spelling/{row.id}",
            language=row.language, written=row.written, spoken=row.spoken,
        )  # fmt: skip


async def _row(db: AsyncSession, id: int, version: int) -> SpellingRow:
    row = await db.get(SpellingRow, id, with_for_update=True)
    if row is None:
        raise NotFound("spelling.unknown", id=id)
    if row.version != version:
        raise Stale(row.version)
    return row


def _checked(language: str, written: str, spoken: str) -> tuple[str, str]:
    """Return both in composed form. Raises ``Invalid``."""
    written = " ".join(unicodedata.normalize("NFC", written).split())
    spoken = " ".join(unicodedata.normalize("NFC", spoken).split())
    problems = []
    if not written:
        problems.append(FieldProblem("written", "spelling.empty"))
    if not any(c.isalpha() for c in spoken):
        problems.append(FieldProblem("spoken", "spelling.no_words"))
    if not problems:
        # A voice must not be given what is to be replaced.
        speller = Speller({written: spoken}, language)
        said = speller.spell(written).text
        if speller.spell(said).text != said:
            problems.append(FieldProblem("spoken", "spelling.again", {"written": written}))
    if problems:
        raise Invalid(*problems)
    return written, spoken


async def _unless_taken(db: AsyncSession, area: int, language: str, written: str, but: int) -> None:
    """Raise ``Conflict`` where the area has this already, be it in other letters."""
    rows = await db.scalars(
        select(SpellingRow).where(
            SpellingRow.area_id == area, SpellingRow.language == language, SpellingRow.id != but
        )
    )
    for row in rows:
        if row.written.lower() == written.lower():
            other = {"kind": "spelling", "id": row.id, "name": row.written}
            raise Conflict("spelling.taken", [other], written=row.written)
