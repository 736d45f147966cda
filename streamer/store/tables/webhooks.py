"""Webhooks, and what is still to be told through them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class WebhookRow(Base):
    """An address that is told what happens on an area and below it; ``kinds`` empty: everything.

    ``secret`` signs what is sent, so it is kept as it is.
    """

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(100))
    kinds: Mapped[list[str]]
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[float]
    created_by: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(default=1)


class DeliveryRow(Base):
    """One thing to be told to one webhook. ``state``: waiting, delivered or given_up.

    ``body`` is what is told, with an ``id`` of its own; ``tried_at`` and ``answer`` are of the last
    attempt, ``next_at`` when the next one is due.
    """

    __tablename__ = "webhook_delivery"

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhook.id"), index=True)
    created_at: Mapped[float]
    kind: Mapped[str] = mapped_column(String(60))
    body: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10), default="waiting", index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float] = mapped_column(index=True)
    tried_at: Mapped[float | None]
    answer: Mapped[str] = mapped_column(Text, default="")
