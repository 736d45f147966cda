"""A stick in the box: a signed schedule and its audio, where there is no network to bring them.

``loa/manifest.loa`` on a stick is a schedule that the pinned server signed for sticks; beside it
lies its audio. Everything is checked as if it had come by the line: the signature, the area, the
number, and the hash of each file. The box writes nothing to it.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from loa.codecs.control.agenda import DAY_TICKS, MAX_FILE, Schedule, open_schedule
from loa.codecs.control.sealed import SealError, hash_of
from loa.codecs.control.signing import PublicKey, Purpose
from loa.receivers.agenda import KeptSchedule, ScheduleRefused, needs
from loa.receivers.cache import Cache, NoRoom
from loa.receivers.parts import Journal

MANIFEST = Path("loa") / "manifest.loa"
LOOK_EVERY = 10.0
MOST_SEEN = 64
DAYS = 31


class Sticks:
    """Looks for sticks in ``folders`` and one and two levels below; ``await run()``.

    ``changed`` is called, on the loop, when audio was taken.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        cache: Cache,
        schedule: KeptSchedule,
        keys: Callable[[], Sequence[PublicKey]],
        journal: Journal,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._folders = tuple(folders)
        self._cache = cache
        self._schedule = schedule
        self._keys = keys
        self._journal = journal
        self._changed = changed
        self.counters: Counter[str] = Counter()
        """stick.taken, stick.refused, stick.files, stick.damaged, stick.full."""
        self._seen: dict[tuple[str, float], None] = {}

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> bool:
        """Take what new sticks have; return whether there was anything."""
        taken = False
        for manifest, data in await asyncio.to_thread(self._new):
            taken = await self._take(manifest, data) or taken
        return taken

    async def _take(self, manifest: Path, data: bytes) -> bool:
        try:
            schedule = open_schedule(data, self._keys(), Purpose.PACK)
        except SealError as error:
            self._refuse(manifest, str(error))
            return False
        newer = False
        try:
            newer = self._schedule.check(data, Purpose.PACK) is not None
        except ScheduleRefused as error:
            if (now := self._schedule.now) is None or not set(now.areas) & set(schedule.areas):
                self._refuse(manifest, str(error))
                return False
            schedule_for_room = now  # what it brings for the schedule that holds is welcome
        else:
            schedule_for_room = schedule
        # The audio first: a schedule that is taken has what it plays.
        files = await asyncio.to_thread(self._audio, manifest.parent, schedule, schedule_for_room)
        if newer:
            try:
                await asyncio.to_thread(self._schedule.write, data)
            except OSError as error:
                self._refuse(manifest, error.strerror or "the disk")
                return False
            self._schedule.adopt(schedule, hash_of(data), Purpose.PACK)
        if newer or files:
            self.counters["stick.taken"] += 1
            self._journal.record("stick", schedule=schedule.version, new=newer, files=files)
            self._changed()
        return newer or files > 0

    def _refuse(self, manifest: Path, why: str) -> None:
        self.counters["stick.refused"] += 1
        self._journal.record("stick_refused", path=str(manifest)[-100:], why=why[:200])

    def _audio(self, folder: Path, schedule: Schedule, plan: Schedule) -> int:
        """Take the audio that is on the stick and in the plan; return how many; in a thread."""
        # A box whose clock nobody set goes by when the stick was made.
        wanted = needs(plan, schedule.made / DAY_TICKS, DAYS)
        due = {need.hash: need.due for need in wanted}
        taken = 0
        for need in wanted:
            if self._cache.has(need.hash):
                continue
            data = _read(folder / f"{need.hash.hex()}.opus", need.size)
            if data is None:
                continue
            try:
                self._cache.make_room(need.hash, need.size, need.due, due)
                if self._cache.put(need.hash, data):
                    taken += 1
                    self.counters["stick.files"] += 1
                else:
                    self.counters["stick.damaged"] += 1
            except NoRoom:
                self.counters["stick.full"] += 1
        return taken

    def _new(self) -> list[tuple[Path, bytes]]:
        """Return the manifests that were not seen yet; in a thread."""
        found = []
        there = set()
        for folder in self._places():
            manifest = folder / MANIFEST
            try:
                known = os.stat(manifest, follow_symlinks=False)
            except OSError:
                continue
            name = (str(manifest), known.st_mtime)
            there.add(name)
            if name in self._seen:
                continue
            self._seen[name] = None
            data = _read(manifest, MAX_FILE, exactly=False)
            if data is not None:
                found.append((manifest, data))
        # One that was pulled out is looked at again when it is back.
        self._seen = {name: None for name in list(self._seen)[-MOST_SEEN:] if name in there}
        return found

    def _places(self) -> Iterator[Path]:
        for folder in self._folders:
            yield folder
            for below in _folders(folder):
                yield below
                yield from _folders(below)


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(e.path) for e in entries if e.is_dir(follow_symlinks=False))[:64]
    except OSError:
        return []


def _read(path: Path, size: int, exactly: bool = True) -> bytes | None:
    """Read a plain file of ``size`` bytes (or at most so many); None where it is no such thing."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        known = os.fstat(file)
        if not stat.S_ISREG(known.st_mode) or known.st_size > size:
            return None
        if exactly and known.st_size != size:
            return None
        with os.fdopen(os.dup(file), "rb") as opened:
            return opened.read(size)
    except OSError:
        return None
    finally:
        os.close(file)
