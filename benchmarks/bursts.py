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
SEARCH = 1.8
"""Seconds after a burst in which it must be heard; the next of its kind is further away."""
CERTAIN = 0.4
"""Normalized correlation (0…1) from which a burst counts as found."""


def chirp(kind: int = 0) -> Samples:
    """Return a burst: 600 Hz to 5 kHz in 20 ms, Hann window, peak 0.5; shape ``(960,)``.

    Codecs keep it, speech does not look like it, and its correlation has one narrow peak. The even
    kinds go up and the odd ones down, so that a burst is not taken for its neighbour.
    """
    t = np.arange(LENGTH) / RATE
    sweep = np.sin(2 * np.pi * (600 * t + (5000 - 600) / (2 * LENGTH / RATE) * t * t))
    up = (0.5 * sweep * np.hanning(LENGTH)).astype(np.float32)
    return up[::-1].copy() if kind % 2 else up


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
    """Return speech, a little lower, with a burst at each start, number n of kind n."""
    out = (0.3 * speech).astype(np.float32)
    for kind, start in enumerate(starts):
        out[start : start + LENGTH] += chirp(kind)
    return out


def correlation(audio: Samples, kind: int) -> Samples:
    """Return the normalized correlation with a burst, for each place where it could begin."""
    burst = chirp(kind).astype(np.float64)
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


def find(recording: Recording, bursts: Sequence[float]) -> list[int | None]:
    """Return the place in the audio of each burst (made at the given times); None: not heard.

    A burst is where the correlation is highest within ``SEARCH`` seconds after it was made.
    """
    if len(recording.audio) < LENGTH:
        return [None] * len(bursts)
    likeness = [correlation(recording.audio, kind) for kind in (0, 1)]
    found: list[int | None] = []
    for number, made in enumerate(bursts):
        low, high = recording.place_of(made), recording.place_of(made + SEARCH)
        part = likeness[number % 2][low:high]
        heard = len(part) > 0 and float(part.max()) >= CERTAIN
        found.append(low + int(part.argmax()) if heard else None)
    return found


def times(recording: Recording, bursts: Sequence[float]) -> list[float | None]:
    """Return when each burst was heard; None for those that were not."""
    places = find(recording, bursts)
    return [None if place is None else recording.time_of(place) for place in places]
