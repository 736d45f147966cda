"""The limiter: its ceiling as libebur128 and FFmpeg see it, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.native.dsp import Limiter, Loudness
from loa.native.error import NativeError
from support import ebur128
from support.speech import music, spoken, synthetic

RATE = 48_000
SECONDS = 4
T = np.arange(SECONDS * RATE) / RATE


def limited(samples: np.ndarray, ceiling: float = -3.0) -> np.ndarray:
    """The samples limited, without the delay."""
    limiter = Limiter(ceiling)
    out = np.concatenate([limiter.process(samples.astype(np.float32)), limiter.flush()])
    return out[Limiter.DELAY :]


def true_peak(samples: np.ndarray) -> float:
    return ebur128.measure(samples.astype(np.float32)[:, None]).true_peak_dbtp


def own_true_peak(samples: np.ndarray) -> float:
    loudness = Loudness(windows=False)
    loudness.add(samples.astype(np.float32))
    return loudness.read().true_peak_dbtp


def _signals() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    return {
        "spoken": spoken()[: len(T)],
        "synthetic": synthetic(SECONDS),
        "music": music(SECONDS),
        "clipped": np.clip(6 * spoken()[: len(T)], -0.9, 0.9),
        "white": rng.standard_normal(len(T)),
        "sine": np.sin(2 * np.pi * 997 * T),
        "low": np.sin(2 * np.pi * 50 * T),
        "between samples": np.sin(2 * np.pi * 12_000 * T + np.pi / 4),
        "high": np.sin(2 * np.pi * 19_000 * T),
        "square": np.sign(np.sin(2 * np.pi * 440.3 * T)),
        "impulses": (rng.random(len(T)) < 0.001) * rng.standard_normal(len(T)),
        "bursts": np.sin(2 * np.pi * 5000 * T) * (np.sin(2 * np.pi * 3 * T) > 0.9),
        "direct current": np.ones(len(T)),
    }


@pytest.mark.parametrize("name", list(_signals()))
@pytest.mark.parametrize("gain_db", [0, 20])
def test_no_meter_sees_more_than_the_ceiling(name: str, gain_db: int) -> None:
    sound = _signals()[name]
    sound = sound / np.abs(sound).max() * 10 ** (gain_db / 20)
    for ceiling in (-3.0, -0.5):
        out = limited(sound, ceiling)
        assert true_peak(out) <= ceiling + 0.1
        assert own_true_peak(out) <= ceiling + 0.1
        assert own_true_peak(out) >= ceiling - 1.0  # and gives nothing away


@pytest.mark.parametrize("block", [1, 7, 144, 480, 481, 960, 5000])
def test_the_sizes_of_blocks_do_not_matter(block: int) -> None:
    sound = (4 * spoken()[: RATE // (1 if block > 1 else 8)]).astype(np.float32)
    whole, limiter = Limiter().process(sound), Limiter()
    parts = [limiter.process(sound[i : i + block]) for i in range(0, len(sound), block)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=2e-6)


def test_what_stays_below_the_ceiling_passes_bit_for_bit() -> None:
    sound = (spoken()[:RATE] * 0.2).astype(np.float32)
    limiter = Limiter()
    out = limiter.process(sound)
    assert limiter.reduction_db == 0.0
    assert not out[:144].any()
    assert np.array_equal(np.concatenate([out[144:], limiter.flush()]), sound)
    assert not limiter.process(np.zeros(1000, dtype=np.float32)).any()  # nothing was left inside


def test_a_lone_peak_is_soon_forgotten() -> None:
    sound = 0.3 * np.sin(2 * np.pi * 440 * T[:RATE])
    sound[RATE // 2] = 2.0
    out = limited(sound)
    change = out / np.where(np.abs(sound) > 0.01, sound, np.nan)
    assert np.nanmin(change) == pytest.approx(10 ** (-3 / 20) / 2.0, rel=0.02)
    before, after = change[: RATE // 2 - 144], change[RATE // 2 + RATE // 8 :]
    assert np.nanmin(before) == pytest.approx(1.0, abs=1e-6)
    assert np.nanmin(after) > 10 ** (-0.2 / 20)


@pytest.mark.parametrize(("hertz", "worst_db"), [(60, -30), (200, -50), (997, -70), (5000, -80)])
def test_a_held_tone_is_turned_down_and_not_bent(hertz: int, worst_db: float) -> None:
    out = limited(4 * np.sin(2 * np.pi * hertz * T))[2 * RATE : 3 * RATE]
    power = np.abs(np.fft.rfft(out)) ** 2
    assert np.delete(power, hertz).sum() < power[hertz] * 10 ** (worst_db / 10)


def test_the_gain_has_no_steps() -> None:
    sound = 0.1 + 2.0 * (np.sin(2 * np.pi * 1.5 * T) > 0.95)
    out = limited(sound)
    gain = out / sound
    # From 0.1 to 2.1 and back within 3 ms, but in no sample by more than a smooth curve needs.
    assert np.abs(np.diff(gain)).max() < 0.025


def test_not_a_number_and_infinity_count_as_silence() -> None:
    sound = (0.5 * np.sin(2 * np.pi * 440 * T[:RATE])).astype(np.float32)
    zeroed = sound.copy()
    zeroed[1000:1010] = 0.0
    for nonsense in (np.nan, np.inf, -np.inf):
        broken = sound.copy()
        broken[1000:1010] = nonsense
        assert np.array_equal(limited(broken), limited(zeroed))
    huge = limited(np.full(RATE, 3e38))
    assert np.isfinite(huge).all() and np.abs(huge).max() <= 10 ** (-3 / 20) * 1.02


def test_settings_out_of_range() -> None:
    for ceiling in (0.1, -41.0, float("nan")):
        with pytest.raises(NativeError):
            Limiter(ceiling)
    with pytest.raises(ValueError, match="one channel"):
        Limiter().process(np.zeros((10, 2), dtype=np.float32))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 700), st.floats(width=32), st.sampled_from(["noise", "flat"])),
        max_size=8,
    )
)
def test_any_floats_come_out_finite_and_under_the_ceiling(
    parts: list[tuple[int, float, str]],
) -> None:
    # Invariant: as many samples as went in, all finite, none over the ceiling, whatever they were.
    rng, limiter = np.random.default_rng(1), Limiter(-1.0)
    for length, level, kind in parts:
        with np.errstate(all="ignore"):
            noise = rng.uniform(-1, 1, length) if kind == "noise" else np.ones(length)
            sound = (noise * level).astype(np.float32)
        out = limiter.process(sound)
        assert out.shape == sound.shape and np.isfinite(out).all()
        assert len(out) == 0 or np.abs(out).max() <= 10 ** (-1 / 20) * 1.001
