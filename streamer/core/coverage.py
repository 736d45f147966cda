"""What of a situation reaches which mount: everything that depends on neither tick nor state.

Areas are numbered here as the tree has them, parents first and everything below an area right
behind it, so that "at or below" is a comparison of numbers and what is above is known first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from loa.streamer.core.areas import AreaTree
from loa.streamer.core.cues import Choice, Content, Emergency, Live, Situation, Station, Why
from loa.streamer.core.rights import BulletinClass

NONE = -1


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape of a tree. Lists are by the number of an area; ``NONE`` where there is none.

    ``end``: what is below an area has numbers up to this one. ``station``: the mount's own station;
    ``upper``: the nearest station above that.
    """

    ids: list[int]
    number: dict[int, int]
    parent: list[int]
    end: list[int]
    depth: list[int]
    station: list[int]
    upper: list[int]

    def reaches(self, areas: Iterable[int], number: int) -> bool:
        """Say whether one of these areas (ids) is the one with this number or above it."""
        for area in areas:
            at = self.number.get(area, NONE)
            if at != NONE and at <= number < self.end[at]:
                return True
        return False

    def below(self, area: int, above: int) -> bool:
        """Say whether both areas are there, the first at or below the second."""
        number = self.number.get(area, NONE)
        return number != NONE and self.reaches((above,), number)


@lru_cache(maxsize=4)
def layout(tree: AreaTree) -> Layout:
    """Return the shape of a tree."""
    paths: dict[str | None, int] = {None: NONE}
    made = Layout([], {}, [], [], [], [], [])
    for number, area in enumerate(tree):
        paths[area.path] = number
        above = paths[area.parent]
        made.ids.append(area.id)
        made.number[area.id] = number
        made.parent.append(above)
        made.end.append(number + 1)
        made.depth.append(0 if above == NONE else made.depth[above] + 1)
        over = NONE if above == NONE else made.station[above]
        made.station.append(number if area.station else over)
        made.upper.append(over if area.station or above == NONE else made.upper[above])
    for number in range(len(made.ids) - 1, -1, -1):
        if (above := made.parent[number]) != NONE:
            made.end[above] = max(made.end[above], made.end[number])
    return made


@dataclass(frozen=True, slots=True)
class Heard:
    """A live as it reaches some mounts. ``depth``: how near to them whatever it is for lies."""

    live: Live
    area: int
    depth: int
    choice: Choice
    upper: Choice

    @property
    def order(self) -> tuple[int, int, int, str]:
        """The nearest first, then the higher class, then the one that was there first."""
        return (-self.depth, -self.live.cls, self.live.since, self.live.id)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What reaches each mount, by the number of its area; mounts alike share one tuple.

    ``emergencies``: the greatest first; ``lives``: in ``Heard.order``; ``standing``: the nearest
    first. ``stations``: what is known of the mount's own station.
    """

    layout: Layout
    emergencies: list[tuple[Emergency, ...]]
    lives: list[tuple[Heard, ...]]
    standing: list[tuple[tuple[str, Choice], ...]]
    stations: list[Station | None]


_newest: tuple[Situation, Coverage] | None = None


def coverage(situation: Situation) -> Coverage:
    """Return what of a situation reaches which mount; of the newest one it is kept."""
    global _newest
    known = _newest
    if known is not None and known[0] is situation:
        return known[1]
    shape = layout(situation.areas)
    found = Coverage(
        shape,
        _emergencies(shape, situation.emergencies),
        _lives(shape, situation.lives),
        _standing(shape, situation),
        _stations(shape, situation),
    )
    _newest = (situation, found)
    return found


def _emergencies(shape: Layout, emergencies: tuple[Emergency, ...]) -> list[tuple[Emergency, ...]]:
    marks: dict[int, list[Emergency]] = {}
    ends: dict[int, list[Emergency]] = {}
    for emergency in emergencies:
        for area in emergency.targets:
            at = shape.number.get(area, NONE)
            if at != NONE and not shape.reaches(emergency.excluded, at):
                marks.setdefault(at, []).append(emergency)
        for area in emergency.excluded:
            ends.setdefault(shape.number.get(area, NONE), []).append(emergency)
    covered: list[tuple[Emergency, ...]] = []
    for number, above in enumerate(shape.parent):
        here = () if above == NONE else covered[above]
        if number in marks or number in ends:
            gone = {e.id for e in ends.get(number, ())}
            both = {e.id: e for e in (*here, *marks.get(number, ())) if e.id not in gone}
            here = tuple(sorted(both.values(), key=lambda e: e.rank, reverse=True))
        covered.append(here)
    return covered


def _lives(shape: Layout, lives: tuple[Live, ...]) -> list[tuple[Heard, ...]]:
    marks: dict[int, list[Heard]] = {}
    for live in lives:
        area = shape.number.get(live.area, NONE)
        if area == NONE:
            continue
        emergency = live.cls is BulletinClass.EMERGENCY
        why = Why.EMERGENCY if emergency else Why.OWN_LIVE
        over = Why.PRIORITY if live.cls is BulletinClass.PRIORITY else Why.UPPER
        own = Choice("live", live.id, live.area, why, drill=live.drill)
        upper = own if emergency else Choice("live", live.id, live.area, over, drill=live.drill)
        for target in (live.area,) if live.targets is None else live.targets:
            at = shape.number.get(target, NONE)
            if at != NONE:
                heard = Heard(live, area, shape.depth[at], own, upper)
                marks.setdefault(at, []).append(heard)
    covered: list[tuple[Heard, ...]] = []
    for number, above in enumerate(shape.parent):
        here = () if above == NONE else covered[above]
        if number in marks:
            both = {h.live.id: h for h in (*here, *marks[number])}
            here = tuple(sorted(both.values(), key=lambda h: h.order))
        covered.append(here)
    return covered


def _standing(shape: Layout, situation: Situation) -> list[tuple[tuple[str, Choice], ...]]:
    covered: list[tuple[tuple[str, Choice], ...]] = []
    for number, above in enumerate(shape.parent):
        here = () if above == NONE else covered[above]
        content = situation.standing.get(shape.ids[number])
        if content is not None:
            here = (*_options(content, shape.ids[number]), *here)
        covered.append(here)
    return covered


def _options(content: Content, area: int) -> Iterable[tuple[str, Choice]]:
    if content.relay:
        yield content.relay, Choice("relay", content.relay, area, Why.STANDING)
    if content.file:
        yield "", Choice("file", content.file, area, Why.STANDING)


def _stations(shape: Layout, situation: Situation) -> list[Station | None]:
    known = situation.stations
    return [None if at == NONE else known.get(shape.ids[at]) for at in shape.station]
