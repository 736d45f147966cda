"""From a mount's bytes to samples at the device's pace: sequence, decode, limit, ring.

One thread feeds, another reads; the ring is all that lies between them. No I/O, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loa.native.dsp import Limiter
from loa.native.error import NativeError
from loa.native.opus import OpusDecoder
from loa.native.ring import BLOCK, Ring, RingState, RingStats
from loa.receivers.listen.jitter import JitterBuffer
from loa.receivers.listen.stream import StreamReader

Samples = npt.NDArray[np.float32]

SETTLE = 0.06
"""Seconds from the first audio until it is let out: a burst arrives in pieces."""
ANOTHER_TIMELINE = 500
"""Ticks: a connection that begins this far in the past is a server that has lost its clock."""
QUIET = 10 ** (-50 / 20)
"""RMS below which a tick counts as a pause, where the ring may trim."""


@dataclass(frozen=True, slots=True)
class Depth:
    """A ring's depths in ms: at first, at most, and room in all."""

    start: int
    most: int
    room: int


DEPTHS = {"low": Depth(50, 800, 3000), "thrifty": Depth(280, 1500, 5000)}
"""By cadence: a page of ``thrifty`` alone is 200 ms."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What has been heard so far; ticks unless they are named otherwise."""

    tick: int | None
    packets: int
    lost: int
    made_up: int
    repeated: int
    odd: int
    bytes: int
    joins: int
    ring: RingStats


class Hearing:
    """A mount as a receiver hears it, over any number of connections.

    Call ``joined`` when a connection's body begins, ``feed`` with its bytes, ``read_into`` from the
    device's thread.
    """

    def __init__(self, cadence: str = "low") -> None:
        depth = DEPTHS[cadence]
        self.jitter = JitterBuffer()
        self.ring = Ring(depth.start, depth.most, depth.room)
        self._limiter = Limiter(0.0)
        self._decoder = OpusDecoder()
        self._gain = 0.0
        self._stream = StreamReader()
        self._fresh = False
        self._settled: float | None = None
        self._open = False
        self._joins = 0
        self._bytes = 0
        self._odd = 0
        self._made_up = 0

    # --- the connection's side

    def joined(self) -> None:
        """A new connection begins; its first bytes are a stream's."""
        self._odd += self._stream.odd
        self._stream = StreamReader()
        self._fresh = True
        self._joins += 1

    def resume_from(self) -> int | None:
        """Return the tick to ask the next connection for, None when there is none to go on from."""
        return self.jitter.next_tick

    @property
    def ended(self) -> bool:
        """The server said that this connection's stream is over."""
        return self._stream.ended

    def feed(self, data: bytes, now: float) -> int:
        """Take bytes; return how many ticks were new. Raises ``StreamError``: the connection is
        of no use."""
        self._bytes += len(data)
        arrived = self._stream.feed(data)
        if arrived and self._fresh:
            self._fresh = False
            self._begin(arrived[0].tick, now)
        new = 0
        for each in arrived:
            new += self.jitter.put(each.tick, each.packet, now)
            for slot in self.jitter.take(now):
                self._play(slot.packet)
        # It begins with a page's arrival, when the ring is at its fullest: what the ring then
        # leaves is enough until the next page.
        self._open |= new > 0 and self._settled is not None and now >= self._settled
        return new

    def finish(self) -> None:
        """The connection ended; raises ``StreamError`` if it never was a stream."""
        self._stream.finish()

    def _begin(self, tick: int, now: float) -> None:
        wanted = self.jitter.next_tick
        if wanted is not None and tick < wanted - ANOTHER_TIMELINE:
            self.jitter.restart()
        if self._settled is None:
            self._settled = now + SETTLE
        head = self._stream.head
        if head is not None and head.gain != self._gain:
            self._gain = head.gain
            self._decoder = OpusDecoder(gain_q8=round(head.gain * 256))

    def _play(self, packet: bytes | None) -> None:
        try:
            samples = self._conceal() if packet is None else self._decoder.decode(packet)
        except NativeError:
            self._odd += 1
            samples = self._conceal()
        samples = self._limiter.process(samples)
        loud = float(np.sqrt(np.mean(np.square(samples)))) > QUIET
        self.ring.write(samples, speech=loud)

    def _conceal(self) -> Samples:
        self._made_up += 1
        return self._decoder.conceal(BLOCK)

    # --- the device's side

    def read_into(self, out: Samples) -> RingState:
        """Fill ``out`` (float32, shape ``(960,)``) with what is due; silence when nothing is."""
        if not self._open:
            out.fill(0.0)
            return RingState.PRIMING
        state = self.ring.read_into(out)[0]
        np.clip(out, -1.0, 1.0, out=out)
        return state

    # --- anyone's

    def heard(self) -> Heard:
        """Return the counters now."""
        counters = self.jitter.counters
        wanted = self.jitter.next_tick
        return Heard(
            tick=None if wanted is None else wanted - 1,
            packets=counters.accepted,
            lost=counters.lost,
            made_up=self._made_up,
            repeated=counters.repeated,
            odd=self._odd + self._stream.odd,
            bytes=self._bytes,
            joins=self._joins,
            ring=self.ring.stats,
        )
