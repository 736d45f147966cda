"""Calls about receivers: which there are, their codes, where they belong, the server's identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import select

from loa.codecs.control.signing import PublicKey
from loa.streamer.core.areas import Area
from loa.streamer.core.rights import Permission
from loa.streamer.desk import receivers
from loa.streamer.desk.errors import FieldProblem, Invalid, NotFound
from loa.streamer.desk.receivers import Coded, NoReceivers, Wishes
from loa.streamer.fleet.fleet import Fleet
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route, area_in_body, area_of
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.receivers import ReceiverRow

MOST_AT_ONCE = 5000
State = Literal["new", "enrolled", "revoked"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(max_length=200)]
Horns = Annotated[int, Field(ge=0, le=100)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Notes = Annotated[str, Field(max_length=4000)]


class ReceiverChange(Model):
    """What is to be different; what is left out stays."""

    name: Name | None = None
    horns: Horns | None = None
    serial: Words | None = None
    hardware: Words | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    installed_at: Time | None = None
    handed_over_at: Time | None = None
    notes: Notes | None = None

    def wishes(self) -> Wishes:
        """Return it as the desk takes it."""
        return Wishes(**{name: getattr(self, name) for name in ReceiverChange.model_fields})


class NewReceiver(ReceiverChange):
    """A place on a pole that gets a box."""

    area: Id
    name: Name


class ListedReceiver(ReceiverChange):
    """One of a list; ``area`` is a path."""

    area: Annotated[str, Field(min_length=1, max_length=500)]
    name: Name


class ReceiverList(Model):
    """Receivers that are added together, all or none. ``dry_run``: only looked at."""

    items: Annotated[tuple[ListedReceiver, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]
    dry_run: bool = False


class Move(Model):
    """To which area."""

    area: Id


class Receiver(Model):
    """``new`` was never enrolled. ``connected``: now. ``on_air``: whether something sounds, as
    the box says; null: it did not say, or is not there. ``key``: the fingerprint of its key."""

    id: Id
    area: Id
    name: str
    state: State
    connected: bool
    on_air: bool | None
    horns: int
    serial: str
    hardware: str
    software: str
    latitude: float | None
    longitude: float | None
    installed_at: Time | None
    handed_over_at: Time | None
    notes: str
    created_at: Time
    created_by: str
    enrolled_at: Time | None
    revoked_at: Time | None
    seen_at: Time | None
    peer: str
    key: str | None
    version: int


class CodedReceiver(Model):
    """A receiver and its code, which is shown this once."""

    receiver: Receiver
    code: str
    expires_at: Time


class CodedReceivers(Model):
    """In the order of the list; empty after a dry run."""

    items: tuple[CodedReceiver, ...]


class ReceiversQuery(Paging):
    """Those of an area and below it, in a state, whose name or serial number holds some words."""

    under: Id | None = None
    state: State | None = None
    q: Annotated[str, Field(max_length=100)] = ""


class ServerIdentity(Model):
    """The server's identity for receivers. ``former``: fingerprints that still are good;
    ``prepared``: that of the one that will be gone over to."""

    key: str
    prepared: str | None
    made_at: Time
    former: tuple[str, ...]


def _fleet(call: Call) -> Fleet:
    if call.services.fleet is None:
        raise NoReceivers("receiver.no_door")
    return call.services.fleet


def shown(call: Call, row: ReceiverRow) -> Receiver:
    """Return a receiver as it is shown."""
    fleet = call.services.fleet
    names = set(Receiver.model_fields) - {"area", "connected", "on_air", "key"}
    session = None if fleet is None else fleet.hub.of(row.id)
    return Receiver(
        **{name: getattr(row, name) for name in names},
        area=row.area_id,
        connected=session is not None,
        on_air=None if session is None else session.sounding,
        key=None if row.key is None else PublicKey(row.key).fingerprint.hex(),
    )


def _coded(call: Call, coded: Coded) -> CodedReceiver:
    return CodedReceiver(
        receiver=shown(call, coded.row), code=str(coded.code), expires_at=coded.expires_at
    )


async def list_receivers(call: Call) -> Page[Receiver]:
    """List receivers of the areas that one may see."""
    q: ReceiversQuery = call.query
    areas = {a.id for a in call.actor.rights.areas(Permission.READ, call.desk.tree)}
    if q.under is not None:
        areas &= {a.id for a in call.desk.tree.below(call.desk.area(q.under))}
    chosen = select(ReceiverRow).where(
        ReceiverRow.id > q.after, ReceiverRow.area_id.in_(areas), ReceiverRow.state != "removed"
    )
    if q.state is not None:
        chosen = chosen.where(ReceiverRow.state == q.state)
    if q.q:
        chosen = chosen.where(
            ReceiverRow.name.icontains(q.q, autoescape=True)
            | ReceiverRow.serial.icontains(q.q, autoescape=True)
        )
    async with call.desk.store.read() as db:
        rows = await db.scalars(chosen.order_by(ReceiverRow.id).limit(q.limit + 1))
    return page(
        Page[Receiver], list(rows), q.limit, lambda row: shown(call, row), lambda row: row.id
    )


async def add(call: Call) -> CodedReceiver:
    """Add one."""
    body: NewReceiver = call.body
    fleet = _fleet(call)
    made = await receivers.add(
        call.desk, call.actor, [(call.desk.area(body.area), body.wishes())],
        fleet.identity.key.public, fleet.code_seconds,
    )  # fmt: skip
    return _coded(call, made[0])


async def add_list(call: Call) -> CodedReceivers:
    """Add many."""
    body: ReceiverList = call.body
    fleet = _fleet(call)
    made = await receivers.add(
        call.desk, call.actor,
        [(a, item.wishes()) for a, item in zip(_listed(call), body.items, strict=True)],
        fleet.identity.key.public, fleet.code_seconds, dry_run=body.dry_run,
    )  # fmt: skip
    return CodedReceivers(items=tuple(_coded(call, coded) for coded in made))


def _listed(call: Call) -> list[Area]:
    found, problems = [], []
    for at, item in enumerate(call.body.items):
        if (area := call.desk.tree.find(item.area)) is None:
            problems.append(FieldProblem(f"items.{at}.area", "area.unknown", {"area": item.area}))
        else:
            found.append(area)
    if problems:
        raise Invalid(*problems[:100])
    return found


async def _areas_listed(call: Call) -> Sequence[Area]:
    return list({area.id: area for area in _listed(call)}.values())


async def show(call: Call) -> Receiver:
    """Show one."""
    async with call.desk.store.read() as db:
        return shown(call, await receivers.get(db, call.params["receiver"]))


async def change(call: Call) -> Receiver:
    """Change what is said of one."""
    body: ReceiverChange = call.body
    row = await receivers.change(
        call.desk, call.actor, call.params["receiver"], call.version, body.wishes()
    )
    return shown(call, row)


async def move(call: Call) -> Receiver:
    """Move one to another area, on which the right is needed, too."""
    body: Move = call.body
    area = call.desk.area(body.area)
    call.require(Permission.RECEIVERS, area)
    row = await receivers.move(call.desk, call.actor, call.params["receiver"], call.version, area)
    return shown(call, row)


async def new_code(call: Call) -> CodedReceiver:
    """Make a new code."""
    fleet = _fleet(call)
    coded = await receivers.new_code(
        call.desk, call.actor, call.params["receiver"], fleet.identity.key.public,
        fleet.code_seconds,
    )  # fmt: skip
    return _coded(call, coded)


async def revoke(call: Call) -> Receiver:
    """Cut one off."""
    return shown(call, await receivers.revoke(call.desk, call.actor, call.params["receiver"]))


async def remove(call: Call) -> None:
    """Remove one."""
    await receivers.remove(call.desk, call.actor, call.params["receiver"])


async def show_identity(call: Call) -> ServerIdentity:
    """Show the server's identity."""
    identity = _fleet(call).identity
    prepared = identity.prepared
    return ServerIdentity(
        key=identity.key.public.fingerprint.hex(), made_at=identity.made_at,
        prepared=None if prepared is None else prepared.public.fingerprint.hex(),
        former=tuple(
            f.key.public.fingerprint.hex() for f in identity.former(call.desk.clock())
        ),
    )  # fmt: skip


async def new_identity(call: Call) -> ServerIdentity:
    """Prepare a new one, or go over to it; this concerns every area, so the right is needed at the
    top."""
    fleet = _fleet(call)
    await fleet.new_identity(call.actor)
    return await show_identity(call)


async def _everywhere(call: Call) -> Sequence[Area]:
    tops = [area for area in call.desk.tree if area.parent is None]
    if not tops:
        raise NotFound("receiver.no_door")
    return tops


_ON = area_of(ReceiverRow, "receiver", "receiver")
_NEEDS = Permission.RECEIVERS
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/receivers", list_receivers, "Receivers of the areas one may see",
        Permission.READ, query=ReceiversQuery, answer=Page[Receiver],
    ),
    Route(
        "POST", "/receivers", add, "Add a receiver; its code is shown this once", _NEEDS,
        area_in_body, body=NewReceiver, answer=CodedReceiver, status=201,
    ),
    Route(
        "POST", "/receivers/list", add_list, "Add many receivers, all or none", _NEEDS,
        _areas_listed, body=ReceiverList, answer=CodedReceivers, max_body=8 * 1024 * 1024,
    ),
    Route(
        "GET", "/receivers/identity", show_identity, "The server's identity for receivers",
        Permission.READ, answer=ServerIdentity,
    ),
    Route(
        "POST", "/receivers/identity", new_identity,
        "Prepare a new identity for the server; once a backup holds it, go over to it",
        Permission.SYSTEM, _everywhere, answer=ServerIdentity,
    ),
    Route(
        "GET", "/receivers/{receiver}", show, "A receiver", Permission.READ, _ON, answer=Receiver,
    ),
    Route(
        "PATCH", "/receivers/{receiver}", change, "Change what is said of a receiver", _NEEDS, _ON,
        body=ReceiverChange, answer=Receiver, versioned=True,
    ),
    Route(
        "DELETE", "/receivers/{receiver}", remove, "Remove a receiver, and cut off its box",
        _NEEDS, _ON,
    ),
    Route(
        "POST", "/receivers/{receiver}/move", move, "Move a receiver to another area", _NEEDS, _ON,
        body=Move, answer=Receiver, versioned=True,
    ),
    Route(
        "POST", "/receivers/{receiver}/code", new_code,
        "Make a new code for a receiver, shown this once", _NEEDS, _ON, answer=CodedReceiver,
    ),
    Route(
        "POST", "/receivers/{receiver}/revoke", revoke, "Cut a receiver's box off at once",
        _NEEDS, _ON, answer=Receiver,
    ),
)  # fmt: skip
