"""Prepared audio as clips of the engine, by content: read ahead of airtime, in a thread, kept while
there is room for it.

What is on air or about to be is held (``hold``) and never dropped; of the rest the one that was
needed longest ago goes first. A file that is missing or damaged is told once and stays ``failed``
for a while; nothing else is disturbed by it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from loa.codecs.ogg import read_clip
from loa.native.engine import Clip
from loa.streamer import logs
from loa.streamer.counters import Counters

DEFAULT_ROOM = 256 * 1024 * 1024
FORGET_FAILURE = 60.0
"""Seconds after which a file that could not be read is tried again."""
AT_ONCE = 4

log = logs.get("clips")


@dataclass(slots=True)
class _Kept:
    clip: Clip
    size: int


@dataclass(slots=True)
class Clips:
    """See the module. Belongs to the loop. ``loaded`` is called when one that was asked for came,
    or could not be had.
    """

    folder: Path
    counters: Counters
    room: int = DEFAULT_ROOM
    loaded: Callable[[str], None] | None = None
    monotonic: Callable[[], float] = time.monotonic
    bytes: int = 0
    """What is kept now."""
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    _held: dict[str, int] = field(default_factory=dict)
    _failed: dict[str, tuple[float, str]] = field(default_factory=dict)
    _loading: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    def get(self, audio: str) -> Clip | None:
        """Return a clip that is there; None: ask for it by ``want``."""
        kept = self._kept.get(audio)
        if kept is None:
            return None
        self._kept.move_to_end(audio)
        return kept.clip

    def failure(self, audio: str) -> str | None:
        """Say why this audio cannot be had; None while it may."""
        failed = self._failed.get(audio)
        if failed is None:
            return None
        until, why = failed
        if self.monotonic() < until:
            return why
        del self._failed[audio]
        return None

    def want(self, audios: Iterable[str]) -> None:
        """Have these read, those that are not there yet."""
        for audio in audios:
            if audio in self._kept or audio in self._loading or self.failure(audio):
                continue
            self._loading[audio] = asyncio.get_running_loop().create_task(self._load(audio))

    def hold(self, audios: Iterable[str]) -> None:
        """Say what is on air or about to be: this, and nothing else, is kept whatever happens."""
        self._held = dict.fromkeys(audios, 1)
        self._make_room()

    async def close(self) -> None:
        """Stop reading."""
        loading = list(self._loading.values())
        for task in loading:
            task.cancel()
        await asyncio.gather(*loading, return_exceptions=True)

    async def _load(self, audio: str) -> None:
        try:
            async with self._turn:
                clip, size = await asyncio.to_thread(_read, self.folder / f"{audio}.opus")
            self._kept[audio] = _Kept(clip, size)
            self.bytes += size
            self._make_room(audio)
        except Exception as error:  # whatever a file holds, it disturbs nothing else
            why = error.strerror if isinstance(error, OSError) else str(error)
            self._failed[audio] = (self.monotonic() + FORGET_FAILURE, why or "unreadable")
            self.counters.add("clips.failed")
            log.error("prepared audio cannot be played", audio=audio, why=why)
        finally:
            self._loading.pop(audio, None)
        if self.loaded is not None:
            self.loaded(audio)

    def _make_room(self, newest: str = "") -> None:
        if self.bytes <= self.room:
            return
        for audio in list(self._kept):
            if audio in self._held or audio == newest:
                continue
            self.bytes -= self._kept.pop(audio).size
            self.counters.add("clips.dropped")
            if self.bytes <= self.room:
                return


def _read(path: Path) -> tuple[Clip, int]:
    data, sizes = read_clip(path)
    return Clip(data, sizes), len(data) + 4 * len(sizes)
