"""300 different bulletins on 2,000 mounts: what it costs that mounts are many and differ.

The engine alone with the server's own play-out (``engine_host``): 2,000 mounts, each with one
``thrifty`` listener, playing 300 different bulletins of two minutes round and round, so that every
page is built for a handful of listeners. Beside it the same number of listeners hears one bulletin
on one mount, where pages are shared by all: its fan-out threads are "the sends". The difference is
what bulletins and mounts cost. Short alternating turns, medians.
"""

from __future__ import annotations

import time
from statistics import median

from benchmarks.crowd import wrong
from benchmarks.load import Address, Listeners
from benchmarks.rows import Row
from benchmarks.server import THRIFTY, EngineHost

MOUNTS, BULLETINS, SECONDS = 2000, 300, 120.0
ROUNDS = 5


def run(quick: bool) -> list[Row]:
    turn = 2.0 if quick else 5.0
    with EngineHost(MOUNTS, BULLETINS, SECONDS) as many, EngineHost(1, 1, SECONDS) as one:
        everywhere = many.address(0, THRIFTY)
        everywhere = Address(
            everywhere.host, everywhere.port, "/#?cadence=thrifty", everywhere.clock
        )
        with (
            Listeners(everywhere, mounts=MOUNTS) as differing,
            Listeners(one.address(0, THRIFTY)) as sharing,
        ):
            whole, sends, bad = [], [], 0
            for _ in range(ROUNDS):
                differing.open_all(MOUNTS)
                time.sleep(1)
                before = many.cpu()
                report = differing.measure(turn)
                whole.append((many.cpu() - before) / report["seconds"])
                bad += wrong(report)
                differing.leave()
                sharing.open_all(MOUNTS)
                time.sleep(1)
                before = one.fanout_cpu()
                report = sharing.measure(turn)
                sends.append((one.fanout_cpu() - before) / report["seconds"])
                sharing.leave()
        memory = many.memory()
    note = f"{median(whole):.3f} core in all, {median(sends):.3f} for the sends"
    beside = max(0.0, median(whole) - median(sends))
    return [
        Row("CPU beside the sends", 100 * beside, "% of a core", 10, note=note),
        Row("memory", memory, "MB", 200, note=f"{SECONDS:g} s each"),
        Row("pages missing, twice or wrong", bad, "", 0),
    ]
