"""The receiver's client against a real server: cut anywhere, nothing is repeated or missed."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest
from certificates import make_certificate
from serving import serving

from loa.receivers.backoff import Backoff
from loa.receivers.listen.client import Client, FatalError, tls_with
from loa.receivers.listen.hearing import Hearing
from loa.streamer.counters import Counters
from loa.streamer.ingest.tls import Certificate

PATH = "/ha-giang/na-khuong.opus"


class Hurried(Backoff):
    def failed(self, now: float) -> float:
        return super().failed(now) / 10


class Cutter:
    """Passes connections on to a server and breaks each after the next number of bytes."""

    def __init__(self, port: int, after: Iterator[int]) -> None:
        self._port = port
        self._after = after
        self._tasks: set[asyncio.Task[None]] = set()
        self.cuts = 0

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.ensure_future(self._carry(reader, writer)))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            to_server.write(await reader.readuntil(b"\r\n\r\n"))
            left = next(self._after)
            while left > 0 and (data := await from_server.read(min(left, 500))):
                writer.write(data)
                await writer.drain()
                left -= len(data)
            self.cuts += 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            to_server.transport.abort()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def hearing(
    url: str, cadence: str, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Client, Hearing]]:
    it = Hearing(cadence)
    client = Client(url, it, cadence, backoff=Hurried(Random(3)), tls=tls)
    task = asyncio.ensure_future(client.run())
    try:
        async with asyncio.timeout(40):
            yield client, it
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_packets(it: Hearing, count: int) -> None:
    while it.heard().packets < count:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("cadence", ["low", "thrifty"])
async def test_cut_anywhere_nothing_is_heard_twice_or_missed(cadence: str) -> None:
    random = Random(cadence)

    def lengths() -> Iterator[int]:
        while True:
            yield random.randrange(600, 4000)

    async with serving() as server:
        cutter = Cutter(server.port, lengths())
        between = await asyncio.start_server(cutter.connected, "127.0.0.1", 0)
        port = between.sockets[0].getsockname()[1]
        try:
            async with hearing(f"http://127.0.0.1:{port}{PATH}", cadence) as (client, it):
                await until_packets(it, 250)
                heard = it.heard()
        finally:
            between.close()
            await cutter.close()
            await between.wait_closed()
    assert cutter.cuts >= 3 and client.state.reconnects >= 3 and heard.joins >= 3
    assert heard.lost == 0 and heard.repeated == 0 and heard.odd == 0


async def test_a_graceful_stop_of_the_server_is_understood() -> None:
    async with serving() as server, hearing(server.url + PATH, "low") as (client, it):
        await until_packets(it, 30)
        await asyncio.to_thread(server.engine.stop, 500)
        while client.state.error is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert client.state.error == "the server ended the stream"


async def test_a_mount_that_does_not_exist() -> None:
    async with (
        serving() as server,
        hearing(server.url + "/khong-co.opus", "low") as (client, it),
    ):
        while client.state.error is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert "404" in client.state.error and it.heard().packets == 0


async def test_over_tls(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    certificate = Certificate(cert, key, Counters())
    async with serving(certificate=certificate) as server:
        url = server.url + PATH
        async with hearing(url, "low", tls_with(cert)) as (client, it):
            await until_packets(it, 30)
            assert client.state.error is None
        async with hearing(url, "low") as (client, it):
            while client.state.error is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert "certificate" in client.state.error and it.heard().packets == 0
        with pytest.raises(FatalError):
            tls_with(key)
