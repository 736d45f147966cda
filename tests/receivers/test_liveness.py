"""Whether a connection lives, by what comes and when."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.receivers.liveness import DOUBT_WITHIN, PONG_WITHIN, STREAM_DEAD, Liveness


def test_an_idle_connection_is_asked_once_a_heartbeat() -> None:
    live = Liveness(100.0, 50.0)
    assert not live.ping_due(149.0) and live.next(100.0) == 150.0
    assert live.ping_due(150.0)
    live.pinged(150.0)
    assert not live.ping_due(150.1) and not live.dead(150.0 + PONG_WITHIN - 0.1)
    live.received(150.4)
    assert not live.dead(199.0) and live.next(151.0) == 200.0


def test_what_does_not_answer_is_dead_after_ten_seconds() -> None:
    live = Liveness(100.0, 50.0)
    live.pinged(150.0)
    assert live.next(150.0) == 160.0
    assert live.dead(160.0)


def test_what_is_said_anyway_needs_no_ping() -> None:
    live = Liveness(100.0, 50.0)
    live.sent(140.0)
    assert not live.ping_due(180.0) and live.ping_due(190.0)


def test_while_audio_comes_five_seconds_without_a_byte_are_the_end() -> None:
    live = Liveness(100.0, 50.0)
    live.streaming = True
    live.received(110.0)
    assert not live.ping_due(112.4) and live.next(110.0) == 112.5
    assert live.ping_due(112.5)
    live.pinged(112.5)
    assert not live.dead(114.9) and live.dead(110.0 + STREAM_DEAD)


def test_a_programme_that_just_ended_is_no_dead_connection() -> None:
    live = Liveness(100.0, 50.0)
    live.streaming = True
    live.received(110.0)
    live.pinged(112.5)
    live.received(112.6)  # the answer: nothing is on air, but the server is there
    assert not live.dead(116.0) and not live.ping_due(113.0)


def test_after_a_change_of_the_network_it_is_asked_at_once() -> None:
    live = Liveness(100.0, 50.0)
    live.doubt(120.0)
    assert live.ping_due(120.0)
    live.pinged(120.0)
    assert not live.dead(120.0 + DOUBT_WITHIN - 0.1) and live.dead(120.0 + DOUBT_WITHIN)
    live.received(120.2)
    live.pinged(170.0)
    assert not live.dead(179.9)  # doubt is over


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    heartbeat=st.floats(-5, 1e6, allow_nan=False),
    events=st.lists(
        st.tuples(st.sampled_from(["received", "sent", "stream", "quiet"]), st.floats(0, 30)),
        max_size=20,
    ),
)
def test_a_silent_peer_is_always_given_up_in_bounded_time(
    heartbeat: float, events: list[tuple[str, float]]
) -> None:
    now = 0.0
    live = Liveness(now, heartbeat)
    for what, later in events:
        now += later
        if what in ("received", "sent"):
            getattr(live, what)(now)
        else:
            live.streaming = what == "stream"
    end = now + live.heartbeat + PONG_WITHIN + 1.0
    while not live.dead(now):
        assert now < end
        if live.ping_due(now):
            live.pinged(now)
        at = live.next(now)
        assert at >= now
        now = max(at, now + 0.05)
