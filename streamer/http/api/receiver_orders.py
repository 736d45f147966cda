"""Calls about commands to receivers: giving them, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select

from loa.codecs.control import orders
from loa.streamer.core.areas import Area
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.desk import receiver_orders
from loa.streamer.desk.errors import Conflict, NotFound
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route, area_in_path, area_of
from loa.streamer.http.api.texts import say
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.receiver_orders import ReceiverOrderRow
from loa.streamer.store.tables.receivers import ReceiverRow

State = Literal[
    "waiting", "sent", "received", "started", "finished", "failed", "refused", "expired", "replaced"
]


MOST_AT_ONCE = 5000


class VolumeOrder(Model):
    """The volume in percent, until the box starts again; the ceilings hold all the same."""

    do: Literal["volume"]
    percent: Annotated[int, Field(ge=0, le=100)]


class RebootOrder(Model):
    """Start the box's program again, or the whole ``machine``."""

    do: Literal["reboot"]
    machine: bool = False


class SyncOrder(Model):
    """Look for a new schedule, fetch what is missing, send what waits."""

    do: Literal["sync"]


class SelfTestOrder(Model):
    """Test everything that can be without a sound; ``aloud``: with a short tone, too."""

    do: Literal["self_test"]
    aloud: bool = False


class NewKeyOrder(Model):
    """Make a new key, and go over to it."""

    do: Literal["new_key"]


class AnyOrder(Model):
    """What is ordered: ``do`` is volume, reboot, sync, self_test or new_key."""

    order: Annotated[
        VolumeOrder | RebootOrder | SyncOrder | SelfTestOrder | NewKeyOrder,
        Field(discriminator="do"),
    ]

    def action(self) -> orders.Actions:
        """Return it as it is sent."""
        match self.order:
            case VolumeOrder(percent=percent):
                return orders.Volume(percent=percent)
            case RebootOrder(machine=machine):
                return orders.Reboot(machine=machine)
            case SelfTestOrder(aloud=aloud):
                return orders.SelfTest(aloud=aloud)
            case NewKeyOrder():
                return orders.NewKey()
        return orders.Sync()


MOST_AHEAD = receiver_orders.DAY


class PlayOrder(Model):
    """Play an approved bulletin, ``at`` a time within a day or at once."""

    bulletin: Id
    at: Time | None = None


class StopOrder(Model):
    """Be silent until something else is on air."""


class SignOrder(Model):
    """Show a text on the LED sign, nothing: clear it; ``until`` a time, or a day at most."""

    text: Annotated[str, Field(max_length=200)]
    until: Time | None = None


class OrdersGiven(Model):
    """The commands that were given; a receiver that is away gets its own when it comes back."""

    orders: tuple[Id, ...]


class OrderEach(AnyOrder):
    """Which receivers are to do it."""

    receivers: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]


class GivenTo(Model):
    """What came of it for one: the ``order`` that it was given, or why it was given none."""

    receiver: Id
    order: Id | None
    code: str
    message: str


class GivenEach(Model):
    """In the order of the receivers."""

    items: tuple[GivenTo, ...]


class OrderOut(Model):
    """A command and what became of it."""

    id: Id
    receiver: Id
    number: int
    do: str
    action: dict[str, Any]
    state: State
    reason: str
    result: str
    issued_at: Time
    issued_by: str
    expires_at: Time
    changed_at: Time


class OrdersQuery(Paging):
    """Newest first: ``after`` is the id before which the next part begins."""

    state: State | None = None


def _out(row: ReceiverOrderRow) -> OrderOut:
    return OrderOut(
        id=row.id, receiver=row.receiver_id, number=row.number, do=str(row.action.get("do")),
        action=row.action, state=row.state,  # type: ignore[arg-type]
        reason=row.reason, result=row.result, issued_at=row.issued_at, issued_by=row.issued_by,
        expires_at=row.expires_at, changed_at=row.changed_at,
    )  # fmt: skip


async def _give(call: Call, action: orders.Actions) -> OrdersGiven:
    given = await receiver_orders.order(call.desk, call.actor, [call.params["receiver"]], action)
    return OrdersGiven(orders=tuple(given))


async def give(call: Call) -> OrdersGiven:
    """Order a receiver to do something."""
    body: AnyOrder = call.body
    return await _give(call, body.action())


async def give_all(call: Call) -> OrdersGiven:
    """Order every receiver of an area and below it to do something."""
    body: AnyOrder = call.body
    area: Area = call.desk.area(call.params["area"])
    given = await receiver_orders.order_all(
        call.desk, call.actor, [a.id for a in call.desk.tree.below(area)], body.action()
    )
    return OrdersGiven(orders=tuple(given))


async def give_each(call: Call) -> GivenEach:
    """Order chosen receivers to do something; those that cannot be ordered hinder no other."""
    body: OrderEach = call.body
    given = await receiver_orders.order_each(
        call.desk, call.actor, list(dict.fromkeys(body.receivers)), body.action()
    )
    return GivenEach(items=tuple(_given(one, call.language) for one in given))


def _given(one: receiver_orders.Given, language: str) -> GivenTo:
    code = "" if one.refused is None else one.refused.code
    message = "" if one.refused is None else say(code, language, one.refused.values)
    return GivenTo(receiver=one.receiver, order=one.order, code=code, message=message)


async def _areas_of_each(call: Call) -> Sequence[Area]:
    body: OrderEach = call.body
    async with call.desk.store.read() as db:
        ids = await db.scalars(
            select(ReceiverRow.area_id).where(ReceiverRow.id.in_(body.receivers)).distinct()
        )
        areas = [area for id in ids if (area := call.desk.tree.get(id)) is not None]
    if not areas:
        raise NotFound("receiver.unknown", id=body.receivers[0])
    return areas


async def play(call: Call) -> OrdersGiven:
    """Have one receiver play an approved bulletin; an emergency one needs that right, too."""
    body: PlayOrder = call.body
    async with call.desk.store.read() as db:
        bulletin = await db.get(BulletinRow, body.bulletin)
        audio = None
        if bulletin is not None and bulletin.audio_sha256 is not None:
            audio = await db.get(AudioRow, bulletin.audio_sha256)
    if bulletin is None or not _may_read(call, bulletin.area_id):
        raise NotFound("bulletin.unknown", id=body.bulletin)
    if bulletin.state != "approved" or audio is None:
        raise Conflict("receiver.bulletin_not_approved")
    now = call.desk.clock()
    at = now if body.at is None else max(now, body.at)
    if bulletin.expires_at is not None and bulletin.expires_at <= at:
        raise Conflict("receiver.bulletin_expired")
    if bulletin.cls == BulletinClass.EMERGENCY:
        for area in call.areas:
            call.require(Permission.EMERGENCY, area)
    if at > now + MOST_AHEAD:
        raise Conflict("receiver.play_too_far")
    given = await receiver_orders.order(
        call.desk, call.actor, [call.params["receiver"]],
        orders.Play(
            audio=bytes.fromhex(audio.sha256), size=audio.size, ticks=audio.ticks,
            start=call.services.air.tick_of(at), play=f"order/{bulletin.id}/{round(at)}",
            cls=bulletin.cls, bulletin=bulletin.id, sign=bulletin.sign_text,
        ),
        at,
    )  # fmt: skip
    return OrdersGiven(orders=tuple(given))


def _may_read(call: Call, area: int) -> bool:
    there = call.desk.tree.get(area)
    return there is not None and call.actor.rights.allow(Permission.READ, there, call.desk.tree)


async def stop(call: Call) -> OrdersGiven:
    """Have one receiver be silent until something else is on air."""
    return await _give(call, orders.Stop())


async def sign(call: Call) -> OrdersGiven:
    """Show a text on a receiver's LED sign."""
    body: SignOrder = call.body
    return await _give(call, orders.SignText(text=body.text, until=body.until))


async def list_orders(call: Call) -> Page[OrderOut]:
    """List what a receiver was ordered to do, newest first."""
    query: OrdersQuery = call.query
    chosen = select(ReceiverOrderRow).where(ReceiverOrderRow.receiver_id == call.params["receiver"])
    if query.after:
        chosen = chosen.where(ReceiverOrderRow.id < query.after)
    if query.state is not None:
        chosen = chosen.where(ReceiverOrderRow.state == query.state)
    async with call.desk.store.read() as db:
        rows: Sequence[ReceiverOrderRow] = list(
            await db.scalars(chosen.order_by(ReceiverOrderRow.id.desc()).limit(query.limit + 1))
        )
    return page(Page[OrderOut], list(rows), query.limit, _out, lambda row: row.id)


_ON = area_of(ReceiverRow, "receiver", "receiver")
ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/receivers/{receiver}/orders", give, "Order a receiver to do something",
        Permission.RECEIVERS, _ON, body=AnyOrder, answer=OrdersGiven, status=202,
    ),
    Route(
        "POST", "/receivers/orders", give_each,
        "Order chosen receivers to do something; says what came of it for each",
        Permission.RECEIVERS, _areas_of_each, body=OrderEach, answer=GivenEach, status=202,
    ),
    Route(
        "POST", "/areas/{area}/receivers/orders", give_all,
        "Order every receiver of an area and below it to do something",
        Permission.RECEIVERS, area_in_path, body=AnyOrder, answer=OrdersGiven, status=202,
    ),
    Route(
        "POST", "/receivers/{receiver}/play", play,
        "Have one receiver play an approved bulletin", Permission.LIVE, _ON,
        body=PlayOrder, answer=OrdersGiven, status=202,
    ),
    Route(
        "POST", "/receivers/{receiver}/stop", stop,
        "Have one receiver be silent until something else is on air", Permission.LIVE, _ON,
        body=StopOrder, answer=OrdersGiven, status=202,
    ),
    Route(
        "POST", "/receivers/{receiver}/sign", sign, "Show a text on a receiver's LED sign",
        Permission.LIVE, _ON, body=SignOrder, answer=OrdersGiven, status=202,
    ),
    Route(
        "GET", "/receivers/{receiver}/orders", list_orders,
        "What a receiver was ordered to do, newest first", Permission.READ, _ON,
        query=OrdersQuery, answer=Page[OrderOut],
    ),
)  # fmt: skip
