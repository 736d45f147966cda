"""Playing without a connection: after ten seconds of none the last schedule decides.

``carrying`` says what; this asks it at the right moments, hands what changes to the sequencer, and
keeps on the disk how far everything came.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from loa.codecs.control.agenda import DAY_TICKS
from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import Change, FromServer, Message, Welcome
from loa.receivers.agenda import KeptSchedule
from loa.receivers.carrying import Begun, Carrying, Decided, plan_of, zero_of
from loa.receivers.files import write_durably
from loa.receivers.parts import Cache, DayClock, Journal, Line, Origin, Played, ServerClock, Wanted
from loa.streamer.core.timeline import EPOCH, TICKS_A_SECOND

PATIENCE = 10.0
"""Seconds without a session after which the box decides by itself."""
LOOK_EVERY = 1.0
LEAD_TICKS = 25
"""Decisions are for half a second ahead: audio has to be read and decoded before it sounds."""
AHEAD_TICKS = 50
"""What is known to change within these is decided now, for the very tick at which it changes."""
AGAIN_TICKS = 60 * TICKS_A_SECOND
WRITE_EVERY = 10.0
"""Seconds after which it is written down how far an item that is on came."""
LEAP = 50
"""Ticks that the timeline may differ from the monotonic clock before it is another one."""


class _Kept(Struct, frozen=True, kw_only=True):
    played: tuple[Begun, ...] = ()


class Timeline(ServerClock, Protocol):
    """The server's timeline, or one that is supposed until it is known."""

    def suppose(self, tick: float, now: float) -> None:
        """Take a timeline for granted until a server tells; nothing when one is known."""


class Offline:
    """A part of the box; ``await run()`` until cancelled.

    ``in_place``: how far things came is written without a thread, for the disk is memory.
    ``want`` is the sequencer's. The time of day and the timeline are asked at each look: while the
    first is unknown nothing is decided, whatever stands in the schedule.
    """

    takes: Sequence[type[Message | Audio | Piece]] = (Change,)

    def __init__(
        self,
        path: Path,
        line: Line,
        schedule: KeptSchedule,
        cache: Cache,
        timeline: Timeline,
        day: DayClock,
        journal: Journal,
        want: Callable[[Wanted], object],
        monotonic: Callable[[], float] = time.monotonic,
        in_place: bool = False,
    ) -> None:
        self._path = path
        self._line = line
        self._kept = schedule
        self._cache = cache
        self._timeline = timeline
        self._day = day
        self._journal = journal
        self._want = want
        self._monotonic = monotonic
        self.counters: Counter[str] = Counter()
        """offline.begun, offline.not_kept, offline.not_there."""
        self._carrying = Carrying(self._read())
        self._carrying.learn(schedule.now)
        schedule.subscribe(self._learn)
        self._started = monotonic()
        self._last: tuple[float, float] | None = None
        self._wanted: Wanted | None = None
        self._at = 0
        """The tick that was decided for last."""
        self._zero = 0
        self._next: int | None = None
        self._stale = True
        """Whether something changed since then."""
        self._written: tuple[float, str] = (self._started, "")
        self._newest: bytes | None = None
        self._in_place = in_place
        self._writing = False
        self._one_writer = threading.Lock()
        self._told: set[str] = set()
        self._wake = asyncio.Event()
        self.deciding = False
        """Whether the schedule decides now."""
        self.timeless = False
        """Whether it would, and nobody knows what time it is."""

    # --- a part of the box

    def welcomed(self, welcome: Welcome) -> None:
        """From now on the server decides."""
        self._end()

    def parted(self) -> None:
        """Wait and see."""
        self._wake.set()

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """Follow what the server's mount carries."""
        assert isinstance(message, Change)
        self._end()
        self._carrying.told(message)

    def poke(self) -> None:
        """Something changed (audio came, or turned out to be damaged): look at once."""
        self._stale = True
        self._wake.set()

    def status(self, now: float) -> str:
        """Return in a word what this does: online, waiting, playing, silent, timeless or none."""
        if not self.deciding:
            if self.timeless:
                return "timeless"
            return "online" if self._line.up else "waiting"
        if self._kept.now is None:
            return "none"
        return "playing" if self._wanted and self._wanted.kind == "bulletin" else "silent"

    # --- the work

    async def run(self) -> None:
        """Look whenever something may change, until cancelled."""
        while True:
            again = self.look(self._monotonic())
            self._wake.clear()
            try:
                async with asyncio.timeout(again):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def look(self, now: float) -> float:
        """Decide if it is time to; return after how many seconds to look again, at the latest."""
        tick = self._tick(now)
        if tick is not None:
            self._carrying.follow(int(tick))
            self._write(now, tick)
        if (left := self._patience(now)) > 0:
            return min(LOOK_EVERY, left)
        unix = self._day.unix(now)
        self.timeless = unix is None
        if unix is None:
            return LOOK_EVERY
        if tick is None:
            self._timeline.suppose((unix - EPOCH) * TICKS_A_SECOND, now)
            tick = self._tick(now)
            if tick is None:
                return LOOK_EVERY
        if not self.deciding:
            self.deciding = True
            self.counters["offline.begun"] += 1
            schedule = self._kept.now
            version = 0 if schedule is None else schedule.version
            self._journal.record("offline", schedule=version)
        at = max(self._at, int(tick) + LEAD_TICKS)
        if self._next is not None and at < self._next <= at + AHEAD_TICKS:
            at = self._next
        zero = zero_of(tick, unix)
        if not self._due(at, zero):
            return self._until_next(tick)
        self._at, self._zero, self._stale = at, zero, False
        decided = self._carrying.decide(at, zero, self._cache.has)
        self._next = decided.again
        self._give(decided, now, tick)
        self._say_what_is_not_there(at - zero)
        return self._until_next(tick)

    def _due(self, at: int, zero: int) -> bool:
        """Say whether a decision for ``at`` may be another one than the last."""
        if self._stale or at == self._next or at >= self._at + AGAIN_TICKS:
            return True
        return abs(zero - self._zero) > 1  # the clock was put right, or runs away from the timeline

    def _until_next(self, tick: float) -> float:
        if self._next is None:
            return LOOK_EVERY
        left = self._next - AHEAD_TICKS - LEAD_TICKS - tick
        return max(0.02, min(LOOK_EVERY, left / TICKS_A_SECOND))

    def close(self) -> None:
        """Keep how far everything came."""
        now = self._monotonic()
        tick = self._tick(now)
        if tick is not None:
            self._writing = True  # by nobody else from now on
            self._write(now, tick, always=True)
            self._write_newest()

    def _learn(self) -> None:
        self._carrying.learn(self._kept.now)
        self._told.clear()
        self._stale = True
        self._wake.set()

    def _end(self) -> None:
        if self.deciding:
            self._journal.record("online")
        self.deciding = self.timeless = False
        self._wanted = self._next = None
        self._at, self._stale = 0, True

    def _patience(self, now: float) -> float:
        """Return for how many seconds the server may still be about to decide."""
        if self._line.up:
            return LOOK_EVERY
        since = self._line.down_since
        return (self._started if since is None else since) + PATIENCE - now

    def _tick(self, now: float) -> float | None:
        tick = self._timeline.tick(now)
        if tick is None:
            return None
        if self._last is not None:
            expected = self._last[0] + (now - self._last[1]) * TICKS_A_SECOND
            if abs(tick - expected) > LEAP:
                self._carrying.shift(round(tick - expected))
                self._wanted = self._next = None
                self._at, self._stale = 0, True
        self._last = (tick, now)
        return tick

    def _give(self, decided: Decided, now: float, tick: float) -> None:
        wanted, before = decided.wanted, self._wanted
        if before is not None and _the_same(before, wanted):
            return
        self._wanted = wanted
        self._want(wanted)
        self._write(now, tick, always=True)

    def _say_what_is_not_there(self, day_tick: int) -> None:
        """Put on record, once each, what was due and could not begin because it was not fetched."""
        schedule = self._kept.now
        if schedule is None:
            return
        for key, turn in plan_of(schedule).items():
            if turn.start > day_tick or key in self._told:
                continue
            last = turn.last if turn.last is not None else turn.start
            if last < day_tick - LOOK_EVERY * 60 * TICKS_A_SECOND:
                self._told.add(key)  # long over when this began
                continue
            audio = schedule.audios[turn.audio]
            if last >= day_tick or self._cache.has(audio.hash):
                continue
            self._told.add(key)
            self.counters["offline.not_there"] += 1
            at = self._timeline.tick(self._monotonic()) or 0.0
            wanted = Wanted(
                int(at), "bulletin", turn.cls, key, audio.hash, 0, audio.ticks,
                bulletin=turn.bulletin,
            )  # fmt: skip
            self._journal.played(
                Played(
                    wanted, Origin.CACHE, turn.start / DAY_TICKS, int(at), int(at), 0, 0, None,
                    None, 0, audio.ticks, 0, 0, False, why_not="not_fetched",
                )
            )  # fmt: skip

    # --- across power cuts

    def _write(self, now: float, tick: float, always: bool = False) -> None:
        state = self._carrying.state
        at, key = self._written
        on = state.choice.id if state.choice.play is not None else ""
        due = key != on or (on and not 0 <= now - at < WRITE_EVERY)
        if not (always or due):
            return
        self._written = (now, on)
        unix = self._day.unix(now) or 0.0
        kept = _Kept(played=tuple(self._carrying.begun(int(tick), unix)))
        self._newest = msgspec.json.encode(kept)
        if self._in_place:
            self._write_newest()
        elif not self._writing:
            self._write_apart()

    def _write_apart(self) -> None:
        """Write the newest in a thread, for a slow disk must not keep audio waiting."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # at the end, and in tests that have no loop
            self._write_newest()
            return
        self._writing = True
        loop.run_in_executor(None, self._write_newest).add_done_callback(self._written_apart)

    def _written_apart(self, _: asyncio.Future[None]) -> None:
        self._writing = False
        if self._newest is not None:
            self._write_apart()

    def _write_newest(self) -> None:
        with self._one_writer:
            data, self._newest = self._newest, None
            if data is None:
                return
            try:
                write_durably(self._path, data)
            except OSError:
                self.counters["offline.not_kept"] += 1

    def _read(self) -> tuple[Begun, ...]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept).played
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError):
            self.counters["offline.not_kept"] += 1
            return ()


def _the_same(one: Wanted, other: Wanted) -> bool:
    """Say whether the second only goes on with the first."""
    if (one.kind, one.play, one.audio) != (other.kind, other.play, other.audio):
        return False
    return one.kind != "bulletin" or one.tick - one.offset == other.tick - other.offset
