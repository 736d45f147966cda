"""Fetching ahead what will be played, one piece at a time (``fetch_plan`` says what and how much);
and looking after what is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from loa.codecs.control import messages
from loa.codecs.control.agenda import MAX_FILE, Schedule
from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import (
    Fetch,
    FromServer,
    Gone,
    Inventory,
    Message,
    Recount,
    Welcome,
)
from loa.codecs.control.sealed import hash_of
from loa.codecs.control.settings import Settings
from loa.receivers.agenda import KeptSchedule, Need, ScheduleRefused, needs
from loa.receivers.cache import MEGABYTE, NOT_NEEDED, Cache, NoRoom
from loa.receivers.fetch_plan import PieceSize, Rules, choose, minute_of
from loa.receivers.files import write_durably
from loa.receivers.parts import DayClock, Journal, Line

NO_ANSWER = 60.0
LOOK_EVERY = 20.0
AFTER_FULL = 600.0
AFTER_GONE = 3600.0
MOST_TOLD = 2000
SCRUB_EVERY = 30.0
ORDERED_EVERY = 0.1

T = TypeVar("T")


class Apart(Protocol):
    """Does what waits for the disk somewhere else than on the loop."""

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        """Return what ``work`` returned."""


@dataclass(slots=True)
class _Asked:
    hash: bytes
    offset: int
    length: int
    at: float


class Fetching:
    """A part of the box; ``await run()`` until cancelled.

    ``settings``: those that hold now. ``changed`` is called when audio came or is gone. ``busy``:
    whether audio is coming by the line.
    """

    takes: Sequence[type[Message | Audio | Piece]] = (messages.Agenda, Piece, Gone, Recount)

    def __init__(
        self,
        path: Path,
        line: Line,
        cache: Cache,
        schedule: KeptSchedule,
        day: DayClock,
        settings: Callable[[], Settings],
        journal: Journal,
        *,
        most: int = 100_000 * MEGABYTE,
        changed: Callable[[], None] = lambda: None,
        busy: Callable[[], bool] = lambda: False,
        monotonic: Callable[[], float] = time.monotonic,
        apart: Apart = asyncio.to_thread,
    ) -> None:
        self._path = path
        self._line = line
        self._cache = cache
        self._schedule = schedule
        self._day = day
        self._settings = settings
        self._journal = journal
        self._most = most
        self._changed = changed
        self._busy = busy
        self._monotonic = monotonic
        self._apart = apart
        self.counters: Counter[str] = Counter()
        """fetch.bytes, fetch.pieces, fetch.refetched, fetch.gone, fetch.odd, fetch.late."""
        self.full: str = ""
        """Why nothing is fetched although there is something to be: the disk, or the quota."""
        self._size = PieceSize()
        self._asked: _Asked | None = None
        self._pieces: asyncio.Queue[tuple[Piece, float]] = asyncio.Queue(maxsize=4)
        self._agenda: messages.Agenda | None = None
        self._agenda_data = bytearray()
        self._refused: messages.Agenda | None = None
        """A schedule that was not taken: it would be no better if it came again as things are."""
        self._gone: dict[bytes, float] = {}
        self._full_until = -1.0
        self._since: dict[bytes, float] = self._read()
        self._told: frozenset[bytes] = frozenset()
        self._ordered: dict[bytes, Need] = {}
        self._wake = asyncio.Event()
        schedule.subscribe(self._renewed)

    # --- a part of the box

    def welcomed(self, welcome: Welcome) -> None:
        """The hello said by its digest what is there; the rest follows as it comes and goes."""
        self._asked = self._refused = None  # which schedule is its own, the server says again
        self._told = self._cache.hashes()
        self._wake.set()

    def parted(self) -> None:
        """What was asked for does not come any more."""
        self._asked = None
        self._agenda = None
        self._agenda_data.clear()

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """Take a piece, or the news that there is another schedule or a file no longer."""
        if isinstance(message, Recount):
            self._recount()
            return
        if isinstance(message, messages.Agenda):
            refused = self._refused is not None and self._refused.hash == message.hash
            if message.hash != self._schedule.hash and not refused and message.size <= MAX_FILE:
                self._agenda, self._refused = message, None
                self._agenda_data.clear()
        elif isinstance(message, Gone):
            self.counters["fetch.gone"] += 1
            self._gone[message.hash] = now + AFTER_GONE
            if self._asked is not None and self._asked.hash == message.hash:
                self._asked = None
            if self._agenda is not None and self._agenda.hash == message.hash:
                self._agenda = None
        elif isinstance(message, Piece):
            asked = self._asked
            if asked is None or (asked.hash, asked.offset) != (message.hash, message.offset):
                self.counters["fetch.odd"] += 1
                return
            with contextlib.suppress(asyncio.QueueFull):  # never: one is asked for at a time
                self._pieces.put_nowait((message, now))
        self._wake.set()

    async def fetched(self, need: Need) -> None:
        """Have this fetched though no schedule wants it; returns when it is in the cache."""
        self._ordered[need.hash] = need
        self.sync()
        try:
            while not self._cache.has(need.hash):  # noqa: ASYNC110
                await asyncio.sleep(ORDERED_EVERY)
        finally:
            self._ordered.pop(need.hash, None)

    def sync(self) -> None:
        """Look at once, and try again what was gone, had no room, or was refused.

        So it is when the settings change: of a box that was moved, the new area's schedule may come
        before the settings that say it is its area now.
        """
        if self._refused is not None and self._agenda is None:
            self._agenda = self._refused
            self._agenda_data.clear()
        self._refused = None
        self._gone.clear()
        self._full_until = -1.0
        self._wake.set()

    def poke(self) -> None:
        """Something changed: look at once."""
        self._wake.set()

    @property
    def waiting(self) -> tuple[int, int]:
        """How many files are still to come, and how many bytes of them."""
        missing = [n for n in self._needs() if not self._cache.has(n.hash)]
        return len(missing), sum(n.size - self._cache.begun(n.hash) for n in missing)

    # --- the work

    async def run(self) -> None:
        """Fetch what is needed, and look after what is there, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fetch())
            tasks.create_task(self._scrub())

    async def _fetch(self) -> None:
        while True:
            while not self._pieces.empty():
                piece, at = self._pieces.get_nowait()
                await self.took(piece, at)
            await self.ask()
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def ask(self) -> None:
        """Ask for the next piece, if there is anything to be had and none is on its way."""
        now = self._monotonic()
        if not self._line.up:
            return
        if self._asked is not None:
            if now - self._asked.at < NO_ANSWER:
                return
            self.counters["fetch.late"] += 1
            self._size.took(self._asked.length, now - self._asked.at)
            self._asked = None
        if (agenda := self._agenda) is not None:
            at = len(self._agenda_data)
            self._send(agenda.hash, at, min(self._size.now, agenda.size - at), now)
            return
        need = self._choose(now)
        if need is None:
            return
        begun = self._cache.begun(need.hash)
        if begun == 0 and not await self._make_room(need, now):
            return
        if begun >= need.size:
            await self._finish(need)
            self._wake.set()
            return
        self._send(need.hash, begun, min(self._size.now, need.size - begun), now)

    def _send(self, hash: bytes, offset: int, length: int, now: float) -> None:
        if self._line.send(Fetch(hash=hash, offset=offset, length=max(1, length))):
            self._asked = _Asked(hash, offset, length, now)

    async def took(self, piece: Piece, now: float) -> None:
        """Keep a piece that was asked for."""
        asked, self._asked = self._asked, None
        if asked is None or asked.hash != piece.hash or not piece.data:
            return
        self.counters["fetch.pieces"] += 1
        self.counters["fetch.bytes"] += len(piece.data)
        self._size.took(len(piece.data), now - asked.at)
        if self._agenda is not None and piece.hash == self._agenda.hash:
            await self._take_agenda(piece)
            return
        need = next((n for n in self._needs() if n.hash == piece.hash), None)
        if need is None:
            return
        try:
            have = await self._apart(
                lambda: self._cache.write(piece.hash, piece.offset, piece.data)
            )
        except NoRoom as error:
            self._stop(str(error), now)
            return
        if have >= need.size:
            await self._finish(need)

    async def _take_agenda(self, piece: Piece) -> None:
        agenda = self._agenda
        assert agenda is not None
        if piece.offset != len(self._agenda_data):
            return
        self._agenda_data += piece.data
        if len(self._agenda_data) < agenda.size:
            return
        data = bytes(self._agenda_data)
        self._agenda = None
        self._agenda_data.clear()
        try:
            if hash_of(data) != agenda.hash:
                raise ScheduleRefused("it is not what its name says")
            if (schedule := self._schedule.check(data)) is not None:
                await self._apart(lambda: self._schedule.write(data))
                self._schedule.adopt(schedule, agenda.hash)
        except ScheduleRefused as error:
            self._refused = agenda
            self._journal.record("schedule_refused", why=str(error))
        except OSError as error:
            self._stop(error.strerror or "the disk", self._monotonic())

    async def _finish(self, need: Need) -> None:
        try:
            right = await self._apart(lambda: self._cache.finish(need.hash))
        except NoRoom as error:
            self._stop(str(error), self._monotonic())
            return
        if not right:
            self.counters["fetch.refetched"] += 1
            return
        self.full = ""
        self.tell()
        self._changed()

    def _recount(self) -> None:
        """Tell all that is there."""
        there = sorted(self._cache.hashes())
        self._line.send(Inventory(add=tuple(there[:MOST_TOLD]), all=True))
        for at in range(MOST_TOLD, len(there), MOST_TOLD):
            self._line.send(Inventory(add=tuple(there[at : at + MOST_TOLD])))
        self._told = frozenset(there)

    def tell(self) -> None:
        """Tell the server what came and what went, since it was told last."""
        there = self._cache.hashes()
        if there == self._told or not self._line.up:
            return
        add, remove = sorted(there - self._told), sorted(self._told - there)
        if self._line.send(Inventory(add=tuple(add[:MOST_TOLD]), remove=tuple(remove[:MOST_TOLD]))):
            self._told = there

    async def _make_room(self, need: Need, now: float) -> bool:
        settings = self._settings()
        self._cache.quota = min(settings.cache_mb * MEGABYTE, self._most)
        due = {n.hash: n.due for n in self._needs()}
        try:
            await self._apart(
                lambda: self._cache.make_room(
                    need.hash, need.size, due.get(need.hash, NOT_NEEDED), due
                )
            )
        except NoRoom as error:
            # Of this file only: another may still find room.
            self._gone[need.hash] = now + AFTER_FULL
            self._say_full(str(error))
            self._wake.set()
            return False
        self.tell()
        return True

    def _stop(self, why: str, now: float) -> None:
        """The disk takes nothing: say so, once, and try again after a while."""
        self._say_full(why)
        self._full_until = now + AFTER_FULL

    def _say_full(self, why: str) -> None:
        if not self.full:
            self._journal.record("cache_full", why=why)
        self.full = why

    def _needs(self) -> list[Need]:
        schedule = self._schedule.now
        unix = self._day.unix(self._monotonic())
        ordered = list(self._ordered.values())
        if schedule is None or unix is None:
            return ordered
        planned = needs(schedule, unix, self._settings().days)
        return [*ordered, *(need for need in planned if need.hash not in self._ordered)]

    def _choose(self, now: float) -> Need | None:
        unix = self._day.unix(now)
        if unix is None or now < self._full_until:
            return None
        settings = self._settings()
        wanted = self._needs()
        self._note(wanted, unix)
        for hash in [h for h, until in self._gone.items() if until <= now]:
            del self._gone[hash]

        def passed_over(hash: bytes) -> bool:
            return self._cache.has(hash) or hash in self._gone or hash in self._cache.useless

        rules = Rules(
            unix, minute_of(settings.timezone, unix), settings.off_peak, settings.cached_only,
            self._busy(),
        )  # fmt: skip
        return choose(wanted, passed_over, self._since, rules)

    def _renewed(self) -> None:
        """There is another schedule: what of the old one was on its way and is in no plan goes."""
        schedule = self._schedule.now
        if schedule is not None:
            self._forget_parts(schedule)
        self._gone.clear()
        self._wake.set()

    def _forget_parts(self, schedule: Schedule) -> None:
        self._cache.keep_parts([*self._ordered, *(audio.hash for audio in schedule.audios)])

    async def _scrub(self) -> None:
        """Read what is there, file by file, so that damage is found before its time comes."""
        while True:
            for hash in sorted(self._cache.hashes()):
                await asyncio.sleep(SCRUB_EVERY)
                if not await self._apart(partial(self._cache.check, hash)):
                    self.tell()
                    self._changed()
                    self._wake.set()
            await asyncio.sleep(SCRUB_EVERY)

    # --- since when things are wanted

    def _note(self, wanted: Sequence[Need], unix: float) -> None:
        since = {n.hash: min(self._since.get(n.hash, unix), unix) for n in wanted}
        if since.keys() == self._since.keys():
            return
        self._since = since
        try:
            write_durably(
                self._path, msgspec.json.encode({h.hex(): round(t) for h, t in since.items()})
            )
        except OSError:
            self.counters["fetch.not_kept"] += 1

    def _read(self) -> dict[bytes, float]:
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=dict[str, float])
            return {bytes.fromhex(h): t for h, t in kept.items()}
        except (OSError, ValueError):  # damaged or not there: everything is wanted since now
            return {}
