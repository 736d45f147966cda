"""How loud audio is: ITU-R BS.1770-4 and EBU R 128, as one value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loa.native.dsp import Loudness, LoudnessReport


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured; None where there is no value (silence, or shorter than the window)."""

    integrated_lufs: float | None
    short_term_max_lufs: float | None
    momentary_max_lufs: float | None
    range_lu: float | None
    true_peak_dbtp: float | None
    seconds: float


def report(measured: LoudnessReport, rate: int = 48_000) -> Report:
    """Return what ``Loudness.read`` gave as a value with None for what is missing."""
    return Report(
        _value(measured.integrated_lufs),
        _value(measured.short_term_max_lufs),
        _value(measured.momentary_max_lufs),
        _value(measured.range_lu),
        _value(measured.true_peak_dbtp),
        measured.frames / rate,
    )


def measure(blocks: Iterable[npt.NDArray[np.float32]], rate: int = 48_000) -> Report:
    """Measure float32 blocks of shape ``(n, channels)`` (or ``(n,)``), 1 to 6 channels.

    Channels are in FFmpeg's order (5.1: L R C LFE Ls Rs). NaN and Inf count as 0. All blocks must
    have the channels of the first; ``ValueError`` otherwise. No block at all is 0 s of silence.
    """
    loudness: Loudness | None = None
    for block in blocks:
        if loudness is None:
            loudness = Loudness(1 if block.ndim == 1 else block.shape[1], rate)
        loudness.add(block)
    return report((loudness or Loudness(1, rate)).read(), rate)


def _value(number: float) -> float | None:
    return number if math.isfinite(number) else None
