"""The test signals of EBU Tech 3341 and Tech 3342 that those documents define by formula.

Each is float32 of shape ``(n, channels)`` at 48 kHz; the numbers are the documents' case numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE = 48_000
Signal = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


def tone(levels: list[tuple[float, float]], channels: int = 2) -> Signal:
    """A 1 kHz sine, in phase everywhere, through ``(peak dBFS, seconds)`` steps."""
    gains = np.concatenate(
        [np.full(round(seconds * RATE), 10 ** (level / 20)) for level, seconds in levels]
    )
    sine = np.sin(2 * np.pi * 1000 * np.arange(len(gains)) / RATE) * gains
    return np.repeat(sine[:, None], channels, axis=1).astype(np.float32)


SILENCE = -400.0


def integrated(case: int) -> Signal:
    """Cases 1 to 6 of Tech 3341; case 6 as 5.1 with an empty LFE."""
    steps = {
        1: [(-23.0, 20.0)],
        2: [(-33.0, 20.0)],
        3: [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)],
        4: [(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)],
        5: [(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)],
    }
    if case in steps:
        return tone(steps[case])
    left, centre, surround = (tone([(level, 20.0)], 1) for level in (-28.0, -24.0, -30.0))
    return np.hstack([left, left, centre, 0 * left, surround, surround])


def short_term(case: int, segment: int = 0) -> Signal:
    """Case 9; case 10 with segment 0 to 19, one file each; case 11, all of it."""
    if case == 9:
        return tone([(-20.0, 1.34), (-30.0, 1.66)] * 5)
    if case == 10:
        return tone([(SILENCE, segment * 0.15), (-23.0, 3.0), (SILENCE, 1.0)])
    steps: list[tuple[float, float]] = []
    for i in range(20):
        steps += [(SILENCE, i * 0.15), (-38.0 + i, 3.0), (SILENCE, 3.0 - i * 0.15)]
    return tone(steps)


def momentary(case: int, segment: int = 0) -> Signal:
    """Case 12; case 13 with segment 0 to 19, one file each; case 14, all of it."""
    if case == 12:
        return tone([(-20.0, 0.18), (-30.0, 0.22)] * 25)
    if case == 13:
        return tone([(SILENCE, segment * 0.02), (-23.0, 0.4), (SILENCE, 1.0)])
    steps: list[tuple[float, float]] = []
    for i in range(20):
        steps += [(SILENCE, i * 0.02), (-38.0 + i, 0.4), (SILENCE, 0.4 - i * 0.02)]
    return tone(steps)


def _tapered(sine: Floats) -> Floats:
    fade = np.linspace(0.0, 1.0, RATE // 100)
    sine[: len(fade)] *= fade
    sine[-len(fade) :] *= fade[::-1]
    return sine


def _burst(offset: int) -> Floats:
    """A sine at fs/6 and 0.50 with one period at fs/4 and 1.00 in it, made at 4 fs.

    Low-passed to fs/2 by an FFT over a whole number of periods, then every fourth sample from
    ``offset``.
    """
    cycle = np.sin(2 * np.pi * np.arange(24) / 24)
    inner = np.sin(2 * np.pi * np.arange(16) / 16)
    sine = np.concatenate([0.5 * np.tile(cycle, 1000), inner, 0.5 * np.tile(cycle, 1000)])
    spectrum = np.fft.rfft(sine)
    spectrum[np.arange(len(spectrum)) * 4 >= len(spectrum)] = 0.0
    return np.fft.irfft(spectrum, len(sine))[offset::4]


def true_peak(case: int) -> tuple[Signal, float]:
    """Cases 15 to 23, with the expected dBTP (tolerance +0.2, -0.4)."""
    sines = {
        15: (4, 0.50, 0.0, -6.0),
        16: (4, 0.50, 45.0, -6.0),
        17: (6, 0.50, 60.0, -6.0),
        18: (8, 0.50, 67.5, -6.0),
        19: (4, 1.41, 45.0, 3.0),
    }
    if case in sines:
        divisor, amplitude, degrees, expected = sines[case]
        n = np.arange(RATE)
        one = _tapered(amplitude * np.sin(2 * np.pi * n / divisor + np.radians(degrees)))
    else:
        one, expected = _tapered(_burst(case - 20)), 0.0
    return np.repeat(one[:, None], 2, axis=1).astype(np.float32), expected


def loudness_range(case: int) -> tuple[Signal, float]:
    """Cases 1 to 4 of Tech 3342, with the expected LU (tolerance 1)."""
    levels = {
        1: ([-20.0, -30.0], 10.0),
        2: ([-20.0, -15.0], 5.0),
        3: ([-40.0, -20.0], 20.0),
        4: ([-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
    }
    steps, expected = levels[case]
    return tone([(level, 20.0) for level in steps]), expected
