"""libebur128 itself, called without any of our code between."""

from __future__ import annotations

import ctypes
import ctypes.util
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LOUDNESS, TRUE_PEAK = 0b001111, 0b110001
"""Modes: momentary, short-term, integrated and range; sample peak and true peak."""
SURROUND = (1, 2, 3, 0, 4, 5)
"""The channel numbers of L R C LFE Ls Rs in libebur128."""


class _State(ctypes.Structure):
    _fields_ = [
        ("mode", ctypes.c_int),
        ("channels", ctypes.c_uint),
        ("rate", ctypes.c_ulong),
        ("private", ctypes.c_void_p),
    ]


@dataclass(frozen=True, slots=True)
class Measured:
    integrated_lufs: float
    momentary_max_lufs: float
    short_term_max_lufs: float
    range_lu: float
    true_peak_dbtp: float


def _library() -> Any:
    name = ctypes.util.find_library("ebur128")
    assert name, "libebur128 is missing"
    library = ctypes.CDLL(name)
    library.ebur128_init.restype = ctypes.POINTER(_State)
    library.ebur128_init.argtypes = [ctypes.c_uint, ctypes.c_ulong, ctypes.c_int]
    return library


def measure(
    samples: npt.NDArray[np.float32],
    rate: int = 48_000,
    *,
    windows_move_by: float = 1.0,
    peak: bool = True,
) -> Measured:
    """Measure samples of shape ``(n, channels)``; the windows and the peak are what takes time."""
    library = _library()
    samples = np.ascontiguousarray(samples, dtype=np.float32)
    channels = samples.shape[1]
    mode = LOUDNESS | TRUE_PEAK if peak else LOUDNESS
    state = library.ebur128_init(channels, rate, mode)
    if channels == 6:
        for index, place in enumerate(SURROUND):
            library.ebur128_set_channel(state, index, place)
    value = ctypes.c_double()
    windows = {"ebur128_loudness_momentary": -np.inf, "ebur128_loudness_shortterm": -np.inf}
    lengths = {"ebur128_loudness_momentary": 0.4, "ebur128_loudness_shortterm": 3.0}
    step = round(rate * windows_move_by)
    for start in range(0, len(samples), step):
        block = np.ascontiguousarray(samples[start : start + step])
        library.ebur128_add_frames_float(
            state, block.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(len(block))
        )
        for name in windows:
            if start + len(block) >= lengths[name] * rate:
                getattr(library, name)(state, ctypes.byref(value))
                windows[name] = max(windows[name], value.value)
    library.ebur128_loudness_global(state, ctypes.byref(value))
    integrated = value.value
    library.ebur128_loudness_range(state, ctypes.byref(value))
    spread = value.value
    largest = 0.0
    for channel in range(channels if peak else 0):
        library.ebur128_true_peak(state, channel, ctypes.byref(value))
        largest = max(largest, value.value)
    library.ebur128_destroy(ctypes.byref(state))
    return Measured(
        integrated,
        windows["ebur128_loudness_momentary"],
        windows["ebur128_loudness_shortterm"],
        spread,
        20 * np.log10(largest) if largest > 0 else -np.inf,
    )
