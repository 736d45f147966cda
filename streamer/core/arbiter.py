"""Who is on air: the pure functions that decide what each mount carries.

Highest first, for the mount of an area whose own station is the nearest one at or above it:

1. **Emergency**, at once. A live of class emergency is one, too. Of several sounds the one that is
   real, then of higher severity, then called later. A saying is cut by what goes before it, and
   resumes; but a repeat cuts no emergency, it waits for its end.
2. **Own live**: of an area at or below the station; the nearest, then of the higher class, then
   the first. Where there is no station, any live is the mount's own.
3. **The item that is on, or was interrupted**: it is finished, from the packet at which it was cut.
4. **Priority**: an upper level's live of this class (the first of several), at its present, for it
   cannot wait; then the station's priority items in the commune's order. An item that is on goes
   first (3), and so nothing of this class ever cuts another.
5. An upper level's **routine live** where the policy is ``always``.
6. **The slot**: the plays that were planned into it, in their order; or its relay; or what the
   nearest station above has by its own live and its slots, at its present.
7. An upper level's routine live where the policy is ``idle``.
8. **Standing content** of the configuration, nearest first; then silence.

With policy ``slots`` an upper routine live is carried in slots of the upper level only, with
``never`` not even there. Nothing sounds at or after its expiry: what is on is cut.

The director asks ``arbitrate`` for a tick a little ahead, hands what changed to the engine, takes
it into its states by ``advance``, and asks again at ``next_look`` or when something happened.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace

from loa.streamer.core.coverage import NONE, Coverage, Heard, coverage
from loa.streamer.core.cues import (
    SILENCE,
    Choice,
    Emergency,
    MountState,
    OpenSlot,
    Play,
    Rank,
    Situation,
    Station,
    Why,
)
from loa.streamer.core.planner import SlotContent
from loa.streamer.core.policy import RoutineLive
from loa.streamer.core.rights import BulletinClass

KEPT_PLAYS = 64
"""Plays of a mount that are remembered; far more than are ever planned or repeated at a time."""
KEPT_BEGUN = 16
FRESH = MountState()
NO_STATION = Station()

_ITEM = frozenset({Why.PRIORITY, Why.SLOT})
_FROM_ABOVE = frozenset({Why.OWN_LIVE, Why.SLOT, Why.UPPER})


def arbitrate(
    situation: Situation, states: Mapping[int, MountState], tick: int
) -> dict[int, Choice]:
    """Return what each mount (by area id) carries from ``tick`` on. Pure.

    ``states`` are of now, ``tick`` may be ahead of them: what ends until then counts as finished.
    A mount without a state has never played anything.
    """
    decision = Decision(situation, states, tick)
    ids = decision.coverage.layout.ids
    return {id: decision.mount(number) for number, id in enumerate(ids)}


def advance(state: MountState, choice: Choice, tick: int) -> MountState:
    """Return the state of a mount that carries ``choice`` from ``tick`` on. Pure.

    Call it when the change cannot be taken back any more: what was on is taken to have sounded
    until ``tick``. Returns the same state when nothing changes.
    """
    was = state.choice
    if choice is was:
        return state
    if choice.id == was.id and choice.programme == was.programme:
        return state if choice == was else replace(state, choice=choice)
    played, begun = state.played, state.begun
    if was.play is not None and was.why is not Why.UPPER:
        packets = was.packets(tick)
        if packets:
            played = {key: value for key, value in played.items() if key != was.id}
            played[was.id] = packets
        begun = tuple(cut for cut in begun if cut.id != was.id)
        if 0 < packets < was.play.ticks:
            begun += (was,)
    if begun:
        begun = tuple(
            cut for cut in begun if cut.id != choice.id and cut.play and not cut.play.over(tick)
        )[-KEPT_BEGUN:]
    if len(played) > KEPT_PLAYS:
        needed = {cut.id for cut in begun}
        old = [key for key in played if key not in needed][: len(played) - KEPT_PLAYS]
        played = {key: value for key, value in played.items() if key not in old}
    return MountState(choice, tick, played, begun)


def next_look(
    situation: Situation,
    states: Mapping[int, MountState],
    choices: Mapping[int, Choice],
    tick: int,
) -> int | None:
    """Return the next tick at which ``arbitrate`` may answer otherwise by itself, or None.

    ``choices`` are its answers for ``tick``; until the tick returned it gives them again.
    """
    due: list[int | None] = []
    for choice in {id(choice): choice for choice in choices.values()}.values():
        if choice.play is not None:
            due += (choice.end, choice.play.expires)
    for station in situation.stations.values():
        at = bisect_right(station.turns, tick)
        due += station.turns[at : at + 1]
    for emergency in situation.emergencies:
        due += (emergency.expires, emergency.play.expires, emergency.next_due(tick))
    policies = situation.policies
    due += (live.presence.next_change(tick, policies) for live in situation.lives)
    due += (presence.next_change(tick, policies) for presence in situation.relays.values())
    return min((t for t in due if t is not None and t > tick), default=None)


class Decision:
    """One decision, mount by mount. ``mount`` may be asked in any order."""

    def __init__(self, situation: Situation, states: Mapping[int, MountState], tick: int) -> None:
        self.situation = situation
        self.coverage: Coverage = coverage(situation)
        self._states = states
        self._tick = tick
        self._choices: dict[int, Choice] = {}
        # Mounts share tuples of what reaches them, and so what these come to at this tick.
        self._called: dict[int, tuple[Emergency, ...]] = {}
        self._heard: dict[int, tuple[Heard, ...]] = {}
        self._sayings: dict[int, Play] = {}
        self._begun: dict[tuple[str, int], Choice] = {}
        self._shared: dict[int, Choice] = {}

    def mount(self, number: int) -> Choice:
        """Return what the mount of the area with this number carries."""
        known = self._choices.get(number)
        if known is None:
            known = self._choices[number] = self._decide(number)
        return known

    def _called_now(self, emergencies: tuple[Emergency, ...]) -> tuple[Emergency, ...]:
        found = self._called.get(id(emergencies))
        if found is None:
            found = tuple(e for e in emergencies if e.start <= self._tick < e.expires)
            self._called[id(emergencies)] = found
        return found

    def _heard_now(self, lives: tuple[Heard, ...]) -> tuple[Heard, ...]:
        found = self._heard.get(id(lives))
        if found is None:
            policies = self.situation.policies
            found = tuple(h for h in lives if h.live.presence.holds_air(self._tick, policies))
            self._heard[id(lives)] = found
        return found

    def _decide(self, number: int) -> Choice:
        reach = self.coverage
        shape = reach.layout
        tick = self._tick
        state = self._states.get(shape.ids[number], FRESH)
        emergencies = reach.emergencies[number] and self._called_now(reach.emergencies[number])
        lives = reach.lives[number] and self._heard_now(reach.lives[number])

        own: Heard | None = None
        priority: Heard | None = None
        routine: Heard | None = None
        urgent: list[Heard] = []
        station_at = shape.station[number]
        for heard in lives:
            cls = heard.live.cls
            if cls is BulletinClass.EMERGENCY:
                urgent.append(heard)
            elif station_at == NONE or station_at <= heard.area < shape.end[station_at]:
                own = own or heard
            elif cls is BulletinClass.PRIORITY:
                if priority is None or _came(heard) < _came(priority):
                    priority = heard
            else:
                routine = routine or heard

        if emergencies or urgent:
            choice = self._emergency(state, emergencies, urgent)
            if choice is not None:
                return choice
        if own is not None:
            return own.choice
        if (kept := self._in_progress(number, state)) is not None:
            return kept
        if priority is not None:
            return priority.upper
        station = reach.stations[number] or NO_STATION
        for play in station.priority:
            if self._eligible(play, number, state):
                return self._begin(play, Why.PRIORITY, state)
        policy = station.routine_live
        if routine is not None and policy is RoutineLive.ALWAYS:
            return routine.upper
        for play in station.plays:
            if self._eligible(play, number, state):
                return self._begin(play, Why.SLOT, state)
        for slot in station.slots:
            if slot.start <= tick < slot.end:
                filled = self._slot(slot, number, policy, routine)
                if filled is not None:
                    return filled
        if routine is not None and policy is RoutineLive.IDLE:
            return routine.upper
        return self._standing(reach.standing[number])

    # --- emergencies

    def _emergency(
        self, state: MountState, emergencies: tuple[Emergency, ...], urgent: list[Heard]
    ) -> Choice | None:
        """Return which emergency sounds on a mount; None when none has anything to say."""
        wanted = []
        for emergency in emergencies:
            saying = self._saying(state, emergency)
            if saying is not None:
                wanted.append(saying)
        if len(wanted) <= 1 and not urgent:
            return wanted[0][1] if wanted else None
        wanted += ((heard.live.rank, heard.choice, True) for heard in urgent)
        on = next((rank for rank, choice, _ in wanted if choice == state.choice), None)
        if on is not None:
            # Repeats wait for the end of what is on.
            wanted = [w for w in wanted if w[1] == state.choice or (w[2] and w[0] > on)]
        return max(wanted, key=lambda w: w[0])[1] if wanted else None

    def _saying(self, state: MountState, emergency: Emergency) -> tuple[Rank, Choice, bool] | None:
        """Return what an emergency has to say on a mount, and whether it may cut another."""
        now = state.choice
        if now.cue == emergency.id and self._on(now):
            return emergency.rank, now, True
        for cut in reversed(state.begun):
            if cut.cue == emergency.id and cut.play is not None and not cut.play.over(self._tick):
                return emergency.rank, self._resume(cut, state), True
        number = emergency.due(self._tick)
        play = self._said(emergency, number)
        if play.over(self._tick) or self._packets(play, state) >= play.ticks:
            return None
        first = number == 0 or not any(
            key.startswith(f"{emergency.play.key}#") for key in (*state.played, now.id)
        )
        return emergency.rank, self._begin(play, Why.EMERGENCY, state, emergency), first

    def _said(self, emergency: Emergency, number: int) -> Play:
        play = self._sayings.get(emergency.id)
        if play is None:
            play = self._sayings[emergency.id] = emergency.saying(number)
        return play

    # --- items

    def _in_progress(self, number: int, state: MountState) -> Choice | None:
        """Return the item that is on, or was interrupted and is now taken up again."""
        now = state.choice
        if now.play is not None and self._on(now):
            if now.why in _ITEM and self._wanted(now.play):
                return now
            above = self.coverage.layout.upper[number]
            # An upper slot may be over, but what it carries is heard to its end.
            mirrored = now.why is Why.UPPER and above != NONE
            if mirrored and self.mount(above).programme == now.programme:
                return now
        for cut in reversed(state.begun):
            play = cut.play
            if cut.why in _ITEM and play and not play.over(self._tick) and self._wanted(play):
                return self._resume(cut, state)
        return None

    def _on(self, now: Choice) -> bool:
        """Say whether the play that is on still has something to say."""
        play = now.play
        return (
            play is not None and now.packets(self._tick) < play.ticks and not play.over(self._tick)
        )

    def _wanted(self, play: Play) -> bool:
        situation = self.situation
        return play.key not in situation.stopped and play.bulletin not in situation.withdrawn

    def _packets(self, play: Play, state: MountState) -> int:
        """Return how many packets of a play are over."""
        if state.choice.id == play.key:
            return state.choice.packets(self._tick)
        return state.played.get(play.key, 0)

    def _eligible(self, play: Play, number: int, state: MountState) -> bool:
        """Say whether a play may begin on a mount now, or had begun and is not over."""
        tick = self._tick
        packets = self._packets(play, state)
        if packets == 0:
            if tick < play.not_before:
                return False
            if play.last_start is not None and tick > play.last_start:
                return False
        elif packets >= play.ticks:
            return False
        if play.targets is not None and not self.coverage.layout.reaches(play.targets, number):
            return False
        return not play.over(self._tick) and self._wanted(play)

    def _begin(
        self, play: Play, why: Why, state: MountState, emergency: Emergency | None = None
    ) -> Choice:
        packets = state.played.get(play.key, 0)
        known = self._begun.get((play.key, packets))
        if known is None:
            drill = emergency is not None and emergency.drill
            known = self._begun[(play.key, packets)] = Choice(
                "bulletin", play.key, play.origin, why, play, packets, self._tick, play.cue, drill
            )
        return known

    def _resume(self, cut: Choice, state: MountState) -> Choice:
        packets = state.played.get(cut.id, 0)
        known = self._begun.get((cut.id, packets))
        if known is None:
            known = replace(cut, offset=packets, start=self._tick)
            self._begun[(cut.id, packets)] = known
        return known

    # --- slots and standing content

    def _slot(
        self, slot: OpenSlot, number: int, policy: RoutineLive, routine: Heard | None
    ) -> Choice | None:
        """Return what a slot that is open is filled with; None for a queue and for nothing."""
        shape = self.coverage.layout
        if slot.content is SlotContent.RELAY:
            for url in (slot.relay, slot.alternative):
                if url and self._delivers(url):
                    return Choice("relay", url, shape.ids[shape.station[number]], Why.SLOT)
            return None
        if slot.content is not SlotContent.UPPER:
            return None
        if routine is not None and policy is not RoutineLive.NEVER:
            return routine.upper
        above = shape.upper[number]
        if above == NONE:
            return None
        choice = self.mount(above)
        if choice.why not in _FROM_ABOVE:
            return None
        if choice.kind == "live" and policy is RoutineLive.NEVER:
            return None
        known = self._shared.get(id(choice))
        if known is None:
            known = self._shared[id(choice)] = replace(choice, why=Why.UPPER)
        return known

    def _delivers(self, url: str) -> bool:
        presence = self.situation.relays.get(url)
        return presence is not None and presence.holds_air(self._tick, self.situation.policies)

    def _standing(self, options: tuple[tuple[str, Choice], ...]) -> Choice:
        for url, choice in options:
            if not url or self._delivers(url):
                return choice
        return SILENCE


def _came(heard: Heard) -> tuple[int, str]:
    return heard.live.since, heard.live.id
