"""The one port: who gets a connection, and that nobody can hold the door shut."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import socket
import struct
from collections.abc import Iterator
from typing import cast

import aiohttp
import pytest
from aiohttp import web
from serving import LOOPS, Serving, on_both_loops, serving

from loa.streamer.ingest.frontdoor import DoorConfig, Peer, networks
from loa.streamer.ingest.request import RequestHead

PATH = "/ha-giang/na-khuong.opus"
LISTEN = f"GET {PATH}?cadence=low HTTP/1.1\r\nHost: x\r\n\r\n".encode()


class EchoSource(asyncio.Protocol):
    """Stands for the Icecast source protocol: says what it was told, then echoes."""

    def __init__(self, head: RequestHead, peer: Peer) -> None:
        self.head, self.peer = head, peer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        line = f"{self.head.method} {self.head.path} {self.peer.host} {self.peer.secure}\n"
        self.transport.write(line.encode())

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


def hello(app: web.Application, _: Serving) -> None:
    async def answer(request: web.Request) -> web.Response:
        body = await request.text()
        return web.Response(text=f"{request.method} {request.path} {request.remote} {body}")

    async def talk(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            await websocket.send_str(message.data.upper())
        return websocket

    app.router.add_route("*", "/api/hello", answer)
    app.router.add_get("/api/talk", talk)


@on_both_loops
async def test_one_port_serves_web_listeners_and_sources() -> None:
    async with (
        serving(source_protocol=EchoSource, routes=hello) as server,
        aiohttp.ClientSession() as client,
    ):
        async with client.put(server.url + "/api/hello", data="x" * 100_000) as response:
            assert await response.text() == "PUT /api/hello 127.0.0.1 " + "x" * 100_000
        async with client.ws_connect(server.url + "/api/talk") as websocket:
            await websocket.send_str("xin chào")
            assert await websocket.receive_str() == "XIN CHÀO"
        for method in ("PUT", "SOURCE"):
            request = f"{method} /na%20khuong.ogg HTTP/1.0\r\n\r\nOggS".encode()
            line = f"{method} /na khuong.ogg 127.0.0.1 False\nOggS".encode()
            assert await server.ask(request, size=len(line)) == line
        answer = await server.ask(LISTEN, size=1000)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and b"OggS" in answer
        async with client.get(server.url + "/nothing") as response:
            assert response.status == 404
        answer = await server.ask(b"OPTIONS * HTTP/1.1\r\nUpgrade: TLS/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ") and b"SOURCE" in answer
        assert server.door.waiting == 0


@on_both_loops
async def test_head_in_single_bytes_is_handed_on_whole() -> None:
    async with serving(routes=hello) as server:
        reader, writer = await server.connect()
        for byte in b"POST /api/hello HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc":
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        answer = await reader.readuntil(b"abc")
        assert answer.endswith(b"POST /api/hello 127.0.0.1 abc")
        writer.close()
        await writer.wait_closed()


@on_both_loops
async def test_a_browser_listens_on_the_pages_connection() -> None:
    """Keep-alive: first a page, then the stream, on one connection."""
    async with serving(source_protocol=EchoSource, routes=hello) as server:
        reader, writer = await server.connect()
        for _ in range(2):
            writer.write(b"GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readuntil(b"/api/hello 127.0.0.1 ")
        assert server.door.web_connections == 1
        writer.write(LISTEN)
        answer = await reader.readuntil(b"OpusTags")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        pages = [await reader.readuntil(b"OggS") for _ in range(20)]
        assert all(pages)
        assert server.listeners.count == 1
        await server.until(lambda: server.door.web_connections == 0)
        writer.transport.abort()
        await server.until(lambda: server.listeners.count == 0)


@pytest.mark.parametrize("method", ["PUT", "SOURCE"])
@on_both_loops
async def test_a_source_on_a_web_connection_is_sent_away(method: str) -> None:
    async with serving(source_protocol=EchoSource, routes=hello) as server:
        reader, writer = await server.connect()
        writer.write(b"GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"/api/hello 127.0.0.1 ")
        writer.write(f"{method} /na-khuong HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 400 ") and b"Connection: close" in answer
        assert server.count("door.source_on_web") == 1
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"endless: header\r\n" * 5000, 431),
    ],
)
@on_both_loops
async def test_garbage_is_answered_and_closed(data: bytes, status: int) -> None:
    async with serving() as server:
        answer = await server.ask(data)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert b"Connection: close" in answer
        assert server.count("door.bad.head") == 1
        assert (await server.ask(LISTEN, size=12)) == b"HTTP/1.1 200"


@on_both_loops
async def test_random_bytes_never_disturb_others() -> None:
    """Any bytes get an HTTP answer or a closed connection, and a listener hears on meanwhile."""
    rng = random.Random(5)
    async with serving(routes=hello, source_protocol=EchoSource) as server:
        reader, writer = await server.connect()
        writer.write(LISTEN)
        await reader.readuntil(b"OpusTags")
        for _ in range(60):
            data = rng.choice([b"", b"GET ", b"SOURCE /x HTTP/1.0\r\n", b"PROXY ", b"\r\n"])
            data += rng.randbytes(rng.randrange(600)) + rng.choice([b"\n\n", b"\r\n\r\n"])
            other, writes = await server.connect()
            writes.write(data)
            writes.write_eof()
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(other.read(), 10)
            writes.close()
            with contextlib.suppress(ConnectionError):
                await writes.wait_closed()
        assert await reader.readuntil(b"OggS")
        assert server.listeners.count == 1
        writer.close()
        await writer.wait_closed()


@on_both_loops
async def test_slow_loris_is_timed_out_and_told() -> None:
    config = DoorConfig(head_timeout=0.3, linger=0.2)
    async with serving(door_config=config) as server:
        silent, w1 = await server.connect()
        dribble, w2 = await server.connect()
        w2.write(b"GET / HTTP/1.1\r\nX: ")
        assert (await dribble.read()).startswith(b"HTTP/1.1 408 ")
        assert (await silent.read()).startswith(b"HTTP/1.1 408 ")
        await server.until(lambda: server.count("door.timeout.head") == 2)
        for writer in (w1, w2):
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@on_both_loops
async def test_a_full_door_refuses_a_herd_but_not_for_dawdlers() -> None:
    config = DoorConfig(max_connections=3, head_timeout=1.3)
    async with serving(door_config=config) as server:
        idle = [await server.connect() for _ in range(3)]
        await server.until(lambda: server.door.waiting == 3)
        answer = await server.ask(LISTEN, size=12)
        assert answer == b"HTTP/1.1 503" and server.count("door.refused.full") == 1
        # Those three have dawdled for a second; one of them makes room.
        await asyncio.sleep(0.35)
        config_deadline = server.count("door.timeout.head")
        assert config_deadline == 0
        for _, writer in idle:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@on_both_loops
async def test_the_longest_dawdler_makes_room() -> None:
    config = DoorConfig(max_connections=2, head_timeout=15.0)
    async with serving(door_config=config) as server:
        first, w1 = await server.connect()
        _, w2 = await server.connect()
        await server.until(lambda: server.door.waiting == 2)
        await asyncio.sleep(1.05)
        assert (await server.ask(LISTEN, size=12)) == b"HTTP/1.1 200"
        assert server.count("door.evicted") == 1
        with contextlib.suppress(ConnectionError):
            assert await first.read() == b""
        for writer in (w1, w2):
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@on_both_loops
async def test_proxies_speak_for_their_clients() -> None:
    config = DoorConfig(proxies=networks(["127.0.0.1"]))
    async with serving(door_config=config, routes=hello, source_protocol=EchoSource) as server:
        line = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
        answer = await server.ask(line + b"GET /api/hello HTTP/1.0\r\n\r\n")
        assert answer.endswith(b"GET /api/hello 192.0.2.7 ")
        binary = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes([192, 0, 2, 9, 1, 1, 1, 1])
        binary += struct.pack("!HH", 1234, 80)
        expected = b"SOURCE /x 192.0.2.9 False\n"
        request = b"SOURCE /x HTTP/1.0\r\n\r\n"
        assert await server.ask(binary + request, size=len(expected)) == expected
        assert (await server.ask(line + LISTEN, size=12)) == b"HTTP/1.1 200"
        with contextlib.suppress(ConnectionError):
            assert await server.ask(LISTEN) == b""
        assert server.count("door.bad.proxy") == 1


@on_both_loops
async def test_proxy_headers_of_strangers_are_not_believed() -> None:
    config = DoorConfig(proxies=networks(["10.0.0.0/8", "2001:db8::/32"]))
    async with serving(door_config=config, routes=hello) as server:
        line = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
        assert (await server.ask(line + LISTEN)).startswith(b"HTTP/1.1 400 ")
        assert (await server.ask(LISTEN, size=12)) == b"HTTP/1.1 200"


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# Under uvloop alone, which the server uses: asyncio's own loop answers EMFILE by as many error
# reports and timers as the backlog is long.
@pytest.mark.parametrize("loop", ["uvloop"])
def test_accepting_goes_on(loop: str, few_descriptors: None) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run_out_of_descriptors())


async def run_out_of_descriptors() -> None:
    async with serving() as server:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        spare = socket.socket()
        clients: list[socket.socket] = []
        # Fill the table by connections: each costs two descriptors, the client's and ours.
        resource.setrlimit(resource.RLIMIT_NOFILE, (spare.fileno() + 40, hard))
        with contextlib.suppress(OSError):
            for _ in range(60):
                client = socket.socket()
                clients.append(client)
                client.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    client.connect((server.host, server.port))
                await asyncio.sleep(0.005)
        assert len(clients) < 60
        for client in clients:
            client.close()
        spare.close()
        answer = await server.ask(LISTEN, size=12, seconds=15)
        assert answer == b"HTTP/1.1 200"
        server.problems.clear()  # asyncio says that it could not accept


@on_both_loops
async def test_a_herd_comes_back_at_once() -> None:
    """After a power cut: everyone connects in the same moment, and nobody is refused."""
    herd = 600
    async with serving() as server:
        loop = asyncio.get_running_loop()
        clients = [socket.socket() for _ in range(herd)]
        for client in clients:
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect((server.host, server.port))

        async def listen(client: socket.socket) -> bytes:
            await loop.sock_sendall(client, LISTEN)
            return await loop.sock_recv(client, 12)

        answers = await asyncio.gather(*(listen(client) for client in clients))
        assert set(answers) == {b"HTTP/1.1 200"}
        assert server.listeners.count == herd
        for client in clients:
            client.close()
        await server.until(lambda: server.listeners.count == 0)


async def test_a_port_that_is_taken_is_an_error() -> None:
    """Although the door's own sockets share theirs."""
    async with serving() as server:
        with pytest.raises(OSError):
            async with serving(port=server.port):
                pass


@on_both_loops
async def test_hang_ups_at_any_moment() -> None:
    async with serving(routes=hello, source_protocol=EchoSource) as server:
        requests = [
            LISTEN, LISTEN[:30], b"", b"nonsense\r\n", b"GET / HTTP/2.0\r\n\r\n",
            b"SOURCE /x HTTP/1.0\r\n\r\n", b"GET /api/hello HTTP/1.1\r\nHost: x\r\n\r\n" + LISTEN,
        ]  # fmt: skip
        for turn in range(140):
            client = socket.create_connection((server.host, server.port))
            client.sendall(requests[turn % 7])
            if turn % 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if turn % 3 == 0:
                await asyncio.sleep(0.002)
            client.close()
        await server.until(lambda: server.count("door.connections") == 140)
        await server.until(lambda: server.door.waiting == 0)
        await server.until(lambda: server.door.web_connections == 0)
        await server.until(lambda: server.listeners.count == 0)
