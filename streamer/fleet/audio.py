"""Audio on the receivers' connections: who is told what his mount carries, and who is sent it.

Each box is told its mount's changes. Where it has not got the audio itself, it gets messages of
packets as well (``frames``), by the rule of ``stream.Course``: every tick that is streamed, once
(``rounds`` sends them). A change is sent at once, with what there is of its audio, whatever the
phase, the higher class first.

A box that comes back says from where it wants to go on (``Hello.resume``, ``Want.tick``); a tick in
the future, or no longer kept, means the present. One that does not gets a little of the past, as
much as its group lies behind the timeline, and so sounds at once.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from loa.codecs.control.messages import Enough, FromBox, Inventory, Message, Recount, Want
from loa.codecs.control.settings import Settings
from loa.native.engine import TICKS_A_SECOND, Engine
from loa.streamer.core.rights import BulletinClass
from loa.streamer.counters import Counters
from loa.streamer.fleet.carriage import NEVER, Carriage, Entry
from loa.streamer.fleet.hub import MOST_WAITING, Session
from loa.streamer.fleet.inventories import Inventories
from loa.streamer.fleet.lag import Lag
from loa.streamer.fleet.rounds import EMERGENCY, AudioCounts, Rounds, Stream
from loa.streamer.fleet.stream import Course

SLICE = 0.005
"""Seconds that telling changes keeps the loop; then others have their turn."""

__all__ = ["Audio", "AudioCounts"]


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
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._inventories = Inventories(counters)
        self._streams: dict[Session, Stream] = {}
        self._of_mount: dict[int, dict[Stream, None]] = {}
        self._queues: list[deque[Stream]] = [deque() for _ in BulletinClass]
        self._draining: asyncio.Handle | None = None
        self._stopped = False
        self.rounds = Rounds(engine, counters, take_events, self._hurry, kept)
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
        back = round((settings.delay or 0.0) * TICKS_A_SECOND)
        first = now + 1 - back
        if resume is not None:
            first = self._place(resume, now)
        stream = Stream(
            session, session.wire, mount, settings.ticks_a_message, Course(first), Lag(session.wire)
        )
        self._streams[session] = stream
        self._of_mount.setdefault(mount, {})[stream] = None
        for entry in self._carriage.of(mount, first):
            self._tell(stream, entry)

    def left(self, session: Session) -> None:
        """It ended."""
        stream = self._streams.pop(session, None)
        if stream is None:
            return
        self.rounds.rest(stream)
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
            self.rounds.rouse(stream)
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
                    self.rounds.safely(self._flush, stream, now)
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
            self.rounds.counts.changes += len(texts)
        if stream.phase >= 0:
            self.rounds.advance(stream, now)

    def _hurry(self) -> None:
        if self._queues[EMERGENCY]:
            self._drain()

    # --- what goes on beside

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
                self.rounds.rest(stream)
                stream.cadence = cadence
                if streamed:
                    self.rounds.rouse(stream)
            self._review(stream)

    def read_counts(self) -> AudioCounts:
        """Return the counts as they are; ``worst_round`` begins anew."""
        counts = replace(self.rounds.counts)
        self.rounds.counts.worst_round = 0.0
        return counts

    def close(self) -> None:
        """Send nothing any more."""
        self._stopped = True
        self.rounds.close()
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None
