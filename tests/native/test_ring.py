"""The ring: what goes in comes out, states, and the policy when it is full."""

from __future__ import annotations

import numpy as np
import pytest

from loa.native.error import NativeError
from loa.native.ring import BLOCK, Ring, RingState


def ramp(n: int, start: int = 0) -> np.ndarray:
    return (np.arange(start, start + n) % 4096).astype(np.float32) / 8192


def test_it_is_silent_until_its_depth_is_there() -> None:
    ring = Ring(depth_ms=40)
    out, state, _ = ring.read()
    assert state is RingState.PRIMING and not out.any()
    ring.write(ramp(BLOCK))
    assert ring.read()[1] is RingState.PRIMING
    ring.write(ramp(BLOCK, BLOCK))
    assert ring.read()[1] is RingState.RUNNING


def test_the_last_samples_come_with_ended() -> None:
    ring = Ring(depth_ms=200)
    ring.write(np.full(BLOCK + 100, 0.25, np.float32))
    ring.finish()
    states = []
    while True:
        _, state, _ = ring.read()
        states.append(state)
        if state is RingState.ENDED:
            break
    assert states[0] is RingState.RUNNING and len(states) <= 3


def test_pressure_refuses_what_does_not_fit() -> None:
    ring = Ring(depth_ms=20, max_depth_ms=40, capacity_ms=60, pressure=True)
    assert ring.space == 60 * 48
    assert ring.write(ramp(5000)) == 60 * 48
    assert ring.stats.refused == 5000 - 60 * 48


def test_without_pressure_everything_is_taken() -> None:
    ring = Ring(depth_ms=20, max_depth_ms=40, capacity_ms=60)
    assert ring.write(ramp(5000)) == 5000


@pytest.mark.parametrize(
    ("depth", "most", "capacity"), [(0, 40, 60), (40, 20, 60), (20, 60, 60), (20, 40, 60001)]
)
def test_impossible_depths_are_refused(depth: int, most: int, capacity: int) -> None:
    with pytest.raises(NativeError):
        Ring(depth, most, capacity)
