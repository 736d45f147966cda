"""Uploads as staff make them: whose they are, how much is allowed, and when they are given up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import func, select

from loa.streamer.core.areas import Area
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import DeskError, FieldProblem, Forbidden, Invalid, NotFound
from loa.streamer.ingest.uploads import UploadFiles
from loa.streamer.store.tables.bulletins import BulletinRow, UploadRow

FOLDER = "uploads"
SWEEP_EVERY = 600.0


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What one upload, and one account with all that it has not finished, may take.

    ``size`` and ``total`` are bytes, ``kept`` the seconds that an upload waits for more.
    """

    size: int = 500_000_000
    unfinished: int = 20
    total: int = 2_000_000_000
    kept: float = 48 * 3600.0


class UploadTooLarge(DeskError):
    """More than one upload may have."""

    status = 413


class TooManyUploads(DeskError):
    """More than one account may have unfinished."""

    status = 429


class DiskFull(DeskError):
    """There is no room for it."""

    status = 507


class Uploads:
    """The uploads of a desk; ``run`` sweeps them."""

    def __init__(self, desk: Desk, files: UploadFiles, limits: UploadLimits) -> None:
        self.files = files
        self.limits = limits
        self._desk = desk

    async def create(self, actor: Actor, area: Area, size: int, filename: str) -> UploadRow:
        """Begin an upload of ``size`` bytes. Raises ``DeskError`` beyond a limit."""
        if actor.account is None:
            raise Forbidden("upload.no_account")
        if size < 1:
            raise Invalid(FieldProblem("Upload-Length", "upload.empty"))
        self.fits(size)
        now = self._desk.clock()
        id = await asyncio.to_thread(self.files.make)
        try:
            async with self._desk.store.write() as db:
                mine = select(func.count(), func.coalesce(func.sum(UploadRow.size), 0)).where(
                    UploadRow.account_id == actor.account
                )
                count, total = (await db.execute(mine)).one()
                if count >= self.limits.unfinished or total + size > self.limits.total:
                    raise TooManyUploads("upload.too_many", count=count)
                row = UploadRow(
                    id=id, account_id=actor.account, area_id=area.id, filename=filename[:255],
                    size=size, created_at=now, expires_at=now + self.limits.kept,
                )  # fmt: skip
                db.add(row)
        except BaseException:
            self.files.remove(id)
            raise
        return row

    def fits(self, size: int) -> None:
        """Raise ``DeskError`` when so many bytes are too many."""
        if size > self.limits.size:
            raise UploadTooLarge("upload.too_large", limit=self.limits.size // 1_000_000)
        if not self.files.room(size):
            self._desk.counters.add("uploads.refused.disk")
            raise DiskFull("upload.disk_full")

    async def find(self, actor: Actor, id: str) -> UploadRow:
        """Return an upload of one's own that has not expired. Raises ``NotFound``."""
        async with self._desk.store.read() as db:
            row = await db.get(UploadRow, id)
        if row is None or row.account_id != actor.account or row.expires_at <= self._desk.clock():
            raise NotFound("upload.unknown")
        return row

    async def prolong(self, row: UploadRow) -> float:
        """Give an upload that goes on its whole time again; return when it expires."""
        until = self._desk.clock() + self.limits.kept
        if until - row.expires_at < self.limits.kept / 20:
            return row.expires_at
        async with self._desk.store.write() as db:
            there = await db.get(UploadRow, row.id)
            if there is not None:
                there.expires_at = until
        return until

    async def area(self, id: str) -> int:
        """Return the id of the area that an upload is for. Raises ``NotFound``."""
        async with self._desk.store.read() as db:
            row = await db.get(UploadRow, id)
        if row is None:
            raise NotFound("upload.unknown")
        return row.area_id

    async def remove(self, row: UploadRow) -> None:
        """Give an upload up, with what came of it."""
        async with self._desk.store.write() as db:
            there = await db.get(UploadRow, row.id)
            if there is not None:
                await db.delete(there)
        await asyncio.to_thread(self.files.remove, row.id)

    async def sweep(self) -> int:
        """Remove what has expired, and files that belong to nothing; return how many."""
        now = self._desk.clock()
        async with self._desk.store.write() as db:
            expired = await db.scalars(select(UploadRow).where(UploadRow.expires_at <= now))
            gone = [row.id for row in expired if not self.files.busy(row.id)]
            for id in gone:
                await db.delete(await db.get_one(UploadRow, id))
        for id in gone:
            await asyncio.to_thread(self.files.remove, id)
        async with self._desk.store.read() as db:
            known = set(await db.scalars(select(UploadRow.id)))
            known |= set(
                await db.scalars(select(BulletinRow.source).where(BulletinRow.source != ""))
            )
        orphans = await asyncio.to_thread(self.files.sweep, known, now)
        if gone or orphans:
            self._desk.counters.add("uploads.swept", len(gone) + orphans)
        return len(gone) + orphans

    async def run(self) -> None:
        """Sweep now and then, for ever."""
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_EVERY)
