"""Boxes within earshot of each other, in passed time: every clock differs, every line is bad.

One mount and any number of boxes as they are (``Carriage``, with its clock, sequencer and player);
simulated are the lines (delay, bursts of it, one way slower than the other, all in order as TCP
has it), each box's own monotonic clock (an offset and a drift), and its sound card (another drift,
a delay that it tells, with an error). What each card plays is kept with the true time of every
block, and the mount's own sound is known: so it is measured for any moment how far a horn is from
where it should be (``Horns.offsets``).
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from loa.codecs.control.frames import SILENT_PACKET, Audio
from loa.codecs.control.messages import Change, Message, Ping, Pong, Want, Welcome
from loa.codecs.control.settings import Settings
from loa.native.opus import OpusDecoder, OpusEncoder
from loa.receivers.carriage import Carriage
from loa.receivers.parts import Played, Prepared

Samples = npt.NDArray[np.float32]

TICK, BLOCK, RATE = 0.02, 960, 48_000
FIRST = 3_000_000_000
UNIX = 1_790_000_000.0
WINDOW = 9_600
"""Samples that are compared: 0.2 s."""
RANGE = 9_600
"""Samples to either side in which a horn is looked for."""


def voices(ticks: int, seed: int = 1) -> Samples:
    """Return something like speech: noise in syllables, with pauses, different everywhere."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(ticks * BLOCK).astype(np.float32)
    smooth = np.convolve(noise, np.hanning(24).astype(np.float32) / 12, "same")
    out = np.zeros_like(smooth)
    at = 0
    while at < len(out):
        length = int(rng.uniform(0.2, 0.9) * RATE)
        part = smooth[at : at + length]
        out[at : at + length] = 0.25 * part * np.hanning(length)[: len(part)]
        at += length + int(rng.uniform(0.04, 0.4) * RATE)
    return out.astype(np.float32)


def encoded(pcm: Samples) -> list[bytes]:
    """Return one packet a tick."""
    encoder = OpusEncoder()
    return [encoder.encode(pcm[i : i + BLOCK]) for i in range(0, len(pcm) - BLOCK + 1, BLOCK)]


@dataclass
class Way:
    """One direction of a line: seconds of delay, a little more each time, and bursts."""

    base: float = 0.001
    usual: float = 0.0002
    burst: float = 0.0
    often: float = 0.0
    lost: float = 0.0
    """The share that TCP has to send again, 0.3 to 1 s later."""
    last: float = 0.0
    down: tuple[float, float] | None = None
    """A time in which nothing gets through; what was on its way comes after it."""

    def arrival(self, sent: float, rng: random.Random) -> float:
        late = self.base + rng.expovariate(1 / self.usual)
        if rng.random() < self.often:
            late += rng.random() * self.burst
        if rng.random() < self.lost:
            late += rng.uniform(0.3, 1.0)
        at = sent + late
        if self.down is not None and self.down[0] <= at < self.down[1]:
            at = self.down[1]
        self.last = max(self.last, at)
        return self.last


def lan() -> tuple[Way, Way]:
    """There and back within a building."""
    return Way(), Way()


def mobile(lost: float = 0.01) -> tuple[Way, Way]:
    """3G: 100 to 400 ms there and back, in bursts, one way worse than the other. ``lost``: the
    share of messages that comes up to a second later, because TCP had to send it again."""
    return Way(0.06, 0.01, 0.15, 0.3, lost), Way(0.05, 0.008, 0.2, 0.25, lost)


@dataclass
class Notes:
    """A journal that keeps what it is told."""

    over: list[Played] = field(default_factory=list)

    def record(self, kind: str, /, **details: object) -> None:
        pass

    def playing(self, played: Played) -> None:
        pass

    def played(self, played: Played) -> None:
        self.over.append(played)


@dataclass
class Shelf:
    """A cache."""

    files: dict[bytes, Prepared] = field(default_factory=dict)

    def has(self, hash: bytes) -> bool:
        return hash in self.files

    def read(self, hash: bytes) -> Prepared | None:
        return self.files.get(hash)


@dataclass
class Day:
    def unix(self, now: float) -> float | None:
        return UNIX + now


class Box:
    """One box. ``true`` times are the world's; ``local`` ones its own clock's."""

    def __init__(
        self, world: Horns, number: int, settings: Settings, ways: tuple[Way, Way],
        clock_ppm: float, card_ppm: float, latency: float, wrong: float,
    ) -> None:  # fmt: skip
        self.world, self.number = world, number
        self.there, self.back = ways
        self.clock_ppm, self.card_ppm, self.latency, self.wrong = (
            clock_ppm, card_ppm, latency, wrong,
        )  # fmt: skip
        self.offset = 1000.0 * number
        self.rng = random.Random(number)
        self.up = False
        self.down_since: float | None = 0.0
        self.notes, self.shelf = Notes(), Shelf()
        self.sent_to: int = 0
        self.streaming = False
        self.times: list[float] = []
        self.blocks: list[Samples] = []
        self.given: list[bytes] = []
        """What the decoder was given."""
        self.carriage = Carriage(
            self, self.shelf, self.notes, Day(), settings=settings,
            monotonic=lambda: self.local(world.now),
        )  # fmt: skip
        decode = self.carriage.player._decoder.decode

        def decoding(packet: bytes) -> Samples:
            self.given.append(packet)
            return decode(packet)

        self.carriage.player._decoder.decode = decoding  # type: ignore[method-assign]

    def local(self, true: float) -> float:
        return self.offset + true * (1 + self.clock_ppm * 1e-6)

    def send(self, message: Message) -> bool:
        """The ``Line``'s."""
        if not self.up:
            return False
        at = self.there.arrival(self.world.now, self.rng)
        self.world.at(at, lambda: self.world.asked(self, message))
        return True

    def hear(self, message: Change | Pong | Audio) -> None:
        """Something was sent to it."""
        if not self.up:
            return
        session = self.world.sessions[self.number]
        at = self.back.arrival(self.world.now, self.rng)

        def arrive() -> None:
            if self.up and self.world.sessions[self.number] == session:
                self.carriage.take(message, self.local(self.world.now))

        self.world.at(at, arrive)

    def play(self) -> None:
        """The card asks for a block; it sounds after the card's delay."""
        out = np.empty(BLOCK, np.float32)
        sounds = self.world.now + self.latency
        told = self.local(sounds) + self.rng.gauss(0, self.wrong)
        self.carriage.player.read_into(out, told)
        self.times.append(sounds)
        self.blocks.append(out)
        every = TICK / (1 + self.card_ppm * 1e-6)
        self.world.at(self.world.now + every, self.play)

    def look(self) -> None:
        self.carriage.look(self.local(self.world.now))
        self.world.at(self.world.now + 0.1, self.look)


class Horns:
    """The world: true time ``now`` in seconds, a mount, and boxes."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.now = 10.0
        self.settings = settings or Settings()
        self.boxes: list[Box] = []
        self.sessions: dict[int, int] = {}
        self.first_tick = FIRST
        self.carried: dict[int, bytes] = {}
        """What the mount carried, by tick; silence elsewhere."""
        self.changes: list[Change] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    # --- time

    def at(self, true: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._events, (true, next(self._numbers), do))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, do = heapq.heappop(self._events)
            do()
        self.now = end

    def tick(self, true: float) -> float:
        return self.first_tick + true / TICK

    def when(self, tick: float) -> float:
        return (tick - self.first_tick) * TICK

    # --- the server

    def add(
        self, ways: tuple[Way, Way], *, clock_ppm: float = 0.0, card_ppm: float = 0.0,
        latency: float = 0.03, wrong: float = 0.0005, settings: Settings | None = None,
    ) -> Box:  # fmt: skip
        """A box is put up, and connects."""
        box = Box(
            self, len(self.boxes), settings or self.settings, ways, clock_ppm, card_ppm, latency,
            wrong,
        )  # fmt: skip
        self.boxes.append(box)
        self.sessions[box.number] = 0
        self.at(self.now + 0.001 * box.number, box.play)
        self.at(self.now + 0.003 * box.number, box.look)
        self.at(self.now + 0.02 * (box.number % 10), lambda: self.send_audio(box))
        self.connect(box)
        return box

    def connect(self, box: Box) -> None:
        box.up, box.down_since = True, None
        self.sessions[box.number] += 1
        resume = box.carriage.resume()
        sent = self.tick(self.now)
        self.now += box.back.base
        box.carriage.welcomed(Welcome(version=1, tick=sent, unix=UNIX + self.now))
        since = int(sent) if resume is None else resume
        before = [c for c in self.changes if c.tick <= since][-1:]
        box.streaming, box.sent_to = False, since
        for change in [*before, *(c for c in self.changes if c.tick > since)]:
            self.tell(box, change)

    def disconnect(self, box: Box) -> None:
        box.up, box.down_since = False, box.local(self.now)
        box.carriage.parted()

    def tell(self, box: Box, change: Change) -> None:
        cached = change.audio is not None and box.shelf.has(change.audio)
        stream = change.kind != "silence" and not cached
        if stream and not box.streaming:
            box.sent_to = max(box.sent_to, change.tick)
        box.streaming = box.streaming or stream
        box.hear(
            Change(
                tick=change.tick, kind=change.kind, cls=change.cls, play=change.play,
                audio=change.audio, offset=change.offset, ticks=change.ticks, stream=stream,
                gap=change.gap,
            )
        )  # fmt: skip

    def change(self, change: Change, packets: list[bytes] | None = None) -> None:
        """From a tick on the mount carries this."""
        self.changes.append(change)
        for tick in [t for t in self.carried if t >= change.tick]:
            del self.carried[tick]
        for i, packet in enumerate(packets or []):
            self.carried[change.tick + i] = packet
        if change.gap:
            self.carried[change.tick] = SILENT_PACKET
        for box in self.boxes:
            if box.up:
                self.tell(box, change)

    def send_audio(self, box: Box) -> None:
        """A message's time has come for this box (each has its phase)."""
        after = int(self.tick(self.now))
        if box.up and box.streaming:
            while box.sent_to < after:
                count = min(250, after - box.sent_to)
                packets = tuple(
                    self.carried.get(box.sent_to + i, SILENT_PACKET) for i in range(count)
                )
                if any(packet != SILENT_PACKET for packet in packets):
                    box.hear(Audio(box.sent_to, packets))
                box.sent_to += count
        self.at(self.now + TICK * self.settings.ticks_a_message, lambda: self.send_audio(box))

    def asked(self, box: Box, message: Message) -> None:
        if isinstance(message, Ping):
            tick = self.tick(self.now)
            box.hear(Pong(sent=message.sent, tick=tick, unix=UNIX + self.now))
        elif isinstance(message, Want):
            box.streaming, box.sent_to = True, message.tick

    # --- what was heard

    def reference(self, first: int, count: int) -> Samples:
        """Return the mount's own sound, decoded from some ticks before."""
        decoder = OpusDecoder()
        packets = [self.carried.get(t, SILENT_PACKET) for t in range(first - 10, first + count)]
        return decoder.decode_many(packets)[10 * BLOCK :]

    def sound(self, box: Box, true: float, count: int) -> Samples | None:
        """Return what a box's horn gave from a true time on."""
        i = int(np.searchsorted(box.times, true)) - 1
        if i < 0 or i + count // BLOCK + 2 >= len(box.times):
            return None
        skip = round((true - box.times[i]) * RATE)
        joined = np.concatenate(box.blocks[i : i + count // BLOCK + 2])
        return joined[skip : skip + count]

    def offsets(self, box: Box, first: int, last: int, every: int = 25) -> list[float]:
        """Return how late (ms) a horn was at places of the timeline, beyond the group's delay.

        Places where nothing is said are left out; where the horn gave something else it is NaN.
        """
        delay = self.settings.delay or 0.0
        found = []
        for tick in range(first, last, every):
            wanted = self.reference(tick, WINDOW // BLOCK)
            if float(np.sqrt(np.mean(np.square(wanted)))) < 0.02:
                continue
            begin = self.when(tick) + delay - RANGE / RATE
            heard = self.sound(box, begin, WINDOW + 2 * RANGE)
            if heard is None:
                continue
            size = 1 << (len(heard) + WINDOW).bit_length()
            cross = np.fft.irfft(
                np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size)), size
            )
            squares = np.concatenate(([0.0], np.cumsum(np.square(heard, dtype=np.float64))))
            energy = squares[WINDOW:] - squares[:-WINDOW]
            cross = cross[: len(energy)]
            alike = cross / np.sqrt(energy * float(np.dot(wanted, wanted)) + 1e-9)
            best = int(np.argmax(alike))
            found.append((best - RANGE) / RATE * 1000 if alike[best] > 0.5 else float("nan"))
        return found
