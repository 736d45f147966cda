"""Listeners: what they ask for, what they are told, and what they then hear."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import START_TICK, Serving, on_both_loops, serving

from loa.codecs.ogg import OggReader, Packet
from loa.streamer.air.listeners import ListenerConfig, Wish, parse_wish
from loa.streamer.ingest.request import BadRequest, Headers, RequestHead

PATH = "/ha-giang/na-khuong.opus"


def wish(query: str, *headers: tuple[str, str]) -> Wish:
    return parse_wish(RequestHead("GET", "", PATH, query, (1, 1), Headers(headers)), 0.5)


def get(query: str = "", *lines: str, path: str = PATH, method: str = "GET") -> bytes:
    return "\r\n".join(
        [f"{method} {path}{query} HTTP/1.1", "Host: loa.example", *lines, "", ""]
    ).encode()


def parts(answer: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    found = dict(line.split(": ", 1) for line in fields)
    return int(status.split()[1]), {name.lower(): value for name, value in found.items()}, body


def test_what_is_wished_for() -> None:
    assert wish("") == Wish(10, 25)
    assert wish("cadence=thrifty&other=ignored") == Wish(10, 25)
    assert wish("cadence=low&burst=1.5&from=3000000123") == Wish(2, 75, 3_000_000_123)
    assert wish("burst=0") == Wish(10, 0)
    assert wish("burst=30") == Wish(10, 1500)
    assert wish("", ("sec-fetch-dest", "audio")) == Wish(10, 600)
    assert wish("burst=1", ("sec-fetch-dest", "audio")) == Wish(10, 50)


@pytest.mark.parametrize(
    "query",
    ["cadence=fast", "cadence=", "burst=31", "burst=-1", "burst=nan", "burst=1e1", "burst=",
     "burst=.", "burst=1.1.1", "burst=٣", "from=-1", "from=", "from=1.5", "from=" + "9" * 19,
     "from=1_0", "from=٣", "from=1&from=1"],
)  # fmt: skip
def test_a_bad_wish_names_its_fault(query: str) -> None:
    with pytest.raises(BadRequest, match=query.partition("=")[0] if "&" not in query else "twice"):
        wish(query)


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_any_query_gives_a_wish_in_bounds_or_400(query: str) -> None:
    status, found = 400, Wish(2, 0)
    try:
        found = wish(query)
    except BadRequest as error:
        status = error.status
    assert status == 400
    assert found.cadence in (2, 10) and 0 <= found.burst_ticks <= 1500
    assert -1 <= found.from_tick < 2**63


@on_both_loops
async def test_the_answer_says_what_players_need() -> None:
    async with serving() as server:
        answer = await server.ask(get("", "Range: bytes=0-", "Icy-MetaData: 1"), size=3000)
        status, fields, body = parts(answer)
        assert status == 200
        assert fields["content-type"] == "audio/ogg; codecs=opus"
        assert fields["cache-control"] == "no-cache, no-store"
        assert fields["connection"] == "close"
        assert fields["access-control-allow-origin"] == "*"
        assert fields["access-control-expose-headers"] == (
            "content-range, icy-br, icy-description, icy-genre, icy-name, icy-pub, icy-url"
        )
        assert fields["icy-name"] == "Nà Khương"
        absent = {"content-length", "transfer-encoding", "accept-ranges", "icy-metaint"}
        assert not absent & set(fields)
        packets = OggReader().feed(body)
        assert [packet.data[:8] for packet in packets[:2]] == [b"OpusHead", b"OpusTags"]
        assert packets[0].granule == packets[1].granule == 0
        first = next(packet for packet in packets[2:] if packet.last)
        assert (
            first.granule % (960 * 10) in range(0, 9600, 960) and first.granule > 960 * START_TICK
        )


async def test_http_1_0_and_head_and_preflight() -> None:
    async with serving() as server:
        old = await server.ask(f"GET {PATH} HTTP/1.0\r\n\r\n".encode(), size=100)
        assert old.startswith(b"HTTP/1.0 200 OK\r\n")
        status, fields, body = parts(await server.ask(get(method="HEAD")))
        assert (status, body) == (200, b"")
        assert fields["content-type"] == "audio/ogg; codecs=opus" and "content-length" not in fields
        status, fields, body = parts(
            await server.ask(
                get(
                    "",
                    "Origin: https://elsewhere.example",
                    "Access-Control-Request-Headers: range",
                    method="OPTIONS",
                )
            )
        )
        assert (status, body) == (204, b"")
        assert fields["access-control-allow-headers"] == "range, if-range"
        assert "GET" in fields["access-control-allow-methods"]
        assert server.listeners.count == 1  # the old one, until the engine finds that it left


async def test_refusals_say_why() -> None:
    async with serving() as server:
        status, fields, body = parts(await server.ask(get(path="/ha-giang/nowhere.opus")))
        assert status == 404 and "listed at /" in body.decode()
        assert fields["access-control-allow-origin"] == "*"
        status, fields, body = parts(await server.ask(get("?cadence=fast")))
        assert status == 400 and b"low, thrifty" in body
        status, fields, body = parts(
            await server.ask(get(path="/ha-giang/nowhere.opus", method="HEAD"))
        )
        assert (status, body) == (404, b"")
        assert server.count("listeners.refused.404") == 2
        assert server.count("listeners.refused.400") == 1


async def test_a_former_path_is_heard() -> None:
    async with serving() as server:
        answer = await server.ask(get(path="/cu/na-khuong.opus"), size=600)
        assert "icy-name: Nà Khương".encode() in answer


async def test_limits_in_all_and_a_mount() -> None:
    config = ListenerConfig(max_listeners=3, max_a_mount=2)
    async with serving(listener_config=config) as server:
        kept = []
        for path in (PATH, PATH, "/ha-giang/ban-rua.opus"):
            reader, writer = await server.connect()
            writer.write(get(path=path))
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            kept.append(writer)
        status, fields, body = parts(await server.ask(get()))
        assert status == 503 and int(fields["retry-after"]) > 0 and b"this server" in body
        kept.pop().transport.abort()
        await server.until(lambda: server.listeners.count == 2)
        status, fields, body = parts(await server.ask(get()))
        assert status == 503 and b"this station" in body
        assert server.count("listeners.refused.503") == 2
        for writer in kept:
            writer.transport.abort()
        await server.until(lambda: server.listeners.count == 0)
        assert server.listeners.on(0) == 0


async def test_lost_events_do_not_fill_the_server() -> None:
    async with serving(listener_config=ListenerConfig(max_listeners=1)) as server:
        asyncio.get_running_loop().remove_reader(server.engine.event_fd)
        await server.ask(get(), size=12)
        await server.until(lambda: server.engine.stats()["listeners"] == 0)
        server.engine.events()  # nobody tells the listeners
        assert server.listeners.count == 1
        assert (await server.ask(get(), size=12)) == b"HTTP/1.1 200"


async def test_a_full_engine_refuses_and_keeps_nothing() -> None:
    async with serving(max_listeners=1) as server:
        reader, writer = await server.connect()
        writer.write(get())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        status, fields, _ = parts(await server.ask(get()))
        assert status == 503 and "retry-after" in fields
        assert server.count("listeners.refused.resources") == 1
        writer.transport.abort()
        await server.until(lambda: server.listeners.count == 0)
        assert (await server.ask(get(), size=12)) == b"HTTP/1.1 200"


async def hear(server: Serving, query: str, pages: int) -> list[Packet]:
    """Listen until some audio pages came; return all their packets."""
    reader, writer = await server.connect()
    writer.write(get(query))
    await reader.readuntil(b"\r\n\r\n")
    ogg, packets = OggReader(), []
    while sum(packet.last for packet in packets) < pages + 2:
        packets += ogg.feed(await reader.read(4096))
    writer.transport.abort()
    assert ogg.holes <= 1 and ogg.bad_pages == ogg.junk_bytes == 0
    return packets[2:]


def ticks(packets: Iterable[Packet]) -> list[int]:
    """The ticks that a run of whole pages holds."""
    found: list[int] = []
    page = 0
    for packet in packets:
        page += 1
        if packet.last:
            last = packet.granule // 960 - 1
            found += range(last - page + 1, last + 1)
            page = 0
    return found


async def test_resuming_misses_nothing_and_repeats_nothing() -> None:
    async with serving() as server:
        before = await hear(server, "?cadence=low&burst=0", 4)
        heard = ticks(before)
        await asyncio.sleep(0.3)
        for cadence in ("thrifty", "low"):
            # The granule of the last page, divided by 960, is the first tick that was not heard.
            after = await hear(server, f"?cadence={cadence}&from={heard[-1] + 1}", 4)
            both = heard + ticks(after)
            assert both == list(range(heard[0], heard[0] + len(both)))
        future = await hear(server, f"?from={START_TICK + 10**9}&burst=0", 1)
        assert abs(ticks(future)[0] - server.engine.tick) < 50


async def test_a_burst_is_counted_in_time() -> None:
    async with serving() as server:
        await server.until(lambda: server.engine.tick > START_TICK + 60)
        for query, least, most in (("?burst=1", 40, 62), ("?burst=0", -10, 12)):
            packets = await hear(server, query, 1)
            assert least <= server.engine.tick - ticks(packets)[0] <= most + 15


async def test_a_listener_that_never_reads_is_measured_in_seconds() -> None:
    """The kernel holds a few seconds of stream for it at most, then the engine sees its lag.

    Counted on the virtual clock: how many ticks the sockets swallow before sends are refused.
    """
    async with serving(virtual=True) as server:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, (server.host, server.port))
        await loop.sock_sendall(deaf, get("?burst=0"))
        await server.until(lambda: server.listeners.count == 1)
        swallowed = None
        for second in range(60):
            server.engine.advance(50)
            stats = server.engine.stats()
            if swallowed is None and stats["partial_sends"]:
                swallowed = second
        deaf.close()
        assert swallowed is not None and swallowed < 20
        # It took nothing for half a minute: gone, whatever the policy.
        assert server.engine.stats()["leaves_lag"] == 1
        await server.until(lambda: server.listeners.count == 0)


async def test_the_end_is_said() -> None:
    async with serving() as server:
        reader, writer = await server.connect()
        writer.write(get("?cadence=low"))
        await reader.readuntil(b"\r\n\r\n")
        await reader.readuntil(b"OpusTags")
        await asyncio.get_running_loop().run_in_executor(None, server.engine.stop, 500)
        rest = await reader.read()
        last = rest[rest.rindex(b"OggS") :]
        assert last[5] == 4  # end of stream
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
