"""Calls about what is on air now: seen, foreseen, stopped, skipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from loa.streamer.core.areas import Area
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.desk import lives
from loa.streamer.desk.air import OnAirNow
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route, area_in_path
from loa.streamer.http.api.times import Time

ClassWord = Literal["routine", "priority", "emergency"]
Kind = Literal["live", "bulletin", "relay", "file", "silence"]


class OnAir(Model):
    """What an area carries. ``until``: when it is over by itself, null when nobody knows. ``live``
    names it for stopping; ``origin``: the area it comes from, ``why`` it is on."""

    area: Id
    kind: Kind
    title: str
    class_: Annotated[ClassWord, Field(alias="class")]
    since: Time | None
    until: Time | None
    listeners: int
    why: str
    origin: Id | None
    live: str | None
    bulletin: Id | None
    entry: Id | None
    emergency: Id | None
    drill: bool


class OnAirQuery(Paging):
    """``area``: only that one and those below it."""

    area: Id | None = None


class Intention(Model):
    """A live that somebody has in mind. ``targets``: for these areas only, at or below the one it
    is on; left out: for all of them."""

    class_: Annotated[ClassWord, Field(alias="class")] = "routine"
    targets: Annotated[tuple[Id, ...], Field(min_length=1, max_length=1000)] | None = None


class Effect(Model):
    """What becomes of it in one area: from ``at`` on, or (null) not; ``reason``: why not now."""

    area: Id
    when: Literal["now", "after", "not"]
    at: Time | None
    reason: str | None
    on: str


class Foresight(Model):
    """What would become of a live. ``outside_hours``: broadcasting is not allowed now, and
    ``may_override``: one may go live all the same, giving a reason. ``second_person``: the
    area wants one for emergencies, which a voice does not wait for: it needs a reason, too."""

    outside_hours: bool
    may_override: bool
    second_person: bool
    areas: tuple[Effect, ...]


def shown(now: OnAirNow) -> OnAir:
    """Return what an area carries, as the API says it."""
    return OnAir.model_validate(
        {
            "area": now.area, "kind": now.kind, "title": now.title, "class": now.cls.name.lower(),
            "since": now.since or None, "until": now.until, "listeners": now.listeners,
            "why": now.why, "origin": now.origin, "live": now.live, "bulletin": now.bulletin,
            "entry": now.entry, "emergency": now.emergency, "drill": now.drill,
        }
    )  # fmt: skip


async def listed(call: Call) -> Page[OnAir]:
    """List what is on, by area."""
    tree, query = call.desk.tree, call.query
    within = {
        a.id for a in (tree if query.area is None else tree.below(call.desk.area(query.area)))
    }
    may = call.actor.rights.areas(Permission.READ, tree)
    ids = sorted(a.id for a in may if a.id in within and a.id > query.after)
    found = call.services.air.now(ids[: query.limit + 1])
    return page(Page[OnAir], found, query.limit, shown, lambda now: now.area)


async def one(call: Call) -> OnAir:
    """Show what an area carries."""
    found = call.services.air.now([call.params["area"]])
    return shown(found[0] if found else OnAirNow(call.params["area"]))


async def foresee(call: Call) -> Foresight:
    """Say what would become of a live before anyone presses the button."""
    (area,) = call.areas
    tree = call.desk.tree
    targets: frozenset[int] | None = None
    if call.body.targets is not None:
        below = {a.id for a in tree.below(area)}
        wrong = [i for i, id in enumerate(call.body.targets) if id not in below]
        if wrong:
            raise Invalid(
                *(FieldProblem(f"targets.{i}", "onair.outside", {"area": area.name}) for i in wrong)
            )
        targets = frozenset(call.body.targets)
    cls = BulletinClass[call.body.class_.upper()]
    effects = call.services.air.foresee(area.id, cls, targets)
    policy = call.desk.policies.effective(area)
    outside = lives.outside_hours(call.desk, area, cls)
    return Foresight(
        outside_hours=outside,
        may_override=outside and bool(policy.override_hours),
        second_person=cls is BulletinClass.EMERGENCY and bool(policy.second_person),
        areas=tuple(
            Effect.model_validate(
                {"area": e.area, "when": e.when, "at": e.at, "reason": e.reason, "on": e.on}
            )
            for e in effects
        ),
    )


async def live_in_path(call: Call) -> Sequence[Area]:
    """``/lives/{live:text}/…``: the area of that live."""
    id = call.params["live"]
    area = call.desk.tree.get(call.services.air.lives().get(id, 0))
    if area is None:
        raise NotFound("live.unknown", id=id)
    return [area]


async def stop_live(call: Call) -> None:
    """End a live at once; its source is told."""
    (area,) = call.areas
    id = call.params["live"]
    async with call.desk.work(call.actor) as work:
        if not call.services.air.stop_live(id, call.actor.who):
            raise NotFound("live.unknown", id=id)
        work.record("live.stopped", area=area.id, subject=f"live/{id}")


async def skip(call: Call) -> OnAir:
    """End the item that an area carries, wherever it is heard: what comes next follows."""
    (area,) = call.areas
    async with call.desk.work(call.actor) as work:
        ended = call.services.air.skip_item(area.id, f"skipped by {call.actor.who}")
        if ended is None:
            raise Conflict("onair.no_item")
        work.record(
            "item.skipped", area=area.id, subject=f"bulletin/{ended.bulletin}", title=ended.title
        )
    return shown(ended)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/on-air", listed, "What is on air now", Permission.READ, query=OnAirQuery,
        answer=Page[OnAir], tag="on air",
    ),
    Route(
        "GET", "/areas/{area}/on-air", one, "What an area carries now", Permission.READ,
        area_in_path, answer=OnAir, tag="on air",
    ),
    Route(
        "POST", "/areas/{area}/preview", foresee, "What would become of a live", Permission.LIVE,
        area_in_path, body=Intention, answer=Foresight, tag="on air",
    ),
    Route(
        "POST", "/lives/{live:text}/stop", stop_live, "Stop a live", Permission.LIVE, live_in_path,
        tag="on air",
    ),
    Route(
        "POST", "/areas/{area}/skip", skip, "Skip the item that is on", Permission.LIVE,
        area_in_path, answer=OnAir, tag="on air",
    ),
)  # fmt: skip
