"""Reading emergencies from the database, as the air needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.cues import Emergency, Play
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import TICKS_A_SECOND
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.cues import CueRow

WAITING = 600.0
"""Seconds that a second person has to confirm a call; then it has lapsed."""


@dataclass(frozen=True, slots=True)
class StandingEmergency:
    """An emergency that was called, may sound, and was not stopped. Times are Unix seconds.

    ``audio`` is the SHA-256 of its packets, ``ticks`` how many there are.
    """

    id: int
    area: int
    bulletin: int
    title: str
    language: str
    audio: str
    ticks: int
    severity: int
    drill: bool
    targets: frozenset[int]
    excluded: frozenset[int]
    every: float
    repeat_until: float | None
    starts: float
    expires: float
    caller: str
    reason: str
    sign: str = ""
    """What LED signs show meanwhile."""

    def on_timeline(self, tick_at: Callable[[float], int], now: int) -> Emergency:
        """Return it as the arbiter takes it; ``tick_at`` gives the tick of a time of day.

        ``now`` is the tick now: it has begun, even where a clock that was set back since then
        disagrees.
        """
        start = min(tick_at(self.starts), now)
        play = Play(
            f"cue/{self.id}",
            self.audio,
            self.ticks,
            BulletinClass.EMERGENCY,
            self.bulletin,
            self.area,
            cue=self.id,
        )
        return Emergency(
            self.id,
            play,
            self.targets,
            self.excluded,
            self.severity,
            self.drill,
            called=start,
            start=start,
            expires=tick_at(self.expires),
            every=round(self.every * TICKS_A_SECOND),
            repeat_until=None if self.repeat_until is None else tick_at(self.repeat_until),
        )


async def read_emergencies(db: AsyncSession, now: float) -> list[StandingEmergency]:
    """Return what is standing at ``now`` (Unix seconds) and has not expired, by id."""
    rows = await db.execute(
        select(
            CueRow, BulletinRow.title, BulletinRow.language, BulletinRow.sign_text, AudioRow.ticks
        )
        .join(BulletinRow, BulletinRow.id == CueRow.bulletin_id)
        .join(AudioRow, AudioRow.sha256 == CueRow.audio_sha256)
        .where(CueRow.state == "standing", CueRow.expires_at > now)
        .order_by(CueRow.id)
    )
    return [
        StandingEmergency(
            row.id,
            row.area_id,
            row.bulletin_id,
            title,
            language,
            row.audio_sha256,
            ticks,
            row.severity,
            row.drill,
            frozenset(row.targets),
            frozenset(row.excluded),
            row.every,
            row.repeat_until,
            row.starts_at,
            row.expires_at,
            row.caller,
            row.reason,
            sign,
        )
        for row, title, language, sign, ticks in rows
    ]
