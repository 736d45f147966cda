"""The schedules of areas as files: which each area has now, and those that boxes still fetch.

A file's name is its hash. What is no longer told of is kept for a while, and an index says after a
restart which area has which.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loa.codecs.control.agenda import Schedule, open_schedule, seal_schedule
from loa.codecs.control.sealed import SealError, hash_of
from loa.codecs.control.signing import PublicKey, SigningKey
from loa.streamer.files import write_atomically

INDEX = "index.json"
KEPT_FORMER = 3600.0
"""Seconds for which a file that is no longer told of is still there for boxes that fetch it."""


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


class AgendaFiles:
    """See the module. ``load``, ``write`` and ``tidy`` are for a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._current: dict[int, Filed] = {}
        self._files: dict[bytes, Filed] = {}
        self._former: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._current)

    def of(self, area: int) -> Filed | None:
        """Return what an area has now."""
        return self._current.get(area)

    def file(self, hash: bytes) -> Filed | None:
        """Return a file by its hash."""
        return self._files.get(hash)

    def current(self) -> dict[int, Filed]:
        """Return what each area has now; a copy."""
        return dict(self._current)

    def load(self, keys: Sequence[PublicKey]) -> None:
        """Read what was made before, as far as it is signed by one of these keys."""
        try:
            index = msgspec.json.decode((self._folder / INDEX).read_bytes(), type=_Index)
        except (OSError, msgspec.DecodeError):
            return  # all of it is made anew
        for area, hash in index.areas.items():
            filed = self._files.get(hash)
            if filed is None:
                filed = _read(self._path(hash), hash, keys)
                if filed is None:
                    continue
                self._files[hash] = filed
            self._current[area] = filed

    def write(self, schedule: Schedule, version: int, key: SigningKey) -> Filed:
        """Sign a schedule and put it into a file; it is nobody's before ``adopt``."""
        schedule = msgspec.structs.replace(schedule, version=version)
        data = seal_schedule(schedule, key)
        filed = _filed(schedule, data, key.public)
        # Not flushed: what a crash leaves of a file has another hash, and is made anew.
        self._folder.mkdir(exist_ok=True)
        beside = self._path(filed.hash).with_suffix(".new")
        beside.write_bytes(data)
        beside.replace(self._path(filed.hash))
        return filed

    def adopt(self, filed: Filed, now: float) -> None:
        """Its areas have this from now on."""
        self._files[filed.hash] = filed
        for area in filed.areas:
            was = self._current.get(area)
            if was is not None:
                self._former[was.hash] = now
            self._current[area] = filed
        self._former.pop(filed.hash, None)

    def keep(self, areas: Collection[int], now: float) -> None:
        """Forget what other areas have: they are gone, or have no receivers any more."""
        for area in [area for area in self._current if area not in areas]:
            self._former[self._current.pop(area).hash] = now

    def tidy(self, now: float) -> None:
        """Write the index, and remove the files that nobody fetches any more."""
        self._folder.mkdir(exist_ok=True)
        current = self.current()
        index = _Index({area: filed.hash for area, filed in current.items()})
        write_atomically(self._folder / INDEX, msgspec.json.encode(index))
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

    def _path(self, hash: bytes) -> Path:
        return self._folder / f"{hash.hex()}.schedule"


def next_version(known: Iterable[Filed], now: float) -> int:
    """Return the version of what replaces these."""
    return max([int(now), *(filed.version + 1 for filed in known)])


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
