"""How an area wants things: settings that hold for everything below, until somebody there differs.

``Policy`` is what one area says (None: it leaves that open); ``effective`` is what holds there. A
new area has no hours and no limits until somebody sets them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from loa.streamer.core.areas import Area, AreaTree


class RoutineLive(StrEnum):
    """When an area carries a routine live of an upper level."""

    IDLE = "idle"
    """Whenever its own queue is not playing."""
    ALWAYS = "always"
    """After the item that is playing, in place of its own queue."""
    SLOTS = "slots"
    """Only in slots that are given to the upper level."""
    NEVER = "never"


class UpperRoutine(StrEnum):
    """What becomes of a routine bulletin that an upper level sends."""

    ACCEPT = "accept"
    """It goes into the queue."""
    ASK = "ask"
    """It is offered, and waits for a decision."""


@dataclass(frozen=True, slots=True)
class Hours:
    """When broadcasting is allowed: on ``weekdays`` (0 = Monday) from ``start`` to ``end``.

    Minutes since local midnight; ``end`` may be 1440, and is after ``start``.
    """

    weekdays: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Policy:
    """See the module. None: as the area above."""

    timezone: str | None = None
    hours: tuple[Hours, ...] | None = None
    """Empty: at any time."""
    sessions_a_day: int | None = None
    """0: no limit. A session is what is aired without a pause of five minutes."""
    session_minutes: int | None = None
    """0: no limit."""
    approve_own: bool | None = None
    routine_live: RoutineLive | None = None
    upper_routine: UpperRoutine | None = None
    override_hours: bool | None = None
    """Whether an announcer may go live outside the hours, giving a reason."""
    second_person: bool | None = None
    """Whether an emergency needs the confirmation of another person."""
    receiver_limits: tuple[tuple[str, float], ...] | None = None
    """From when on receivers are not well, where that differs from ``condition.TROUBLES``."""


DEFAULT = Policy(
    timezone="Asia/Ho_Chi_Minh",
    hours=(),
    sessions_a_day=0,
    session_minutes=0,
    approve_own=True,
    routine_live=RoutineLive.IDLE,
    upper_routine=UpperRoutine.ACCEPT,
    override_hours=True,
    second_person=False,
    receiver_limits=(),
)
"""What holds where nobody said anything."""


def effective(lineage: Sequence[Policy]) -> Policy:
    """Return what holds, given what an area and those above it say, nearest first."""
    chosen = {}
    for name in (f.name for f in fields(Policy)):
        said = (getattr(policy, name) for policy in (*lineage, DEFAULT))
        chosen[name] = next(value for value in said if value is not None)
    return Policy(**chosen)


class AreaPolicies:
    """What every area says (by id), and so what holds where. Immutable; answers are remembered."""

    def __init__(self, tree: AreaTree, said: Mapping[int, Policy]) -> None:
        self._tree = tree
        self._said = said
        self._effective: dict[int, Policy] = {}

    def said(self, area: Area) -> Policy:
        """Return what the area itself says."""
        return self._said.get(area.id, Policy())

    def effective(self, area: Area) -> Policy:
        """Return what holds in the area: nothing in it is None."""
        found = self._effective.get(area.id)
        if found is None:
            found = effective([self.said(a) for a in self._tree.lineage(area)])
            self._effective[area.id] = found
        return found

    def sources(self, area: Area) -> dict[str, Area | None]:
        """Return by setting which area at or above said what holds; None: nobody, the default."""
        lineage = self._tree.lineage(area)
        return {
            f.name: next((a for a in lineage if getattr(self.said(a), f.name) is not None), None)
            for f in fields(Policy)
        }


def to_settings(policy: Policy) -> dict[str, Any]:
    """Return what a policy says as JSON, without what it leaves open."""
    said = {f.name: getattr(policy, f.name) for f in fields(Policy)}
    settings = {name: value for name, value in said.items() if value is not None}
    if policy.hours is not None:
        settings["hours"] = [
            {"weekdays": list(h.weekdays), "start": h.start, "end": h.end} for h in policy.hours
        ]
    if policy.receiver_limits is not None:
        settings["receiver_limits"] = dict(policy.receiver_limits)
    return settings


def from_settings(settings: Mapping[str, Any]) -> Policy:
    """Return the policy that ``to_settings`` wrote; settings that we do not know are left out."""
    known = {f.name: settings[f.name] for f in fields(Policy) if settings.get(f.name) is not None}
    if "hours" in known:
        known["hours"] = tuple(
            Hours(tuple(h["weekdays"]), h["start"], h["end"]) for h in known["hours"]
        )
    if "receiver_limits" in known:
        known["receiver_limits"] = tuple(sorted(known["receiver_limits"].items()))
    if "routine_live" in known:
        known["routine_live"] = RoutineLive(known["routine_live"])
    if "upper_routine" in known:
        known["upper_routine"] = UpperRoutine(known["upper_routine"])
    return Policy(**known)
