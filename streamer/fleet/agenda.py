"""The schedule of an area for its boxes, made of the same plans as what the server carries. Pure.

What a box plays without a connection must be what it would have been sent with one. So a station's
plan becomes what the arbiter takes by the same function as on the air (``air/situation.py``), only
with Unix time × 50 in place of ticks; what this area does not hear is left out, and of the levels
above only those that the area has slots of. Villages of one station that hear the same share one
schedule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from loa.codecs.control.agenda import (
    DAY_TICKS,
    FORMAT,
    Audio,
    Bulletin,
    Call,
    Hour,
    Schedule,
    Station,
    Turn,
    day_tick,
)
from loa.streamer.air.situation import station_of
from loa.streamer.core import cues
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.limits import open_spans
from loa.streamer.core.localtime import local_day, unix_at
from loa.streamer.core.policy import AreaPolicies, RoutineLive
from loa.streamer.core.windows import SlotContent
from loa.streamer.desk.planning import StationPlan
from loa.streamer.store.cues import StandingEmergency

DAY = 86_400
MOST_ABOVE = 8
NEAR = 5 * DAY_TICKS
"""Day ticks by which a playing may be moved before a box has to know."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store says of bulletins beside their plans: texts for signs by bulletin, sizes in
    bytes by audio."""

    signs: Mapping[int, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ground:
    """What schedules are made of, as of ``now`` (Unix seconds). ``plans``: of stations, by id."""

    tree: AreaTree
    policies: AreaPolicies
    plans: Mapping[int, StationPlan]
    facts: Facts
    emergencies: Sequence[StandingEmergency]
    now: float


def horizon(zone: str, now: float, days: int) -> float:
    """Return up to when a schedule goes: to the end of the local day that is ``days`` ahead."""
    return float(unix_at(zone, local_day(zone, now) + days + 1, 0))


def areas_of(tree: AreaTree, station: Area) -> list[Area]:
    """Return the areas whose own station this is."""
    found: list[Area] = []
    ends = -1
    for area in tree.below(station):
        first, end = tree.span(area)
        if first < ends:
            continue
        if area.station and area.id != station.id:
            ends = end  # it is its own station, and that of all below it
            continue
        found.append(area)
    return found


def stations_above(tree: AreaTree, station: Area) -> list[Area]:
    """Return a station and those above it, nearest first."""
    return [area for area in tree.lineage(station) if area.station][:MOST_ABOVE]


@dataclass(slots=True)
class _Sheet:
    """A schedule as it is being written: what is played, once each."""

    facts: Facts
    numbers: dict[str, int] = field(default_factory=dict)
    audios: list[Audio] = field(default_factory=list)
    bulletins: dict[int, Bulletin] = field(default_factory=dict)

    def audio(self, sha256: str, ticks: int) -> int | None:
        number = self.numbers.get(sha256)
        if number is None:
            size = self.facts.sizes.get(sha256)
            if size is None:
                return None
            number = self.numbers[sha256] = len(self.audios)
            self.audios.append(Audio(bytes.fromhex(sha256), ticks, size))
        return number

    def turns(self, plays: Iterable[cues.Play], plan: StationPlan, hearer: int) -> Iterable[Turn]:
        for play in plays:
            if play.targets is not None and hearer not in play.targets:
                continue
            audio = self.audio(play.audio, play.ticks)
            if audio is None or play.entry is None:
                continue
            info = plan.bulletins.get(play.bulletin)
            if play.bulletin not in self.bulletins and info is not None:
                self.bulletins[play.bulletin] = Bulletin(
                    id=play.bulletin, cls=int(info.cls), origin=info.origin, title=info.title[:200],
                    language=info.language[:20], sign=self.facts.signs.get(play.bulletin, "")[:200],
                )  # fmt: skip
            yield Turn(
                key=play.key, audio=audio, bulletin=play.bulletin, entry=play.entry,
                start=play.not_before, cls=int(play.cls), last=play.last_start,
                expires=play.expires,
            )  # fmt: skip


def make(ground: Ground, station: Area, until: float) -> list[Schedule]:
    """Return the schedules of a station's areas, which cover them all; their version is 0."""
    tree = ground.tree
    groups: dict[tuple[object, ...], list[int]] = {}
    plan = ground.plans.get(station.id)
    limited: list[frozenset[int]] = []
    if plan is not None:
        limited = [p.targets for p in plan.plan.planned if p.targets is not None]
    calls = [e for e in ground.emergencies if e.every > 0 and e.expires > ground.now]
    for area in areas_of(tree, station):
        lineage = {above.id for above in tree.lineage(area)}
        key = (
            *(area.id in targets for targets in limited),
            *(bool(lineage & e.targets) and not lineage & e.excluded for e in calls),
        )
        groups.setdefault(key, []).append(area.id)
    return [
        _make_one(
            ground,
            station,
            areas,
            [e for e, on in zip(calls, key[len(limited) :], strict=True) if on],
            until,
        )
        for key, areas in groups.items()
    ]


def _make_one(
    ground: Ground,
    station: Area,
    areas: list[int],
    calls: Sequence[StandingEmergency],
    until: float,
) -> Schedule:
    sheet = _Sheet(ground.facts)
    stations = []
    hearer = areas[0]
    for above in stations_above(ground.tree, station):
        plan = ground.plans.get(above.id)
        if plan is None:
            break
        part = _station(ground, above, plan, sheet, hearer, until)
        stations.append(part)
        if not any(hour.content == "upper" for hour in part.hours):
            break
        hearer = above.id
    return Schedule(
        format=FORMAT, version=0, made=day_tick(ground.now), until=day_tick(until),
        areas=tuple(sorted(areas)),
        timezone=str(ground.policies.effective(station).timezone),
        stations=tuple(stations),
        calls=tuple(call for call in (_call(e, sheet) for e in calls) if call is not None),
        audios=tuple(sheet.audios), bulletins=tuple(sheet.bulletins.values()),
    )  # fmt: skip


def _station(
    ground: Ground, area: Area, plan: StationPlan, sheet: _Sheet, hearer: int, until: float
) -> Station:
    policy = ground.policies.effective(area).routine_live or RoutineLive.IDLE
    known = station_of(plan, policy, day_tick)
    priority = tuple(sheet.turns(known.priority, plan, hearer))
    spans = None
    if priority and plan.limits.hours:
        zone = plan.timezone
        today = unix_at(zone, local_day(zone, ground.now), 0)
        spans = tuple(
            (day_tick(a), day_tick(b))
            for a, b in open_spans(plan.limits.hours, zone, today, until)
            if b > ground.now
        )
    return Station(
        area=area.id, routine_live=str(policy), priority=priority,
        plays=tuple(sheet.turns(known.plays, plan, hearer)),
        hours=tuple(
            Hour(slot=s.slot, start=s.start, end=s.end,
                 content="relay" if s.content is SlotContent.RELAY else "upper")
            for s in known.slots if s.content is not SlotContent.QUEUE
        ),
        open=spans,
    )  # fmt: skip


def _call(emergency: StandingEmergency, sheet: _Sheet) -> Call | None:
    audio = sheet.audio(emergency.audio, emergency.ticks)
    if audio is None:
        return None
    until = emergency.repeat_until
    sheet.bulletins[emergency.bulletin] = Bulletin(
        id=emergency.bulletin, cls=2, origin=emergency.area, title=emergency.title[:200],
        language=emergency.language[:20],
        sign=sheet.facts.signs.get(emergency.bulletin, "")[:200],
    )  # fmt: skip
    return Call(
        id=emergency.id, audio=audio, bulletin=emergency.bulletin,
        start=day_tick(emergency.starts), expires=day_tick(emergency.expires),
        every=max(1, round(emergency.every * DAY_TICKS)), severity=emergency.severity,
        drill=emergency.drill, repeat_until=None if until is None else day_tick(until),
    )  # fmt: skip


# --- whether boxes have to know


def differs(
    old: Schedule, new: Schedule, now: float, withdrawn: Collection[int] = (), days: int = 7
) -> bool:
    """Say whether a box that goes by ``old`` would have to know ``new``.

    It need not where a playing moved by moments, because the one before it began a little late, or
    is over and so stands in the plan no more.
    """
    at = day_tick(now)
    if (old.areas, old.timezone) != (new.areas, new.timezone) or _calls(old, at) != _calls(new, at):
        return True
    if [s.area for s in old.stations] != [s.area for s in new.stations]:
        return True
    if old.until - at < days * DAY * DAY_TICKS // 2 < new.until - at:
        return True  # it comes to its end, though there is nothing new to be played
    until = min(old.until, new.until)
    for was, becomes in zip(old.stations, new.stations, strict=True):
        if was.routine_live != becomes.routine_live or _open(was, at, until) != _open(
            becomes, at, until
        ):
            return True
        if _hours(was, at, until) != _hours(becomes, at, until):
            return True
        if _turns_differ(old, was, new, becomes, at, withdrawn):
            return True
    return False


def _turns_differ(
    old: Schedule,
    was: Station,
    new: Schedule,
    becomes: Station,
    at: int,
    withdrawn: Collection[int],
) -> bool:
    before = {t.key: t for t in (*was.priority, *was.plays)}
    after = {t.key: t for t in (*becomes.priority, *becomes.plays)}
    for key, turn in after.items():
        known = before.pop(key, None)
        if known is None or _told(old, known) != _told(new, turn):
            return True
        due = max(known.start, turn.start) <= at + NEAR
        if not due and abs(known.start - turn.start) > NEAR:
            return True
        if _apart(known.last, turn.last) or _apart(known.expires, turn.expires):
            return True
    for turn in before.values():
        over = turn.start + old.audios[turn.audio].ticks <= at + NEAR
        may_begin = turn.last is None or turn.last > at
        if not over or (turn.bulletin in withdrawn and may_begin):
            return True
    return [t.key for t in becomes.priority] != [t.key for t in was.priority if t.key in after]


def _told(schedule: Schedule, turn: Turn) -> tuple[object, ...]:
    return schedule.audios[turn.audio].hash, turn.cls, schedule.bulletin(turn.bulletin)


def _apart(one: int | None, other: int | None) -> bool:
    if one is None or other is None:
        return one is not other
    return abs(one - other) > NEAR


def _calls(schedule: Schedule, at: int) -> list[tuple[object, ...]]:
    return [
        (c.id, schedule.audios[c.audio].hash, c.start, c.expires, c.every, c.severity, c.drill,
         c.repeat_until)
        for c in schedule.calls if c.expires > at
    ]  # fmt: skip


def _open(station: Station, at: int, until: int) -> list[tuple[int, int]] | None:
    if station.open is None:
        return None
    return [(max(a, at), b) for a, b in station.open if b > at and b < until]


def _hours(station: Station, at: int, until: int) -> list[Hour]:
    return [h for h in station.hours if h.end > at and h.start < until]


def with_calls(schedule: Schedule, called: Schedule, areas: tuple[int, ...]) -> Schedule:
    """Return a schedule of some of its areas with the emergencies of another, and only those."""
    audios = list(schedule.audios)
    numbers = {audio.hash: number for number, audio in enumerate(audios)}
    calls = []
    for call in called.calls:
        audio = called.audios[call.audio]
        if audio.hash not in numbers:
            numbers[audio.hash] = len(audios)
            audios.append(audio)
        calls.append(msgspec.structs.replace(call, audio=numbers[audio.hash]))
    known = {bulletin.id: bulletin for bulletin in schedule.bulletins}
    known |= {bulletin.id: bulletin for bulletin in called.bulletins}
    return msgspec.structs.replace(
        schedule, areas=areas, audios=tuple(audios), calls=tuple(calls), made=called.made,
        bulletins=tuple(known.values()),
    )  # fmt: skip
