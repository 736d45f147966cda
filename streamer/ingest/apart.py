"""Preparing a file in a process of its own, ``preparing.py``: started, heard, and ended."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

VERSION = 1
"""Raise it when files must be prepared anew."""
TIME_LIMIT = 3600.0


@dataclass(frozen=True, slots=True)
class Preparation:
    """How files are prepared; part of what says whether that was done before."""

    target_lufs: float = -16.0
    bitrate: int = 24_000
    complexity: int = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """What came of it: the file's SHA-256, ``BulletinReport`` as a document, and the waveform."""

    sha256: str
    report: dict[str, Any]
    peaks: bytes


class Unusable(Exception):
    """The file cannot be used, and why: in English, and as a code with values."""

    def __init__(self, message: str, code: str, values: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.values = values or {}


def key_of(file: Path, how: Preparation) -> tuple[str, str]:
    """Return the SHA-256 of a file's content, and of that with how it is prepared. Blocks."""
    with file.open("rb") as opened:
        content = hashlib.file_digest(opened, "sha256").hexdigest()
    words = json.dumps([VERSION, content, asdict(how)])
    return content, hashlib.sha256(words.encode()).hexdigest()


async def prepare_apart(
    source: Path,
    out: Path,
    how: Preparation,
    *,
    time_limit: float = TIME_LIMIT,
    reserve: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Prepared:
    """Prepare ``source`` as ``out``, which is there whole or not at all. Raises ``Unusable``.

    ``time_limit`` in seconds; ``reserve``: bytes that must stay free on the disk. When this is
    cancelled, the process is ended.
    """
    wish = {
        "source": os.fspath(source), "out": os.fspath(out), "seconds": time_limit,
        "reserve": reserve, **asdict(how),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "loa.streamer.ingest.preparing", json.dumps(wish),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        # A pool of threads for arithmetic on matrices would be memory for nothing.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert process.stdin is not None
    try:
        async with asyncio.timeout(time_limit):
            answer = await _hear(process, progress)
            await process.wait()
    except TimeoutError:
        words = f"not prepared within {time_limit:.0f} s"
        raise Unusable(words, "time", {"minutes": round(time_limit / 60)}) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        process.stdin.close()
        if process.returncode:
            await asyncio.to_thread(_clear, out)
    if "report" not in answer:
        broke = f"the decoder broke (code {process.returncode})"
        code = answer.get("code", "broke")
        raise Unusable(answer.get("error", broke), code, answer.get("values"))
    return Prepared(answer["sha256"], answer["report"], base64.b64decode(answer["peaks"]))


async def _hear(
    process: asyncio.subprocess.Process, progress: Callable[[float], None] | None
) -> dict[str, Any]:
    """Return the last line that is not progress; {} when there is none."""
    assert process.stdout is not None
    answer: dict[str, Any] = {}
    while line := await process.stdout.readline():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if not isinstance(said, dict):
            continue
        if "progress" not in said:
            answer = said
        elif progress is not None:
            progress(float(said["progress"]))
    return answer


def _clear(out: Path) -> None:
    """Remove what a process that was ended left beside its result."""
    for left in out.parent.glob(f".{out.name}.*"):
        with contextlib.suppress(OSError):
            left.unlink()
