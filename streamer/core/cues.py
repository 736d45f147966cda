"""What the arbiter decides about: plays, lives, emergencies, slots; and its answer, a choice.

Everything here is in ticks; areas are their ids. The shells turn times of day into ticks, for the
next quarter of an hour or so, by the clock as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from loa.streamer.core.areas import AreaTree
from loa.streamer.core.planner import SlotContent
from loa.streamer.core.policy import RoutineLive
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import TICKS_A_SECOND


@dataclass(frozen=True, slots=True)
class Play:
    """One playing of recorded audio: ``key`` is the same for as long as it is the same playing.

    It does not begin before ``not_before`` nor after ``last_start`` (None: no limit); what has
    begun is played to its end, but nothing of it sounds at or after ``expires``. ``targets``: only
    mounts of these areas and below hear it, None for all that the queue is for. ``cue``: it is a
    saying of this emergency.
    """

    key: str
    audio: str
    ticks: int
    cls: BulletinClass
    bulletin: int
    origin: int
    entry: int | None = None
    cue: int | None = None
    not_before: int = 0
    last_start: int | None = None
    expires: int | None = None
    targets: frozenset[int] | None = None

    def over(self, tick: int) -> bool:
        """Say whether it has expired at ``tick``: nothing of it sounds any more."""
        return self.expires is not None and tick >= self.expires


Rank = tuple[bool, int, int, str]
"""Real before drill, then the higher severity, then the later call; the last only decides ties."""


@dataclass(frozen=True, slots=True)
class Emergency:
    """A call to be on air at once; ``targets`` and ``excluded`` mean everything below, too.

    Said from ``start`` on, and again every ``every`` ticks (0: not again) up to ``repeat_until``
    (None: up to ``expires``); nothing of it sounds at or after ``expires``.
    """

    id: int
    play: Play
    targets: frozenset[int]
    excluded: frozenset[int]
    severity: int
    drill: bool
    called: int
    start: int
    expires: int
    every: int = 0
    repeat_until: int | None = None

    @property
    def rank(self) -> Rank:
        """Which of several sounds: the greatest."""
        return (not self.drill, self.severity, self.called, str(self.id))

    def due(self, tick: int) -> int:
        """Return the number of the newest saying that is due at ``tick`` (at or after start)."""
        if self.every <= 0:
            return 0
        last = self.expires - 1 if self.repeat_until is None else self.repeat_until
        return max(0, min(tick, last) - self.start) // self.every

    def next_due(self, tick: int) -> int | None:
        """Return the tick after ``tick`` at which the next saying is due, None when none is."""
        if tick < self.start:
            return self.start
        number = self.due(tick) + 1
        due = self.start + number * self.every
        return due if self.due(due) == number and tick < due < self.expires else None

    def saying(self, number: int) -> Play:
        """Return one saying of it; its number, from 0 on, is in its key."""
        return replace(
            self.play,
            key=f"{self.play.key}#{number}",
            cue=self.id,
            expires=self.expires if self.play.expires is None
            else min(self.expires, self.play.expires),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policies:
    """Ticks that a lost source is held, and must be steady before it takes back."""

    hold: int = 5 * TICKS_A_SECOND
    take_back: int = 3 * TICKS_A_SECOND


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a source is there, as far as its mounts are concerned.

    ``lost``: the tick since which it gives nothing (its connection broke, or it stalls), None while
    it is well. ``returned``: the tick at which it came back after it had been given up, None when
    it never was. Make new ones by ``lose`` and ``come_back`` only.
    """

    lost: int | None = None
    returned: int | None = None

    def lose(self, tick: int, policies: Policies) -> Presence:
        """Return how it stands after it was lost at ``tick``."""
        if self.lost is not None:
            return self
        if self.returned is not None and tick < self.returned + policies.take_back:
            # It was never steady: it stays given up, and has to begin anew.
            return Presence(lost=tick - policies.hold, returned=None)
        return Presence(lost=tick)

    def come_back(self, tick: int, policies: Policies) -> Presence:
        """Return how it stands after it is heard again at ``tick``."""
        if self.lost is None:
            return self
        if tick < self.lost + policies.hold:
            return Presence()
        return Presence(returned=tick)

    def holds_air(self, tick: int, policies: Policies) -> bool:
        """Say whether mounts carry it at ``tick``, be it as the silence of a source on hold."""
        if self.lost is not None:
            return tick < self.lost + policies.hold
        return self.returned is None or tick >= self.returned + policies.take_back

    def next_change(self, tick: int, policies: Policies) -> int | None:
        """Return the tick after ``tick`` at which ``holds_air`` changes by itself, or None."""
        due = None
        if self.lost is not None:
            due = self.lost + policies.hold
        elif self.returned is not None:
            due = self.returned + policies.take_back
        return due if due is not None and due > tick else None


@dataclass(frozen=True, slots=True)
class Live:
    """A live source: ``id`` is whatever the caller knows it by; ``area`` the id of its area.

    ``targets``: it is for these areas and below only, None for its own area and everything below.
    ``severity`` and ``drill`` matter where it is of class emergency, and ``since`` is then when it
    was called.
    """

    id: str
    area: int
    cls: BulletinClass
    since: int
    presence: Presence = field(default_factory=Presence)
    targets: frozenset[int] | None = None
    severity: int = 3
    drill: bool = False

    @property
    def rank(self) -> Rank:
        """Which of several emergencies sounds: the greatest."""
        return (not self.drill, self.severity, self.since, self.id)


@dataclass(frozen=True, slots=True)
class OpenSlot:
    """An occurrence of a slot, [start, end) in ticks.

    ``relay``, and ``alternative`` where that one delivers nothing, are URLs ("": none).
    """

    slot: int
    start: int
    end: int
    content: SlotContent
    relay: str = ""
    alternative: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What an area has when nothing else is on: a relay (by URL), else a file, by name."""

    relay: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Station:
    """What the arbiter must know of a station, for the time around now.

    ``priority``: its priority items, in the order that the commune wants; ``plays``: what was
    planned into its slots, by start. What has begun somewhere may be left out: it is finished all
    the same.
    """

    routine_live: RoutineLive = RoutineLive.IDLE
    priority: tuple[Play, ...] = ()
    plays: tuple[Play, ...] = ()
    slots: tuple[OpenSlot, ...] = ()
    turns: tuple[int, ...] = field(init=False, compare=False, repr=False)
    """Every tick at which any of this begins or ends to matter, in order."""

    def __post_init__(self) -> None:
        turns = {end for slot in self.slots for end in (slot.start, slot.end)}
        for play in (*self.priority, *self.plays):
            turns.add(play.not_before)
            if play.last_start is not None:
                turns.add(play.last_start + 1)
            if play.expires is not None:
                turns.add(play.expires)
        object.__setattr__(self, "turns", tuple(sorted(turns)))


class Why(StrEnum):
    """Why a mount carries what it carries: the words of the as-run log."""

    EMERGENCY = "emergency"
    OWN_LIVE = "own_live"
    PRIORITY = "priority"
    SLOT = "slot"
    UPPER = "upper"
    """A slot that is given to the upper level, or its routine live by standing policy."""
    STANDING = "standing"
    """What the configuration says for when there is nothing else."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a mount carries.

    ``kind`` is live, relay, file, bulletin or silence; ``id`` which one (a live's, a URL, a file's
    name, a play's key). ``origin``: the area it comes from. A bulletin is ``play``, from packet
    ``offset`` on, which sounded or will sound at tick ``start``.
    """

    kind: str
    id: str = ""
    origin: int = 0
    why: Why = Why.NOTHING
    play: Play | None = None
    offset: int = 0
    start: int = 0
    cue: int | None = None
    drill: bool = False

    @property
    def programme(self) -> tuple[str, str, int, int]:
        """What is heard: mounts whose choices have it in common carry one programme."""
        return (self.kind, self.id, self.offset, self.start)

    def packets(self, tick: int) -> int:
        """Return how many packets of ``play`` are over at ``tick``, those before it included."""
        if self.play is None:
            return 0
        return min(self.play.ticks, self.offset + max(0, tick - self.start))

    @property
    def end(self) -> int | None:
        """The tick at which it is over by itself, None when it is not known."""
        if self.play is None:
            return None
        return self.start + self.play.ticks - self.offset


SILENCE = Choice("silence")


@dataclass(frozen=True, slots=True)
class MountState:
    """What a mount did so far: the as-run that the arbiter needs.

    ``choice`` has been carried since ``since``. ``played``: packets played by play key, of plays
    that were begun, the one that is on now not counted; a finished play stays, with all its ticks.
    ``begun``: what was interrupted and is to be finished, the latest last. Both are bounded; make
    new states by ``arbiter.advance`` only.
    """

    choice: Choice = SILENCE
    since: int = 0
    played: Mapping[str, int] = field(default_factory=dict)
    begun: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the arbiter looks at. ``stations`` and ``standing`` are by area id.

    ``relays``: those that deliver or did, by URL; ``lives`` of any area. What was begun is finished
    even if its station's plan has it no longer, unless its key is in ``stopped`` or its bulletin in
    ``withdrawn``; an emergency stops when it is no longer in ``emergencies``.

    The arbiter keeps what it computed of the newest one: never change what is in it.
    """

    areas: AreaTree
    emergencies: tuple[Emergency, ...] = ()
    lives: tuple[Live, ...] = ()
    stations: Mapping[int, Station] = field(default_factory=dict)
    standing: Mapping[int, Content] = field(default_factory=dict)
    relays: Mapping[str, Presence] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)
    stopped: frozenset[str] = frozenset()
    withdrawn: frozenset[int] = frozenset()
