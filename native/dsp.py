"""The C core's audio parts over whole arrays: measuring, limiting, levelling, a live chain.

All audio is float32 at 48 kHz in one channel, except what ``Loudness`` measures. An object is used
by one thread at a time; the work runs without the GIL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loa.native import _loa
from loa.native.error import NativeError, check

ffi: Any = _loa.ffi
lib: Any = _loa.lib

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LoudnessReport:
    """LUFS, LU and dBTP as ``loa_loudness.h`` says; ``-inf`` where there is no value."""

    integrated_lufs: float
    short_term_max_lufs: float
    momentary_max_lufs: float
    range_lu: float
    true_peak_dbtp: float
    frames: int


class Loudness:
    """ITU-R BS.1770-4 and EBU R 128 of 1 to 6 channels at 8 to 192 kHz.

    ``peak`` measures the true peak, ``windows`` the maxima of the 400 ms and 3 s windows and the
    range; integrated loudness is always measured. Raises ``NativeError`` for other arguments.
    """

    def __init__(
        self, channels: int = 1, rate: int = 48_000, *, peak: bool = True, windows: bool = True
    ) -> None:
        parts = (lib.LOA_LOUDNESS_PEAK if peak else 0) | (
            lib.LOA_LOUDNESS_WINDOWS if windows else 0
        )
        pointer = lib.loa_loudness_create(channels, rate, parts)
        if pointer == ffi.NULL:
            raise NativeError("1 to 6 channels at 8 to 192 kHz can be measured")
        self._pointer = ffi.gc(pointer, lib.loa_loudness_destroy)
        self.channels = channels

    def add(self, samples: Samples) -> None:
        """Add float32 samples of shape ``(n, channels)``, or ``(n,)`` for one channel."""
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if samples.ndim == 1:
            samples = samples.reshape(-1, 1)
        if samples.ndim != 2 or samples.shape[1] != self.channels:
            raise ValueError(f"{self.channels} channels are measured, not shape {samples.shape}")
        check(
            lib.loa_loudness_add(
                self._pointer, ffi.from_buffer("float[]", samples), samples.shape[0]
            )
        )

    def read(self) -> LoudnessReport:
        """Return what has been heard so far; more may be added afterwards."""
        out = ffi.new("loa_loudness_report *")
        check(lib.loa_loudness_read(self._pointer, out))
        return LoudnessReport(
            out.integrated_lufs,
            out.short_term_max_lufs,
            out.momentary_max_lufs,
            out.range_lu,
            out.true_peak_dbtp,
            out.frames,
        )


class Limiter:
    """A look-ahead true-peak limiter that delays by ``DELAY`` samples (3 ms).

    ``ceiling_dbtp`` is -40 to 0; the output's true peak stays within 0.1 dB of it.
    """

    DELAY = 144

    def __init__(self, ceiling_dbtp: float = -3.0) -> None:
        pointer = lib.loa_limiter_create(ceiling_dbtp)
        if pointer == ffi.NULL:
            raise NativeError("a ceiling is -40 to 0 dBTP")
        self._pointer = ffi.gc(pointer, lib.loa_limiter_destroy)

    def process(self, samples: Samples) -> Samples:
        """Return as many samples as given (shape ``(n,)``): those of 144 samples ago, limited."""
        out = np.array(samples, dtype=np.float32, order="C")
        if out.ndim != 1:
            raise ValueError(f"one channel is limited, not shape {out.shape}")
        check(lib.loa_limiter_process(self._pointer, ffi.from_buffer("float[]", out), len(out)))
        return out

    def flush(self) -> Samples:
        """Return the last 144 samples and forget everything."""
        out = np.zeros(self.DELAY, dtype=np.float32)
        lib.loa_limiter_flush(self._pointer, ffi.from_buffer("float[]", out))
        return out

    @property
    def reduction_db(self) -> float:
        """The largest gain reduction of the last ``process``, in dB, at least 0."""
        return float(lib.loa_limiter_reduction(self._pointer))
