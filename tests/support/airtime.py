"""A small tree and a clockless director: what each mount hears when, written as people would.

Times are seconds. ``hear`` plays a situation, or several one after the other, and returns for each
mount a line like ``0 - · 10 A · 20 E#0 · 25 A+10 · 35 -``: what is heard from which second on
(``-`` is silence, ``+10`` that it is taken up after its first ten seconds).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from loa.streamer.core.arbiter import advance, arbitrate, next_look
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.cues import (
    Choice,
    Content,
    Emergency,
    Live,
    MountState,
    OpenSlot,
    Play,
    Presence,
    Situation,
    Station,
)
from loa.streamer.core.planner import SlotContent
from loa.streamer.core.policy import RoutineLive
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import TICKS_A_SECOND

P, D, C, V, W, E = 1, 2, 3, 4, 5, 6
TREE = AreaTree(
    [
        Area("/p", "Province", True, id=P),
        Area("/p/d", "District", True, id=D),
        Area("/p/d/c", "Commune", True, id=C),
        Area("/p/d/c/v", "Village of the commune", False, id=V),
        Area("/p/d/c/w", "Its other village", False, id=W),
        Area("/p/d/e", "Another commune", True, id=E),
    ]
)
NAMES = {"P": P, "D": D, "C": C, "V": V, "W": W, "E": E}
ROUTINE, PRIORITY, EMERGENCY = BulletinClass


def ticks(seconds: float) -> int:
    return round(seconds * TICKS_A_SECOND)


def play(
    key: str,
    at: float = 0,
    seconds: float = 10,
    *,
    late: float | None = None,
    expires: float | None = None,
    cls: BulletinClass = ROUTINE,
    targets: Iterable[int] | None = None,
    area: int = C,
) -> Play:
    return Play(
        key, f"{key}.opus", ticks(seconds), cls, sum(map(ord, key)), area, not_before=ticks(at),
        last_start=None if late is None else ticks(late),
        expires=None if expires is None else ticks(expires),
        targets=None if targets is None else frozenset(targets),
    )  # fmt: skip


def emergency(
    name: str,
    at: float,
    seconds: float = 5,
    *,
    on: Iterable[int] = (P,),
    but: Iterable[int] = (),
    severity: int = 3,
    drill: bool = False,
    every: float = 0,
    until: float | None = None,
    expires: float = 3600,
) -> Emergency:
    id = 100 + ord(name[0])
    audio = Play(name, f"{name}.opus", ticks(seconds), EMERGENCY, id, P, cue=id)
    return Emergency(
        id, audio, frozenset(on), frozenset(but), severity, drill, ticks(at), ticks(at),
        ticks(expires), ticks(every), None if until is None else ticks(until),
    )  # fmt: skip


def live(
    name: str,
    area: int,
    cls: BulletinClass = ROUTINE,
    since: float = 0,
    *,
    targets: Iterable[int] | None = None,
    presence: Presence | None = None,
    severity: int = 3,
    drill: bool = False,
) -> Live:
    return Live(
        name, area, cls, ticks(since), presence or Presence(),
        None if targets is None else frozenset(targets), severity, drill,
    )  # fmt: skip


def slot(kind: str, start: float, end: float, relay: str = "", alternative: str = "") -> OpenSlot:
    return OpenSlot(1, ticks(start), ticks(end), SlotContent(kind), relay, alternative)


def station(
    *plays: Play,
    priority: Iterable[Play] = (),
    slots: Iterable[OpenSlot] = (),
    policy: str = "idle",
) -> Station:
    return Station(RoutineLive(policy), tuple(priority), plays, tuple(slots))


def given(*things: Emergency | Live, **rest: Any) -> Situation:
    """Return a situation; stations (``C=station(…)``) and ``files``/``relays`` by name."""
    stations = {NAMES[name]: value for name, value in rest.items() if name in NAMES}
    standing = {area: Content(file=file) for area, file in rest.get("files", {}).items()}
    return Situation(
        TREE,
        tuple(t for t in things if isinstance(t, Emergency)),
        tuple(t for t in things if isinstance(t, Live)),
        stations,
        rest.get("standing", standing),
        rest.get("relays", {}),
        stopped=frozenset(rest.get("stopped", ())),
        withdrawn=frozenset(rest.get("withdrawn", ())),
    )


Changes = Mapping[float, Situation]


def hear(changes: Changes | Situation, until: float = 3600) -> dict[int, str]:
    """Return what each mount hears; ``changes``: situations by the second they begin with."""
    if isinstance(changes, Situation):
        changes = {0: changes}
    lines: dict[int, list[str]] = {area: [] for area in NAMES.values()}
    for tick, choices in follow({ticks(at): s for at, s in changes.items()}, ticks(until)):
        for area, choice in choices.items():
            lines[area].append(f"{tick / TICKS_A_SECOND:g} {_words(choice)}")
    return {area: " · ".join(line) for area, line in lines.items()}


def follow(changes: Mapping[int, Situation], until: int) -> Iterable[tuple[int, dict[int, Choice]]]:
    """Yield what changes on which mounts at which tick, as a director would do it."""
    states = {area: MountState() for area in NAMES.values()}
    starts = sorted(changes)
    tick: int | None = starts[0]
    first = True
    while tick is not None and tick < until:
        situation = changes[max(start for start in starts if start <= tick)]
        choices = arbitrate(situation, states, tick)
        changed = {
            area: choice
            for area, choice in choices.items()
            if first or choice.programme != states[area].choice.programme
        }
        first = False
        states = {area: advance(states[area], choice, tick) for area, choice in choices.items()}
        yield tick, changed
        looks = [next_look(situation, states, choices, tick), *(s for s in starts if s > tick)]
        tick = min((look for look in looks if look is not None), default=None)


def _words(choice: Choice) -> str:
    name = {"silence": "-"}.get(choice.kind, choice.id)
    return f"{name}+{choice.offset / TICKS_A_SECOND:g}" if choice.offset else name
