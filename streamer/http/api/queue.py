"""Calls about queues."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from loa.streamer.core.planner import Reason
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.core.timeline import TICKS_A_SECOND
from loa.streamer.desk import queue as desk_queue
from loa.streamer.desk import queue_list
from loa.streamer.desk.queue import EntryWish
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.route import Call, Model, Route, area_in_path, area_of
from loa.streamer.http.api.texts import say
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.schedule import EntryRow

P = Permission

PerDay = Annotated[int, Field(ge=1, le=desk_queue.MAX_PER_DAY)]
Days = Annotated[int, Field(ge=0, le=desk_queue.MAX_DAYS)]
Targets = Annotated[tuple[Id, ...], Field(min_length=1, max_length=desk_queue.MAX_TARGETS)]
Class = Literal["routine", "priority", "emergency"]


class NewEntry(Model):
    """A bulletin for the queue: ``per_day`` times on each of ``days`` days (0: until it expires),
    for the villages ``targets`` only, or all (null)."""

    bulletin: Id
    per_day: PerDay = 1
    days: Days = 1
    not_before: Time | None = None
    expires_at: Time | None = None
    targets: Targets | None = None


class EntryChange(Model):
    """What is to be changed of an entry; what is not given stays, null takes it away."""

    per_day: PerDay | None = None
    days: Days | None = None
    not_before: Time | None = None
    expires_at: Time | None = None
    targets: Targets | None = None


class Order(Model):
    """All accepted entries of a queue in the order in which they are to be planned."""

    entries: Annotated[tuple[Id, ...], Field(max_length=5000)]


class Ordered(Model):
    """The queue was put in order: ``version`` is what the next change of it is of."""

    version: int


class WithClass(Model):
    """The base of answers with the field ``class``, which Python cannot call so."""

    model_config = ConfigDict(
        validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


class InEntry(WithClass):
    """The bulletin of an entry. ``seconds``: null while there is no audio."""

    id: Id
    title: str
    cls: Annotated[Class, Field(serialization_alias="class")]
    language: str
    state: str
    seconds: float | None
    area: Id
    area_name: str
    expires_at: Time | None


class Playing(Model):
    """A planned playing. ``slot`` null: at once, because it is of priority."""

    slot: Id | None
    start: Time
    end: Time


class Lack(Model):
    """``times`` playings that do not fit, and why."""

    times: int
    reason: Reason | Literal["not_approved", "not_accepted"]
    message: str


class Entry(Model):
    """An entry of a queue: what was played, what is next, what does not fit."""

    id: Id
    area: Id
    bulletin: InEntry
    origin: Literal["own", "upper"]
    state: Literal["offered", "accepted", "declined", "removed", "done"]
    per_day: int
    days: int
    not_before: Time | None
    expires_at: Time | None
    targets: tuple[Id, ...] | None
    added_at: Time
    added_by: str
    played: int
    last_played: Time | None
    timezone: str
    next: tuple[Playing, ...]
    lacks: tuple[Lack, ...]
    version: int


class Queue(Model):
    """A station's queue in the order in which it is planned, eight days ahead. Its ``version`` is
    for the call that orders it."""

    items: tuple[Entry, ...]
    version: int


async def read_queue(call: Call) -> Queue:
    """Return the queue of a station."""
    queue = await queue_list.read_queue(call.desk, call.areas[0], call.desk.clock())
    return Queue(items=tuple(_entry(call, one) for one in queue.entries), version=queue.version)


async def add_entry(call: Call) -> Entry:
    """Add a bulletin."""
    body: NewEntry = call.body
    wish = EntryWish(body.per_day, body.days, body.not_before, body.expires_at, body.targets)
    row = await desk_queue.add_entry(call.desk, call.actor, call.areas[0], body.bulletin, wish)
    return await _shown(call, row.id)


async def order_queue(call: Call) -> Ordered:
    """Order a queue."""
    version = await desk_queue.order(
        call.desk, call.actor, call.areas[0], call.version, call.body.entries
    )
    return Ordered(version=version)


async def get_entry(call: Call) -> Entry:
    """Return an entry."""
    return await _shown(call, call.params["entry"])


async def change_entry(call: Call) -> Entry:
    """Change an entry."""
    given = call.body.model_dump(exclude_unset=True)
    # Only what may be absent is taken away by null.
    changes: dict[str, Any] = {
        k: v for k, v in given.items() if v is not None or k not in ("per_day", "days")
    }
    row = await desk_queue.change_entry(
        call.desk, call.actor, call.params["entry"], call.version, changes
    )
    return await _shown(call, row.id)


async def remove_entry(call: Call) -> None:
    """Remove an entry."""
    await desk_queue.remove_entry(call.desk, call.actor, call.params["entry"], call.version)


async def accept_entry(call: Call) -> Entry:
    """Accept what an upper level sent."""
    row = await desk_queue.decide(call.desk, call.actor, call.params["entry"], True)
    return await _shown(call, row.id)


async def decline_entry(call: Call) -> Entry:
    """Decline what an upper level sent."""
    row = await desk_queue.decide(call.desk, call.actor, call.params["entry"], False)
    return await _shown(call, row.id)


async def _shown(call: Call, entry: int) -> Entry:
    waiting = await queue_list.read_entry(call.desk, entry, call.desk.clock())
    return _entry(call, waiting)


def _entry(call: Call, one: queue_list.Waiting) -> Entry:
    row, bulletin = one.row, one.bulletin
    area = call.desk.tree.get(bulletin.area_id)
    policy = call.desk.policies.effective(call.desk.area(row.area_id))
    return Entry(
        id=row.id, area=row.area_id,
        bulletin=InEntry(
            id=bulletin.id, title=bulletin.title, cls=class_word(bulletin.cls),
            language=bulletin.language, state=bulletin.state,
            seconds=None if one.ticks is None else one.ticks / TICKS_A_SECOND,
            area=bulletin.area_id, area_name="" if area is None else area.name,
            expires_at=bulletin.expires_at,
        ),
        origin=row.origin, state=row.state,  # type: ignore[arg-type]
        per_day=row.per_day, days=row.days, not_before=row.not_before,
        expires_at=row.expires_at, targets=None if row.targets is None else tuple(row.targets),
        added_at=row.added_at, added_by=row.added_by, played=len(one.played),
        last_played=one.played[-1] if one.played else None, timezone=str(policy.timezone),
        next=tuple(Playing(slot=p.slot or None, start=p.start, end=p.end) for p in one.next),
        lacks=tuple(_lacks(call, one)), version=row.version,
    )  # fmt: skip


def _lacks(call: Call, one: queue_list.Waiting) -> list[Lack]:
    times = max(1, one.row.per_day * (one.row.days or 1) - len(one.played))
    if one.row.state == "offered":
        return [lack(call.language, times, "not_accepted")]
    if one.row.state == "accepted" and one.bulletin.state != "approved":
        return [lack(call.language, times, "not_approved")]
    return [lack(call.language, u.times, u.reason) for u in one.unplaced]


def lack(language: str, times: int, reason: Any) -> Lack:
    """Say in words why something does not fit."""
    return Lack(times=times, reason=reason, message=say(f"plan.{reason}", language, {}))


def class_word(cls: int) -> Class:
    """Return the word of a class."""
    words: dict[int, Class] = {
        BulletinClass.ROUTINE: "routine",
        BulletinClass.PRIORITY: "priority",
        BulletinClass.EMERGENCY: "emergency",
    }
    return words[cls]


_ENTRY = area_of(EntryRow, "entry", "entry")

ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/areas/{area}/queue", read_queue, "The queue of a station", P.READ,
        area_in_path, answer=Queue, tag="schedule",
    ),
    Route(
        "POST", "/areas/{area}/queue", add_entry, "Put a bulletin into a queue", P.QUEUE,
        area_in_path, body=NewEntry, answer=Entry, status=201, tag="schedule",
    ),
    Route(
        "PUT", "/areas/{area}/queue/order", order_queue, "Put a queue in order", P.QUEUE,
        area_in_path, body=Order, answer=Ordered, versioned=True, tag="schedule",
    ),
    Route(
        "GET", "/queue/{entry}", get_entry, "An entry of a queue", P.READ, _ENTRY, answer=Entry,
        tag="schedule",
    ),
    Route(
        "PATCH", "/queue/{entry}", change_entry, "Change how an entry is played", P.QUEUE,
        _ENTRY, body=EntryChange, answer=Entry, versioned=True, tag="schedule",
    ),
    Route(
        "DELETE", "/queue/{entry}", remove_entry, "Take an entry out of its queue", P.QUEUE,
        _ENTRY, versioned=True, tag="schedule",
    ),
    Route(
        "POST", "/queue/{entry}/accept", accept_entry, "Accept what an upper level sent",
        P.QUEUE, _ENTRY, answer=Entry, tag="schedule",
    ),
    Route(
        "POST", "/queue/{entry}/decline", decline_entry, "Decline what an upper level sent",
        P.QUEUE, _ENTRY, answer=Entry, tag="schedule",
    ),
)  # fmt: skip
