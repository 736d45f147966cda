"""Watching the desk: what staff change reaches the director, at once and without a restart.

The bus says what kind of thing changed; what it is like now is read from the store. Emergencies are
read by a task of their own, which waits for nothing else. Of the rest, revoked tokens go first;
plans are read for the stations concerned, and for all of them every few minutes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from typing import Protocol

from sqlalchemy import select

from loa.streamer import logs
from loa.streamer.air.director import Director
from loa.streamer.air.limits import LimitWatch
from loa.streamer.air.tokens import Given, Tokens
from loa.streamer.core.rights import BulletinClass
from loa.streamer.desk.desk import Desk, Happening
from loa.streamer.desk.planning import StationPlan, station_plans
from loa.streamer.store.cues import read_emergencies
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.people import SourceTokenRow
from loa.streamer.store.tables.schedule import EntryRow

PLAN_AHEAD = 900.0
"""Seconds of plans that the director has."""
PLAN_EVERY = 300.0
LOOK_EVERY = 5.0
PULL_AFTER = 30.0
"""Seconds for which the relay of a slot is still pulled after it."""
GATHER = 0.05
"""Seconds in which changes of plans are gathered before they are read."""
AGAIN = 2.0
"""Seconds after which reading is tried again when it failed."""

log = logs.get("watch")

Planner = Callable[[Desk, Collection[int] | None, float, float], Awaitable[dict[int, StationPlan]]]


class RelayPuller(Protocol):
    """What pulls relays (``ingest.relay.Relays``)."""

    def want(self, alternatives: Mapping[str, str | None]) -> None:
        """Pull these and those of the configuration, and no others."""


class Watch:
    """See the module: ``await load()`` before anything is on air, then ``run`` as a task."""

    def __init__(
        self,
        desk: Desk,
        director: Director,
        tokens: Tokens,
        relays: RelayPuller | None = None,
        planner: Planner = station_plans,
    ) -> None:
        self._desk = desk
        self._director = director
        self._tokens = tokens
        self._relays = relays
        self._planner = planner
        self._limits = LimitWatch(desk, director)
        self._tree = desk.tree
        self._urgent: set[str] = set()
        self._all_plans = False
        self._stations: set[int] = set()
        self._bulletins: set[int] = set()
        self._wake = asyncio.Event()
        self._called = asyncio.Event()
        # One reading at a time: an older one must not come after a newer one.
        self._reading_calls = asyncio.Lock()
        self._unsubscribe = desk.bus.subscribe(self._heard)
        self._planned_at = 0.0
        self._pulled: dict[str, tuple[float, str | None]] = {}
        self.pending = False
        """Whether something that was heard has not reached the director yet."""

    def close(self) -> None:
        """Hear nothing more."""
        self._unsubscribe()

    async def load(self) -> None:
        """Read everything."""
        self._urgent |= {"tokens", "emergencies"}
        self._all_plans = True
        await self.read()

    async def run(self) -> None:
        """Read what changed, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._run_calls())
            tasks.create_task(self._run_rest())

    async def _run_calls(self) -> None:
        while True:
            await self._called.wait()
            self._called.clear()
            try:
                await self._read_emergencies()
            except Exception as error:
                self._desk.counters.add("watch.failed")
                log.error("emergencies could not be read", why=str(error))
                await asyncio.sleep(AGAIN)
                self._called.set()

    async def _run_rest(self) -> None:
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wake.wait()
                self._wake.clear()
                if not self._urgent:
                    await asyncio.sleep(GATHER)
            except TimeoutError:
                pass
            try:
                await self.read()
            except Exception as error:
                self._desk.counters.add("watch.failed")
                log.error("what changed could not be read", why=str(error))
                await asyncio.sleep(AGAIN)
                self._wake.set()

    # --- what is heard

    def _heard(self, happening: Happening) -> None:
        topic = happening.kind.partition(".")[0]
        if topic in ("emergency", "cue"):
            self._urgent.add("emergencies")
            self._called.set()
        elif topic == "source_token":
            self._urgent.add("tokens")
        elif topic == "area":
            self._urgent.add("tree")
            self._all_plans = True
        elif topic in ("slot", "queue", "entry"):
            self._near(happening.area)
        elif topic in ("holiday", "policy"):
            self._below(happening.area)
        elif topic == "bulletin":
            number = happening.subject.rpartition("/")[2]
            if number.isdigit():
                self._bulletins.add(int(number))
                if happening.kind == "bulletin.withdrawn":
                    known = self._director.room.knowledge
                    self._director.learn(replace(known, withdrawn=known.withdrawn | {int(number)}))
        else:
            return
        self.pending = True
        self._wake.set()

    def _near(self, area: int | None) -> None:
        found = None if area is None else self._desk.tree.get(area)
        station = None if found is None else self._desk.tree.station_of(found)
        if station is None:
            self._all_plans = True
        else:
            self._stations.add(station.id)

    def _below(self, area: int | None) -> None:
        found = None if area is None else self._desk.tree.get(area)
        if found is None:
            self._all_plans = True
        else:
            self._stations.update(a.id for a in self._desk.tree.below(found) if a.station)

    # --- what is read

    async def read(self) -> None:
        """Read what changed since, most urgent first; and what time has brought."""
        while self._urgent:
            topic = "tree" if "tree" in self._urgent else min(self._urgent)
            self._urgent.discard(topic)
            try:
                await getattr(self, f"_read_{topic}")()
            except BaseException:
                self._urgent.add(topic)
                raise
        now = self._desk.clock()
        if self._all_plans or self._stations or self._bulletins or self._due(now):
            await self._read_plans(now)
        if not (self._urgent or self._all_plans or self._stations or self._bulletins):
            self.pending = False
        self._director.sources.check_tokens()
        if self._relays is not None:
            self._relays.want(self._wanted(now))
        await self._limits.look(now)

    def _wanted(self, now: float) -> dict[str, str | None]:
        """Return the relays to be pulled: those of slots, and for a while after."""
        for url, alternative in self._director.room.relays(now).items():
            self._pulled[url] = (now, alternative)
        self._pulled = {u: w for u, w in self._pulled.items() if now - w[0] <= PULL_AFTER}
        return {url: alternative for url, (_, alternative) in self._pulled.items()}

    def _due(self, now: float) -> bool:
        return not 0 <= now - self._planned_at < PLAN_EVERY

    async def _read_tree(self) -> None:
        async with self._desk.store.read() as db:
            gone = await db.execute(
                select(AreaRow.id, AreaRow.successor_id).where(AreaRow.removed_at.is_not(None))
            )
            successors = {row.id: row.successor_id for row in gone}
        if self._desk.tree is not self._tree:
            self._tree = self._desk.tree
            self._director.follow(self._tree, successors)
        self._learn()

    async def _read_tokens(self) -> None:
        async with self._desk.store.read() as db:
            rows = await db.scalars(
                select(SourceTokenRow).where(SourceTokenRow.revoked_at.is_(None))
            )
            self._tokens.give(
                Given(
                    row.id, row.sha256, row.area_id, row.name, BulletinClass(row.cls),
                    None if row.targets is None else frozenset(row.targets), row.expires_at,
                )
                for row in rows
            )  # fmt: skip
        self._director.sources.check_tokens()

    async def _read_emergencies(self) -> None:
        async with self._reading_calls:
            async with self._desk.store.read() as db:
                found = await read_emergencies(db, self._desk.clock())
            known = self._director.room.knowledge
            self._director.learn(replace(known, emergencies=tuple(found)))
        self._director.preload()

    async def _read_plans(self, now: float) -> None:
        stations, self._stations = self._stations, set()
        bulletins, self._bulletins = self._bulletins, set()
        everything = self._all_plans or self._due(now)
        self._all_plans = False
        try:
            if bulletins and not everything:
                stations |= await self._queueing(bulletins)
            if not everything and not stations:
                return
            which = None if everything else sorted(stations)
            plans = await self._planner(self._desk, which, now, now + PLAN_AHEAD)
        except BaseException:
            self._stations |= stations
            self._bulletins |= bulletins
            self._all_plans = self._all_plans or everything
            raise
        if everything:
            self._planned_at = now
            self._learn(plans)
        else:
            known = dict(self._director.room.knowledge.plans)
            for id in stations:
                known.pop(id, None)
            self._learn({**known, **plans})
        self._director.preload()

    async def _queueing(self, bulletins: Collection[int]) -> set[int]:
        async with self._desk.store.read() as db:
            found = await db.scalars(
                select(EntryRow.area_id).where(EntryRow.bulletin_id.in_(bulletins)).distinct()
            )
            return set(found)

    def _learn(self, plans: Mapping[int, StationPlan] | None = None) -> None:
        known = self._director.room.knowledge
        plans = known.plans if plans is None else plans
        self._director.learn(replace(known, policies=self._desk.policies, plans=plans))
