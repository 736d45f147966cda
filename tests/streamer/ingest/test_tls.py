"""TLS on the one port: listeners, web and sources; slow clients; certificates that are renewed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from pathlib import Path
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from certificates import make_certificate
from serving import Serving, on_both_loops, serving

from loa.codecs.ogg import OggReader
from loa.streamer.counters import Counters
from loa.streamer.ingest.frontdoor import DoorConfig, Peer, networks
from loa.streamer.ingest.request import RequestHead
from loa.streamer.ingest.tls import Certificate

PATH = "/ha-giang/na-khuong.opus"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def certificate(files: tuple[Path, Path]) -> Certificate:
    return Certificate(*files, Counters())


def trusting(files: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files[0])


def hello(app: web.Application, _: Serving) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.scheme} {request.remote} {await request.text()}")

    app.router.add_route("*", "/api/hello", answer)


class Echo(asyncio.Protocol):
    def __init__(self, head: RequestHead, peer: Peer) -> None:
        self.peer = peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(f"{self.peer.host} {self.peer.secure}\n".encode())

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@on_both_loops
async def test_everything_over_tls(files: tuple[Path, Path], certificate: Certificate) -> None:
    async with (
        serving(certificate=certificate, routes=hello, source_protocol=Echo) as server,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting(files))) as client,
    ):
        async with client.put(server.url + "/api/hello", data="y" * 50_000) as response:
            assert await response.text() == "https 127.0.0.1 " + "y" * 50_000
        # On the connection that aiohttp serves already, and on one of its own.
        for fresh in (False, True):
            query = "?cadence=low" + ("&fresh" if fresh else "")
            async with client.get(server.url + PATH + query) as response:
                assert response.status == 200
                assert response.headers["icy-name"] == "Nà Khương"
                ogg, packets = OggReader(), []
                while len(packets) < 60:
                    packets += ogg.feed(await response.content.read(2000))
                assert ogg.holes <= 1 and ogg.bad_pages == ogg.junk_bytes == 0
                assert server.listeners.tls_count == 1
                response.close()
            await server.until(lambda: server.listeners.count == 0)
            assert server.listeners.tls_count == 0
        async with client.get(server.url + "/ha-giang/none.opus") as response:
            assert response.status == 404
        reader, writer = await asyncio.open_connection(
            server.host, server.port, ssl=trusting(files), server_hostname="localhost"
        )
        writer.write(b"SOURCE /x HTTP/1.0\r\n\r\nOggS")
        assert await reader.readexactly(19) == b"127.0.0.1 True\nOggS"
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@on_both_loops
async def test_proxy_header_in_front_of_tls(
    files: tuple[Path, Path], certificate: Certificate, tmp_path: Path
) -> None:
    """The header and the first bytes of TLS may come together, or apart."""
    config = DoorConfig(proxies=networks(["127.0.0.0/8"]))
    line = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
    async with serving(certificate=certificate, routes=hello, door_config=config) as server:
        for together in (True, False):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = trusting(files).wrap_bio(incoming, outgoing, server_hostname="localhost")
            reader, writer = await server.connect()
            if not together:
                writer.write(line)
                await asyncio.sleep(0.05)
            prefix = line if together else b""
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    writer.write(prefix + outgoing.read())
                    prefix = b""
                    incoming.write(await asyncio.wait_for(reader.read(65536), 10))
            tls.write(b"GET /api/hello HTTP/1.0\r\n\r\n")
            writer.write(outgoing.read())
            answer = b""
            while b"192.0.2.7" not in answer:
                with contextlib.suppress(ssl.SSLWantReadError):
                    answer += tls.read(65536)
                    continue
                incoming.write(await asyncio.wait_for(reader.read(65536), 10))
            assert b"https 192.0.2.7 " in answer
            writer.transport.abort()


@on_both_loops
async def test_whoever_does_not_shake_hands_is_dropped(certificate: Certificate) -> None:
    config = DoorConfig(head_timeout=0.4, linger=0.2)
    async with serving(certificate=certificate, door_config=config) as server:
        silent, w1 = await server.connect()
        plain, w2 = await server.connect()
        w2.write(f"GET {PATH} HTTP/1.1\r\n\r\n".encode())
        with contextlib.suppress(ConnectionError):
            assert await silent.read() == b""
        with contextlib.suppress(ConnectionError):
            assert b"200 OK" not in await plain.read()
        await server.until(lambda: server.door.waiting == 0)
        await server.until(lambda: server.count("door.bad.tls") >= 1)
        for writer in (w1, w2):
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@on_both_loops
async def test_hang_ups_in_the_middle_of_a_handshake(
    files: tuple[Path, Path], certificate: Certificate
) -> None:
    outgoing = ssl.MemoryBIO()
    tls = trusting(files).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    async with serving(certificate=certificate) as server:
        for turn in range(60):
            client = socket.create_connection((server.host, server.port))
            client.sendall(hello[: len(hello) * (turn % 4 + 1) // 4])
            if turn % 2:  # a reset instead of a goodbye
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if turn % 3 == 0:
                await asyncio.sleep(0.002)
            client.close()
            await asyncio.sleep(0)
        await server.until(lambda: server.count("door.connections") == 60)
        await server.until(lambda: server.door.waiting == 0)


@on_both_loops
async def test_a_deaf_listener_lags_where_the_engine_sees_it(
    files: tuple[Path, Path], certificate: Certificate
) -> None:
    async with serving(certificate=certificate, virtual=True) as server:
        _, writer = await asyncio.open_connection(
            server.host, server.port, ssl=trusting(files), server_hostname="localhost", limit=1024
        )
        writer.write(f"GET {PATH}?burst=0 HTTP/1.1\r\n\r\n".encode())
        await server.until(lambda: server.listeners.count == 1)
        writer.transport.pause_reading()
        for _ in range(3000):
            server.engine.advance(50)
            await asyncio.sleep(0)
            stats = server.engine.stats()
            if stats["lag_skips"] or stats["leaves_lag"]:
                break
        assert stats["lag_skips"] or stats["leaves_lag"]
        writer.transport.abort()
        await server.until(lambda: server.listeners.tls_count == 0)


def test_an_old_tls_is_refused(certificate: Certificate) -> None:
    assert certificate.context(0).minimum_version >= ssl.TLSVersion.TLSv1_2


async def subject(server: Serving) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection(server.host, server.port, ssl=context)
    der = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.transport.abort()
    return "new.test" if b"new.test" in der else "loa.test"


async def test_a_renewed_certificate_is_served(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    counters = Counters()
    certificate = Certificate(cert, key, counters, check_every=0.0)
    async with serving(certificate=certificate) as server:
        assert await subject(server) == "loa.test"
        cert.rename(tmp_path / "old.crt")
        cert.write_text("this is no certificate\n")
        assert await subject(server) == "loa.test"
        assert counters.snapshot() == {"tls.reload_failed": 1}
        assert await subject(server) == "loa.test"
        assert counters.snapshot() == {"tls.reload_failed": 1}  # once for each change
        cert.unlink()
        assert await subject(server) == "loa.test"
        # A renewal in two steps: between them the pair does not fit together.
        new_cert, new_key = make_certificate(tmp_path, "new.test", "new")
        os.replace(new_cert, cert)
        assert await subject(server) == "loa.test"
        os.replace(new_key, key)
        assert await subject(server) == "new.test"
        assert counters.snapshot()["tls.reloaded"] == 1


def test_a_bad_pair_at_the_start_is_an_error(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    with pytest.raises(OSError):
        Certificate(cert, cert, Counters())
    with pytest.raises(OSError):
        Certificate(tmp_path / "absent", key, Counters())


@pytest.mark.parametrize(("tickets", "resumes"), [(None, True), (0, False)])
async def test_where_nobody_resumes_no_tickets_are_sent(
    files: tuple[Path, Path], tickets: int | None, resumes: bool
) -> None:
    certificate = Certificate(*files, Counters(), tickets=tickets)
    async with serving(certificate=certificate, routes=hello) as server:
        reader, writer = await asyncio.open_connection(
            server.host, server.port, ssl=trusting(files), server_hostname="localhost"
        )
        writer.write(b"GET /api/hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await reader.readline()
        session = writer.get_extra_info("ssl_object").session
        assert session.has_ticket is resumes
        writer.transport.abort()
