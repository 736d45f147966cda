"""Files that the server plays: prepared once, kept by their content, read as clips.

A file is measured, levelled, limited and encoded in a process of its own (``preparing.py``) and
kept in the data directory under the SHA-256 of its content and of how it was prepared. After that,
playing it costs no encoding, and a restart prepares nothing again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from loa.codecs.errors import CodecError
from loa.codecs.ogg import read_clip
from loa.native.engine import Clip
from loa.native.error import NativeError
from loa.streamer.counters import Counters

VERSION = 1
"""Raise it when files must be prepared anew."""
AT_ONCE = 1
TIME_LIMIT = 3600.0

log = structlog.get_logger(__name__)


class FileUnusable(Exception):
    """This file cannot be played; the text says why."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """How files are prepared; part of the name they are kept under."""

    target_lufs: float = -16.0
    bitrate: int = 24_000
    complexity: int = 10


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
        try:
            kept = await asyncio.to_thread(self._place, file)
            if not kept.exists():
                async with self._turn:
                    if not kept.exists():  # another may have prepared it meanwhile
                        await self._prepare(file, kept)
            return await asyncio.to_thread(_read, kept)
        except FileUnusable as error:
            self._counters.add("files.unusable")
            log.error("a file cannot be played", file=str(file), why=str(error))
            raise
        except OSError as error:
            self._counters.add("files.unusable")
            log.error("a file cannot be played", file=str(file), why=str(error))
            raise FileUnusable(f"{file}: {error.strerror or error}") from None

    def _place(self, file: Path) -> Path:
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").hexdigest()
        words = json.dumps([VERSION, content, asdict(self._how)])
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{hashlib.sha256(words.encode()).hexdigest()}.opus"

    async def _prepare(self, file: Path, kept: Path) -> None:
        log.info("preparing a file", file=str(file))
        wish = {"source": os.fspath(file), "out": os.fspath(kept), **asdict(self._how)}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "loa.streamer.ingest.preparing", json.dumps(wish),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._time_limit):
                said, _ = await process.communicate()
        except TimeoutError:
            raise FileUnusable(f"{file}: not prepared within {self._time_limit:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        answer = _answer(said)
        if "report" not in answer:
            why = answer.get("error", f"the decoder broke (code {process.returncode})")
            raise FileUnusable(f"{file}: {why}")
        report = answer["report"]
        self._counters.add("files.prepared")
        log.info(
            "a file is prepared",
            file=str(file), seconds=report["seconds"], reached=report["reached"],
            notes=report["notes"],
        )  # fmt: skip


def _answer(said: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _read(kept: Path) -> Clip:
    try:
        return Clip(*read_clip(kept))
    except (CodecError, NativeError) as error:
        kept.unlink(missing_ok=True)  # damaged on disk: the next start prepares it again
        raise FileUnusable(f"{kept} is damaged and was removed ({error})") from None
