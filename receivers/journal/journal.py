"""The box's own record of what it played, what it could not play, and what befell it.

Entries are written to the disk when they happen (``store``) and kept until the server has
said that it has them. What is sounding just now is noted every few seconds beside the journal
(``checkpoint``), so that a power cut costs ten seconds of knowledge at most.

Lines are sent when there is a session, until they are receipted (``pacing``).
"""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.journal import (
    Entry,
    JournalError,
    Lost,
    Note,
    Opened,
    read_entry,
    seal_text,
)
from loa.codecs.control.journal import Played as PlayedEntry
from loa.codecs.control.messages import FromServer, Message, Receipt, Sounding, Welcome
from loa.codecs.control.messages import Journal as Lines
from loa.codecs.control.signing import Purpose, SigningKey
from loa.receivers.journal.checkpoint import Checkpoint
from loa.receivers.journal.pacing import Pacing
from loa.receivers.journal.rounds import Rounds
from loa.receivers.journal.store import QUOTA, JournalStore
from loa.receivers.parts import DayClock, Line, Played

NOTE_EVERY = 9.0
TRY_DISK = 30.0
MOST_OVER = 32
"""Stretches that wait to be written down."""
STALE = 15.0
"""Seconds without word of a stretch after which it is no reason any more to hold anything back."""
LONG = 200


class BoxJournal:
    """Implements ``parts.Journal`` and ``parts.Part``; call ``poll`` about once a second.

    ``key``: the box's key as it is now, None before it is enrolled. ``clock`` is monotonic, ``up``
    counts from when the box was switched on. Nothing here raises for the disk: what could not be
    written is counted, and written down once there is room.
    """

    takes: Sequence[type[Message | Audio | Piece]] = (Receipt,)

    def __init__(
        self,
        folder: Path,
        receiver: int,
        key: Callable[[], SigningKey | None],
        line: Line,
        day: DayClock,
        clock: Callable[[], float],
        *,
        up: Callable[[], float] | None = None,
        quota: int = QUOTA,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._folder = folder
        self._receiver = receiver
        self._key = key
        self._line = line
        self._day = day
        self._clock = clock
        self._up = up or clock
        self._quota = quota
        self.counters: Counter[str] = Counter()
        self._store: JournalStore | None = None
        self._try_disk = -math.inf
        self._unwritten: Counter[str] = Counter()
        self._why = ""
        self._over: deque[PlayedEntry] = deque()
        self._rounds = Rounds()
        self._checkpoint = Checkpoint(folder / "open")
        self._open: Played | None = None
        self._open_at = -math.inf
        self._noted_at = -math.inf
        self._told: set[str] = set()
        self._pacing = Pacing(chance)
        self._open_store()

    # --- the box's life

    def started(self, **details: object) -> None:
        """Write down that the box runs, and what the last run left open. First of all."""
        left = self._checkpoint.read()
        newest = [] if self._store is None else self._store.newest(20)
        entries = []
        for line in newest:
            try:
                entries.append(read_entry(line.body))
            except JournalError:
                self.counters["journal.unreadable"] += 1
        seen = [e for e in entries if not isinstance(e, Opened | Lost)]
        if left is not None and any(
            isinstance(e, PlayedEntry) and (e.play, e.first) == (left.play, left.first)
            for e in entries
        ):
            left = None  # its end was written down
        # A box that ends in order says so last.
        stopped = not seen or (isinstance(seen[-1], Note) and seen[-1].what == "stopped")
        if left is not None:
            self._write(left)
        if not stopped or left is not None:
            known = [e.at for e in (*seen, left) if e is not None and e.at is not None]
            self.record("power_lost", last_known=max(known, default=None))
        self._checkpoint.clear()
        self.record("started", **details)

    def stopped(self, why: str = "") -> None:
        """Write down that the box ends in order, and close the files."""
        self.flush(everything=True)
        self.record("stopped", why=why)
        self._checkpoint.close()
        if self._store is not None:
            self._store.close()
            self._store = None
        self._try_disk = math.inf

    # --- what is written down (parts.Journal)

    def record(self, kind: str, /, **details: object) -> None:
        """Write an entry of any kind, durably before this returns."""
        self.flush()
        now = self._now()
        plain = {name[:40]: _plain(value) for name, value in list(details.items())[:40]}
        self._write(Note(at=now.at, up=now.up, what=kind[:40], details=plain))

    def playing(self, played: Played) -> None:
        """Note what is known so far of a stretch that goes on; see ``parts.Journal``."""
        now = self._clock()
        known = self._open
        if known is None or not _same(known, played):
            self._noted_at = -math.inf
        self._open, self._open_at = played, now
        self._tell(played)
        if now - self._noted_at >= NOTE_EVERY:
            # What is over must be in the journal before its note is written over.
            self.flush()
            self._noted_at = now
            try:
                noted = self._rounds.with_this(played)
                self._checkpoint.write(self._entry(noted, checkpoint=True))
            except OSError:
                self.counters["journal.checkpoint_failed"] += 1

    def played(self, played: Played) -> None:
        """Write down a stretch that is over: within a second, by the next ``poll``.

        What follows it begins just now, an emergency perhaps, and is not to wait for the disk.
        """
        if self._open is not None and _same(self._open, played):
            self._open = None
        together = self._rounds.add(played, self._clock())
        self._over += [self._entry(each) for each in together]
        if len(self._over) >= MOST_OVER:
            self.flush()

    def flush(self, everything: bool = False) -> None:
        """Write down what ``played`` was told; ``everything``: rounds that may go on, too."""
        self._over += [self._entry(each) for each in self._rounds.due(self._clock(), everything)]
        if not self._over:
            return
        while self._over:
            self._write(self._over.popleft())
        if self._open is None and not self._rounds.going:
            self._checkpoint.clear()

    # --- the server (parts.Part)

    def welcomed(self, welcome: Welcome) -> None:
        """A session began: what the server has, it says at once (``Receipt``)."""
        self._pacing.parted()
        self._told.clear()

    def parted(self) -> None:
        """It ended."""
        self._pacing.parted()

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """The server has everything up to a number."""
        store = self._store
        if not isinstance(message, Receipt) or store is None:
            return
        self._pacing.first(now)
        if message.chain != store.chain:
            return
        if message.anew or message.journal > store.number:
            self._anew("fork" if message.anew else "behind")
            return
        self._pacing.receipt(message.journal, store.number, self._on_air(now), now)
        try:
            store.forget(self._pacing.receipted)
        except OSError:
            self.counters["journal.failed"] += 1

    def poll(self, now: float) -> None:
        """Write down and send what is due; try again what could not be written."""
        self.flush()
        if self._unwritten or self._store is None:
            self._settle()
        if self._open is not None and self._line.up:
            self._tell(self._open)
        store = self._store
        if store is None or not self._line.up:
            return
        if self._pacing.again(now):
            self.counters["journal.sent_again"] += 1
        most = self._pacing.lines(self.waiting, self._on_air(now), now)
        if most:
            self._send(store, most, now)

    @property
    def waiting(self) -> int:
        """Entries that the server has not got yet."""
        store = self._store
        return 0 if store is None else store.number - max(self._pacing.receipted, store.oldest - 1)

    @property
    def trouble(self) -> str:
        """What keeps it from being written, in plain words; empty: nothing does."""
        lacks = sum(self._unwritten.values())
        if not lacks:
            return ""
        return f"{lacks} journal entries not written: {self._why}"

    def newest(self, count: int = 50) -> list[str]:
        """Return the newest lines, oldest first, for the box's status."""
        return [] if self._store is None else [line.text for line in self._store.newest(count)]

    # --- within

    def _on_air(self, now: float) -> bool:
        return self._open is not None and now - self._open_at < STALE

    def _now(self) -> Entry:
        now = self._clock()
        at = self._day.unix(now)
        return Entry(at=None if at is None else round(at, 3), up=round(self._up(), 3))

    def _entry(self, played: Played, checkpoint: bool = False) -> PlayedEntry:
        now, wanted = self._now(), played.wanted
        return PlayedEntry(
            at=now.at, up=now.up, kind=wanted.kind[:LONG], cls=wanted.cls, play=wanted.play[:LONG],
            audio=wanted.audio, bulletin=wanted.bulletin, emergency=wanted.emergency,
            drill=wanted.drill, origin=str(played.origin), cause=str(wanted.cause),
            started=None if played.started is None else round(played.started, 3),
            first=max(0, played.first_tick), ended=max(0, played.ended_tick),
            delivered=max(0, played.delivered), decoded=max(0, played.decoded),
            device=played.device, sounded=played.sounded, concealed=max(0, played.concealed),
            missed=max(0, played.missed), volume=min(100, max(0, played.volume)),
            late_ms=played.late_ms, whole=played.whole and not checkpoint,
            interrupted="power" if checkpoint else played.interrupted[:LONG],
            why_not=played.why_not[:LONG], checkpoint=checkpoint,
        )  # fmt: skip

    def _open_store(self) -> None:
        now = self._clock()
        if now < self._try_disk:
            return
        try:
            self._store = JournalStore(self._folder, self._receiver, self._now(), self._quota)
        except OSError as error:
            self._why = error.strerror or type(error).__name__
            self.counters["journal.failed"] += 1
            self._try_disk = now + TRY_DISK

    def _write(self, entry: Entry) -> None:
        self._settle()
        if not self._append(entry):
            name = entry.what if isinstance(entry, Note) else "played"
            if len(self._unwritten) < 40 or name in self._unwritten:
                self._unwritten[name] += 1
            else:
                self._unwritten["other"] += 1
            self.counters["journal.unwritten"] += 1

    def _settle(self) -> None:
        """Write down what could not be written before, once there is room again."""
        if self._store is None:
            self._open_store()
        if self._unwritten:
            now = self._now()
            lost = Lost(at=now.at, up=now.up, why="disk", counts=dict(self._unwritten))
            if self._append(lost):
                self._unwritten.clear()

    def _append(self, entry: Entry) -> bool:
        store = self._store
        if store is None:
            return False
        try:
            store.append(entry)
            while store.make_room(self._now()) is not None:
                self.counters["journal.dropped"] += 1
        except JournalError as error:
            self._why = str(error)
            self.counters["journal.too_long"] += 1
            return False
        except OSError as error:
            self._why = error.strerror or type(error).__name__
            self.counters["journal.failed"] += 1
            return False
        self._pacing.wrote(self._clock())
        return True

    def _anew(self, why: str) -> None:
        # Everything that is there is sent again: the server knows what it has by what it says.
        assert self._store is not None
        try:
            self._store.begin_anew(self._now(), why)
        except OSError:
            self.counters["journal.failed"] += 1
            return
        self.counters["journal.anew"] += 1
        self._pacing.anew()

    def _send(self, store: JournalStore, most: int, now: float) -> None:
        key = self._key()
        if key is None:
            return
        before, lines = store.after(self._pacing.receipted, most)
        if not lines:
            self._pacing.receipted = store.number
            return
        first, last = lines[0].number, lines[-1]
        seal = seal_text(self._receiver, store.chain, before, first, last.number, last.hash)
        message = Lines(
            chain=store.chain, before=before, lines=tuple(line.text for line in lines),
            signature=key.sign(Purpose.JOURNAL, seal),
        )  # fmt: skip
        if not self._line.send(message):
            self.counters["journal.not_sent"] += 1
            return
        self._pacing.sent(last.number, now)

    def _tell(self, played: Played) -> None:
        """Say at once that an emergency sounds, once a session."""
        wanted = played.wanted
        if not wanted.emergency or wanted.play in self._told or not self._line.up:
            return
        device = None if played.device is None else played.device > 0
        if device is False:
            return  # not yet
        said = Sounding(
            emergency=wanted.emergency, play=wanted.play[:LONG], tick=max(0, played.first_tick),
            late_ms=played.late_ms, device=device,
        )  # fmt: skip
        if self._line.send(said):
            if len(self._told) >= 64:
                self._told.clear()
            self._told.add(wanted.play)


def _same(one: Played, other: Played) -> bool:
    return (one.wanted.play, one.first_tick) == (other.wanted.play, other.first_tick)


def _plain(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)
    return str(value)[:LONG]
