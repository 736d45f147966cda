"""What was aired: the as-run log of every mount, and the packets that were kept."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class AiredRow(Base):
    """One stretch of one mount: what it carried in the ticks ``from_tick`` … ``to_tick - 1``.

    ``to_tick`` is None while it goes on. ``kind``: live, bulletin, relay or file (silence is what
    is between). ``audio``: the prepared audio whose packet number ``skipped`` is that of
    ``from_tick`` (a file's begin anew at their end); ``archive_id`` the kept packets of a live or
    relay. ``play`` names one playing of an item, which may take several stretches, and ``complete``
    whether it ended with this one. ``origin_id``: the area it came from, ``who`` sent it, ``why``
    it was on. ``failure``: why it did not sound as it should have.
    """

    __tablename__ = "aired"
    __table_args__ = (
        Index("ix_aired_area_from", "area_id", "from_unix"),
        Index("ix_aired_from", "from_unix"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"))
    from_tick: Mapped[int]
    to_tick: Mapped[int | None]
    from_unix: Mapped[float]
    to_unix: Mapped[float | None]
    kind: Mapped[str] = mapped_column(String(10))
    cls: Mapped[int]
    title: Mapped[str] = mapped_column(String(300))
    language: Mapped[str] = mapped_column(String(10), default="")
    origin_id: Mapped[int | None]
    bulletin_id: Mapped[int | None] = mapped_column(index=True)
    entry_id: Mapped[int | None] = mapped_column(index=True)
    cue_id: Mapped[int | None] = mapped_column(index=True)
    audio: Mapped[str] = mapped_column(String(64), default="")
    skipped: Mapped[int] = mapped_column(default=0)
    archive_id: Mapped[int | None] = mapped_column(index=True)
    play: Mapped[str] = mapped_column(String(80), default="")
    complete: Mapped[bool] = mapped_column(default=False)
    drill: Mapped[bool] = mapped_column(default=False)
    who: Mapped[str] = mapped_column(String(200), default="")
    why: Mapped[str] = mapped_column(String(60), default="")
    failure: Mapped[str] = mapped_column(Text, default="")


class ArchiveRow(Base):
    """Packets of one live or relay programme: ``archive/<file>`` of the data directory.

    Those of ticks ``first_tick`` … ``first_tick + ticks - 1``, ``ticks`` being 0 while it is
    written; ``missing`` of them could not be kept and are silent. A long programme is several
    files, the later ones with the first one's id as ``series_id``.
    """

    __tablename__ = "archive"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    title: Mapped[str] = mapped_column(String(300))
    origin_id: Mapped[int | None] = mapped_column(index=True)
    file: Mapped[str] = mapped_column(String(200))
    first_tick: Mapped[int]
    ticks: Mapped[int] = mapped_column(default=0)
    missing: Mapped[int] = mapped_column(default=0)
    first_unix: Mapped[float] = mapped_column(index=True)
    removed_at: Mapped[float | None]
    series_id: Mapped[int | None] = mapped_column(index=True)
