"""The play-out planner: packs a station's queue into its slots, and says what did not fit and why.

Pure: the same queue, slots, as-run so far and time give the same plan. What was to be played and
was not is simply planned again, at the next moment that fits, until it expires.

All times are Unix seconds (UTC); lengths are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from loa.streamer.core.rights import BulletinClass


class SlotContent(StrEnum):
    """What fills a slot."""

    QUEUE = "queue"
    RELAY = "relay"
    UPPER = "upper"


@dataclass(frozen=True, slots=True)
class Window:
    """One occurrence of a slot: [start, end)."""

    slot: int
    start: float
    end: float
    content: SlotContent = SlotContent.QUEUE
    relay: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """An accepted entry of a queue, as planning sees it.

    It is to be played ``per_day`` times on each of ``days`` local days (0: until it expires), the
    first of them being the first that it fits into. ``played``: when it was played whole so far.
    ``order`` sorts it among the others; priority items go before routine ones.
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


@dataclass(frozen=True, slots=True)
class Planned:
    """One playing of an item: from ``start`` for the item's length, in a window of ``slot``."""

    entry: int
    bulletin: int
    audio: str
    ticks: int
    cls: BulletinClass
    slot: int
    start: float


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


def plan(windows: Sequence[Window], items: Sequence[Item], now: float, timezone: str) -> Plan:
    """Plan the items into the windows, from ``now`` until the last window ends."""
    raise NotImplementedError
