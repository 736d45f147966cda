"""Sending audio: who is streamed to, in which phase, and what is due at each tick.

*Cadence and phase.* A box gets a message every 2 or 10 ticks. Boxes of a cadence are spread over as
many phases as it has ticks, the least loaded first, so that at every tick a tenth of the thrifty
ones is written to. All that heard the same programmes in the same ticks get the same bytes.

*Time.* A timer on the engine's deadlines runs while somebody is streamed to, and only then. Each
round takes the engine's events first, so that what is known of changes is whole up to the tick.

*Slow boxes* (``lag``) are held, and when they have drained a live and an emergency go on at the
present, a bulletin where it was, as far back as packets are kept.

*Those who come back* are given what they missed in bursts, which are bounded for each box by what
it takes, and for each round.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from loa.native.engine import Engine
from loa.streamer import logs
from loa.streamer.core.rights import BulletinClass
from loa.streamer.counters import Counters
from loa.streamer.fleet.carriage import Entry
from loa.streamer.fleet.hub import Session, Wire
from loa.streamer.fleet.lag import Lag
from loa.streamer.fleet.shared import Frames
from loa.streamer.fleet.stream import Course

CADENCES = (2, 10)
LOOK_EVERY = 50
"""Ticks after which a box that seems well is looked at."""
BURST_TICKS = 50
"""Ticks of a message that catches up."""
CATCH_UP_WAITING = 8 * 1024
"""Bytes that may wait of a box that catches up: it is given more as it takes them."""
BURSTS_A_ROUND = 200
"""Messages that catch up, of all boxes together, in a round: nobody else is late by them."""
LATE = 0.001
"""Seconds after a tick's deadline at which it is looked for: it is complete a little later."""
MOST_ROUNDS = 50
"""Ticks of a late loop that are gone through one by one."""
EMERGENCY = int(BulletinClass.EMERGENCY)

log = logs.get("fleet")


@dataclass(slots=True, eq=False)
class Stream:
    """One session's audio. ``until``: up to there every tick from the cursor on is streamed."""

    session: Session
    wire: Wire
    mount: int
    cadence: int
    course: Course
    lag: Lag
    until: int = 0
    phase: int = -1
    """-1: nothing is streamed to it."""
    enough: bool = False
    queued: int = -1
    texts: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class AudioCounts:
    """Counts since the start, and gauges of now, for the metrics."""

    messages: int = 0
    bytes: int = 0
    built: int = 0
    changes: int = 0
    held: int = 0
    """Times a box was too slow and was given nothing for a while."""
    skipped_ticks: int = 0
    """Ticks that slow boxes were not sent, or that could not be had any more."""
    streaming: int = 0
    rounds: int = 0
    worst_round: float = 0.0
    """Seconds from a tick's deadline to the end of its round, the worst since it was read."""


class Rounds:
    """See the module. ``first``: called at the beginning of each round, for what cannot wait."""

    def __init__(
        self,
        engine: Engine,
        counters: Counters,
        take_events: Callable[[], None],
        first: Callable[[], None],
        kept: int,
    ) -> None:
        self._engine = engine
        self._counters = counters
        self._take_events = take_events
        self._first = first
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._phases: dict[int, list[dict[int, dict[Stream, None]]]] = {
            cadence: [{} for _ in range(cadence)] for cadence in CADENCES
        }
        self._loads = {cadence: [0] * cadence for cadence in CADENCES}
        self._behind: dict[Stream, None] = {}
        self._frames = Frames(engine)
        self._done = engine.tick
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self.counts = AudioCounts()

    @property
    def running(self) -> bool:
        """Whether the timer runs."""
        return self._timer is not None

    def close(self) -> None:
        """Send nothing any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- who is streamed to

    def rouse(self, stream: Stream) -> None:
        """Something is streamed to it, now or soon."""
        loads = self._loads[stream.cadence]
        stream.phase = loads.index(min(loads))
        loads[stream.phase] += 1
        groups = self._phases[stream.cadence][stream.phase]
        groups.setdefault(stream.mount, {})[stream] = None
        self.counts.streaming += 1
        self._arm()

    def rest(self, stream: Stream) -> None:
        """Nothing is streamed to it any more; idempotent."""
        if stream.phase < 0:
            return
        self._loads[stream.cadence][stream.phase] -= 1
        groups = self._phases[stream.cadence][stream.phase]
        del groups[stream.mount][stream]
        if not groups[stream.mount]:
            del groups[stream.mount]
        self._behind.pop(stream, None)
        stream.phase, stream.until = -1, 0
        stream.lag.forget()
        self.counts.streaming -= 1

    # --- time

    def _arm(self) -> None:
        if self._timer is None and self.counts.streaming and not self._stopped:
            self._done = max(self._done, self._engine.tick)
            self._wait(self._engine.tick + 1)

    def _wait(self, tick: int) -> None:
        late = self._engine.deadline(tick) - time.monotonic() + LATE
        self._timer = self._loop.call_later(max(LATE, late), self._look)

    def _look(self) -> None:
        self._timer = None
        if self._engine.tick > self._done:
            try:
                self._take_events()
                self.round()
            except Exception:
                self._done = self._engine.tick
                self._counters.add("fleet.audio.failed")
                log.exception("a round of audio failed")
        if self.counts.streaming and not self._stopped:
            self._wait(self._done + 1)

    def round(self) -> None:
        """Send what is due up to the newest tick that is complete."""
        now = self._engine.tick
        self._first()
        for tick in range(max(self._done + 1, now - MOST_ROUNDS), now + 1):
            for cadence in CADENCES:
                groups = self._phases[cadence][tick % cadence]
                if groups:
                    self._send_phase(groups, tick - cadence + 1, cadence)
        self._done = now
        if self._behind:
            self._catch_up(now)
        counts = self.counts
        counts.built = self._frames.built
        counts.rounds += 1
        took = time.monotonic() - self._engine.deadline(now)
        counts.worst_round = max(counts.worst_round, took)

    # --- sending

    def _send_phase(self, groups: dict[int, dict[Stream, None]], first: int, cadence: int) -> None:
        """Send the message of ticks ``first`` … to all whose phase ends with it."""
        mounts = sorted(groups, key=lambda mount: _class_of(groups[mount]), reverse=True)
        rows = self._frames.rows(mounts, first, cadence)
        end = first + cadence
        sent = size = 0
        others: list[Stream] = []
        # Each phase looks for its slow ones once a second, one phase after the other.
        look = (end // cadence + end % cadence) % (LOOK_EVERY // cadence) == 0
        for mount, row in zip(mounts, rows, strict=True):
            frame = None
            for stream in groups[mount]:
                course, wire = stream.course, stream.wire
                if (
                    course.cursor != first
                    or stream.until < end
                    or stream.lag.slow
                    or (look and not stream.lag.well(end))
                ):
                    others.append(stream)
                    continue
                if frame is None:
                    frame = self._frames.of(mount, first, cadence, row)
                    if frame is None:
                        others.append(stream)
                        continue
                try:
                    wire.send_frame(frame)
                except Exception:  # it goes the longer way, where that is dealt with
                    others.append(stream)
                    continue
                course.cursor = end
                sent += 1
                size += len(frame)
        self.counts.messages += sent
        self.counts.bytes += size
        for stream in others:
            self.safely(self.advance, stream, end - 1)

    def advance(self, stream: Stream, upto: int) -> None:
        """Send a box whatever it is to get and has not got, up to a tick, if it takes that."""
        now = self._engine.tick
        course, wire, lag = stream.course, stream.wire, stream.lag
        self._hurry(stream, now)
        if stream in self._behind:
            return
        if (lag.held or lag.slow or wire.waiting) and not self._takes(stream, now):
            return
        run = course.run()
        while run is not None and run[0] <= upto:
            first, end = run
            if first <= now - self._kept:
                self._skip(stream, now + 1)
            elif min(end, upto + 1) - first > BURST_TICKS:
                self._behind[stream] = None
                return
            else:
                self._send(stream, first, min(end, upto + 1))
            run = course.run()
        if run is None:
            self.rest(stream)
        else:
            stream.until = run[1] if run[0] == course.cursor else 0
        course.forget(min(course.cursor, now - self._kept))

    def _hurry(self, stream: Stream, now: int) -> None:
        """An emergency waits for nothing that a box has not been sent before it."""
        if not stream.lag.held and stream not in self._behind:
            return
        part = stream.course.at(now)
        if part is None or not part.on or not _urgent(part.entry):
            return
        if stream.course.cursor < part.tick:
            self._skip(stream, part.tick)
            self._behind.pop(stream, None)

    def _takes(self, stream: Stream, now: int) -> bool:
        """Say whether a box that seems to be slow is given more."""
        lag = stream.lag
        if not lag.held:
            taken = lag.takes(now)
            self.counts.held += not taken
            return taken
        if not lag.drained():
            return False
        part = stream.course.at(now)
        if part is None or part.entry.change.audio is None or _urgent(part.entry):
            self._skip(stream, now + 1)
        return True

    def _skip(self, stream: Stream, tick: int) -> None:
        """Give up what a box was not sent before a tick."""
        course = stream.course
        run = course.run()
        if run is not None and run[0] < tick:
            self.counts.skipped_ticks += min(run[1], tick) - run[0]
        course.cursor = max(course.cursor, tick)

    def _catch_up(self, now: int) -> None:
        left = BURSTS_A_ROUND
        for stream in list(self._behind):
            if not left:
                return
            del self._behind[stream]
            if stream.wire.waiting > CATCH_UP_WAITING:
                self._behind[stream] = None
                continue
            run = stream.course.run()
            if run is not None and now - self._kept < run[0] <= now:
                first, end = run
                # Those who come back together get the same bytes.
                upto = min(end, now + 1, first + BURST_TICKS - first % BURST_TICKS)
                self.safely(self._burst, stream, upto)
                left -= 1
                if now + 1 - upto > BURST_TICKS:
                    self._behind[stream] = None
                    continue
            self.safely(self.advance, stream, now)

    def _burst(self, stream: Stream, upto: int) -> None:
        run = stream.course.run()
        if run is not None:
            self._send(stream, run[0], upto)

    def safely(self, work: Callable[[Stream, int], None], stream: Stream, tick: int) -> None:
        """One box's mistake must not keep the others from their audio: its session ends."""
        try:
            work(stream, tick)
        except Exception:
            self._counters.add("fleet.audio.failed")
            log.exception("a receiver cannot be sent audio", receiver=stream.session.receiver)
            self.rest(stream)
            stream.session.close("failed")

    def _send(self, stream: Stream, first: int, end: int) -> None:
        row = self._frames.rows([stream.mount], first, end - first)[0]
        frame = self._frames.of(stream.mount, first, end - first, row)
        if frame is None:
            self._skip(stream, end)
            return
        stream.wire.send_frame(frame)
        stream.course.cursor = end
        self.counts.messages += 1
        self.counts.bytes += len(frame)


def _class_of(streams: dict[Stream, None]) -> int:
    """Return the class of what is streamed to those of one mount."""
    for stream in streams:
        part = stream.course.parts[-1]
        return part.entry.change.cls if part.on else 0
    return 0


def _urgent(entry: Entry) -> bool:
    return entry.change.cls == EMERGENCY
