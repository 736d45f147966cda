"""What sending costs: CPU per page and listener, against a bare loop and against Icecast.

Ours, the floor and Icecast take short turns, one after the other and each time in another order, on
the same listeners' program, the same page sizes and the same cadence; the medians of CPU time per
page are compared. Ours is the CPU of the fan-out threads of ``loa serve`` (the whole process is
shown beside); the floor and Icecast are whole processes. Icecast's listeners stay connected all
the time, since it takes only some hundred new ones a second; its source pauses in between.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.icecast import Feeder, Icecast
from benchmarks.load import Floor, Listeners, cpu_seconds
from benchmarks.rows import Missing, Row, ratio, skipped
from benchmarks.server import LOW, THRIFTY, LoaServer, per_page
from benchmarks.tap import packet_sizes

ROUNDS = 5
SETTLE = 0.5
COUNT = {LOW: 1000, THRIFTY: 2000}
ICECAST_BOUND = {LOW: 0.95, THRIFTY: 1.0}
FLOOR_BOUND = 1.15
NEAR_FLOOR = 1.05
"""Where Icecast is nearly as cheap as the bare loop, the bound against it is this much above the
loop: nearly all of the cost is the kernel's, and a gate that cries wolf is removed."""
ICECAST_RATE = 300.0
"""New listeners a second: it listens with a backlog of 5, and a SYN that finds it full costs a
second."""


@dataclass(slots=True)
class Series:
    """Turns of one candidate: CPU µs per page, and what the listeners found wrong."""

    costs: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    gaps: int = 0

    def add(self, cost: float, report: dict[str, Any]) -> None:
        self.costs.append(cost)
        self.gaps += report["gaps"]


def _turn(listeners: Listeners, cpu: Callable[[], float], seconds: float, series: Series) -> None:
    time.sleep(SETTLE)
    before = cpu()
    report = listeners.measure(seconds)
    series.add(per_page(cpu() - before, report), report)


def cadence_rows(server: LoaServer, cadence: int, word: str, quick: bool) -> list[Row]:
    """Measure one cadence."""
    count, seconds = COUNT[cadence], 1.5 if quick else 3.0
    address = server.address(server.FILE, cadence)
    ours, floor, icecast = Series(), Series(), Series()
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loa-bench-")))
        packet_sizes(address, 500, home / "sizes")
        bare = stack.enter_context(Floor(cadence, home / "sizes"))
        for_ours = stack.enter_context(Listeners(address))
        for_floor = stack.enter_context(Listeners(bare.address))

        def our_turn() -> None:
            for_ours.open_all(count)
            before = server.cpu()
            _turn(for_ours, server.fanout_cpu, seconds, ours)
            took = (seconds + SETTLE) / seconds
            ours.whole.append((server.cpu() - before) / took)
            for_ours.leave()

        def floor_turn() -> None:
            for_floor.open_all(count)
            _turn(for_floor, lambda: cpu_seconds(bare.pid), seconds, floor)
            for_floor.leave()

        turns = [our_turn, floor_turn]
        missing = ""
        try:
            peer = stack.enter_context(Icecast())
        except Missing as error:
            missing = str(error)
        else:
            feeder = stack.enter_context(Feeder(address, peer))
            for_icecast = stack.enter_context(Listeners(peer.address))
            for_icecast.open_all(count, seconds=90, rate=ICECAST_RATE)

            def icecast_turn() -> None:
                feeder.resume()
                _turn(for_icecast, lambda: cpu_seconds(peer.pid), seconds, icecast)
                feeder.pause()

            feeder.pause()
            turns.append(icecast_turn)
        for number in range(ROUNDS):
            for turn in turns[number % len(turns) :] + turns[: number % len(turns)]:
                turn()
    what = f"{word} page"
    note = f"{median(ours.costs):.2f} µs to {median(floor.costs):.2f} µs, {count} listeners"
    rows = [
        Row(f"{what}, CPU ours ÷ bare send loop", ratio(ours.costs, floor.costs), "", FLOOR_BOUND,
            note=note),
    ]  # fmt: skip
    against = Row(f"{what}, CPU ours ÷ Icecast", 0, "", ICECAST_BOUND[cadence])
    if missing:
        rows.append(skipped(against.what, missing, against))
    else:
        note = f"{median(ours.costs):.2f} µs to {median(icecast.costs):.2f} µs"
        value = ratio(ours.costs, icecast.costs)
        bound = max(ICECAST_BOUND[cadence], NEAR_FLOOR * ratio(floor.costs, icecast.costs))
        rows.append(Row(against.what, value, "", round(bound, 3), note=note))
    pages = count * seconds * 50 / cadence
    rows.append(Row(f"{what}, CPU of our whole process", 1e6 * median(ours.whole) / pages, "µs"))
    return rows


def run_low(quick: bool) -> list[Row]:
    with LoaServer() as server:
        return cadence_rows(server, LOW, "low", quick)


def run_thrifty(quick: bool) -> list[Row]:
    with LoaServer() as server:
        return cadence_rows(server, THRIFTY, "thrifty", quick)
