"""Calls about SIMs and tariffs: the inventory, who has which SIM, and how each stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import select

from loa.streamer.core.areas import Area
from loa.streamer.core.billing import Standing, passed
from loa.streamer.core.rights import Permission
from loa.streamer.desk import sims
from loa.streamer.desk.data_usage import standings
from loa.streamer.desk.errors import FieldProblem, Invalid, NotFound
from loa.streamer.desk.sim_list import Listed, take_list
from loa.streamer.desk.sims import SimWish, TariffWish
from loa.streamer.http.api.dates import Date
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route, area_in_body, area_of
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.sims import SimPlaceRow, SimRow, TariffRow

MOST_AT_ONCE = 5000
State = Literal["stock", "active", "suspended", "retired"]
Iccid = Annotated[str, Field(pattern=r"^[0-9]{10,22}$")]
Bytes = Annotated[int, Field(ge=0, le=10**15)]
Money = Annotated[float, Field(ge=0, le=1e12)]
Words = Annotated[str, Field(max_length=60)]


# --- tariffs


class TariffChange(Model):
    """What is to be different; what is left out stays. ``package_bytes`` of a cycle cost
    ``package_price``; what is beyond, ``megabyte_price`` for each 10⁶ bytes."""

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    operator: Words | None = None
    package_bytes: Bytes | None = None
    package_price: Money | None = None
    megabyte_price: Money | None = None
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None

    def wish(self) -> TariffWish:
        """Return it as the desk takes it."""
        return TariffWish(**{name: getattr(self, name) for name in TariffChange.model_fields})


class NewTariff(TariffChange):
    """A tariff for the SIMs of an area and those below."""

    area: Id
    name: Annotated[str, Field(min_length=1, max_length=100)]


class Tariff(Model):
    """See ``TariffChange``."""

    id: Id
    area: Id
    name: str
    operator: str
    package_bytes: int
    package_price: float
    megabyte_price: float
    currency: str
    version: int


class OfAreaQuery(Paging):
    """Only those of an area and below it."""

    area: Id | None = None


def _tariff(row: TariffRow) -> Tariff:
    names = set(Tariff.model_fields) - {"area"}
    return Tariff(area=row.area_id, **{name: getattr(row, name) for name in names})


def _seen(call: Call, under: int | None) -> set[int]:
    areas = {a.id for a in call.actor.rights.areas(Permission.READ, call.desk.tree)}
    if under is not None:
        areas &= {a.id for a in call.desk.tree.below(call.desk.area(under))}
    return areas


async def list_tariffs(call: Call) -> Page[Tariff]:
    """List the tariffs of areas that one may see, and of those above, for they hold there."""
    q: OfAreaQuery = call.query
    areas = _seen(call, q.area)
    tree = call.desk.tree
    areas |= {
        above.id
        for id in list(areas)
        if (area := tree.get(id)) is not None
        for above in tree.lineage(area)
    }
    async with call.desk.store.read() as db:
        rows = await db.scalars(
            select(TariffRow)
            .where(TariffRow.id > q.after, TariffRow.area_id.in_(areas))
            .order_by(TariffRow.id)
            .limit(q.limit + 1)
        )
    return page(Page[Tariff], list(rows), q.limit, _tariff, lambda row: row.id)


async def make_tariff(call: Call) -> Tariff:
    """Make one."""
    area = call.desk.area(call.body.area)
    return _tariff(await sims.make_tariff(call.desk, call.actor, area, call.body.wish()))


async def show_tariff(call: Call) -> Tariff:
    """Show one."""
    async with call.desk.store.read() as db:
        row = await db.get(TariffRow, call.params["tariff"])
    assert row is not None  # whoever asks has a right on its area
    return _tariff(row)


async def change_tariff(call: Call) -> Tariff:
    """Change one."""
    row = await sims.change_tariff(
        call.desk, call.actor, call.params["tariff"], call.version, call.body.wish()
    )
    return _tariff(row)


async def remove_tariff(call: Call) -> None:
    """Remove one that no SIM has."""
    await sims.remove_tariff(call.desk, call.actor, call.params["tariff"])


# --- SIMs


class SimChange(Model):
    """What is to be different; what is left out stays.

    ``cycle``: month (from ``cycle_day`` on; where a month is shorter, its last day) or package (of
    ``cycle_days`` days, one of which began on ``cycle_from``). ``quota_bytes``: of a cycle; 0:
    none; never said: the tariff's package.
    """

    iccid: Iccid | None = None
    operator: Words | None = None
    number: Annotated[str, Field(max_length=30)] | None = None
    tariff: Id | None = None
    quota_bytes: Bytes | None = None
    cycle: Literal["month", "package"] | None = None
    cycle_day: Annotated[int, Field(ge=1, le=31)] | None = None
    cycle_days: Annotated[int, Field(ge=1, le=400)] | None = None
    cycle_from: Date | None = None
    state: State | None = None
    installed_on: Date | None = None
    handed_over_on: Date | None = None
    notes: Annotated[str, Field(max_length=4000)] | None = None

    def wish(self) -> SimWish:
        """Return it as the desk takes it."""
        said: dict[str, Any] = {}
        for name in SimChange.model_fields:
            value = getattr(self, name)
            key = "tariff_id" if name == "tariff" else name
            said[key] = value.isoformat() if isinstance(value, date) else value
        return SimWish(**said)


class NewSim(SimChange):
    """A SIM of an area's."""

    area: Id
    iccid: Iccid


class ListedSim(SimChange):
    """One of a list. ``area`` is a path, needed for a SIM that is new; ``tariff_name``: of one that
    holds there; ``receiver``: the id of the box that it is in."""

    iccid: Iccid
    area: Annotated[str, Field(max_length=500)] | None = None
    tariff_name: Annotated[str, Field(max_length=100)] | None = None
    receiver: Id | None = None


class SimList(Model):
    """SIMs that are added, or changed where their ICCID is there, all or none. ``dry_run``: only
    looked at."""

    items: Annotated[tuple[ListedSim, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]
    dry_run: bool = False


class SimListDone(Model):
    """How many were, or would be, added, changed and put into receivers."""

    added: int
    changed: int
    assigned: int
    dry_run: bool


class Stand(Model):
    """How a SIM stands in its cycle: bytes; ``share`` of its quota; ``forecast`` for its end.

    ``warnings``: what there is to say of it (ahead, 80, 95, used_up).
    """

    first: date
    last: date
    used: int
    quota: int | None
    share: float | None
    forecast: int | None
    warnings: tuple[str, ...]


class Sim(Model):
    """A SIM. ``receiver``: the box that it is in. ``cached_only``: its data is nearly used up, its
    box plays from its cache, and emergencies."""

    id: Id
    area: Id
    iccid: str
    operator: str
    number: str
    tariff: Id | None
    quota_bytes: int | None
    cycle: Literal["month", "package"]
    cycle_day: int
    cycle_days: int
    cycle_from: date | None
    state: State
    installed_on: date | None
    handed_over_on: date | None
    notes: str
    receiver: Id | None
    cached_only: bool
    stand: Stand
    created_at: Time
    version: int


class Place(Model):
    """Where a SIM was. ``how``: staff said so, or the box itself did."""

    receiver: Id
    since: Time
    until: Time | None
    how: str
    who: str


class SimDetail(Sim):
    """A SIM with where it was, newest first."""

    places: tuple[Place, ...]


class SimsQuery(OfAreaQuery):
    """``q``: part of its ICCID or number; ``receiver``: the one of this box."""

    state: State | None = None
    receiver: Id | None = None
    q: Annotated[str, Field(max_length=30)] = ""


class Assign(Model):
    """Into which receiver; null: out of the one that it is in."""

    receiver: Id | None


def _stand(stand: Standing) -> Stand:
    return Stand(
        first=stand.cycle.first, last=stand.cycle.last, used=stand.used, quota=stand.quota,
        share=None if stand.share is None else round(stand.share, 4), forecast=stand.forecast,
        warnings=tuple(passed(stand)),
    )  # fmt: skip


def _fields(row: SimRow, stand: Standing) -> dict[str, Any]:
    names = set(Sim.model_fields) - {"area", "tariff", "receiver", "stand"}
    return {
        **{name: getattr(row, name) for name in names},
        "area": row.area_id, "tariff": row.tariff_id, "receiver": row.receiver_id,
        "stand": _stand(stand),
    }  # fmt: skip


async def list_sims(call: Call) -> Page[Sim]:
    """List SIMs of the areas that one may see."""
    q: SimsQuery = call.query
    chosen = select(SimRow).where(SimRow.id > q.after, SimRow.area_id.in_(_seen(call, q.area)))
    if q.state is not None:
        chosen = chosen.where(SimRow.state == q.state)
    if q.receiver is not None:
        chosen = chosen.where(SimRow.receiver_id == q.receiver)
    if q.q:
        chosen = chosen.where(
            SimRow.iccid.contains(q.q, autoescape=True)
            | SimRow.number.contains(q.q, autoescape=True)
        )
    async with call.desk.store.read() as db:
        rows = list(await db.scalars(chosen.order_by(SimRow.id).limit(q.limit + 1)))
        stands = await standings(call.desk, db, rows, call.desk.clock())
    return page(
        Page[Sim], rows, q.limit, lambda row: Sim(**_fields(row, stands[row.id])),
        lambda row: row.id,
    )  # fmt: skip


async def _shown(call: Call, row: SimRow) -> SimDetail:
    async with call.desk.store.read() as db:
        stands = await standings(call.desk, db, [row], call.desk.clock())
        was = await sims.places(db, row.id)
    return SimDetail(**_fields(row, stands[row.id]), places=tuple(_place(p) for p in was))


def _place(row: SimPlaceRow) -> Place:
    return Place(
        receiver=row.receiver_id, since=row.since, until=row.until, how=row.how, who=row.who
    )


async def make(call: Call) -> SimDetail:
    """Put one into the inventory."""
    area = call.desk.area(call.body.area)
    return await _shown(call, await sims.make(call.desk, call.actor, area, call.body.wish()))


async def make_list(call: Call) -> SimListDone:
    """Add and change many."""
    body: SimList = call.body
    listed = []
    for at, item in enumerate(body.items):
        area = None
        if item.area is not None and (area := call.desk.tree.find(item.area)) is None:
            raise Invalid(FieldProblem(f"items.{at}.area", "area.unknown", {"area": item.area}))
        listed.append(Listed(area, item.wish(), item.tariff_name, item.receiver))
    done = await take_list(
        call.desk, call.actor, listed, lambda area: call.require(Permission.RECEIVERS, area),
        dry_run=body.dry_run,
    )  # fmt: skip
    return SimListDone(
        added=done.added, changed=done.changed, assigned=done.assigned, dry_run=body.dry_run
    )


async def _row(call: Call) -> SimRow:
    async with call.desk.store.read() as db:
        row = await db.get(SimRow, call.params["sim"])
    assert row is not None  # whoever asks has a right on its area
    return row


async def show(call: Call) -> SimDetail:
    """Show one, with where it was."""
    return await _shown(call, await _row(call))


async def change(call: Call) -> SimDetail:
    """Change what is said of one."""
    row = await sims.change(
        call.desk, call.actor, call.params["sim"], call.version, call.body.wish()
    )
    return await _shown(call, row)


class SimMove(Model):
    """To which area."""

    area: Id


async def move(call: Call) -> SimDetail:
    """Have it belong to another area, on which the right is needed, too."""
    area = call.desk.area(call.body.area)
    call.require(Permission.RECEIVERS, area)
    row = await sims.move(call.desk, call.actor, call.params["sim"], call.version, area)
    return await _shown(call, row)


async def assign(call: Call) -> SimDetail:
    """Put it into a receiver, on whose area the right is needed, too, or take it out."""
    body: Assign = call.body
    if body.receiver is not None:
        async with call.desk.store.read() as db:
            receiver = await db.get(ReceiverRow, body.receiver)
        area = None if receiver is None else call.desk.tree.get(receiver.area_id)
        if receiver is None or receiver.state == "removed" or area is None:
            raise NotFound("receiver.unknown", id=body.receiver)
        call.require(Permission.RECEIVERS, area)
    row = await sims.assign(call.desk, call.actor, call.params["sim"], call.version, body.receiver)
    return await _shown(call, row)


async def _areas_listed(call: Call) -> Sequence[Area]:
    """The areas that are named; where none is, the right is looked at for each SIM."""
    found = {}
    for item in call.body.items:
        if item.area is not None and (area := call.desk.tree.find(item.area)) is not None:
            found[area.id] = area
    return list(found.values()) or call.actor.rights.areas(Permission.RECEIVERS, call.desk.tree)


_SIM = area_of(SimRow, "sim", "sim")
_TARIFF = area_of(TariffRow, "tariff", "tariff")
_NEEDS = Permission.RECEIVERS
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/tariffs", list_tariffs, "Tariffs of the areas one may see", Permission.READ,
        query=OfAreaQuery, answer=Page[Tariff],
    ),
    Route(
        "POST", "/tariffs", make_tariff, "Make a tariff", _NEEDS, area_in_body, body=NewTariff,
        answer=Tariff, status=201,
    ),
    Route(
        "GET", "/tariffs/{tariff}", show_tariff, "A tariff", Permission.READ, _TARIFF,
        answer=Tariff,
    ),
    Route(
        "PATCH", "/tariffs/{tariff}", change_tariff, "Change a tariff", _NEEDS, _TARIFF,
        body=TariffChange, answer=Tariff, versioned=True,
    ),
    Route(
        "DELETE", "/tariffs/{tariff}", remove_tariff, "Remove a tariff that no SIM has", _NEEDS,
        _TARIFF,
    ),
    Route(
        "GET", "/sims", list_sims, "SIMs of the areas one may see", Permission.READ,
        query=SimsQuery, answer=Page[Sim],
    ),
    Route(
        "POST", "/sims", make, "Put a SIM into the inventory", _NEEDS, area_in_body, body=NewSim,
        answer=SimDetail, status=201,
    ),
    Route(
        "POST", "/sims/list", make_list, "Add and change many SIMs, all or none", _NEEDS,
        _areas_listed, body=SimList, answer=SimListDone, max_body=8 * 1024 * 1024,
    ),
    Route(
        "GET", "/sims/{sim}", show, "A SIM, how it stands and where it was", Permission.READ, _SIM,
        answer=SimDetail,
    ),
    Route(
        "PATCH", "/sims/{sim}", change, "Change what is said of a SIM", _NEEDS, _SIM,
        body=SimChange, answer=SimDetail, versioned=True,
    ),
    Route(
        "POST", "/sims/{sim}/move", move, "Have a SIM belong to another area", _NEEDS, _SIM,
        body=SimMove, answer=SimDetail, versioned=True,
    ),
    Route(
        "PUT", "/sims/{sim}/receiver", assign, "Put a SIM into a receiver, or take it out", _NEEDS,
        _SIM, body=Assign, answer=SimDetail, versioned=True,
    ),
)  # fmt: skip
