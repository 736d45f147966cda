"""What will become of a live, for each mount that it is for, before the button is pressed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from loa.streamer.core.arbiter import FRESH, Decision, advance
from loa.streamer.core.coverage import Coverage, coverage
from loa.streamer.core.cues import Choice, Live, MountState, Situation, Why
from loa.streamer.core.policy import RoutineLive
from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import TICKS_A_SECOND

HORIZON = 30 * 60 * TICKS_A_SECOND
"""How far ahead a mount is followed; what comes later is "not"."""
MAX_STEPS = 64


class When(StrEnum):
    """When a mount would carry a live."""

    NOW = "now"
    AFTER = "after"
    """After the item or items that go before it, or when a slot opens or closes."""
    NOT = "not"
    """Not before something ends whose end nobody knows, or not at all."""


class Reason(StrEnum):
    """Why not now."""

    EMERGENCY = "emergency"
    LIVE = "live"
    """Another live goes before it."""
    ITEM = "item"
    """What is on is finished first, or goes before it."""
    SLOT = "slot"
    """The area has a relay, or a slot of its own, until then."""
    POLICY = "policy"
    """The area does not carry the routine lives of others, or only in its slots for that."""


@dataclass(frozen=True, slots=True)
class Preview:
    """``tick``: from when on, None when not. ``reason``: None when now. ``on``: what is on now."""

    when: When
    tick: int | None
    reason: Reason | None
    on: Choice


def preview(
    situation: Situation, states: Mapping[int, MountState], live: Live, tick: int
) -> dict[int, Preview]:
    """Return what becomes of ``live`` on each mount (by area id) that it is for. Pure.

    As if it started at ``tick``, by what is known at that tick: what is called or starts
    meanwhile can change it.
    """
    with_it = replace(
        situation, lives=(*(x for x in situation.lives if x.id != live.id), live)
    )  # fmt: skip
    reach = coverage(with_it)
    first = Decision(with_it, states, tick)
    found: dict[int, Preview] = {}
    for number, heard in enumerate(reach.lives):
        if any(h.live is live for h in heard):
            id = reach.layout.ids[number]
            choice = first.mount(number)
            if _is(choice, live):
                found[id] = Preview(When.NOW, tick, None, states.get(id, FRESH).choice)
            else:
                found[id] = _later(with_it, reach, states, number, choice, live, tick)
    return found


class _Instead(Mapping[int, MountState]):
    """The states of all mounts, with another one for one of them."""

    def __init__(self, states: Mapping[int, MountState], id: int, state: MountState) -> None:
        self._states, self._id, self._state = states, id, state

    def __getitem__(self, id: int) -> MountState:
        return self._state if id == self._id else self._states[id]

    def __iter__(self) -> Iterator[int]:
        return iter({*self._states, self._id})

    def __len__(self) -> int:
        return len({*self._states, self._id})


def _is(choice: Choice, live: Live) -> bool:
    return choice.kind == "live" and choice.id == live.id


def _later(
    situation: Situation,
    reach: Coverage,
    states: Mapping[int, MountState],
    number: int,
    choice: Choice,
    live: Live,
    tick: int,
) -> Preview:
    id = reach.layout.ids[number]
    reason = _reason(reach, number, choice, live)
    on, now, state = choice, tick, states.get(id, FRESH)
    for _ in range(MAX_STEPS):
        state = advance(state, choice, now)
        later = min(
            (t for t in _turns(situation, reach, number, choice, now) if t > now), default=None
        )
        if later is None or later > tick + HORIZON:
            break
        now = later
        choice = Decision(situation, _Instead(states, id, state), now).mount(number)
        if _is(choice, live):
            return Preview(When.AFTER, now, reason, on)
    return Preview(When.NOT, None, reason, on)


def _turns(
    situation: Situation, reach: Coverage, number: int, choice: Choice, tick: int
) -> Iterator[int]:
    """Yield ticks at which a mount may change by itself."""
    if choice.play is not None:
        yield choice.start + choice.play.ticks - choice.offset
        if choice.play.expires is not None:
            yield choice.play.expires
    station = reach.stations[number]
    if station is not None:
        at = bisect_right(station.turns, tick)
        yield from station.turns[at : at + 1]
    for emergency in reach.emergencies[number]:
        yield emergency.expires
        due = emergency.next_due(tick)
        if due is not None:
            yield due
    for heard in reach.lives[number]:
        due = heard.live.presence.next_change(tick, situation.policies)
        if due is not None:
            yield due


def _reason(reach: Coverage, number: int, choice: Choice, live: Live) -> Reason:
    if choice.why is Why.EMERGENCY:
        return Reason.EMERGENCY
    if choice.kind == "live":
        return Reason.LIVE
    if choice.play is not None:
        return Reason.ITEM
    station = reach.stations[number]
    routine = live.cls is BulletinClass.ROUTINE
    if routine and station and station.routine_live in (RoutineLive.NEVER, RoutineLive.SLOTS):
        return Reason.POLICY
    return Reason.SLOT
