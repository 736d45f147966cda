"""A program with little of the machine: ``python -m …limited MEMORY CPU FILE PROGRAM …``.

What voices are is other people's software, given text from outside. Before it becomes the program,
this process takes limits that hold for it: bytes of address space, seconds of CPU, bytes of any
file; and it stands behind everything that is on air.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from collections.abc import Sequence

NOT_STARTED = 127


def main(arguments: Sequence[str]) -> int:
    """Become ``arguments[3:]``; return only when that cannot be started."""
    memory, seconds, size = (int(word) for word in arguments[:3])
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, size),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
    with contextlib.suppress(OSError):
        os.nice(10)
    try:
        os.execv(arguments[3], list(arguments[3:]))
    except OSError as error:
        print(f"{arguments[3]}: {error.strerror}", file=sys.stderr)
        return NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
