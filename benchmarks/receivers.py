"""Receivers over TLS: what it costs to send 3,000 of them a live stream, and how fresh it is there.

The whole server (``loa serve``, its own certificate, one core's worth of asyncio) with 3,000
receivers of one area at ``thrifty`` over TLS and WebSocket, opened by ``receivers.c`` with the real
handshake; every fifth of a second each is sent a message of ten packets, in ten phases. The area
plays a file of speech that no box has, so everything is streamed. CPU is that of the whole server
process, the engine included; a live programme's encoding has its own row.

Nearly all of it are asyncio's TLS writes, which cost what the machine makes them cost: the same
writes with nothing around them (``tls_floor.py``) are measured right before and after. The server's
bound is the design's 0.35 core, or 1.4 × those, whichever is higher; the note says which.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from benchmarks.load import Clock, Helper, compiled, need_descriptors
from benchmarks.rows import Row
from benchmarks.server import LoaServer
from loa.codecs.control.signing import SigningKey
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.receivers import ReceiverRow

BOXES = 3000
FIRST = 1000
"""The id of the first receiver."""
SECRET = bytes(range(32))
"""The key of all of them: the server looks at each one's own row all the same."""
P99_MS = 40.0
CORE = 0.35
FLOORS = 1.4
MESSAGE = 640
"""Bytes of a message of ten ticks of speech."""
XA, THON = 1, 2


class Boxes(Helper):
    """The load generator, ``receivers.c``; its own comment says what the figures mean."""

    def __init__(
        self, server: LoaServer, *, batch_us: int = 1000, ping: float = 50.0, first: int = FIRST
    ) -> None:
        host, _, port = server.receivers.removeprefix("wss://").rpartition(":")
        clock: Clock = server.clock()
        super().__init__(
            compiled("receivers"), host, port, SECRET.hex(), str(first), "--batch", str(batch_us),
            "--ping", str(ping), "--tick", str(clock.tick), "--deadline", str(clock.deadline_ns),
        )  # fmt: skip

    def open_all(
        self, count: int, *, in_flight: int = 100, seconds: float = 60.0
    ) -> dict[str, Any]:
        """Open boxes; ``RuntimeError`` when not all of them have a session in that time."""
        got = self.ask(f"open {count} {in_flight} {seconds}", seconds + 10)
        if got["sessions"] < count:
            raise RuntimeError(f"of {count} boxes {got['sessions']} have a session: {got}")
        return got

    def measure(self, seconds: float) -> dict[str, Any]:
        """Listen for so long and report."""
        return self.ask(f"measure {seconds}", seconds + 30)


def enrolled(count: int, area: int = THON) -> Any:
    """Return what writes receivers into a data directory, before its server starts."""

    def build(data: Path) -> None:
        asyncio.run(_build(data, count, area))

    return build


async def _build(data: Path, count: int, area: int) -> None:
    now = time.time()
    key = SigningKey(SECRET).public.data
    areas: list[dict[str, Any]] = [
        {"id": XA, "parent_id": None, "name": "Xã", "path": "/xa", "rank": 1},
        {"id": THON, "parent_id": XA, "name": "Thôn", "path": LoaServer.FILE, "rank": 2},
    ]
    store = await Store.open(database_url(None, data))
    try:
        async with store.write() as db:
            await db.execute(
                insert(AreaRow), [a | {"station": False, "created_at": now} for a in areas]
            )
            rows = [
                {
                    "id": FIRST + number, "area_id": area, "name": f"Cụm loa {number}",
                    "state": "enrolled", "key": key, "settings": {}, "created_at": now,
                    "created_by": "benchmark",
                }
                for number in range(count)
            ]  # fmt: skip
            for first in range(0, count, 500):
                await db.execute(insert(ReceiverRow), rows[first : first + 500])
    finally:
        await store.close()


def wrong(report: dict[str, Any]) -> int:
    """Count what must never happen."""
    return sum(int(report[name]) for name in ("gaps", "repeats", "garbage", "lost", "refused"))


def floor() -> float:
    """Return the µs of a bare TLS write."""
    words = [sys.executable, "-m", "benchmarks.tls_floor", str(MESSAGE)]
    said = subprocess.run(words, check=True, capture_output=True, text=True, timeout=120).stdout
    return float(json.loads(said)["us"])


def run_live(quick: bool) -> list[Row]:
    """3,000 receivers hear one mount at ``thrifty``."""
    need_descriptors(BOXES + 500)
    seconds = 10.0 if quick else 20.0
    bare = floor()
    with LoaServer(data=enrolled(BOXES)) as server, Boxes(server) as boxes:
        opened = boxes.open_all(BOXES)
        time.sleep(3)
        cpu = server.cpu()
        report = boxes.measure(seconds)
        used = (server.cpu() - cpu) / report["seconds"]
        memory = server.memory()
    bare = (bare + floor()) / 2
    writes = report["messages"] / report["seconds"]
    allowed = FLOORS * bare * writes / 1e6
    load = report["own_cpu_s"] / report["seconds"]
    what = f"{BOXES} receivers over TLS, thrifty"
    # At both ends of the measurement some messages are still under way.
    expected = round(0.98 * 50 * BOXES * report["seconds"])
    return [
        Row(f"{what}: ticks missing, messages twice or wrong",
            wrong(report) + max(0, expected - report["ticks"]), "", 0,
            note=f"{report['messages']} messages, {report['hearing']} hear"),
        Row(f"{what}: freshest page, p99", report["delay_p99_ms"], "ms", P99_MS,
            slack=report["timer_p99_ms"],
            note=f"p50 {report['delay_p50_ms']:.1f}, max {report['delay_max_ms']:.0f} ms"),
        Row(f"{what}: server", used, "core", CORE, slack=max(0.0, allowed - CORE),
            note=f"{1e6 * used / writes:.1f} µs a message, a bare TLS write {bare:.1f} µs beside "
            f"it; the load {load:.2f} core"),
        Row(f"{what}: memory", memory, "MB", note=f"welcome p50 {opened['welcome_p50_ms']:.0f} ms, "
            f"{BOXES / opened['seconds']:.0f} a second with 100 at a time"),
    ]  # fmt: skip


if __name__ == "__main__":
    for row in run_live("QUICK" in os.environ):
        print(row)
