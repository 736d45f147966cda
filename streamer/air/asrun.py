"""The as-run log: what each mount really carried, from the engine's own events.

The director says ahead of time what a programme is (``expect``); the engine says from which tick a
mount carries it, and when it began and ended. What comes of it are stretches: ticks of a mount in
which packets of one item went out. Silence is none: not the tick between two items that do not
fade into each other, nor what a programme lacks before it begins or after its end.

Events and ``expect`` come on the loop and cost dict lookups; ``run`` writes what came of them to
the store twice a second, each time in one transaction.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from loa.native.engine import Event, EventKind
from loa.streamer import logs
from loa.streamer.air.clock import TickClock
from loa.streamer.counters import Counters
from loa.streamer.store import airing
from loa.streamer.store.store import Store

WRITE_EVERY = 0.5
TRY_AGAIN = 5.0
MOST_WAITING = 100_000
"""Stretches that wait to be written while the store cannot take them; beyond, they are dropped."""
MARK_FILE = "as-run"
REMEMBERED = 128
"""Programmes that a mount is expected to carry: what was handed over, or taken back since."""
LATE = 10
"""Ticks after a programme's end within which the next round of a file is told."""
OVER_REMEMBERED = 4096
"""Programmes that ended, perhaps before a mount came to carry them."""

log = logs.get("as-run")


@dataclass(frozen=True, slots=True)
class Airing:
    """What a programme is to a mount, for the record.

    ``start``: the tick of its packet number ``offset``, for what lies ready; of ``ticks`` packets.
    ``loop``: whatever goes round on these mounts, the same for all rounds (None: it does not).
    ``sign``: what LED signs show meanwhile.
    """

    kind: str
    cls: int = 0
    title: str = ""
    origin: int | None = None
    bulletin: int | None = None
    entry: int | None = None
    cue: int | None = None
    audio: str = ""
    play: str = ""
    start: int = 0
    offset: int = 0
    ticks: int = 0
    drill: bool = False
    who: str = ""
    why: str = ""
    loop: object = None
    sign: str = ""

    @property
    def live(self) -> bool:
        """Whether it is made as it goes out, so that its packets exist nowhere else."""
        return self.kind in ("live", "relay")

    def over(self, tick: int) -> bool:
        """Say whether nothing of it can be heard at ``tick`` or after."""
        return not self.live and self.start + self.ticks - self.offset <= tick


@dataclass(slots=True)
class Stretch:
    """One row of the log, while it is being made."""

    area: int
    airing: Airing
    handle: int
    from_tick: int
    from_unix: float
    skipped: int
    to_tick: int | None = None
    to_unix: float | None = None
    complete: bool = False
    failure: str = ""
    ended: int | None = None
    """Where its programme ended: it ends there, unless the mount changed before (which is told in
    the same tick, but later), or another round follows."""
    taken: bool = False
    """It was given to the store: its end is told separately."""
    archive: int | None = None

    @property
    def void(self) -> bool:
        """It was cut before it sounded."""
        return self.to_tick == self.from_tick and not self.failure


class Keeper(Protocol):
    """Keeps the packets of lives and relays (``archive.Archive``)."""

    def carried(self, handle: int, airing: Airing, tick: int) -> None:
        """A mount carries it from ``tick`` on: from there its packets are wanted."""

    async def enter(self, db: Any, handle: int) -> int | None:
        """Return the id of its row, written in this transaction if it is new."""

    def entered(self) -> None:
        """The transaction was committed."""

    def left(self) -> None:
        """The transaction was undone."""


class AsRun:
    """See the module. ``area_of`` says whose mount a number is, None for one that keeps no log."""

    def __init__(
        self,
        store: Store,
        data: Path,
        clock: TickClock,
        counters: Counters,
        area_of: Callable[[int], int | None],
        archive: Keeper | None = None,
    ) -> None:
        self._store = store
        self._mark_path = data / MARK_FILE
        self._mark: int | None = None
        self._clock = clock
        self._counters = counters
        self._area_of = area_of
        self._archive = archive
        self._expected: dict[int, dict[int, Airing]] = {}
        self._on: dict[int, Stretch] = {}  # by mount
        self._by_handle: dict[int, set[int]] = {}
        self._waiting: dict[int, dict[int, tuple[int, Airing]]] = {}  # handle: mount: since, what
        self._started: dict[int, int] = {}
        self._over: OrderedDict[int, int] = OrderedDict()
        self._begun: list[Stretch] = []
        self._closed: list[Stretch] = []
        self._failing = False
        self._dropped_before = 0
        self._writing = asyncio.Lock()
        self.heard: Callable[[Stretch], None] | None = None
        """Told of every stretch that is over."""

    # --- what the director says

    def expect(self, mounts: Sequence[int], handle: int, airing: Airing) -> None:
        """These mounts are about to carry this programme, which is this to all of them."""
        expected = self._expected
        for mount in mounts:
            known = expected.get(mount)
            if known is None:
                expected[mount] = {handle: airing}
                continue
            known[handle] = airing
            if len(known) > REMEMBERED:
                del known[next(iter(known))]

    def failed(self, mounts: Sequence[int], airing: Airing, tick: int, why: str) -> None:
        """An item that these mounts were to carry from ``tick`` on could not be put on air."""
        at = self._clock.unix(tick)
        for mount in mounts:
            area = self._area_of(mount)
            if area is not None:
                row = Stretch(area, airing, 0, tick, at, airing.offset, tick, at, failure=why)
                self._keep(row)

    def skipped(self, play: str, why: str) -> None:
        """A play is ended for good where it is on air: it counts as over."""
        for row in self._on.values():
            if row.airing.play == play:
                row.failure = why

    def on_air(self, mount: int) -> Stretch | None:
        """Return what a mount is carrying, as far as it sounds; None for silence."""
        row = self._on.get(mount)
        if row is None or (row.ended is not None and row.ended <= self._clock.now):
            return None
        return row

    # --- what the engine says

    def on_event(self, event: Event) -> None:
        """Take an event; those that are about nothing on record are ignored."""
        if event.kind is EventKind.CARRIED:
            self._carried(event.mount, event.tick, event.id, event.value)
        elif event.kind is EventKind.STARTED:
            self._started[event.id] = event.tick
            for mount, (since, airing) in self._waiting.pop(event.id, {}).items():
                self._begin(mount, event.id, airing, max(since, event.tick))
        elif event.kind is EventKind.ENDED:
            self._ended(event.id, event.tick)

    def _carried(self, mount: int, tick: int, handle: int, gap: int) -> None:
        row = self._on.get(mount)
        if row is not None and row.handle == handle:
            return
        airing = None
        if handle:
            known = self._expected.get(mount)
            if known is not None:
                airing = known.get(handle)
                for old in [h for h, what in known.items() if what.over(tick)]:
                    del known[old]
        if row is not None:
            if (
                airing is not None
                and airing.loop is not None
                and airing.loop == row.airing.loop
                and not gap
                and (row.ended is None or row.ended == tick)
            ):
                self._by_handle[row.handle].discard(mount)
                self._by_handle.setdefault(handle, set()).add(mount)
                row.handle, row.ended = handle, None
                return
            self._close(mount, tick)
        for waiting in self._waiting.values():
            waiting.pop(mount, None)
        if airing is None:
            if handle:
                self._counters.add("asrun.unexpected")
            return
        first = tick + gap
        if self._over.get(handle, first + 1) <= first:
            return  # it was cut before it came to this
        if not airing.live:
            self._begin(mount, handle, airing, max(first, airing.start))
        elif handle in self._started:
            self._begin(mount, handle, airing, max(first, self._started[handle]))
        else:
            self._waiting.setdefault(handle, {})[mount] = (first, airing)

    def _ended(self, handle: int, tick: int) -> None:
        self._over[handle] = tick
        if len(self._over) > OVER_REMEMBERED:
            self._over.popitem(last=False)
        for mount in list(self._by_handle.get(handle, ())):
            self._on[mount].ended = tick
        self._waiting.pop(handle, None)
        self._started.pop(handle, None)

    def _begin(self, mount: int, handle: int, airing: Airing, tick: int) -> None:
        area = self._area_of(mount)
        if area is None:
            return
        skipped = 0
        if not airing.live:
            skipped = airing.offset + tick - airing.start
            if skipped >= airing.ticks:
                return  # it is over
        if airing.live and self._archive is not None:
            self._archive.carried(handle, airing, tick)
        row = Stretch(area, airing, handle, tick, self._clock.unix(tick), skipped)
        self._on[mount] = row
        self._by_handle.setdefault(handle, set()).add(mount)
        self._keep(row)

    def _close(self, mount: int, tick: int) -> None:
        row = self._on.pop(mount)
        by_itself = row.ended is not None and row.ended <= tick
        if row.ended is not None and by_itself:
            tick = row.ended
        mounts = self._by_handle.get(row.handle)
        if mounts is not None:
            mounts.discard(mount)
            if not mounts:
                del self._by_handle[row.handle]
        row.to_tick = max(tick, row.from_tick)
        row.to_unix = row.from_unix + (row.to_tick - row.from_tick) / 50
        if row.airing.live:
            row.complete = by_itself
        elif row.airing.loop is None:
            whole = row.skipped + row.to_tick - row.from_tick >= row.airing.ticks
            row.complete = whole or row.failure != ""
        if row.taken:
            self._closed.append(row)
        if self.heard is not None:
            self.heard(row)

    def _keep(self, row: Stretch) -> None:
        if len(self._begun) + len(self._closed) >= MOST_WAITING:
            self._counters.add("asrun.dropped")
            return
        self._begun.append(row)

    def sweep(self, events_dropped: int) -> None:
        """Say when events were lost; call it every few seconds."""
        if events_dropped > self._dropped_before:
            log.error("the engine dropped events: the log has gaps", dropped=events_dropped)
            self._counters.add("asrun.events_dropped", events_dropped - self._dropped_before)
            self._dropped_before = events_dropped

    # --- writing

    async def recover(self) -> dict[int, dict[str, int]]:
        """Close what a crash left open; return what was played in the last day, by area and play.

        Before anything else.
        """
        last = _read_mark(self._mark_path)
        async with self._store.write() as db:
            last = max(last, await airing.newest_tick(db))
            closed = await airing.close_open(db, last)
        if closed:
            log.warning("the server was stopped while something was on air", stretches=closed)
        async with self._store.read() as db:
            return await airing.played_packets(db, self._clock.read().unix - 86_400)

    async def run(self) -> None:
        """Write twice a second until cancelled."""
        while True:
            done = await self.write()
            await asyncio.sleep(WRITE_EVERY if done else TRY_AGAIN)

    async def close(self) -> None:
        """Close every stretch at the newest tick and write it all; after ``run`` was cancelled."""
        last = self._clock.now + 1
        for mount in list(self._on):
            self._close(mount, last)
        await self.write()
        if self._mark is not None:
            os.close(self._mark)
            self._mark = None

    async def write(self) -> bool:
        """Write what came up since; False when the store could not take it."""
        async with self._writing:
            self._write_mark()
            self._settle()
            begun, self._begun = self._begun, []
            closed, self._closed = self._closed, []
            if not begun and not closed:
                return True
            for row in begun:
                row.taken = True
            try:
                async with self._store.write() as db:
                    await self._fill(db, begun, closed)
                    # Read after the last pause: an end that comes later is told separately.
                    if begun:
                        words = await self._words(db, begun)
                        rows = [_columns(r, words) for r in begun if not r.void]
                        if rows:
                            await airing.insert_stretches(db, rows)
                    if closed:
                        await airing.close_stretches(db, [_end(r) for r in closed])
                    if any(r.void for r in closed):
                        await airing.remove_stretches(db, [_key(r) for r in closed if r.void])
            except Exception as error:
                self._begun[:0] = begun
                self._closed[:0] = closed
                if self._archive is not None:
                    self._archive.left()
                self._counters.add("asrun.write_failed")
                if not self._failing:
                    log.error("the as-run log cannot be written", why=str(error))
                self._failing = True
                return False
            if self._archive is not None:
                self._archive.entered()
            self._failing = False
            return True

    def _settle(self) -> None:
        """Close what has ended, now that nothing else can be said of it."""
        now = self._clock.now
        for mount, row in [(m, r) for m, r in self._on.items() if r.ended is not None]:
            if row.ended is not None and row.ended < now - LATE:
                self._close(mount, row.ended)

    async def _fill(self, db: Any, *rows: Sequence[Stretch]) -> None:
        if self._archive is None:
            return
        ids: dict[int, int | None] = {}
        for row in (r for some in rows for r in some if r.airing.live and r.handle):
            if row.handle not in ids:
                ids[row.handle] = await self._archive.enter(db, row.handle)
            row.archive = ids[row.handle] or row.archive

    async def _words(self, db: Any, rows: Sequence[Stretch]) -> _Words:
        bulletins = {r.airing.bulletin for r in rows if r.airing.bulletin is not None}
        entries = {r.airing.entry for r in rows if r.airing.entry is not None}
        cues = {r.airing.cue for r in rows if r.airing.cue is not None}
        words = await airing.bulletin_words(db, bulletins) if bulletins else {}
        added, called = await airing.senders(db, entries, cues) if entries or cues else ({}, {})
        return _Words(words, added, called)

    def _write_mark(self) -> None:
        """Note the newest tick, for a start after a crash: without waiting for the disk."""
        try:
            if self._mark is None:
                self._mark = os.open(
                    self._mark_path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600
                )
            os.pwrite(self._mark, b"%020d\n" % self._clock.now, 0)
        except OSError as error:
            self._counters.add("asrun.mark_failed")
            log.debug("the newest tick cannot be noted", why=str(error))


@dataclass(frozen=True, slots=True)
class _Words:
    bulletins: dict[int, tuple[str, str]]
    added: dict[int, str]
    called: dict[int, str]


def _columns(row: Stretch, words: _Words) -> dict[str, Any]:
    what = row.airing
    title, language = words.bulletins.get(what.bulletin or 0, (what.title, ""))
    who = words.called.get(what.cue or 0) or words.added.get(what.entry or 0) or what.who
    return {
        "area_id": row.area, "from_tick": row.from_tick, "to_tick": row.to_tick,
        "from_unix": row.from_unix, "to_unix": row.to_unix, "kind": what.kind,
        "cls": what.cls, "title": title[:300], "language": language, "origin_id": what.origin,
        "bulletin_id": what.bulletin, "entry_id": what.entry, "cue_id": what.cue,
        "audio": what.audio, "skipped": row.skipped, "archive_id": row.archive,
        "play": what.play[:80], "complete": row.complete, "drill": what.drill,
        "who": who[:200], "why": what.why, "failure": row.failure,
    }  # fmt: skip


def _key(row: Stretch) -> dict[str, Any]:
    return {"area": row.area, "at": row.from_unix, "first": row.from_tick}


def _end(row: Stretch) -> dict[str, Any]:
    return _key(row) | {
        "new_to_tick": row.to_tick, "new_to_unix": row.to_unix, "new_complete": row.complete,
        "new_failure": row.failure, "new_archive_id": row.archive,
    }  # fmt: skip


def _read_mark(path: Path) -> int:
    try:
        return int(path.read_bytes())
    except (OSError, ValueError):
        return -1
