"""Journals and play reports in the database: written for many receivers in one transaction."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.store.tables.proof import (
    JournalBatchRow,
    JournalChainRow,
    JournalFindingRow,
    PlayReportRow,
    SoundingRow,
)

AT_ONCE = 500


async def chains_of(db: AsyncSession, receivers: Collection[int]) -> list[JournalChainRow]:
    """Return the chains of these receivers, the one that was heard of last at the end."""
    found: list[JournalChainRow] = []
    for some in _pieces(receivers):
        found += await db.scalars(
            select(JournalChainRow)
            .where(JournalChainRow.receiver_id.in_(some))
            .order_by(JournalChainRow.heard_at, JournalChainRow.id)
        )
    return found


async def newest_chains(db: AsyncSession) -> dict[int, tuple[bytes, int]]:
    """Return by receiver the chain that was heard of last, and its newest number."""
    rows = await db.execute(
        select(JournalChainRow.receiver_id, JournalChainRow.chain, JournalChainRow.number).order_by(
            JournalChainRow.heard_at, JournalChainRow.id
        )
    )
    return {receiver: (chain, number) for receiver, chain, number in rows}


async def lines_with(db: AsyncSession, chain: int, number: int) -> list[str]:
    """Return the lines that came together with one of a chain; none when it is not kept."""
    packed = await db.scalar(
        select(JournalBatchRow.lines)
        .where(
            JournalBatchRow.chain_id == chain,
            JournalBatchRow.last >= number,
            JournalBatchRow.first <= number,
        )
        .order_by(JournalBatchRow.last)
        .limit(1)
    )
    return [] if packed is None else unpack(packed)


async def add_batches(db: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep lines as they were signed."""
    if rows:
        await db.execute(insert(JournalBatchRow), rows)


async def add_findings(db: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what is wrong with journals."""
    if rows:
        await db.execute(insert(JournalFindingRow), rows)


async def explain(db: AsyncSession, receiver: int, first: int, last: int, why: str) -> None:
    """Note what a box says of lines that were found missing."""
    await db.execute(
        update(JournalFindingRow)
        .where(
            JournalFindingRow.receiver_id == receiver,
            JournalFindingRow.kind == "missing",
            JournalFindingRow.why == "",
            JournalFindingRow.first <= last,
            JournalFindingRow.last >= first,
        )
        .values(why=why)
        .execution_options(synchronize_session=False)
    )


async def add_reports(db: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep play reports; those that are kept already are passed over."""
    await _add_new(db, PlayReportRow, rows, ["receiver_id", "digest"])


async def add_soundings(db: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep which receivers said that an emergency sounds; only the first time."""
    await _add_new(db, SoundingRow, rows, ["receiver_id", "play"])


async def _add_new(
    db: AsyncSession, table: Any, rows: Sequence[dict[str, Any]], unique: list[str]
) -> None:
    if not rows:
        return
    if db.get_bind().dialect.name == "postgresql":
        statement: Any = postgresql.insert(table)
    else:
        statement = sqlite.insert(table)
    connection = await db.connection()
    await connection.execute(statement.on_conflict_do_nothing(index_elements=unique), list(rows))


async def sweep(db: AsyncSession, before: float, most: int = 5000) -> int:
    """Remove some of what is older than ``before``; return how many rows it was."""
    gone = 0
    for table, column in (
        (PlayReportRow, PlayReportRow.received_at),
        (JournalBatchRow, JournalBatchRow.received_at),
        (JournalFindingRow, JournalFindingRow.at),
        (SoundingRow, SoundingRow.at),
    ):
        old = select(table.id).where(column < before).order_by(table.id).limit(most)
        done = await db.execute(
            delete(table).where(table.id.in_(old)).execution_options(synchronize_session=False)
        )
        gone += int(getattr(done, "rowcount", 0))
    return gone


async def findings_of(db: AsyncSession, receiver: int, limit: int = 50) -> list[JournalFindingRow]:
    """Return what was found to be wrong with a receiver's journals, newest first."""
    rows = await db.scalars(
        select(JournalFindingRow)
        .where(JournalFindingRow.receiver_id == receiver)
        .order_by(JournalFindingRow.id.desc())
        .limit(limit)
    )
    return list(rows)


async def batches_of(
    db: AsyncSession, receiver: int, before: int, limit: int
) -> list[JournalBatchRow]:
    """Return what a receiver sent, newest first, with ids up to ``before`` (0: all)."""
    chosen = select(JournalBatchRow).where(JournalBatchRow.receiver_id == receiver)
    if before:
        chosen = chosen.where(JournalBatchRow.id <= before)
    return list(await db.scalars(chosen.order_by(JournalBatchRow.id.desc()).limit(limit)))


async def batches_with_chains(
    db: AsyncSession, receiver: int, after: int, limit: int
) -> list[tuple[JournalBatchRow, bytes]]:
    """Return what a receiver sent behind the id ``after``, in order, each with its chain's name."""
    rows = await db.execute(
        select(JournalBatchRow, JournalChainRow.chain)
        .join(JournalChainRow, JournalChainRow.id == JournalBatchRow.chain_id)
        .where(JournalBatchRow.receiver_id == receiver, JournalBatchRow.id > after)
        .order_by(JournalBatchRow.id)
        .limit(limit)
    )
    return [(row, bytes(chain)) for row, chain in rows]


def pack(lines: Iterable[str]) -> bytes:
    """Return lines as they are kept."""
    return zlib.compress("".join(line + "\n" for line in lines).encode(), 6)


def unpack(packed: bytes) -> list[str]:
    """Return the lines that ``pack`` packed; an empty one where that is not what this is."""
    try:
        return zlib.decompress(packed).decode().split("\n")[:-1]
    except (zlib.error, UnicodeDecodeError):
        return [""]


def _pieces(ids: Collection[int]) -> list[list[int]]:
    ordered = sorted(set(ids))
    return [ordered[at : at + AT_ONCE] for at in range(0, len(ordered), AT_ONCE)]
