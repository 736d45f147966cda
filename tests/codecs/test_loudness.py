"""Loudness against EBU Tech 3341 and 3342, libebur128, and FFmpeg's ebur128 filter."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from loa.codecs.loudness import Report, measure
from loa.native.dsp import Loudness
from support import ebu, ebur128
from support.speech import music, spoken, synthetic

RATE = 48_000


def by_ffmpeg(samples: np.ndarray, folder: Path, *, peak: bool = True) -> dict[str, float]:
    """What FFmpeg's ebur128 filter says of a WAV file of these samples, to 0.1."""
    path = folder / "signal.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    words = ["ffmpeg", "-nostdin", "-hide_banner", "-i", path, "-af"]
    words += ["ebur128=peak=true" if peak else "ebur128", "-f", "null", "-"]
    try:
        done = subprocess.run(words, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise AssertionError("ffmpeg is missing: apt-get install ffmpeg") from None
    assert done.returncode == 0, done.stderr
    summary = done.stderr[done.stderr.rindex("Summary:") :]
    found = re.search(
        r"I:\s+(\S+) LUFS.*?LRA:\s+(\S+) LU(?:.*?True peak:\s+Peak:\s+(\S+) dBFS)?",
        summary,
        re.DOTALL,
    )
    assert found, summary
    return dict(zip(("integrated", "range", "peak"), map(float, found.groups("nan")), strict=True))


def known(value: float | None) -> float:
    assert value is not None
    return value


# --- EBU Tech 3341, table 1


@pytest.mark.parametrize(
    ("case", "lufs"), [(1, -23.0), (2, -33.0), (3, -23.0), (4, -23.0), (5, -23.0), (6, -23.0)]
)
def test_integrated(case: int, lufs: float, tmp_path: Path) -> None:
    signal = ebu.integrated(case)
    got = measure([signal])
    assert known(got.integrated_lufs) == pytest.approx(lufs, abs=0.1)
    if case <= 2:
        assert known(got.momentary_max_lufs) == pytest.approx(lufs, abs=0.1)
        assert known(got.short_term_max_lufs) == pytest.approx(lufs, abs=0.1)
    reference = ebur128.measure(signal, peak=False)
    assert known(got.integrated_lufs) == pytest.approx(reference.integrated_lufs, abs=0.01)
    assert by_ffmpeg(signal, tmp_path, peak=False)["integrated"] == pytest.approx(
        known(got.integrated_lufs), abs=0.11
    )


def test_short_term_stays_where_it_belongs() -> None:
    signal = ebu.short_term(9)
    for start in range(0, len(signal) - 3 * RATE + 1, RATE // 2):
        got = measure([signal[start : start + 3 * RATE]])
        assert known(got.short_term_max_lufs) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("segment", range(20))
def test_maxima_wherever_the_tone_begins(segment: int) -> None:
    assert known(measure([ebu.short_term(10, segment)]).short_term_max_lufs) == pytest.approx(
        -23.0, abs=0.1
    )
    assert known(measure([ebu.momentary(13, segment)]).momentary_max_lufs) == pytest.approx(
        -23.0, abs=0.1
    )


def test_maxima_of_rising_tones() -> None:
    for signal, seconds, name in (
        (ebu.short_term(11), 6.0, "short_term_max_lufs"),
        (ebu.momentary(14), 0.8, "momentary_max_lufs"),
    ):
        loudness = Loudness(2)
        size = round(seconds * RATE)
        for i in range(20):
            loudness.add(signal[i * size : (i + 1) * size])
            # Each tone is louder than all before: the maximum so far is its own.
            assert getattr(loudness.read(), name) == pytest.approx(-38.0 + i, abs=0.1)


def test_momentary_stays_where_it_belongs() -> None:
    signal = ebu.momentary(12)
    for start in range(0, len(signal) - RATE, RATE // 10):
        got = measure([signal[start : start + round(0.4 * RATE)]])
        assert known(got.momentary_max_lufs) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("case", range(15, 24))
def test_true_peak(case: int, tmp_path: Path) -> None:
    signal, expected = ebu.true_peak(case)
    got = known(measure([signal]).true_peak_dbtp)
    assert expected - 0.4 <= got <= expected + 0.2
    assert got == pytest.approx(ebur128.measure(signal).true_peak_dbtp, abs=0.1)
    assert got == pytest.approx(by_ffmpeg(signal, tmp_path)["peak"], abs=0.2)


@pytest.mark.parametrize("case", [1, 2, 3, 4])
def test_range(case: int, tmp_path: Path) -> None:
    signal, expected = ebu.loudness_range(case)
    got = known(measure([signal]).range_lu)
    assert got == pytest.approx(expected, abs=1.0)
    assert got == pytest.approx(ebur128.measure(signal, peak=False).range_lu, abs=0.01)
    assert got == pytest.approx(by_ffmpeg(signal, tmp_path, peak=False)["range"], abs=0.5)


# --- real and shaped sound


@pytest.mark.parametrize("lufs", [-45.0, -23.0, -6.0])
@pytest.mark.parametrize("voice", ["spoken", "synthetic", "music"])
def test_speech_and_music_from_quiet_to_loud(voice: str, lufs: float, tmp_path: Path) -> None:
    sound = {"spoken": spoken, "synthetic": lambda: synthetic(10), "music": lambda: music(10)}[
        voice
    ]()[: 10 * RATE]
    sound = sound * np.float32(10 ** ((lufs - known(measure([sound]).integrated_lufs)) / 20))
    got, reference = measure([sound]), ebur128.measure(sound[:, None], windows_move_by=0.05)
    assert known(got.integrated_lufs) == pytest.approx(lufs, abs=0.05)
    assert known(got.integrated_lufs) == pytest.approx(reference.integrated_lufs, abs=0.01)
    assert known(got.momentary_max_lufs) == pytest.approx(reference.momentary_max_lufs, abs=0.2)
    assert known(got.short_term_max_lufs) == pytest.approx(reference.short_term_max_lufs, abs=0.1)
    assert known(got.range_lu) == pytest.approx(reference.range_lu, abs=0.01)
    assert known(got.true_peak_dbtp) == pytest.approx(reference.true_peak_dbtp, abs=0.2)
    ffmpeg = by_ffmpeg(sound, tmp_path)
    assert ffmpeg["integrated"] == pytest.approx(known(got.integrated_lufs), abs=0.11)
    assert ffmpeg["peak"] == pytest.approx(known(got.true_peak_dbtp), abs=0.25)


def test_surround_weights_and_order() -> None:
    one = ebu.tone([(-23.0, 5.0)], 1)
    alone = known(measure([one]).integrated_lufs)
    for place, extra in enumerate([0.0, 0.0, 0.0, None, 1.5, 1.5]):
        channels = np.zeros((len(one), 6), dtype=np.float32)
        channels[:, place] = one[:, 0]
        got = measure([channels])
        if extra is None:
            assert got.integrated_lufs is None  # the LFE
        else:
            assert known(got.integrated_lufs) == pytest.approx(alone + extra, abs=0.02)
        assert known(got.true_peak_dbtp) == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 96_000, 192_000])
def test_other_sample_rates(rate: int) -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(5 * rate) / rate) * 10 ** (-23 / 20)
    got = measure([np.stack([sine, sine], axis=1).astype(np.float32)], rate)
    assert known(got.integrated_lufs) == pytest.approx(-23.0, abs=0.1)
    assert known(got.momentary_max_lufs) == pytest.approx(-23.0, abs=0.1)
    assert known(got.short_term_max_lufs) == pytest.approx(-23.0, abs=0.1)
    assert known(got.true_peak_dbtp) == pytest.approx(-23.0, abs=0.1)
    assert got.seconds == pytest.approx(5.0)


# --- edges


def test_nothing_and_silence_have_no_values() -> None:
    assert measure([]) == Report(None, None, None, None, None, 0.0)
    got = measure([np.zeros((5 * RATE, 2), dtype=np.float32)])
    assert got == Report(None, None, None, None, None, 5.0)


def test_quieter_than_the_gate_is_silence_with_a_peak() -> None:
    got = measure([ebu.tone([(-80.0, 5.0)])])
    assert got.integrated_lufs is None and got.range_lu is None
    assert known(got.true_peak_dbtp) == pytest.approx(-80.0, abs=0.1)


def test_shorter_than_a_window_has_no_value_of_it() -> None:
    got = measure([ebu.tone([(-23.0, 1.0)])])
    assert got.short_term_max_lufs is None and got.range_lu is None
    assert known(got.momentary_max_lufs) == pytest.approx(-23.0, abs=0.1)
    got = measure([ebu.tone([(-23.0, 0.3)])])
    assert got.integrated_lufs is None and got.momentary_max_lufs is None
    assert known(got.true_peak_dbtp) == pytest.approx(-23.0, abs=0.1)


def test_constant_level_is_not_loud() -> None:
    got = measure([np.full((10 * RATE, 1), 0.5, dtype=np.float32)])
    # The step at the start passes the high-pass; afterwards there is nothing to hear.
    assert got.short_term_max_lufs is not None and got.short_term_max_lufs < -30
    assert known(got.true_peak_dbtp) > -6.1


def test_clipping_is_seen_between_the_samples() -> None:
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * RATE) / RATE)
    clipped = np.clip(4 * sine, -1, 1).astype(np.float32)[:, None]
    got = measure([clipped])
    assert known(got.true_peak_dbtp) > 0.3
    assert known(got.true_peak_dbtp) == pytest.approx(
        ebur128.measure(clipped).true_peak_dbtp, abs=0.2
    )


def test_not_a_number_and_infinity_count_as_silence() -> None:
    signal = ebu.tone([(-23.0, 10.0)])
    broken = signal.copy()
    rng = np.random.default_rng(5)
    where = rng.integers(0, len(broken), 50)
    broken[where, 0] = [np.nan, np.inf, -np.inf, 1e38, -1e38] * 10
    zeroed = signal.copy()
    zeroed[where, 0] = 0.0
    broken[where[3::5], 0] = np.nan
    broken[where[4::5], 0] = -np.nan
    assert measure([broken]) == measure([zeroed])
    huge = measure([np.full((RATE, 1), 3e38, dtype=np.float32)])
    assert np.isfinite(known(huge.true_peak_dbtp)) and np.isfinite(known(huge.integrated_lufs))


def test_the_sizes_of_blocks_do_not_matter() -> None:
    signal = np.stack([synthetic(8), music(8)], axis=1)
    whole = measure([signal])
    rng = np.random.default_rng(9)
    cuts = np.sort(rng.integers(0, len(signal), 300))
    parts = np.split(signal, cuts)
    assert any(len(part) == 0 for part in parts) or len(parts) == 301
    got = measure(parts)
    for name in ("integrated_lufs", "short_term_max_lufs", "momentary_max_lufs", "range_lu"):
        assert getattr(got, name) == pytest.approx(getattr(whole, name), abs=1e-6)
    assert got.true_peak_dbtp == whole.true_peak_dbtp and got.seconds == whole.seconds


def test_channels_must_stay_as_they_began() -> None:
    stereo, mono = np.zeros((10, 2), dtype=np.float32), np.zeros(10, dtype=np.float32)
    with pytest.raises(ValueError, match="2 channels"):
        measure([stereo, mono])
    with pytest.raises(Exception, match="1 to 6 channels"):
        measure([np.zeros((10, 7), dtype=np.float32)])
