"""Bulletins, the audio they are made of, uploads on their way in, and how words are spoken."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class AudioRow(Base):
    """Prepared audio: the file ``audio/<sha256>.opus`` of the data directory.

    ``size`` is in bytes; ``report`` is what preparing measured (``BulletinReport``). ``peaks``: the
    waveform for display, int8 pairs of minimum and maximum, at most 1000 over the whole length.
    """

    __tablename__ = "audio"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    ticks: Mapped[int]
    size: Mapped[int]
    report: Mapped[dict[str, Any]]
    peaks: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[float]


class PreparedRow(Base):
    """What came of preparing a source: ``key`` is of its content and of how it was prepared."""

    __tablename__ = "prepared"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    audio_sha256: Mapped[str] = mapped_column(ForeignKey("audio.sha256"), index=True)
    made_at: Mapped[float]


class UploadRow(Base):
    """A file on its way in: ``uploads/<id>`` of the data directory holds what came so far."""

    __tablename__ = "upload"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"))
    filename: Mapped[str] = mapped_column(String(255))
    size: Mapped[int]
    created_at: Mapped[float]
    expires_at: Mapped[float]


class BulletinRow(Base):
    """A recorded item. ``state``: draft, submitted, approved, rejected or withdrawn.

    ``audio_state``: none, preparing, ready or failed (``audio_error``: why, as JSON of the code of
    a text and its values). ``text``: what was written when it is spoken by a voice, and ``spoken``
    what the voice was given. ``source``: the file ``uploads/<source>`` of the data directory that
    is to be prepared, until it was; ``source_sha256`` is of its content. ``heard_sha256``: the
    audio that its author had played to him. ``starts_at``, ``per_day`` and ``days`` (0: until it
    expires) are how it is to be queued. ``search``: what is searched in, without marks and in small
    letters.
    """

    __tablename__ = "bulletin"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(10), default="vi")
    cls: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(12), default="draft", index=True)
    sign_text: Mapped[str] = mapped_column(String(200), default="")
    notes: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    spoken: Mapped[str] = mapped_column(Text, default="")
    voice: Mapped[str] = mapped_column(String(60), default="")
    filename: Mapped[str] = mapped_column(String(255), default="")
    source: Mapped[str] = mapped_column(String(64), default="")
    source_sha256: Mapped[str] = mapped_column(String(64), default="")
    audio_sha256: Mapped[str | None] = mapped_column(ForeignKey("audio.sha256"), index=True)
    audio_state: Mapped[str] = mapped_column(String(10), default="none", index=True)
    audio_error: Mapped[str] = mapped_column(Text, default="")
    heard_sha256: Mapped[str] = mapped_column(String(64), default="")
    starts_at: Mapped[float | None]
    expires_at: Mapped[float | None]
    per_day: Mapped[int] = mapped_column(default=1)
    days: Mapped[int] = mapped_column(default=1)
    search: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[float]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    submitted_by: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    version: Mapped[int] = mapped_column(default=1)


class BulletinTargetRow(Base):
    """An area that a bulletin is for, with everything below it."""

    __tablename__ = "bulletin_target"

    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletin.id"), primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), primary_key=True, index=True)


class BulletinEventRow(Base):
    """What happened to a bulletin, by whom and when; ``note`` has a rejection's reason."""

    __tablename__ = "bulletin_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletin.id"), index=True)
    at: Mapped[float]
    account_id: Mapped[int | None]
    who: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(Text, default="")


class SpellingRow(Base):
    """How an area has a word spoken by voices: ``UBND`` as ``ủy ban nhân dân``."""

    __tablename__ = "spelling"
    __table_args__ = (UniqueConstraint("area_id", "language", "written"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    language: Mapped[str] = mapped_column(String(10), default="vi")
    written: Mapped[str] = mapped_column(String(60))
    spoken: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(default=1)
