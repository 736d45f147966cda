"""The resampler as Python sees it."""

from __future__ import annotations

import numpy as np
import pytest

from loa.native.error import NativeError
from loa.native.resample import Resampler


@pytest.mark.parametrize("ppm", [-20_000.0, -300.0, 0.0, 300.0, 15_000.0])
def test_a_tone_stays_one_at_another_pitch(ppm: float) -> None:
    resampler = Resampler()
    taken, out, blocks = 0, np.empty(960, np.float32), []
    for _ in range(100):
        need = resampler.need(ppm)
        at = np.arange(taken, taken + need) / 48_000
        resampler.run_into(np.sin(2 * np.pi * 1000 * at).astype(np.float32), ppm, out)
        taken += need
        blocks.append(out.copy())
    heard = np.concatenate(blocks[10:])
    assert np.abs(np.diff(heard)).max() < 2 * np.pi * 1000 / 48_000 * 1.03
    crossings = np.flatnonzero((heard[:-1] < 0) & (heard[1:] >= 0))
    period = (crossings[-1] - crossings[0]) / (len(crossings) - 1)
    assert 48_000 / period == pytest.approx(1000 * (1 + ppm * 1e-6), rel=1e-4)
    assert taken == pytest.approx(100 * 960 * (1 + ppm * 1e-6), abs=15)


def test_it_takes_exactly_what_it_needs() -> None:
    resampler = Resampler(500)
    out = np.empty(960, np.float32)
    assert resampler.need(9_999.0) == resampler.need(500.0)
    with pytest.raises(ValueError):
        resampler.run_into(np.zeros(resampler.need(0.0) + 1, np.float32), 0.0, out)
    with pytest.raises(ValueError):
        resampler.run_into(np.zeros(resampler.need(0.0), np.float32), 0.0, out[:10])
    for most in (0, -1, 20_001):
        with pytest.raises(NativeError):
            Resampler(most)
