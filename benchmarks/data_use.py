"""What a receiver costs on its SIM: a live hour, an idle hour, a bulletin played three times.

The whole server and three boxes, each the real program in a process of its own with no sound card,
over TLS on the loopback interface. Bytes are what the kernel says of each box's connection
(``ss -ti``: bytes and segments, both directions) with 52 bytes of IPv4 and TCP headers for every
segment, as a SIM is billed; what was measured in some minutes is scaled to an hour. A segment of
the loopback interface may be larger than one of a mobile network: those of downloads are counted
as if none had more than 1400 bytes.

*Live* is a mount's speech at 24 kb/s and ``thrifty``. *Idle* has heartbeats and nothing else; the
reports of health, every quarter of an hour, are added as they are. The *bulletin* is planned into
three slots of one minute, three minutes from now on; it is to be fetched once, before.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from benchmarks import speech
from benchmarks.receivers import FIRST, SECRET, THON, XA
from benchmarks.rows import Missing, Row
from benchmarks.server import LoaServer
from loa.codecs.control.signing import SigningKey
from loa.codecs.opus import OpusFileWriter
from loa.receivers.identity import BoxIdentity, Kept
from loa.streamer.fleet.identity import ServerIdentity
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow, BulletinTargetRow
from loa.streamer.store.tables.people import AccountRow
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.schedule import EntryRow, SlotRow

LIVE, IDLE, PLAYS = FIRST, FIRST + 1, FIRST + 2
QUIET, STATION = 10, 11
TIMES = 3
BULLETIN_SECONDS = 20.0
HEADERS = 20 + 32
"""IPv4 and TCP with its time stamps."""
SEGMENT = 1400
SETTLE = 20.0
"""Seconds in which a box gets its bearings: it asks for the time, and sends what it has."""
WINDOW = 155.0
"""Three heartbeats."""
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True, slots=True)
class Used:
    """What a connection carried so far."""

    sent: int
    received: int
    segments_out: int
    segments_in: int

    def since(self, before: Used) -> int:
        """Return the bytes since then, both directions and all headers."""
        sent, received = self.sent - before.sent, self.received - before.received
        out = max(self.segments_out - before.segments_out, -(-received // (2 * SEGMENT)))
        come = max(self.segments_in - before.segments_in, -(-received // SEGMENT))
        return sent + received + HEADERS * (out + come)


def used(pid: int) -> Used:
    """Return what the connection of a process carried. ``RuntimeError`` when it has not got one."""
    said = subprocess.run(["ss", "-tinHpO"], check=True, capture_output=True, text=True).stdout
    for line in said.splitlines():
        if f"pid={pid}," in line and line.startswith("ESTAB"):
            found = dict(re.findall(r"(bytes_sent|bytes_received|segs_out|segs_in):(\d+)", line))
            names = ("bytes_sent", "bytes_received", "segs_out", "segs_in")
            return Used(*(int(found.get(name, 0)) for name in names))
    raise RuntimeError(f"process {pid} has no connection")


class Plan:
    """Writes three receivers, and a bulletin with its three slots, before the server starts."""

    def __init__(self) -> None:
        now = datetime.now(ZONE)
        self.first = now.replace(second=0, microsecond=0) + timedelta(minutes=3)
        self.size = 0
        self.server = b""

    def __call__(self, data: Path) -> None:
        self.server = ServerIdentity.load(data, time.time()).key.public.data
        packets, sizes = speech.packets(BULLETIN_SECONDS)
        folder = data / "audio"
        folder.mkdir(exist_ok=True)
        with (folder / "new").open("wb") as file:
            writer = OpusFileWriter(file)
            writer.add(packets, sizes)
            writer.finish(960 * len(sizes))
        said = (folder / "new").read_bytes()
        self.size = len(said)
        sha256 = hashlib.sha256(said).hexdigest()
        (folder / "new").rename(folder / f"{sha256}.opus")
        asyncio.run(self._write(data, sha256, len(sizes)))

    async def _write(self, data: Path, sha256: str, ticks: int) -> None:
        now = time.time()
        key = SigningKey(SECRET).public.data
        areas: list[dict[str, Any]] = [
            {"id": XA, "parent_id": None, "name": "Xã", "path": "/xa", "station": False},
            {"id": THON, "parent_id": XA, "name": "Thôn", "path": LoaServer.FILE, "station": False},
            {"id": QUIET, "parent_id": None, "name": "Yên", "path": "/yen", "station": True},
            {"id": STATION, "parent_id": None, "name": "Đài", "path": "/dai", "station": True},
        ]
        boxes = [
            {"id": id, "area_id": area, "name": f"Cụm loa {id}", "state": "enrolled", "key": key,
             "settings": {}, "created_at": now, "created_by": "benchmark"}
            for id, area in ((LIVE, THON), (IDLE, QUIET), (PLAYS, STATION))
        ]  # fmt: skip
        account = {"id": 1, "login": "mau", "name": "Mẫu", "password": "!", "created_at": now}
        audio = {
            "sha256": sha256, "ticks": ticks, "size": self.size, "report": {}, "peaks": b"",
            "created_at": now,
        }  # fmt: skip
        bulletin = {
            "id": 1, "area_id": STATION, "title": "Bản tin mẫu", "state": "approved",
            "audio_state": "ready", "audio_sha256": sha256, "created_at": now, "created_by": 1,
            "expires_at": now + 30 * 86_400, "per_day": TIMES,
        }  # fmt: skip
        entry = {
            "area_id": STATION, "bulletin_id": 1, "position": 1.0, "per_day": TIMES, "days": 7,
            "added_at": now, "added_by": "loa", "expires_at": now + 30 * 86_400,
        }  # fmt: skip
        slots = [
            {"id": number + 1, "area_id": STATION, "name": f"Buổi {number + 1}",
             "first": f"{self.first + timedelta(minutes=number):%Y-%m-%dT%H:%M}", "minutes": 1,
             "rrule": "", "exceptions": []}
            for number in range(TIMES)
        ]  # fmt: skip
        store = await Store.open(database_url(None, data))
        try:
            async with store.write() as db:
                for table, rows in (
                    (AreaRow, [a | {"rank": a["id"], "created_at": now} for a in areas]),
                    (AccountRow, [account]), (AudioRow, [audio]), (BulletinRow, [bulletin]),
                    (BulletinTargetRow, [{"bulletin_id": 1, "area_id": STATION}]),
                    (EntryRow, [entry]), (SlotRow, slots), (ReceiverRow, boxes),
                ):  # fmt: skip
                    await db.execute(insert(table), rows)
        finally:
            await store.close()


@contextmanager
def box(home: Path, server: LoaServer, plan: Plan, receiver: int, area: str) -> Iterator[int]:
    """Run a box; give its process id."""
    state = home / f"box-{receiver}"
    kept = Kept(
        server=server.receivers, receiver=receiver, name="", area=area, servers=(plan.server,),
        key=SECRET, made_at=time.time(),
    )  # fmt: skip
    BoxIdentity.enrolled(state, kept)
    config = home / f"{receiver}.toml"
    config.write_text(
        f'state = "{state}"\nruntime = "{home / f"run-{receiver}"}"\noutput = "null"\n'
        "[limits]\ndisk_reserve_mb = 0\n"
    )
    (home / f"run-{receiver}").mkdir()
    with (home / f"{receiver}.log").open("wb") as log:
        words = [sys.executable, "-m", "loa.receivers", "run", "--config", str(config)]
        child = subprocess.Popen(words, stderr=log)
    try:
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def connected(pid: int, seconds: float = 30.0) -> None:
    """Wait until a process has its connection."""
    end = time.monotonic() + seconds
    while True:
        try:
            used(pid)
        except RuntimeError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return


def run(quick: bool) -> list[Row]:
    """All three, beside each other."""
    if shutil.which("ss") is None:
        raise Missing("ss (iproute2) is not installed")
    plan = Plan()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loa-bench-")))
        server = stack.enter_context(LoaServer(data=plan))
        pids = [
            stack.enter_context(box(home, server, plan, receiver, area))
            for receiver, area in ((LIVE, LoaServer.FILE), (IDLE, "/yen"), (PLAYS, "/dai"))
        ]
        nothing = Used(0, 0, 0, 0)
        for pid in pids:
            connected(pid)
        time.sleep(SETTLE)
        before = [used(pid) for pid in pids[:2]]
        time.sleep(WINDOW)
        live, idle = (used(pid).since(b) for pid, b in zip(pids, before, strict=False))
        left = plan.first + timedelta(minutes=TIMES) - datetime.now(ZONE)
        time.sleep(max(0.0, left.total_seconds()))
        whole = used(pids[2])
        seconds = SETTLE + WINDOW + max(0.0, left.total_seconds())
        journal = b"".join(
            path.read_bytes() for path in (home / f"box-{PLAYS}").rglob("journal/**/*")
            if path.is_file()
        )  # fmt: skip
    if os.environ.get("SHOW_JOURNAL"):
        print(journal.decode())
    hour = 3600 / WINDOW
    lines = [line for line in journal.splitlines() if b"{" in line]
    entries = [json.loads(line[line.index(b"{") : line.rindex(b"}") + 1]) for line in lines]
    played = [entry for entry in entries if entry["k"] == "played" and entry.get("bulletin")]
    plays = [entry for entry in played if entry.get("origin") == "cache" and entry.get("whole")]
    beside = whole.since(nothing) - plan.size - round(idle * seconds / WINDOW)
    return [
        Row("an hour of live speech, on the SIM", live * hour / 1e6, "MB", 14,
            note="24 kb/s, thrifty, both directions, all headers"),
        Row("an hour of nothing, on the SIM", idle * hour / 1e3, "kB", 1e3 / 24,
            note=f"{idle * hour * 24 / 1e6:.2f} MB a day; a report of health every quarter of an "
            "hour comes on top"),
        Row(f"a bulletin played {TIMES} times: bytes in all, of its size",
            whole.since(nothing) / plan.size, "×", 2,
            note=f"{plan.size / 1e3:.0f} kB, fetched once; {beside / 1e3:.1f} kB for everything "
            f"else in {seconds:.0f} s"),
        Row(f"a bulletin played {TIMES} times: whole, from the cache", len(plays), "", TIMES,
            at_least=True, note=f"{len(played)} entries of its journal are about it"),
    ]  # fmt: skip


if __name__ == "__main__":
    for row in run(False):
        print(row)
