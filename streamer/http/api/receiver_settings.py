"""Calls about how receivers are to behave: what areas say, and what single receivers do."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import msgspec
from pydantic import Field, model_validator

from loa.codecs.control.settings import Settings
from loa.streamer.core.rights import Permission
from loa.streamer.desk import receiver_settings
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.route import Call, Model, Route, area_in_path, area_of
from loa.streamer.store.tables.receiver_orders import AreaReceiversRow
from loa.streamer.store.tables.receivers import ReceiverRow

Percent = Annotated[int, Field(ge=0, le=100)]
Minute = Annotated[int, Field(ge=0, le=1440)]


class Quiet(Model):
    """Between two minutes of the local day at most ``ceiling`` percent; ``end`` may be smaller, for
    over midnight. ``cls`` (0 routine, 1 priority, 2 emergency) null: all but emergencies."""

    begin: Minute
    end: Minute
    ceiling: Percent
    cls: Annotated[int, Field(ge=0, le=2)] | None = None


class ReceiverSettings(Model):
    """What is said; null or left out: as it is above.

    ``volume``: percent for routine, priority and emergency. ``delay_ms``: how far behind the
    server every horn plays, so that those within earshot are together; 0: each as soon as it can.
    ``off_peak``: minutes of the day between which what can wait is fetched. ``self_test``: minutes
    from Monday 00:00. ``trim_ms`` is only about a single receiver.
    """

    cadence: Literal["low", "thrifty"] | None = None
    delay_ms: Annotated[int, Field(ge=0, le=5000)] | None = None
    trim_ms: Annotated[int, Field(ge=-500, le=500)] | None = None
    volume: tuple[Percent, Percent, Percent] | None = None
    quiet: Annotated[tuple[Quiet, ...], Field(max_length=20)] | None = None
    cache_mb: Annotated[int, Field(ge=1, le=100_000)] | None = None
    days: Annotated[int, Field(ge=1, le=31)] | None = None
    off_peak: tuple[Minute, Minute] | None = None
    health_every: Annotated[int, Field(ge=30, le=86_400)] | None = None
    self_test: Annotated[int, Field(ge=0, lt=10_080)] | None = None

    def said(self) -> dict[str, Any]:
        """Return what is said, as it is kept."""
        return self.model_dump(mode="json", exclude_none=True)


class AreaSettings(ReceiverSettings):
    """What an area says of its receivers and of all below it."""

    @model_validator(mode="after")
    def _trim_is_of_one(self) -> Self:
        if self.trim_ms is not None:
            raise ValueError("receiver.trim_of_area")
        return self


class SettingsOut(Model):
    """``said``: what is said here, ``effective``: what holds (for a receiver: what it is sent)."""

    said: ReceiverSettings
    effective: dict[str, Any]
    version: int


class ReceiverSettingsOut(SettingsOut):
    """``number``: of what holds; the box tells the newest that it has when it connects."""

    receiver: Id
    number: int


def _plain(settings: Settings) -> dict[str, Any]:
    # Not as it is sent: there what is as usual is left out.
    return {
        name: msgspec.to_builtins(value) for name, value in msgspec.structs.asdict(settings).items()
    }


async def show_area(call: Call) -> SettingsOut:
    """Show what an area says, and what holds there."""
    area = call.desk.area(call.params["area"])
    async with call.desk.store.read() as db:
        row = await db.get(AreaReceiversRow, area.id)
        said = await receiver_settings.read_said(db)
    holds = receiver_settings.settings_in(call.desk, area, said)
    return SettingsOut(
        said=ReceiverSettings(**({} if row is None else row.settings)),
        effective=_plain(holds), version=0 if row is None else row.version,
    )  # fmt: skip


async def set_area(call: Call) -> SettingsOut:
    """Have an area say this, and nothing else."""
    body: AreaSettings = call.body
    area = call.desk.area(call.params["area"])
    await receiver_settings.set_area(call.desk, call.actor, area, body.said(), call.version)
    return await show_area(call)


async def show_receiver(call: Call) -> ReceiverSettingsOut:
    """Show in what a receiver differs, and what holds for it."""
    async with call.desk.store.read() as db:
        row = await db.get(ReceiverRow, call.params["receiver"])
        said = await receiver_settings.read_said(db)
    assert row is not None  # whoever asks has a right on its area
    own = {k: v for k, v in row.settings.items() if k in ReceiverSettings.model_fields}
    return ReceiverSettingsOut(
        receiver=row.id, number=row.settings_version, said=ReceiverSettings(**own),
        effective=_plain(receiver_settings.settings_of(call.desk, row, said)),
        version=row.version,
    )  # fmt: skip


async def set_receiver(call: Call) -> ReceiverSettingsOut:
    """Have a receiver differ in this, and in nothing else."""
    body: ReceiverSettings = call.body
    await receiver_settings.set_receiver(
        call.desk, call.actor, call.params["receiver"], body.said(), call.version
    )
    return await show_receiver(call)


_ON = area_of(ReceiverRow, "receiver", "receiver")
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas/{area}/receivers/settings", show_area,
        "How the receivers of an area are to behave", Permission.READ, area_in_path,
        answer=SettingsOut,
    ),
    Route(
        "PUT", "/areas/{area}/receivers/settings", set_area,
        "Say how the receivers of an area and below it are to behave", Permission.RECEIVERS,
        area_in_path, body=AreaSettings, answer=SettingsOut, versioned=True,
    ),
    Route(
        "GET", "/receivers/{receiver}/settings", show_receiver,
        "How a receiver is to behave", Permission.READ, _ON, answer=ReceiverSettingsOut,
    ),
    Route(
        "PUT", "/receivers/{receiver}/settings", set_receiver,
        "Say in what a receiver differs from its area", Permission.RECEIVERS, _ON,
        body=ReceiverSettings, answer=ReceiverSettingsOut, versioned=True,
    ),
)  # fmt: skip
