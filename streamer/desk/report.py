"""What a report is: values, as ``reports.py`` makes them and ``report_sheets.py`` shows them.

Two kinds of minutes are told apart. What was *put on air* belongs to who did it and counts once,
however many mounts carried it; an item is one playing. What was *on air* is what the mounts of
stations carried, each by itself; villages hear what their commune carries and are no stations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loa.streamer.core.areas import Area
from loa.streamer.core.periods import Month, Period
from loa.streamer.desk.report_sums import Failure

ITEMS = ("live", "bulletin", "relay")
"""Kinds that are items; files fill the time between."""
KINDS = (*ITEMS, "file")


@dataclass(slots=True)
class Totals:
    """What is told of an area with everything below it, or of a month. Times are in seconds.

    ``on_air``: by kind, summed over the mounts of stations. ``missed``: playings that queues asked
    for until an entry expired, and that never were.
    """

    items: int = 0
    seconds: float = 0.0
    on_air: dict[str, float] = field(default_factory=dict)
    emergencies: int = 0
    drills: int = 0
    failures: int = 0
    missed: int = 0
    stations: int = 0
    active: int = 0

    def add(self, other: Totals) -> None:
        """Add what is told of another area."""
        self.items += other.items
        self.seconds += other.seconds
        for kind, seconds in other.on_air.items():
            self.on_air[kind] = self.on_air.get(kind, 0.0) + seconds
        self.emergencies += other.emergencies
        self.drills += other.drills
        self.failures += other.failures
        self.missed += other.missed
        self.stations += other.stations
        self.active += other.active


@dataclass(frozen=True, slots=True)
class Of:
    """One class in one language, or one kind: what was put on air, and what was on air."""

    cls: int
    drill: bool
    language: str
    items: int
    seconds: float
    on_air: float


@dataclass(frozen=True, slots=True)
class OfKind:
    """One kind: what was put on air, and what was on air."""

    kind: str
    items: int
    seconds: float
    on_air: float


@dataclass(frozen=True, slots=True)
class OfArea:
    """An area with everything below it. ``level``: 1 for those directly below the report's area.

    ``own_items``: what it put on air itself.
    """

    area: Area
    level: int
    totals: Totals
    own_items: int


@dataclass(frozen=True, slots=True)
class Missed:
    """A bulletin that was not aired as often as its queue was to."""

    area: int
    title: str
    planned: int
    aired: int
    expired: float


@dataclass(frozen=True, slots=True)
class Report:
    """One report; see the module. ``above``: items that came from areas above, as heard below.

    ``active`` and ``silent``: the stations below (or the area itself, being one) that put at least
    one item on air, and those that did not.
    """

    area: Area
    period: Period
    made_at: float
    totals: Totals
    above: int
    above_seconds: float
    by_class: tuple[Of, ...]
    by_kind: tuple[OfKind, ...]
    by_month: tuple[tuple[Month, Totals], ...]
    areas: tuple[OfArea, ...]
    active: tuple[Area, ...]
    silent: tuple[Area, ...]
    failures: tuple[Failure, ...]
    missed: tuple[Missed, ...]
    names: Mapping[int, str]
    """Of every area that ``failures`` and ``missed`` speak of."""
