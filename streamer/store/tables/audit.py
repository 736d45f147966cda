"""The audit log: append-only, each entry sealed with the one before it; and small single values."""

from __future__ import annotations

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class AuditRow(Base):
    """Who did what, where. ``details`` is the very JSON text that the hash was made of.

    ``hash`` is the SHA-256 of ``previous`` and the other columns (``core/audit.py``). Areas and
    accounts are named by id without a foreign key: an entry outlives what it is about.
    """

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[float] = mapped_column(index=True)
    account_id: Mapped[int | None] = mapped_column(index=True)
    who: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(60), index=True)
    area_id: Mapped[int | None] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(String(100))
    details: Mapped[str] = mapped_column(Text)
    previous: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class ValueRow(Base):
    """A single value of the server's own, by name (the digest of the set-up code)."""

    __tablename__ = "value"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
