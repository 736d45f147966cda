"""What a studio sends: a microphone, or files of any kind one behind the other, in frames of 20 ms.

Runs on the studio's machine: PortAudio and FFmpeg are imported only when they are used.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from loa.codecs import media
from loa.codecs.errors import CodecError

Samples = npt.NDArray[np.float32]

RATE = 48_000
FRAME = 960
_SECONDS = FRAME / RATE
_KEPT = 25
_LATE = 0.5


class CaptureError(Exception):
    """There is no sound to be had; the message says why and what to do."""


class Input(Protocol):
    """Where frames come from."""

    live: bool
    """Time does not wait: what is not taken in time is lost."""
    dropped: int
    """Frames lost because nobody took them in time."""
    title: str
    """What is playing, for display."""

    async def frame(self) -> tuple[Samples, int] | None:
        """Wait for the next 960 samples and when they were captured (µs, monotonic); None: end.

        Raises ``CaptureError``.
        """

    async def close(self) -> None:
        """Give the device or files back."""


def _portaudio() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise CaptureError("sounddevice is not installed: pip install 'loa[receiver]'") from None
    except OSError:
        raise CaptureError(
            "PortAudio is not installed (Debian: apt-get install libportaudio2)"
        ) from None
    return sounddevice


def microphones() -> list[str]:
    """Return the input devices' names; raises ``CaptureError`` without PortAudio."""
    return [
        f"{device['index']}: {device['name']}"
        for device in _portaudio().query_devices()
        if device["max_input_channels"] > 0
    ]


class Microphone:
    """A device of PortAudio, by its number or a part of its name; None is the default one.

    Made on the loop, which it keeps. Frames that wait longer than 0.5 s are dropped, oldest first.
    """

    live = True
    title = ""

    def __init__(self, device: str | None = None) -> None:
        sounddevice = _portaudio()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Samples, int]] = deque()
        self._arrived = asyncio.Event()
        self._closed = False
        self._ended = False
        self.dropped = 0
        chosen: int | str | None = int(device) if device and device.isdigit() else device
        try:
            self._stream = sounddevice.InputStream(
                samplerate=RATE,
                blocksize=FRAME,
                device=chosen,
                channels=1,
                dtype="float32",
                latency="low",
                callback=self._captured,
                finished_callback=self._finished,
            )
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise CaptureError(
                f"the microphone cannot be opened: {error}; "
                "loa live --list-devices shows which there are"
            ) from None

    # PortAudio's thread calls these two.

    def _captured(self, data: Any, frames: int, times: Any, status: Any) -> None:
        now = time.monotonic_ns() // 1000
        age = times.currentTime - times.inputBufferAdcTime
        captured = now - round(min(max(age, 0.0), 1.0) * 1e6)
        if status.input_overflow:
            # PortAudio lost samples before we saw them: nobody knows how many, a frame at least.
            self.dropped += 1
        if len(self._waiting) >= _KEPT:
            with contextlib.suppress(IndexError):
                self._waiting.popleft()
            self.dropped += 1
        self._waiting.append((data[:, 0].copy(), captured))
        self._wake()

    def _finished(self) -> None:
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has gone first
            self._loop.call_soon_threadsafe(self._arrived.set)

    async def frame(self) -> tuple[Samples, int] | None:
        """See ``Input``."""
        while True:
            with contextlib.suppress(IndexError):
                return self._waiting.popleft()
            if self._closed:
                return None
            if self._ended:
                raise CaptureError("the microphone is gone")
            self._arrived.clear()
            if not self._waiting and not self._ended:
                await self._arrived.wait()

    async def close(self) -> None:
        """See ``Input``."""
        self._closed = True
        # Closing waits for the device's last block.
        await self._loop.run_in_executor(None, self._stream.close)
        self._arrived.set()


class Files:
    """Files in a row, each decoded as it plays, one frame every 20 ms on absolute deadlines.

    When nobody asks for frames (the link is down) it waits, and goes on from there. Raises
    ``CaptureError`` at once when a file cannot be read.
    """

    live = False

    def __init__(self, paths: Sequence[Path]) -> None:
        for path in paths:
            if not path.is_file():
                raise CaptureError(f"there is no file {path}")
        self._paths = list(paths)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "decode file")
        self._blocks = self._decoded()
        self._next = self._ask()
        self._rest = np.zeros(0, dtype=np.float32)
        self._due: float | None = None
        self._done = False
        self._closed = False
        self.title = ""
        self.dropped = 0

    def _decoded(self) -> Generator[tuple[str, Samples], None, None]:
        for path in self._paths:
            try:
                with media.decode(path) as decoder:
                    for block in decoder:
                        yield path.stem, block
            except CodecError as error:
                raise CaptureError(str(error)) from None

    def _ask(self) -> asyncio.Future[tuple[str, Samples] | None]:
        """Decode the next block ahead of time, always in the same thread."""
        return self._loop.run_in_executor(self._thread, next, self._blocks, None)

    async def frame(self) -> tuple[Samples, int] | None:
        """See ``Input``."""
        while len(self._rest) < FRAME and not self._done:
            block = await self._next
            if block is None or self._done:  # the end, or it was closed meanwhile
                self._done = True
                break
            self._next = self._ask()
            self.title = block[0]
            self._rest = np.concatenate([self._rest, block[1]])
        if not len(self._rest):
            return None
        frame = self._rest[:FRAME]
        self._rest = self._rest[FRAME:]
        if len(frame) < FRAME:
            frame = np.concatenate([frame, np.zeros(FRAME - len(frame), dtype=np.float32)])
        now = self._loop.time()
        if self._due is None or now - self._due > _LATE:
            self._due = now
        await asyncio.sleep(max(0.0, self._due - now))
        self._due += _SECONDS
        return np.ascontiguousarray(frame), time.monotonic_ns() // 1000

    async def close(self) -> None:
        """See ``Input``."""
        self._done = True
        if self._closed:
            return
        self._closed = True
        # It may have been cancelled, with whoever waited for it.
        await asyncio.wait({self._next})
        if not self._next.cancelled():
            self._next.exception()
        # In its own thread, behind a block that is still being decoded.
        await self._loop.run_in_executor(self._thread, self._blocks.close)
        await self._loop.run_in_executor(None, self._thread.shutdown)
