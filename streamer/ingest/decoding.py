"""From a source's bytes to samples in its session: Ogg Opus on the loop, all else in a thread.

Both ways take bytes without blocking, decode only as far as the session has room, and ask for a
pause when they hold enough: so a source that sends too fast is slowed down by TCP itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt
import structlog

from loa.native.error import NativeError
from loa.streamer.ingest.pipe import BytePipe, PipeAborted
from loa.streamer.ingest.session import Session

log = structlog.get_logger()

Samples = npt.NDArray[np.float32]

RATE = 48_000
CAPACITY = 64 * 1024
"""Bytes that wait for the decoder before the socket is paused: 4 s at 128 kb/s."""
NO_ROOM = "the server cannot take another programme on air"
_SLICE = 1024
_STEPS = 16
_LEAST_WAIT = 0.01
_MOST_WAIT = 0.1


class Speech(Protocol):
    """Says which of the samples are speech."""

    def runs(self, pcm: Samples) -> Iterable[tuple[Samples, bool]]:
        """Cut samples into runs of the same flag; what is no whole frame may be kept back."""

    def rest(self) -> Iterable[tuple[Samples, bool]]:
        """Give what was kept back: nothing more comes."""


class OpusSamples(Protocol):
    """An Ogg Opus stream being decoded: ``codecs.opus.OpusStream``, its errors made ours."""

    @property
    def title(self) -> str | None:
        """What the stream's comments say is being played."""

    def feed(self, data: bytes) -> Iterator[Samples]:
        """Take bytes and yield samples (mono, 48 kHz); to be exhausted before feeding more.

        It decodes while it is iterated, and raises ``Undecodable``.
        """


class Undecodable(Exception):
    """The source sent something that is no audio of the kind it announced; says what."""


class Feeder:
    """Samples on their way to a session: flagged, and kept here until the ring has room."""

    def __init__(self, session: Session, speech: Speech) -> None:
        self._session = session
        self._speech = speech
        self._waiting: deque[tuple[Samples, bool]] = deque()
        self.accepted = 0
        """Samples written so far."""

    def put(self, pcm: Samples) -> None:
        """Add decoded samples."""
        self._waiting.extend(self._speech.runs(pcm))

    def finish(self) -> None:
        """Add what was kept back: nothing more comes."""
        self._waiting.extend(self._speech.rest())

    def push(self) -> float:
        """Write what the session accepts; return seconds after which to try again, 0 when done."""
        while self._waiting:
            pcm, flag = self._waiting[0]
            count = self._session.write(pcm, flag)
            self.accepted += count
            if count < len(pcm):
                self._waiting[0] = (pcm[count:], flag)
                # The ring gives room in real time, so this is when the rest will fit.
                return min(_MOST_WAIT, max(_LEAST_WAIT, (len(pcm) - count) / RATE))
            self._waiting.popleft()
        return 0.0


class Decoding(Protocol):
    """A source's bytes being decoded; all methods belong to the loop."""

    @property
    def accepted(self) -> int:
        """Samples that its session has accepted."""

    @property
    def waiting(self) -> bool:
        """The session is full and the source has to wait; it is not the source that is slow."""

    @property
    def title(self) -> str | None:
        """What the stream itself says is being played."""

    def feed(self, data: bytes) -> bool:
        """Take bytes; False asks to pause the source until ``on_space``."""

    def finish(self) -> None:
        """Say that nothing more comes; ``on_done`` follows when all of it is written."""

    def abort(self) -> None:
        """Stop at once: nothing is written and nothing is called after this returns."""


class OpusDecoding:
    """Ogg Opus, decoded page by page on the loop, in steps too small to hold it up."""

    def __init__(
        self,
        session: Session,
        speech: Speech,
        stream: OpusSamples,
        on_space: Callable[[], None],
        on_done: Callable[[str | None], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._feeder = Feeder(session, speech)
        self._stream = stream
        self._on_space = on_space
        self._on_done = on_done
        self._bytes = bytearray()
        self._blocks: Iterator[Samples] = iter(())
        self._next: asyncio.Handle | None = None
        self._full = False
        self._paused = False
        self._finishing = False
        self._flushed = False
        self._over = False

    @property
    def accepted(self) -> int:
        return self._feeder.accepted

    @property
    def waiting(self) -> bool:
        return self._full

    @property
    def title(self) -> str | None:
        return self._stream.title

    def feed(self, data: bytes) -> bool:
        if self._over or self._finishing:
            return True
        self._bytes += data
        if self._next is None:
            self._work()
        self._paused = len(self._bytes) >= CAPACITY
        return not self._paused

    def finish(self) -> None:
        self._finishing = True
        if self._next is None:
            self._work()

    def abort(self) -> None:
        self._over = True
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _work(self) -> None:
        self._next = None
        if self._over:
            return
        try:
            for _ in range(_STEPS):
                wait = self._feeder.push()
                self._full = wait > 0
                if self._full:
                    self._next = self._loop.call_later(wait, self._work)
                    return
                if not self._step():
                    break
            else:
                self._next = self._loop.call_soon(self._work)
        except Undecodable as error:
            self._done(str(error))
            return
        except NativeError as error:
            self._done(f"{NO_ROOM} ({error})")
            return
        except Exception:
            log.exception("decoding failed")
            self._done("it could not be decoded")
            return
        if self._paused and len(self._bytes) * 2 <= CAPACITY:
            self._paused = False
            self._on_space()

    def _step(self) -> bool:
        """Decode a little; False when there is nothing to do."""
        block = next(self._blocks, None)
        if block is not None:
            self._feeder.put(block)
            return True
        if self._bytes:
            piece = bytes(self._bytes[:_SLICE])
            del self._bytes[:_SLICE]
            self._blocks = self._stream.feed(piece)
            return True
        if self._finishing and not self._flushed:
            self._flushed = True
            self._feeder.finish()
            return True
        if self._finishing:
            self._done(None)
        return False

    def _done(self, error: str | None) -> None:
        if not self._over:
            self._over = True
            self._on_done(error)


class ThreadDecoding:
    """Anything that FFmpeg decodes, in a thread of its own, fed by a bounded pipe.

    ``decode`` gets the pipe and yields samples (mono, 48 kHz); it raises ``Undecodable``.
    """

    def __init__(
        self,
        session: Session,
        speech: Speech,
        decode: Callable[[BytePipe], Iterable[Samples]],
        on_space: Callable[[], None],
        on_done: Callable[[str | None], None],
        name: str = "source",
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._feeder = Feeder(session, speech)
        self._decode = decode
        self._on_space = on_space
        self._on_done = on_done
        self._pipe = BytePipe(CAPACITY, lambda: self._tell(self._space))
        self._stop = threading.Event()
        self._writing = threading.Lock()
        self._full = False
        self._title: str | None = None
        self.thread = threading.Thread(target=self._run, name=f"decode {name}", daemon=True)
        self.thread.start()

    @property
    def accepted(self) -> int:
        return self._feeder.accepted

    @property
    def waiting(self) -> bool:
        return self._full

    @property
    def title(self) -> str | None:
        return self._title

    def feed(self, data: bytes) -> bool:
        return self._pipe.feed(data)

    def finish(self) -> None:
        self._pipe.close()

    def abort(self) -> None:
        # The lock is held for one write into the ring at most.
        with self._writing:
            self._stop.set()
        self._pipe.abort()

    def _run(self) -> None:
        error: str | None = None
        try:
            for pcm in self._decode(self._pipe):
                self._feeder.put(pcm)
                self._write()
            self._feeder.finish()
            self._write()
        except PipeAborted:
            pass
        except Undecodable as problem:
            error = str(problem)
        except NativeError as problem:
            error = f"{NO_ROOM} ({problem})"
        except Exception:
            if not self._stop.is_set():
                log.exception("decoding failed")
                error = "it could not be decoded"
        # Whatever still comes is thrown away, so that the writer never waits for a dead reader.
        self._pipe.abort()
        self._tell(self._done, error)

    def _write(self) -> None:
        """Write everything, waiting for room; raises ``PipeAborted`` when it is to stop."""
        while wait := self._push():
            self._full = True
            self._stop.wait(wait)
        self._full = False

    def _push(self) -> float:
        with self._writing:
            if self._stop.is_set():
                raise PipeAborted
            return self._feeder.push()

    def _tell(self, what: Callable[..., None], *words: object) -> None:
        # The loop may be gone when the server is stopping: then nobody wants to know.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *words)

    def _space(self) -> None:
        if not self._stop.is_set():
            self._on_space()

    def _done(self, error: str | None) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._on_done(error)
