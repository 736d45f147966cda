"""What a benchmark asks a process with an engine in it: a thread that answers lines of input.

``clock``: a tick and its deadline · ``stats``: the engine's counters · ``hold SECONDS``: keep the
GIL, as a C extension that misbehaves would, then say how long it took. Each answer is a line of
JSON. The thread sleeps in ``read`` otherwise and so disturbs nothing.
"""

from __future__ import annotations

import ctypes
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from loa.native.engine import Engine


def hold_gil(seconds: float) -> float:
    """Sleep without releasing the GIL; return the seconds that it took."""
    before = time.monotonic()
    ctypes.PyDLL(None).usleep(ctypes.c_uint(int(seconds * 1e6)))
    return time.monotonic() - before


def answer(engine: Engine, words: list[str]) -> dict[str, Any]:
    match words:
        case ["clock"]:
            tick = engine.tick
            return {"tick": tick, "deadline": round(engine.deadline(tick) * 1e9)}
        case ["stats"]:
            return dict(engine.stats())
        case ["hold", seconds]:
            return {"held": hold_gil(float(seconds))}
    return {"error": "what?"}


def start(engine: Callable[[], Engine]) -> threading.Event:
    """Answer standard input from a thread of its own; the event is set when the input ends."""
    over = threading.Event()

    def run() -> None:
        for line in sys.stdin:
            print(json.dumps(answer(engine(), line.split())), flush=True)
        over.set()

    threading.Thread(target=run, name="benchmark-control", daemon=True).start()
    return over
