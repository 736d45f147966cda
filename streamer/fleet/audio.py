"""Audio on the receivers' connections: who is told what his mount carries, and who is sent it.

Each box is told its mount's changes. Where it has not got the audio itself, it gets messages of
packets as well (``frames``), by the rule of ``stream.Course``: every tick that is streamed, once.

*Cadence and phase.* A box gets a message every 2 or 10 ticks. Boxes of a cadence are spread over as
many phases as it has ticks, the least loaded first, so that at every tick a tenth of the thrifty
ones is written to. All that heard the same programmes in the same ticks get the same bytes, built
once. A change is sent at once with what there is of it, whatever the phase, the higher class first.

*Time.* A timer on the engine's deadlines runs while somebody is streamed to, and only then. Each
round takes the engine's events first, so that what is known of changes is whole up to the tick.

*Slow boxes* are measured in seconds, for bytes alone do not tell time: marks say how many bytes
were written by a tick, and what a box has not acknowledged yet (looked up once a second, or before
each message once it lags) says which marks it has reached. Beyond ``LAG_TICKS`` nothing more is
written until it has drained; then a live and an emergency go on at the present, a bulletin where it
was, as far back as packets are kept. A message once begun is always finished: what was given to the
wire is never taken back.

*Resuming*: from ``Hello.resume`` or ``Want.tick``, in bursts that are bounded for each box and for
each round. A tick in the future, or no longer kept, means the present.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from loa.codecs.control.frames import pack_audio
from loa.codecs.control.messages import Enough, FromBox, Inventory, Message, Recount, Want
from loa.codecs.control.settings import Settings
from loa.native.engine import Engine
from loa.streamer import logs
from loa.streamer.core.rights import BulletinClass
from loa.streamer.counters import Counters
from loa.streamer.fleet.carriage import NEVER, Carriage, Entry
from loa.streamer.fleet.hub import MOST_WAITING, Session, Wire, binary_frame
from loa.streamer.fleet.inventories import Inventories
from loa.streamer.fleet.stream import Course

CADENCES = (2, 10)
LAG_TICKS = 150
SLOW_TICKS = 50
"""A box that lags so far is looked at before each message, not only once a second."""
LOOK_EVERY = 50
DRAINED = 1024
"""Bytes that it may still lack when it is written to again."""
BURST_TICKS = 50
"""Ticks of a message that catches up."""
CATCH_UP_WAITING = 8 * 1024
"""Bytes that may wait of a box that catches up: it is given more as it takes them."""
BURSTS_A_ROUND = 200
"""Messages that catch up, of all boxes together, in a round: nobody else is late by them."""
MARK_EVERY = 25
SLICE = 0.005
"""Seconds that telling changes keeps the loop; then others have their turn."""
FRAMES = 2048
"""Messages that are kept to be shared."""
LATE_MS = 1.0
"""After a tick's deadline it is looked for; it is complete a little later than it is due."""
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
    until: int = 0
    phase: int = -1
    """-1: nothing is streamed to it."""
    enough: bool = False
    slow: bool = False
    """It is looked at before each message."""
    held: bool = False
    """It is given nothing until it has drained."""
    queued: int = -1
    texts: list[bytes] = field(default_factory=list)
    marks: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=64))
    """Bytes that were sent by a tick, as long as they may not have arrived."""


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


class Audio:
    """See the module. A topic of the hub.

    ``mount_of``: the engine's mount of an area, None: it has none. ``take_events``: has the events
    of the engine taken that wait. ``kept``: ticks that the engine keeps.
    """

    takes: Sequence[type[Message]] = (Want, Enough, Inventory)

    def __init__(
        self,
        engine: Engine,
        carriage: Carriage,
        counters: Counters,
        mount_of: Callable[[int], int | None],
        *,
        settings_of: Callable[[Session], Settings] = lambda _: Settings(),
        take_events: Callable[[], None] = lambda: None,
        kept: int = 6000,
    ) -> None:
        self._engine = engine
        self._carriage = carriage
        self._counters = counters
        self._mount_of = mount_of
        self._settings_of = settings_of
        self._take_events = take_events
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._inventories = Inventories(counters)
        self._streams: dict[Session, Stream] = {}
        self._of_mount: dict[int, dict[Stream, None]] = {}
        self._phases: dict[int, list[dict[int, dict[Stream, None]]]] = {
            cadence: [{} for _ in range(cadence)] for cadence in CADENCES
        }
        self._loads = {cadence: [0] * cadence for cadence in CADENCES}
        self._behind: dict[Stream, None] = {}
        self._queues: list[deque[Stream]] = [deque() for _ in BulletinClass]
        self._draining: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._done = engine.tick
        self._frames: dict[tuple[int, bytes], bytes] = {}
        self._stopped = False
        self.counts = AudioCounts()
        carriage.announce = self._announced
        carriage.reached = self._reached

    # --- the topic

    def joined(self, session: Session) -> None:
        """A session began: it is told what is on, and sent it."""
        cached, ask = self._inventories.of(session.receiver, session.hello)
        session.cached = cached
        if ask:
            session.send(Recount())
        mount = self._mount_of(session.area)
        if mount is None:
            self._counters.add("fleet.audio.no_mount")
            return
        now = self._engine.tick
        settings = self._settings_of(session)
        resume = session.hello.resume
        back = round((settings.delay or 0.0) * 50)
        first = now + 1 - back
        if resume is not None:
            first = self._place(resume, now)
        stream = Stream(session, session.wire, mount, settings.ticks_a_message, Course(first))
        self._streams[session] = stream
        self._of_mount.setdefault(mount, {})[stream] = None
        for entry in self._carriage.of(mount, first):
            self._tell(stream, entry)

    def left(self, session: Session) -> None:
        """It ended."""
        stream = self._streams.pop(session, None)
        if stream is None:
            return
        self._rest(stream)
        together = self._of_mount[stream.mount]
        del together[stream]
        if not together:
            del self._of_mount[stream.mount]

    async def take(self, session: Session, message: FromBox) -> None:
        """Take what a box says of its cache and of what it wants."""
        stream = self._streams.get(session)
        if isinstance(message, Inventory):
            self._inventories.take(session.cached, message)
            if stream is not None:
                self._review(stream)
        elif stream is None:
            return
        elif isinstance(message, Enough):
            stream.enough = True
            self._review(stream)
        elif isinstance(message, Want):
            self._want(stream, message.tick)

    def _want(self, stream: Stream, tick: int) -> None:
        now = self._engine.tick
        stream.enough = False
        part = stream.course.at(max(tick, stream.course.parts[0].tick))
        if part is not None and part.entry.change.audio is not None:
            stream.session.cached.discard(part.entry.change.audio)
        stream.course.cursor = self._place(tick, now)
        self._review(stream)

    def _place(self, tick: int, now: int) -> int:
        """Return the tick from which a box is served that asks for this one."""
        return tick if now - self._kept < tick <= now + 1 else now + 1

    def _review(self, stream: Stream) -> None:
        """Tell again what is to be streamed from now on and was not, or the other way round."""
        now = self._engine.tick
        parts = stream.course.parts
        for number, part in enumerate(parts):
            over = parts[number + 1].tick if number + 1 < len(parts) else NEVER
            if min(over, part.entry.end) <= max(stream.course.cursor, now - self._kept):
                continue  # for this box it is over
            if part.on != self._streamed(stream, part.entry):
                for entry in [later.entry for later in parts[number:]]:
                    self._tell(stream, entry)
                break
        if any(part.on for part in parts):
            self._queue(stream, parts[-1].entry.change.cls)

    def _streamed(self, stream: Stream, entry: Entry) -> bool:
        change = entry.change
        if change.kind == "silence":
            return False
        if change.audio is not None and change.audio in stream.session.cached:
            return False
        if change.cls == EMERGENCY:
            return True
        return not stream.enough and not self._settings_of(stream.session).cached_only

    # --- changes

    def _announced(self, mount: int, entry: Entry) -> None:
        for stream in self._of_mount.get(mount, ()):
            self._tell(stream, entry)

    def _reached(self, mount: int, entry: Entry) -> None:
        for stream in self._of_mount.get(mount, ()):
            if stream.phase >= 0:
                self._queue(stream, entry.change.cls)

    def _tell(self, stream: Stream, entry: Entry) -> None:
        on = self._streamed(stream, entry)
        stream.course.tell(entry, on)
        stream.texts.append(entry.text(on))
        stream.until = 0
        if on and stream.phase < 0:
            self._rouse(stream)
        self._queue(stream, entry.change.cls)

    def _queue(self, stream: Stream, cls: int) -> None:
        if stream.queued < cls:
            stream.queued = cls
            self._queues[cls].append(stream)
            if self._draining is None and not self._stopped:
                self._draining = self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None
        until = time.monotonic() + SLICE
        now = self._engine.tick
        for cls in reversed(range(len(self._queues))):
            queue = self._queues[cls]
            while queue:
                stream = queue.popleft()
                if stream.queued == cls:
                    self._safely(self._flush, stream, now)
                    if time.monotonic() > until:
                        self._draining = self._loop.call_soon(self._drain)
                        return

    def _flush(self, stream: Stream, now: int) -> None:
        """Send what is to be told, and what there is of audio."""
        stream.queued = -1
        session = stream.session
        if session.ended:
            return
        texts = stream.texts
        if texts:
            stream.texts = []
            if session.wire.waiting > MOST_WAITING:
                self._counters.add("fleet.too_slow")
                session.close("too slow")
                return
            for text in texts:
                session.wire.send_text(text)
            self.counts.changes += len(texts)
        if stream.phase >= 0:
            self._advance(stream, now)

    # --- who is streamed to, and when

    def _rouse(self, stream: Stream) -> None:
        loads = self._loads[stream.cadence]
        stream.phase = loads.index(min(loads))
        loads[stream.phase] += 1
        groups = self._phases[stream.cadence][stream.phase]
        groups.setdefault(stream.mount, {})[stream] = None
        self.counts.streaming += 1
        self._arm()

    def _rest(self, stream: Stream) -> None:
        if stream.phase < 0:
            return
        self._loads[stream.cadence][stream.phase] -= 1
        groups = self._phases[stream.cadence][stream.phase]
        del groups[stream.mount][stream]
        if not groups[stream.mount]:
            del groups[stream.mount]
        self._behind.pop(stream, None)
        stream.phase, stream.until = -1, 0
        stream.slow = stream.held = False
        stream.marks.clear()
        self.counts.streaming -= 1

    def _arm(self) -> None:
        if self._timer is None and self.counts.streaming and not self._stopped:
            self._done = max(self._done, self._engine.tick)
            self._wait(self._engine.tick + 1)

    def _wait(self, tick: int) -> None:
        late = self._engine.deadline(tick) - time.monotonic() + LATE_MS / 1000
        self._timer = self._loop.call_later(max(LATE_MS / 1000, late), self._look)

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
        if self._queues[EMERGENCY]:
            self._drain()
        for tick in range(max(self._done + 1, now - MOST_ROUNDS), now + 1):
            for cadence in CADENCES:
                groups = self._phases[cadence][tick % cadence]
                if groups:
                    self._send_phase(groups, tick - cadence + 1, cadence)
        self._done = now
        if self._behind:
            self._catch_up(now)
        counts = self.counts
        counts.rounds += 1
        took = time.monotonic() - self._engine.deadline(now)
        counts.worst_round = max(counts.worst_round, took)

    def _send_phase(self, groups: dict[int, dict[Stream, None]], first: int, cadence: int) -> None:
        """Send the message of ticks ``first`` … to all whose phase ends with it."""
        mounts = sorted(groups, key=self._class_of, reverse=True)
        rows = self._engine.sounding(mounts, first, cadence) or [None] * len(mounts)
        end = first + cadence
        sent = size = 0
        others: list[Stream] = []
        # Each phase looks for its slow ones once a second.
        look = end // cadence % (LOOK_EVERY // cadence) == 0
        for mount, row in zip(mounts, rows, strict=True):
            frame = None
            for stream in groups[mount]:
                course, wire = stream.course, stream.wire
                if (
                    course.cursor != first
                    or stream.until < end
                    or stream.slow
                    or (look and not self._well(stream, end))
                ):
                    others.append(stream)
                    continue
                if frame is None:
                    frame = row and self._frame(mount, first, cadence, row)
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
            self._safely(self._advance, stream, end - 1)

    def _class_of(self, mount: int) -> int:
        for stream in self._of_mount[mount]:
            part = stream.course.parts[-1]
            return part.entry.change.cls if part.on else 0
        return 0

    def _advance(self, stream: Stream, upto: int) -> None:
        """Send a box whatever it is to get and has not got, up to a tick, if it takes that."""
        now = self._engine.tick
        course, wire = stream.course, stream.wire
        self._hurry(stream, now)
        if stream in self._behind:
            return
        if (stream.held or stream.slow or wire.waiting) and not self._takes(stream, now):
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
            self._rest(stream)
        else:
            stream.until = run[1] if run[0] == course.cursor else 0
        course.forget(min(course.cursor, now - self._kept))

    def _hurry(self, stream: Stream, now: int) -> None:
        """An emergency waits for nothing that a box has not been sent before it."""
        if not stream.held and stream not in self._behind:
            return
        part = stream.course.at(now)
        if part is None or not part.on or not _urgent(part.entry):
            return
        if stream.course.cursor < part.tick:
            self._skip(stream, part.tick)
            self._behind.pop(stream, None)

    def _well(self, stream: Stream, now: int) -> bool:
        """Look at a box that seems to take what it is sent; say whether it does."""
        marks = stream.marks
        if not stream.wire.unread:
            marks.clear()
            return True
        stream.slow = self._lag(stream, now) > SLOW_TICKS
        return not stream.slow

    def _lag(self, stream: Stream, now: int) -> int:
        """Return by how many ticks a box lags at least, and set the next mark."""
        wire, marks = stream.wire, stream.marks
        taken = wire.bytes_sent - wire.unread
        while marks and marks[0][0] <= taken:
            marks.popleft()
        if taken < wire.bytes_sent and (not marks or now - marks[-1][1] >= MARK_EVERY):
            marks.append((wire.bytes_sent, now))
        return now - marks[0][1] if marks else 0

    def _takes(self, stream: Stream, now: int) -> bool:
        """Say whether a box that seems to be slow is given more."""
        lag = self._lag(stream, now)
        if stream.held:
            if stream.wire.unread > DRAINED:
                return False
            stream.held = False
            stream.marks.clear()
            lag = 0
            part = stream.course.at(now)
            if part is None or part.entry.change.audio is None or _urgent(part.entry):
                self._skip(stream, now + 1)
        stream.slow = lag > SLOW_TICKS
        if lag > LAG_TICKS:
            stream.held = True
            self.counts.held += 1
        return not stream.held

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
                self._safely(self._burst, stream, upto)
                left -= 1
                if now + 1 - upto > BURST_TICKS:
                    self._behind[stream] = None
                    continue
            self._safely(self._advance, stream, now)

    def _burst(self, stream: Stream, upto: int) -> None:
        run = stream.course.run()
        if run is not None:
            self._send(stream, run[0], upto)

    def _safely(self, work: Callable[[Stream, int], None], stream: Stream, tick: int) -> None:
        """One box's mistake must not keep the others from their audio: its session ends."""
        try:
            work(stream, tick)
        except Exception:
            self._counters.add("fleet.audio.failed")
            log.exception("a receiver cannot be sent audio", receiver=stream.session.receiver)
            self._rest(stream)
            stream.session.close("failed")

    def _send(self, stream: Stream, first: int, end: int) -> None:
        rows = self._engine.sounding([stream.mount], first, end - first)
        row = rows[0] if rows else None
        frame = self._frame(stream.mount, first, end - first, row) if row is not None else None
        if frame is None:
            self._skip(stream, end)
            return
        stream.wire.send_frame(frame)
        stream.course.cursor = end
        self.counts.messages += 1
        self.counts.bytes += len(frame)

    def _frame(self, mount: int, first: int, count: int, row: bytes) -> bytes | None:
        """Return the message of these ticks of a mount, the same for all who hear the same."""
        key = (first, row)
        frame = self._frames.get(key)
        if frame is None:
            packets = self._engine.mount_packets(mount, first, count)
            if packets is None:
                return None
            if len(self._frames) >= FRAMES:
                for old in list(self._frames)[: FRAMES // 2]:
                    del self._frames[old]
            frame = self._frames[key] = binary_frame(pack_audio(first, packets))
            self.counts.built += 1
        return frame

    # --- the end

    def sweep(self) -> None:
        """Call it every few seconds."""
        self._carriage.sweep()
        self._inventories.sweep()

    def renew(self) -> None:
        """The settings of receivers may be others now."""
        for stream in list(self._streams.values()):
            cadence = self._settings_of(stream.session).ticks_a_message
            if cadence != stream.cadence:
                streamed = stream.phase >= 0
                self._rest(stream)
                stream.cadence = cadence
                if streamed:
                    self._rouse(stream)
            self._review(stream)

    def read_counts(self) -> AudioCounts:
        """Return the counts as they are; ``worst_round`` begins anew."""
        counts = replace(self.counts)
        self.counts.worst_round = 0.0
        return counts

    def close(self) -> None:
        """Send nothing any more."""
        self._stopped = True
        for handle in (self._timer, self._draining):
            if handle is not None:
                handle.cancel()
        self._timer = self._draining = None


def _urgent(entry: Entry) -> bool:
    return entry.change.cls == EMERGENCY
