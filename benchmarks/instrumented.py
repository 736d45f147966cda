"""``python -m benchmarks.instrumented serve …``: the command ``loa``, whose engine can be asked.

Nothing of the server is replaced: the engine that it makes is remembered, and a thread answers
questions about it on standard input (``benchmarks.control``).
"""

from __future__ import annotations

import functools
import os
import signal
import threading
from typing import Any

from benchmarks import control
from loa.native import engine as native
from loa.streamer.cli import main

made: list[native.Engine] = []


def remember() -> None:
    """Keep every engine that is made from now on."""
    make = native.Engine.__init__

    @functools.wraps(make)
    def init(self: native.Engine, *words: Any, **options: Any) -> None:
        make(self, *words, **options)
        made.append(self)

    native.Engine.__init__ = init  # type: ignore[method-assign]


def end_with_input() -> None:
    """Stop when the benchmark is gone."""
    over = control.start(lambda: made[-1])
    over.wait()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    remember()
    threading.Thread(target=end_with_input, daemon=True).start()
    main()
