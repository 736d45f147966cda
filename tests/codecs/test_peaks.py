"""Waveforms for display: bounded, in time, and with nothing loud left out."""

from __future__ import annotations

import numpy as np
import pytest

from loa.codecs.peaks import MOST, Peaks


def pairs(samples: np.ndarray, block: int = 48_000) -> np.ndarray:
    peaks = Peaks()
    for at in range(0, len(samples), block):
        peaks.add(samples[at : at + block].astype(np.float32))
    return np.frombuffer(peaks.read(), dtype=np.int8).reshape(-1, 2)


@pytest.mark.parametrize("block", [1, 7, 960, 50_000])
def test_blocks_of_any_size_give_the_same(block: int) -> None:
    audio = np.random.default_rng(1).uniform(-1, 1, 5000)
    assert np.array_equal(pairs(audio, block), pairs(audio))


@pytest.mark.parametrize(("samples", "count"), [(0, 0), (1, 1), (960, 1), (961, 2)])
def test_short_audio_has_a_pair_for_each_20_ms(samples: int, count: int) -> None:
    assert len(pairs(np.full(samples, 0.5))) == count


def test_an_hour_has_a_thousand_pairs_and_each_click_is_seen() -> None:
    audio = np.zeros(3600 * 1000, dtype=np.float32)
    places = [0, 123_456, 3_599_999]
    audio[places] = 1.0
    audio[2_000_000] = -2.0
    found = pairs(audio)
    assert len(found) == MOST
    assert np.flatnonzero(found[:, 1]).tolist() == [p * MOST // len(audio) for p in places]
    assert found[:, 1].max() == 127 and found[:, 0].min() == -127
