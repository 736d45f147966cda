"""Bursts are found where they are, through noise, gain and a codec; and not where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import bursts
from benchmarks.bursts import LENGTH, RATE, Recording, Samples, chirp, find, lay, place, times
from loa.native.opus import OpusDecoder, OpusEncoder


def recording(audio: Samples, start: float, block: int = 960) -> Recording:
    count = len(audio) // block
    begun = start + np.arange(count) * block / RATE
    lengths = np.full(count, block, dtype=np.int64)
    return Recording(begun, lengths, audio[: count * block])


def noise(seconds: float, level: float) -> Samples:
    random = np.random.default_rng(7)
    return (level * random.standard_normal(int(seconds * RATE))).astype(np.float32)


def test_a_burst_is_found_to_the_sample() -> None:
    starts = place(10, seed=1)
    assert len(starts) >= 4 and np.diff(starts[::2]).min() > bursts.SEARCH * RATE
    audio = 0.2 * lay(noise(10, 0.05), starts)
    made = [100.0 + start / RATE - 0.18 for start in starts]
    heard = times(recording(audio, 100.0), made)
    for one, other in zip(heard, made, strict=True):
        assert one is not None and one - other == pytest.approx(0.18, abs=1 / RATE)


def test_what_was_not_heard_is_not_found() -> None:
    audio = noise(10, 0.1)
    assert find(recording(audio, 0.0), [2.0, 4.0]) == [None, None]
    assert find(recording(audio[:100], 0.0), [2.0]) == [None]
    assert find(recording(lay(audio, [RATE]), 0.0), [1.0 + 1e-4]) == [None]  # before it was made


def test_a_burst_is_not_taken_for_its_neighbour() -> None:
    audio = lay(noise(6, 0.01), [RATE, 2 * RATE])
    assert find(recording(audio, 0.0), [1.5, 1.0]) == [None, 2 * RATE]


def test_a_codec_moves_it_by_its_look_ahead_alone() -> None:
    starts = place(10, seed=3)
    audio = lay(noise(10, 0.02), starts)
    encoder, decoder = OpusEncoder(24_000), OpusDecoder()
    frames = audio.reshape(-1, 960)
    decoded = np.concatenate([decoder.decode(encoder.encode(frame)) for frame in frames])
    heard = times(recording(decoded, 0.0), [start / RATE for start in starts])
    for one, start in zip(heard, starts, strict=True):
        assert one is not None and one - start / RATE == pytest.approx(0.0065, abs=0.0005)


def test_an_underrun_moves_what_comes_after_it() -> None:
    audio = lay(noise(6, 0.01), [RATE, 4 * RATE])
    whole = recording(audio, 0.0)
    begun = whole.times.copy()
    begun[100:] += 0.05  # two seconds in, the device waited 50 ms
    heard = times(Recording(begun, whole.lengths, whole.audio), [1.0, 4.0])
    assert heard[0] == pytest.approx(1.0, abs=1e-4)
    assert heard[1] == pytest.approx(4.05, abs=1e-4)


def test_the_burst_is_short_and_bounded() -> None:
    assert len(chirp()) == LENGTH and 0.4 < np.abs(chirp()).max() <= 0.5
