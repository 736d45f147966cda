"""Who is on air, first form: what the director asks until it has moved to ``arbiter``.

A mount's own live, else the live of the nearest area above it, else its relay or file or those of
the nearest area above that has one, else silence. An emergency goes before every other live. A live
that was lost is held for a while (its mounts hear silence) and takes back only when it has been
steady for a while; a relay is judged the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from loa.streamer.core.areas import AreaTree
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import TICKS_A_SECOND


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
    """A live source: ``id`` is whatever the caller knows it by; ``area`` the path it is live on."""

    id: str
    area: str
    cls: BulletinClass
    since: int
    presence: Presence = field(default_factory=Presence)


@dataclass(frozen=True, slots=True)
class Content:
    """What an area has to play when nobody is live: a relay (by URL), else a file, by name."""

    relay: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a mount carries: ``kind`` is ``live``, ``relay``, ``file`` or ``silence``, ``id`` which.

    ``origin``: the path of the area from which it comes.
    """

    kind: str
    id: str = ""
    origin: str = ""


SILENCE = Choice("silence")


def arbitrate(
    areas: AreaTree,
    lives: Iterable[Live],
    contents: Mapping[str, Content],
    relays: Mapping[str, Presence],
    policies: Policies,
    tick: int,
) -> dict[str, Choice]:
    """Return the choice for each area's mount (by path) at ``tick``. Pure.

    ``contents`` are by area path; ``relays`` those that deliver or did, by URL: one that is not
    there has never delivered and is passed over.
    """
    best: dict[str, Live] = {}
    for live in lives:
        if not live.presence.holds_air(tick, policies):
            continue
        other = best.get(live.area)
        # Of two on one area the higher class, then the one that was there first.
        if other is None or (-live.cls, live.since, live.id) < (-other.cls, other.since, other.id):
            best[live.area] = live

    choices: dict[str, Choice] = {}
    carried: dict[str, Live | None] = {}
    filled: dict[str, Choice] = {}
    for area in areas:  # parents come first
        above = None if area.parent is None else carried[area.parent]
        own = best.get(area.path)
        emergency_above = above is not None and above.cls is BulletinClass.EMERGENCY
        own_emergency = own is not None and own.cls is BulletinClass.EMERGENCY
        taken = own if own is not None and (own_emergency or not emergency_above) else above
        carried[area.path] = taken

        content = contents.get(area.path)
        filling = SILENCE if area.parent is None else filled[area.parent]
        if content is not None:
            presence = relays.get(content.relay) if content.relay else None
            if content.relay and presence is not None and presence.holds_air(tick, policies):
                filling = Choice("relay", content.relay, area.path)
            elif content.file:
                filling = Choice("file", content.file, area.path)
        filled[area.path] = filling
        choices[area.path] = filling if taken is None else Choice("live", taken.id, taken.area)
    return choices


def next_look(
    lives: Iterable[Live], relays: Mapping[str, Presence], policies: Policies, tick: int
) -> int | None:
    """Return the next tick at which ``arbitrate`` may answer otherwise by itself, or None."""
    presences = [live.presence for live in lives] + list(relays.values())
    due = [p.next_change(tick, policies) for p in presences]
    return min((d for d in due if d is not None), default=None)
