"""From packets to samples at the device's clock: decode, fade, limit, steer.

All of it happens in the output's thread, one block of 20 ms at a time and no earlier than needed:
what waits, waits as packets. Each block's samples are put where they belong on the timeline as
measured at the loudspeaker (``at``); how far that is off is the error that the steering works on.
What is off by more than the steering makes good in a while is made good in pauses: a quiet block is
left out, or one more is made up.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loa.codecs.control.frames import SILENT_PACKET
from loa.native.dsp import Limiter
from loa.native.error import NativeError
from loa.native.opus import OpusDecoder
from loa.native.resample import Resampler
from loa.receivers.depth import Depth
from loa.receivers.parts import Horn, ServerClock
from loa.receivers.runs import EMERGENCY, Run, Stretch
from loa.receivers.sequencer import MADE_UP, Sequencer, Step, What
from loa.receivers.steering import GENTLE, HASTY, Steering

Samples = npt.NDArray[np.float32]

BLOCK = 960
TICK = 0.02
BEHIND = Limiter.DELAY + Resampler.DELAY
"""Samples by which what is decoded now sounds later."""
FADE = 720
"""Samples, 15 ms."""
SPLICE = 240
QUIET = 10 ** (-50 / 20)
"""RMS below which a block is a pause,"""
PAUSE = 10 ** (-26 / 20)
"""or below that part of what was loud lately: rooms are not silent."""
FORGET = 0.995
"""What was loud counts 2 dB less after each second."""
PAUSES_FROM = 0.020
"""Seconds of error from which pauses are used."""
HASTY_FROM = 0.2
"""Seconds late from which a live may be hurried more in a group: an echo is worse to hear."""
HOPELESS = 3.2
"""Seconds late beyond which a bulletin stays as late as it is."""
_FADE_IN = (np.arange(FADE, dtype=np.float32) + 0.5) / FADE
_FADE_OUT = _FADE_IN[::-1].copy()
_SPLICE_IN = (np.arange(SPLICE, dtype=np.float32) + 0.5) / SPLICE


@dataclass(slots=True)
class PlayerCounters:
    """Since the start; blocks unless named otherwise."""

    decoded: int = 0
    odd: int = 0
    """Packets that are none."""
    left_out: int = 0
    """Pauses left out to catch up."""
    put_in: int = 0
    """Pauses put in to wait."""
    failed: int = 0
    """Times that this module failed; it was silent then."""


class Player:
    """The ``Sound`` of a box. ``lock`` guards the sequencer: whoever changes it holds it, shortly.

    ``delay``: seconds behind the timeline in a synchronized group, None on its own. ``horn`` tells
    what the device took; without one nobody knows.
    """

    def __init__(
        self,
        sequencer: Sequencer,
        clock: ServerClock,
        depth: Depth,
        *,
        horn: Horn | None = None,
    ) -> None:
        self.lock = threading.Lock()
        self.delay: float | None = None
        self.horn = horn
        self.counters = PlayerCounters()
        self.steering = Steering()
        self.sequencer = sequencer
        self._clock = clock
        self.depth = depth
        self._decoder = OpusDecoder()
        self._limiter = Limiter(0.0)
        self._resampler = Resampler()
        self._waiting = np.zeros(6 * BLOCK, dtype=np.float32)
        self._held = 0
        self._tail: Samples | None = None
        self._sounding = False
        self._flush = 0
        self._made = 0
        self._cls = 0
        self._loud = 0.0
        self._at = 0.0
        self._marked: Stretch | None = None

    # --- anyone's

    def done_with(self, stretch: Stretch) -> bool:
        """Whether the device has taken all of it; ask under ``lock``."""
        return stretch is not self._marked

    @property
    def cls(self) -> int:
        """The class of what sounds, or of what is to sound next."""
        return self._cls

    def seconds_behind(self) -> float:
        """Return how long after its tick a block is to sound: what the group agreed on, or longer
        if the line often cannot do that; on its own as early as the line allows."""
        if self.delay is None:
            return self.depth.seconds
        return max(self.delay, self.depth.often)

    def target(self, at: float) -> float | None:
        """Return the place on the timeline that should sound at ``at``."""
        tick = self._clock.tick(at)
        return None if tick is None else tick - self.seconds_behind() / TICK

    def begins(self, at: float) -> float | None:
        """Return when something will sound next, as far as it is known; ``at`` while it does."""
        if self._sounding:
            return at
        target = self.target(at)
        if target is None:
            return None
        with self.lock:
            place = self.sequencer.begins(target)
            coming = self.sequencer.coming
        if place is None:
            return None
        if coming is not None:
            self._cls = coming.wanted.cls
        return at + max(0.0, place - target) * TICK

    # --- the output's thread

    def read_into(self, out: Samples, at: float) -> bool:
        """Fill ``out`` with what is to sound at ``at``; return whether anything does."""
        try:
            with self.lock:
                return self._read(out, at)
        except Exception:
            # Whatever is wrong, an output's thread goes on, silent.
            self.counters.failed += 1
            self._reset()
            out.fill(0.0)
            return False

    def _read(self, out: Samples, at: float) -> bool:
        self._mark()
        self._at = at
        target = self.target(at)
        if target is None:
            out.fill(0.0)
            return False
        self.sequencer.lead = self.seconds_behind() / TICK
        if not self._held and not self._sounding and not self._flush:
            step = self.sequencer.next(target + BEHIND / BLOCK)
            if step.what is What.SILENT:
                out.fill(0.0)
                return False
            self._wake(step, target + BEHIND / BLOCK)
        ppm = self.steering.ppm
        need = self._resampler.need(ppm)
        while self._held < need:
            place = target + (self._held + BEHIND) / BLOCK
            self._make(self.sequencer.next(place), place)
        sounding = self._sounding or self._flush > 0
        self._resampler.run_into(self._waiting[:need], ppm, out)
        self._held -= need
        self._waiting[: self._held] = self._waiting[need : need + self._held]
        np.clip(out, -1.0, 1.0, out=out)
        if not self._sounding:
            self._flush = max(0, self._flush - 1)
            if not self._flush:
                self._held = 0
        return sounding

    def _wake(self, step: Step, place: float) -> None:
        """The first block after silence: it begins where it belongs, to the sample."""
        early = min(max(0.0, step.place - place), 1.0)
        if step.run is not None and step.run.at_once:
            early = 0.0
        self._held = round(early * BLOCK)
        self._waiting[: self._held] = 0.0
        self._make(step, place + early)

    def _reset(self) -> None:
        self._held = self._flush = self._made = 0
        self._sounding = False
        self._tail = None
        self._decoder.reset()

    # --- what the device took

    def _mark(self) -> None:
        """The block before this one is through: count it for what it was of."""
        if self._marked is None or self.horn is None:
            self._marked = None
            return
        stretch = self._marked
        if stretch.consumed is not None and self.horn.consumed is not None:
            stretch.consumed = (stretch.consumed[0], self.horn.consumed)
        if stretch.sounded is not None:
            # What measures failed in the middle of it: half a measure would say that half was mute.
            count = self.horn.sounded
            stretch.sounded = None if count is None else (stretch.sounded[0], count)
        if not self._sounding:
            self._marked = None

    def _begin_mark(self, stretch: Stretch | None) -> None:
        if stretch is None or stretch is self._marked:
            return
        self._marked = stretch
        if stretch.heard_at is None:
            stretch.heard_at = self._at
        if self.horn is None:
            return
        if stretch.consumed is None and (count := self.horn.consumed) is not None:
            stretch.consumed = (count, count)
        if stretch.sounded is None and (count := self.horn.sounded) is not None:
            stretch.sounded = (count, count)

    # --- one block

    def _make(self, step: Step, place: float) -> None:
        if step.what is What.SILENT:
            self._silence(step)
            return
        assert step.run is not None
        self._cls = step.run.wanted.cls
        self._begin_mark(step.run.stretch)
        if step.what is What.MADE_UP:
            self._made += 1
            samples = self._decoder.conceal(BLOCK)
            # It dies away from the first sample to the last, without a step between blocks.
            left = (MADE_UP - self._made + 1) / MADE_UP, (MADE_UP - self._made) / MADE_UP
            samples *= np.linspace(max(left[0], 0.0), max(left[1], 0.0), BLOCK, dtype=np.float32)
            self._put(samples)
            return
        if step.cut and self._sounding:
            self._cut()
        samples = self._decode(step.packets[0])
        if not self._sounding or self._made >= MADE_UP:
            samples[:FADE] *= _FADE_IN
            self.steering.begin()
        self._made = 0
        self._sounding = True
        error = (place - step.place) * TICK
        self.steering.update(error, self._most(step.run, error))
        self._put(self._stretched(samples, step.run, error, place))

    def _most(self, run: Run, error: float) -> float:
        """Return by how much, in ppm, what is on may be hurried or held back."""
        if run.whole or run.wanted.cls == EMERGENCY:
            return 0.0 if error > HOPELESS else GENTLE
        return HASTY if error > (PAUSES_FROM if self.delay is None else HASTY_FROM) else GENTLE

    def _stretched(self, samples: Samples, run: Run, error: float, place: float) -> Samples:
        """Leave a pause out, or put one in, where that much is off."""
        level = math.sqrt(float(np.dot(samples, samples)) / BLOCK)
        self._loud = max(level, FORGET * self._loud)
        if abs(error) < PAUSES_FROM or error > HOPELESS:
            return samples
        if level > max(QUIET, PAUSE * self._loud):
            return samples
        if error < 0:
            self.counters.put_in += 1
            self.steering.moved(-TICK)
            self._put(samples)
            return self._decoder.conceal(BLOCK)
        step = self.sequencer.next(place)
        if step.what is not What.PACKETS or step.cut or step.run is not run:
            # What comes next is of another kind: this pause is needed.
            self._put(samples)
            self._make_after(step, place)
            return np.zeros(0, dtype=np.float32)
        self.counters.left_out += 1
        self.steering.moved(TICK)
        following = self._decode(step.packets[0])
        following[:SPLICE] *= _SPLICE_IN
        following[:SPLICE] += samples[:SPLICE] * (1 - _SPLICE_IN)
        return following

    def _make_after(self, step: Step, place: float) -> None:
        if step.what is What.PACKETS:
            if step.cut:
                self._cut()
            self._put(self._decode(step.packets[0]))
        else:
            self._make(step, place)

    def _silence(self, step: Step) -> None:
        if self._sounding:
            self._sounding = False
            self._flush = 2
            if step.cut and self._made < MADE_UP:
                samples = self._decoder.conceal(BLOCK)
                samples[:FADE] *= _FADE_OUT
                samples[FADE:] = 0.0
            elif self._made < MADE_UP:
                samples = self._decode(SILENT_PACKET)
            else:
                samples = np.zeros(BLOCK, dtype=np.float32)
            self._made = 0
            self._put(samples)
            self._decoder.reset()
        else:
            self._put(np.zeros(BLOCK, dtype=np.float32))

    def _cut(self) -> None:
        """What was on goes out under what comes."""
        tail = self._decoder.conceal(BLOCK)[:FADE]
        tail *= _FADE_OUT
        self._tail = tail
        self._decoder.reset()
        self._sounding = False

    def _decode(self, packet: bytes) -> Samples:
        try:
            samples = self._decoder.decode(packet)
            if len(samples) == BLOCK:
                self.counters.decoded += 1
                return samples
        except NativeError:
            pass
        self.counters.odd += 1
        if self._marked is not None:
            self._marked.odd += 1
        return self._decoder.conceal(BLOCK)

    def _put(self, samples: Samples) -> None:
        if self._tail is not None and len(samples):
            samples[:FADE] += self._tail
            self._tail = None
        if len(samples):
            count = len(samples)
            self._waiting[self._held : self._held + count] = self._limiter.process(samples)
            self._held += count
