"""Areas, their former paths, what was done to them, and how they want things."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class AreaRow(Base):
    """A node of the tree. One that was removed or merged stays, for what history hangs on it.

    ``path`` is unique among living areas. ``successor_id``: the area it was merged into.
    ``code``: the official code of the place, if it has one; ``rank`` orders siblings.
    """

    __tablename__ = "area"
    __table_args__ = (
        Index(
            "uq_area_path_living",
            "path",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    path: Mapped[str] = mapped_column(String(500))
    code: Mapped[str] = mapped_column(String(20), default="")
    station: Mapped[bool] = mapped_column(default=False)
    rank: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[float]
    removed_at: Mapped[float | None]
    successor_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"))
    version: Mapped[int] = mapped_column(default=1)


class AreaAliasRow(Base):
    """A path that an area had before."""

    __tablename__ = "area_alias"

    path: Mapped[str] = mapped_column(String(500), primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    since: Mapped[float]


class AreaEventRow(Base):
    """What was done to an area: its history, for people."""

    __tablename__ = "area_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    at: Mapped[float]
    who: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    details: Mapped[dict[str, Any]]


class AreaPolicyRow(Base):
    """How an area wants things; what it leaves open holds as above it (``core/policy.py``)."""

    __tablename__ = "area_policy"

    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), primary_key=True)
    settings: Mapped[dict[str, Any]]
    version: Mapped[int] = mapped_column(default=1)
