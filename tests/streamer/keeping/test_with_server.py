"""Backup of a running server by the command, onto an empty machine, where the server starts."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path

from loa.streamer.air import state
from loa.streamer.counters import Counters
from loa.streamer.desk.desk import Desk
from loa.streamer.store.store import Store, database_url
from support.data import fill
from support.process import LOA, ServerProcess, serving, surroundings


def loa(*words: str, code: int = 0) -> str:
    done = subprocess.run(
        [*LOA, *words],
        capture_output=True, text=True, check=False, timeout=60, env=surroundings(),
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


async def filled(data: Path) -> None:
    store = await Store.open(database_url(None, data))
    desk = Desk(store, data, Counters())
    await desk.load()
    await fill(desk)
    await store.close()


def tick(server: ServerProcess) -> int:
    return int(json.loads(server.get("/api/v1/clock"))["tick"])


def test_everything_comes_back_on_an_empty_machine(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    file = tmp_path / "backup.tar.gz"
    with serving(old) as server:
        # Written by this process while the server has it open: it is one database.
        asyncio.run(filled(old / "data"))
        state.write_high_water(old / "data", tick(server) + 50 * 3600)
        config = str(old / "loa.toml")
        said = json.loads(
            loa("backup", str(file), "--data", str(old / "data"), "--config", config, "--json")
        )
        assert said["missing"] == [] and said["bytes"] == file.stat().st_size
        words = loa("restore", str(file), "--data", str(old / "data"), code=1)
        assert re.search(r"is not empty|in use by", words)
    loa("restore", str(file), "--data", str(new / "data"))
    last = state.read_high_water(new / "data")
    assert last is not None
    with serving(new) as server:
        assert server.ready["mounts"] == ["/tinh", "/tinh/xa", "/xa-mau"]
        assert server.password == ""  # the source token of before holds
        assert tick(server) > last  # an hour ahead of the clock
        assert (new / "data" / "loa.toml.restored").exists()
