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


def test_the_speech_flag_stays_beside_its_samples() -> None:
    ring = Ring(depth_ms=100)
    for block in range(5):
        ring.write(ramp(BLOCK), speech=block >= 2)
    assert [ring.read()[2] for _ in range(5)] == [False, False, True, True, True]


def test_a_stall_fades_into_silence_and_is_counted() -> None:
    ring = Ring(depth_ms=40)
    tone = 0.5 * np.sin(2 * np.pi * 440 / 48000 * np.arange(10 * BLOCK)).astype(np.float32)
    ring.write(tone[: 4 * BLOCK])
    blocks = [ring.read() for _ in range(20)]
    states = [state for _, state, _ in blocks]
    assert RingState.CONCEALING in states and states[-1] is RingState.STARVED
    out = np.concatenate([block for block, _, _ in blocks])
    assert np.abs(np.diff(out)).max() < 0.5 * 2 * np.pi * 440 / 48000 * 1.05
    assert not out[-BLOCK:].any() and ring.stats.stalls == 1


def test_wrong_arrays_are_refused() -> None:
    ring = Ring()
    with pytest.raises(ValueError):
        ring.write(np.zeros((2, BLOCK), np.float32))
    for out in (np.zeros(10, np.float32), np.zeros(BLOCK), np.zeros(2 * BLOCK, np.float32)[::2]):
        with pytest.raises(ValueError):
            ring.read_into(out)
