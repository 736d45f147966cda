"""The process that prepares one file: ``python -m loa.streamer.ingest.preparing '{…}'``.

A process of its own, because what it opens comes from outside: if a hostile file takes a decoder
down or eats memory or time, that is the end of this process and of nothing else. It prints one
line of JSON: the report, or why the file cannot be used.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from dataclasses import asdict
from typing import Any

MEMORY = 2 * 1024**3
"""Bytes of address space; libraries alone map about half a gigabyte."""


def limit() -> None:
    """Take little of the machine: memory bounded, behind everything that is on air."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with contextlib.suppress(OSError):
        os.nice(10)


def main(wish: dict[str, Any]) -> int:
    """Prepare ``wish["source"]`` as ``wish["out"]``; print what came of it."""
    limit()
    from loa.codecs.bulletin import prepare
    from loa.codecs.errors import CodecError

    try:
        report = prepare(
            wish["source"],
            wish["out"],
            target_lufs=wish["target_lufs"],
            bitrate=wish["bitrate"],
            complexity=wish["complexity"],
        )
    except (CodecError, OSError, MemoryError) as error:
        print(json.dumps({"error": str(error) or type(error).__name__}))
        return 1
    print(json.dumps({"report": asdict(report)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
