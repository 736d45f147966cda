"""A bounded pipe of bytes from the event loop to one decoder thread, with back-pressure.

The loop never blocks: ``feed`` takes what has arrived and says whether to pause the socket. The
thread blocks in ``read`` and always comes back: with bytes, at the end, or because of ``abort``.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class PipeAborted(Exception):
    """The reader is to stop at once; nobody wants what it would still decode."""


class BytePipe:
    """Bytes in order, one writer (the loop) and one reader (a thread; a file object to FFmpeg).

    ``capacity`` is where the writer is asked to pause. What it feeds nevertheless is accepted, so
    at most ``capacity`` and one ``feed`` are held. ``on_space`` is called by the reader's thread,
    once after each ``feed`` that returned False, when half of the capacity is free again.
    """

    def __init__(self, capacity: int, on_space: Callable[[], None]) -> None:
        self._capacity = capacity
        self._on_space = on_space
        self._ready = threading.Condition()
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._closed = False
        self._aborted = False

    @property
    def held(self) -> int:
        """Bytes that wait for the reader."""
        return self._held

    def feed(self, data: bytes) -> bool:
        """Add bytes; False asks to pause until ``on_space``. After the end nothing is added."""
        with self._ready:
            if data and not self._closed and not self._aborted:
                self._pieces.append(data)
                self._held += len(data)
                self._ready.notify()
            self._paused = self._held >= self._capacity
            return not self._paused

    def close(self) -> None:
        """Say that nothing more comes; the reader gets what is held and then the end."""
        with self._ready:
            self._closed = True
            self._ready.notify()

    def abort(self) -> None:
        """Throw away what is held and let ``read`` raise ``PipeAborted`` from now on."""
        with self._ready:
            self._aborted = True
            self._pieces.clear()
            self._held = 0
            self._ready.notify()

    def read(self, size: int = -1) -> bytes:
        """Wait for bytes and return at most ``size`` of them, ``b""`` at the end.

        Raises ``PipeAborted``. A negative size means whatever is there.
        """
        with self._ready:
            while not (self._pieces or self._closed or self._aborted):
                self._ready.wait()
            if self._aborted:
                raise PipeAborted
            data = self._take(size)
            call = self._paused and self._held * 2 <= self._capacity
            if call:
                self._paused = False
        if call:
            self._on_space()
        return data

    def _take(self, size: int) -> bytes:
        if not self._pieces or size == 0:
            return b""
        data = self._pieces.popleft()
        if 0 < size < len(data):
            self._pieces.appendleft(data[size:])
            data = data[:size]
        self._held -= len(data)
        return data
