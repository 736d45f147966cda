"""``python -m loa.receivers run``: the box without the command line's packages."""

from __future__ import annotations

import os
import sys
from pathlib import Path

# One block of sound at a time is no work for a pool of threads, nor for an arena for each.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main(words: list[str]) -> int:
    """Run or silence the box; return the exit status."""
    from loa.receivers.running import main as run
    from loa.receivers.running import silence

    match words:
        case [("run" | "silence") as what]:
            file = None
        case [("run" | "silence") as what, "--config", path]:
            file = Path(path)
        case _:
            print("usage: python -m loa.receivers run|silence [--config FILE]", file=sys.stderr)
            return 2
    return run(file) if what == "run" else silence(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
