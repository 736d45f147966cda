"""Boxes and a whole server: enrolled, found back after a crash, and after a restored backup."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
from pathlib import Path

import msgspec
import pytest

from loa.codecs.control.codes import Code
from loa.receivers.enrol import enrol
from loa.receivers.identity import BoxIdentity
from loa.receivers.link import Link
from support.client import ApiClient
from support.process import LOA, ServerProcess, serving, surroundings


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def enrolled(server: ServerProcess, api: ApiClient, state: Path, name: str) -> BoxIdentity:
    made = api.call("POST", "/receivers", {"area": api.area("/xa-mau"), "name": name})
    address = server.ready["receivers"]
    return asyncio.run(enrol([address], Code.parse(made["code"]), state, hardware="test"))


async def session(link: Link, number: int = 1) -> None:
    async with asyncio.timeout(30):
        while not (link.up and link.counters["link.sessions"] >= number):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def connects(box: BoxIdentity) -> None:
    async def once() -> None:
        link = Link(box)
        task = asyncio.create_task(link.run())
        await session(link)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.1)

    asyncio.run(once())


@pytest.mark.slow
def test_boxes_come_back_after_a_crash_and_after_a_restored_backup(tmp_path: Path) -> None:
    port = free_port()
    config = f"[receivers]\nport = {port}\n"
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    server = ServerProcess(old, config)
    try:
        assert server.ready["receivers"] == f"wss://127.0.0.1:{port}"
        api = ApiClient.set_up(server.url, server.ready["setup_code"])
        box = enrolled(server, api, tmp_path / "box", "Cột 1")

        async def crash() -> ServerProcess:
            link = Link(box)
            task = asyncio.create_task(link.run())
            await session(link)
            await asyncio.to_thread(server.stop, signal.SIGKILL)
            again = await asyncio.to_thread(ServerProcess, old, config)
            await session(link, 2)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0.1)
            return again

        server = asyncio.run(crash())
        shown = ApiClient.sign_in(server.url).call("GET", "/receivers")["items"]
        assert [(r["name"], r["state"]) for r in shown] == [("Cột 1", "enrolled")]
        subprocess.run(
            [*LOA, "backup", str(tmp_path / "b.tar.gz"), "--data", str(old / "data")],
            check=True, capture_output=True, env=surroundings(), timeout=60,
        )  # fmt: skip
    finally:
        server.stop(signal.SIGKILL)
        server.hang_up()
    subprocess.run(
        [*LOA, "restore", str(tmp_path / "b.tar.gz"), "--data", str(new / "data")],
        check=True, capture_output=True, env=surroundings(), timeout=60,
    )  # fmt: skip
    assert (new / "data" / "keys" / "receivers.json").stat().st_mode & 0o077 == 0
    with serving(new, config) as restored:
        # Another machine, another certificate: the box knows its server all the same.
        address = restored.ready["receivers"]
        connects(BoxIdentity(tmp_path / "n", msgspec.structs.replace(box.kept, server=address)))
