"""Receivers: the boxes on the poles, and the codes that they are enrolled by."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class ReceiverRow(Base):
    """A receiver. ``state``: new (never enrolled), enrolled or revoked.

    ``key``: its Ed25519 public key; ``next_key`` the one that it is going over to, good as well.
    ``settings``: where it differs from what its area says (``codecs/control/settings.py``), and
    ``settings_version`` what a change of what holds raises, as
    ``settings_digest`` tells. ``orders``: the number of the newest
    command. ``seen_at``, ``peer`` and ``software`` are as of its newest session. ``horns``,
    ``serial``, ``hardware``, ``latitude``, ``longitude``, ``installed_at``, ``handed_over_at`` and
    ``notes`` are the inventory.
    """

    __tablename__ = "receiver"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10), default="new")
    key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    next_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    settings: Mapped[dict[str, Any]]
    settings_version: Mapped[int] = mapped_column(default=0)
    settings_digest: Mapped[str] = mapped_column(String(64), default="")
    orders: Mapped[int] = mapped_column(default=0)
    horns: Mapped[int] = mapped_column(default=1)
    serial: Mapped[str] = mapped_column(String(200), default="")
    hardware: Mapped[str] = mapped_column(String(200), default="")
    software: Mapped[str] = mapped_column(String(200), default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    installed_at: Mapped[float | None]
    handed_over_at: Mapped[float | None]
    notes: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[float]
    created_by: Mapped[str] = mapped_column(String(200))
    enrolled_at: Mapped[float | None]
    revoked_at: Mapped[float | None]
    seen_at: Mapped[float | None]
    peer: Mapped[str] = mapped_column(String(100), default="")
    version: Mapped[int] = mapped_column(default=1)


class EnrolmentRow(Base):
    """A one-time code of a receiver's; of its secret only the digest. The newest one counts."""

    __tablename__ = "enrolment"

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[float]
    created_by: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[float]
    used_at: Mapped[float | None]
