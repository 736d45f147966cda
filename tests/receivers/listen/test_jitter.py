"""The jitter buffer: whatever arrives, each tick leaves once and in order, and losses add up."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.listen.jitter import JitterBuffer, Slot


def test_in_order_goes_straight_through() -> None:
    buffer = JitterBuffer()
    for tick in range(100, 110):
        assert buffer.put(tick, b"%d" % tick, now=tick / 50)
        assert buffer.take(tick / 50) == [Slot(tick, b"%d" % tick)]
    assert buffer.next_tick == 110 and buffer.counters.lost == 0


def test_a_hole_is_made_up_in_part() -> None:
    buffer = JitterBuffer(conceal_ms=100)
    buffer.put(0, b"a", 0)
    buffer.take(0)
    buffer.put(20, b"b", 0)
    slots = buffer.take(0)
    assert [slot.tick for slot in slots] == [1, 2, 3, 4, 5, 20]
    assert [slot.packet for slot in slots] == [None] * 5 + [b"b"]
    assert buffer.counters.lost == 19 and buffer.counters.left_out == 14


def test_a_late_tick_is_waited_for() -> None:
    buffer = JitterBuffer(patience_ms=60)
    buffer.put(0, b"a", 0.0)
    buffer.take(0.0)
    buffer.put(2, b"c", 0.04)
    assert buffer.take(0.09) == [] and buffer.due() == 0.04 + 0.06
    buffer.put(1, b"b", 0.095)
    assert [slot.packet for slot in buffer.take(0.095)] == [b"b", b"c"]
    buffer.put(4, b"e", 0.1)
    assert [slot.packet for slot in buffer.take(0.17)] == [None, b"e"]
    assert not buffer.put(3, b"d", 0.18), "given up: too late"
    assert buffer.counters.repeated == 1


def test_ticks_that_cannot_be_are_refused() -> None:
    buffer = JitterBuffer()
    assert not buffer.put(-1, b"", 0) and not buffer.put(2**60, b"", 0)
    assert buffer.counters.refused == 2 and buffer.next_tick is None


def test_it_is_bounded() -> None:
    buffer = JitterBuffer(patience_ms=1e9, most_ms=1000)
    buffer.put(0, b"", 0)
    buffer.take(0)
    for tick in range(2, 200):
        buffer.put(tick, b"x", 0)
    assert buffer.held_ms == 1000 and buffer.counters.refused == 148
    assert len(buffer.take(0)) > 0, "what is full waits no longer"


arrivals = st.lists(
    st.tuples(
        st.one_of(
            st.integers(0, 60), st.sampled_from([-1, 2**40 - 1, 2**40, 2**63]), st.integers()
        ),
        st.floats(0, 0.2),
    ),
    max_size=80,
)


@given(arrivals, st.sampled_from([0.0, 40.0, 500.0]))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_each_tick_leaves_once_and_in_order(
    arrived: list[tuple[int, float]], patience: float
) -> None:
    """Invariant: ticks leave strictly rising, with the first packet put for them, none from
    nowhere; accepted = left with a packet + held; made up + left out = lost."""
    buffer = JitterBuffer(patience_ms=patience, most_ms=400)
    first: dict[int, bytes] = {}
    left: list[Slot] = []
    now = 0.0
    for number, (tick, later) in enumerate(arrived):
        now += later
        if buffer.put(tick, b"%d" % number, now):
            assert tick not in first
            first[tick] = b"%d" % number
        left += buffer.take(now)
        assert buffer.held_ms <= 400
        assert (buffer.due() is None) == (buffer.held_ms == 0)
    left += buffer.take(now + 1)
    ticks = [slot.tick for slot in left]
    assert all(a < b for a, b in pairwise(ticks))
    played = [slot for slot in left if slot.packet is not None]
    assert all(slot.packet == first[slot.tick] for slot in played)
    assert buffer.held_ms == 0 and len(played) == buffer.counters.accepted == len(first)
    made_up = len(left) - len(played)
    assert made_up + buffer.counters.left_out == buffer.counters.lost
