"""A ring between two clocks: samples in at a source's pace, blocks of 20 ms out at ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from loa.native import _loa
from loa.native.error import NativeError, check

ffi: Any = _loa.ffi
lib: Any = _loa.lib

BLOCK = 960
"""Samples that one read delivers: 20 ms at 48 kHz."""


class RingState(IntEnum):
    """What a read gave; see ``enum loa_ring_state`` in ``loa_ring.h``."""

    PRIMING = 0
    RUNNING = 1
    CONCEALING = 2
    STARVED = 3
    ENDED = 4


@dataclass(frozen=True, slots=True)
class RingConfig:
    """How deep a source's ring is, in ms, and what happens when it runs ahead.

    ``depth_ms`` is the least that is held (20 to 2000), and grows with the source's jitter up to
    ``max_depth_ms``; ``capacity_ms`` is the room in all. ``pressure``: writes accept what fits (the
    caller pauses its source); otherwise a source that runs ahead is trimmed back to the depth.
    """

    depth_ms: int = 40
    max_depth_ms: int = 400
    capacity_ms: int = 2000
    pressure: bool = False


@dataclass(frozen=True, slots=True)
class RingStats:
    """Counters in samples since the start, depths in ms; see ``loa_ring_stats``."""

    written: int
    read: int
    concealed: int
    trimmed: int
    refused: int
    stalls: int
    fill_ms: float
    depth_ms: float
    drift_ppm: float
    state: RingState


def ring_config(config: RingConfig) -> Any:
    """Return the C form of a configuration; for the wrappers of ``loa.native``."""
    made = ffi.new("loa_ring_config *")
    made.depth_ms = config.depth_ms
    made.max_depth_ms = config.max_depth_ms
    made.capacity_ms = config.capacity_ms
    made.policy = lib.LOA_RING_PRESSURE if config.pressure else lib.LOA_RING_TRIM
    return made


def read_ring_stats(s: Any) -> RingStats:
    """Return the Python form of a ``loa_ring_stats``; for the wrappers of ``loa.native``."""
    return RingStats(
        s.written, s.read, s.concealed, s.trimmed, s.refused, s.stalls,
        s.fill_ms, s.depth_ms, s.drift_ppm, RingState(s.state),
    )  # fmt: skip


class Ring:
    """Absorbs jitter, conceals stalls and follows the reader's clock; 48 kHz, mono, float32.

    One thread at a time writes, one reads; ``stats`` from any. ``depth_ms`` is the least
    that is held (20 to 2000), and grows with the source's jitter up to ``max_depth_ms``;
    ``capacity_ms`` is the room in all. With ``pressure`` a write accepts what fits; without, what
    runs ahead is trimmed. Raises ``NativeError`` when these are out of range or memory is short.
    """

    def __init__(
        self,
        depth_ms: int = 40,
        max_depth_ms: int = 400,
        capacity_ms: int = 2000,
        *,
        pressure: bool = False,
    ) -> None:
        config = RingConfig(depth_ms, max_depth_ms, capacity_ms, pressure)
        pointer = lib.loa_ring_create(ring_config(config))
        if pointer == ffi.NULL:
            raise NativeError("a ring of this depth cannot be made")
        self._pointer = ffi.gc(pointer, lib.loa_ring_destroy, capacity_ms * 48 * 5)
        self._speech = ffi.new("int *")

    def write(self, samples: npt.NDArray[np.float32], speech: bool = True) -> int:
        """Write samples, shape ``(n,)``; return how many were accepted (all without pressure)."""
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if samples.ndim != 1:
            raise ValueError("a ring holds one channel")
        return check(
            lib.loa_ring_write(
                self._pointer, ffi.from_buffer("float[]", samples), len(samples), speech
            )
        )

    @property
    def space(self) -> int:
        """Samples that a write would accept now under pressure."""
        return int(lib.loa_ring_space(self._pointer))

    def read_into(self, out: npt.NDArray[np.float32]) -> tuple[RingState, bool]:
        """Fill ``out`` (float32, shape ``(960,)``, contiguous); return state and speech flag."""
        if out.shape != (BLOCK,) or out.dtype != np.float32 or not out.flags.c_contiguous:
            raise ValueError("a read needs 960 contiguous float32")
        buffer = ffi.from_buffer("float[]", out, require_writable=True)
        state = RingState(lib.loa_ring_read(self._pointer, buffer, self._speech))
        return state, bool(self._speech[0])

    def read(self) -> tuple[npt.NDArray[np.float32], RingState, bool]:
        """Return the next 960 samples, the state they were made in, and their speech flag."""
        out = np.empty(BLOCK, dtype=np.float32)
        return out, *self.read_into(out)

    def finish(self) -> None:
        """Say that nothing more comes; what is held is read to its end, then ``ENDED``."""
        lib.loa_ring_finish(self._pointer)

    def reopen(self) -> None:
        """Go on after ``finish``."""
        lib.loa_ring_reopen(self._pointer)

    @property
    def stats(self) -> RingStats:
        """The counters now."""
        s = ffi.new("loa_ring_stats *")
        lib.loa_ring_read_stats(self._pointer, s)
        return read_ring_stats(s)
