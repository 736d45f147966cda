"""The part of a simulated box that stands for player and horn: what would sound, and when.

The real sequencer and the real clock decide, for blocks of 20 ms as a device would ask for them,
but those of a while are asked for together, and no packet is decoded. What sounded is kept as
``Run``s, and goes to the journal as on a box; a device is said to have taken it all.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loa.codecs.control.frames import SILENT_PACKET, Audio, Piece
from loa.codecs.control.messages import Change, FromServer, Message, Ping, Pong, Want, Welcome
from loa.codecs.control.settings import Settings
from loa.receivers.clock import Clock
from loa.receivers.depth import MOST, Depth
from loa.receivers.fleet.judge import Run
from loa.receivers.ordered import Ordered
from loa.receivers.parts import Cache, Cause, Journal, Line, Played, Prepared, Wanted
from loa.receivers.runs import Run as Running
from loa.receivers.runs import Stretch
from loa.receivers.saying import Saying
from loa.receivers.sequencer import Sequencer, Step, What

TICK = 0.02
LATE, VERY_LATE = 0.2, 1.0
"""Seconds."""
EVERY = 0.5
"""Seconds between two looks while something sounds from the cache."""
CATCH_UP = 0.015
"""By how much faster than the timeline a live comes that lags, as the player does."""
MOST_RUNS = 5000


@dataclass(slots=True)
class Onset:
    """The first sound of a stretch: ``at`` monotonic seconds of this machine."""

    at: float
    play: str
    cls: int
    emergency: int
    tick: int
    late: float


@dataclass(slots=True)
class Heard:
    """What a box sounded since the fleet's start; it survives the box's power cuts.

    ``odd``: ticks whose packet was not what other boxes had at the same place. ``late``: ticks that
    sounded more than 200 ms later than their group's, ``very_late``: more than a second.
    """

    runs: list[Run] = field(default_factory=list)
    onsets: list[Onset] = field(default_factory=list)
    dropped: int = 0
    odd: int = 0
    late: int = 0
    very_late: int = 0


class Reference:
    """What packet each place of a programme has, as whoever came first heard it.

    Silence is left out: where carriage changes, one tick of it stands for what was there.
    """

    MOST = 100_000

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._known: dict[int, bytes] = {}

    def odd(self, name: str, first: int, packets: Sequence[bytes]) -> int:
        """Return how many of these packets differ from what others had there."""
        known = self._known
        if len(known) > self.MOST:
            known.clear()
        base = self._names.setdefault(name, len(self._names)) << 48
        wrong = 0
        for number, packet in enumerate(packets, base + first):
            if packet != SILENT_PACKET:
                wrong += known.setdefault(number, packet) != packet
        return wrong


class Playing:
    """A part of a box. ``local`` is the box's monotonic clock, ``true`` this machine's."""

    takes: Sequence[type[Message | Audio | Piece]] = (Change, Audio, Pong)

    def __init__(
        self,
        line: Line,
        clock: Clock,
        cache: Cache,
        journal: Journal,
        reference: Reference,
        heard: Heard,
        local: Callable[[], float],
        true: Callable[[], float],
        unix: Callable[[float], float | None],
    ) -> None:
        self.clock = clock
        self.sequencer = Sequencer()
        self.ordered = Ordered()
        self.settings = Settings()
        self.heard = heard
        self._line = line
        self._cache = cache
        self._journal = journal
        self._reference = reference
        self._local, self._true = local, true
        self._booted = local()
        self._unix = unix
        self._depth = Depth(0.28)
        self._place = -math.inf
        self._newest = -1
        self._run: Run | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._goes_on = False
        """Whether something sounds, and what is here will have to be looked at soon."""
        self._open: Stretch | None = None
        self._started: float | None = None
        self._noted = -math.inf
        self._saying = Saying()

    # --- a part

    def welcomed(self, welcome: Welcome) -> None:
        """A session began."""
        self.sequencer.welcomed()
        self._leapt(self.clock.welcomed(welcome, self._local()))
        if not math.isfinite(self.sequencer.since):
            self.sequencer.since = self.clock.tick(self._booted) or 0.0
        self._look()

    def parted(self) -> None:
        """It ended; what is here goes on."""
        self.clock.parted()
        self._saying = Saying()

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """Take what concerns the sound."""
        if isinstance(message, Audio):
            target = self._target(now)
            if target is not None:
                if self._goes_on and message.tick > target and not self.sequencer.urgent:
                    # It is ahead of what sounds: nothing before the next look depends on it.
                    self._came(message, now)
                    return
                self._advance(target, now)
            self._came(message, now)
        elif isinstance(message, Pong):
            self._leapt(self.clock.pong(message, now))
        elif isinstance(message, Change):
            self.want(
                Wanted(
                    message.tick, message.kind, message.cls, message.play, message.audio,
                    message.offset, message.ticks, message.stream, message.gap, message.bulletin,
                    message.emergency, message.drill, message.sign,
                )
            )  # fmt: skip
        self._look()

    def want(self, wanted: Wanted) -> bool:
        """Whoever decides wants this. Returns whether the box has its audio."""
        # What was until now is over before this is known, in one step however long it was.
        now = self._local()
        if (target := self._target(now)) is not None:
            self._advance(target, now)
        prepared: Prepared | None = None
        if wanted.audio is not None and self._cache.has(wanted.audio):
            prepared = self._cache.read(wanted.audio)
        self.sequencer.want(wanted, prepared)
        if wanted.cause is not Cause.SERVER:
            self._look()
        return prepared is not None or wanted.kind == "silence"

    def stop(self, play: str) -> bool:
        """Be silent, as ``orders.Stop`` says."""
        found = self.sequencer.stop(play)
        self._look()
        return found

    @property
    def streams(self) -> bool:
        """Whether audio is coming by the line."""
        current = self.sequencer.current
        return current is not None and current.wanted.stream

    def resume(self) -> int | None:
        """Return the tick from which audio is missing, for ``Hello``."""
        target = self._target(self._local())
        return None if target is None else self.sequencer.resume(target)

    def settle(self) -> None:
        """Put what sounds now among what was heard; what follows is another run."""
        self._end_run()

    def close(self) -> None:
        """The box stops, or loses its power: what is known so far was heard."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._end_run()

    # --- inside

    @property
    def _behind(self) -> float:
        """Seconds behind the timeline, as ``Player.seconds_behind``."""
        delay = self.settings.delay
        if delay is None:
            return self._depth.seconds
        return max(delay, self._depth.often)

    def _target(self, now: float) -> float | None:
        tick = self.clock.tick(now)
        return None if tick is None else tick - self._behind / TICK

    def _leapt(self, ticks: float) -> None:
        if ticks:
            self._newest = -1
            self.sequencer.leapt(ticks)
            if math.isfinite(self._place):
                self._place += ticks

    def _came(self, audio: Audio, now: float) -> None:
        self.sequencer.audio(audio)
        due = self.clock.when(audio.tick)
        if due is not None and audio.tick > self._newest and 0 <= now - due < MOST:
            self._depth.came(now - due, len(audio.packets))
        self._newest = max(self._newest, audio.tick)

    def _look(self) -> None:
        """Let time pass up to now, and say when to look again."""
        now = self._local()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        sounds = self._run is not None
        asks_time = self.clock.due(now) <= now
        pings = self._line.up and (asks_time or self._saying.due(sounds, now))
        if pings and self._line.send(Ping(sent=now, on=self._saying.word(sounds))):
            self._saying.said(sounds)
            self.clock.asked(now)
        target = self._target(now)
        if target is not None:
            self._advance(target, now)
        wait = self._until(target, now)
        if wait is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.005, wait), self._look)

    def _until(self, target: float | None, now: float) -> float | None:
        waits = []
        if math.isfinite(due := self.clock.due(now)):
            waits.append(due - now)
        if self._line.up and math.isfinite(self._saying.at):
            waits.append(self._saying.at - now)
        place = None if target is None else self.sequencer.wakes(target)
        self._goes_on = place is not None and self._run is not None
        if target is not None and place is not None:
            # Blocks are those of the device: the next begins where the last one ended.
            next_ = max(0.0, self._place + 1 - target) * TICK
            patient = self._run is not None and not self.sequencer.urgent
            waits.append(max((place - target) * TICK, EVERY if patient else next_))
        if self.sequencer.urgent:
            waits.append(EVERY)
        return min(waits) if waits else None

    def _advance(self, target: float, now: float) -> None:
        sequencer = self.sequencer
        sequencer.lead = self._behind / TICK
        sequencer.together = self.settings.delay is not None
        if not math.isfinite(self._place) or abs(target - self._place) > 100_000:
            self._place = target - 1
        while self._place + 1 <= target:
            place = self._place + 1
            step = sequencer.take(place, max(1, int(target - self._place)))
            self._note(step, place, target)
            self._place += step.count
            run = step.run
            if step.what is What.PACKETS and run is not None and not run.whole:
                more = int(min(max(run.lag(self._place), 0), math.ceil(CATCH_UP * step.count)))
                if more and run is sequencer.current:
                    self._note(sequencer.take(self._place, more), self._place, target)
        if sequencer.asks is not None and self._line.send(Want(tick=sequencer.asks)):
            sequencer.asks = None
        for stretch in sequencer.ended:
            self._record(stretch, over=True)
        sequencer.ended.clear()
        for wanted, why in sequencer.orders_over:
            self.ordered.over(wanted, why)
        sequencer.orders_over.clear()
        if self._open is not None and now - self._noted > 1.0:
            self._noted = now
            self._record(self._open, over=False)

    def _note(self, step: Step, place: float, target: float) -> None:
        """Keep what this step sounds."""
        running = step.run
        if step.what is What.MADE_UP and self._run is not None:
            self._run = _with(self._run, made_up=step.count)
            return
        if step.what is not What.PACKETS or running is None:
            self._end_run()
            return
        first = round(step.place - running.shift)
        wanted = running.wanted
        # A line that often needs more than the group's delay is later than that on purpose.
        after = (place - first) * TICK + self._behind
        beyond = after - (self.settings.delay or self._behind)
        self.heard.late += step.count * (beyond > LATE)
        self.heard.very_late += step.count * (beyond > VERY_LATE)
        key = wanted.audio.hex() if wanted.audio is not None else wanted.play or "live"
        index = first - running.base if wanted.audio is not None else first
        self.heard.odd += self._reference.odd(key, index, step.packets)
        run = self._run
        if run is None or run.end != first or run.play != wanted.play:
            self._end_run()
            self._run = Run(
                first, first + step.count, wanted.play, after, running.packets is not None
            )
            self._begin(running, place, target, first, after)
        else:
            self._run = _with(run, end=first + step.count)

    def _begin(
        self, running: Running, place: float, target: float, first: int, late: float
    ) -> None:
        wanted = running.wanted
        at = self._true() - (target - place) * TICK
        if len(self.heard.onsets) < MOST_RUNS:
            self.heard.onsets.append(
                Onset(at, wanted.play, wanted.cls, wanted.emergency, first, late)
            )
        if running.stretch is not self._open:
            self._open = running.stretch
            self._noted = -math.inf
            self._started = self._unix(self._local())

    def _end_run(self) -> None:
        if self._run is not None:
            if len(self.heard.runs) < MOST_RUNS:
                self.heard.runs.append(self._run)
            else:
                self.heard.dropped += 1
            self._run = None

    def _record(self, stretch: Stretch, over: bool) -> None:
        mine = stretch is self._open
        played = Played(
            stretch.wanted, stretch.origin, self._started if mine else None, stretch.first,
            stretch.next, stretch.delivered, stretch.delivered, stretch.delivered, None,
            stretch.concealed, stretch.missed, self.settings.volume[stretch.wanted.cls],
            round(stretch.late * TICK * 1000), stretch.whole, stretch.interrupted, stretch.why_not,
        )  # fmt: skip
        if over:
            self._journal.played(played)
            if mine:
                self._open = None
        else:
            self._journal.playing(played)


def _with(run: Run, *, end: int | None = None, made_up: int = 0) -> Run:
    return Run(
        run.first, run.end if end is None else end, run.play, run.late, run.cached,
        run.made_up + made_up,
    )  # fmt: skip
