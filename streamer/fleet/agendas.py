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

from loa.codecs.control import messages
from loa.codecs.control.agenda import Schedule, open_schedule, seal_schedule
from loa.codecs.control.messages import FromBox, Message
from loa.codecs.control.sealed import SealError, hash_of
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
from loa.streamer.desk.receiver_settings import CHANGED as SETTINGS_CHANGED
from loa.streamer.desk.receiver_settings import Said, read_said
from loa.streamer.files import write_atomically
from loa.streamer.fleet import agenda
from loa.streamer.fleet.agenda import Facts, Ground, areas_of, stations_above
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
KEPT_FORMER = 3600.0
"""Seconds for which a file that is no longer told of is still there for boxes that fetch it."""
MOST_WITHDRAWN = 1000

assert READ <= FEW

log = logs.get("fleet")


@dataclass(frozen=True, slots=True)
class Filed:
    """A schedule's file. ``audios``: the hashes of what it plays."""

    hash: bytes
    data: bytes
    version: int
    areas: tuple[int, ...]
    audios: frozenset[bytes]
    key: bytes


class _Index(msgspec.Struct, frozen=True):
    areas: dict[int, bytes] = {}


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


@dataclass(slots=True)
class _Wishes:
    """What has to be looked at. ``stations`` by id; ``now``: it must not wait."""

    everything: bool = True
    stations: set[int] = field(default_factory=set)
    bulletins: set[int] = field(default_factory=set)
    calls: bool = False
    now: bool = True


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
        self._folder = data / FOLDER
        self._key = key
        self._good = good
        self._current: dict[int, Filed] = {}
        self._files: dict[bytes, Filed] = {}
        self._former: dict[bytes, float] = {}
        self._wishes = _Wishes()
        self._withdrawn: dict[int, None] = {}
        self._wake = asyncio.Event()
        self._all_at = 0.0
        self._unsubscribe = desk.bus.subscribe(self._heard)
        self.made = 0
        """Schedules that were made anew since the start."""

    # --- for others

    def of(self, area: int) -> Filed | None:
        """Return the schedule of an area; None: it has none (yet)."""
        return self._current.get(area)

    def file(self, hash: bytes) -> Filed | None:
        """Return a schedule's file by its hash."""
        return self._files.get(hash)

    async def pack(self, station: Area, area: Area, days: int) -> Schedule:
        """Make a schedule of an area for a stick, as of now."""
        now = self._desk.clock()
        zone = str(self._desk.policies.effective(station).timezone)
        until = agenda.horizon(zone, now, days)
        known = await self._read([station], {station.id: until}, now)
        ground = await asyncio.to_thread(self._planned, known, [station])
        made = await asyncio.to_thread(agenda.make, ground, station, until)
        found = next(s for s in made if area.id in s.areas)
        return msgspec.structs.replace(found, version=_next(self._current.get(area.id), now))

    def seal(self, schedule: Schedule, purpose: Purpose) -> bytes:
        """Sign a schedule."""
        return seal_schedule(schedule, self._key(), purpose)

    # --- a topic

    def joined(self, session: Session) -> None:
        """Tell a box which schedule is its own; it fetches it unless it has it."""
        filed = self._current.get(session.area)
        if filed is not None:
            session.send(messages.Agenda(hash=filed.hash, size=len(filed.data)))
        else:
            # It may be the first one there. What becomes of its area it is told then.
            area = self._desk.tree.get(session.area)
            if area is not None and self._desk.tree.station_of(area) is not None:
                self._near(area.id)
                self._wishes.now = True
                self._wake.set()

    def left(self, session: Session) -> None:
        """Nothing is kept of it."""

    async def take(self, session: Session, message: FromBox) -> None:
        """Nothing is taken."""

    # --- the work

    async def load(self) -> None:
        """Read what was made before."""
        await asyncio.to_thread(self._load)

    async def run(self) -> None:
        """Keep all schedules up to date, until cancelled."""
        if self._current:
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
            wishes = self._wishes
            waiting = wishes.everything or wishes.stations or wishes.bulletins or wishes.calls
            if wishes.now and waiting:
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
        wishes, self._wishes = self._wishes, _Wishes(everything=False, now=False)
        now = self._desk.clock()
        if not 0 <= now - self._all_at < ALL_EVERY:
            wishes.everything = True
        try:
            return await self._refresh(wishes, now)
        except BaseException:
            again = self._wishes
            again.everything |= wishes.everything
            again.stations |= wishes.stations
            again.bulletins |= wishes.bulletins
            again.calls |= wishes.calls
            again.now |= wishes.now
            raise

    async def _refresh(self, wishes: _Wishes, now: float) -> list[int]:
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
            self._withdrawn.clear()
        if changed or wishes.everything:
            await asyncio.to_thread(self._tidy, now)
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
                self._make, known, part, until, days, set(self._withdrawn), dict(self._current)
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
                newest = max(filed, key=lambda f: f.version, default=None)
                fresh.append(self._file(schedule, _next(newest, ground.now), key))
        return fresh

    def _file(self, schedule: Schedule, version: int, key: SigningKey) -> Filed:
        schedule = msgspec.structs.replace(schedule, version=version)
        data = seal_schedule(schedule, key)
        filed = _filed(schedule, data, key.public)
        # Not flushed: what a crash leaves of a file has another hash, and is made anew.
        self._folder.mkdir(exist_ok=True)
        beside = self._path(filed.hash).with_suffix(".new")
        beside.write_bytes(data)
        beside.replace(self._path(filed.hash))
        return filed

    def _adopt(self, made: Iterable[Filed]) -> list[int]:
        changed: list[int] = []
        now = self._desk.clock()
        for filed in made:
            self.made += 1
            self._files[filed.hash] = filed
            for area in filed.areas:
                was = self._current.get(area)
                if was is not None:
                    self._former[was.hash] = now
                self._current[area] = filed
            self._former.pop(filed.hash, None)
            changed += filed.areas
            told = messages.Agenda(hash=filed.hash, size=len(filed.data))
            for session in self._hub.within(filed.areas):
                session.send(told)
        return changed

    def _drop_others(self, wanted: Collection[int]) -> None:
        """Forget the schedules of areas that are gone, or have no receivers any more."""
        tree = self._desk.tree
        kept = set()
        for id in wanted:
            if (station := tree.get(id)) is not None:
                kept |= {area.id for area in areas_of(tree, station)}
        for area in [area for area in self._current if area not in kept]:
            self._former[self._current.pop(area).hash] = self._desk.clock()

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
            calls = await read_emergencies(db, now)
            called = await db.execute(
                select(BulletinRow.id, BulletinRow.sign_text, AudioRow.sha256, AudioRow.size)
                .join(CueRow, CueRow.bulletin_id == BulletinRow.id)
                .join(AudioRow, AudioRow.sha256 == CueRow.audio_sha256)
                .where(CueRow.id.in_([c.id for c in calls]))
            )
            for id, sign, sha256, size in called:
                signs[id], sizes[sha256] = sign, size
        return _Known(now, ends, material, Facts(signs, sizes), calls)

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
        ground = Ground(tree, self._desk.policies, {}, *(await self._called(now)), now)
        changed: list[int] = []
        stations = [area for id in sorted(wanted) if (area := tree.get(id)) is not None]
        for at in range(0, len(stations), BATCH):
            made = await asyncio.to_thread(
                self._with_calls, ground, stations[at : at + BATCH], dict(self._current)
            )
            changed += self._adopt(made)
        return changed

    async def _called(self, now: float) -> tuple[Facts, Sequence[StandingEmergency]]:
        async with self._desk.store.read() as db:
            calls = await read_emergencies(db, now)
            rows = await db.execute(
                select(BulletinRow.id, BulletinRow.sign_text, AudioRow.sha256, AudioRow.size)
                .join(CueRow, CueRow.bulletin_id == BulletinRow.id)
                .join(AudioRow, AudioRow.sha256 == CueRow.audio_sha256)
                .where(CueRow.id.in_([c.id for c in calls]))
            )
            found = list(rows)
        return Facts({r[0]: r[1] for r in found}, {r[2]: r[3] for r in found}), calls

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
                        fresh.append(self._file(new, _next(filed, ground.now), key))
        return fresh

    # --- what is heard

    def _heard(self, happening: Happening) -> None:
        topic = happening.kind.partition(".")[0]
        wishes = self._wishes
        if topic in ("emergency", "cue"):
            wishes.calls = wishes.now = True
        elif topic == "area" or happening.kind in ("receiver.enrolled", "receiver.moved"):
            wishes.everything = True
        elif topic == "receivers":  # another identity: everything is signed again
            wishes.everything = wishes.now = True
        elif topic in ("slot", "queue", "entry") or happening.kind == SETTINGS_CHANGED:
            self._near(happening.area)
        elif topic in ("holiday", "policy"):
            self._below(happening.area)
        elif topic == "bulletin":
            number = happening.subject.rpartition("/")[2]
            if not number.isdigit():
                return
            wishes.bulletins.add(int(number))
            if happening.kind == "bulletin.withdrawn":
                self._withdrawn[int(number)] = None
                while len(self._withdrawn) > MOST_WITHDRAWN:
                    del self._withdrawn[next(iter(self._withdrawn))]
                wishes.now = True
        else:
            return
        self._wake.set()

    def _near(self, area: int | None) -> None:
        found = None if area is None else self._desk.tree.get(area)
        station = None if found is None else self._desk.tree.station_of(found)
        if station is None:
            self._wishes.everything = True
        else:
            self._wishes.stations.add(station.id)

    def _below(self, area: int | None) -> None:
        found = None if area is None else self._desk.tree.get(area)
        if found is None:
            self._wishes.everything = True
        else:
            self._wishes.stations |= {a.id for a in self._desk.tree.below(found) if a.station}

    # --- files

    def _path(self, hash: bytes) -> Path:
        return self._folder / f"{hash.hex()}.schedule"

    def _load(self) -> None:
        try:
            index = msgspec.json.decode((self._folder / "index.json").read_bytes(), type=_Index)
        except (OSError, msgspec.DecodeError):
            return  # all of it is made anew
        keys = self._good()
        for area, hash in index.areas.items():
            filed = self._files.get(hash)
            if filed is None:
                filed = _read(self._path(hash), hash, keys)
                if filed is None:
                    continue
                self._files[hash] = filed
            self._current[area] = filed

    def _tidy(self, now: float) -> None:
        """Write the index, and remove the files that nobody fetches any more; in a thread."""
        self._folder.mkdir(exist_ok=True)
        current = dict(self._current)
        index = _Index({area: filed.hash for area, filed in current.items()})
        write_atomically(self._folder / "index.json", msgspec.json.encode(index))
        kept = {filed.hash for filed in current.values()}
        for hash, since in list(self._former.items()):
            if hash in kept or not 0 <= now - since < KEPT_FORMER:
                self._former.pop(hash, None)
        kept |= set(self._former)
        for hash in [hash for hash in list(self._files) if hash not in kept]:
            self._files.pop(hash, None)
        for path in self._folder.glob("*.schedule"):
            if bytes.fromhex(path.stem) not in kept and path.stat().st_mtime < now - KEPT_FORMER:
                path.unlink(missing_ok=True)


def _next(known: Filed | None, now: float) -> int:
    return max(int(now), 0 if known is None else known.version + 1)


def _filed(schedule: Schedule, data: bytes, key: PublicKey) -> Filed:
    return Filed(
        hash_of(data), data, schedule.version, schedule.areas,
        frozenset(audio.hash for audio in schedule.audios), key.data,
    )  # fmt: skip


def _read(path: Path, hash: bytes, keys: Sequence[PublicKey]) -> Filed | None:
    try:
        data = path.read_bytes()
        for key in keys:
            with contextlib.suppress(SealError):
                if hash_of(data) == hash:
                    return _filed(open_schedule(data, [key]), data, key)
    except OSError:
        pass
    return None
