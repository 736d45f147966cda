"""Killed at any moment, again and again: what was accepted is there, whole, and it starts again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

from loa.streamer.counters import Counters
from loa.streamer.desk import audit
from loa.streamer.desk.desk import Desk
from loa.streamer.store.store import NoRoom, Store, database_url
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.audit import AuditRow, ValueRow
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.schedule import SlotRow
from loa.streamer.store.tables.webhooks import DeliveryRow
from support.desk import empty_store

STAFF = Path(__file__).parents[2] / "support" / "staff.py"
URL = os.environ.get("LOA_TEST_DATABASE")
TABLES = {"area": AreaRow, "bulletin": BulletinRow, "slot": SlotRow, "cue": CueRow}
Accepted = list[tuple[str, int]]


def killed_after(data: Path, seconds: float) -> Accepted:
    """Let staff work, kill them, and return what they were promised."""
    command = [sys.executable, str(STAFF), str(data), *([URL] if URL else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        said = process.stdout.readline()
        time.sleep(seconds if said else 0)
        process.kill()
        said += process.stdout.read()
        errors = process.stderr.read().decode()
    assert process.returncode == -9, errors
    assert not errors
    # A line is written by one call, and so is whole.
    return [(kind, id) for kind, id in map(json.loads, said.splitlines())]


async def examine(data: Path, accepted: Accepted) -> None:
    """Nothing is missing, nothing is half there."""
    if URL is None:
        with contextlib.closing(sqlite3.connect(data / "loa.db")) as opened:
            assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert opened.execute("PRAGMA foreign_key_check").fetchall() == []
    store = await Store.open(database_url(URL, data))
    desk = Desk(store, data, Counters())
    await desk.load()
    assert await audit.verify(store) == []
    async with store.read() as db:
        for kind, table in TABLES.items():
            there = set(await db.scalars(select(table.id)))
            assert {id for k, id in accepted if k == kind} <= there
        logged = await db.scalar(
            select(func.count()).select_from(AuditRow).where(AuditRow.who == "staff")
        )
        told = await db.scalar(select(func.count()).select_from(DeliveryRow))
        tests = list(await db.scalars(select(AuditRow.id).where(AuditRow.action == "test.done")))
        areas = await db.scalar(
            select(func.count()).select_from(AuditRow).where(AuditRow.action == "area.created")
        )
        assert areas == await db.scalar(select(func.count()).select_from(AreaRow))
    # What is done, logged and told is one transaction: there is none without the others.
    assert logged is not None and logged >= len(accepted) and logged == told
    assert len(tests) >= sum(kind == "audit" for kind, _ in accepted)
    await store.close()


@pytest.mark.parametrize(
    "rounds", [3, pytest.param(20, marks=pytest.mark.slow)], ids=["a few", "many"]
)
async def test_what_was_accepted_outlives_a_kill_at_any_moment(rounds: int, tmp_path: Path) -> None:
    await (await empty_store(tmp_path)).close()
    chance = random.Random()
    accepted: Accepted = []
    for _ in range(rounds):
        new = killed_after(tmp_path, chance.uniform(0, 0.6))
        assert new
        accepted += new
        await examine(tmp_path, accepted)
    kinds = {kind for kind, _ in accepted}
    assert kinds == {*TABLES, "audit"} or rounds < 20


@pytest.mark.skipif(URL is not None, reason="the disk of a server is its own affair")
async def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    store = await Store.open(database_url(None, tmp_path))
    async with store.write() as db:
        db.add(ValueRow(name="before", value="kept"))
    # No page more than there are: what SQLite says is what it says of a full disk.
    async with store.engine.connect() as connection:
        pages = (await connection.exec_driver_sql("PRAGMA page_count")).scalar()

    async def write(number: int) -> None:
        async with store.write() as db:
            await (await db.connection()).exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            db.add(ValueRow(name=f"big{number}", value="x" * 100_000))

    with pytest.raises(NoRoom, match="disk is full"):
        await write(1)
    async with store.write() as db:
        await (await db.connection()).exec_driver_sql("PRAGMA max_page_count = 1000000")
        db.add(ValueRow(name="after", value="kept"))
    async with store.read() as db:
        names = set(await db.scalars(select(ValueRow.name)))
    assert {"before", "after"} <= names and not any(name.startswith("big") for name in names)
    await store.close()


FILLING = """
import asyncio, resource, signal, sys
from pathlib import Path
from loa.streamer.logs import configure
from loa.streamer.store.store import NoRoom, Store, database_url
from loa.streamer.store.tables.audit import ValueRow

async def main(data):
    configure("error", "json")
    store = await Store.open(database_url(None, data))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = max(f.stat().st_size for f in data.glob("loa.db*")) + 300_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    for number in range(1000):
        try:
            async with store.write() as db:
                db.add(ValueRow(name=f"n{number}", value="x" * 5000))
            print(number, flush=True)
        except NoRoom as error:
            print(error, file=sys.stderr, flush=True)
            break
    await store.close()

asyncio.run(main(Path(sys.argv[1])))
"""


def test_files_that_cannot_grow_lose_nothing_either(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLING, str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and "cannot be written" in done.stderr, done.stderr
    kept = [int(line) for line in done.stdout.split()]
    assert kept
    with contextlib.closing(sqlite3.connect(tmp_path / "loa.db")) as opened:
        assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        there = {int(name[1:]) for (name,) in opened.execute("SELECT name FROM value")}
    assert there == set(kept)
