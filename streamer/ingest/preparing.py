"""The process that prepares one file: ``python -m loa.streamer.ingest.preparing '{…}'``.

A process of its own, because what it opens comes from outside: if a hostile file takes a decoder
down or eats memory or time, that is the end of this process and of nothing else. It prints lines
of JSON: ``{"progress": 0 … 1}`` now and then, at last the report, or why the file cannot be used.
It ends when its standard input does: with the server, however that ended.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import json
import math
import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

MEMORY = 2 * 1024**3
"""Bytes of address space; libraries alone map about half a gigabyte."""
DATA = 1024**3
"""Bytes of it that may be its own: heap, maps, and the stacks of as many threads as cores."""
TELL_EVERY = 0.25
"""Seconds between two lines of progress."""
LOOK_EVERY = 2.0
"""Seconds between two looks at how full the disk is."""


def limit(seconds: float) -> None:
    """Take little of the machine: memory and time bounded, behind everything that is on air."""
    cpu = math.ceil(seconds)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_DATA, DATA),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))
    with contextlib.suppress(OSError):
        os.nice(10)


def end_with_the_server() -> None:
    """Be gone when whoever started this is: nobody would take what comes of it."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def teller(folder: Path, reserve: int) -> Callable[[float], None]:
    """Return what prints progress; it raises ``OSError`` when the disk's reserve is reached."""
    told = looked = time.monotonic()

    def tell(part: float) -> None:
        nonlocal told, looked
        now = time.monotonic()
        if now - looked >= LOOK_EVERY:
            looked = now
            if shutil.disk_usage(folder).free < reserve:
                raise OSError(errno.ENOSPC, "the disk's reserve is reached")
        if now - told >= TELL_EVERY:
            told = now
            say({"progress": round(part, 3)})

    return tell


def say(line: dict[str, Any]) -> None:
    """Print one line, at once."""
    print(json.dumps(line), flush=True)


def finite(value: Any) -> Any:
    """Return a document with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def main(wish: dict[str, Any]) -> int:
    """Prepare ``wish["source"]`` as ``wish["out"]``; print what came of it."""
    out = Path(wish["out"])
    limit(wish["seconds"])
    end_with_the_server()
    from loa.codecs.bulletin import prepare
    from loa.codecs.errors import CodecError
    from loa.codecs.media import MediaError

    try:
        report = prepare(
            wish["source"],
            out,
            target_lufs=wish["target_lufs"],
            bitrate=wish["bitrate"],
            complexity=wish["complexity"],
            progress=teller(out.parent, wish["reserve"]),
        )
        with out.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except MediaError as error:
        say({"error": str(error), "code": error.code, "values": error.values})
        return 1
    except MemoryError:
        say({"error": "it needs too much memory", "code": "memory"})
        return 1
    except OSError as error:
        code = "disk" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "broke"
        say({"error": str(error), "code": code})
        return 1
    except CodecError as error:
        say({"error": str(error), "code": "unreadable"})
        return 1
    said = asdict(report)
    peaks = base64.b64encode(said.pop("peaks")).decode()
    said["target_lufs"] = wish["target_lufs"]
    said["notes"] = report.notes
    say({"report": finite(said), "sha256": sha256, "peaks": peaks})
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
