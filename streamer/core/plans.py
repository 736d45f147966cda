"""What planning is about: items of a queue, and the plan that comes of them.

All times are Unix seconds (UTC); lengths are in ticks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import TICKS_A_SECOND

Targets = frozenset[int] | None
"""Ids of areas; None: all."""


@dataclass(frozen=True, slots=True)
class Item:
    """An accepted entry of a queue, as planning sees it.

    It is to be played ``per_day`` times on each of ``days`` local days (0: until it expires), the
    first of them being the first that it fits into. ``played``: when each playing began that went
    to its end; ``started``: when the one began that is sounding now (as if never interrupted).
    ``order`` sorts it among the others; priority items go before routine ones. ``targets``: ids of
    all areas that hear it, None for all that the queue is for.
    """

    entry: int
    bulletin: int
    audio: str
    ticks: int
    cls: BulletinClass = BulletinClass.ROUTINE
    order: float = 0.0
    per_day: int = 1
    days: int = 1
    not_before: float | None = None
    expires: float | None = None
    played: tuple[float, ...] = ()
    targets: Targets = None
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """One playing of an item: from ``start`` for the item's length, in a window of ``slot``.

    ``slot`` 0: at once, because it is of priority. ``number``: how many playings of the entry come
    before it, so that entry and number name the playing however often it is planned anew.
    """

    entry: int
    bulletin: int
    audio: str
    ticks: int
    cls: BulletinClass
    slot: int
    start: float
    number: int = 0
    targets: Targets = None
    expires: float | None = None

    @property
    def end(self) -> float:
        """When it is over, if it goes as planned."""
        return self.start + self.ticks / TICKS_A_SECOND


class Reason(StrEnum):
    """Why an item, or some of its repeats, is not in the plan."""

    EXPIRED = "expired"
    NO_SLOT = "no_slot"
    """There is no slot of the queue before it expires or the plan ends."""
    TOO_LONG = "too_long"
    """No slot is as long as it is."""
    NO_ROOM = "no_room"
    """The slots are full."""
    LIMIT = "limit"
    """Hours, or the limits of sessions, stand against it."""
    LATER = "later"
    """Its turn comes after the plan's end."""


@dataclass(frozen=True, slots=True)
class Unplaced:
    """``times`` playings of an entry that did not fit."""

    entry: int
    times: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be played, by start, and what is not."""

    planned: tuple[Planned, ...]
    unplaced: tuple[Unplaced, ...]
