"""Preparing the audio of bulletins, one after the other, in processes of their own.

What is to be prepared stands in the database (``audio_state`` is ``preparing`` and ``source`` names
the file), so a start goes on where a crash ended. Emergencies first, then what came first. The
result is ``audio/<its SHA-256>.opus``; a source that was prepared the same way before is not
prepared again.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from loa.streamer import logs
from loa.streamer.core.bulletins import Audio
from loa.streamer.desk.bulletins import searched, told
from loa.streamer.desk.desk import Desk, Happening, server_actor
from loa.streamer.files import keep_names
from loa.streamer.ingest.apart import (
    TIME_LIMIT,
    Preparation,
    Prepared,
    Unusable,
    key_of,
    prepare_apart,
)
from loa.streamer.ingest.uploads import UploadFiles
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow, PreparedRow

FOLDER = "audio"
TELL_STEP = 0.01
"""How much progress the bus is told of."""

log = logs.get("preparer")


def audio_file(data: Path, sha256: str) -> Path:
    """Return where the audio of that SHA-256 lies, below the data directory."""
    return data / FOLDER / f"{sha256}.opus"


@dataclass(slots=True)
class _Job:
    """A bulletin that is being prepared."""

    task: asyncio.Task[None]
    part: float = 0.0


@dataclass(frozen=True, slots=True)
class _Source:
    """What is to be prepared, as the database had it."""

    bulletin: int
    area: int
    name: str


class Preparer:
    """See the module. ``start`` it before calls come, ``close`` it at the end."""

    def __init__(
        self,
        desk: Desk,
        files: UploadFiles,
        how: Preparation | None = None,
        *,
        workers: int = 1,
        time_limit: float = TIME_LIMIT,
        reserve: int = 0,
    ) -> None:
        self._desk = desk
        self.files = files
        self._how = how or Preparation()
        self._workers = workers
        self._time_limit = time_limit
        self._reserve = reserve
        self._waiting: list[tuple[int, int, int]] = []
        self._count = 0
        self._more = asyncio.Event()
        self._jobs: dict[int, _Job] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Go on with what was not finished; take what ``add`` brings from now on."""
        folder = self._desk.data / FOLDER
        await asyncio.to_thread(_tidy, folder)
        async with self._desk.store.read() as db:
            query = select(BulletinRow.id, BulletinRow.cls).order_by(BulletinRow.id)
            for id, cls in await db.execute(
                query.where(BulletinRow.audio_state == Audio.PREPARING)
            ):
                self.add(id, cls)
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._workers)]

    async def close(self) -> None:
        """Stop; what is unfinished is prepared after the next start."""
        tasks = [*self._tasks, *(job.task for job in self._jobs.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()

    def add(self, bulletin: int, cls: int) -> None:
        """Take a bulletin in whose row says that it is to be prepared; after that is committed."""
        self._count += 1
        heapq.heappush(self._waiting, (-cls, self._count, bulletin))
        self._more.set()

    def progress(self, bulletin: int) -> float:
        """Return how far it is, 0 … 1; 0 while it waits."""
        job = self._jobs.get(bulletin)
        return 0.0 if job is None else job.part

    async def cancel(self, bulletin: int) -> None:
        """End the preparing of a bulletin whose row says no longer that it is to be prepared."""
        job = self._jobs.get(bulletin)
        if job is not None:
            job.task.cancel()
            await asyncio.gather(job.task, return_exceptions=True)

    @property
    def busy(self) -> bool:
        """Whether anything is prepared, or waits for it."""
        return bool(self._waiting or self._jobs)

    # --- the work

    async def _work(self) -> None:
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            _, _, bulletin = heapq.heappop(self._waiting)
            if bulletin in self._jobs:
                continue
            task = asyncio.create_task(self._one(bulletin))
            self._jobs[bulletin] = _Job(task)
            try:
                await asyncio.wait({task})
            finally:
                del self._jobs[bulletin]
            if not task.cancelled() and (error := task.exception()) is not None:
                self._desk.counters.add("bulletins.preparing_broke")
                log.error("preparing a bulletin broke", bulletin=bulletin, exc_info=error)

    async def _one(self, bulletin: int) -> None:
        source = await self._source(bulletin)
        if source is None:
            return
        file = self.files.path(source.name)
        try:
            content, key = await asyncio.to_thread(key_of, file, self._how)
        except OSError as error:
            words = error.strerror or str(error)
            await self._failed(source, Unusable(words, "lost"))
            return
        if await self._known(source, content, key):
            return
        out = self._desk.data / FOLDER / f".preparing-{bulletin}.opus"
        await asyncio.to_thread(_folder, out.parent)
        try:
            done = await prepare_apart(
                file, out, self._how, time_limit=self._time_limit, reserve=self._reserve,
                progress=lambda part: self._told(source, part),
            )  # fmt: skip
        except Unusable as error:
            await self._failed(source, error)
            return
        await self._finished(source, content, key, out, done)

    async def _source(self, bulletin: int) -> _Source | None:
        async with self._desk.store.read() as db:
            row = await db.get(BulletinRow, bulletin)
        if row is None or row.audio_state != Audio.PREPARING:
            return None
        return _Source(row.id, row.area_id, row.source)

    def _told(self, source: _Source, part: float) -> None:
        """Tell of progress; nothing of it goes on record."""
        job = self._jobs.get(source.bulletin)
        if job is None or part < job.part + TELL_STEP:
            return
        job.part = part
        subject = f"bulletin/{source.bulletin}"
        details: dict[str, Any] = {"progress": round(part, 3)}
        now = self._desk.clock()
        self._desk.bus.tell(
            Happening("bulletin.progress", now, "loa", source.area, subject, details)
        )

    async def _known(self, source: _Source, content: str, key: str) -> bool:
        """Use what the same source gave before; False where there is nothing of the kind."""
        async with self._desk.work(server_actor(self._desk.tree)) as work:
            before = await work.db.get(PreparedRow, key)
            if before is None or not audio_file(self._desk.data, before.audio_sha256).exists():
                return False
            row = await self._still(work.db, source)
            if row is not None:
                before.made_at = work.now
                _give(row, content, before.audio_sha256)
                told(work, row, "prepared", reused=True)
        await self._drop(source)
        return True

    async def _finished(
        self, source: _Source, content: str, key: str, out: Path, done: Prepared
    ) -> None:
        place = audio_file(self._desk.data, done.sha256)
        try:
            async with self._desk.work(server_actor(self._desk.tree)) as work:
                row = await self._still(work.db, source)
                if row is None:
                    return
                size = await asyncio.to_thread(_place, out, place)
                if await work.db.get(AudioRow, done.sha256) is None:
                    work.db.add(
                        AudioRow(
                            sha256=done.sha256, ticks=done.report["ticks"], size=size,
                            report=done.report, peaks=done.peaks, created_at=work.now,
                        )
                    )  # fmt: skip
                    await work.db.flush()
                known = await work.db.get(PreparedRow, key)
                if known is None:
                    known = PreparedRow(key=key)
                    work.db.add(known)
                known.audio_sha256, known.made_at = done.sha256, work.now
                _give(row, content, done.sha256)
                told(
                    work, row, "prepared",
                    seconds=done.report["seconds"], reached=done.report["reached"],
                )  # fmt: skip
        finally:
            out.unlink(missing_ok=True)
        self._desk.counters.add("bulletins.prepared")
        await self._drop(source)

    async def _failed(self, source: _Source, error: Unusable) -> None:
        async with self._desk.work(server_actor(self._desk.tree)) as work:
            row = await self._still(work.db, source)
            if row is not None:
                row.audio_state, row.source = Audio.FAILED, ""
                said = {"code": f"audio.{error.code}", "values": error.values}
                row.audio_error = json.dumps(said)
                told(work, row, "unusable", why=str(error)[:500])
        self._desk.counters.add("bulletins.unusable")
        log.warning("a recording cannot be used", bulletin=source.bulletin, why=str(error))
        await self._drop(source)

    async def _still(self, db: Any, source: _Source) -> BulletinRow | None:
        """Return the bulletin if it still waits for this very source."""
        row: BulletinRow | None = await db.scalar(
            select(BulletinRow).where(BulletinRow.id == source.bulletin).with_for_update()
        )
        if row is None or row.audio_state != Audio.PREPARING or row.source != source.name:
            return None
        return row

    async def _drop(self, source: _Source) -> None:
        with contextlib.suppress(KeyError):
            await asyncio.to_thread(self.files.remove, source.name)


def _give(row: BulletinRow, content: str, sha256: str) -> None:
    row.audio_state, row.audio_sha256, row.audio_error = Audio.READY, sha256, ""
    row.source, row.source_sha256 = "", content
    row.search = searched(row)


def _folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _tidy(folder: Path) -> None:
    """Remove what an end in the middle left behind; files in the making are not ours alone here."""
    _folder(folder)
    for left in folder.glob(".*preparing-*"):
        with contextlib.suppress(OSError):
            left.unlink()


def _place(out: Path, place: Path) -> int:
    """Put a result where it belongs, to stay; return its bytes."""
    size = out.stat().st_size
    os.replace(out, place)
    keep_names(place.parent)
    return size
