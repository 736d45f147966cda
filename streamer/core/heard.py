"""Who heard what: the outcome of a playing at a receiver, from what was due and what its box said.

Pure. A playing is heard when the sound device took it, with the relay on and the volume above zero;
a box whose device cannot tell leaves it open (``UNMEASURED``), and one that said nothing leaves
everything open: nothing here takes "sent" for "heard".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LATE_MS = 2000
"""Later than this is late: more than what a synchronized group plays behind the timeline."""
ENOUGH = 0.98
"""The part of what was due that is the whole of it: a concealed packet is no loss of words."""
TICKS_A_SECOND = 50


class Outcome(StrEnum):
    """What became of a playing at a receiver; the best first."""

    WHOLE = "whole"
    """The device took all of it, in time."""
    LATE = "late"
    """All of it, but it began late."""
    PART = "part"
    """The device took some of it."""
    BEGUN = "begun"
    """The box said that it sounds; its report comes when it is over."""
    UNMEASURED = "unmeasured"
    """It was decoded; whether the device took it, nobody measured."""
    PENDING = "pending"
    """It is too early to know: nothing was said yet."""
    UNREPORTED = "unreported"
    """Nothing was said, and it is time."""
    NOT = "not"
    """The box says that it did not sound."""


ORDER = {outcome: number for number, outcome in enumerate(Outcome)}
REACHED = frozenset({Outcome.WHOLE, Outcome.LATE, Outcome.PART, Outcome.BEGUN})


@dataclass(frozen=True, slots=True)
class Due:
    """One playing as an area's mount carried it. ``ended``: None while it goes on."""

    area: int
    play: str
    began: float
    ended: float | None
    ticks: int


@dataclass(frozen=True, slots=True)
class Said:
    """What a box said of one playing, its stretches together. Counts are ticks, None: not measured.

    ``began``: Unix seconds, None where nobody knew.
    """

    receiver: int
    play: str
    began: float | None
    at: float
    delivered: int | None
    decoded: int | None
    device: int | None
    sounded: int | None
    concealed: int
    missed: int
    volume: int
    late_ms: int
    whole: bool
    interrupted: str = ""
    why_not: str = ""
    origin: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Early:
    """A box said that an emergency sounds. ``device``: None: it cannot tell."""

    receiver: int
    play: str
    at: float
    late_ms: int
    device: bool | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``why``: a word, "" where there is nothing to explain. ``late_ms``: None where unknown."""

    outcome: Outcome
    why: str = ""
    late_ms: int | None = None

    @property
    def reached(self) -> bool:
        """Whether some of it was heard, as far as the device can tell."""
        return self.outcome in REACHED


def judge(
    due: Due | None,
    said: Said | None,
    early: Early | None,
    *,
    online: bool,
    now: float,
    patience: float,
    from_start: bool = False,
) -> Verdict:
    """Return what became of one playing at one receiver.

    ``due`` None: the server knows of no such playing in its area (a box played by its schedule).
    Nothing is asked before ``patience`` seconds after its end, or after its beginning when boxes
    say at once that it sounds (``from_start``).
    """
    if said is not None:
        return _of(said, due)
    if early is not None:
        outcome = Outcome.UNMEASURED if early.device is None else Outcome.BEGUN
        return Verdict(outcome, "", early.late_ms)
    assert due is not None
    end = due.began if from_start else due.ended
    if online and (end is None or now < end + patience):
        return Verdict(Outcome.PENDING)
    return Verdict(Outcome.UNREPORTED, "silent" if online else "offline")


def _of(said: Said, due: Due | None) -> Verdict:
    late = said.late_ms
    if said.device is None:
        if said.decoded:
            return Verdict(Outcome.UNMEASURED, said.why_not or said.interrupted, late)
        return Verdict(Outcome.NOT, said.why_not or said.interrupted or "unknown")
    if said.device == 0:
        why = said.why_not or said.interrupted or ("device" if said.decoded else "no_audio")
        return Verdict(Outcome.NOT, why)
    if said.volume == 0:
        return Verdict(Outcome.NOT, "volume")
    enough = due is None or due.ended is None or said.device >= ENOUGH * due.ticks
    if said.whole and enough:
        return Verdict(Outcome.LATE if late > LATE_MS else Outcome.WHOLE, "", late)
    # What was begun again after something else counts by all its stretches together.
    if due is not None and due.ended is not None and enough and due.ticks:
        return Verdict(Outcome.LATE if late > LATE_MS else Outcome.WHOLE, "", late)
    return Verdict(Outcome.PART, said.interrupted or said.why_not or "gaps", late)


def best(verdicts: list[Verdict]) -> Verdict:
    """Return the best of several playings': an announcement is said more than once to be heard."""
    return min(verdicts, key=lambda v: (ORDER[v.outcome], v.late_ms or 0))
