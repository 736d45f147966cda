"""A director on the engine's virtual clock, with prepared audio, plans and emergencies by hand.

Times are ticks from the beginning. ``Stage.run`` makes them one by one, with the loop awake;
``stall`` makes them while the loop sleeps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from loa.codecs.opus import OpusFileWriter
from loa.native.engine import Clip, Engine, EventKind
from loa.streamer.air.asrun import AsRun, Stretch
from loa.streamer.air.clips import Clips
from loa.streamer.air.clock import TickClock
from loa.streamer.air.director import Director
from loa.streamer.air.follower import Follower
from loa.streamer.air.situation import Knowledge
from loa.streamer.air.tokens import Tokens
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.cues import Content
from loa.streamer.core.limits import Limits
from loa.streamer.core.planner import Plan, Planned
from loa.streamer.core.rights import BulletinClass, SourceToken, digest
from loa.streamer.core.windows import SlotContent, Window
from loa.streamer.counters import Counters
from loa.streamer.desk.planning import StationPlan
from loa.streamer.store.cues import StandingEmergency
from support.timeline import tagged_packet

START = 100_000
UNIX = 1_790_000_000.0
P, C, V, W = 1, 2, 3, 4
TREE = AreaTree(
    [
        Area("/p", "Province", True, id=P),
        Area("/p/c", "Commune", True, id=C),
        Area("/p/c/v", "Village", False, id=V),
        Area("/p/c/w", "Its other village", False, id=W),
    ]
)
TONE = (0.1 * np.sin(2 * np.pi * 440 * np.arange(960) / 48_000)).astype(np.float32)


def audio_of(number: int) -> str:
    return f"{number:064x}"


@dataclass(frozen=True)
class Item:
    """A play of a station's slot: entry ``number``, its audio of ``ticks``, due at ``at``."""

    number: int
    at: int
    ticks: int
    slot: int = 1
    cls: BulletinClass = BulletinClass.ROUTINE
    expires: int | None = None


class Stage:
    def __init__(
        self,
        data: Path,
        *,
        tree: AreaTree = TREE,
        max_mounts: int = 16,
        programmes: int = 2048,
        tokens: Sequence[SourceToken] = (SourceToken(digest("all"), "/"),),
        store: Any = None,
        archive: Any = None,
        follower: Callable[[Engine, Counters], Follower] | None = None,
        **contents: str,
    ) -> None:
        self.engine = Engine(
            START, virtual=True, max_mounts=max_mounts, max_programmes=programmes, fanouts=1
        )
        self.data = data
        self.counters = Counters()
        self.clock = TickClock(
            self.engine,
            lambda: self.unix(self.engine.tick - START),
            lambda: self.engine.deadline(self.engine.tick),
        )
        self.clips = Clips(data / "audio", self.counters, 1 << 26)
        self.tokens = Tokens(tokens)
        self.asrun = AsRun(store, data, self.clock, self.counters, self._area_of, archive)
        self.over: list[Stretch] = []
        self.asrun.heard = self.over.append
        self.director = Director(
            self.engine, tree, self.tokens,
            {f"/{path.replace('_', '/')}": Content(file=file) for path, file in contents.items()},
            self.counters, clips=self.clips, clock=self.clock, asrun=self.asrun,
            follower=None if follower is None else follower(self.engine, self.counters),
            wall=lambda: self.unix(self.engine.tick - START),
        )  # fmt: skip
        self.archive = archive
        self.changes: list[tuple[int, int, int]] = []

    def _area_of(self, mount: int) -> int | None:
        return self.director.mounts.area_of(mount)

    def unix(self, tick: int) -> float:
        return UNIX + tick / 50

    @property
    def now(self) -> int:
        """The newest complete tick."""
        return self.engine.tick - START

    # --- what there is to play

    def add_audio(self, number: int, ticks: int) -> str:
        folder = self.data / "audio"
        folder.mkdir(exist_ok=True)
        path = folder / f"{audio_of(number)}.opus"
        if not path.exists():
            packets = [b"\xf8" + tagged_packet(number * 4, i)[1:] for i in range(ticks)]
            sizes = np.array([len(p) for p in packets], np.uint16)
            with path.open("wb") as file:
                writer = OpusFileWriter(file)
                writer.add(b"".join(packets), sizes)
                writer.finish(960 * ticks)
        return audio_of(number)

    def add_file(self, name: str, ticks: int) -> None:
        packets = [b"\xf8" + tagged_packet(1000, i)[1:] for i in range(ticks)]
        sizes = np.array([len(p) for p in packets], np.uint16)
        self.director.add_clip(name, Clip(b"".join(packets), sizes), "f" * 64)

    def plan(
        self, items: Sequence[Item], *, station: int = C, slots: Sequence[tuple[int, int]] = ()
    ) -> None:
        """Give a station a plan; one slot, of all time, when none is given."""
        windows = tuple(
            Window(number + 1, self.unix(a), self.unix(b), SlotContent.QUEUE)
            for number, (a, b) in enumerate(slots or [(-10_000, 1_000_000)])
        )
        planned = tuple(
            Planned(
                i.number, i.number, audio_of(i.number), i.ticks, i.cls, i.slot, self.unix(i.at),
                expires=None if i.expires is None else self.unix(i.expires),
            )
            for i in items
        )  # fmt: skip
        for item in items:
            self.add_audio(item.number, item.ticks)
        plan = StationPlan(station, "UTC", Limits(), windows, Plan(planned, ()), {})
        known = self.director.room.knowledge
        self.director.learn(replace(known, plans={**known.plans, station: plan}))

    def call(self, number: int, ticks: int, **how: Any) -> None:
        """Call an emergency for everyone."""
        emergency = StandingEmergency(
            **{
                "id": number, "area": P, "bulletin": number, "title": "Báo động", "language": "vi",
                "audio": self.add_audio(number, ticks), "ticks": ticks, "severity": 3,
                "drill": False, "targets": frozenset([P]), "excluded": frozenset(),
                "every": 0.0, "repeat_until": None, "starts": self.unix(self.now),
                "expires": self.unix(self.now + 100_000), "caller": "Chủ tịch", "reason": "lũ",
                **how,
            }
        )  # fmt: skip
        self.know(emergencies=(*self.director.room.knowledge.emergencies, emergency))

    def know(self, **what: Any) -> None:
        known: Knowledge = self.director.room.knowledge
        self.director.learn(replace(known, **what))

    async def load(self) -> None:
        """Have read what is due, as the server does every few seconds."""
        self.director._situation()
        self.director.preload()
        while self.clips._loading:
            await asyncio.gather(*self.clips._loading.values())
        await self.settle()

    # --- time

    async def settle(self) -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    def _take(self) -> None:
        for event in self.engine.events():
            if event.kind is EventKind.CARRIED:
                self.changes.append((event.tick - START, event.mount, event.id))
            self.director.on_event(event)
            if self.archive is not None:
                self.archive.on_event(event)

    async def run(self, ticks: int, each: Callable[[], object] | None = None) -> None:
        for _ in range(ticks):
            if each is not None:
                each()
            await self.settle()
            self.engine.advance(1)
            self._take()
            # Timers stand for ticks that are due: ask as they would.
            self.director._refresh()
            await self.settle()

    def stall(self, ticks: int) -> None:
        self.engine.advance(ticks)

    # --- what came of it

    def aired(self, area: int) -> list[tuple[int, int | None, str, int]]:
        """Return an area's stretches: from, to, what (an entry's or a cue's number), skipped."""
        self._take()
        self.asrun._settle()
        mount = self.director.mounts.own[area].info.number
        rows = [r for r in self.over if r.area == area]
        if (now := self.asrun.on_air(mount)) is not None:
            rows.append(now)
        return [
            (
                r.from_tick - START, None if r.to_tick is None else r.to_tick - START,
                str(r.airing.bulletin or r.airing.kind), r.skipped,
            )
            for r in rows
        ]  # fmt: skip

    async def close(self) -> None:
        self.director.stop()
        await self.clips.close()
        self.engine.close()
