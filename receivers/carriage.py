"""What the mount carries, on the box: the part that joins line, clock, sequencer and player.

It belongs to the loop, but for the player, whose output's thread shares the sequencer with it under
the player's lock. Call ``look`` a few times a second (``run`` does).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence

from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import Change, FromServer, Message, Ping, Pong, Want, Welcome
from loa.codecs.control.settings import Settings
from loa.receivers.clock import TICK, Clock
from loa.receivers.depth import MOST, Depth
from loa.receivers.ordered import Ordered
from loa.receivers.parts import (
    Cache,
    Cause,
    DayClock,
    Horn,
    Journal,
    Line,
    Played,
    Prepared,
    Wanted,
)
from loa.receivers.player import Player
from loa.receivers.runs import Stretch
from loa.receivers.saying import Saying
from loa.receivers.sequencer import Sequencer

LOOK_EVERY = 0.1
NOTE_EVERY = 1.0
CATCHING_UP = 1.0
"""Seconds of a session in which what comes is of the past, and says nothing about the line."""
FIRST_DEPTH = {"low": 0.06, "thrifty": 0.26}
"""Seconds, by cadence, until the line has shown what it asks for."""
SOON = 60.0
"""Seconds ahead of a group's playing from which its time is to be known well."""


class Carriage:
    """A ``Part``. Without a ``player`` time passes as if all were played (a simulated box).

    ``monotonic`` is the box's clock, which ``take`` and ``look`` are given readings of. ``sounds``:
    whether something is heard now, None where nobody measures it.
    """

    takes: Sequence[type[Message | Audio | Piece]] = (Change, Audio, Pong)

    def __init__(
        self,
        line: Line,
        cache: Cache,
        journal: Journal,
        day: DayClock,
        *,
        clock: Clock | None = None,
        horn: Horn | None = None,
        audible: bool = True,
        sounds: Callable[[], bool | None] = lambda: None,
        settings: Settings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = settings or Settings()
        self.clock = clock or Clock()
        self.sequencer = Sequencer()
        self.depth = Depth(FIRST_DEPTH[settings.cadence])
        self.player = Player(self.sequencer, self.clock, self.depth, horn=horn)
        self.unreadable = 0
        """Prepared audio that was thought to be in the cache and could not be read."""
        self.ordered = Ordered()
        self.too_late = 0
        """Messages of audio that came later than the group's delay allows."""
        self._line = line
        self._cache = cache
        self._journal = journal
        self._day = day
        self._horn = horn
        self._audible = audible
        self._monotonic = monotonic
        self._newest = -1
        self._started = monotonic()
        self._began = 0.0
        self._changes: list[tuple[Wanted, Prepared | None]] = []
        self._noted: tuple[float, Stretch | None] = (0.0, None)
        self._sounds = sounds
        self._saying = Saying()
        self._cadence = settings.cadence
        self.use(settings)

    # --- what the box says

    def use(self, settings: Settings) -> None:
        """Behave by these settings from now on."""
        with self.player.lock:
            self.player.delay = settings.delay
            self.sequencer.together = settings.delay is not None
            self.sequencer.thrift = settings.cached_only
            if settings.cadence != self._cadence:
                self._cadence = settings.cadence
                self.depth = Depth(FIRST_DEPTH[settings.cadence])
                self.player.depth = self.depth

    def want(self, wanted: Wanted) -> bool:
        """Play what an order or the offline schedule says. Returns whether the box has its audio:
        without it, it is written down that it did not sound."""
        prepared = self._prepared(wanted)
        with self.player.lock:
            self.sequencer.want(wanted, prepared)
        return prepared is not None or wanted.kind == "silence"

    def play(self, wanted: Wanted) -> asyncio.Future[str] | None:
        """Play what an order says. Returns what is done once that is over, as ``Ordered.begin``;
        None without its audio."""
        end = self.ordered.begin(wanted)
        if not self.want(wanted):
            end.cancel()
            return None
        return end

    def stop(self, play: str = "") -> bool:
        """Be silent, as ``orders.Stop`` says; returns whether anything was on or waiting."""
        with self.player.lock:
            return self.sequencer.stop(play)

    @property
    def current(self) -> Wanted | None:
        """What is on now."""
        with self.player.lock:
            run = self.sequencer.current
        return None if run is None else run.wanted

    def resume(self) -> int | None:
        """Return what ``Hello.resume`` is to be."""
        target = self.player.target(self._monotonic())
        if target is None:
            return None
        with self.player.lock:
            return self.sequencer.resume(target)

    # --- the line

    def welcomed(self, welcome: Welcome) -> None:
        """A session begins: its timeline is the one that counts."""
        self._began = self._monotonic()
        with self.player.lock:
            self.sequencer.welcomed()
        self._leapt(self.clock.welcomed(welcome, self._began))
        if not math.isfinite(self.sequencer.since):
            self.sequencer.since = self.clock.tick(self._started) or 0.0

    def parted(self) -> None:
        """What is there plays on."""
        self.clock.parted()
        self._saying = Saying()
        with self.player.lock:
            self.sequencer.asks = None

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """Take a change of carriage, audio, or the time."""
        if isinstance(message, Audio):
            self._take_audio(message, now)
        elif isinstance(message, Pong):
            self._leapt(self.clock.pong(message, now))
        elif isinstance(message, Change):
            self._take_change(message, now)
            return
        self.look(now)

    def _take_change(self, change: Change, now: float) -> None:
        """Changes that come together are taken together: each makes void what others said."""
        wanted = wanted_of(change)
        self._changes.append((wanted, self._prepared(wanted)))
        if self.sequencer.together and wanted.kind != "silence":
            self.clock.hurry(now)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.look(now)
        else:
            if len(self._changes) == 1:
                loop.call_soon(self.look, now)

    def _take_audio(self, audio: Audio, now: float) -> None:
        if self._changes:
            self.look(now)
        with self.player.lock:
            self.sequencer.audio(audio)
        due = self.clock.when(audio.tick)
        usual = now >= self._began + CATCHING_UP and audio.tick > self._newest
        if due is not None and usual and 0 <= now - due < MOST:
            self.depth.came(now - due, len(audio.packets))
            if self.player.delay is not None and now - due > self.player.delay:
                self.too_late += 1
        self._newest = max(self._newest, audio.tick)

    def _leapt(self, ticks: float) -> None:
        if ticks:
            self._newest = -1
            with self.player.lock:
                self.sequencer.leapt(ticks)

    def _prepared(self, wanted: Wanted) -> Prepared | None:
        if wanted.audio is None or not self._cache.has(wanted.audio):
            return None
        prepared = self._cache.read(wanted.audio)
        self.unreadable += prepared is None
        return prepared

    # --- time passes

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            self.look(self._monotonic())
            await asyncio.sleep(LOOK_EVERY)

    def look(self, now: float) -> None:
        """Do what is due: ask for the time and for what is missing, write down what is over."""
        target = self.player.target(now)
        with self.player.lock:
            for wanted, prepared in self._changes:
                self.sequencer.want(wanted, prepared)
            self._changes.clear()
            if target is not None and not self._audible:
                self.sequencer.lead = self.player.seconds_behind() / TICK
                self.sequencer.advance(target)
            asks, self.sequencer.asks = self.sequencer.asks, None
            over = [each for each in self.sequencer.ended if self.player.done_with(each)]
            self.sequencer.ended = [each for each in self.sequencer.ended if each not in over]
            ends = self.sequencer.orders_over
            sounding = [each.wanted for each in self.sequencer.ended]
            self.sequencer.orders_over = [e for e in ends if any(e[0] is w for w in sounding)]
            run = self.sequencer.current
            coming = None if target is None else self.sequencer.begins(target)
        if asks is not None and self._line.up:
            self._line.send(Want(tick=asks))
        together = self.player.delay is not None and coming is not None and target is not None
        self.clock.together = together and coming < target + SOON / TICK  # type: ignore[operator]
        sounds = self._sounds()
        asks_time = self.clock.due(now) <= now
        pings = self._line.up and (asks_time or self._saying.due(sounds, now))
        if pings and self._line.send(Ping(sent=now, on=self._saying.word(sounds))):
            self._saying.said(sounds)
            self.clock.asked(now)
        for stretch in over:
            played = self._played(stretch, now)
            self._journal.played(played)
            self.ordered.played(played)
        for wanted, why in ends:
            if not any(wanted is each for each in sounding):
                self.ordered.over(wanted, why)
        on = None if run is None else run.stretch
        at, before = self._noted
        if on is not None and (on is not before or now >= at + NOTE_EVERY):
            self._noted = (now, on)
            self._journal.playing(self._played(on, now))

    def _played(self, stretch: Stretch, now: float) -> Played:
        began = stretch.heard_at
        if began is None and not stretch.why_not:
            began = self.clock.when(stretch.began + self.sequencer.lead)
            stretch.heard_at = began
        sounds = stretch.delivered + stretch.concealed > 0
        return Played(
            wanted=stretch.wanted,
            origin=stretch.origin,
            started=None if began is None else self._day.unix(min(began, now)),
            first_tick=stretch.first,
            ended_tick=stretch.next,
            delivered=stretch.delivered,
            decoded=max(0, stretch.delivered - stretch.odd),
            device=_between(stretch.consumed) if sounds else 0,
            sounded=_between(stretch.sounded),
            concealed=stretch.concealed,
            missed=stretch.missed,
            volume=self._horn.volume(stretch.wanted.cls) if self._horn is not None else 0,
            late_ms=round(stretch.late * TICK * 1000),
            whole=stretch.whole,
            interrupted=stretch.interrupted,
            why_not=stretch.why_not,
        )


def _between(counts: tuple[int, int] | None) -> int | None:
    return None if counts is None else counts[1] - counts[0]


def wanted_of(change: Change) -> Wanted:
    """Return what a change asks for."""
    return Wanted(
        tick=change.tick,
        kind=change.kind,
        cls=change.cls,
        play=change.play,
        audio=change.audio,
        offset=change.offset,
        ticks=change.ticks,
        stream=change.stream,
        gap=change.gap,
        bulletin=change.bulletin,
        emergency=change.emergency,
        drill=change.drill,
        sign=change.sign,
        cause=Cause.SERVER,
    )
