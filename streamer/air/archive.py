"""The archive: packets of lives and relays as they went out, in files of the data directory.

What is recorded lies in files by its content already; a live or a relay exists only while it goes
out. The engine keeps its packets for a while (two minutes by default); every few seconds what is
new is read from there and appended to the programme's file, so a crash costs at most that, and a
listener nothing. What the disk does not take is tried again for as long as the engine keeps it, and
is silence in the file after that, and counted.

A programme's row in ``archive`` is written together with the first stretch of it (``asrun.py``).
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import delete, exists, select, update

from loa.native.engine import OPEN_END, Engine, Event, EventKind
from loa.native.error import NativeError
from loa.streamer import logs
from loa.streamer.air.asrun import Airing
from loa.streamer.air.clock import TickClock
from loa.streamer.air.kept_file import KeptFile, count_and_mend
from loa.streamer.counters import Counters
from loa.streamer.store.store import Store
from loa.streamer.store.tables.airing import AiredRow, ArchiveRow

POLL_EVERY = 10.0
SWEEP_EVERY = 3600.0
SEGMENT_TICKS = 6 * 3600 * 50
"""A file's length: a relay may go on for years, and is to be forgotten piece by piece."""
MONTH = 30.44 * 86_400
AT_ONCE = 500
OVER_REMEMBERED = 1024

log = logs.get("archive")


@dataclass(slots=True)
class _Recording:
    """One programme: the file being written, and where that stands."""

    handle: int
    airing: Airing
    first: int
    """The tick of the file's first packet; of the programme's first wanted one at the beginning."""
    next: int
    """The tick that is to be kept next."""
    unix: float
    name: str
    file: KeptFile | None = None
    row: int | None = None
    series: int | None = None
    entering: int | None = None
    missing: int = 0
    ended: bool = False
    done: bool = False
    """All of it is in files; only rows are to be written yet."""
    failing: bool = False
    closed: list[tuple[str, int, int]] = field(default_factory=list)
    """Files that are finished and whose rows do not say so yet: name, ticks, missing."""


class Archive:
    """See the module. ``months``: how long files are kept; 0: none are made."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        data: Path,
        clock: TickClock,
        counters: Counters,
        *,
        months: float = 12.0,
        segment: int = SEGMENT_TICKS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._store = store
        self._folder = data / "archive"
        self._clock = clock
        self._counters = counters
        self._months = months
        self._segment = segment
        self._wall = wall
        self._recordings: dict[int, _Recording] = {}
        self._over: OrderedDict[int, int] = OrderedDict()
        self._turn = asyncio.Lock()
        self._wake = asyncio.Event()

    # --- what the as-run log tells

    def carried(self, handle: int, airing: Airing, tick: int) -> None:
        """A mount carries a programme from ``tick`` on: from there its packets are wanted."""
        known = self._recordings.get(handle)
        if known is not None and tick < known.first and known.file is None and known.series is None:
            # Of mounts that change at one tick, some may begin with the tick of silence.
            known.first = known.next = tick
        if self._months <= 0 or known is not None:
            return
        unix = self._clock.unix(tick)
        name = _name(unix, tick, handle)
        self._recordings[handle] = _Recording(handle, airing, tick, tick, unix, name)

    def on_event(self, event: Event) -> None:
        """Take an event of the engine: a programme that has ended is kept to its end at once."""
        if event.kind is EventKind.ENDED and event.id in self._recordings:
            self._recordings[event.id].ended = True
            self._wake.set()

    async def enter(self, db: Any, handle: int) -> int | None:
        """Return the id of a programme's first row, written in this transaction if it is new."""
        recording = self._recordings.get(handle)
        if recording is None:
            return self._over.get(handle)
        if recording.series is None and recording.entering is None:
            row = _row(recording, None)
            db.add(row)
            await db.flush()
            recording.entering = row.id
        return recording.series or recording.entering

    def entered(self) -> None:
        """The transaction was committed."""
        for recording in self._recordings.values():
            if recording.entering is not None:
                recording.row = recording.series = recording.entering
                recording.entering = None

    def left(self) -> None:
        """The transaction was undone."""
        for recording in self._recordings.values():
            recording.entering = None

    # --- keeping

    async def run(self) -> None:
        """Keep what is new every few seconds and at a programme's end, until cancelled."""
        swept = 0.0
        while True:
            if self._wall() - swept > SWEEP_EVERY:
                swept = self._wall()
                await self._guarded(self.sweep())
            await self._guarded(self.poll())
            self._wake.clear()
            try:
                async with asyncio.timeout(POLL_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _guarded(self, work: Any) -> None:
        try:
            await work
        except Exception as error:
            self._counters.add("archive.failed")
            log.error("the archive could not be kept", why=str(error))

    async def poll(self) -> None:
        """Keep what is new of every programme."""
        async with self._turn:
            for recording in list(self._recordings.values()):
                if recording.done:
                    await self._finish(recording)
                    continue
                await asyncio.to_thread(self._keep, recording)
                if recording.file is not None and recording.file.ticks >= self._segment:
                    await self._next_file(recording)
                if recording.ended and recording.next >= self._end(recording):
                    await self._finish(recording)

    async def close(self) -> None:
        """Keep what is there, and finish every file; after ``run`` was cancelled."""
        for recording in self._recordings.values():
            recording.ended = True
        await self._guarded(self.poll())
        for recording in list(self._recordings.values()):
            await self._guarded(self._finish(recording))

    def _end(self, recording: _Recording) -> int:
        try:
            end = self._engine.programme_stats(recording.handle).end_tick
        except NativeError:
            return recording.next
        return min(end, self._engine.tick + 1) if end == OPEN_END else end

    def _keep(self, recording: _Recording) -> None:
        """Append what is new; in a thread. Failures are told once, until it works again."""
        try:
            if recording.file is None:
                recording.file = KeptFile(self._folder / recording.name, recording.airing.title)
                recording.first = recording.next
            while True:
                first, data, sizes = self._engine.packets(recording.handle, recording.next, 500)
                if len(sizes) == 0:
                    break
                lost = first - recording.next
                if lost > 0:
                    recording.file.silence(lost)
                    recording.next, recording.missing = first, recording.missing + lost
                    self._counters.add("archive.missing_ticks", lost)
                recording.file.append(data, sizes)
                recording.next += len(sizes)
            recording.failing = False
        except NativeError:
            recording.ended = True  # the engine has given it up: there is no more to be had
        except OSError as error:
            self._counters.add("archive.write_failed")
            if not recording.failing:
                log.error("packets cannot be kept", file=recording.name, why=str(error))
            recording.failing = True

    async def _next_file(self, recording: _Recording) -> None:
        """Go on in a new file."""
        await self._close_file(recording)
        recording.unix = self._clock.unix(recording.next)
        recording.first = recording.next
        recording.missing = 0
        recording.name = _name(recording.unix, recording.next, recording.handle)
        async with self._store.write() as db:
            row = _row(recording, recording.series)
            db.add(row)
            await db.flush()
            recording.row = row.id

    async def _finish(self, recording: _Recording) -> None:
        recording.done = True
        await self._close_file(recording)
        if not recording.closed or recording.series is not None:
            self._recordings.pop(recording.handle, None)
            if recording.series is not None:
                # Its last stretches may not be written yet.
                self._over[recording.handle] = recording.series
                if len(self._over) > OVER_REMEMBERED:
                    self._over.popitem(last=False)

    async def _close_file(self, recording: _Recording) -> None:
        file, recording.file = recording.file, None
        if file is not None:
            try:
                await asyncio.to_thread(file.finish)
            except OSError as error:
                self._counters.add("archive.write_failed")
                log.error("a file cannot be finished", file=recording.name, why=str(error))
            recording.closed.append((recording.name, file.ticks, recording.missing))
        if not recording.closed or recording.series is None:
            return
        async with self._store.write() as db:
            for name, ticks, missing in recording.closed:
                await db.execute(
                    update(ArchiveRow)
                    .where(ArchiveRow.file == name)
                    .values(ticks=ticks, missing=missing)
                )
        recording.closed.clear()

    # --- after a crash, and as time goes by

    async def recover(self) -> None:
        """Mend what a crash left unfinished. Before anything else."""
        async with self._store.read() as db:
            unfinished = list(
                await db.execute(
                    select(ArchiveRow.id, ArchiveRow.file).where(
                        ArchiveRow.ticks == 0, ArchiveRow.removed_at.is_(None)
                    )
                )
            )
        ticks: dict[int, int | None] = {}
        for id, name in unfinished:
            ticks[id] = await asyncio.to_thread(self._mend, name)
        if not ticks:
            return
        async with self._store.write() as db:
            for id, count in ticks.items():
                values = {"ticks": count} if count else {"removed_at": self._wall()}
                await db.execute(update(ArchiveRow).where(ArchiveRow.id == id).values(values))
        log.warning("files that were being written were mended", files=len(ticks))

    def _mend(self, name: str) -> int | None:
        path = self._folder / name
        try:
            return count_and_mend(path)
        except OSError as error:
            if path.exists():
                log.error("a file of the archive cannot be mended", file=name, why=str(error))
            return None

    async def sweep(self) -> None:
        """Remove files that are older than they are to be kept."""
        before = self._wall() - self._months * MONTH
        busy = {r.name for r in self._recordings.values()}
        while True:
            async with self._store.read() as db:
                found = list(
                    await db.execute(
                        select(ArchiveRow.id, ArchiveRow.file)
                        .where(ArchiveRow.first_unix < before, ArchiveRow.removed_at.is_(None))
                        .where(ArchiveRow.ticks > 0)
                        .limit(AT_ONCE)
                    )
                )
            old = [(id, name) for id, name in found if name not in busy]
            if not old:
                return
            for _, name in old:
                await asyncio.to_thread((self._folder / name).unlink, missing_ok=True)
            async with self._store.write() as db:
                await db.execute(
                    update(ArchiveRow)
                    .where(ArchiveRow.id.in_([id for id, _ in old]))
                    .values(removed_at=self._wall())
                )
                # Rows without packets stay for as long as a stretch speaks of them.
                await db.execute(
                    delete(ArchiveRow).where(
                        ArchiveRow.removed_at < before,
                        ~exists().where(AiredRow.archive_id == ArchiveRow.id),
                    )
                )
            log.info("old packets were removed", files=len(old))


def _name(unix: float, tick: int, handle: int) -> str:
    return time.strftime("%Y/%m/%d", time.gmtime(unix)) + f"/{tick}-{handle}.opus"


def _row(recording: _Recording, series: int | None) -> ArchiveRow:
    return ArchiveRow(
        kind=recording.airing.kind, title=recording.airing.title[:300],
        origin_id=recording.airing.origin, file=recording.name, first_tick=recording.first,
        first_unix=recording.unix, series_id=series,
    )  # fmt: skip
