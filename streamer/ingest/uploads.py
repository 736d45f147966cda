"""Files on their way in: bytes to disk, never acknowledged before they are there.

A file lies in ``uploads/<id>`` of the data directory, whole or in part; where to go on is its size
on disk, so a kill at any moment loses only what was not acknowledged. A piece that is sent with a
checksum counts only when all of it is right: until then ``<id>.from`` holds where it began, and
whoever finds that file without a writer cuts the upload back to it.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import hmac
import os
import re
import secrets
import shutil
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loa.streamer.counters import Counters
from loa.streamer.files import keep_names

CHECKSUMS = ("sha1", "sha256")
PIECE = 1024 * 1024
"""Bytes that are held in memory, and written at once."""
IDLE = 30.0
"""Seconds without a byte after which a sender is given up."""
STALE = 5.0
"""Seconds without a byte after which another sender takes over."""
ORPHAN = 3600.0
"""Age in seconds of a file that belongs to nothing, before it is removed."""

Read = Callable[[], Awaitable[bytes]]
"""Waits for the next bytes; b"" at the end."""

_ID = re.compile(r"[A-Za-z0-9_-]{16,32}")


class UploadError(Exception):
    """What came cannot be taken; the subclass says why."""


class Locked(UploadError):
    """Somebody else is sending to this upload."""


class WrongOffset(UploadError):
    """It does not begin where the upload ends."""


class TooMuch(UploadError):
    """More bytes than were announced, or than are allowed."""


class WrongChecksum(UploadError):
    """The piece is not what was sent."""


class NoRoom(UploadError):
    """The disk is full, or nearly so."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a piece must hash to."""

    algorithm: str
    digest: bytes


@dataclass(slots=True)
class _Sender:
    """Who is sending, since when nothing came, and where a checked piece began."""

    heard: float
    base: int | None
    leave: asyncio.Future[None]


class UploadFiles:
    """The files below ``folder``. Belongs to one event loop.

    ``reserve``: bytes that must stay free on the disk.
    """

    def __init__(self, folder: Path, reserve: int, counters: Counters) -> None:
        self.folder = folder
        self._reserve = reserve
        self._counters = counters
        self._senders: dict[str, _Sender] = {}

    def path(self, id: str) -> Path:
        """Return where the bytes of an upload are. Raises ``KeyError`` for what is no id."""
        if not _ID.fullmatch(id):
            raise KeyError(id)
        return self.folder / id

    def make(self) -> str:
        """Make an empty file that outlives a crash; return its id. Blocks."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        id = secrets.token_urlsafe(18)
        descriptor = os.open(self.folder / id, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.close(descriptor)
        keep_names(self.folder)
        return id

    def room(self, size: int) -> bool:
        """Say whether ``size`` more bytes leave the reserve untouched."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return shutil.disk_usage(self.folder).free - size >= self._reserve

    def offset(self, id: str) -> int:
        """Return how many bytes are there to stay: flushed to the disk. Blocks."""
        sender = self._senders.get(id)
        if sender is not None and sender.base is not None:
            return sender.base
        path = self.path(id)
        if sender is None:
            _cut_back(path)
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return 0
        try:
            os.fsync(descriptor)
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    async def receive(
        self, id: str, offset: int, limit: int, read: Read, checksum: Checksum | None = None
    ) -> int:
        """Append what ``read`` gives, up to ``limit`` bytes in all; return how many are there then.

        Whatever goes wrong with the sender, what came before stays (with a ``checksum``: nothing
        of it does). Raises ``UploadError``, ``TimeoutError`` when nothing comes any more, and what
        ``read`` raises.
        """
        path = self.path(id)
        sender = await self._take(id)
        try:
            if await asyncio.to_thread(_begin, path) != offset:
                raise WrongOffset
            if checksum is not None:
                await asyncio.to_thread(_mark, path, offset)
                sender.base = offset
            with path.open("r+b", buffering=0) as file:
                file.seek(offset)
                keep = False
                try:
                    at = await self._append(file.fileno(), offset, limit, read, sender, checksum)
                    keep = True
                    return at
                finally:
                    if checksum is not None and not keep:
                        os.ftruncate(file.fileno(), offset)
                    await _whole(_settle, file.fileno(), path, checksum is not None)
        except OSError as error:
            if isinstance(error, ConnectionError | TimeoutError):
                raise
            self._counters.add("uploads.disk")
            raise NoRoom(error.strerror or str(error)) from None
        finally:
            del self._senders[id]
            sender.leave.cancel()

    async def _append(
        self,
        file: int,
        at: int,
        limit: int,
        read: Read,
        sender: _Sender,
        checksum: Checksum | None,
    ) -> int:
        hash = hashlib.new(checksum.algorithm) if checksum is not None else None
        held = bytearray()
        try:
            while piece := await _heard(read, sender):
                if at + len(held) + len(piece) > limit:
                    raise TooMuch
                if hash is not None:
                    hash.update(piece)
                held += piece
                if len(held) >= PIECE:
                    if not self.room(len(held)):
                        raise OSError(errno.ENOSPC, "the disk's reserve is reached")
                    whole, held = held, bytearray()
                    at += len(whole)
                    await _whole(_write, file, whole)
        finally:
            # What came before the sender was lost was not in vain.
            await _whole(_write, file, held)
            at += len(held)
        if (
            hash is not None
            and checksum is not None
            and not hmac.compare_digest(hash.digest(), checksum.digest)
        ):
            raise WrongChecksum
        return at

    async def _take(self, id: str) -> _Sender:
        """Become the one who sends; one from whom nothing comes any more has to leave."""
        there = self._senders.get(id)
        if there is not None:
            if time.monotonic() - there.heard < STALE:
                raise Locked
            if not there.leave.done():
                there.leave.set_result(None)
            for _ in range(20):
                if id not in self._senders:
                    break
                await asyncio.sleep(0.05)
        if id in self._senders:
            raise Locked
        sender = _Sender(time.monotonic(), None, asyncio.get_running_loop().create_future())
        self._senders[id] = sender
        return sender

    def busy(self, id: str) -> bool:
        """Say whether somebody is sending to it."""
        return id in self._senders

    def remove(self, id: str) -> None:
        """Remove a file, if it is there. Blocks."""
        path = self.path(id)
        path.unlink(missing_ok=True)
        _unmark(path)

    def sweep(self, known: set[str], now: float) -> int:
        """Remove files that are not ``known`` and not young; return how many. Blocks."""
        removed = 0
        for path in self.folder.glob("*") if self.folder.exists() else ():
            id = path.name.removesuffix(".from")
            with suppress(OSError):
                if id not in known and not self.busy(id) and now - path.stat().st_mtime > ORPHAN:
                    path.unlink()
                    removed += 1
        return removed


async def _heard(read: Read, sender: _Sender) -> bytes:
    """Return what comes next, b"" at the end. Raises ``TimeoutError`` when that takes too long."""
    coming: asyncio.Future[bytes] = asyncio.ensure_future(read())
    try:
        either: set[asyncio.Future[Any]] = {coming, sender.leave}
        await asyncio.wait(either, timeout=IDLE, return_when=asyncio.FIRST_COMPLETED)
        if not coming.done():
            raise TimeoutError
        sender.heard = time.monotonic()
        return coming.result()
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await coming


async def _whole(work: Callable[..., None], *arguments: object) -> None:
    """Do work on an open file in a thread, to its end even when this is cancelled."""
    thread = asyncio.create_task(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.shield(thread)
    except asyncio.CancelledError:
        while not thread.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({thread})
        raise


def _settle(file: int, path: Path, marked: bool) -> None:
    os.fsync(file)
    if marked:
        _unmark(path)


def _begin(path: Path) -> int:
    """Return where the upload ends, after what a crash left is put right."""
    _cut_back(path)
    with path.open("ab") as file:
        return os.fstat(file.fileno()).st_size


def _cut_back(path: Path) -> None:
    mark = path.with_name(path.name + ".from")
    try:
        begun = int(mark.read_text())
    except (OSError, ValueError):
        begun = None
    if begun is not None and path.exists():
        with path.open("r+b") as file:
            file.truncate(begun)
            os.fsync(file.fileno())
    _unmark(path)


def _mark(path: Path, offset: int) -> None:
    mark = path.with_name(path.name + ".from")
    with mark.open("w") as file:
        file.write(str(offset))
        file.flush()
        os.fsync(file.fileno())
    keep_names(path.parent)


def _unmark(path: Path) -> None:
    path.with_name(path.name + ".from").unlink(missing_ok=True)


def _write(file: int, data: bytearray) -> None:
    with memoryview(data) as view:
        at = 0
        while at < len(view):
            at += os.write(file, view[at:])
    # A little at a time, so that the last flush is short.
    if data:
        os.fdatasync(file)
