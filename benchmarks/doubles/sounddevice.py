"""An ideal sound card behind the names of the ``sounddevice`` module, for the latency benchmark.

Put first on ``PYTHONPATH`` it stands in for PortAudio at its edge: everything of ours above the
device runs unchanged, and each sample has a known time, so no other program's buffers (a sound
server's, a virtual cable's) count as ours.

*Input* plays ``LOA_BENCH_MICROPHONE``, a WAV file (48 kHz, mono), as if it were captured: sample k
at ``start + k / 48000``, silence after its end. A block is handed over when its last sample has
been captured, so a device block of 20 ms costs its 20 ms here as well. ``start`` is written to the
file named by ``LOA_BENCH_STARTED``, in ns of ``CLOCK_MONOTONIC``.

*Output* is double-buffered: a block that is asked for at time T is heard from T + one block on. It
is appended to ``LOA_BENCH_HEARD`` as the ns at which its first sample is heard (int64), its number
of samples (int64) and the samples (float32). A callback that answers too late is an underrun: what
it gives is heard when it is there, later blocks after it. A device driver's and converter's own
delay (1–3 ms) is not in it; they differ from card to card and are not ours.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

SECOND = 1_000_000_000
DEFAULT_BLOCK = 480


class PortAudioError(Exception):
    """As in the real module."""


class CallbackStop(Exception):
    """As in the real module."""


class CallbackAbort(Exception):
    """As in the real module."""


_DEVICE = {
    "name": "benchmark",
    "index": 0,
    "hostapi": 0,
    "max_input_channels": 1,
    "max_output_channels": 2,
    "default_samplerate": 48_000.0,
    "default_low_input_latency": 0.01,
    "default_low_output_latency": 0.01,
    "default_high_input_latency": 0.02,
    "default_high_output_latency": 0.02,
}


def query_devices(device: Any = None, kind: str | None = None) -> Any:
    return [dict(_DEVICE)] if device is None and kind is None else dict(_DEVICE)


def query_hostapis(index: int | None = None) -> Any:
    api = {"name": "benchmark", "devices": [0], "default_input_device": 0}
    return (api,) if index is None else api


def check_input_settings(**_: Any) -> None:
    pass


def check_output_settings(**_: Any) -> None:
    pass


default = SimpleNamespace(device=(0, 0), samplerate=48_000.0, channels=(1, 2))


def _sleep_until(when: int) -> None:
    left = when - time.monotonic_ns()
    if left > 0:
        time.sleep(left / SECOND)


class _Stream:
    raw = False

    def __init__(
        self,
        samplerate: float | None = None,
        blocksize: int | None = None,
        device: Any = None,
        channels: int | None = None,
        dtype: str | None = None,
        latency: Any = None,
        callback: Any = None,
        finished_callback: Any = None,
        **_: Any,
    ) -> None:
        if samplerate not in (None, 48_000):
            raise PortAudioError("this card has 48 kHz alone")
        self.samplerate = 48_000.0
        self.blocksize = blocksize or DEFAULT_BLOCK
        self.channels = channels or 1
        self.dtype = dtype or "float32"
        self.latency = self.blocksize / self.samplerate
        self.active = self.closed = False
        self._callback = callback
        self._finished = finished_callback
        self._block_ns = self.blocksize * SECOND // 48_000
        self._thread: threading.Thread | None = None
        self._stopping = False

    @property
    def stopped(self) -> bool:
        return not self.active

    @property
    def time(self) -> float:
        return time.monotonic()

    def start(self) -> None:
        self.active = True
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sound card", daemon=True)
        self._thread.start()

    def stop(self, ignore_errors: bool = True) -> None:
        self._stopping = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None
        self.active = False

    abort = stop

    def close(self, ignore_errors: bool = True) -> None:
        self.stop()
        self.closed = True

    def __enter__(self) -> Any:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._loop()
        except (CallbackStop, CallbackAbort):
            pass
        finally:
            self.active = False
            if self._finished is not None:
                self._finished()

    def _loop(self) -> None:
        raise NotImplementedError

    def _to_device(self, block: np.ndarray) -> np.ndarray:
        scale = {"int16": 32768.0, "int32": 2147483648.0}.get(str(np.dtype(self.dtype)), 1.0)
        return block.astype(np.float32) / np.float32(scale)

    def _from_device(self, block: np.ndarray) -> np.ndarray:
        if np.dtype(self.dtype) == np.int16:
            return np.round(block * 32767).astype(np.int16)
        return block.astype(self.dtype)


def _status(**flags: bool) -> Any:
    names = ("input_overflow", "input_underflow", "output_underflow", "output_overflow")
    return SimpleNamespace(**{name: flags.get(name, False) for name in names})


class InputStream(_Stream):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self._callback is None:
            raise PortAudioError("this card calls back")
        import soundfile

        audio, rate = soundfile.read(os.environ["LOA_BENCH_MICROPHONE"], dtype="float32")
        assert rate == 48_000 and audio.ndim == 1
        self._audio = audio

    def _loop(self) -> None:
        start = time.monotonic_ns()
        with open(os.environ["LOA_BENCH_STARTED"], "w", encoding="ascii") as file:
            file.write(str(start))
        number = 0
        while not self._stopping:
            end = (number + 1) * self.blocksize
            _sleep_until(start + end * SECOND // 48_000)
            block = np.zeros((self.blocksize, self.channels), dtype=np.float32)
            piece = self._audio[end - self.blocksize : end]
            block[: len(piece)] = piece[:, None]
            times = SimpleNamespace(
                inputBufferAdcTime=start / SECOND + (end - self.blocksize) / 48_000,
                currentTime=time.monotonic(),
                outputBufferDacTime=0.0,
            )
            data = self._from_device(block)
            self._callback(data.tobytes() if self.raw else data, self.blocksize, times, _status())
            number += 1


class OutputStream(_Stream):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self._callback is None:
            raise PortAudioError("this card calls back")

    def _loop(self) -> None:
        with open(os.environ["LOA_BENCH_HEARD"], "ab") as heard:
            due = time.monotonic_ns() + self._block_ns
            late = False
            while not self._stopping:
                _sleep_until(due - self._block_ns)
                block = np.zeros((self.blocksize, self.channels), dtype=self.dtype)
                times = SimpleNamespace(
                    inputBufferAdcTime=0.0,
                    currentTime=time.monotonic(),
                    outputBufferDacTime=due / SECOND,
                )
                out: Any = bytearray(block.tobytes()) if self.raw else block
                self._callback(out, self.blocksize, times, _status(output_underflow=late))
                if self.raw:
                    block = np.frombuffer(bytes(out), dtype=self.dtype).reshape(block.shape)
                now = time.monotonic_ns()
                late = now > due
                due = max(due, now)
                heard.write(struct.pack("<qq", due, self.blocksize))
                heard.write(np.ascontiguousarray(self._to_device(block[:, 0])).tobytes())
                heard.flush()
                due += self._block_ns


class RawInputStream(InputStream):
    raw = True


class RawOutputStream(OutputStream):
    raw = True
