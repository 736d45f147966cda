"""The server's timeline by exchanges over bad lines, in passed time."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.messages import Pong, Welcome
from loa.receivers.clock import KEPT, TICK, Clock

UNIX = 1_790_000_000.0


@dataclass
class Server:
    """A server's timeline, as a box's clock that is fast by ``ppm`` would see it."""

    ppm: float = 0.0
    first: float = 3_000_000_000.0
    began: float = 1000.0

    def tick(self, now: float) -> float:
        return self.first + (now - self.began) / (1 + self.ppm * 1e-6) / TICK


@dataclass
class Line:
    """Delays as of 3G: a base, mostly a little more, in bursts up to ``jitter`` more."""

    base: float = 0.1
    jitter: float = 0.4
    loss: float = 0.02
    usual: float = 0.01
    up: float = 0.0
    """More on the way there: the line is asymmetric all the time."""
    random: random.Random = field(default_factory=lambda: random.Random(4))

    def way(self) -> float:
        late = self.random.expovariate(1 / self.usual)
        if self.random.random() < 0.3:
            late += self.random.random() * self.jitter
        if self.random.random() < self.loss:
            late += 1.0  # sent again by TCP
        return self.base / 2 + late


class Session:
    """A box's clock that asks when it wants to, and the heartbeats."""

    def __init__(self, server: Server, line: Line, *, together: bool = True) -> None:
        self.server, self.line, self.clock = server, line, Clock()
        self.clock.together = together
        self.now = server.began + 5.0
        self.beat = self.now
        self.welcome()

    def welcome(self) -> float:
        tick = self.server.tick(self.now - self.line.way())
        return self.clock.welcomed(Welcome(version=1, tick=tick, unix=UNIX), self.now)

    def run(self, seconds: float) -> list[float]:
        """Return the errors in ms, ten a second."""
        end, errors, measured = self.now + seconds, [], self.now
        while self.now < end:
            due = min(self.clock.due(self.now), self.beat + 50.0)
            if due <= self.now:
                self.exchange()
                self.beat = self.now
            self.now = max(self.now, min(due, measured + 0.1))
            if self.now >= measured + 0.1:
                measured = self.now
                tick = self.clock.tick(self.now)
                assert tick is not None
                errors.append((tick - self.server.tick(self.now)) * TICK * 1000)
        return errors

    def exchange(self) -> float:
        self.clock.asked(self.now)
        sent = self.now
        at = sent + self.line.way() + self.line.up
        tick = self.server.tick(at)
        self.now = at + self.line.way()
        return self.clock.pong(Pong(sent=sent, tick=tick, unix=UNIX + tick * TICK), self.now)


def worst(errors: list[float], part: float = 1.0) -> float:
    return sorted(map(abs, errors))[max(0, math.ceil(part * len(errors)) - 1)]


@pytest.mark.parametrize("ppm", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("seed", range(4))
def test_within_what_3g_allows(ppm: float, seed: int) -> None:
    session = Session(Server(ppm), Line(random=random.Random(seed)))
    session.run(20)
    errors = session.run(1800)
    assert worst(errors) < 25 and worst(errors, 0.99) < 15
    assert abs(session.clock.drift_ppm - ppm) < 40


@pytest.mark.parametrize("ppm", [-100.0, 100.0])
def test_within_what_a_lan_allows(ppm: float) -> None:
    session = Session(Server(ppm), Line(0.001, 0.003, 0.0, 0.0005))
    session.run(5)
    assert worst(session.run(60)) < 5
    assert worst(session.run(1200)) < 2
    assert abs(session.clock.drift_ppm - ppm) < 5


def test_heartbeats_alone_keep_the_time() -> None:
    session = Session(Server(80.0), Line(), together=False)
    session.run(600)
    assert worst(session.run(4 * 3600)) < 40
    assert session.clock.exchanges < 4.2 * 3600 / 50 + 10, "no more than heartbeats"


def test_what_queues_one_way_only_does_not_bend_the_time() -> None:
    session = Session(Server(), Line(0.1, 0.0, 0.0, 0.002))
    session.run(60)
    session.line.up = 0.8
    assert worst(session.run(60)) < 20
    assert session.clock.contradicted == 0


def test_a_server_that_starts_again_is_followed_at_once() -> None:
    session = Session(Server(), Line())
    session.run(60)
    session.clock.parted()
    assert session.clock.unix(session.now) is None
    session.run(10)
    session.server.first += 500
    assert abs(session.welcome() - 500) < 30
    assert worst(session.run(60), 0.95) < 30
    assert session.clock.resets == 1
    # One that leaps by less than a welcome shows is found by the first exchange.
    session.clock.parted()
    session.server.first += 100
    assert session.welcome() == 0
    leapt = [session.exchange() for _ in range(6)]
    assert 80 < sum(leapt) < 120


def test_a_session_again_keeps_what_is_known() -> None:
    session = Session(Server(100.0), Line())
    session.run(1200)
    session.clock.parted()
    session.run(40)
    assert session.welcome() == 0
    assert worst(session.run(30)) < 30
    assert session.clock.resets == 0


def test_a_step_within_a_session_is_believed_when_it_stays() -> None:
    session = Session(Server(), Line(0.01, 0.0, 0.0, 0.002))
    session.run(60)
    session.server.first += 50
    assert session.exchange() == 0 and session.exchange() == 0
    assert abs(session.exchange() - 50) < 2
    assert worst(session.run(10)) < 10


def test_a_supposed_timeline_gives_way() -> None:
    clock = Clock()
    assert clock.tick(5.0) is None and clock.when(1.0) is None and clock.unix(5.0) is None
    assert clock.due(5.0) == math.inf
    clock.suppose(1000.0, 5.0)
    assert clock.tick(6.0) == pytest.approx(1050.0)
    clock.suppose(7.0, 6.0)
    assert clock.tick(6.0) == pytest.approx(1050.0)
    leapt = clock.welcomed(Welcome(version=1, tick=2000.0, unix=UNIX), 6.0)
    assert leapt == pytest.approx(955.0)
    assert clock.resets == 0


def test_the_time_of_day_is_the_sessions() -> None:
    session = Session(Server(), Line(0.02, 0.0, 0.0, 0.002))
    session.run(10)
    expected = UNIX + session.server.tick(session.now) * TICK
    assert session.clock.unix(session.now) == pytest.approx(expected, abs=0.02)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.floats(-100, 200), st.floats(0, 1e12), st.floats(0, 1e11)),
        max_size=60,
    )
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_whatever_comes(pongs: list[tuple[float, float, float, float]]) -> None:
    """Invariant: when and tick are each other's inverse, and all is finite and bounded."""
    clock, now = Clock(), 100.0
    clock.welcomed(Welcome(version=1, tick=1e9, unix=UNIX), now)
    for later, ago, tick, unix in pongs:
        now += later
        clock.pong(Pong(sent=now - ago, tick=tick, unix=unix), now)
        at = clock.tick(now)
        assert at is not None and math.isfinite(at)
        when = clock.when(at)
        assert when == pytest.approx(now, abs=1e-3)
        assert abs(clock.drift_ppm) <= 300
        assert len(clock._kept) <= KEPT
