"""One process of simulated boxes: ``python -m loa.receivers.fleet.worker``, started by ``crew``.

The first line of standard input is the job; each later one asks, and is answered by a line:
``{"ask": "status"}``, ``{"ask": "onsets", "since": SECONDS}``, ``{"ask": "records"}``. It ends with
its standard input. Times are the machine's monotonic seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from loa.receivers.fleet.box import Shared, SimulatedBox
from loa.receivers.fleet.fate import draw
from loa.receivers.fleet.keeping import Shelf
from loa.receivers.fleet.profile import Profile
from loa.receivers.fleet.roll import place
from loa.receivers.wire import context

DESCRIPTORS = 8
"""A box at most: its connection, an abandoned one, its journal's files."""
SPARE = 200
YOUNG = 100_000
"""Objects after which Python looks for garbage: a thousand boxes are millions that stay, and with
its own 700 it looked through them all a third of the time."""
LONGEST_LINE = 4_000_000


class Worker:
    """The boxes of this process."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        profile = msgspec.convert(job["profile"], Profile)
        root = Path(job["root"])
        shared = Shared(context(), Shelf(root / "shelf"))
        self.seconds_apart: float = job.get("join_seconds", 0.0)
        self.start: float = job["start"]
        self.boxes = []
        for number in job["numbers"]:
            fate = draw(profile, number, job["seconds"])
            self.boxes.append(SimulatedBox(number, place(root, number), profile, fate, shared))
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Switch them all on, the last ``join_seconds`` after the first."""
        for count, box in enumerate(self.boxes):
            self._tasks.append(asyncio.ensure_future(box.run(self.start)))
            await asyncio.sleep(self.seconds_apart / len(self.boxes) if count % 8 else 0.001)

    async def stop(self) -> None:
        """Switch them off."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def answer(self, asked: Mapping[str, Any]) -> Any:
        """Answer a question."""
        what = asked["ask"]
        if what == "status":
            usage = resource.getrusage(resource.RUSAGE_SELF)
            return {
                "boxes": len(self.boxes), "up": sum(box.up for box in self.boxes),
                "cpu": usage.ru_utime + usage.ru_stime, "memory": _memory(),
                "failed": sum(box.life.failed for box in self.boxes),
            }  # fmt: skip
        if what == "onsets":
            return [
                [box.number, o.at, o.play, o.cls, o.emergency, o.tick, o.late]
                for box in self.boxes for o in box.heard.onsets if o.at >= asked["since"]
            ]  # fmt: skip
        if what == "records":
            return [self._record(box) for box in self.boxes]
        raise ValueError(what)

    def _record(self, box: SimulatedBox) -> dict[str, Any]:
        clock = None if box.playing is None else box.playing.clock
        now_local, now = box._clock(), time.monotonic()
        tick = None if clock is None else clock.tick(now_local)
        if box.playing is not None:
            box.playing.settle()
        return {
            "number": box.number,
            "receiver": box.identity.kept.receiver,
            "area": box.identity.kept.area,
            "tick": tick,
            "at": now,
            "on": box.life.on,
            "runs": [[r.first, r.end, r.play, r.late, r.cached, r.made_up] for r in box.heard.runs],
            "dropped": box.heard.dropped,
            "odd": box.heard.odd,
            "late": box.heard.late,
            "very_late": box.heard.very_late,
            "ups": box.life.ups,
            "downs": box.life.downs,
            "mishaps": [asdict(m) for m in box.life.mishaps],
            "failed": box.life.failed,
            "failures": box.life.failures[:5],
            "counters": dict(box.link.counters) if box.link is not None else {},
        }


def _memory() -> float:
    """Resident memory in 10⁶ bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    worker = Worker(json.loads(await reader.readline()))
    need = len(worker.boxes) * DESCRIPTORS + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < need:
        most = need if hard == resource.RLIM_INFINITY else min(need, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 50)
    print(json.dumps({"ready": len(worker.boxes)}), flush=True)
    running = asyncio.ensure_future(worker.run())
    try:
        while line := await reader.readline():
            print(json.dumps(worker.answer(json.loads(line))), flush=True)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await worker.stop()


def run() -> None:
    try:
        import uvloop
    except ModuleNotFoundError:
        asyncio.run(main())
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.get_loop().set_exception_handler(_told_once)
            runner.run(main())


def _told_once(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say what goes wrong outside everything. Of a server that was killed under thousands of TLS
    connections uvloop tells for each; the links find that out, and say it, by themselves."""
    if context.get("message") != "Fatal error on SSL protocol":
        loop.default_exception_handler(context)


if __name__ == "__main__":
    run()
