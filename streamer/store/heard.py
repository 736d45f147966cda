"""What is asked of the as-run log and the play reports together: playings, and what boxes said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.heard import TICKS_A_SECOND, Due, Early, Said
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.proof import PlayReportRow, SoundingRow

KINDS = ("live", "bulletin")
"""What has a name by which boxes report it; relays and files go on all day."""
AT_ONCE = 500
"""Rows that are read in one go: of tens of thousands; then others have their turn."""


async def due(
    db: AsyncSession, which: Sequence[ColumnElement[bool]], now: float
) -> list[tuple[Due, str]]:
    """Return the playings of the as-run log, each with its title, the newest first."""
    end = func.coalesce(AiredRow.to_unix, now)
    open_ = func.max(case((AiredRow.to_unix.is_(None), 1), else_=0))
    ticks = func.sum((end - AiredRow.from_unix) * TICKS_A_SECOND)
    began = func.min(AiredRow.from_unix)
    rows = await db.stream(
        select(
            AiredRow.area_id, AiredRow.play, began, func.max(end), open_, ticks,
            func.max(AiredRow.title),
        )
        .where(AiredRow.play != "", AiredRow.kind.in_(KINDS), *which)
        .group_by(AiredRow.area_id, AiredRow.play)
        .order_by(began.desc(), AiredRow.area_id)
    )  # fmt: skip
    found: list[tuple[Due, str]] = []
    async for part in rows.partitions(AT_ONCE):
        found += [
            (Due(area, play, first, None if going else last, round(count or 0)), title)
            for area, play, first, last, going, count, title in part
        ]
        await asyncio.sleep(0)
    return found


def _whole() -> Any:
    return func.max(case((PlayReportRow.whole.is_(True), 1), else_=0))


SAID = (
    PlayReportRow.receiver_id, PlayReportRow.play, func.min(PlayReportRow.started),
    func.min(PlayReportRow.at), func.sum(PlayReportRow.delivered),
    func.sum(PlayReportRow.decoded), func.sum(PlayReportRow.device),
    func.sum(PlayReportRow.sounded), func.sum(PlayReportRow.concealed),
    func.sum(PlayReportRow.missed), func.max(PlayReportRow.volume),
    func.min(PlayReportRow.late_ms), _whole(), func.max(PlayReportRow.interrupted),
    func.max(PlayReportRow.why_not), func.max(PlayReportRow.origin),
    func.max(PlayReportRow.cause),
)  # fmt: skip
"""The columns of ``Said``, of all stretches of a playing at a receiver. (A sum leaves out what was
not measured, and is NULL where nothing was.)"""


async def said(db: AsyncSession, which: Sequence[ColumnElement[bool]]) -> list[Said]:
    """Return what boxes said, by receiver and playing."""
    chosen = (
        select(*SAID)
        .where(PlayReportRow.play != "", *which)
        .group_by(PlayReportRow.receiver_id, PlayReportRow.play)
    )
    found: list[Said] = []
    rows = await db.stream(chosen)
    async for part in rows.partitions(AT_ONCE):
        found += [_said(row) for row in part]
        await asyncio.sleep(0)
    return found


def _said(row: Any) -> Said:
    number, play, began, at, *counts = row
    delivered, decoded, device, sounded, concealed, missed, volume, late = (
        None if count is None else int(count) for count in counts[:8]
    )
    whole, interrupted, why_not, origin, cause = counts[8:]
    return Said(
        number, play, began, at, delivered, decoded, device, sounded, concealed or 0, missed or 0,
        volume or 0, late or 0, bool(whole), interrupted, why_not, origin, cause,
    )  # fmt: skip


async def early(db: AsyncSession, emergency: int) -> list[Early]:
    """Return which boxes said that an emergency sounds."""
    rows = await db.execute(
        select(
            SoundingRow.receiver_id, SoundingRow.play, SoundingRow.at, SoundingRow.late_ms,
            SoundingRow.device,
        ).where(SoundingRow.emergency_id == emergency)
    )  # fmt: skip
    return [Early(receiver, play, at, late, device) for receiver, play, at, late, device in rows]
