"""What was fetched ahead: files named by their SHA-256, on a disk that is full or loses power.

A file is ``<hash>.part`` while it comes, each piece of it on the disk before the next is asked for,
and ``<hash>.opus`` from the moment on at which all of it was there and its hash was right. It is
checked again whenever it is read; what is not what it was is thrown away, and fetched again. So a
power cut at any moment leaves a cache that works, and what was there is still there.

Writing and checking wait for the disk: they belong into a thread. ``has`` does not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt

from loa.codecs.ogg import OggError, parse_clip
from loa.receivers.files import sync
from loa.receivers.parts import Prepared

WHOLE, PART = ".opus", ".part"
MEGABYTE = 1_000_000
NOT_NEEDED = float("inf")


class NoRoom(Exception):
    """There is no room on the disk, or none of the quota that something less useful takes."""


class Packets(Sequence[bytes]):
    """Packets as they lie in a file, one behind the other: an hour of them takes 11 MB, and not
    twice that as objects of their own. A slice is a tuple."""

    def __init__(self, data: bytes, sizes: npt.NDArray[np.uint16]) -> None:
        self._data = data
        self._ends = np.zeros(len(sizes) + 1, dtype=np.uint32)
        np.cumsum(sizes, out=self._ends[1:])

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[bytes, ...]: ...

    def __getitem__(self, place: int | slice) -> bytes | tuple[bytes, ...]:
        if isinstance(place, slice):
            return tuple(self[each] for each in range(*place.indices(len(self))))
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(place)
        return self._data[self._ends[at] : self._ends[at + 1]]


class Cache:
    """See the module; ``quota`` and ``reserve`` (what stays free on the disk) are in bytes.

    Raises ``OSError`` when the folder cannot be made or read.
    """

    def __init__(self, folder: Path, quota: int, reserve: int = 0) -> None:
        self._folder = folder
        self.quota = quota
        self.reserve = reserve
        self.counters: Counter[str] = Counter()
        """cache.damaged, cache.evicted, cache.full: how often that happened."""
        self.useless: set[bytes] = set()
        """Files that were what their name says, and yet no audio."""
        self._lock = threading.RLock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._whole: dict[bytes, int] = {}
        self._parts: dict[bytes, int] = {}
        for entry in sorted(os.scandir(folder), key=lambda e: e.stat().st_mtime):
            hash = _hash_of(entry.name)
            if hash is None:
                continue
            found = self._whole if entry.name.endswith(WHOLE) else self._parts
            found[hash] = entry.stat().st_size

    # --- what is there

    def has(self, hash: bytes) -> bool:
        """Whether it is there, whole and checked; cheap."""
        return hash in self._whole

    def hashes(self) -> frozenset[bytes]:
        """Return what is there, whole."""
        with self._lock:
            return frozenset(self._whole)

    def read(self, hash: bytes) -> Prepared | None:
        """Read it, checking its hash; None (and it is thrown away) when it is not what it was."""
        data = self.bytes_of(hash)
        if data is None:
            return None
        try:
            packets, sizes = parse_clip(data, hash.hex())
        except OggError:
            # It is what the server has, and no audio: fetched again it would be no better.
            self.counters["cache.unreadable"] += 1
            self.useless.add(hash)
            self._forget(hash)
            return None
        return Prepared(hash, Packets(packets, sizes))

    def bytes_of(self, hash: bytes) -> bytes | None:
        """Return a file that is there, checked; None (and it is thrown away) where it is not."""
        if hash not in self._whole:
            return None
        try:
            data = self._path(hash, WHOLE).read_bytes()
        except OSError:
            data = b""
        if hashlib.sha256(data).digest() == hash:
            return data
        self._damaged(hash)
        return None

    def check(self, hash: bytes) -> bool:
        """Read a file only to see whether it is what it was."""
        return self.bytes_of(hash) is not None

    @property
    def size(self) -> int:
        """Bytes of all that is there, parts too."""
        with self._lock:
            return sum(self._whole.values()) + sum(self._parts.values())

    # --- what comes

    def begun(self, hash: bytes) -> int:
        """Return how many bytes of a file that is coming are there."""
        return self._parts.get(hash, 0)

    def make_room(self, hash: bytes, size: int, due: float, needed: Mapping[bytes, float]) -> None:
        """See to it that a file of ``size`` bytes fits in; throw away what is less useful.

        ``due`` says when it will be played, ``needed`` when others will: what is in no plan goes
        first, then what is farthest in time. Raises ``NoRoom`` where that is not enough; then
        nothing is lost.
        """
        with self._lock:
            missing = size - self.begun(hash)
            over = max(self.size + missing - self.quota, missing + self.reserve - self._free())
            if over <= 0:
                return
            others = {h: s for h, s in (*self._whole.items(), *self._parts.items()) if h != hash}
            ranked = sorted(others, key=lambda h: needed.get(h, NOT_NEEDED), reverse=True)
            going: list[bytes] = []
            for other in ranked:
                if over <= 0 or needed.get(other, NOT_NEEDED) <= due:
                    break
                going.append(other)
                over -= others[other]
            if over > 0:
                self.counters["cache.full"] += 1
                raise NoRoom("no room")
            for other in going:
                self._forget(other)
                self.counters["cache.evicted"] += 1

    def write(self, hash: bytes, offset: int, data: bytes) -> int:
        """Put the next bytes of a file on the disk; return how many are there.

        What does not follow on what is there is passed over. Raises ``NoRoom``; what was there is
        still there then.
        """
        with self._lock:
            have = self.begun(hash)
            if offset > have or offset + len(data) <= have or hash in self._whole:
                return have
            data = data[have - offset :]
            path = self._path(hash, PART)
            try:
                file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
                try:
                    _write_at(file, have, data)
                finally:
                    os.close(file)
                if have == 0:
                    sync(self._folder)
            except OSError as error:
                self.counters["cache.full"] += 1
                with contextlib.suppress(OSError):
                    os.truncate(path, have)
                raise NoRoom(error.strerror or "the disk") from None
            self._parts[hash] = have + len(data)
            return have + len(data)

    def finish(self, hash: bytes) -> bool:
        """All bytes came: check them, and have the file. False: they were not right, and are gone.

        Raises ``NoRoom`` where the disk does not take it; it can be tried again.
        """
        part = self._path(hash, PART)
        try:
            data = part.read_bytes()
        except OSError:
            data = b""
        if hashlib.sha256(data).digest() != hash:
            self._damaged(hash)
            return False
        with self._lock:
            try:
                os.replace(part, self._path(hash, WHOLE))
                sync(self._folder)
            except OSError as error:
                raise NoRoom(error.strerror or "the disk") from None
            self._parts.pop(hash, None)
            self._whole[hash] = len(data)
        return True

    def put(self, hash: bytes, data: bytes) -> bool:
        """Take a whole file, of a stick. False when it is not what its name says."""
        if hashlib.sha256(data).digest() != hash:
            return False
        self.drop_part(hash)
        for at in range(0, len(data), 1 << 20):
            self.write(hash, at, data[at : at + (1 << 20)])
        return self.finish(hash)

    def drop_part(self, hash: bytes) -> None:
        """Forget what came of a file so far."""
        with self._lock:
            if self._parts.pop(hash, None) is not None:
                self._unlink(hash, PART)

    def keep_parts(self, hashes: Iterable[bytes]) -> None:
        """Forget the beginnings of all files but these: nobody will fetch the rest."""
        kept = set(hashes)
        for hash in [h for h in self._parts if h not in kept]:
            self.drop_part(hash)

    # --- files

    def _damaged(self, hash: bytes) -> None:
        self.counters["cache.damaged"] += 1
        self._forget(hash)

    def _forget(self, hash: bytes) -> None:
        with self._lock:
            if self._whole.pop(hash, None) is not None:
                self._unlink(hash, WHOLE)
            self.drop_part(hash)

    def _unlink(self, hash: bytes, kind: str) -> None:
        with contextlib.suppress(
            OSError
        ):  # on a disk that is read-only it is forgotten all the same
            os.unlink(self._path(hash, kind))

    def _path(self, hash: bytes, kind: str) -> Path:
        return self._folder / (hash.hex() + kind)

    def _free(self) -> int:
        return shutil.disk_usage(self._folder).free


def _write_at(file: int, offset: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written
    os.fdatasync(file)


def _hash_of(name: str) -> bytes | None:
    stem, dot, kind = name.partition(".")
    if dot + kind not in (WHOLE, PART) or len(stem) != 64:
        return None
    try:
        return bytes.fromhex(stem)
    except ValueError:
        return None
