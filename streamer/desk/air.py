"""What the desk needs of what is on air; ``streamer/air`` implements it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from loa.streamer.core.rights import BulletinClass
from loa.streamer.core.timeline import tick_of


@dataclass(frozen=True, slots=True)
class OnAirNow:
    """What an area's mount carries. Times are Unix seconds; ``until``: None when nobody knows.

    ``kind``: live, bulletin, relay, file or silence; ``live`` names it for stopping. ``origin``:
    the id of the area that it comes from, ``why`` it is on (``cues.Why``). ``began``: of recorded
    audio, when its first packet sounded or would have; ``programme`` names a live or relay for
    ``Air.levels``.
    """

    area: int
    kind: str = "silence"
    title: str = ""
    cls: BulletinClass = BulletinClass.ROUTINE
    since: float | None = None
    until: float | None = None
    listeners: int = 0
    why: str = "nothing"
    origin: int | None = None
    live: str | None = None
    bulletin: int | None = None
    entry: int | None = None
    emergency: int | None = None
    drill: bool = False
    began: float | None = None
    programme: int | None = None


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would become of a live in an area: ``when`` is now, after or not, and ``reason`` why not
    now. ``at``: Unix seconds; ``on``: the kind of what is on now.
    """

    area: int
    when: str
    at: float | None
    reason: str | None
    on: str


class Air(Protocol):
    """The mounts, as staff see them. Loop only."""

    def sounding(self) -> Mapping[int, int]:
        """Return on how many areas each emergency sounds now, by its id."""

    def now(self, areas: Collection[int]) -> Sequence[OnAirNow]:
        """Return what areas carry, in the order given; those without a mount are left out."""

    def changed(self) -> Collection[int]:
        """Return the areas whose carriage or listeners changed since the last call, of which there
        is one caller; the first one is told all."""

    def levels(self, programmes: Iterable[int]) -> Mapping[int, float]:
        """Return how loud lives and relays are as they go out: LUFS over the last 400 ms."""

    def foresee(
        self, area: int, cls: BulletinClass, targets: frozenset[int] | None
    ) -> Sequence[Foreseen]:
        """Return what would become of a live on an area, for every area that it is for."""

    def lives(self) -> Mapping[str, int]:
        """Return the lives that there are, with their areas."""

    def stop_live(self, id: str, by: str) -> bool:
        """End a live, whose source is told by whom; False when there is none of that id."""

    def skip_item(self, area: int, why: str) -> OnAirNow | None:
        """End the item that an area carries, wherever it is heard; return what it was, or None."""

    def tick_of(self, unix: float) -> int:
        """Return the tick that lies at a time of day, by the clock as it is now."""

    async def catch_up(self) -> None:
        """Have what went out until now in the as-run log and the archive."""


class Quiet:
    """An ``Air`` without mounts; ``on``: lives that there are all the same, with their areas."""

    def __init__(self) -> None:
        self.on: dict[str, int] = {}

    def sounding(self) -> Mapping[int, int]:
        """See ``Air``."""
        return {}

    def now(self, areas: Collection[int]) -> Sequence[OnAirNow]:
        """See ``Air``."""
        return [OnAirNow(area) for area in areas]

    def changed(self) -> Collection[int]:
        """See ``Air``."""
        return ()

    def levels(self, programmes: Iterable[int]) -> Mapping[int, float]:
        """See ``Air``."""
        return {}

    def foresee(
        self, area: int, cls: BulletinClass, targets: frozenset[int] | None
    ) -> Sequence[Foreseen]:
        """See ``Air``."""
        return [Foreseen(area, "now", 0.0, None, "silence")]

    def lives(self) -> Mapping[str, int]:
        """See ``Air``."""
        return self.on

    def stop_live(self, id: str, by: str) -> bool:
        """See ``Air``."""
        return self.on.pop(id, None) is not None

    def skip_item(self, area: int, why: str) -> OnAirNow | None:
        """See ``Air``: something is always skipped."""
        return OnAirNow(area, "bulletin", bulletin=1)

    def tick_of(self, unix: float) -> int:
        """See ``Air``."""
        return tick_of(unix)

    async def catch_up(self) -> None:
        """See ``Air``."""
