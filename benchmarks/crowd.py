"""Thousands of listeners of one mount of ``loa serve``, and all of them coming back at once.

Server and listeners' program are two processes on the same cores. Delays are of every page that
every listener got: from the moment its last tick was due, to the return of the ``recv`` that
completed it, the listeners' program's own queue included. Cores are the CPU of the whole server.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.load import Listeners, need_descriptors
from benchmarks.rows import Row
from benchmarks.server import CADENCE, LOW, THRIFTY, Host, LoaServer

MANY, SOME, OTHERS = 10_000, 3_000, 500
SPARE = 200
P99_MS = 20.0
BACK_WITHIN = 5.0


def wrong(report: dict[str, Any]) -> int:
    """Count what was wrong with the pages of a report."""
    kinds = ("gaps", "repeats", "sequence_errors", "crc_wrong", "garbage", "lost")
    return sum(int(report[kind]) for kind in kinds)


def _note(server: Host, report: dict[str, Any], fanout: float) -> str:
    return (
        f"p50 {report['delay_p50_ms']:.1f} ms, max {report['delay_max_ms']:.0f} ms, "
        f"{report['pages'] / report['seconds']:.0f} pages/s, fan-out {fanout:.2f} core, "
        f"load {report['own_cpu_s'] / report['seconds']:.2f} core"
    )


def steady(server: LoaServer, count: int, cadence: int, seconds: float) -> list[Row]:
    """Measure so many listeners who stay."""
    need_descriptors(count + SPARE)
    what = f"{count} {CADENCE[cadence]}"
    with Listeners(server.address(server.FILE, cadence)) as crowd:
        crowd.open_all(count, in_flight=1000)
        time.sleep(2)
        cpu, fanout = server.cpu(), server.fanout_cpu()
        report = crowd.measure(seconds)
        cpu, fanout = server.cpu() - cpu, server.fanout_cpu() - fanout
        crowd.leave()
    note = _note(server, report, fanout / report["seconds"])
    cores = Row(
        f"{what}: our whole process",
        cpu / report["seconds"],
        "core",
        0.4 if count == MANY else None,
        note=f"{server.memory():.0f} MB",
    )
    return [
        Row(f"{what}: pages missing, twice or wrong", wrong(report), "", 0),
        Row(
            f"{what}: freshest page, p99",
            report["delay_p99_ms"],
            "ms",
            P99_MS,
            slack=report["timer_p99_ms"],
            note=note,
        ),
        cores,
    ]


def back_at_once(server: LoaServer) -> list[Row]:
    """Break all connections of the crowd at the same moment, and let all come back at once."""
    need_descriptors(MANY + OTHERS + SPARE)
    thrifty, low = server.address(server.FILE, THRIFTY), server.address(server.FILE, LOW)
    with Listeners(thrifty) as crowd, Listeners(low) as others:
        others.open_all(OTHERS)
        crowd.open_all(MANY, in_flight=1000)
        time.sleep(2)
        others.tell("measure 6")
        crowd.leave()
        time.sleep(0.5)
        back = crowd.open(MANY, in_flight=MANY, seconds=20)
        disturbed = others.answer(30)
    what = f"{MANY} back at once"
    note = (
        f"{back['joins_a_second']:.0f} a second, each after {back['hear_p50_ms']:.0f} ms p50; "
        f"{back['failed'] + back['refused'] + back['lost']} had to try again"
    )
    late = back["seconds"] if back["hearing"] >= MANY else float("inf")
    return [
        Row(f"{what}: all hear", late, "s", BACK_WITHIN, note=note),
        Row(f"{what}: {OTHERS} others' pages missing or wrong", wrong(disturbed), "", 0),
        Row(
            f"{what}: {OTHERS} others' pages, p99",
            disturbed["delay_p99_ms"],
            "ms",
            P99_MS,
            slack=disturbed["timer_p99_ms"],
            note=f"max {disturbed['delay_max_ms']:.0f} ms",
        ),
    ]


def run_thrifty(quick: bool) -> list[Row]:
    with LoaServer() as server:
        return steady(server, MANY, THRIFTY, 8.0 if quick else 20.0)


def run_low(quick: bool) -> list[Row]:
    with LoaServer() as server:
        return steady(server, SOME, LOW, 8.0 if quick else 20.0)


def run_return(quick: bool) -> list[Row]:
    with LoaServer() as server:
        return back_at_once(server)
