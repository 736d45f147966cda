"""The engine as Python sees it: programmes, mounts, listeners, events.

Everything here hands work over or reads counters; nothing waits for a tick, and nothing is called
once per packet or per page. All methods may be called from any thread unless they say otherwise.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from loa.native import _loa
from loa.native.error import NativeError, check
from loa.native.ring import RingConfig, RingStats, read_ring_stats, ring_config

ffi: Any = _loa.ffi
lib: Any = _loa.lib

TICK_SAMPLES = 960
TICKS_A_SECOND = 50
SILENCE = 0
"""The programme that every new mount carries."""
OPEN_END = 2**63 - 1
"""``ProgrammeStats.end_tick`` of a programme that has not ended."""

_EVENTS_A_READ = 1024
_MAX_PACKET = 1275
_UNKNOWN = b"\xff" * 8


class EventKind(IntEnum):
    """What an event says; see ``enum loa_event_kind`` in ``loa_engine.h``."""

    CARRIED = 1
    STARTED = 2
    ENDED = 3
    STALLED = 4
    RESUMED = 5
    LEFT = 6
    SKIPPED = 7


class Leave(IntEnum):
    """Why a listener left: ``Event.value`` of ``EventKind.LEFT``."""

    PEER = 1
    LAG = 2
    STOP = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in the engine; the meaning of a field depends on ``kind``.

    ``CARRIED``: ``mount`` carries programme ``id`` from ``tick``; ``value`` 1: that tick is silent.
    """

    kind: EventKind
    mount: int
    tick: int
    id: int
    value: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ChainConfig:
    """How a live programme is levelled, limited and encoded (DESIGN decision 11)."""

    bitrate: int = 24_000
    complexity: int = 10
    level: bool = True
    target_lufs: float = -16.0
    ceiling_dbtp: float = -3.0


@dataclass(frozen=True, slots=True)
class Meters:
    """LUFS over 400 ms and dB; ``-inf`` where there is no value."""

    input_momentary_lufs: float
    output_momentary_lufs: float
    gain_db: float
    reduction_db: float
    peak_dbfs: float
    speech: bool


@dataclass(frozen=True, slots=True)
class ProgrammeStats:
    """A programme's place on the timeline; ``ring`` and ``meters`` are None for clips."""

    start_tick: int
    end_tick: int
    ring: RingStats | None
    meters: Meters | None


class Clip:
    """Opus packets that lie ready: one bulletin or file, shared by all programmes that play it.

    ``data`` is the packets one behind the other, ``sizes`` (uint16, shape ``(n,)``) their bytes.
    Raises ``NativeError`` when a size is 0 or over 1275, or they do not add up.
    """

    def __init__(self, data: bytes, sizes: npt.NDArray[np.uint16]) -> None:
        sizes = np.ascontiguousarray(sizes, dtype=np.uint16)
        pointer = lib.loa_clip_create(
            ffi.from_buffer("uint8_t[]", data),
            len(data),
            ffi.from_buffer("uint16_t[]", sizes),
            len(sizes),
        )
        if pointer == ffi.NULL:
            raise NativeError("these packets cannot be a clip")
        self._pointer = ffi.gc(pointer, lib.loa_clip_release, len(data))
        self.ticks = len(sizes)
        """Its length; one packet is one tick."""


class LiveProgramme:
    """A programme that a source fills: the writing end of its ring.

    One thread at a time writes. Call ``close`` when the source is gone for good: from any thread,
    also while another one is in ``write`` (the ring lives on for as long as packets are kept).
    After it everything here does nothing. The engine must be closed after the last writer is done.
    """

    def __init__(self, engine: Engine, handle: int) -> None:
        self._engine = engine
        self.handle = handle
        self._ring = lib.loa_engine_ring(engine._pointer, handle)

    def write(self, samples: npt.NDArray[np.float32], speech: bool) -> int:
        """Write mono 48 kHz samples (float32, shape ``(n,)``) with one speech flag for all.

        Returns how many were accepted: all of them, unless the ring is under pressure, and none
        after ``close``.
        """
        ring = self._ring
        if ring == ffi.NULL:
            return 0
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        return check(
            lib.loa_ring_write(ring, ffi.from_buffer("float[]", samples), len(samples), speech)
        )

    @property
    def space(self) -> int:
        """Samples that ``write`` would accept now, when the ring is under pressure."""
        ring = self._ring
        return 0 if ring == ffi.NULL else int(lib.loa_ring_space(ring))

    def finish(self) -> None:
        """Say that nothing more comes; what the ring holds is still played."""
        ring = self._ring
        if ring != ffi.NULL:
            lib.loa_ring_finish(ring)

    def reopen(self) -> None:
        """Go on writing after ``finish`` (a studio came back before the end)."""
        ring = self._ring
        if ring != ffi.NULL:
            lib.loa_ring_reopen(ring)

    def cut(self) -> None:
        """End at the next tick, with a fade."""
        lib.loa_engine_cut(self._engine._pointer, self.handle)

    def close(self) -> None:
        """Let it end, and the engine free it once it is no longer kept."""
        ring, self._ring = self._ring, ffi.NULL
        if ring != ffi.NULL:
            lib.loa_ring_finish(ring)
            lib.loa_engine_release(self._engine._pointer, self.handle)


class Engine:
    """One timeline with everything on it. With ``virtual`` time passes only in ``advance``.

    ``phase_listeners``: so many listeners of a fan-out share a phase before the next is begun.

    Raises ``OSError`` when threads or memory cannot be had. Use it as a context manager, or call
    ``stop`` and then ``close``.
    """

    def __init__(
        self,
        start_tick: int,
        *,
        virtual: bool = False,
        workers: int | None = None,
        fanouts: int | None = None,
        max_mounts: int = 4096,
        max_programmes: int = 2048,
        max_listeners: int = 20_000,
        kept_ticks: int = 120 * TICKS_A_SECOND,
        phase_listeners: int = 1000,
    ) -> None:
        cores = os.cpu_count() or 1
        config = ffi.new("loa_engine_config *")
        config.start_tick = start_tick
        config.virtual_clock = virtual
        config.workers = max(0, cores - 1) if workers is None else workers
        config.fanouts = max(1, cores // 2) if fanouts is None else fanouts
        config.max_mounts = max_mounts
        config.max_programmes = max_programmes
        config.max_listeners = max_listeners
        config.kept_ticks = kept_ticks
        config.phase_listeners = phase_listeners
        pointer = lib.loa_engine_create(config)
        if pointer == ffi.NULL:
            number = ffi.errno or errno.EINVAL
            raise OSError(number, f"the engine cannot start: {os.strerror(number)}")
        self._pointer = ffi.gc(pointer, lib.loa_engine_destroy)
        self._events = ffi.new("loa_event[]", _EVENTS_A_READ)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stop(self, drain_ms: int = 2000) -> None:
        """End gracefully: an EOS page for every listener, ``drain_ms`` for the slow ones."""
        lib.loa_engine_stop(self._pointer, drain_ms)

    def close(self) -> None:
        """Stop, if that has not been done, and free everything; idempotent.

        Nothing else may be under way in another thread, and nothing be called after.
        """
        pointer = self.__dict__.pop("_pointer", None)
        if pointer is not None:
            ffi.release(pointer)

    # --- time

    @property
    def tick(self) -> int:
        """The newest complete tick."""
        return int(lib.loa_engine_tick(self._pointer))

    def deadline(self, tick: int) -> float:
        """Return the ``time.monotonic()`` at which ``tick`` is due to be complete."""
        return int(lib.loa_engine_deadline(self._pointer, tick)) / 1e9

    def advance(self, ticks: int) -> None:
        """Let time pass (virtual clock only)."""
        check(lib.loa_engine_advance(self._pointer, ticks))

    # --- events

    @property
    def event_fd(self) -> int:
        """A descriptor that is readable when events wait; the engine owns it."""
        return int(lib.loa_engine_event_fd(self._pointer))

    def events(self) -> list[Event]:
        """Take the events that wait, at most 1024 at a time. One thread at a time."""
        count = check(lib.loa_engine_events(self._pointer, self._events, _EVENTS_A_READ))
        return [
            Event(EventKind(e.kind), e.mount, e.tick, e.id, e.value, e.bytes)
            for e in self._events[0:count]
        ]

    @property
    def events_dropped(self) -> int:
        """How many events were dropped so far, because nobody took them in time."""
        return int(lib.loa_engine_events_dropped(self._pointer))

    # --- programmes

    def open_live(self, chain: ChainConfig, ring: RingConfig, start_tick: int) -> LiveProgramme:
        """Open a programme for a source; its ring is not pulled before ``start_tick``."""
        c_chain = ffi.new("loa_chain_config *")
        c_chain.bitrate = chain.bitrate
        c_chain.complexity = chain.complexity
        c_chain.level = chain.level
        c_chain.target_lufs = chain.target_lufs
        c_chain.ceiling_dbtp = chain.ceiling_dbtp
        c_ring = ring_config(ring)
        handle = check(lib.loa_engine_open_live(self._pointer, c_chain, c_ring, start_tick))
        return LiveProgramme(self, handle)

    def open_clip(
        self, clip: Clip, start_tick: int, offset: int = 0, count: int | None = None
    ) -> int:
        """Play packets ``offset`` … ``offset + count`` of the clip from ``start_tick``; the handle.

        The programme goes by itself when it has ended and is no longer kept.
        """
        handle = check(
            lib.loa_engine_open_clip(
                self._pointer,
                clip._pointer,
                start_tick,
                offset,
                clip.ticks - offset if count is None else count,
            )
        )
        lib.loa_engine_release(self._pointer, handle)
        return handle

    def cut(self, programme: int) -> None:
        """End a programme at the next tick."""
        check(lib.loa_engine_cut(self._pointer, programme))

    def programme_stats(self, programme: int) -> ProgrammeStats:
        """Return a programme's times and, for a live one, its ring and meters."""
        out = ffi.new("loa_programme_stats *")
        check(lib.loa_engine_programme_stats(self._pointer, programme, out))
        ring = meters = None
        if out.live:
            m = out.meters
            ring = read_ring_stats(out.ring)
            meters = Meters(
                m.input_momentary_lufs, m.output_momentary_lufs, m.gain_db, m.reduction_db,
                m.peak_dbfs, bool(m.speech),
            )  # fmt: skip
        return ProgrammeStats(out.start_tick, out.end_tick, ring, meters)

    def packets(
        self, programme: int, from_tick: int, count: int
    ) -> tuple[int, bytes, npt.NDArray[np.uint16]]:
        """Copy a programme's packets as they went out, of the ticks from ``from_tick`` on.

        Returns the tick of the first (later than asked where it began later, or what was before is
        kept no more), the packets one behind the other, and their sizes: at most ``count``, none
        when nothing new is complete. Raises ``NativeError`` when the programme is gone.
        """
        data = bytearray(max(1, count) * _MAX_PACKET)
        sizes = np.zeros(count, np.uint16)
        first = ffi.new("int64_t *")
        got = check(
            lib.loa_engine_packets(
                self._pointer, programme, from_tick, count, ffi.from_buffer("uint8_t[]", data),
                len(data), ffi.from_buffer("uint16_t[]", sizes), first,
            )
        )  # fmt: skip
        sizes = sizes[:got].copy()
        return int(first[0]), bytes(memoryview(data)[: int(sizes.sum())]), sizes

    def sounding(
        self, mounts: Sequence[int], from_tick: int, count: int
    ) -> list[bytes | None] | None:
        """Say what mounts carried in the ``count`` (up to 250) ticks from ``from_tick`` on.

        For each mount bytes that are equal where the same packets were heard (the programme of each
        tick, as int64, 0 for silence); None when it is known no more. None instead of all when a
        tick is not complete yet or is not kept any more.
        """
        numbers = ffi.new("int32_t[]", list(mounts))
        ids = ffi.new("int64_t[]", len(mounts) * count)
        result = lib.loa_engine_sounding(self._pointer, numbers, len(mounts), from_tick, count, ids)
        if result == lib.LOA_EGONE:
            return None
        check(result)
        data, row = bytes(ffi.buffer(ids)), 8 * count
        rows = [data[at : at + row] for at in range(0, len(data), row)]
        return [None if r.startswith(_UNKNOWN) else r for r in rows]

    def mount_packets(self, mount: int, from_tick: int, count: int) -> list[bytes] | None:
        """Copy what a mount's listeners heard in these ticks (up to 250), a packet a tick.

        None when a tick is not complete yet or is not kept any more.
        """
        data = ffi.new("uint8_t[]", count * _MAX_PACKET)
        sizes = ffi.new("uint16_t[]", count)
        got = lib.loa_engine_mount_packets(
            self._pointer, mount, from_tick, count, data, count * _MAX_PACKET, sizes
        )
        if got == lib.LOA_EGONE:
            return None
        check(got)
        sizes = list(sizes)
        whole, packets, at = ffi.buffer(data, sum(sizes))[:], [], 0
        for size in sizes:
            packets.append(whole[at : at + size])
            at += size
        return packets

    # --- mounts

    def open_mount(self) -> int:
        """Make a mount, carrying silence, and return its number."""
        return check(lib.loa_engine_open_mount(self._pointer))

    def carry(self, mounts: Sequence[int], programme: int, tick: int) -> int:
        """Let mounts carry ``programme`` from ``tick`` on, the same tick for all; return that tick.

        Replaces every change of these mounts at or after ``tick`` that was asked for earlier. A
        past tick becomes the next that can be had; ``EventKind.CARRIED`` confirms it.
        """
        numbers = ffi.new("int32_t[]", list(mounts))
        return check(lib.loa_engine_carry(self._pointer, numbers, len(mounts), programme, tick))

    def mount_listeners(self, count: int) -> npt.NDArray[np.int32]:
        """Return the number of listeners on each of the first ``count`` mounts."""
        out = np.zeros(count, dtype=np.int32)
        check(
            lib.loa_engine_mount_listeners(self._pointer, ffi.from_buffer("int32_t[]", out), count)
        )
        return out

    # --- listeners

    def join(
        self,
        mount: int,
        fd: int,
        prefix: bytes,
        *,
        cadence: int,
        burst_ticks: int,
        max_lag_ticks: int,
        drop: bool = False,
        from_tick: int = -1,
    ) -> int:
        """Give a connected, non-blocking socket to the fan-out; return the listener's id.

        The engine owns ``fd`` from here on. Raises ``NativeError`` when the table of listeners is
        full or an argument is wrong, and then ``fd`` is still the caller's.
        """
        joining = ffi.new("loa_join *")
        joining.fd = fd
        joining.mount = mount
        joining.cadence = cadence
        joining.drop = drop
        joining.burst_ticks = burst_ticks
        joining.max_lag_ticks = max_lag_ticks
        joining.from_tick = from_tick
        return check(
            lib.loa_engine_join(
                self._pointer, joining, ffi.from_buffer("uint8_t[]", prefix), len(prefix)
            )
        )

    def stats(self) -> dict[str, int]:
        """Return every field of ``loa_engine_stats`` by its name."""
        out = ffi.new("loa_engine_stats *")
        lib.loa_engine_read_stats(self._pointer, out)
        return {name: int(getattr(out, name)) for name, _ in ffi.typeof("loa_engine_stats").fields}
