"""The example of a layer-4 proxy, with the real HAProxy between real clients and the front door."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from aiohttp import web
from serving import Serving, serving

from loa.streamer.air.listeners import ListenerConfig
from loa.streamer.core.addresses import networks
from loa.streamer.http.health import readyz
from loa.streamer.ingest.frontdoor import DoorConfig, Peer
from loa.streamer.ingest.request import RequestHead

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "haproxy.cfg"
CLIENT = "127.0.0.9"
"""Where clients come from; HAProxy itself connects from 127.0.0.1."""
DOOR = DoorConfig(proxies=networks(["127.0.0.1"]))


def ready(app: web.Application, _: Serving) -> None:
    app.router.add_get("/readyz", readyz(list))


class Source(asyncio.Protocol):
    """A source's other end: says who it speaks with, then echoes."""

    def __init__(self, _: RequestHead, peer: Peer) -> None:
        self.peer = peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(f"{self.peer.host}\n".encode())

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@contextlib.asynccontextmanager
async def haproxy(back: int, folder: Path) -> AsyncIterator[int]:
    """Run HAProxy with the example, the number of connections and the addresses apart."""
    program = shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin")
    assert program, "haproxy is not installed: make test does that"
    config = folder / "haproxy.cfg"
    config.write_text(EXAMPLE.read_text().replace("maxconn 20000", "maxconn 100"))
    with socket.create_server(("127.0.0.1", 0)) as front:
        process = await asyncio.create_subprocess_exec(
            program, "-db", "-f", str(config),
            env=os.environ | {"LOA_FRONT": f"fd@{front.fileno()}", "LOA_BACK": f"127.0.0.1:{back}"},
            pass_fds=[front.fileno()],
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        port = front.getsockname()[1]
    assert process.stderr is not None
    try:
        yield port
    finally:
        process.terminate()
        errors = await process.stderr.read()
        assert await process.wait() in (0, -15, 143), errors.decode()


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(10):
        return await asyncio.open_connection("127.0.0.1", port, local_addr=(CLIENT, 0))


async def ask(port: int, request: bytes, size: int = -1) -> bytes:
    reader, writer = await connect(port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            return await (reader.read() if size < 0 else reader.readexactly(size))
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until(port: int, request: bytes, *, served: bool) -> None:
    """Ask again until there is an answer, or none any more."""
    async with asyncio.timeout(20):
        while bool(await ask(port, request)) != served:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_clients_are_known_by_their_own_address_and_nothing_waits(tmp_path: Path) -> None:
    def routes(app: web.Application, server: Serving) -> None:
        async def who(request: web.Request) -> web.Response:
            return web.Response(text=str(request.remote))

        app.router.add_get("/api/who", who)
        ready(app, server)

    async with (
        serving(door_config=DOOR, routes=routes, source_protocol=Source) as server,
        haproxy(server.port, tmp_path) as port,
    ):
        answer = await ask(port, b"GET /api/who HTTP/1.0\r\n\r\n")
        assert answer.endswith(b"\r\n\r\n" + CLIENT.encode())

        # A source: no length, an answer before the end, bytes as they come.
        reader, writer = await connect(port)
        async with asyncio.timeout(10):
            writer.write(b"PUT /ha-giang/na-khuong HTTP/1.1\r\nContent-Type: audio/ogg\r\n\r\n")
            assert await reader.readline() == CLIENT.encode() + b"\n"
            for piece in (b"O", b"ggS", b"\x00" * 5000):
                writer.write(piece)
                assert await reader.readexactly(len(piece)) == piece
        writer.close()
        await writer.wait_closed()

        # A listener, handed over to the engine behind the proxy.
        heard = await ask(port, b"GET /ha-giang/na-khuong.opus HTTP/1.1\r\n\r\n", 3000)
        assert heard.startswith(b"HTTP/1.1 200 ") and heard.count(b"OggS") >= 3
        assert server.count("door.bad.proxy") == 0


async def test_a_server_that_is_not_ready_gets_nobody(tmp_path: Path) -> None:
    missing: list[str] = []
    asked = asyncio.Event()

    def routes(app: web.Application, _: Serving) -> None:
        handler = readyz(lambda: missing)

        async def counted(request: web.Request) -> web.StreamResponse:
            asked.set()
            return await handler(request)

        app.router.add_get("/readyz", counted)

    async with (
        serving(door_config=DOOR, routes=routes) as server,
        haproxy(server.port, tmp_path) as port,
    ):
        async with asyncio.timeout(10):
            await asked.wait()
        request = b"HEAD /ha-giang/na-khuong.opus HTTP/1.1\r\n\r\n"
        assert (await ask(port, request)).startswith(b"HTTP/1.1 200 ")
        missing.append("it is stopping")
        await until(port, request, served=False)
        missing.clear()
        await until(port, request, served=True)


@pytest.mark.slow
async def test_a_slow_listener_is_noticed_through_the_proxy(tmp_path: Path) -> None:
    config = ListenerConfig(max_lag=2)
    async with (
        serving(door_config=DOOR, listener_config=config, routes=ready) as server,
        haproxy(server.port, tmp_path) as port,
    ):
        # Its own buffer small as well, which no proxy can know of.
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            listener.connect(("127.0.0.1", port))
            listener.sendall(b"GET /ha-giang/na-khuong.opus HTTP/1.1\r\n\r\n")
            await server.until(lambda: server.engine.stats()["lag_skips"] > 0, 30)
