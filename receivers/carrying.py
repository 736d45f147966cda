"""What the mount of this box's area carries, by the last schedule. Pure.

The same functions decide as on the server (``streamer.core.arbiter``), with a situation that is
made of the schedule: the area's station and those above it whose slots it has. What the server
itself carried is followed while there is a session (``told``), so that ``decide`` goes on from
there: what was cut is resumed, what was over is over, and the key of a playing is the server's.

- An emergency is heard to its end if it sounds when the line is lost. After that only repeats that
  stand in the schedule sound: nobody is there who could say that it is over.
- What the server ended for good (it was neither an emergency nor a live that came between) stays
  ended.
- What its plan had done with before the box first heard from the server, the server played, or not:
  it is over for a box that was switched on later.
- After a power cut an item goes on where it was, if it still fits into its slot.

Ticks are those of the timeline, as the box knows it; a schedule's are put onto it by the time of
day, anew for each decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace as replaced

from loa.codecs.control.agenda import DAY_TICKS, Schedule, Turn
from loa.codecs.control.agenda import Station as Part
from loa.codecs.control.messages import Change
from loa.receivers.parts import Cause, Wanted
from loa.streamer.core.arbiter import advance, arbitrate, next_look
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.cues import (
    SILENCE,
    Choice,
    Emergency,
    MountState,
    OpenSlot,
    Play,
    Situation,
    Station,
    Why,
)
from loa.streamer.core.policy import RoutineLive
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.windows import SlotContent

NEAR_TICKS = 900 * DAY_TICKS
"""What begins within these is looked at; who asks must ask again sooner than that."""
REMEMBERED = 400
"""Playings that are kept across power cuts."""
_CUTS = ("live", "relay", "file")


class Begun(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a playing came: ``packets`` of ``ticks``, as of ``at`` (Unix seconds)."""

    key: Annotated[str, Meta(max_length=200)]
    packets: Annotated[int, Meta(ge=0)]
    ticks: Annotated[int, Meta(ge=0)]
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Decided:
    """``wanted`` from ``tick`` on, and when (tick) to ask again at the latest, None: no more."""

    choice: Choice
    wanted: Wanted
    again: int | None


class Carrying:
    """See the module. ``before``: what was played before this start."""

    def __init__(self, before: Iterable[Begun] = ()) -> None:
        self._schedule: Schedule | None = None
        self._tree = AreaTree(())
        self._own = 0
        self._states: dict[int, MountState] = {}
        self._pending: list[Change] = []
        self._last: Change | None = None
        """What the server carried last, while it still holds."""
        self._before = {b.key: b for b in before if b.packets > 0}
        self._taken_over = False
        self._followed: int | None = None
        """The tick from which on the server was followed, since this start."""

    # --- what is known

    def learn(self, schedule: Schedule | None) -> None:
        """Take another schedule."""
        own = self._state
        self._schedule = schedule
        areas: list[Area] = []
        path = ""
        parts = () if schedule is None else schedule.stations
        for part in reversed(parts):
            path += f"/s{part.area}"
            areas.append(Area(path, path, True, id=part.area))
        if not areas:
            areas.append(Area("/s", "/s", False, id=1))
        self._tree = AreaTree(areas)
        self._own = areas[-1].id
        self._states = {area.id: self._states[area.id] for area in areas if area.id in self._states}
        if own is not None:
            self._states[self._own] = own
        self._taken_over = False

    @property
    def state(self) -> MountState:
        """What the mount did so far."""
        return self._state or MountState()

    @property
    def _state(self) -> MountState | None:
        return self._states.get(self._own)

    def shift(self, ticks: int) -> None:
        """The timeline turned out to be another one: what was at t is at t + ``ticks``."""
        self._states = {id: _shifted(state, ticks) for id, state in self._states.items()}
        self._pending.clear()
        if self._followed is not None:
            self._followed += ticks

    # --- online

    def told(self, change: Change) -> None:
        """The server's mount carries this from its tick on, whatever was told of later ticks."""
        self._pending = [known for known in self._pending if known.tick < change.tick]
        self._pending.append(change)
        self._taken_over = False

    def follow(self, tick: int) -> None:
        """Take in what the server carried until ``tick``."""
        if self._pending and self._followed is None:
            self._followed = tick
        while self._pending and self._pending[0].tick <= tick:
            self._follow(self._pending.pop(0))

    def _follow(self, change: Change) -> None:
        state = self.state
        choice = self._choice_of(change)
        self._last = change if change.emergency else None
        if choice.id == state.choice.id and choice.programme == state.choice.programme:
            return
        state = advance(state, choice, change.tick)
        if not (change.emergency or change.kind in _CUTS):
            # What is neither on nor was cut by an emergency or a live was ended for good.
            over = {c.id: c.play.ticks for c in state.begun if c.play and c.id != choice.id}
            if over:
                begun = tuple(c for c in state.begun if c.id not in over)
                state = replace(state, begun=begun, played={**state.played, **over})
        self._states[self._own] = state

    def _choice_of(self, change: Change) -> Choice:
        if change.kind != "bulletin" or change.audio is None or change.ticks == 0:
            if change.kind == "silence":
                return SILENCE
            return Choice(change.kind, change.play or change.kind, why=Why.OWN_LIVE)
        cue = change.emergency or None
        why = Why.EMERGENCY if cue else self._why(change.play)
        play = Play(
            change.play, change.audio.hex(), change.ticks, BulletinClass(change.cls),
            change.bulletin, 0, cue=cue,
        )  # fmt: skip
        return Choice(
            "bulletin", change.play, 0, why, play, min(change.offset, change.ticks), change.tick,
            cue, change.drill,
        )  # fmt: skip

    def _why(self, key: str) -> Why:
        parts = () if self._schedule is None else self._schedule.stations
        for number, part in enumerate(parts):
            if any(turn.key == key for turn in part.priority):
                return Why.UPPER if number else Why.PRIORITY
            if any(turn.key == key for turn in part.plays):
                return Why.UPPER if number else Why.SLOT
        return Why.SLOT

    # --- offline

    def decide(self, tick: int, zero: int, has: Callable[[bytes], bool]) -> Decided:
        """Say what is carried from ``tick`` on, and take it for carried.

        ``zero``: the tick at which the time of day began (day tick 0). ``has``: whether audio is
        there to be played.
        """
        self.follow(tick)
        self._pending.clear()
        situation = self._situation(tick, zero, has)
        if not self._taken_over:
            self._take_over(situation, tick, zero)
            self._taken_over = True
        choices = arbitrate(situation, self._states, tick)
        for id, choice in choices.items():
            self._states[id] = advance(self._states.get(id, MountState()), choice, tick)
        choice = choices[self._own]
        if choice.cue is None:
            self._last = None
        return Decided(
            choice, self.wanted(choice, tick), next_look(situation, self._states, choices, tick)
        )

    def wanted(self, choice: Choice, tick: int) -> Wanted:
        """Return a choice as the sequencer takes it, from ``tick`` on."""
        play = choice.play
        if play is None:
            return Wanted(tick, "silence", cause=Cause.SCHEDULE)
        sign = "" if self._schedule is None else self._schedule.bulletin(play.bulletin).sign
        offset = choice.packets(tick)
        return Wanted(
            tick, "bulletin", int(play.cls), choice.id, bytes.fromhex(play.audio), offset,
            play.ticks, gap=offset > 0, bulletin=play.bulletin, emergency=choice.cue or 0,
            drill=choice.drill, sign=sign, cause=Cause.SCHEDULE,
        )  # fmt: skip

    def _situation(self, tick: int, zero: int, has: Callable[[bytes], bool]) -> Situation:
        schedule = self._schedule
        emergencies: list[Emergency] = []
        stations: dict[int, Station] = {}
        lacking: set[str] = set()
        if schedule is not None and tick - zero < schedule.until:
            there = [has(audio.hash) for audio in schedule.audios]
            emergencies = [
                self._emergency(schedule, number, zero)
                for number, call in enumerate(schedule.calls)
                if there[call.audio]
            ]
            for part in schedule.stations:
                near = _near(schedule, part, tick - zero)
                turns = (*near.priority, *near.plays)
                lacking |= {turn.key for turn in turns if not there[turn.audio]}
                stations[part.area] = self._station(schedule, near, tick, zero)
        now = self.state.choice
        if now.play is not None:
            if not has(bytes.fromhex(now.play.audio)):
                lacking.add(now.id)
            elif self._last is not None and all(e.id != now.cue for e in emergencies):
                emergencies += self._sounding(now)
        return Situation(
            self._tree, tuple(emergencies), stations=stations, stopped=frozenset(lacking)
        )

    def _sounding(self, now: Choice) -> Iterator[Emergency]:
        """Give the emergency that sounds: nobody said that it is over, it is heard to its end."""
        if now.cue is not None and now.play is not None and now.end is not None:
            yield Emergency(
                now.cue, now.play, frozenset({self._own}), frozenset(), 3, now.drill,
                now.start, now.start, now.end,
            )  # fmt: skip

    def _emergency(self, schedule: Schedule, number: int, zero: int) -> Emergency:
        call = schedule.calls[number]
        audio = schedule.audios[call.audio]
        play = Play(
            f"cue/{call.id}", audio.hash.hex(), audio.ticks, BulletinClass.EMERGENCY,
            call.bulletin, 0, cue=call.id,
        )  # fmt: skip
        until = call.repeat_until
        return Emergency(
            call.id, play, frozenset({self._own}), frozenset(), call.severity, call.drill,
            zero + call.start, zero + call.start, zero + call.expires, call.every,
            None if until is None else zero + until,
        )  # fmt: skip

    def _station(self, schedule: Schedule, part: Part, tick: int, zero: int) -> Station:
        priority = []
        for turn in part.priority:
            play = _play(schedule, turn, zero)
            if part.open is None:
                priority.append(play)
                continue
            # Its hours: those that are now, or come next, and are long enough.
            for begin, end in part.open:
                last = zero + end - play.ticks
                if last >= max(tick, play.not_before):
                    first = max(play.not_before, zero + begin)
                    priority.append(replace(play, not_before=first, last_start=last))
                    break
        policy = part.routine_live
        return Station(
            RoutineLive(policy) if policy in set(RoutineLive) else RoutineLive.IDLE,
            tuple(priority),
            tuple(_play(schedule, turn, zero) for turn in part.plays),
            tuple(
                OpenSlot(h.slot, zero + h.start, zero + h.end, SlotContent(h.content))
                for h in part.hours
            ),
        )

    def _take_over(self, situation: Situation, tick: int, zero: int) -> None:
        """From here on the box decides: what is known of before becomes the mounts' states."""
        for number, area in enumerate(reversed(list(self._tree))):
            station = situation.stations.get(area.id)
            if station is None:
                continue
            if number == 0:
                self._pass_over(station)
                self._revive(station, tick)
            elif area.id not in self._states:
                self._suppose(area.id, station, tick)

    def _pass_over(self, station: Station) -> None:
        """What was to be over before the server was first followed is over, unless it is known to
        this box."""
        if self._followed is None:
            return
        state = self.state
        known = {state.choice.id, *state.played, *self._before, *(c.id for c in state.begun)}
        over = {
            play.key: play.ticks
            for play in station.plays
            if play.key not in known and play.not_before <= self._followed - play.ticks
        }
        if over:
            self._states[self._own] = replace(state, played={**state.played, **over})

    def _revive(self, station: Station, tick: int) -> None:
        """Resume what a power cut ended in the middle, where it still fits into its slot."""
        state = self.state
        played, begun = dict(state.played), list(state.begun)
        known = {state.choice.id, *played, *(cut.id for cut in begun)}
        for why, plays in ((Why.PRIORITY, station.priority), (Why.SLOT, station.plays)):
            for play in plays:
                before = self._before.get(play.key)
                if before is None or play.key in known:
                    continue
                packets = min(before.packets, play.ticks)
                late = play.last_start is not None and tick > play.last_start + packets
                if packets < play.ticks and not late:
                    begun.append(Choice("bulletin", play.key, 0, why, play, 0, tick - packets))
                else:
                    packets = play.ticks
                played[play.key] = packets
        self._states[self._own] = replace(state, played=played, begun=tuple(begun))

    def _suppose(self, id: int, station: Station, tick: int) -> None:
        """Of a station above nothing is known but its plan: it is taken to have kept to it."""
        played: dict[str, int] = {}
        choice = SILENCE
        mine = self.state.choice
        for play in (*station.priority, *station.plays):
            if play.key == mine.id and mine.play is not None:
                choice = replace(mine, why=Why.SLOT, play=play)
            elif play.not_before + play.ticks <= tick:
                played[play.key] = play.ticks
            elif 0 < play.not_before <= tick and choice is SILENCE:
                choice = Choice("bulletin", play.key, 0, Why.SLOT, play, 0, play.not_before)
        self._states[id] = MountState(choice, tick, played)

    # --- across power cuts

    def begun(self, tick: int, unix: float) -> list[Begun]:
        """Return how far every playing came until ``tick`` (``unix``), the newest last."""
        state = self.state
        found = dict(self._before)
        ticks = {cut.id: cut.play.ticks for cut in state.begun if cut.play is not None}
        for key, packets in state.played.items():
            was = found.get(key)
            if was is None or was.packets < packets:
                whole = max(ticks.get(key, packets), packets)
                found.pop(key, None)
                found[key] = Begun(key=key, packets=packets, ticks=whole, at=unix)
        now = state.choice
        if now.play is not None and (packets := now.packets(tick)) > 0:
            found.pop(now.id, None)
            found[now.id] = Begun(key=now.id, packets=packets, ticks=now.play.ticks, at=unix)
        newest = list(found.values())[-REMEMBERED:]
        self._before = {b.key: b for b in newest}
        return newest


def _near(schedule: Schedule, part: Part, at: int) -> Part:
    """Return of a station's part what matters at a day tick and for a while after."""

    def matters(turn: Turn) -> bool:
        if turn.start > at + NEAR_TICKS:
            return False
        return turn.last is None or at <= turn.last + schedule.audios[turn.audio].ticks

    return replaced(
        part,
        priority=tuple(turn for turn in part.priority if matters(turn)),
        plays=tuple(turn for turn in part.plays if matters(turn)),
        hours=tuple(h for h in part.hours if h.start <= at + NEAR_TICKS and at < h.end),
    )


def _play(schedule: Schedule, turn: Turn, zero: int) -> Play:
    audio = schedule.audios[turn.audio]
    return Play(
        turn.key, audio.hash.hex(), audio.ticks, BulletinClass(turn.cls), turn.bulletin, 0,
        turn.entry, not_before=zero + turn.start,
        last_start=None if turn.last is None else zero + turn.last,
        expires=None if turn.expires is None else zero + turn.expires,
    )  # fmt: skip


def _shifted(state: MountState, ticks: int) -> MountState:
    def moved(choice: Choice) -> Choice:
        return choice if choice.play is None else replace(choice, start=choice.start + ticks)

    return MountState(
        moved(state.choice), state.since + ticks, state.played,
        tuple(moved(cut) for cut in state.begun),
    )  # fmt: skip


def zero_of(tick: float, unix: float) -> int:
    """Return the tick at which the time of day began, by a place on the timeline and its time."""
    return round(tick - unix * DAY_TICKS)


def plan_of(schedule: Schedule) -> Mapping[str, Turn]:
    """Return the playings of a schedule by their keys."""
    return {t.key: t for s in schedule.stations for t in (*s.priority, *s.plays)}
