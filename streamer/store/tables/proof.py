"""What boxes said of themselves: their journals as they were signed, and what those say was played.

A receiver has a chain for each journal that its box began. What is in the journals is kept twice:
as it was sent, for whoever wants to check it, and as rows to ask questions of.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class JournalChainRow(Base):
    """A journal of a box. ``number`` and ``hash`` are of the newest line that is kept."""

    __tablename__ = "journal_chain"
    __table_args__ = (UniqueConstraint("receiver_id", "chain"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"))
    chain: Mapped[bytes] = mapped_column(LargeBinary(16))
    number: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    began_at: Mapped[float]
    heard_at: Mapped[float]


class JournalBatchRow(Base):
    """Lines as they were sent and signed: ``first`` … ``last``, those from ``fresh`` on for the
    first time.

    ``lines`` is the lines, an LF after each, by zlib; ``before`` the hash before the first one and
    ``key`` the one that made the signature (``codecs/control/journal.py``).
    """

    __tablename__ = "journal_batch"
    __table_args__ = (
        Index("ix_journal_batch_receiver", "receiver_id", "id"),
        Index("ix_journal_batch_chain", "chain_id", "last"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"))
    chain_id: Mapped[int] = mapped_column(ForeignKey("journal_chain.id"))
    first: Mapped[int]
    last: Mapped[int]
    fresh: Mapped[int]
    before: Mapped[bytes] = mapped_column(LargeBinary(16))
    signature: Mapped[bytes] = mapped_column(LargeBinary(64))
    key: Mapped[bytes] = mapped_column(LargeBinary(32))
    received_at: Mapped[float] = mapped_column(index=True)
    lines: Mapped[bytes] = mapped_column(LargeBinary)


class JournalFindingRow(Base):
    """What is wrong with a journal. ``kind``: missing (numbers ``first`` … ``last``), fork (it does
    not follow from what is kept), anew (another journal was begun), signature, altered, receiver.

    ``why`` is what the box says of it, "" for nothing.
    """

    __tablename__ = "journal_finding"

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"), index=True)
    at: Mapped[float] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(20))
    first: Mapped[int] = mapped_column(default=0)
    last: Mapped[int] = mapped_column(default=0)
    why: Mapped[str] = mapped_column(String(40), default="")


class PlayReportRow(Base):
    """One stretch of what a receiver played, or why it did not, as its box says.

    ``delivered``, ``decoded``, ``device`` (taken by the sound device, with the relay on) and
    ``sounded`` (measured by a microphone or a current sensor) are ticks, each as measured: None is
    "not measured", and nothing is put in its place. ``digest`` is of the entry: the same one is
    kept once, in whatever chain it comes. ``at``: when it began, or else was written down or came.
    ``area_id`` is where the receiver was then.
    """

    __tablename__ = "play_report"
    __table_args__ = (
        UniqueConstraint("receiver_id", "digest"),
        Index("ix_play_report_receiver_at", "receiver_id", "at"),
        Index("ix_play_report_area_at", "area_id", "at"),
        Index("ix_play_report_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"))
    area_id: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    at: Mapped[float]
    received_at: Mapped[float]
    play: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    cls: Mapped[int]
    bulletin_id: Mapped[int | None] = mapped_column(index=True)
    emergency_id: Mapped[int | None] = mapped_column(index=True)
    drill: Mapped[bool]
    audio: Mapped[str] = mapped_column(String(64))
    origin: Mapped[str] = mapped_column(String(20))
    cause: Mapped[str] = mapped_column(String(20))
    started: Mapped[float | None]
    from_tick: Mapped[int]
    to_tick: Mapped[int]
    delivered: Mapped[int | None]
    decoded: Mapped[int | None]
    device: Mapped[int | None]
    sounded: Mapped[int | None]
    concealed: Mapped[int]
    missed: Mapped[int]
    volume: Mapped[int]
    late_ms: Mapped[int]
    whole: Mapped[bool]
    interrupted: Mapped[str] = mapped_column(String(200))
    why_not: Mapped[str] = mapped_column(String(200))
    checkpoint: Mapped[bool]


class SoundingRow(Base):
    """A receiver said that an emergency sounds, as it began to; its report comes later.

    ``device``: whether its sound device takes it; None: it has none that could tell.
    """

    __tablename__ = "sounding"
    __table_args__ = (UniqueConstraint("receiver_id", "play"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"))
    emergency_id: Mapped[int] = mapped_column(index=True)
    play: Mapped[str] = mapped_column(String(200))
    tick: Mapped[int]
    late_ms: Mapped[int]
    device: Mapped[bool | None]
    at: Mapped[float] = mapped_column(index=True)
