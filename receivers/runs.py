"""What a box has before it: each thing that is wanted, how far it got, how late it may be. Pure.

Places and lags are ticks. A place is where on the server's timeline something is due; with the
box's delay added it is when it sounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from loa.receivers.parts import Cause, Origin, Wanted

EMERGENCY = 2
EMERGENCY_LAG = 50
LIVE_LAG = 150
"""3 s: what is spoken now must not be heard much later. Also among horns within earshot: TCP on a
bad line is a second or two late again and again, and each cut would take as much away for good."""
WHOLE_LAG = 5750
"""115 s: a little less than what the server keeps."""
PREPARED = ("bulletin", "file")


@dataclass(slots=True, eq=False)
class Stretch:
    """What became of a run while it was on; ticks. ``began``: the place at which it first sounded,
    ``late``: how much later than due that was."""

    wanted: Wanted
    origin: Origin
    first: int
    began: float
    late: float
    next: int
    delivered: int = 0
    concealed: int = 0
    missed: int = 0
    whole: bool = False
    interrupted: str = ""
    why_not: str = ""
    heard_at: float | None = None
    """Monotonic seconds at which it first sounded, as the device told."""
    odd: int = 0
    """Of the delivered, those that no decoder takes."""
    consumed: tuple[int, int] | None = None
    sounded: tuple[int, int] | None = None
    """The horn's counts before its first block and after its last; None: it does not count."""


@dataclass(slots=True, eq=False)
class Run:
    """One ``Wanted`` on its way. ``at``: its next tick, ``end``: the tick after its last one (None:
    nobody knows yet). ``packets``: from the cache. ``shift``: ticks by which all of it is put off,
    because something else was on instead."""

    wanted: Wanted
    at: int
    end: int | None
    packets: Sequence[bytes] | None = None
    shift: float = 0.0
    session: int = 0
    """The session in which it was wanted, or after which."""
    paused: float | None = None
    at_once: bool = False
    """It need not wait for its place."""
    cut_by: str | None = None
    """Whose beginning is its end, when that is not its own end."""
    asked: float = -math.inf
    """The place at which the server was asked for what is missing."""
    stretch: Stretch | None = None
    missed: int = 0
    """Before it began."""
    fresh: bool = True
    """Its turn has not come yet: what of it was before that, the line did not lose."""
    given: int | None = None
    """The tick after the last one that was there to be heard: beyond it all was missed."""
    settled: bool = False
    """It sounds, at its own pace: it need not wait for its place to the tick."""
    slid: bool = False
    """It was too late, and nothing of it has come since."""
    joins: bool = False
    """It was on before the box was, and begins at its present."""
    content_end: int | None = field(init=False)

    def __post_init__(self) -> None:
        wanted = self.wanted
        ticks = wanted.ticks or (len(self.packets) if self.packets is not None else 0)
        self.content_end = wanted.tick - wanted.offset + ticks if ticks and self.prepared else None
        if self.content_end is not None:
            self.end = self.content_end if self.end is None else min(self.end, self.content_end)

    @property
    def silent(self) -> bool:
        """Whether it is silence that is wanted."""
        return self.wanted.kind == "silence"

    @property
    def prepared(self) -> bool:
        """Whether its audio is a file's."""
        return self.wanted.kind in PREPARED

    @property
    def streamed(self) -> bool:
        """Whether its packets come by the connection."""
        return not self.silent and self.packets is None

    @property
    def ordered(self) -> bool:
        """Whether it is no part of what the mount carries."""
        return self.wanted.cause is Cause.ORDER

    @property
    def whole(self) -> bool:
        """Whether it is to be heard whole, however late."""
        if self.ordered:
            return True
        return self.wanted.kind == "bulletin" and self.wanted.cls < EMERGENCY

    @property
    def origin(self) -> Origin:
        """Where its packets come from."""
        return Origin.LIVE if self.packets is None else Origin.CACHE

    @property
    def base(self) -> int:
        """The tick of the packet number 0 of its audio."""
        return self.wanted.tick - self.wanted.offset

    @property
    def over(self) -> bool:
        """Whether nothing of it is left."""
        return self.end is not None and self.at >= self.end

    def lag(self, place: float) -> float:
        """Return how late its next tick is at a place."""
        return place - self.at - self.shift

    @property
    def most_lag(self) -> int:
        """How late it may be."""
        if self.whole:
            return WHOLE_LAG
        return EMERGENCY_LAG if self.wanted.cls == EMERGENCY else LIVE_LAG

    def same_as(self, wanted: Wanted) -> bool:
        """Whether this is the same playing."""
        mine = self.wanted
        if mine.kind != wanted.kind or mine.audio != wanted.audio or mine.cls != wanted.cls:
            return False
        if mine.play or wanted.play:
            return mine.play == wanted.play
        return mine.tick - mine.offset == wanted.tick - wanted.offset
