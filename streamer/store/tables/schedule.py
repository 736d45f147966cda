"""Slots, holidays and queues."""

from __future__ import annotations

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class SlotRow(Base):
    """A recurring window of an area, in the area's own time of day.

    ``first``: the local date and time of the first one (``2026-01-05T05:00``), ``rrule`` how it
    recurs (RFC 5545, without DTSTART; empty: once). ``content``: queue, relay or upper.
    ``exceptions``: local dates on which it does not take place.
    """

    __tablename__ = "slot"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    first: Mapped[str] = mapped_column(String(16))
    minutes: Mapped[int]
    rrule: Mapped[str] = mapped_column(String(300), default="")
    content: Mapped[str] = mapped_column(String(10), default="queue")
    relay: Mapped[str] = mapped_column(Text, default="")
    relay_alternative: Mapped[str] = mapped_column(Text, default="")
    exceptions: Mapped[list[str]]
    on_holidays: Mapped[bool] = mapped_column(default=True)
    enabled: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)


class HolidayRow(Base):
    """A day off of an area and everything below it, as an ISO date."""

    __tablename__ = "holiday"
    __table_args__ = (UniqueConstraint("area_id", "date"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    date: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(100))


class EntryRow(Base):
    """A bulletin in the queue of a station.

    ``origin``: own, or upper for what an upper level sent. ``state``: offered (the commune has not
    decided), accepted, declined or removed. ``targets``: ids of areas below the station that hear
    it, None for all. ``per_day`` times a day on ``days`` days (0: until it expires). ``position``
    orders it among those of its class. Times are Unix seconds.
    """

    __tablename__ = "queue_entry"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    bulletin_id: Mapped[int] = mapped_column(ForeignKey("bulletin.id"), index=True)
    origin: Mapped[str] = mapped_column(String(10), default="own")
    state: Mapped[str] = mapped_column(String(10), default="accepted")
    targets: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    position: Mapped[float]
    per_day: Mapped[int] = mapped_column(default=1)
    days: Mapped[int] = mapped_column(default=1)
    not_before: Mapped[float | None]
    expires_at: Mapped[float | None]
    added_at: Mapped[float]
    added_by: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(default=1)
