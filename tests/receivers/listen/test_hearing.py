"""From a mount's bytes to a device of another clock, in passed time: no click, nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.ogg import make_page
from loa.codecs.opus import OpusHead, OpusTags, header_pages, timeline_headers
from loa.native.ring import BLOCK, RingState
from loa.receivers.listen.hearing import DEPTHS, Hearing
from loa.receivers.listen.stream import StreamError
from support.mount import HERTZ, LEVEL, START, packet, page, pages, stream

SLOPE = LEVEL * 2 * np.pi * HERTZ / 48_000
CADENCES = {"low": 2, "thrifty": 10}


class Air:
    """A mount and one receiver of it in passed time, each with a clock of its own."""

    def __init__(self, cadence: str, ppm: float = 0.0) -> None:
        self.hearing = Hearing(cadence)
        self.played: list[int | None] = []
        self._cadence = CADENCES[cadence]
        self._block = 0.02 * (1 + ppm * 1e-6)
        self._sent = START
        self.now = 0.0
        self._blocks = 0
        self.out: list[np.ndarray] = []
        self.states: list[RingState] = []
        self.fills: list[float] = []

    def live(self) -> int:
        """Return the first tick that is not complete."""
        return START + int(self.now / 0.02 + 1e-6)

    def join(self, from_tick: int | None = None, burst: int = 10) -> None:
        self.hearing.joined()
        self._sent = self.live() - burst if from_tick is None else from_tick
        self.hearing.feed(timeline_headers(), self.now)

    def run(self, seconds: float, connected: bool = True) -> None:
        end = self.now + seconds
        while self.now < end:
            if connected:
                boundary = self.live() - self.live() % self._cadence
                for data in pages(self._sent, boundary, self._cadence):
                    self.hearing.feed(data, self.now)
                self._sent = max(self._sent, boundary)
            self._blocks += 1
            self.now = self._blocks * self._block
            block = np.empty(BLOCK, np.float32)
            self.states.append(self.hearing.read_into(block))
            self.fills.append(self.hearing.heard().ring.fill_ms)
            self.out.append(block)

    def worst_step(self) -> float:
        return float(np.abs(np.diff(np.concatenate(self.out))).max())


def level(block: np.ndarray) -> float:
    return float(np.sqrt(2 * np.mean(np.square(block))))


@pytest.mark.parametrize("cadence", ["low", "thrifty"])
@pytest.mark.parametrize("ppm", [0.0, 100.0, -100.0])
def test_a_clean_line_is_heard_without_a_flaw(cadence: str, ppm: float) -> None:
    air = Air(cadence, ppm)
    air.run(1.0, connected=False)
    air.join()
    air.run(120.0)
    heard = air.hearing.heard()
    assert heard.lost == heard.repeated == heard.odd == 0
    assert heard.ring.stalls == 0
    assert air.worst_step() < SLOPE * 1.1
    assert all(abs(level(block) - LEVEL) < 0.02 for block in air.out[500:])
    # The delay stays what it was meant to be, though the clocks differ.
    assert abs(np.mean(air.fills[3000:]) + 20 - DEPTHS[cadence].start) < 40


def test_after_the_burst_only_the_present_is_played() -> None:
    air = Air("low")
    air.run(1.0, connected=False)
    air.join(burst=25)
    air.run(3.0)
    assert air.fills[-1] < 100


def test_a_resumed_stream_repeats_and_omits_nothing() -> None:
    air = Air("thrifty")
    air.run(1.0, connected=False)
    air.join()
    air.run(10.0)
    air.run(0.06, connected=False)
    air.join(from_tick=air.hearing.resume_from())
    air.run(10.0)
    heard = air.hearing.heard()
    assert heard.joins == 2 and heard.lost == 0 and heard.repeated == 0
    assert heard.ring.stalls == 0 and air.worst_step() < SLOPE * 1.1


@pytest.mark.parametrize("away", [0.5, 3.0, 20.0])
def test_after_an_outage_the_present_is_played_again(away: float) -> None:
    air = Air("low")
    air.run(1.0, connected=False)
    air.join()
    air.run(5.0)
    before = len(air.out)
    air.run(away, connected=False)
    assert not air.out[-1].any(), "silence, not a loop"
    air.join(from_tick=air.hearing.resume_from() if away < 10 else None)
    air.run(10.0)
    heard = air.hearing.heard()
    assert heard.ring.stalls == 1
    assert air.worst_step() < SLOPE * 1.1
    assert abs(level(air.out[-1]) - LEVEL) < 0.02
    # A short outage deepens the ring by half its length, a long one not at all.
    assert air.fills[-1] < DEPTHS["low"].start + 100 + (500 * away if away < 1.6 else 0)
    assert RingState.CONCEALING in air.states[before:]


def test_a_hole_is_concealed_without_a_click() -> None:
    air = Air("low")
    air.run(1.0, connected=False)
    air.join()
    air.run(5.0)
    air._sent += 4
    air.run(5.0)
    heard = air.hearing.heard()
    assert heard.lost == heard.made_up == 4
    assert air.worst_step() < SLOPE * 1.3


def test_a_server_that_lost_its_clock_is_followed() -> None:
    hearing = Hearing()
    hearing.joined()
    assert hearing.feed(stream(START, START + 10), 0.0) == 10
    hearing.joined()
    assert hearing.feed(stream(5, 15), 1.0) == 10
    assert hearing.resume_from() == 15


def test_ticks_of_the_past_are_not_played_again() -> None:
    hearing = Hearing()
    hearing.joined()
    hearing.feed(stream(START, START + 50), 0.0)
    hearing.joined()
    assert hearing.feed(stream(START + 20, START + 60), 1.0) == 10
    heard = hearing.heard()
    assert heard.repeated == 30 and heard.packets == 60 and heard.lost == 0


def test_nothing_is_louder_than_full_scale() -> None:
    hearing = Hearing()
    hearing.joined()
    head = header_pages(OpusHead(1, gain=30.0), OpusTags(""))
    peak = 0.0
    block = np.empty(BLOCK, np.float32)
    for number in range(100):
        data = (head if number == 0 else b"") + page(START + 2 * number, START + 2 * number + 2)
        hearing.feed(data, number * 0.04)
        for _ in range(2):
            hearing.read_into(block)
            peak = max(peak, float(np.abs(block).max()))
    assert 0.9 < peak <= 1.02


def test_a_damaged_packet_is_concealed() -> None:
    hearing = Hearing()
    hearing.joined()
    hearing.feed(stream(START, START + 20), 0.0)
    bad = bytes([packet(0)[0] | 3, 0xC1, 200])  # one padded frame, longer than the packet
    hearing.feed(make_page(bad, [len(bad)], 960 * (START + 21), START + 20), 0.1)
    hearing.feed(page(START + 21, START + 22), 0.2)
    heard = hearing.heard()
    assert heard.odd == 1 and heard.made_up == 1 and heard.packets >= 21


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("page"), st.integers(-30, 200), st.integers(1, 12)),
            st.tuples(st.just("join"), st.integers(-2000, 2000), st.just(2)),
            st.tuples(st.just("junk"), st.integers(0, 2**62), st.integers(1, 5)),
        ),
        max_size=30,
    )
)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_whatever_comes(steps: list[tuple[str, int, int]]) -> None:
    """Invariant: StreamError or success; finite samples within full scale; counters add up."""
    hearing = Hearing()
    hearing.joined()
    hearing.feed(timeline_headers(), 0.0)
    at, now = START, 0.0
    block = np.empty(BLOCK, np.float32)
    for kind, value, count in steps:
        now += 0.02
        try:
            if kind == "join":
                at = START + value
                hearing.joined()
                hearing.feed(timeline_headers(), now)
            elif kind == "page":
                hearing.feed(page(at + value, at + value + count), now)
            else:
                some = [packet(i) for i in range(count)]
                sizes = [len(p) for p in some]
                hearing.feed(make_page(b"".join(some), sizes, value, value), now)
        except StreamError:
            hearing.joined()
        at += 2
        hearing.read_into(block)
        assert np.isfinite(block).all() and np.abs(block).max() <= 1.05
    heard = hearing.heard()
    assert heard.made_up <= heard.lost + heard.odd
