"""A resampler for two clocks that should agree: blocks of 960 out, about as many in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from loa.native import _loa
from loa.native.error import NativeError

ffi: Any = _loa.ffi
lib: Any = _loa.lib

Samples = npt.NDArray[np.float32]


class Resampler:
    """48 kHz, one channel; a positive correction takes more than 960 for a block: faster.

    Its output lags by ``DELAY`` samples. ``most_ppm`` (1 to ``MOST_PPM``) bounds the correction.
    Raises ``NativeError`` for others.
    """

    BLOCK = 960
    DELAY = 21
    MOST_PPM = 20_000

    def __init__(self, most_ppm: int = MOST_PPM) -> None:
        pointer = lib.loa_resampler_create_for(most_ppm)
        if pointer == ffi.NULL:
            raise NativeError("a resampler corrects by 1 to 20000 ppm")
        self._pointer = ffi.gc(pointer, lib.loa_resampler_destroy)

    def need(self, ppm: float) -> int:
        """Return how many samples the next block takes if its correction ends at ``ppm``."""
        return int(lib.loa_resampler_need(self._pointer, ppm))

    def run_into(self, samples: Samples, ppm: float, out: Samples) -> None:
        """Make ``out`` (float32, shape ``(960,)``) of exactly ``need(ppm)`` samples."""
        if out.shape != (self.BLOCK,) or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise ValueError("a block needs 960 contiguous float32")
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if samples.shape != (self.need(ppm),):
            raise ValueError(f"{self.need(ppm)} samples are needed, not {samples.shape}")
        lib.loa_resampler_run(
            self._pointer,
            ffi.from_buffer("float[]", samples),
            ppm,
            ffi.from_buffer("float[]", out, require_writable=True),
        )
