"""How an area wants things: settings that hold for everything below, until somebody there differs.

``Policy`` is what one area says (None: it leaves that open); ``effective`` is what holds there. A
new area has no hours and no limits until somebody sets them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum


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
)
"""What holds where nobody said anything."""


def effective(lineage: Sequence[Policy]) -> Policy:
    """Return what holds, given what an area and those above it say, nearest first."""
    chosen = {}
    for name in (f.name for f in fields(Policy)):
        said = (getattr(policy, name) for policy in (*lineage, DEFAULT))
        chosen[name] = next(value for value in said if value is not None)
    return Policy(**chosen)
