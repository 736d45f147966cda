"""Coverage: where receivers are, where they work, and where no network reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.receiver_health import OFFLINE, HealthBook
from loa.streamer.store.areas import write_event
from loa.streamer.store.tables.proof import PlayReportRow
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.sims import DeadZoneRow

DAYS = 7
"""A receiver works if it played, a station if one of its own was connected, in so many days."""
STATES = ("online", "ailing", "offline", "new", "revoked")


@dataclass(slots=True)
class Covered:
    """An area with everything below it.

    ``communes``: stations without a station below; they work if a receiver there was connected
    lately. ``villages``: areas with nothing below, that are no station; they are covered if a
    receiver there played lately. ``receivers``: by state; ``horns`` of them all.
    """

    area: Area
    communes: int = 0
    communes_working: int = 0
    villages: int = 0
    villages_with_receiver: int = 0
    villages_played: int = 0
    villages_dead: int = 0
    receivers: Counter[str] = field(default_factory=Counter)
    horns: int = 0

    def add(self, other: Covered) -> None:
        """Add what lies below."""
        for name in (
            "communes", "communes_working", "villages", "villages_with_receiver",
            "villages_played", "villages_dead", "horns",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.receivers.update(other.receivers)


@dataclass(frozen=True, slots=True)
class Coverage:
    """An area, and those below it that have anything below them or are stations, parents first.

    ``silent``: villages that have receivers of which none played lately; ``without``: villages
    that have no receiver and are in no dead zone; ``dead``: those in one.
    """

    area: Area
    at: float
    total: Covered
    areas: tuple[Covered, ...]
    silent: tuple[Area, ...]
    without: tuple[Area, ...]
    dead: tuple[Area, ...]


async def make(desk: Desk, top: Area, book: HealthBook) -> Coverage:
    """Return the coverage of an area now."""
    now = desk.clock()
    since = now - DAYS * 86_400
    async with desk.store.read() as db:
        receivers = [
            _One(id, area, state, horns, seen)
            for id, area, state, horns, seen in await db.execute(
                select(
                    ReceiverRow.id, ReceiverRow.area_id, ReceiverRow.state, ReceiverRow.horns,
                    ReceiverRow.seen_at,
                ).where(ReceiverRow.state != "removed")
            )
        ]  # fmt: skip
        played = await _played(db, since)
        dead = set(await db.scalars(select(DeadZoneRow.area_id)))
    return _Making(desk.tree, top, book, since, played, dead).make(now, receivers)


async def _played(db: AsyncSession, since: float) -> set[int]:
    """Return the receivers that say that their sound device took something since then, or that
    have no device that could tell and decoded something."""
    device = func.coalesce(PlayReportRow.device, PlayReportRow.decoded)
    rows = await db.scalars(
        select(PlayReportRow.receiver_id).where(PlayReportRow.at >= since, device > 0).distinct()
    )
    return set(rows)


@dataclass(frozen=True, slots=True)
class _One:
    id: int
    area: int
    state: str
    horns: int
    seen: float | None


class _Making:
    """One coverage being added up."""

    def __init__(
        self, tree: AreaTree, top: Area, book: HealthBook, since: float, played: set[int],
        dead: set[int],
    ) -> None:  # fmt: skip
        self._tree, self._top, self._book = tree, top, book
        self._since, self._played = since, played
        self._below = tree.below(top)
        self._own = {area.id: Covered(area) for area in self._below}
        # A dead zone is one with everything below it.
        self._dead = {
            below.id
            for id in dead
            if (area := tree.get(id)) is not None
            for below in tree.below(area)
        }

    def make(self, now: float, receivers: Iterable[_One]) -> Coverage:
        there: dict[int, list[_One]] = {}
        for one in receivers:
            there.setdefault(one.area, []).append(one)
        for area in self._below:
            own = self._own[area.id]
            for one in there.get(area.id, ()):
                own.receivers[self._state(one)] += 1
                own.horns += one.horns
        lists: dict[str, list[Area]] = {"silent": [], "without": [], "dead": []}
        for area in self._below:
            if area.station:
                self._commune(area, there)
            elif not self._tree.children(area):
                self._village(area, there.get(area.id, []), lists)
        whole = self._rolled_up()
        depth = [
            whole[a.id]
            for a in self._below
            if a.station or self._tree.children(a) or a is self._top
        ]
        return Coverage(
            self._top, now, whole[self._top.id], tuple(depth), tuple(lists["silent"]),
            tuple(lists["without"]), tuple(lists["dead"]),
        )  # fmt: skip

    def _state(self, one: _One) -> str:
        if one.state != "enrolled":
            return one.state
        known = self._book.known.get(one.id)
        return OFFLINE if known is None else self._book.state(known)

    def _commune(self, area: Area, there: Mapping[int, list[_One]]) -> None:
        below = self._tree.below(area)
        if any(a.station for a in below[1:]):
            return
        own = self._own[area.id]
        own.communes = 1
        own.communes_working = int(any(self._lately(r) for a in below for r in there.get(a.id, ())))

    def _lately(self, one: _One) -> bool:
        if one.state != "enrolled":
            return False
        known = self._book.known.get(one.id)
        seen = one.seen if known is None or known.seen is None else known.seen
        return one.id in self._played or (seen is not None and seen >= self._since)

    def _village(self, area: Area, receivers: list[_One], lists: dict[str, list[Area]]) -> None:
        own = self._own[area.id]
        here = [r for r in receivers if r.state in ("enrolled", "new")]
        played = any(r.id in self._played for r in here)
        dead = area.id in self._dead
        own.villages, own.villages_dead = 1, int(dead)
        own.villages_with_receiver, own.villages_played = int(bool(here)), int(played)
        if here and not played:
            lists["silent"].append(area)
        elif not here and not dead:
            lists["without"].append(area)
        if dead:
            lists["dead"].append(area)

    def _rolled_up(self) -> dict[int, Covered]:
        # Children come after their parents, so from the end each is whole when it is added.
        whole = {area.id: Covered(area) for area in self._below}
        for area in reversed(self._below):
            whole[area.id].add(self._own[area.id])
            if area is not self._top and area.parent is not None:
                above = self._tree.find(area.parent)
                assert above is not None
                whole[above.id].add(whole[area.id])
        return whole


# --- dead zones


async def dead_zone(db: AsyncSession, area: int) -> DeadZoneRow | None:
    """Return what was said of an area; None: nobody called it a dead zone."""
    return await db.get(DeadZoneRow, area)


async def set_dead_zone(desk: Desk, actor: Actor, area: Area, dead: bool, note: str) -> None:
    """Say that no mobile network reaches an area and what is below it, or that one does."""
    async with desk.work(actor) as work:
        row = await work.db.get(DeadZoneRow, area.id)
        if dead and row is None:
            work.db.add(DeadZoneRow(area_id=area.id, since=work.now, who=actor.who, note=note))
        elif dead and row is not None:
            row.note, row.who = note, actor.who
        elif row is not None:
            await work.db.delete(row)
        else:
            return
        details = {"dead_zone": dead, "note": note}
        await write_event(work.db, area.id, actor.who, work.now, "dead_zone", details)
        work.record("area.dead_zone", area=area.id, subject=f"area/{area.id}", **details)
