"""Cues: emergencies that were called, drills among them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class CueRow(Base):
    """A call to be on air at once. ``state``: waiting (for a second person), cancelled (while it
    waited), standing, stopped or corrected (``corrected_by`` is what took its place). What ran out
    is still ``standing`` with ``expires_at`` in the past.

    ``targets`` and ``excluded`` are ids of areas, each with everything below. ``every`` seconds it
    is said again until ``repeat_until``; 0: only once. ``starts_at``: when it went out, and before
    that when it was called. ``audio_sha256``: what the bulletin was when it was called. Times are
    Unix seconds.
    """

    __tablename__ = "cue"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletin.id"))
    audio_sha256: Mapped[str] = mapped_column(ForeignKey("audio.sha256"))
    severity: Mapped[int]
    drill: Mapped[bool]
    targets: Mapped[list[int]]
    excluded: Mapped[list[int]]
    every: Mapped[float] = mapped_column(default=0.0)
    repeat_until: Mapped[float | None]
    starts_at: Mapped[float]
    expires_at: Mapped[float]
    reason: Mapped[str] = mapped_column(Text)
    override: Mapped[bool] = mapped_column(default=False)
    state: Mapped[str] = mapped_column(String(10), index=True)
    called_at: Mapped[float]
    called_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    caller: Mapped[str] = mapped_column(String(200))
    confirmed_at: Mapped[float | None]
    confirmed_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    confirmer: Mapped[str] = mapped_column(String(200), default="")
    stopped_at: Mapped[float | None]
    stopped_by: Mapped[str] = mapped_column(String(200), default="")
    corrected_by: Mapped[int | None] = mapped_column(ForeignKey("cue.id"))
    version: Mapped[int] = mapped_column(default=1)
