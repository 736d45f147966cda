"""Where a receiver's sound goes: a sound card, a WAV file, raw samples, or nowhere.

A sound card calls for samples at its own clock. The others are paced by the monotonic clock with
absolute deadlines, so that what they get is what a card would have played.
"""

from __future__ import annotations

import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Read = Callable[[Samples, float], None]
"""Fills float32 of shape ``(960,)`` with what is to sound at a monotonic time, that of its first
sample; called from the output's own thread, never waits."""

RATE = 48_000
BLOCK = 960
BLOCK_S = BLOCK / RATE
MOST_AHEAD = 2.0
"""Seconds that a device may say it is ahead."""
MOST_BEHIND = 1.0
"""Seconds that a paced output makes up for after a halt of the machine; beyond them it skips."""


class OutputError(Exception):
    """This output cannot be had; the message says why, for people."""


class Output(Protocol):
    """Something that plays from when it is opened until it is closed."""

    name: str

    def open(self, read: Read) -> None:
        """Begin to play what ``read`` gives. Raises ``OutputError``."""

    def close(self) -> None:
        """Stop; ``read`` is not called after this returns."""

    @property
    def trouble(self) -> str | None:
        """Why it plays no longer, or None."""

    @property
    def underflows(self) -> int:
        """Times that samples came too late for the device."""


class Opened:
    """An output for the length of a ``with`` block."""

    def __init__(self, output: Output, read: Read) -> None:
        self._output = output
        self._read = read

    def __enter__(self) -> Output:
        self._output.open(self._read)
        return self._output

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._output.close()


def to_pcm16(samples: Samples) -> bytes:
    """Return samples as 16-bit little-endian; what exceeds full scale is held to it."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes()


class PacedOutput:
    """Takes a block every 20 ms of the monotonic clock and gives it to ``_write``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.trouble: str | None = None
        self.underflows = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, read: Read) -> None:
        self._prepare()
        self._thread = threading.Thread(
            target=self._run, args=(read,), name=f"output {self.name}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            self._finish()

    def _run(self, read: Read) -> None:
        block = np.zeros(BLOCK, dtype=np.float32)
        due = time.monotonic()
        while True:
            due += BLOCK_S
            wait = due - time.monotonic()
            if wait < -MOST_BEHIND:
                self.underflows += 1
                due -= wait
            if self._stop.wait(max(0.0, wait)):
                return
            read(block, due - BLOCK_S)
            try:
                self._write(block)
            except (OSError, ValueError) as error:
                self.trouble = f"{self.name}: {error}"
                return

    def _prepare(self) -> None:
        """Open what is written to. Raises ``OutputError``."""

    def _write(self, block: Samples) -> None:
        """Take 960 samples."""

    def _finish(self) -> None:
        """Close what was written to."""


class NullOutput(PacedOutput):
    """Plays nowhere, at the right pace."""

    def __init__(self) -> None:
        super().__init__("null")


class WavOutput(PacedOutput):
    """A WAV file, 16 bit, one channel, 48 kHz; its header is right after every second."""

    MOST = 0xFFFFFFFF - 36

    def __init__(self, path: Path) -> None:
        super().__init__(f"wav:{path}")
        self._path = path
        self._file: BinaryIO | None = None
        self._bytes = 0

    def _prepare(self) -> None:
        try:
            self._file = open(self._path, "wb")  # noqa: SIM115
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from error
        self._file.write(self._header())

    def _header(self) -> bytes:
        return struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF", 36 + self._bytes, b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16,
            b"data", self._bytes,
        )  # fmt: skip

    def _write(self, block: Samples) -> None:
        assert self._file is not None
        data = to_pcm16(block)
        if self._bytes + len(data) > self.MOST:
            raise ValueError("a WAV file holds 4 GB (12 hours); it is full")
        self._file.write(data)
        self._bytes += len(data)
        if self._bytes % (2 * RATE) == 0:
            self._mend()

    def _mend(self) -> None:
        assert self._file is not None
        self._file.seek(0)
        self._file.write(self._header())
        self._file.seek(0, 2)
        self._file.flush()

    def _finish(self) -> None:
        if self._file is not None:
            try:
                self._mend()
            except OSError as error:
                self.trouble = f"{self.name}: {error}"
            finally:
                self._file.close()


class RawOutput(PacedOutput):
    """Samples as float32 little-endian, one channel, 48 kHz, to a file or standard output."""

    def __init__(self, path: str) -> None:
        super().__init__(f"raw:{path}")
        self._path = path
        self._file: BinaryIO | None = None

    def _prepare(self) -> None:
        if self._path == "-":
            self._file = sys.stdout.buffer
            return
        try:
            self._file = open(self._path, "wb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from error

    def _write(self, block: Samples) -> None:
        assert self._file is not None
        self._file.write(block.astype("<f4").tobytes())
        self._file.flush()

    def _finish(self) -> None:
        if self._file is not None and self._path != "-":
            self._file.close()


class Pace:
    """When each block of a device sounds, without the jitter of its calls.

    A first-order loop: the card's own rate is followed (100 ppm leave it 0.1 ms behind), a call
    that came late by chance moves it by a fiftieth of that; what is off by more is believed.
    """

    FOLLOW = 0.02
    BELIEVED = 0.05

    def __init__(self) -> None:
        self._next: float | None = None

    def at(self, measured: float, frames: int) -> float:
        """Return the time of a block of ``frames``, measured as ``measured`` (seconds)."""
        off = 0.0 if self._next is None else measured - self._next
        if self._next is None or abs(off) > self.BELIEVED:
            at = measured
        else:
            at = self._next + off * self.FOLLOW
        self._next = at + frames / RATE
        return at


class DeviceOutput:
    """A sound card through PortAudio, by (part of) its name or number; None is the default one."""

    PERIOD = 480

    def __init__(self, device: str | int | None = None) -> None:
        self._device = int(device) if isinstance(device, str) and device.isdigit() else device
        self.name = "device" if device is None else f"device {device}"
        self.underflows = 0
        self._stream: Any = None
        self._block = np.zeros(BLOCK, dtype=np.float32)
        self._used = BLOCK
        self._closing = False
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why it plays no longer, or None."""
        if self._trouble is None and self._stream is not None and not self._stream.active:
            self._trouble = f"{self.name} stopped"
        return self._trouble

    @property
    def latency(self) -> float:
        """Seconds from ``read`` to the loudspeaker, as PortAudio says."""
        return float(self._stream.latency) if self._stream is not None else 0.0

    def open(self, read: Read) -> None:
        """Begin to play what ``read`` gives. Raises ``OutputError``."""
        try:
            import sounddevice
        except (ImportError, OSError) as error:
            raise OutputError(
                f"PortAudio cannot be used ({error}); install loa[receiver] and libportaudio2"
            ) from error

        def callback(out: Any, frames: int, times: Any, status: Any) -> None:
            self.underflows += bool(status.output_underflow)
            ahead = times.outputBufferDacTime - times.currentTime
            if not 0 <= ahead < MOST_AHEAD:  # some drivers do not know
                ahead = self.latency
            at = pace.at(time.monotonic() + ahead, frames)
            self._fill(np.frombuffer(out, dtype=np.float32), read, at)

        self._trouble = None
        self._used = BLOCK
        pace = Pace()
        try:
            self._stream = sounddevice.RawOutputStream(
                samplerate=RATE,
                blocksize=self.PERIOD,
                device=self._device,
                channels=1,
                dtype="float32",
                latency="low",
                callback=callback,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            self.close()
            raise OutputError(f"{self.name} cannot be opened: {error}") from error

    def _fill(self, out: Samples, read: Read, at: float) -> None:
        place = 0
        while place < len(out):
            if self._used == BLOCK:
                read(self._block, at + place / RATE)
                self._used = 0
            count = min(BLOCK - self._used, len(out) - place)
            out[place : place + count] = self._block[self._used : self._used + count]
            place += count
            self._used += count

    def close(self) -> None:
        """Stop; ``read`` is not called after this returns."""
        if self._stream is not None:
            self._stream.close(ignore_errors=True)
            self._stream = None


def look_again() -> None:
    """Have PortAudio look for sound cards anew: it knows only those that it saw at its start.

    No stream may be open. Raises ``OutputError``.
    """
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        raise OutputError(f"PortAudio cannot be used ({error})") from error
    try:
        sounddevice._terminate()
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise OutputError(f"PortAudio cannot be started again: {error}") from error


def output_named(text: str, device: str | None = None) -> Output:
    """Return the output that ``--out`` names: device, wav:FILE, raw:FILE, raw:- or null.

    Raises ``OutputError`` for others.
    """
    kind, _, rest = text.partition(":")
    if kind == "device" and not rest:
        return DeviceOutput(device)
    if kind == "null" and not rest:
        return NullOutput()
    if kind == "wav" and rest:
        return WavOutput(Path(rest))
    if kind == "raw" and rest:
        return RawOutput(rest)
    raise OutputError(f"{text}: an output is device, wav:FILE, raw:FILE, raw:- or null")
