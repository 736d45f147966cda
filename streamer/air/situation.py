"""The situation that the arbiter decides about: what stations planned and who called, in ticks.

What the store says is in Unix seconds. It becomes ticks by one reading of the clock, and again as
soon as another reading disagrees by more than a tick: nobody keeps the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from loa.streamer.air.clock import tick_of
from loa.streamer.core.areas import AreaTree
from loa.streamer.core.cues import (
    Content,
    Emergency,
    Live,
    OpenSlot,
    Play,
    Policies,
    Presence,
    Situation,
    Station,
)
from loa.streamer.core.planner import Planned
from loa.streamer.core.policy import AreaPolicies, RoutineLive
from loa.streamer.core.timeline import TICKS_A_SECOND, ClockReading
from loa.streamer.core.windows import SlotContent, Window
from loa.streamer.desk.planning import StationPlan
from loa.streamer.store.cues import StandingEmergency

PULL_BEFORE = 30.0
"""Seconds before a slot from which on its relay is pulled."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the store said last. ``policies`` of areas; ``plans`` of stations, by id."""

    policies: AreaPolicies | None = None
    plans: Mapping[int, StationPlan] = field(default_factory=dict)
    emergencies: tuple[StandingEmergency, ...] = ()
    withdrawn: frozenset[int] = frozenset()


class SituationRoom:
    """Puts a situation together. The same object comes back for as long as nothing changed."""

    def __init__(self, tree: AreaTree, standing: Mapping[str, Content], policies: Policies) -> None:
        self._tree = tree
        self._standing_by_path = standing
        self._policies = policies
        self._knowledge = Knowledge()
        self._stations: dict[int, Station] = {}
        self._emergencies: tuple[Emergency, ...] = ()
        self._stopped: frozenset[str] = frozenset()
        self._lives: tuple[Live, ...] = ()
        self._relays: dict[str, Presence] = {}
        self._zero: float | None = None
        """The Unix time of tick 0 by the reading that things are in ticks by."""
        self._newest: Situation | None = None
        self._stale = True

    @property
    def knowledge(self) -> Knowledge:
        """What the store said last."""
        return self._knowledge

    @property
    def stopped(self) -> frozenset[str]:
        """Plays, by key, that were ended for good."""
        return self._stopped

    def use(self, standing: Mapping[str, Content]) -> None:
        """Take other standing content, by path."""
        self._standing_by_path = standing
        self._newest = None

    def grow(self, tree: AreaTree) -> None:
        """Take another tree."""
        self._tree = tree
        self._newest = None
        self._stale = True

    def learn(self, knowledge: Knowledge) -> None:
        """Take what the store says now."""
        self._knowledge = knowledge
        self._stale = True

    def stop(self, key: str) -> None:
        """End a play for good."""
        self._stopped |= {key}
        self._newest = None

    def allow(self, key: str) -> None:
        """Let a play that was ended be played after all."""
        self._stopped -= {key}
        self._newest = None

    def now(
        self, lives: tuple[Live, ...], relays: dict[str, Presence], reading: ClockReading
    ) -> Situation:
        """Return the situation, with these sources, by the clock as it is now."""
        zero = reading.unix - reading.tick / TICKS_A_SECOND
        if self._zero is None or abs(zero - self._zero) * TICKS_A_SECOND > 1.0:
            self._zero, self._stale = zero, True
        if self._stale:
            self._convert(reading)
        if lives != self._lives or relays != self._relays:
            self._lives, self._relays = lives, relays
            self._newest = None
        if self._newest is None:
            self._newest = Situation(
                self._tree, self._emergencies, lives, self._stations, self._standing(), relays,
                self._policies, self._stopped, self._knowledge.withdrawn,
            )  # fmt: skip
        return self._newest

    def relays(self, now: float) -> dict[str, str | None]:
        """Return the relays of slots that are open, or open soon: alternative URLs or None."""
        wanted: dict[str, str | None] = {}
        for plan in self._knowledge.plans.values():
            for window in plan.windows:
                if window.content is not SlotContent.RELAY or not window.relay:
                    continue
                if window.start - PULL_BEFORE <= now < window.end:
                    wanted.setdefault(window.relay, None)
                    if window.alternative:
                        wanted.setdefault(window.alternative, None)
        return wanted

    def audios(self, until: int) -> Iterable[str]:
        """Give the audio of all that may be begun before a tick, most urgent first."""
        for emergency in self._emergencies:
            yield emergency.play.audio
        for station in self._stations.values():
            for play in (*station.priority, *station.plays):
                if play.not_before <= until and play.key not in self._stopped:
                    yield play.audio

    # --- into ticks

    def _standing(self) -> dict[int, Content]:
        found = {}
        for path, content in self._standing_by_path.items():
            area = self._tree.find(path)
            if area is not None:
                found[area.id] = content
        return found

    def _convert(self, reading: ClockReading) -> None:
        def tick_at(unix: float) -> int:
            return tick_of(reading, unix)

        knowledge = self._knowledge
        self._emergencies = tuple(
            e.on_timeline(tick_at, reading.tick) for e in knowledge.emergencies
        )
        stations: dict[int, Station] = {}
        for area in self._tree:
            if not area.station:
                continue
            policy = RoutineLive.IDLE
            if knowledge.policies is not None:
                policy = knowledge.policies.effective(area).routine_live or policy
            plan = knowledge.plans.get(area.id)
            if plan is not None:
                stations[area.id] = station_of(plan, policy, tick_at)
            elif policy is not RoutineLive.IDLE:
                stations[area.id] = Station(policy)
        self._stations = stations
        self._stale = False
        self._newest = None


def station_of(plan: StationPlan, policy: RoutineLive, tick_at: Callable[[float], int]) -> Station:
    """Return a station's plan as the arbiter takes it."""
    return Station(
        policy,
        tuple(_play(plan, p, tick_at, None) for p in plan.priority),
        tuple(_play(plan, p, tick_at, _window(plan, p)) for p in plan.plays),
        tuple(
            OpenSlot(w.slot, tick_at(w.start), tick_at(w.end), w.content, w.relay, w.alternative)
            for w in plan.windows
        ),
    )


def play_key(entry: int, number: int) -> str:
    """Return what one playing of an entry is known by, however often it is planned anew."""
    return f"entry/{entry}/{number}"


def _window(plan: StationPlan, planned: Planned) -> Window | None:
    for window in plan.windows:
        if window.slot == planned.slot and window.start <= planned.start < window.end:
            return window
    return None


def _play(
    plan: StationPlan, planned: Planned, tick_at: Callable[[float], int], window: Window | None
) -> Play:
    info = plan.bulletins.get(planned.bulletin)
    start = tick_at(planned.start)
    last = None
    if window is not None:
        # What could not begin in time to end with its slot is planned again, at another moment.
        last = max(start, tick_at(window.end) - planned.ticks)
    play = Play(
        play_key(planned.entry, planned.number), planned.audio, planned.ticks, planned.cls,
        planned.bulletin, plan.station if info is None else info.origin, planned.entry,
        not_before=start, last_start=last, targets=planned.targets,
    )  # fmt: skip
    if planned.expires is not None:
        play = replace(play, expires=tick_at(planned.expires))
    return play
