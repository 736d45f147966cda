"""How receivers are and were, and what was told about it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class ReceiverHealthRow(Base):
    """How a receiver is, as far as is known: the newest of every value (``vitals``) and text.

    ``seen_at``: when it was last connected; ``troubles``: what is wrong (``core/condition.py``).
    """

    __tablename__ = "receiver_health"

    receiver_id: Mapped[int] = mapped_column(
        ForeignKey("receiver.id"), primary_key=True, autoincrement=False
    )
    seen_at: Mapped[float]
    reported_at: Mapped[float | None]
    values: Mapped[dict[str, Any]]
    texts: Mapped[dict[str, Any]]
    troubles: Mapped[list[str]]


class HealthReportRow(Base):
    """One report of a receiver: its values. Kept for days."""

    __tablename__ = "health_report"
    __table_args__ = (Index("ix_health_report_receiver_id_at", "receiver_id", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"))
    at: Mapped[float] = mapped_column(index=True)
    values: Mapped[dict[str, Any]]


class HealthHourRow(Base):
    """An hour of a receiver. Kept for months.

    ``hour``: hours since 1970. ``values``: by name least, mean and most, or one number.
    """

    __tablename__ = "health_hour"

    receiver_id: Mapped[int] = mapped_column(
        ForeignKey("receiver.id"), primary_key=True, autoincrement=False
    )
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, index=True)
    values: Mapped[dict[str, Any]]


class AlertRow(Base):
    """Something that was announced. ``trouble``: offline, or what is wrong with receivers.

    ``receivers``: all that it was about; ``missing``: those for whom it is not over. ``area_id`` is
    where it is; with ``together`` it is about the area. ``back_at``: when most were said to be
    back; ``ended_at``: when the last one was.
    """

    __tablename__ = "alert"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    trouble: Mapped[str] = mapped_column(String(20))
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    together: Mapped[bool]
    receivers: Mapped[list[int]]
    missing: Mapped[list[int]]
    began_at: Mapped[float]
    told_at: Mapped[float]
    back_at: Mapped[float | None]
    ended_at: Mapped[float | None] = mapped_column(index=True)
