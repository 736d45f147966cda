"""Python stands still, the stream does not: the server's GIL is held for half a second, thrice.

The holder sleeps inside a C call that keeps the GIL, as a C extension that misbehaves would. What
counts is pages: one that waited for Python would be hundreds of ms late.
"""

from __future__ import annotations

import time

from benchmarks.crowd import wrong
from benchmarks.load import Listeners
from benchmarks.rows import Row
from benchmarks.server import LOW, LoaServer

LISTENERS = 1000
HOLD = 0.5
TIMES = 3
LATE_MS = 100.0


def run(quick: bool) -> list[Row]:
    with (
        LoaServer() as server,
        Listeners(server.address(server.FILE, LOW), late_ms=LATE_MS) as crowd,
    ):
        crowd.open_all(LISTENERS)
        time.sleep(1)
        before = server.stats()
        crowd.tell("measure 4")
        held = 0.0
        for _ in range(TIMES):
            time.sleep(0.4)
            held += server.ask(f"hold {HOLD}", 10)["held"]
        report = crowd.answer(20)
        after = server.stats()
    if held < TIMES * HOLD:
        raise RuntimeError(f"the GIL was held for {held:.2f} s only")
    note = f"{report['pages']} pages, max {report['delay_max_ms']:.0f} ms, GIL held {held:.2f} s"
    ticks = after["ticks_late"] - before["ticks_late"]
    return [
        Row(f"pages more than {LATE_MS:.0f} ms late", report["late"], "", 0, note=note),
        Row("pages missing, twice or wrong", wrong(report), "", 0),
        Row("ticks more than 20 ms late", ticks, ""),
    ]
