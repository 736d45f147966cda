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


@dataclass(frozen=True, slots=True)
class Shaped:
    """What a chain made of ``n`` blocks of 960 samples."""

    packets: bytes
    """The Opus packets, one behind the other."""
    sizes: npt.NDArray[np.uint16]
    """Their bytes, shape ``(n,)``."""
    audio: Samples
    """What the encoder was given, shape ``(n * 960,)``, delayed by the limiter's 144 samples."""
    gains_db: npt.NDArray[np.float32]
    """The leveller's gain after each block, shape ``(n,)``."""


class Leveller:
    """The live leveller alone; nothing is behind it, so its make-up stays 0 dB."""

    BLOCK = 960

    def __init__(self, target_lufs: float = -16.0) -> None:
        pointer = lib.loa_leveller_create(target_lufs)
        if pointer == ffi.NULL:
            raise NativeError("a target is -40 to 0 LUFS")
        self._pointer = ffi.gc(pointer, lib.loa_leveller_destroy)

    def process(self, samples: Samples, speech: npt.NDArray[np.uint8]) -> Samples:
        """Level finite blocks (shape ``(n * 960,)``), a speech flag each (shape ``(n,)``)."""
        out, speech = _blocks(samples, speech)
        whole = ffi.from_buffer("float[]", out)
        for i, flag in enumerate(speech.tolist()):
            lib.loa_leveller_process(self._pointer, whole + i * self.BLOCK, flag)
        return out

    @property
    def gain_db(self) -> float:
        """The gain after the last block."""
        state = ffi.new("loa_leveller_state *")
        lib.loa_leveller_read(self._pointer, state)
        return float(state.gain_db)

    @property
    def talker_lufs(self) -> float:
        """The talker's level before the gain; ``-inf`` while it is not known."""
        state = ffi.new("loa_leveller_state *")
        lib.loa_leveller_read(self._pointer, state)
        return float(state.talker_lufs)


class Chain:
    """The chain of a live programme over whole arrays: levelled, faded, limited, encoded.

    ``level`` False leaves the loudness as it is. Raises ``NativeError`` for settings out of range.
    """

    BLOCK = 960

    def __init__(
        self,
        *,
        bitrate: int = 24_000,
        complexity: int = 10,
        level: bool = True,
        target_lufs: float = -16.0,
        ceiling_dbtp: float = -3.0,
    ) -> None:
        config = ffi.new("loa_chain_config *")
        config.bitrate = bitrate
        config.complexity = complexity
        config.level = level
        config.target_lufs = target_lufs
        config.ceiling_dbtp = ceiling_dbtp
        pointer = lib.loa_chain_create(config)
        if pointer == ffi.NULL:
            raise NativeError("these settings cannot be a chain")
        self._pointer = ffi.gc(pointer, lib.loa_chain_destroy)

    def process(
        self,
        samples: Samples,
        speech: npt.NDArray[np.uint8],
        *,
        fade_in: bool = False,
        fade_out: bool = False,
    ) -> Shaped:
        """Process blocks (shape ``(n * 960,)``) with one speech flag each (shape ``(n,)``).

        ``fade_in`` fades the first block, ``fade_out`` the last. NaN and Inf count as 0.
        """
        samples, speech = _blocks(samples, speech)
        count = len(speech)
        audio = np.zeros(count * self.BLOCK, dtype=np.float32)
        gains = np.zeros(count, dtype=np.float32)
        sizes = np.zeros(count, dtype=np.uint16)
        out = bytearray(count * int(lib.loa_chain_max_packet(self._pointer)))
        total = check(
            lib.loa_chain_process_many(
                self._pointer,
                ffi.from_buffer("float[]", samples),
                ffi.from_buffer("uint8_t[]", speech),
                count,
                (lib.LOA_FADE_IN if fade_in else 0) | (lib.LOA_FADE_OUT if fade_out else 0),
                ffi.from_buffer("uint8_t[]", out),
                len(out),
                ffi.from_buffer("uint16_t[]", sizes),
                ffi.from_buffer("float[]", audio),
                ffi.from_buffer("float[]", gains),
            )
        )
        return Shaped(bytes(out[:total]), sizes, audio, gains)


def _blocks(
    samples: Samples, speech: npt.NDArray[np.uint8]
) -> tuple[Samples, npt.NDArray[np.uint8]]:
    samples = np.array(samples, dtype=np.float32, order="C")
    speech = np.ascontiguousarray(speech, dtype=np.uint8)
    if samples.ndim != 1 or speech.ndim != 1 or len(samples) != 960 * len(speech):
        raise ValueError(f"960 samples for each flag, not {samples.shape} for {speech.shape}")
    return samples, speech
