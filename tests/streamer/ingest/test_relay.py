"""Relays: what is fetched and what is refused, and when the alternative takes over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.addresses import networks
from loa.streamer.counters import Counters
from loa.streamer.ingest.containers import Container, guess
from loa.streamer.ingest.decoders import Decoders, standard
from loa.streamer.ingest.relay import (
    Fetcher,
    IcyStripper,
    Pace,
    Relay,
    RelayError,
    RelayRefused,
    Relays,
    Turn,
    kind_of,
)
from loa.streamer.ingest.session import Session, SourceKind
from support.audio import ogg_opus, tone
from support.ingest import FakeSession

LOOPBACK = networks(["127.0.0.0/8", "::1"])
QUICK = Pace(
    connect=5, silence=0.4, steady=30, first_pause=0.01, longest_pause=0.05,
    look_back=0.1, proof=0.2,
)  # fmt: skip
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Stations:
    """An Icecast-like server: what each path gives, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Handler] = {}
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self.server = TestServer(app)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        return await self.answers[request.path](request)


def stream(data: bytes, *, type: str = "audio/ogg", hang: bool = False, icy: int = 0) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers.get("Icy-MetaData") in (None, "0")
        response = web.StreamResponse(headers={"Content-Type": type})
        if icy:
            response.headers["icy-metaint"] = str(icy)
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            await response.write(data)
            while hang:
                await asyncio.sleep(0.05)
                assert request.transport is not None
                if request.transport.is_closing():
                    break
        return response

    return answer


def endless(data: bytes, type: str = "audio/ogg") -> Handler:
    """Give the same bytes for ever, as chained streams."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": type})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(data)
                await asyncio.sleep(0.02)
        return response

    return answer


def status(code: int, **headers: str) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers)

    return answer


@pytest.fixture
async def stations() -> AsyncIterator[Stations]:
    stations = Stations()
    await stations.server.start_server()
    yield stations
    await stations.server.close()


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(LOOPBACK, QUICK)
    yield fetcher
    await fetcher.close()


class Runner:
    """Relays being run, and the sessions that they opened."""

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self.counters = Counters()
        self.decoders = Decoders(standard(self.counters))
        self.sessions: list[FakeSession] = []
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, url: str, alternative: str | None = None) -> Relay:
        def opened() -> FakeSession:
            self.sessions.append(FakeSession(SourceKind.RELAY, url, ""))
            return self.sessions[-1]

        relay = Relay(url, alternative, opened, self.fetcher, self.decoders, self.counters, QUICK)
        self.tasks.append(asyncio.create_task(relay.run()))
        return relay

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)
                for task in self.tasks:
                    assert not task.done(), task


@pytest.fixture
async def runner(fetcher: Fetcher, stations: Stations) -> AsyncIterator[Runner]:
    runner = Runner(fetcher)
    yield runner
    for task in runner.tasks:
        task.cancel()
    await asyncio.gather(*runner.tasks, return_exceptions=True)
    await runner.decoders.join()
    assert runner.decoders.threads == 0
    assert all(session.outcome is not None for session in runner.sessions)


# --- relaying


async def test_a_stream_is_relayed_and_drops_when_it_ends(
    runner: Runner, stations: Stations
) -> None:
    stations.answers["/a"] = stream(ogg_opus(tone(1.08)))
    runner.start(stations.url("/a"))
    await runner.until(lambda: len(runner.sessions) >= 2)
    assert runner.sessions[0].samples == 48_000
    assert runner.sessions[0].outcome == "dropped: the stream ended"
    assert runner.counters.snapshot()["relays.failed"] >= 1


async def test_redirects_are_followed(runner: Runner, stations: Stations) -> None:
    stations.answers["/a"] = status(302, Location="/b")
    stations.answers["/b"] = status(307, Location=stations.url("/c"))
    stations.answers["/c"] = stream(ogg_opus(tone(0.2)), hang=True)
    runner.start(stations.url("/a"))
    await runner.until(lambda: bool(runner.sessions) and runner.sessions[0].samples > 0)


async def test_silence_is_a_failure(runner: Runner, stations: Stations) -> None:
    stations.answers["/a"] = stream(ogg_opus(tone(1.08), eos=False), hang=True)
    runner.start(stations.url("/a"))
    await runner.until(lambda: len(runner.sessions) >= 2)
    assert runner.sessions[0].outcome == "dropped: no audio any more"


async def test_bytes_without_audio_are_a_failure(runner: Runner, stations: Stations) -> None:
    start = ogg_opus(tone(0.2), eos=False)
    stations.answers["/a"] = endless(start[:100], type="audio/ogg")
    runner.start(stations.url("/a"))
    await runner.until(lambda: len(runner.sessions) >= 2)
    assert (runner.sessions[0].outcome or "").startswith("dropped: ")


async def test_the_alternative_takes_over_and_gives_back(
    runner: Runner, stations: Stations
) -> None:
    stations.answers["/main"] = status(404)
    stations.answers["/other"] = endless(ogg_opus(tone(0.4)))
    runner.start(stations.url("/main"), stations.url("/other"))
    await runner.until(lambda: bool(runner.sessions) and runner.sessions[0].samples > 10_000)
    assert stations.asked[:3] == ["/main", "/main", "/other"]
    assert runner.sessions[0].outcome is None
    # It is looked at while the other one plays on, and taken when it is well for a while.
    stations.answers["/main"] = endless(ogg_opus(tone(0.4)))
    await runner.until(lambda: len(runner.sessions) >= 2)
    assert runner.sessions[0].outcome == "dropped: the relay was stopped"
    assert stations.asked.count("/other") == 1
    await runner.until(lambda: runner.sessions[1].samples > 0)


async def test_a_closed_session_is_opened_anew(runner: Runner, stations: Stations) -> None:
    stations.answers["/a"] = endless(ogg_opus(tone(0.4)))
    runner.start(stations.url("/a"))
    await runner.until(lambda: bool(runner.sessions) and runner.sessions[0].samples > 0)
    runner.sessions[0].close("replaced")
    await runner.until(lambda: len(runner.sessions) >= 2 and runner.sessions[1].samples > 0)


# --- refusing


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://127.0.0.1:8000/a", "127.0.0.1 is loopback"),
        ("http://localhost:8000/a", "is loopback"),
        ("http://2130706433:8000/a", "canonical"),
        ("http://0x7f.1:8000/a", "127.0.0.1 is loopback"),
        ("http://[::1]:8000/a", "::1 is loopback"),
        ("http://[::ffff:10.0.0.1]/a", "is private"),
        ("http://169.254.169.254/latest/meta-data", "is link-local"),
        ("http://192.168.1.1/", "is private"),
        ("file:///etc/passwd", "only http and https"),
        ("http://127.0.0.1:25/", "port 25"),
    ],
)
async def test_private_addresses_are_refused(url: str, word: str) -> None:
    fetcher = Fetcher()
    try:
        with pytest.raises(RelayRefused, match=word):
            async with fetcher.get(url):
                pass
    finally:
        await fetcher.close()


async def test_a_redirect_does_not_lead_to_a_private_address(stations: Stations) -> None:
    fetcher = Fetcher(networks(["127.0.0.1"]))
    for location, word in (
        ("http://127.0.0.2:8000/", "127.0.0.2 is loopback"),
        ("http://10.0.0.1/", "10.0.0.1 is private"),
        ("file:///etc/passwd", "only http and https"),
        ("//169.254.169.254/", "link-local"),
    ):
        stations.answers["/a"] = status(302, Location=location)
        with pytest.raises(RelayRefused, match=word):
            async with fetcher.get(f"http://127.0.0.1:{stations.server.port}/a"):
                pass
    await fetcher.close()


async def test_a_name_is_judged_by_the_address_that_is_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def resolve(self: object, host: str, port: int = 0, **_: object) -> list[object]:
        return [{"hostname": host, "host": "10.9.8.7", "port": port, "family": 2, "proto": 6,
                 "flags": 0}]  # fmt: skip

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", resolve)
    fetcher = Fetcher()
    with pytest.raises(RelayRefused, match=r"10\.9\.8\.7 is private"):
        async with fetcher.get("http://radio.example/live"):
            pass
    await fetcher.close()


async def test_redirects_end(fetcher: Fetcher, stations: Stations) -> None:
    stations.answers["/a"] = status(302, Location="/a")
    with pytest.raises(RelayRefused, match="too many"):
        async with fetcher.get(stations.url("/a")):
            pass
    assert len(stations.asked) == 6


async def test_errors_of_the_server_are_errors(fetcher: Fetcher, stations: Stations) -> None:
    stations.answers["/a"] = status(404)
    with pytest.raises(RelayError, match="404"):
        async with fetcher.get(stations.url("/a")):
            pass
    with pytest.raises(RelayError, match=r"127\.0\.0\.1"):
        async with fetcher.get("http://127.0.0.1:1024/"):
            pass


@pytest.mark.parametrize(
    ("type", "start", "found"),
    [
        ("audio/mpeg", b"\xff\xfb\x90\x00" + bytes(40), Container.MP3),
        ("audio/aacp", b"\xff\xf1\x50\x80" + bytes(40), Container.AAC),
        ("application/ogg", ogg_opus(tone(0.1))[:64], Container.OGG_OPUS),
        ("", b"\xff\xfb\x90\x00" + bytes(40), Container.MP3),
        ("application/octet-stream", b"\xff\xf1\x50\x80" + bytes(40), Container.AAC),
        ("audio/x-unknown", b"ID3\x04" + bytes(40), Container.MP3),
        ("audio/mpeg", b"#EXTM3U\n#EXTINF:-1,\nhttp://x/" + bytes(10), None),
        ("audio/mpeg", b"[playlist]\nFile1=http://x/" + bytes(20), None),
        ("audio/x-mpegurl", b"\xff\xfb\x90\x00" + bytes(40), None),
        ("application/vnd.apple.mpegurl", b"#EXTM3U" + bytes(40), None),
        ("text/html", b"<!doctype html>" + bytes(40), None),
        ("audio/ogg", b"  <html>" + bytes(40), None),
        ("text/plain", b"\xff\xfb\x90\x00" + bytes(40), None),
        ("", bytes(40), None),
        ("application/json", b"{}" + bytes(40), None),
    ],
)
def test_what_is_relayed_and_what_is_not(type: str, start: bytes, found: Container | None) -> None:
    if found is None:
        with pytest.raises(RelayRefused):
            kind_of(type, start)
    else:
        assert kind_of(type, start) is found


# --- pure parts


def test_two_failures_change_to_the_other_at_once_and_then_pauses_grow() -> None:
    pace = Pace(first_pause=1, longest_pause=8, failures=2, steady=30)
    turn = Turn(True, pace)
    assert (turn.failed(0), turn.on_main) == (1, True)
    assert (turn.failed(0), turn.on_main) == (0, False)
    assert (turn.failed(0), turn.on_main) == (2, False)
    assert (turn.failed(0), turn.on_main) == (4, True)
    assert [turn.failed(0) for _ in range(3)] == [8, 8, 8]
    # A steady hour makes up for it all.
    assert (turn.failed(3600)) == 1


def test_one_failure_in_an_hour_does_not_change_it() -> None:
    turn = Turn(True, Pace())
    for _ in range(10):
        turn.failed(3600)
        assert turn.on_main


def test_without_an_alternative_there_is_only_the_main_one() -> None:
    turn = Turn(False, Pace(first_pause=1, longest_pause=60))
    assert [turn.failed(0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert turn.on_main


@given(st.binary(max_size=200), st.integers(1, 50), st.integers(1, 64), st.data())
@settings(deadline=None, derandomize=True, max_examples=200)
def test_icy_metadata_is_taken_out_however_it_is_cut(
    audio: bytes, interval: int, size: int, data: st.DataObject
) -> None:
    wire = bytearray()
    for at in range(0, len(audio), interval):
        piece = audio[at : at + interval]
        wire += piece
        if len(piece) == interval:
            blocks = data.draw(st.integers(0, 2))
            wire += bytes((blocks,)) + b"StreamTitle='x';"[:16] * blocks
    stripper = IcyStripper(interval)
    got = b"".join(stripper.feed(bytes(wire[i : i + size])) for i in range(0, len(wire), size))
    assert got == audio


@given(st.binary(max_size=64))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_any_bytes_are_guessed_or_not(start: bytes) -> None:
    """A container or None, and never an error."""
    assert guess(start) is None or isinstance(guess(start), Container)


async def test_relays_come_and_go_while_the_server_runs() -> None:
    counters = Counters()

    def never(url: str) -> Session:
        raise AssertionError(url)

    relays = Relays(
        {"http://127.0.0.1:9/standing": None}, never, Decoders(standard(counters)), counters
    )
    relays.start()
    assert set(relays.relays) == {"http://127.0.0.1:9/standing"}
    relays.want({"http://127.0.0.1:9/slot": None})
    kept = relays.relays["http://127.0.0.1:9/standing"]
    assert len(relays.relays) == 2
    relays.want({})
    assert relays.relays == {"http://127.0.0.1:9/standing": kept}
    await relays.close()
    relays.want({"http://127.0.0.1:9/late": None})
    assert len(relays.relays) == 1
