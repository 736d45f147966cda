"""Files that the server plays: prepared once, kept by their content, read as clips.

A file is measured, levelled, limited and encoded in a process of its own (``preparing.py``) and
kept in the data directory under the SHA-256 of its content and of how it was prepared. After that,
playing it costs no encoding, and a restart prepares nothing again.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from loa.codecs.errors import CodecError
from loa.codecs.ogg import read_clip
from loa.native.engine import Clip
from loa.native.error import NativeError
from loa.streamer.counters import Counters
from loa.streamer.ingest.apart import TIME_LIMIT, Preparation, Unusable, key_of, prepare_apart

AT_ONCE = 1

log = structlog.get_logger(__name__)


class FileUnusable(Exception):
    """This file cannot be played; the text says why."""


class Library:
    """Prepared files below ``folder``. Belongs to one event loop."""

    def __init__(
        self,
        folder: Path,
        counters: Counters,
        how: Preparation | None = None,
        *,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        self._folder = folder
        self._counters = counters
        self._how = how or Preparation()
        self._time_limit = time_limit
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def clip(self, file: Path) -> Clip:
        """Return a file's packets, preparing it if that was never done. Raises ``FileUnusable``."""
        return (await self.prepared(file))[0]

    async def prepared(self, file: Path) -> tuple[Clip, str]:
        """Return a file's packets, and the name that they are kept under. Raises as ``clip``."""
        try:
            kept = await asyncio.to_thread(self._place, file)
            if not kept.exists():
                async with self._turn:
                    if not kept.exists():  # another may have prepared it meanwhile
                        await self._prepare(file, kept)
            return await asyncio.to_thread(_read, kept), kept.stem
        except FileUnusable as error:
            self._counters.add("files.unusable")
            log.error("a file cannot be played", file=str(file), why=str(error))
            raise
        except OSError as error:
            self._counters.add("files.unusable")
            log.error("a file cannot be played", file=str(file), why=str(error))
            raise FileUnusable(f"{file}: {error.strerror or error}") from None

    def _place(self, file: Path) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        _, key = key_of(file, self._how)
        return self._folder / f"{key}.opus"

    async def _prepare(self, file: Path, kept: Path) -> None:
        log.info("preparing a file", file=str(file))
        try:
            done = await prepare_apart(file, kept, self._how, time_limit=self._time_limit)
        except Unusable as error:
            raise FileUnusable(f"{file}: {error}") from None
        self._counters.add("files.prepared")
        log.info(
            "a file is prepared",
            file=str(file), seconds=done.report["seconds"], reached=done.report["reached"],
            notes=done.report["notes"],
        )  # fmt: skip


def _read(kept: Path) -> Clip:
    try:
        return Clip(*read_clip(kept))
    except (CodecError, NativeError) as error:
        kept.unlink(missing_ok=True)  # damaged on disk: the next start prepares it again
        raise FileUnusable(f"{kept} is damaged and was removed ({error})") from None
