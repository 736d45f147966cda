"""What receivers were ordered to do, and how areas want them to behave."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class ReceiverOrderRow(Base):
    """A command. ``number`` is the receiver's own count; ``action`` is as it is sent.

    ``state``: waiting, sent, received, started, finished, failed, refused, expired or replaced (by
    newer settings). ``changed_at``: when it came into that state.
    """

    __tablename__ = "receiver_order"
    __table_args__ = (
        UniqueConstraint("receiver_id", "number"),
        Index("ix_receiver_order_state", "state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"), index=True)
    number: Mapped[int]
    action: Mapped[dict[str, Any]]
    issued_at: Mapped[float]
    issued_by: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[float]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    changed_at: Mapped[float]
    reason: Mapped[str] = mapped_column(String(200), default="")
    result: Mapped[str] = mapped_column(Text, default="")


class AreaReceiversRow(Base):
    """What an area says of how its receivers are to behave (``core/receiver_settings.py``)."""

    __tablename__ = "area_receivers"

    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), primary_key=True)
    settings: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
