"""SIMs, tariffs, who had which SIM when, and the data that was used."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from loa.streamer.store.tables.base import Base


class TariffRow(Base):
    """What data costs. ``package_bytes`` of a cycle cost ``package_price``; more costs
    ``megabyte_price`` for each 10⁶ bytes (0: there is no more, or it is free)."""

    __tablename__ = "tariff"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    operator: Mapped[str] = mapped_column(String(60), default="")
    package_bytes: Mapped[int] = mapped_column(default=0)
    package_price: Mapped[float] = mapped_column(default=0.0)
    megabyte_price: Mapped[float] = mapped_column(default=0.0)
    currency: Mapped[str] = mapped_column(String(3), default="VND")
    version: Mapped[int] = mapped_column(default=1)


class SimRow(Base):
    """A SIM. ``state``: stock, active, suspended or retired. ``area_id``: whose it is.

    ``cycle``: month (from day ``cycle_day`` on) or package (``cycle_days`` days, the first one from
    ``cycle_from`` on; dates as 2026-09-21). ``quota_bytes``: of a cycle; None: as the tariff's
    package. ``receiver_id``: the box that it is in now. ``warned_cycle`` and ``warned``: what was
    told of which cycle. ``cached_only``: its box was told to use its cache only.
    """

    __tablename__ = "sim"

    id: Mapped[int] = mapped_column(primary_key=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("area.id"), index=True)
    iccid: Mapped[str] = mapped_column(String(22), unique=True)
    operator: Mapped[str] = mapped_column(String(60), default="")
    number: Mapped[str] = mapped_column(String(30), default="")
    tariff_id: Mapped[int | None] = mapped_column(ForeignKey("tariff.id"))
    quota_bytes: Mapped[int | None]
    cycle: Mapped[str] = mapped_column(String(10), default="month")
    cycle_day: Mapped[int] = mapped_column(default=1)
    cycle_days: Mapped[int] = mapped_column(default=30)
    cycle_from: Mapped[str | None] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), default="stock")
    installed_on: Mapped[str | None] = mapped_column(String(10))
    handed_over_on: Mapped[str | None] = mapped_column(String(10))
    notes: Mapped[str] = mapped_column(Text, default="")
    receiver_id: Mapped[int | None] = mapped_column(ForeignKey("receiver.id"), unique=True)
    warned_cycle: Mapped[str] = mapped_column(String(10), default="")
    warned: Mapped[list[str]]
    cached_only: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[float]
    version: Mapped[int] = mapped_column(default=1)


class SimPlaceRow(Base):
    """A SIM was in a receiver, from … until. ``how``: staff said so, or the box itself did."""

    __tablename__ = "sim_place"

    id: Mapped[int] = mapped_column(primary_key=True)
    sim_id: Mapped[int] = mapped_column(ForeignKey("sim.id"), index=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"), index=True)
    since: Mapped[float]
    until: Mapped[float | None]
    how: Mapped[str] = mapped_column(String(10))
    who: Mapped[str] = mapped_column(String(200))


class DataDayRow(Base):
    """Bytes of a receiver with a SIM on a local day. ``sim_id`` 0: nobody knows which SIM.

    ``modem_*``: what the box's modem counted. ``sent`` and ``received``: messages, as the server
    counted them; ``overhead``: what TLS, TCP and IP put around them, estimated.
    """

    __tablename__ = "data_day"
    __table_args__ = (
        UniqueConstraint("receiver_id", "sim_id", "day"),
        Index("ix_data_day_sim_id_day", "sim_id", "day"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id"))
    sim_id: Mapped[int] = mapped_column(default=0)
    day: Mapped[str] = mapped_column(String(10), index=True)
    modem_received: Mapped[int] = mapped_column(default=0)
    modem_sent: Mapped[int] = mapped_column(default=0)
    sent: Mapped[int] = mapped_column(default=0)
    received: Mapped[int] = mapped_column(default=0)
    overhead: Mapped[int] = mapped_column(default=0)


class DataCounterRow(Base):
    """The modem's counters of a receiver as it told them last (``receivers/modem.py``)."""

    __tablename__ = "data_counter"

    receiver_id: Mapped[int] = mapped_column(
        ForeignKey("receiver.id"), primary_key=True, autoincrement=False
    )
    epoch: Mapped[int]
    received: Mapped[int]
    sent: Mapped[int]
    before: Mapped[int]
    at: Mapped[float]
    texts: Mapped[dict[str, Any]]


class DeadZoneRow(Base):
    """An area that no mobile network reaches, as somebody said who was there."""

    __tablename__ = "dead_zone"

    area_id: Mapped[int] = mapped_column(
        ForeignKey("area.id"), primary_key=True, autoincrement=False
    )
    since: Mapped[float]
    who: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(Text, default="")
