"""Connections that end, stall, lie and come back, against a small server in the test."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest

from loa.codecs.opus import timeline_headers
from loa.receivers.backoff import Backoff
from loa.receivers.listen.client import Client, FatalError, Link, checked_url
from loa.receivers.listen.hearing import Hearing
from support.mount import START, page, pages, stream

OK = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nConnection: close\r\n\r\n"
Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]


class AtOnce(Backoff):
    """Counts the failures and hardly waits."""

    def __init__(self) -> None:
        super().__init__(Random(1))
        self.failures = 0
        self.successes = 0

    def failed(self, now: float) -> float:
        self.failures += 1
        return 0.001

    def succeeded(self) -> None:
        self.successes += 1


class Script:
    """Answers each connection with the next handler; the last one again and again."""

    def __init__(self, *handlers: Handler) -> None:
        self._handlers = list(handlers)
        self._tasks: set[asyncio.Task[None]] = set()
        self.asked: list[dict[str, str]] = []
        self.paths: list[str] = []

    def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.ensure_future(self._serve(reader, writer)))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            parts = urlsplit(head.split(" ")[1])
            self.paths.append(parts.path)
            self.asked.append({k: v[0] for k, v in parse_qs(parts.query).items()})
            handler = self._handlers.pop(0) if len(self._handlers) > 1 else self._handlers[0]
            await handler(writer)


@contextlib.asynccontextmanager
async def listening(
    script: Script, *, dead_after: float = 5.0, path: str = "/xa.opus"
) -> AsyncIterator[tuple[Client, Hearing, AtOnce, asyncio.Task[None]]]:
    server = await asyncio.start_server(script, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hearing = Hearing("low")
    backoff = AtOnce()
    client = Client(
        f"http://127.0.0.1:{port}{path}", hearing, "low", backoff=backoff, dead_after=dead_after
    )
    task = asyncio.ensure_future(client.run())
    try:
        async with asyncio.timeout(20):
            yield client, hearing, backoff, task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, FatalError):
            await task
        server.close()
        await script.close()
        await server.wait_closed()


def sends(*parts: bytes, then: Handler | None = None) -> Handler:
    async def handle(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if then is not None:
            await then(writer)

    return handle


async def stays_silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def until(condition: Callable[[], bool]) -> None:
    while True:
        if condition():
            return
        await asyncio.sleep(0.005)


async def test_it_resumes_where_it_was_cut() -> None:
    script = Script(
        sends(OK, stream(START, START + 20)),
        sends(OK, stream(START + 20, START + 30), then=stays_silent),
    )
    async with listening(script) as (client, hearing, backoff, _):
        await until(lambda: hearing.heard().packets == 30)
        heard = hearing.heard()
        assert script.asked[0] == {"cadence": "low", "burst": "0.2"}
        assert script.asked[1] == {"cadence": "low", "burst": "0.2", "from": str(START + 20)}
        assert heard.lost == 0 and heard.repeated == 0 and heard.tick == START + 29
        assert client.state.reconnects == 1 and client.state.link is Link.CONNECTED
        assert backoff.failures == 1 and backoff.successes >= 2


async def test_a_cut_within_a_page_repeats_nothing() -> None:
    whole = stream(START, START + 20)
    script = Script(
        sends(OK, whole[:-7]), sends(OK, stream(START + 18, START + 30), then=stays_silent)
    )
    async with listening(script) as (_, hearing, _, _):
        await until(lambda: hearing.heard().packets == 30)
        assert script.asked[1]["from"] == str(START + 18)
        assert hearing.heard().repeated == 0 and hearing.heard().lost == 0


async def test_what_the_server_sends_again_is_not_played_again() -> None:
    script = Script(
        sends(OK, stream(START, START + 20)),
        sends(OK, stream(START + 5, START + 30), then=stays_silent),
    )
    async with listening(script) as (_, hearing, _, _):
        await until(lambda: hearing.heard().packets == 30)
        assert hearing.heard().repeated == 15


async def test_a_dead_connection_is_left() -> None:
    script = Script(
        sends(OK, stream(START, START + 4), then=stays_silent),
        sends(OK, stream(START + 4, START + 8), then=stays_silent),
    )
    async with listening(script, dead_after=0.2) as (client, hearing, _, _):
        await until(lambda: hearing.heard().packets == 8)
        assert client.state.reconnects == 1


async def test_a_server_that_never_answers_is_left() -> None:
    script = Script(stays_silent, sends(OK, stream(START, START + 4), then=stays_silent))
    async with listening(script, dead_after=0.2) as (client, hearing, _, _):
        await until(lambda: hearing.heard().packets == 4)
        assert client.state.reconnects == 1


async def test_a_stream_that_repeats_itself_is_left() -> None:
    async def repeats(writer: asyncio.StreamWriter) -> None:
        while not writer.transport.is_closing():
            writer.write(page(START, START + 2))
            await asyncio.sleep(0.02)

    script = Script(
        sends(OK, stream(START, START + 4), then=repeats),
        sends(OK, stream(START + 4, START + 8), then=stays_silent),
    )
    async with listening(script, dead_after=0.2) as (_, hearing, _, _):
        await until(lambda: hearing.heard().packets == 8)


async def test_the_end_of_a_stream_is_followed_by_the_next_server() -> None:
    script = Script(
        sends(OK, timeline_headers(), *pages(START, START + 4, end=True), then=stays_silent),
        sends(OK, stream(START + 50, START + 54), then=stays_silent),
    )
    async with listening(script) as (_, hearing, _, _):
        await until(lambda: hearing.heard().packets == 8)
        assert hearing.heard().lost == 46


async def test_errors_of_the_server_are_said_and_tried_again() -> None:
    def status(line: bytes) -> Handler:
        return sends(b"HTTP/1.1 " + line + b"\r\nContent-Length: 0\r\n\r\n")

    seen: list[str | None] = []
    script = Script(
        status(b"404 Not Found"),
        status(b"503 Service Unavailable\r\nRetry-After: 0"),
        sends(b"not http at all\r\n\r\n"),
        sends(OK, stream(START, START + 4), then=stays_silent),
    )
    async with listening(script) as (client, hearing, backoff, _):

        def heard() -> bool:
            if client.state.error not in seen:
                seen.append(client.state.error)
            return hearing.heard().packets == 4

        await until(heard)
        assert backoff.failures == 3 and client.state.error is None


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (OK.replace(b"audio/ogg", b"audio/mpeg"), "serves audio/mpeg, not Ogg Opus"),
        (OK.replace(b"audio/ogg", b"text/html"), "not Ogg Opus"),
        (OK + b"\x00" * 100_000, "no Ogg Opus stream"),
        (OK, "before an Opus stream began"),
    ],
)
async def test_a_wrong_address_is_an_error_at_once(answer: bytes, why: str) -> None:
    async with listening(Script(sends(answer))) as (_, _, _, task):
        with pytest.raises(FatalError, match=why):
            await task


async def test_garbage_later_on_is_survived() -> None:
    script = Script(
        sends(OK, stream(START, START + 4), b"\x00" * 100_000),
        sends(OK.replace(b"audio/ogg", b"text/html")),
        sends(OK, stream(START + 4, START + 8), then=stays_silent),
    )
    async with listening(script) as (_, hearing, _, _):
        await until(lambda: hearing.heard().packets == 8)
        assert hearing.heard().lost == 0


async def test_an_address_keeps_its_own_query() -> None:
    script = Script(sends(OK, stream(START, START + 4), then=stays_silent))
    async with listening(script, path="/xa.opus?key=a%26b") as (_, hearing, _, _):
        await until(lambda: hearing.heard().packets == 4)
        assert script.asked[0]["key"] == "a&b" and script.paths == ["/xa.opus"]


@pytest.mark.parametrize("text", ["", "xa.opus", "ftp://x/y", "http://", "file:///etc/passwd"])
def test_addresses_that_cannot_be(text: str) -> None:
    with pytest.raises(FatalError):
        checked_url(text)
