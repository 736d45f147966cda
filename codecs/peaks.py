"""A waveform for display: the lowest and the highest sample of each of at most 1000 stretches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MOST = 1000
STRETCH = 960
"""Samples that are looked at together before it is known how long everything is: 20 ms."""

Waveform = bytes
"""What ``Peaks.read`` returns."""

Samples = npt.NDArray[np.float32]


class Peaks:
    """Takes samples in blocks of any size, with two bytes kept for every 20 ms."""

    def __init__(self) -> None:
        self._low: list[npt.NDArray[np.int8]] = []
        self._high: list[npt.NDArray[np.int8]] = []
        self._rest: Samples = np.empty(0, dtype=np.float32)

    def add(self, samples: Samples) -> None:
        """Take the next samples, one channel, -1 … 1 (what is beyond is cut)."""
        samples = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(samples) // STRETCH * STRETCH
        if whole:
            self._keep(samples[:whole].reshape(-1, STRETCH))
        self._rest = samples[whole:].copy()

    def read(self) -> Waveform:
        """Return int8 pairs (lowest, highest) of -127 … 127, in time, at most ``MOST`` of them."""
        if len(self._rest):
            self._keep(self._rest.reshape(1, -1))
            self._rest = self._rest[:0]
        if not self._low:
            return b""
        low, high = np.concatenate(self._low), np.concatenate(self._high)
        count = min(MOST, len(low))
        starts = np.arange(count) * len(low) // count
        pairs = np.empty((count, 2), dtype=np.int8)
        pairs[:, 0] = np.minimum.reduceat(low, starts)
        pairs[:, 1] = np.maximum.reduceat(high, starts)
        return pairs.tobytes()

    def _keep(self, stretches: Samples) -> None:
        scaled = np.clip(np.stack([stretches.min(axis=1), stretches.max(axis=1)]) * 127, -127, 127)
        low, high = np.rint(scaled).astype(np.int8)
        self._low.append(low)
        self._high.append(high)
