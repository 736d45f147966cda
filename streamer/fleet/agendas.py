"""The schedules of all areas that have receivers: made, signed, kept as files, told to the boxes.

What staff change is heard from the desk's bus, what only time brings (a new day, something that was
to be played and was not) is seen every quarter of an hour. A withdrawn bulletin and an emergency
are dealt with at once, the rest is gathered for a while. Plans are read for a batch of stations at
a time, and all the work on them is done in a thread. A schedule is made anew only where a box would
do something else with it (``agenda.differs``); so its hash, and with it the box's copy, stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.codecs.control import messages
from loa.codecs.control.agenda import Schedule, open_schedule, seal_schedule
from loa.codecs.control.messages import FromBox, Message
from loa.codecs.control.sealed import SealError
from loa.codecs.control.signing import PublicKey, Purpose, SigningKey
from loa.streamer import logs
from loa.streamer.core.areas import Area
from loa.streamer.core.receiver_settings import effective
from loa.streamer.desk.desk import Desk, Happening
from loa.streamer.desk.planning import (
    FEW,
    Material,
    StationPlan,
    plan_station,
    read_material,
    rows_of,
)
from loa.streamer.desk.receiver_settings import Said, read_said
from loa.streamer.fleet import agenda
from loa.streamer.fleet.agenda import Facts, Ground, areas_of, stations_above
from loa.streamer.fleet.agenda_files import AgendaFiles, Filed, next_version
from loa.streamer.fleet.agenda_wishes import Gathered, Wishes
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.store.cues import StandingEmergency, read_emergencies
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.schedule import EntryRow

FOLDER = "schedules"
ALL_EVERY = 900.0
GATHER = 120.0
"""Least seconds between two rounds, for what is not urgent: changes are gathered meanwhile."""
SETTLE = 5.0
"""Seconds after the first change in which its like are gathered, if the last round was long ago."""
AT_ONCE = 0.5
READ = 250
"""Stations that are read together; with those above them not more than ``planning.FEW``."""
BATCH = 25
"""Stations that are planned together."""
MOST_PAUSE = 0.25
BREATH = 0.001
"""Seconds that a thread lets go of the interpreter after each station: the loop is waiting."""
AGAIN = 5.0
AFTER_A_RESTART = 20.0
"""Seconds for which schedules of before a restart are told of, before all are looked at again."""

assert READ <= FEW

log = logs.get("fleet")


@dataclass(slots=True)
class _Known:
    """What the store says of some stations, and their plans as far as they were made. ``ends``: up
    to when each is planned."""

    now: float
    ends: dict[int, float]
    material: Material
    facts: Facts
    calls: Sequence[StandingEmergency]
    plans: dict[int, StationPlan] = field(default_factory=dict)


class Agendas:
    """A topic of the hub that takes nothing: ``await load()`` first, then ``run`` as a task.

    ``key``: what signs, ``good``: whose signatures still count.
    """

    takes: Sequence[type[Message]] = ()

    def __init__(
        self,
        desk: Desk,
        hub: Hub,
        data: Path,
        key: Callable[[], SigningKey],
        good: Callable[[], Sequence[PublicKey]],
    ) -> None:
        self._desk = desk
        self._hub = hub
        self._files = AgendaFiles(data / FOLDER)
        self._key = key
        self._good = good
        self._wishes = Gathered(lambda: desk.tree)
        self._wake = asyncio.Event()
        self._all_at = 0.0
        self._unsubscribe = desk.bus.subscribe(self._heard)
        self.made = 0
        """Schedules that were made anew since the start."""

    # --- for others

    def of(self, area: int) -> Filed | None:
        """Return the schedule of an area; None: it has none (yet)."""
        return self._files.of(area)

    def file(self, hash: bytes) -> Filed | None:
        """Return a schedule's file by its hash."""
        return self._files.file(hash)

    async def pack(self, station: Area, area: Area, days: int) -> Schedule:
        """Make a schedule of an area for a stick, as of now."""
        now = self._desk.clock()
        zone = str(self._desk.policies.effective(station).timezone)
        until = agenda.horizon(zone, now, days)
        known = await self._read([station], {station.id: until}, now)
        ground = await asyncio.to_thread(self._planned, known, [station])
        made = await asyncio.to_thread(agenda.make, ground, station, until)
        found = next(s for s in made if area.id in s.areas)
        there = self.of(area.id)
        version = next_version([] if there is None else [there], now)
        return msgspec.structs.replace(found, version=version)

    def seal(self, schedule: Schedule, purpose: Purpose) -> bytes:
        """Sign a schedule."""
        return seal_schedule(schedule, self._key(), purpose)

    # --- a topic

    def joined(self, session: Session) -> None:
        """Tell a box which schedule is its own; it fetches it unless it has it."""
        filed = self.of(session.area)
        if filed is not None:
            session.send(messages.Agenda(hash=filed.hash, size=len(filed.data)))
        else:
            # It may be the first one there. What becomes of its area it is told then.
            area = self._desk.tree.get(session.area)
            if area is not None and self._desk.tree.station_of(area) is not None:
                self._wishes.near(area.id)
                self._wishes.open.now = True
                self._wake.set()

    def left(self, session: Session) -> None:
        """Nothing is kept of it."""

    async def take(self, session: Session, message: FromBox) -> None:
        """Nothing is taken."""

    # --- the work

    async def load(self) -> None:
        """Read what was made before."""
        await asyncio.to_thread(self._files.load, self._good())

    async def run(self) -> None:
        """Keep all schedules up to date, until cancelled."""
        if len(self._files):
            # What was made before the restart is still good; the boxes that return come first.
            await asyncio.sleep(AFTER_A_RESTART)
        while True:
            try:
                await self.refresh()
            except Exception:
                self._desk.counters.add("agendas.failed")
                log.exception("schedules of receivers could not be made")
                await asyncio.sleep(AGAIN)
                continue
            await self._until_due()

    def close(self) -> None:
        """Hear nothing more."""
        self._unsubscribe()

    async def _until_due(self) -> None:
        """Wait until there is something to do, and a little longer for what may come with it."""
        loop = asyncio.get_running_loop()
        ended = loop.time()
        since: float | None = None
        while True:
            waiting = bool(self._wishes.open)
            if self._wishes.open.now and waiting:
                await asyncio.sleep(AT_ONCE)
                return
            left = ALL_EVERY - (self._desk.clock() - self._all_at)
            left = min(max(left, 0.0), ALL_EVERY)
            if waiting:
                since = loop.time() if since is None else since
                left = min(left, max(ended + GATHER, since + SETTLE) - loop.time())
            if left <= 0:
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._wake.wait()

    async def refresh(self) -> list[int]:
        """Do all that is to be done now; return the areas whose schedule is another one."""
        wishes = self._wishes.take()
        now = self._desk.clock()
        if not 0 <= now - self._all_at < ALL_EVERY:
            wishes.everything = True
        try:
            return await self._refresh(wishes, now)
        except BaseException:
            self._wishes.open.add(wishes)
            raise

    async def _refresh(self, wishes: Wishes, now: float) -> list[int]:
        async with self._desk.store.read() as db:
            said = await read_said(db)
        wanted = await self._wanted(said)
        changed: list[int] = []
        if wishes.calls:
            changed += await self._renew_calls(wanted, now)
        chosen = set(wanted)
        if not wishes.everything:
            touched = set(wishes.stations)
            if wishes.bulletins:
                touched |= await self._queueing(wishes.bulletins)
            chosen = {id for id in wanted if touched & {a.id for a in self._above(id)}}
        stations = [area for id in sorted(chosen) if (area := self._desk.tree.get(id)) is not None]
        for at in range(0, len(stations), READ):
            changed += await self._batch(stations[at : at + READ], wanted, now)
        if wishes.everything:
            self._all_at = now
            self._drop_others(wanted)
            self._wishes.withdrawn.clear()
        if changed or wishes.everything:
            await asyncio.to_thread(self._files.tidy, now)
        return changed

    def _above(self, station: int) -> list[Area]:
        area = self._desk.tree.get(station)
        return [] if area is None else stations_above(self._desk.tree, area)

    async def _wanted(self, said: Said) -> dict[int, int]:
        """Return the stations whose areas have receivers, by id, and of how many days the one
        that wants most is to have its schedule."""
        async with self._desk.store.read() as db:
            found = await db.execute(
                select(ReceiverRow.area_id, ReceiverRow.settings).where(
                    ReceiverRow.state != "revoked"
                )
            )
            receivers = list(found)
        tree = self._desk.tree
        usual: dict[int, int] = {}
        stations: dict[int, int] = {}
        for id, own in receivers:
            area = tree.get(id)
            station = None if area is None else tree.station_of(area)
            if area is None or station is None:
                continue
            if id not in usual:
                usual[id] = effective([said.get(a.id, {}) for a in tree.lineage(area)]).days
            days = own.get("days") or usual[id]
            stations[station.id] = max(days, stations.get(station.id, 0))
        return stations

    async def _batch(
        self, stations: Sequence[Area], days: Mapping[int, int], now: float
    ) -> list[int]:
        policies = self._desk.policies
        until = {}
        for area in stations:
            zone = str(policies.effective(area).timezone)
            until[area.id] = agenda.horizon(zone, now, days[area.id])
        known = await self._read(stations, until, now)
        loop = asyncio.get_running_loop()
        changed: list[int] = []
        for at in range(0, len(stations), BATCH):
            began, part = loop.time(), stations[at : at + BATCH]
            made = await asyncio.to_thread(
                self._make,
                known,
                part,
                until,
                days,
                set(self._wishes.withdrawn),
                self._files.current(),
            )
            changed += self._adopt(made)
            # Nobody waits for all of them: others have the machine for as long.
            await asyncio.sleep(min(MOST_PAUSE, loop.time() - began))
        return changed

    def _make(
        self,
        known: _Known,
        stations: Sequence[Area],
        until: dict[int, float],
        days: Mapping[int, int],
        withdrawn: Collection[int],
        current: dict[int, Filed],
    ) -> list[Filed]:
        """Plan, and make what has to be made anew; in a thread."""
        ground = self._planned(known, stations)
        fresh = []
        key, good = self._key(), self._good()
        for station in stations:
            time.sleep(BREATH)
            for schedule in agenda.make(ground, station, until[station.id]):
                filed = [f for a in schedule.areas if (f := current.get(a)) is not None]
                same = len(filed) == len(schedule.areas) and len({f.hash for f in filed}) == 1
                if same and filed[0].key == key.public.data:
                    try:
                        old = open_schedule(filed[0].data, good)
                    except SealError:
                        same = False
                    if same and not agenda.differs(
                        old, schedule, ground.now, withdrawn, days[station.id]
                    ):
                        continue
                fresh.append(self._files.write(schedule, next_version(filed, ground.now), key))
        return fresh

    def _adopt(self, made: Iterable[Filed]) -> list[int]:
        changed: list[int] = []
        now = self._desk.clock()
        for filed in made:
            self.made += 1
            self._files.adopt(filed, now)
            changed += filed.areas
            told = messages.Agenda(hash=filed.hash, size=len(filed.data))
            for session in self._hub.within(filed.areas):
                session.send(told)
        return changed

    def _drop_others(self, wanted: Collection[int]) -> None:
        """Forget the schedules of areas that are gone, or have no receivers any more."""
        tree = self._desk.tree
        kept: set[int] = set()
        for id in wanted:
            if (station := tree.get(id)) is not None:
                kept |= {area.id for area in areas_of(tree, station)}
        self._files.keep(kept, self._desk.clock())

    # --- what the store says

    async def _read(self, stations: Sequence[Area], until: dict[int, float], now: float) -> _Known:
        """Read what is to be known of these stations and those above them."""
        desk = self._desk
        tree = desk.tree
        ends: dict[int, float] = {}
        for station in stations:
            for above in stations_above(tree, station):
                ends[above.id] = max(ends.get(above.id, 0.0), until[station.id])
        areas = [area for id in ends if (area := tree.get(id)) is not None]
        signs: dict[int, str] = {}
        sizes: dict[str, int] = {}
        async with desk.store.read() as db:
            material = await read_material(db, tree, areas, now)
            query = (
                select(BulletinRow.id, BulletinRow.sign_text, AudioRow.sha256, AudioRow.size)
                .join(AudioRow, AudioRow.sha256 == BulletinRow.audio_sha256)
                .join(EntryRow, EntryRow.bulletin_id == BulletinRow.id)
                .where(EntryRow.state == "accepted", EntryRow.area_id.in_([a.id for a in areas]))
                .distinct()
            )
            async for id, sign, sha256, size in rows_of(db, query):
                signs[id], sizes[sha256] = sign, size
            called, calls = await calls_of(db, now)
        facts = Facts({**signs, **called.signs}, {**sizes, **called.sizes})
        return _Known(now, ends, material, facts, calls)

    def _planned(self, known: _Known, stations: Sequence[Area]) -> Ground:
        """Plan these stations and those above them; in a thread."""
        desk = self._desk
        for station in stations:
            for area in stations_above(desk.tree, station):
                if area.id not in known.plans:
                    time.sleep(BREATH)
                    known.plans[area.id] = plan_station(
                        desk, area, known.material, known.now, known.ends[area.id]
                    )
        return Ground(desk.tree, desk.policies, known.plans, known.facts, known.calls, known.now)

    async def _queueing(self, bulletins: Collection[int]) -> set[int]:
        async with self._desk.store.read() as db:
            found = await db.scalars(
                select(EntryRow.area_id).where(EntryRow.bulletin_id.in_(bulletins)).distinct()
            )
            return set(found)

    async def _renew_calls(self, wanted: Collection[int], now: float) -> list[int]:
        """Put the emergencies that repeat into the schedules, and take out those that are over.

        Nothing is planned for that: it must be quick, for all areas at once.
        """
        tree = self._desk.tree
        async with self._desk.store.read() as db:
            called, calls = await calls_of(db, now)
        ground = Ground(tree, self._desk.policies, {}, called, calls, now)
        changed: list[int] = []
        stations = [area for id in sorted(wanted) if (area := tree.get(id)) is not None]
        for at in range(0, len(stations), BATCH):
            made = await asyncio.to_thread(
                self._with_calls, ground, stations[at : at + BATCH], self._files.current()
            )
            changed += self._adopt(made)
        return changed

    def _with_calls(
        self, ground: Ground, stations: Sequence[Area], current: dict[int, Filed]
    ) -> list[Filed]:
        key, good = self._key(), self._good()
        fresh = []
        for station in stations:
            for called in agenda.make(ground, station, ground.now):
                # By what areas have now; those that hear the same calls may differ otherwise.
                for filed in {f.hash: f for a in called.areas if (f := current.get(a))}.values():
                    try:
                        old = open_schedule(filed.data, good)
                    except SealError:
                        continue
                    areas = tuple(sorted(set(old.areas) & set(called.areas)))
                    new = agenda.with_calls(old, called, areas)
                    if new.calls != old.calls or new.areas != old.areas:
                        fresh.append(self._files.write(new, next_version([filed], ground.now), key))
        return fresh

    def _heard(self, happening: Happening) -> None:
        if self._wishes.heard(happening):
            self._wake.set()


async def calls_of(db: AsyncSession, now: float) -> tuple[Facts, Sequence[StandingEmergency]]:
    """Read the emergencies that stand, and what is to be known of what they play."""
    calls = await read_emergencies(db, now)
    rows = await db.execute(
        select(BulletinRow.id, BulletinRow.sign_text, AudioRow.sha256, AudioRow.size)
        .join(CueRow, CueRow.bulletin_id == BulletinRow.id)
        .join(AudioRow, AudioRow.sha256 == CueRow.audio_sha256)
        .where(CueRow.id.in_([c.id for c in calls]))
    )
    found = list(rows)
    return Facts({r[0]: r[1] for r in found}, {r[2]: r[3] for r in found}), calls
