"""The depth that a line asks for, and the pace that brings a box to its place."""

from __future__ import annotations

import random

import pytest

from loa.receivers.depth import MOST, Depth
from loa.receivers.steering import GENTLE, HASTY, MOST_LEARNT, SLEW, Steering


def test_a_steady_line_asks_for_its_message_and_a_little() -> None:
    depth = Depth(0.26)
    for _ in range(2000):
        depth.came(0.21, 10)
    assert 0.21 < depth.seconds < 0.26 and depth.often == pytest.approx(0.21)


def test_what_happens_once_a_minute_is_not_waited_for_and_what_happens_often_is() -> None:
    depth = Depth(0.26)
    for message in range(600):
        depth.came(0.9 if message == 300 else 0.21, 10)
    assert depth.seconds < 0.3
    for message in range(600):
        depth.came(0.9 if message % 100 == 0 else 0.21, 10)
    assert depth.seconds > 0.9 and depth.often < 0.3
    for message in range(600):
        depth.came(0.9 if message % 20 == 0 else 0.21, 10)
    assert depth.often > 0.85
    before = depth.seconds
    for _ in range(600):
        depth.came(0.21, 10)
    assert depth.seconds < before - 0.05, "given up slowly"
    depth.came(1e9, 10)
    depth.came(1e9, 1000)
    assert depth.seconds < 1.2 * MOST


@pytest.mark.parametrize("ppm", [-100.0, 0.0, 100.0])
@pytest.mark.parametrize("off", [-0.3, 0.0, 0.04])
def test_an_error_is_made_good_and_the_clock_learnt(ppm: float, off: float) -> None:
    steering, choose = Steering(), random.Random(3)
    error, asked, before = off, 0.0, 0.0
    for _ in range(50 * 240):
        asked = steering.update(error + choose.gauss(0, 0.001), GENTLE)
        assert abs(asked) <= GENTLE and abs(asked - before) <= SLEW * 0.02 + 1e-6
        before = asked
        error += (ppm - asked) * 1e-6 * 0.02
    assert abs(error) < 0.002
    assert abs(steering.learnt - ppm) < 60


def test_what_cannot_be_made_good_teaches_nothing() -> None:
    steering = Steering()
    for _ in range(5000):
        assert steering.update(2.0, HASTY) <= HASTY
    assert steering.learnt == 0.0
    steering.begin()
    for _ in range(5000):
        steering.update(2.0, 0.0)
    assert steering.ppm == pytest.approx(0.0)
    for _ in range(100_000):
        steering.update(0.009, GENTLE)
    assert steering.learnt <= MOST_LEARNT
