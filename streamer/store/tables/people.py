"""Accounts, their rights, sessions and tokens. Of every secret only a digest is kept."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class AccountRow(Base):
    """A person. ``login`` is kept in lower case; ``password`` is an Argon2 hash."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password: Mapped[str] = mapped_column(String(300))
    language: Mapped[str] = mapped_column(String(5), default="vi")
    disabled: Mapped[bool] = mapped_column(default=False)
    must_change: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[float]
    version: Mapped[int] = mapped_column(default=1)


class GrantRow(Base):
    """A role that somebody has on an area and everything below it."""

    __tablename__ = "role_grant"
    __table_args__ = (UniqueConstraint("account_id", "area_id", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[float]
    created_by: Mapped[str] = mapped_column(String(200))


class SessionRow(Base):
    """Somebody signed in, in a browser."""

    __tablename__ = "session"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    csrf: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[float]
    seen_at: Mapped[float]
    expires_at: Mapped[float]
    peer: Mapped[str] = mapped_column(String(100))
    agent: Mapped[str] = mapped_column(String(300))


class ApiTokenRow(Base):
    """A token for a program: some of what its owner may do, until it expires.

    ``scopes``: names of permissions; ``area_id``: only there and below, None for wherever its
    owner may.
    """

    __tablename__ = "api_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[list[str]]
    area_id: Mapped[int | None] = mapped_column(ForeignKey("area.id"))
    created_at: Mapped[float]
    expires_at: Mapped[float]
    used_at: Mapped[float | None]
    revoked_at: Mapped[float | None]


class SourceTokenRow(Base):
    """The right of a source (butt, an encoder, a studio) to go live on an area, with one class.

    ``targets``: ids of areas that its lives are for, None: its own area and everything below.
    """

    __tablename__ = "source_token"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), unique=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    cls: Mapped[int] = mapped_column(default=0)
    targets: Mapped[list[int] | None]
    created_at: Mapped[float]
    created_by: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[float | None]
    revoked_at: Mapped[float | None]
