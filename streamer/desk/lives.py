"""Going live in person: whether somebody may, on which area, for whom, and that he did.

The one place where that is decided for whoever signed in; a source's token was given out by the
same rules (``tokens.make_source_token``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loa.streamer.core.areas import Area
from loa.streamer.core.limits import Limits, is_open
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import Conflict, FieldProblem, Forbidden, Invalid, NotFound, SignedOut

LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to do. ``targets``: ids of areas at or below that one, none for all."""

    cls: BulletinClass
    targets: Sequence[int] = ()
    reason: str = ""


class Outside(Conflict):
    """The hours, or the second person that is wanted, stand against it.

    ``final``: no reason changes that.
    """

    def __init__(self, code: str, final: bool, **values: str) -> None:
        super().__init__(code, (), **values)
        self.final = final


def outside_hours(desk: Desk, area: Area, cls: BulletinClass) -> bool:
    """Say whether broadcasting is not allowed on an area now. An emergency always is."""
    policy = desk.policies.effective(area)
    hours, zone = Limits.of(policy).hours, str(policy.timezone)
    return cls is not BulletinClass.EMERGENCY and not is_open(hours, zone, desk.clock())


def check(desk: Desk, actor: Actor, path: str, wish: Wish, *, on: bool = False) -> Area:
    """Return the area with this path if ``actor`` may go live there as he wishes.

    ``on``: he is on air already and comes back, so the hours stand against nothing. Raises
    ``SignedOut``, ``NotFound``, ``Forbidden``, ``Invalid``, and ``Outside``.
    """
    area = desk.tree.find(path)
    if area is None:
        raise NotFound("area.unknown", area=path)
    permit(desk, actor, area, wish.cls)
    problems = []
    for at, target in enumerate(wish.targets):
        found = desk.tree.get(target)
        if found is None:
            problems.append(FieldProblem(f"targets.{at}", "area.unknown", {"area": target}))
        elif area not in desk.tree.lineage(found):
            problems.append(FieldProblem(f"targets.{at}", "onair.outside", {"area": area.name}))
    if problems:
        raise Invalid(*problems)
    if not on:
        _rules(desk, area, wish)
    return area


def permit(desk: Desk, actor: Actor, area: Area, cls: BulletinClass) -> None:
    """Return if ``actor`` may go live on an area with this class; raise ``Forbidden`` if not."""
    if actor.account is None:
        raise SignedOut("signed_out")
    if actor.must_change:
        raise Forbidden("password.must_change")
    needed = [Permission.LIVE]
    if cls is BulletinClass.EMERGENCY:
        needed.append(Permission.EMERGENCY)
    for permission in needed:
        if not actor.rights.allow(permission, area, desk.tree):
            raise Forbidden("forbidden", area=area.name)


def _rules(desk: Desk, area: Area, wish: Wish) -> None:
    policy = desk.policies.effective(area)
    reason = wish.reason.strip()
    if outside_hours(desk, area, wish.cls) and not (policy.override_hours and reason):
        raise Outside("live.outside_hours", not policy.override_hours, area=area.name)
    if wish.cls is BulletinClass.EMERGENCY and policy.second_person and not reason:
        raise Outside("live.second_person", False, area=area.name)


async def began(desk: Desk, actor: Actor, area: Area, live: str, wish: Wish) -> None:
    """Put on record that somebody went live, and why where a reason was given."""
    async with desk.work(actor) as work:
        work.record(
            "live.began", area=area.id, subject=f"live/{live}",
            **{"class": wish.cls.name.lower()}, targets=list(wish.targets),
            reason=wish.reason.strip()[:LONGEST_REASON],
        )  # fmt: skip
