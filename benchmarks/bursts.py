"""Bursts that are found again: a short chirp laid over speech, and where it comes out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

RATE = 48_000
LENGTH = 960
"""Samples of a burst: 20 ms, of which the middle is loud."""
SEARCH = 0.9
"""Seconds after a burst in which it must be heard; bursts are further apart than that."""
CERTAIN = 0.5
"""Normalized correlation (0…1) from which a burst counts as found."""


def chirp() -> Samples:
    """Return the burst: 600 Hz to 5 kHz in 20 ms, Hann window, peak 0.5; shape ``(960,)``.

    Codecs keep it, speech does not look like it, and its correlation has one narrow peak.
    """
    t = np.arange(LENGTH) / RATE
    sweep = np.sin(2 * np.pi * (600 * t + (5000 - 600) / (2 * LENGTH / RATE) * t * t))
    return (0.5 * sweep * np.hanning(LENGTH)).astype(np.float32)


def place(seconds: float, seed: int, first: float = 4.0) -> list[int]:
    """Return the first samples of bursts about 1.1 s apart, at moments that follow no clock.

    The first one is at ``first`` seconds; after the last one there is a second of rest.
    """
    random = np.random.default_rng(seed)
    at, found = first, []
    while at < seconds - 1.2:
        found.append(int(at * RATE))
        at += 1.0 + 0.2 * float(random.random())
    return found


def lay(speech: Samples, starts: Sequence[int]) -> Samples:
    """Return speech, a little lower, with a burst at each start."""
    out = (0.3 * speech).astype(np.float32)
    burst = chirp()
    for start in starts:
        out[start : start + LENGTH] += burst
    return out


def correlation(audio: Samples) -> Samples:
    """Return the normalized correlation with the burst, for each place where it could begin."""
    burst = chirp().astype(np.float64)
    size = 1 << int(np.ceil(np.log2(len(audio) + LENGTH)))
    wave = audio.astype(np.float64)
    product = np.fft.irfft(np.fft.rfft(wave, size) * np.conj(np.fft.rfft(burst, size)), size)
    energy = np.concatenate([[0.0], np.cumsum(wave * wave)])
    window = energy[LENGTH:] - energy[:-LENGTH]
    places = len(audio) - LENGTH + 1
    norm = np.sqrt(np.maximum(window, 1e-9) * float(np.dot(burst, burst)))
    return np.asarray(product[:places] / norm, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Recording:
    """What was heard: blocks of samples, each with the time of its first one (s, monotonic)."""

    times: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int64]
    audio: Samples

    @property
    def firsts(self) -> npt.NDArray[np.int64]:
        """The place in ``audio`` of each block's first sample."""
        return np.concatenate([[0], np.cumsum(self.lengths)[:-1]]).astype(np.int64)

    def time_of(self, sample: int) -> float:
        """Return when a sample was heard."""
        block = int(np.searchsorted(self.firsts, sample, side="right")) - 1
        return float(self.times[block] + (sample - self.firsts[block]) / RATE)

    def place_of(self, time: float) -> int:
        """Return the first sample heard at or after a time."""
        block = max(0, int(np.searchsorted(self.times, time, side="right")) - 1)
        inside = int(np.ceil((time - self.times[block]) * RATE))
        return int(self.firsts[block]) + min(max(0, inside), int(self.lengths[block]))


def find(recording: Recording, bursts: Sequence[float]) -> list[float | None]:
    """Return when each burst (given by its time) was heard; None for those that were not.

    A burst is where the correlation is highest within ``SEARCH`` seconds after it was made.
    """
    if len(recording.audio) < LENGTH:
        return [None] * len(bursts)
    likeness = correlation(recording.audio)
    found: list[float | None] = []
    for made in bursts:
        low, high = recording.place_of(made), recording.place_of(made + SEARCH)
        part = likeness[low:high]
        if len(part) == 0 or float(part.max()) < CERTAIN:
            found.append(None)
        else:
            found.append(recording.time_of(low + int(part.argmax())))
    return found
