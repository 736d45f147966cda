"""What source clients send and must be answered, on real sockets; the audio's way in."""

from __future__ import annotations

import asyncio
import random
import re
import threading
from collections.abc import AsyncIterator, Iterable

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from loa.native.error import NativeError
from loa.streamer.counters import Counters
from loa.streamer.ingest import icecast
from loa.streamer.ingest.decoders import Codecs, Decoders, OpusSource
from loa.streamer.ingest.decoding import Samples, Undecodable
from loa.streamer.ingest.icecast import IcecastDoor, mount_path, secret_of
from loa.streamer.ingest.pipe import BytePipe
from loa.streamer.ingest.session import SourceKind
from support.audio import frequency, ogg_opus, tone
from support.ingest import (
    AREA,
    TOKEN,
    EverySecondBlock,
    FakeSession,
    FakeSources,
    basic,
    head,
    serving,
)


def bytes_as_samples(pipe: BytePipe, format: str) -> Iterable[Samples]:
    """Stand in for FFmpeg: each byte is a sample, "bad" is no audio."""
    while data := pipe.read(4096):
        if b"bad" in data:
            raise Undecodable("it is bad")
        yield np.frombuffer(data, dtype=np.uint8).astype(np.float32)


class Scene:
    """A door with fake sources behind a real socket."""

    def __init__(self) -> None:
        self.sources = FakeSources()
        self.counters = Counters()
        codecs = Codecs(opus=OpusSource, media=bytes_as_samples, speech=EverySecondBlock)
        self.decoders = Decoders(codecs)
        self.door = IcecastDoor(self.sources, self.counters, self.decoders)
        self.port = 0

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, request: bytes, *, eof: bool = False) -> bytes:
        """Send bytes and return everything that is answered."""
        reader, writer = await self.connect()
        writer.write(request)
        if eof:
            writer.write_eof()
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer


async def written(session: FakeSession, samples: int) -> None:
    """Wait until so much has been written."""
    async with asyncio.timeout(20):
        while session.samples < samples:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    async with serving(scene.door) as port:
        scene.port = port
        yield scene
    assert scene.decoders.threads == 0
    assert not scene.door.live
    assert not [one for one in threading.enumerate() if one.name.startswith("decode")]


# --- answers


async def test_libshouts_probe_is_told_to_authenticate_and_how(scene: Scene) -> None:
    answer = await scene.ask(head("SOURCE", auth=None, Content_Length="0"))
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nWWW-Authenticate: Basic" in answer
    assert b"\r\nAllow: GET, PUT, POST, OPTIONS, SOURCE\r\n" in answer
    assert not scene.sources.opened


@pytest.mark.parametrize(
    ("request_head", "status", "counted"),
    [
        (head(auth=None), 401, "unauthenticated"),
        (head(auth="Basic !!!"), 401, "unauthenticated"),
        (head(auth="Digest x"), 401, "unauthenticated"),
        (head(auth=basic("wrong")), 401, "credentials"),
        (head(path="/nowhere.ogg"), 404, "area_unknown"),
        (head("SOURCE", path="/"), 404, "area_unknown"),
        (head(type=None), 400, "no_type"),
        (head(type="text/html"), 415, "type"),
        (head(type="audio/x-mpegurl"), 415, "type"),
        (head(Transfer_Encoding="gzip"), 400, "framing"),
        (head(Transfer_Encoding="chunked", Content_Length="3"), 400, "framing"),
    ],
)
async def test_refusals_have_a_status_and_a_count(
    scene: Scene, request_head: bytes, status: int, counted: str
) -> None:
    # A client that is already sending must still be able to read the answer.
    answer = await scene.ask(request_head + bytes(200_000))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.partition(b"\r\n\r\n")[2], "it says why"
    assert scene.counters.snapshot() == {f"sources.refused.{counted}": 1}
    assert not scene.sources.opened


async def test_a_refused_type_is_told_what_is_accepted(scene: Scene) -> None:
    answer = await scene.ask(head(type="audio/midi"))
    for kind in (b"audio/ogg", b"audio/mpeg", b"audio/aac", b"audio/flac", b"audio/webm"):
        assert kind in answer


async def test_a_busy_area_is_403(scene: Scene) -> None:
    scene.sources.busy = True
    assert (await scene.ask(head())).startswith(b"HTTP/1.1 403 ")


async def test_expecting_clients_get_100_at_once_and_200_at_the_end(scene: Scene) -> None:
    reader, writer = await scene.connect()
    writer.write(head(Expect="100-continue"))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    session = await scene.sources.session()
    writer.write(ogg_opus(tone(1)))
    writer.write_eof()
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    await session.over.wait()
    writer.close()


async def test_butt_gets_a_short_200_before_it_sends_anything(scene: Scene) -> None:
    for version, method in (("1.1", "PUT"), ("1.0", "SOURCE")):
        reader, writer = await scene.connect()
        writer.write(head(method, version=version))
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/%s 200 OK\r\n" % version.encode())
        assert len(answer) < 250
        assert b"content-length" not in answer.lower()
        writer.close()


async def test_a_source_without_a_type_sends_mp3(scene: Scene) -> None:
    await scene.ask(head("SOURCE", type=None, version="1.0") + bytes(100), eof=True)
    session = await scene.sources.session()
    await session.over.wait()
    assert session.kind is SourceKind.STREAM and session.samples == 100


async def test_wrong_passwords_are_asked_to_wait_but_not_by_another_area(scene: Scene) -> None:
    for _ in range(10):
        assert b" 401 " in await scene.ask(head(auth=basic("wrong")))
    answer = await scene.ask(head())
    assert answer.startswith(b"HTTP/1.1 429 ") and b"Retry-After: 60" in answer
    assert b" 404 " in await scene.ask(head(path="/another"))


async def test_who_connected_is_passed_on(scene: Scene) -> None:
    _, writer = await scene.connect()
    writer.write(head(ice_name="Đài xã\tNà Khương", User_Agent="butt 0.1"))
    session = await scene.sources.session()
    assert session.name == "Đài xã Nà Khương"
    assert session.peer == "127.0.0.1"
    writer.close()
    await session.over.wait()
    _, writer = await scene.connect()
    writer.write(head(User_Agent="butt 0.1"))
    session = await scene.sources.session()
    assert session.name == "butt 0.1"
    writer.close()
    await session.over.wait()


# --- audio


@pytest.mark.parametrize("size", [1, 700, 100_000])
async def test_opus_comes_out_as_it_went_in(scene: Scene, size: int) -> None:
    reader, writer = await scene.connect()
    writer.write(head())
    await reader.readuntil(b"\r\n\r\n")
    wire = ogg_opus(tone(1.08, 1000.0), title="Bản tin")
    for at in range(0, len(wire), size):
        writer.write(wire[at : at + size])
        if size == 1 and at % 500 == 0:
            await writer.drain()
    writer.write_eof()
    session = await scene.sources.session()
    await session.over.wait()
    assert session.kind is SourceKind.OPUS
    assert session.samples == 48_000
    assert abs(frequency(session.pcm[9600:38400]) - 1000) < 5
    writer.close()


async def test_an_ogg_stream_that_ends_as_ogg_does_is_a_goodbye(scene: Scene) -> None:
    wire = ogg_opus(tone(1), eos=True)
    for body, outcome in (
        (wire, "ended"),
        (ogg_opus(tone(1), eos=False), "dropped: the connection was lost"),
        (wire[:-1], "dropped: the connection was lost"),
        (b"", "dropped: the connection was lost"),
    ):
        await scene.ask(head() + body, eof=True)
        session = await scene.sources.session()
        await session.over.wait()
        assert session.outcome == outcome


async def test_chained_streams_follow_each_other(scene: Scene) -> None:
    body = ogg_opus(tone(1.08), serial=1) + ogg_opus(tone(1.08), serial=2)
    await scene.ask(head() + body, eof=True)
    session = await scene.sources.session()
    await session.over.wait()
    assert session.samples == 96_000 and session.outcome == "ended"


async def test_chunks_and_a_length_end_cleanly(scene: Scene) -> None:
    chunked = head(type="audio/mpeg", Transfer_Encoding="chunked")
    chunked += b"64\r\n" + bytes(100) + b"\r\n0\r\n\r\n"
    sized = head(type="audio/mpeg", Content_Length="100") + bytes(100)
    for request in (chunked, sized):
        assert (await scene.ask(request)).startswith(b"HTTP/1.1 200 ")
        session = await scene.sources.session()
        await session.over.wait()
        assert session.samples == 100 and session.outcome == "ended"


async def test_wrong_chunks_end_it_with_a_word(scene: Scene) -> None:
    request = head(type="audio/mpeg", Transfer_Encoding="chunked", Expect="100-continue")
    answer = await scene.ask(request + b"64\r\n" + bytes(100) + b"\r\nnonsense\r\n")
    assert b"HTTP/1.1 400 " in answer and b"chunk" in answer
    session = await scene.sources.session()
    await session.over.wait()
    assert session.outcome is not None and session.outcome.startswith("dropped: the body")
    assert scene.counters.snapshot()["sources.failed.framing"] == 1


async def test_what_is_no_audio_ends_it_with_a_word(scene: Scene) -> None:
    for kind, garbage in (
        ("audio/mpeg", b"bad" * 100),
        ("audio/ogg", b"OggS" + random.Random(1).randbytes(2_000_000)),
    ):
        answer = await scene.ask(head(type=kind, Expect="100-continue") + garbage)
        assert b"HTTP/1.1 400 " in answer and b"not the audio" in answer
        session = await scene.sources.session()
        await session.over.wait()
        assert session.outcome is not None and session.outcome.startswith("dropped: ")
    assert scene.counters.snapshot()["sources.failed.decode"] == 2


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/ogg"])
async def test_a_source_that_sends_too_fast_is_paused(scene: Scene, kind: str) -> None:
    wire = ogg_opus(tone(4.08), eos=False) * 12 if kind == "audio/ogg" else bytes(2_400_000)
    scene.sources.room = 48_000
    _, writer = await scene.connect()
    writer.write(head(type=kind))
    session = await scene.sources.session()
    (source,) = scene.door.live
    transport = source._transport
    assert transport is not None
    writer.write(wire)
    async with asyncio.timeout(20):
        while session.room or transport.is_reading():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert session.room == 0 and session.samples == 48_000
    session.room = None
    async with asyncio.timeout(20):
        await writer.drain()
        writer.write_eof()
        await session.over.wait()
    assert session.samples > 2_300_000
    writer.close()


async def test_speech_flags_go_with_their_samples(scene: Scene) -> None:
    body = b"\x00" * 36
    _, writer = await scene.connect()
    writer.write(head(type="audio/mpeg") + body)
    session = await scene.sources.session()
    await written(session, 36)
    writer.write(b"\x01" * 10)
    await written(session, 46)
    assert session.flags == [False, True]
    writer.close()
    await session.over.wait()


# --- silence, and the server's own will


async def test_a_source_that_gives_no_audio_is_dropped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(icecast, "SILENT_AFTER", 0.05)
    answer = await scene.ask(head(Expect="100-continue"))
    assert b"HTTP/1.1 400 " in answer and b"no audio" in answer
    session = await scene.sources.session()
    assert session.outcome == "dropped: no audio for 10 seconds"
    assert scene.counters.snapshot()["sources.failed.silent"] == 1


async def test_bytes_that_never_become_audio_do_not_keep_a_source_alive(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(icecast, "SILENT_AFTER", 0.3)
    _, writer = await scene.connect()
    writer.write(head())
    session = await scene.sources.session()
    while not session.over.is_set():
        writer.write(b"O")
        await asyncio.sleep(0.02)
    assert session.samples == 0
    writer.close()


async def test_a_source_that_has_to_wait_is_not_taken_for_dead(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(icecast, "SILENT_AFTER", 0.1)
    scene.sources.room = 1000
    _, writer = await scene.connect()
    writer.write(head(type="audio/mpeg") + bytes(300_000))
    session = await scene.sources.session()
    await asyncio.sleep(0.5)
    assert session.outcome is None and session.samples == 1000
    session.room = None
    writer.write_eof()
    await session.over.wait()
    assert session.samples == 300_000
    writer.close()


async def test_the_server_may_end_a_session(scene: Scene) -> None:
    for kind in ("audio/ogg", "audio/mpeg"):
        reader, writer = await scene.connect()
        writer.write(head(type=kind) + ogg_opus(tone(0.2)))
        session = await scene.sources.session()
        await reader.readuntil(b"\r\n\r\n")
        session.close("replaced")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        assert session.outcome == "closed: replaced"
        writer.close()


async def test_stopping_drops_sources_and_ends_their_threads(scene: Scene) -> None:
    scene.sources.room = 10
    _, writer = await scene.connect()
    writer.write(head(type="audio/mpeg") + bytes(100_000))
    session = await scene.sources.session()
    await written(session, 10)
    assert scene.decoders.threads == 1
    await scene.door.close()
    assert scene.decoders.threads == 0
    assert session.outcome == "dropped: the server is stopping"
    assert b" 503 " in await scene.ask(head())
    writer.close()


@pytest.mark.parametrize("kind", ["audio/ogg", "audio/mpeg"])
async def test_an_engine_without_room_is_not_the_sources_fault(
    scene: Scene, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(session: FakeSession, pcm: object, speech: bool) -> int:
        raise NativeError("a bounded buffer or table has no room", -3)

    monkeypatch.setattr(FakeSession, "write", full)
    answer = await scene.ask(head(type=kind, Expect="100-continue") + ogg_opus(tone(0.5)))
    assert b"HTTP/1.1 503 " in answer and b"cannot take another programme" in answer
    session = await scene.sources.session()
    await session.over.wait()
    assert scene.counters.snapshot() == {"sources.failed.full": 1}


async def test_a_connection_reset_is_a_lost_connection(scene: Scene) -> None:
    reader, writer = await scene.connect()
    writer.write(head(type="audio/mpeg") + bytes(100))
    session = await scene.sources.session()
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.abort()
    await session.over.wait()
    assert session.outcome == "dropped: the connection was lost"


# --- pure parts


@pytest.mark.parametrize(
    ("field", "secret"),
    [
        (basic("a:b"), "a:b"),
        (basic("mật khẩu"), "mật khẩu"),
        (basic("x", user=""), "x"),
        ("bearer abc", "abc"),
        ("Bearer ", None),
        ("Basic", None),
        ("Basic c291cmNl", None),
        ("Basic c291cmNlOg==", None),
        ("Basic c291cmNlOv8=", "ÿ"),
        ("Basic *", None),
        ("", None),
        (None, None),
    ],
)
def test_secrets_are_read_from_the_authorization(field: str | None, secret: str | None) -> None:
    assert secret_of(field) == secret


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/a/b.ogg", "/a/b"),
        ("/a/b", "/a/b"),
        ("/a/b/", "/a/b"),
        ("/a.b/c.mp3", "/a.b/c"),
        ("/", ""),
        ("", ""),
    ],
)
def test_mounts_are_areas_with_an_extension(path: str, area: str) -> None:
    assert mount_path(path) == area


# --- titles


async def titled(
    scene: Scene, query: str, token: str | None = TOKEN
) -> tuple[int, str, FakeSession]:
    """Ask for a title while a source is live; return the status, the answer and the session."""
    reader, writer = await scene.connect()
    writer.write(head())
    session = await scene.sources.session()
    await reader.readuntil(b"\r\n\r\n")
    app = web.Application()
    scene.door.add_routes(app.router)
    async with TestClient(TestServer(app)) as client:
        headers = {} if token is None else {"Authorization": basic(token)}
        url = URL("/admin/metadata?" + query, encoded=True)
        async with client.get(url, headers=headers) as response:
            text = await response.text()
    writer.close()
    await session.over.wait()
    return response.status, text, session


@pytest.mark.parametrize(
    ("query", "title"),
    [
        (f"mode=updinfo&mount={AREA}.ogg&song=B%E1%BA%A3n%20tin", "Bản tin"),
        (f"mode=updinfo&mount={AREA}&song=a+b&charset=UTF-8", "a b"),
        (f"mode=updinfo&mount={AREA}&song=%E9t%E9&charset=ISO-8859-1", "été"),
        (f"mode=updinfo&mount={AREA}&song=%E9t%E9", "été"),
        (f"pass=x&mode=updinfo&mount={AREA}&artist=VOV&title=Tin", "VOV - Tin"),
        (f"mode=updinfo&mount={AREA}&song=x%00%0Ay", "x  y"),
        (f"mode=updinfo&mount={AREA}&song={'x' * 500}", "x" * 200),
        (f"mode=updinfo&mount={AREA}&song=", ""),
    ],
)
async def test_a_title_is_taken(scene: Scene, query: str, title: str) -> None:
    status, text, session = await titled(scene, query)
    assert status == 200 and "<return>1</return>" in text
    assert session.title == title


@pytest.mark.parametrize(
    ("query", "token", "status"),
    [
        (f"mode=updinfo&mount={AREA}&song=x", None, 401),
        (f"mode=updinfo&mount={AREA}&song=x", "wrong", 401),
        ("mode=updinfo&mount=/elsewhere&song=x", TOKEN, 401),
        (f"mode=kill&mount={AREA}&song=x", TOKEN, 400),
        (f"mode=updinfo&mount={AREA}&song=x&charset=rot13", TOKEN, 400),
        ("&".join("a=b" for _ in range(50)), TOKEN, 400),
    ],
)
async def test_a_title_is_refused(scene: Scene, query: str, token: str | None, status: int) -> None:
    found, text, session = await titled(scene, query, token)
    assert found == status and "<return>0</return>" in text
    assert session.title == ""


async def test_the_streams_own_title_is_shown(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(icecast, "SILENT_AFTER", 0.2)
    _, writer = await scene.connect()
    writer.write(head() + ogg_opus(tone(1), title="Bản tin chiều", eos=False))
    session = await scene.sources.session()
    await session.over.wait()
    assert session.title == "Bản tin chiều"
    writer.close()


# --- hostile heads


@given(
    st.sampled_from(["PUT", "SOURCE"]),
    st.sampled_from(["1.0", "1.1"]),
    st.sampled_from([AREA, "/x", "/x//", AREA + ".ogg.mp3"]),
    st.sampled_from([None, "", "Basic x", "Basic Og==", "Bearer"]),
    st.sampled_from([None, "audio/ogg", "audio/mpeg; x=y", "AUDIO/OGG", ";", "audio/aac"]),
    st.dictionaries(
        st.sampled_from(["Expect", "Transfer-Encoding", "Content-Length", "ice-name"]),
        st.sampled_from(["100-continue", "chunked", "0", "5", "-1", "x", "Tên"]),
    ),
    st.binary(max_size=60),
)
@settings(deadline=None, derandomize=True, max_examples=150)
def test_any_head_is_answered_once_and_leaves_nothing(
    method: str,
    version: str,
    path: str,
    auth: str | None,
    type: str | None,
    fields: dict[str, str],
    body: bytes,
) -> None:
    """Whatever the head: one final status of ours, and no session, thread or socket stays."""

    async def run() -> None:
        scene = Scene()
        async with serving(scene.door) as port:
            scene.port = port
            request = head(method, path, version=version, auth=auth, type=type, **fields)
            answer = await scene.ask(request + body, eof=True)
            statuses = re.findall(rb"HTTP/1\.[01] (\d+) ", answer)
            assert [s for s in statuses if s != b"100"], answer
            assert len([s for s in statuses if s != b"100"]) == 1
            for session in scene.sources.opened:
                async with asyncio.timeout(10):
                    await session.over.wait()
        assert not scene.door.live and not scene.door.connections
        assert scene.decoders.threads == 0

    with asyncio.Runner() as runner:
        runner.run(run())
