"""The speech detector's frames: any cutting gives the same flags; speech is told from silence."""

from __future__ import annotations

import itertools
import subprocess

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.vad import Vad


def spoken() -> np.ndarray:
    done = subprocess.run(
        ["espeak-ng", "-v", "vi", "--stdout", "Đây là đài truyền thanh xã, mời bà con chú ý."],
        check=True,
        capture_output=True,
    )
    pcm = np.frombuffer(done.stdout[44:], dtype="<i2").astype(np.float32) / 32768
    place = np.arange(0, len(pcm) - 1, 22050 / 48000)
    return np.interp(place, np.arange(len(pcm)), pcm).astype(np.float32)


SPEECH = np.concatenate([np.zeros(24_000, np.float32), spoken(), np.zeros(48_000, np.float32)])


def test_speech_is_told_from_silence() -> None:
    flags = Vad().process(SPEECH)
    assert len(flags) == len(SPEECH) // 960 and flags.dtype == np.bool_
    assert not flags[:20].any() and not flags[-30:].any()
    assert flags[27:-60].mean() > 0.7


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=30))
def test_any_cutting_gives_the_same_flags(sizes: list[int]) -> None:
    audio = SPEECH[20_000:80_000]
    edges = np.minimum(np.cumsum([0, *sizes]), len(audio)).tolist()
    vad = Vad()
    parts = [vad.process(audio[a:b]) for a, b in itertools.pairwise(edges)]
    assert vad.pending == edges[-1] % 960
    np.testing.assert_array_equal(np.concatenate(parts), Vad().process(audio[: edges[-1]]))


def test_odd_samples_are_no_errors() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 1e30] * 480, np.float32)
    assert len(Vad().process(odd)) == 2
    assert len(Vad().process(odd[:0])) == 0
