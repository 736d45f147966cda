"""The air as staff see it: what is on, what would become of a live, stopping and skipping."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from loa.native.engine import Event, EventKind
from loa.streamer.air.archive import Archive
from loa.streamer.air.asrun import AsRun
from loa.streamer.air.clock import TickClock, tick_of, unix_of
from loa.streamer.air.director import Director
from loa.streamer.core.cues import Live
from loa.streamer.core.rights import BulletinClass
from loa.streamer.desk.air import Foreseen, OnAirNow


class StaffAir:
    """Implements ``loa.streamer.desk.air.Air``."""

    def __init__(
        self, director: Director, clock: TickClock, asrun: AsRun, archive: Archive
    ) -> None:
        self._director = director
        self._clock = clock
        self._asrun = asrun
        self._archive = archive
        self._dirty: set[int] | None = None
        self._listeners = director.listeners()

    def sounding(self) -> Mapping[int, int]:
        """Return on how many areas each emergency sounds now, by its id."""
        return self._director.sounding()

    def now(self, areas: Collection[int]) -> Sequence[OnAirNow]:
        """Return what areas carry, in the order given; those without a mount are left out."""
        reading = self._clock.read()
        listeners = self._director.listeners()
        found = []
        for area in areas:
            mount = self._director.mounts.own.get(area)
            if mount is None:
                continue
            choice = self._director.carried(mount)
            heard = int(listeners[mount.info.number])
            if choice.kind == "silence":
                found.append(OnAirNow(area, listeners=heard))
                continue
            row = self._asrun.on_air(mount.info.number)
            airing = self._director.airing(choice)
            on = self._director.on_air(mount.info.number)
            found.append(
                OnAirNow(
                    area, choice.kind, on.title or airing.title, BulletinClass(airing.cls),
                    on.since if row is None else row.from_unix,
                    None if choice.end is None else unix_of(reading, choice.end),
                    heard, choice.why.value, choice.origin or None,
                    choice.id if choice.kind == "live" else None,
                    airing.bulletin, airing.entry, choice.cue, choice.drill,
                    None if choice.play is None
                    else unix_of(reading, choice.start - choice.offset),
                    self._director.programme_of(choice),
                )
            )  # fmt: skip
        return found

    def changed(self) -> Collection[int]:
        """Return the areas whose carriage or listeners changed since the last call."""
        mounts, before = self._director.mounts, self._listeners
        self._listeners = now = self._director.listeners()
        if self._dirty is None:
            self._dirty = set()
            return list(mounts.own)
        numbers, self._dirty = self._dirty, set()
        if len(before) == len(now):
            numbers.update(np.flatnonzero(now != before).tolist())
        else:
            numbers.update(range(len(now)))
        found = (mounts.area_of(number) for number in numbers if number in mounts.by_number)
        return {area for area in found if area is not None}

    def on_event(self, event: Event) -> None:
        """Take an event of the engine's."""
        if event.kind is EventKind.CARRIED and self._dirty is not None:
            self._dirty.add(event.mount)

    def levels(self, programmes: Iterable[int]) -> Mapping[int, float]:
        """Return how loud lives and relays are as they go out."""
        return self._director.levels(programmes)

    def foresee(
        self, area: int, cls: BulletinClass, targets: frozenset[int] | None
    ) -> Sequence[Foreseen]:
        """Return what would become of a live on an area, for every area that it is for."""
        live = Live("preview", area, cls, self._clock.now, targets=targets)
        found = self._director.preview(live)
        reading = self._clock.read()
        return [
            Foreseen(
                id, p.when.value, None if p.tick is None else unix_of(reading, p.tick),
                None if p.reason is None else p.reason.value, p.on.kind,
            )
            for id, p in found.items()
        ]  # fmt: skip

    def lives(self) -> Mapping[str, int]:
        """Return the lives that there are, with their areas."""
        lives = self._director.sources.lives.values()
        return {feed.id: feed.area_id for feed in lives if feed.area_id is not None}

    def stop_live(self, id: str, by: str) -> bool:
        """End a live, whose source is told by whom; False when there is none of that id."""
        return self._director.stop_live(id, by)

    def skip_item(self, area: int, why: str) -> OnAirNow | None:
        """End the item that an area carries, wherever it is heard; return what it was, or None."""
        before = self.now([area])
        return before[0] if self._director.skip(area, why) is not None and before else None

    def tick_of(self, unix: float) -> int:
        """Return the tick that lies at a time of day, by the clock as it is now."""
        return tick_of(self._clock.read(), unix)

    async def catch_up(self) -> None:
        """Have what went out until now in the as-run log and the archive."""
        await self._asrun.write()
        await self._archive.poll()
