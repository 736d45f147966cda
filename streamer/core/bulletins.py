"""The life of a bulletin: which steps there are, and what each of them needs.

::

    draft ──submit──► submitted ──approve──► approved ──┐
      ▲                │   │                            ├─withdraw─► withdrawn
      ├────revise──────┘   └────reject────► rejected ───┘
      └────revise───────────────────────────────┘

A draft and what is submitted can be withdrawn, too: thrown away. Withdrawn is the end; whoever
wants it again makes a copy. What is not a draft is not edited, so what was approved stays what it
was when it was approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a bulletin is in its life."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Audio(StrEnum):
    """How far a bulletin's audio is."""

    NONE = "none"
    PREPARING = "preparing"
    READY = "ready"
    FAILED = "failed"


class Step(StrEnum):
    """What people do with a bulletin."""

    SUBMIT = "submit"
    REVISE = "revise"
    """Make it a draft again."""
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"


AFTER: Mapping[tuple[State, Step], State] = {
    (State.DRAFT, Step.SUBMIT): State.SUBMITTED,
    (State.DRAFT, Step.WITHDRAW): State.WITHDRAWN,
    (State.SUBMITTED, Step.APPROVE): State.APPROVED,
    (State.SUBMITTED, Step.REJECT): State.REJECTED,
    (State.SUBMITTED, Step.REVISE): State.DRAFT,
    (State.SUBMITTED, Step.WITHDRAW): State.WITHDRAWN,
    (State.APPROVED, Step.WITHDRAW): State.WITHDRAWN,
    (State.REJECTED, Step.REVISE): State.DRAFT,
    (State.REJECTED, Step.WITHDRAW): State.WITHDRAWN,
}
"""Where each step leads; a step that is not here does not exist from that state."""

EDITABLE = frozenset({State.DRAFT, State.REJECTED})
"""What can be edited; one that was rejected becomes a draft by it."""


class Lack(StrEnum):
    """What stands against a step."""

    TITLE = "title"
    NO_AUDIO = "no_audio"
    PREPARING = "preparing"
    FAILED = "failed"
    TARGETS = "targets"
    EXPIRED = "expired"
    UNHEARD = "unheard"
    """A voice speaks it, and its author has not listened to that yet."""
    REASON = "reason"
    """A rejection says why."""
    OWN = "own"
    """Whoever made or submitted it may not approve it here."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What deciding about a step takes.

    ``targets``: how many areas it is for. ``spoken``: a voice speaks it; ``heard``: its author has
    listened to its present audio. ``own``: whoever takes the step made or submitted it;
    ``approve_own``: the area's policy. ``expires``: Unix seconds, None for never.
    """

    state: State
    title: str = ""
    audio: Audio = Audio.NONE
    targets: int = 0
    spoken: bool = False
    heard: bool = False
    expires: float | None = None
    own: bool = False
    approve_own: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """``after``: where a step leads, None where there is no such step; ``lacks`` stand against."""

    after: State | None
    lacks: tuple[Lack, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.after is not None and not self.lacks


def judge(facts: Facts, step: Step, now: float, reason: str = "") -> Verdict:
    """Say whether a bulletin can take a step now, and everything that stands against it."""
    after = AFTER.get((facts.state, step))
    if after is None:
        return Verdict(None)
    lacks: list[Lack] = []
    if step in (Step.SUBMIT, Step.APPROVE):
        lacks += _unready(facts, now)
    if step is Step.APPROVE and facts.own and not facts.approve_own:
        lacks.append(Lack.OWN)
    if step is Step.REJECT and not reason.strip():
        lacks.append(Lack.REASON)
    return Verdict(after, tuple(lacks))


def _unready(facts: Facts, now: float) -> list[Lack]:
    lacks = []
    if not facts.title.strip():
        lacks.append(Lack.TITLE)
    if facts.audio is Audio.NONE:
        lacks.append(Lack.NO_AUDIO)
    elif facts.audio is Audio.PREPARING:
        lacks.append(Lack.PREPARING)
    elif facts.audio is Audio.FAILED:
        lacks.append(Lack.FAILED)
    elif facts.spoken and not facts.heard:
        lacks.append(Lack.UNHEARD)
    if facts.targets == 0:
        lacks.append(Lack.TARGETS)
    if facts.expires is not None and facts.expires <= now:
        lacks.append(Lack.EXPIRED)
    return lacks
