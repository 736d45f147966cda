"""The demo's box: enrolled like one on a pole, with a key of its own, on a connection of its own.

It is a process that keeps its state below the demo's data. Each start enrols it anew as the same
receiver, for the server's port may be another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import select

from loa.streamer import logs
from loa.streamer.demo_data import STATION
from loa.streamer.desk import receivers
from loa.streamer.desk.desk import server_actor
from loa.streamer.desk.receivers import Wishes
from loa.streamer.desk.sample import LABEL
from loa.streamer.server import Server
from loa.streamer.store.tables.receivers import ReceiverRow

NAME = f"Cụm loa nhà văn hóa{LABEL}"
PATIENCE = 30.0
"""Seconds until the demo says that its box plays nothing."""
LOOK_EVERY = 0.1
STOP_WITHIN = 10.0
CONFIG = """\
# Sample data: the box of `loa demo`. It plays to nowhere.
state = "state"
runtime = "run"
output = "null"
[stick]
folders = []
[log]
level = "error"
"""
PROGRAM = """
import sys
from pathlib import Path
from loa.receivers.enrolling import run as enrol
from loa.receivers.running import main as run
server, code, folder = sys.argv[1:]
enrol(server, code, Path(folder, "state"), as_json=True)
sys.exit(run(Path(folder, "receiver.toml")))
"""

log = logs.get("demo")


class Box:
    """The process, and what it says of itself."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process = process
        self._status = folder / "run" / "status.json"

    @classmethod
    async def start(cls, server: Server, data: Path) -> Box:
        """Enrol it, and start it. Raises ``OSError``."""
        folder = data / "box"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "receiver.toml").write_text(CONFIG)
        code = await _code(server)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LOA_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, server.ready.receivers, code, str(folder.resolve()),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, env=inherited,
            # Ctrl-C goes to everyone in the terminal's group: the demo ends it, in its turn.
            start_new_session=True,
        )  # fmt: skip
        return cls(process, folder)

    async def plays(self) -> None:
        """Return when it is online and plays. Raises ``OSError`` when it does not."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not self._sounds():  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            raise OSError("the demo's receiver plays nothing") from None

    async def watch(self) -> None:
        """Say in the log when what it plays begins or ends, until it is cancelled."""
        sounding = True
        while True:
            await asyncio.sleep(1.0)
            now = self._sounds()
            if now != sounding:
                log.info("the receiver plays" if now else "the receiver is silent")
            sounding = now

    async def stop(self) -> None:
        """End it, and wait until it has."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def _sounds(self) -> bool:
        if self._process.returncode is not None:
            raise OSError("the demo's receiver ended by itself")
        try:
            said: dict[str, Any] = json.loads(self._status.read_bytes())
        except (OSError, ValueError):
            return False
        mine = said.get("process") == self._process.pid and said.get("online")
        return bool(mine and said.get("sounding") != "silence")


async def _code(server: Server) -> str:
    """Return a code for the receiver, which is added the first time."""
    desk, fleet = server.desk, server.fleet
    area = desk.tree.find(STATION)
    if area is None:
        raise OSError(f"the sample has no {STATION} any more: choose another directory (--data)")
    async with desk.store.read() as db:
        known = await db.scalar(
            select(ReceiverRow.id).where(
                ReceiverRow.area_id == area.id, ReceiverRow.name == NAME
            ).order_by(ReceiverRow.id).limit(1)
        )  # fmt: skip
    actor, key, valid = server_actor(desk.tree), fleet.identity.key.public, fleet.code_seconds
    if known is None:
        (made,) = await receivers.add(desk, actor, [(area, Wishes(name=NAME))], key, valid)
    else:
        made = await receivers.new_code(desk, actor, known, key, valid)
    return str(made.code)
