"""200 calls of the API a second on a province's database, beside 2,000 listeners.

The whole server with the database of ``province.py``; the listeners are on one of its mounts. What
counts is that no page is late because of the API, at either cadence: the engine does not wait for
Python, and here is the proof under a load that a province does not have. At ``low`` the listeners'
program, the fan-out and those who call fill both cores by themselves, so that calls queue and how
long they take is only shown; at ``thrifty``, which is what boxes use, it is judged for those that
read. Twenty a second write, one after the other, each flushed to the disk: these queue first.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from benchmarks import province
from benchmarks.crowd import wrong
from benchmarks.load import Helper, Listeners
from benchmarks.rows import Row
from benchmarks.server import CADENCE, LOW, THRIFTY, LoaServer

LISTENERS = 2000
RATE = 200.0
LATE_MS = 100.0
P99_MS = 2000.0
"""What an office would still wait for, at ten times the calls that a province makes."""


def run(quick: bool) -> list[Row]:
    seconds = 5.0 if quick else 20.0
    built: list[province.Province] = []
    rows: list[Row] = []
    with LoaServer(data=lambda data: built.append(province.build(data))) as server:
        words = (sys.executable, "-m", "benchmarks.api_client", server.url, built[0].token)
        with Helper(*words, str(RATE)) as offices:
            offices.tell(json.dumps(asdict(built[0])))
            offices.ask("measure 2", 60)
            for cadence in (THRIFTY, LOW):
                rows += beside(server, offices, cadence, seconds)
    return rows


def beside(server: LoaServer, offices: Helper, cadence: int, seconds: float) -> list[Row]:
    """Call and listen at the same time."""
    with Listeners(server.address(server.FILE, cadence), late_ms=LATE_MS) as crowd:
        crowd.open_all(LISTENERS)
        cpu = server.cpu()
        crowd.tell(f"measure {seconds}")
        calls = offices.ask(f"measure {seconds}", seconds + 60)
        heard = crowd.answer(seconds + 30)
        cpu, memory = server.cpu() - cpu, server.memory()
    if calls["failures"]:
        raise RuntimeError(f"calls failed: {calls['failures']}")
    what = CADENCE[cadence]
    kinds = ", ".join(f"{kind} {ms:.1f}" for kind, ms in calls["kinds"].items())
    return [
        Row(f"{what}: pages more than {LATE_MS:.0f} ms late", heard["late"], "", 0,
            note=f"{heard['pages']} pages, p99 {heard['delay_p99_ms']:.1f} ms"),
        Row(f"{what}: pages missing, twice or wrong", wrong(heard), "", 0),
        Row(f"{what}: calls answered", calls["calls"] / seconds, "a second", RATE * 0.99,
            at_least=True,
            note=f"{cpu / seconds:.2f} core, listeners included; {memory:.0f} MB"),
        Row(f"{what}: a call that reads, p99", calls["read_p99_ms"], "ms",
            P99_MS if cadence == THRIFTY else None,
            slack=heard["timer_p99_ms"], note=f"p50 in ms: {kinds}"),
        Row(f"{what}: a call that writes, p99", calls["write_p99_ms"], "ms"),
    ]  # fmt: skip
