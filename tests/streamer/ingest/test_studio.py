"""A studio's WebSocket, and ``loa live`` at the other end of it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs import studio
from loa.codecs.studio import Audio, Closed, End, Hello, Pcm, Ping, Pong, Ready, Status, Title
from loa.native.error import NativeError
from loa.streamer.counters import Counters
from loa.streamer.ingest import live as live_module
from loa.streamer.ingest import studio as door_module
from loa.streamer.ingest.capture import CaptureError, Files
from loa.streamer.ingest.live import Live, LiveError, Outbox, Settings
from loa.streamer.ingest.live_console import ConsoleTeller, go_live
from loa.streamer.ingest.session import SourceKind
from loa.streamer.ingest.studio import Gaps, StudioDoor
from support.audio import frequency, opus_packets, tone
from support.ingest import AREA, TOKEN, EverySecondBlock, FakeSession, FakeSources, basic

Socket = aiohttp.ClientWebSocketResponse
MIC = Hello("mic")
Connect = Callable[..., Awaitable[Socket]]


class Scene:
    """A studio door behind aiohttp, with fake sources."""

    def __init__(self) -> None:
        self.sources = FakeSources()
        self.counters = Counters()
        self.door = StudioDoor(self.sources, self.counters, EverySecondBlock)
        app = web.Application()
        self.door.add_routes(app.router)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await scene.server.start_server()
    yield scene
    await scene.door.close()
    await scene.server.close()
    assert not scene.door.live


@pytest.fixture
async def connect(scene: Scene) -> AsyncIterator[Connect]:
    """Open the WebSocket; with a hello, unless it is None."""
    async with aiohttp.ClientSession() as http:

        async def opened(
            area: str = AREA, token: str | None = TOKEN, hello: Hello | None = MIC
        ) -> Socket:
            headers = {} if token is None else {"Authorization": basic(token)}
            ws = await http.ws_connect(f"{scene.url}/api/v1/live{area}", headers=headers)
            if hello is not None:
                await ws.send_str(studio.encode(hello))
            return ws

        yield opened


async def said(ws: Socket) -> Any:
    """Return the next text message, None when it is closed."""
    async with asyncio.timeout(10):
        message = await ws.receive()
    return studio.parse(message.data) if message.type is aiohttp.WSMsgType.TEXT else None


async def last_word(ws: Socket) -> Closed:
    while not isinstance(message := await said(ws), Closed):
        assert message is not None, "closed without a word"
    return message


# --- the server's side


async def test_a_studio_goes_live_and_says_goodbye(scene: Scene, connect: Connect) -> None:
    ws = await connect()
    assert await said(ws) == Ready(AREA, live="1.2.3")
    session = await scene.sources.session()
    assert session.kind is SourceKind.STUDIO and session.name == "mic"
    for number, packet in enumerate(opus_packets(tone(1, 1000.0))):
        await ws.send_bytes(studio.encode_audio(Audio(number, 0, (packet,))))
    await ws.send_str(studio.encode(Title("Bản tin\n")))
    await ws.send_str(studio.encode(End()))
    assert (await last_word(ws)).reason == "ended"
    assert await said(ws) is None
    assert session.outcome == "ended"
    assert session.title == "Bản tin"
    assert session.samples == 48_000
    assert abs(frequency(session.pcm[9600:]) - 1000) < 3


async def test_a_studio_is_told_how_it_does(scene: Scene, connect: Connect) -> None:
    ws = await connect()
    await said(ws)
    status = await said(ws)
    assert isinstance(status, Status)
    assert (status.on_air, status.mounts, status.listeners) == ((AREA,), 1, 3)
    await ws.close()


async def test_samples_are_taken_where_nothing_encodes(scene: Scene, connect: Connect) -> None:
    ws = await connect()
    await said(ws)
    pcm = (32768 * tone(1, 1000.0)).astype("<i2").tobytes()
    blocks = [pcm[at : at + 1920] for at in range(0, len(pcm), 1920)]
    for number in (*range(0, 20, 5), 10, *range(25, 50, 5)):  # one comes twice, one is missing
        some = tuple(blocks[number : number + 5])
        await ws.send_bytes(studio.encode_pcm(Pcm(number, 0, some)))
    await ws.send_str(studio.encode(End()))
    assert (await last_word(ws)).reason == "ended"
    (session,) = scene.sources.opened
    assert session.samples == 45 * 960
    assert abs(frequency(session.pcm[:19200]) - 1000) < 3
    assert float(np.max(np.abs(session.pcm))) == pytest.approx(0.3, abs=0.001)
    counts = scene.counters.snapshot()
    assert (counts["studios.packets.lost"], counts["studios.packets.late"]) == (5, 5)


async def test_pings_are_answered_but_not_without_end(scene: Scene, connect: Connect) -> None:
    ws = await connect()
    await said(ws)
    for number in range(100):
        await ws.send_str(studio.encode(Ping(number)))
    pongs = []
    while not isinstance(message := await said(ws), Status):
        pongs.append(message)
    assert pongs == [Pong(number) for number in range(8)]
    await ws.close()


async def test_several_packets_a_message_are_one_write(scene: Scene, connect: Connect) -> None:
    ws = await connect()
    packets = opus_packets(tone(0.16))
    await ws.send_bytes(studio.encode_audio(Audio(0, 0, tuple(packets))))
    await ws.send_str(studio.encode(End()))
    await last_word(ws)
    (session,) = scene.sources.opened
    assert [len(block) for block in session.blocks] == [7680]


@pytest.mark.parametrize(
    ("area", "token", "busy", "reason", "again"),
    [
        ("/nowhere", TOKEN, False, "unknown_area", False),
        (AREA, "wrong", False, "not_allowed", False),
        (AREA, TOKEN, True, "busy", True),
    ],
)
async def test_refusals_say_why(
    scene: Scene, connect: Connect, area: str, token: str, busy: bool, reason: str, again: bool
) -> None:
    scene.sources.busy = busy
    ws = await connect(area, token)
    closed = await last_word(ws)
    assert (closed.reason, closed.again) == (reason, again) and closed.text
    assert await said(ws) is None
    assert scene.counters.snapshot() == {f"studios.refused.{reason}": 1}


async def test_without_a_token_there_is_no_websocket(scene: Scene, connect: Connect) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await connect(token=None)
    assert caught.value.status == 401


async def test_guessing_is_slowed_down(scene: Scene, connect: Connect) -> None:
    for _ in range(10):
        assert (await last_word(await connect(token="wrong"))).reason == "not_allowed"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await connect()
    assert caught.value.status == 429


async def test_a_plain_get_is_told_what_this_is(scene: Scene) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{scene.url}/api/v1/live{AREA}", headers={"Authorization": basic()}) as answer,
    ):
        assert answer.status == 400 and "WebSocket" in await answer.text()


@pytest.mark.parametrize(
    "wrong",
    [b"\x00", b"\x02" + bytes(20), "{}", "x", studio.encode(Hello(klass="urgent"))],
)
async def test_what_is_no_message_ends_it(
    scene: Scene, connect: Connect, wrong: bytes | str
) -> None:
    ws = await connect()
    await said(ws)
    await (ws.send_bytes(wrong) if isinstance(wrong, bytes) else ws.send_str(wrong))
    assert (await last_word(ws)).reason == "protocol"
    (session,) = scene.sources.opened
    assert session.outcome is not None and session.outcome.startswith("dropped: ")


@pytest.mark.parametrize("first", [b"\x01", studio.encode(End()), '{"type":"hello","version":9}'])
async def test_the_first_message_is_a_hello(
    scene: Scene, connect: Connect, first: bytes | str
) -> None:
    ws = await connect(hello=None)
    await (ws.send_bytes(first) if isinstance(first, bytes) else ws.send_str(first))
    assert (await last_word(ws)).reason == "protocol"
    assert not scene.sources.opened


async def test_a_huge_message_is_refused(scene: Scene, connect: Connect) -> None:
    ws = await connect()
    await said(ws)
    await ws.send_bytes(bytes(200_000))
    async with asyncio.timeout(10):
        while (await ws.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass
    session = await scene.sources.session()
    await session.over.wait()


async def test_a_lost_connection_is_dropped(scene: Scene, connect: Connect) -> None:
    ws = await connect()
    await said(ws)
    session = await scene.sources.session()
    assert ws._response.connection is not None
    transport = ws._response.connection.transport
    assert transport is not None
    transport.abort()
    async with asyncio.timeout(10):
        await session.over.wait()
    assert session.outcome == "dropped: the connection was lost"


async def test_the_server_may_end_it(scene: Scene, connect: Connect) -> None:
    for reason, word, again in (
        ("replaced", "replaced", False),
        ("shutdown", "shutdown", True),
        ("an administrator stopped it", "stopped", False),
    ):
        ws = await connect()
        session = await scene.sources.session()
        await said(ws)
        session.close(reason)
        closed = await last_word(ws)
        assert (closed.reason, closed.again) == (word, again)


async def test_silence_ends_it(
    scene: Scene, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "SILENT_AFTER", 0.05)
    monkeypatch.setattr(door_module, "STATUS_EVERY", 0.05)
    ws = await connect()
    closed = await last_word(ws)
    assert (closed.reason, closed.again) == ("timed_out", True)
    assert scene.sources.opened[0].outcome == "dropped: no audio for 10 seconds"


async def test_an_engine_without_room_is_said(
    scene: Scene, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(session: FakeSession, pcm: object, speech: bool) -> int:
        raise NativeError("a bounded buffer or table has no room", -3)

    monkeypatch.setattr(FakeSession, "write", full)
    ws = await connect()
    packet = opus_packets(tone(0.02))[0]
    await ws.send_bytes(studio.encode_audio(Audio(0, 0, (packet,))))
    closed = await last_word(ws)
    assert (closed.reason, closed.again) == ("full", True)
    assert (scene.sources.opened[0].outcome or "").startswith("dropped: the server cannot")


async def test_a_studio_faster_than_time_is_not_decoded_for_long(
    scene: Scene, connect: Connect
) -> None:
    ws = await connect()
    await said(ws)
    packet = opus_packets(tone(0.02))[0]
    for number in range(0, 2000, 8):
        await ws.send_bytes(studio.encode_audio(Audio(number, 0, (packet,) * 8)))
    await ws.send_str(studio.encode(End()))
    await last_word(ws)
    assert scene.counters.snapshot()["studios.too_fast"] > 1000


# --- gaps


def test_a_short_gap_is_filled_and_a_long_one_is_not() -> None:
    packets = opus_packets(tone(1))
    for missing, filled in ((1, 1), (5, 5), (6, 0), (30, 0)):
        gaps = Gaps()
        got = sum(len(b) for b in gaps.take(Audio(0, 0, tuple(packets[:5]))))
        got += sum(len(b) for b in gaps.take(Audio(5 + missing, 0, (packets[10],))))
        assert got == (6 + filled) * 960
        assert gaps.lost == missing


def test_sequences_wrap_and_what_comes_again_is_read_over() -> None:
    packets = tuple(opus_packets(tone(0.1)))
    gaps = Gaps()
    assert len(gaps.take(Audio(2**32 - 2, 0, packets[:4]))) == 4
    assert gaps.take(Audio(0, 0, packets[:2])) == []
    assert (gaps.lost, gaps.late) == (0, 2)
    assert len(gaps.take(Audio(2, 0, packets[:1]))) == 1


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(min_size=1, max_size=40))))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_any_packets_are_decoded_or_concealed(packets: list[tuple[int, bytes]]) -> None:
    """Finite samples come out, at most five frames before each packet and 120 ms of it."""
    gaps = Gaps()
    for sequence, packet in packets:
        blocks = gaps.take(Audio(sequence, 0, (packet,)))
        assert len(blocks) <= 1 + door_module.MAX_FILLED
        assert all(np.isfinite(block).all() and len(block) <= 5760 for block in blocks)


# --- loa live


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "bản tin.wav"
    soundfile.write(path, tone(0.5, 1000.0), 48_000)
    return path


def to(scene: Scene, **other: Any) -> Settings:
    return Settings(**{"url": scene.url, "area": AREA, "secret": TOKEN, **other})


async def test_files_are_sent_one_behind_the_other(scene: Scene, wav: Path) -> None:
    events: list[dict[str, Any]] = []
    await Live(to(scene, name="đài xã"), Files([wav, wav]), events.append).run()
    (session,) = scene.sources.opened
    assert session.outcome == "ended"
    assert session.samples == 48_000
    assert (session.name, session.title) == ("đài xã", "bản tin")
    assert abs(frequency(session.pcm[9600:]) - 1000) < 3
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["connecting", "connected"] and kinds[-1] == "closed"
    assert "status" in kinds


async def test_stopping_says_goodbye(scene: Scene, wav: Path) -> None:
    live = Live(to(scene), Files([wav] * 20), lambda event: None)
    running = asyncio.create_task(live.run())
    session = await scene.sources.session()
    live.stop()
    async with asyncio.timeout(10):
        await running
    assert session.outcome == "ended" and session.samples < 480_000


@pytest.mark.parametrize(
    ("other", "word"),
    [
        ({"secret": "wrong"}, "wrong password"),
        ({"area": "/nowhere"}, "no area"),
        ({"klass": "emergency"}, "routine at most"),
        ({"url": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"url": "ftp://x"}, "no address"),
        ({"area": "/"}, "area is needed"),
    ],
)
async def test_errors_are_said_clearly(
    scene: Scene, wav: Path, other: dict[str, Any], word: str
) -> None:
    files = Files([wav])
    with pytest.raises(LiveError, match=word):
        await Live(to(scene, **other), files, lambda event: None).run()
    await files.close()


async def test_a_busy_area_is_an_error_at_first(scene: Scene, wav: Path) -> None:
    scene.sources.busy = True
    with pytest.raises(LiveError, match="somebody else"):
        await Live(to(scene), Files([wav]), lambda event: None).run()


async def test_a_lost_link_comes_back_and_files_go_on(
    scene: Scene, wav: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "_FIRST_PAUSE", 0.01)
    events: list[dict[str, Any]] = []
    running = asyncio.create_task(Live(to(scene), Files([wav] * 3), events.append).run())
    session = await scene.sources.session()
    while session.samples < 9600:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    (link,) = scene.door.live
    transport = link._socket._req.transport  # type: ignore[union-attr]
    transport.abort()
    again = await scene.sources.session()
    async with asyncio.timeout(20):
        await running
    assert session.outcome == "dropped: the connection was lost"
    assert again.outcome == "ended"
    # What was under way when it broke is lost, and nothing else.
    assert 72_000 - 9600 <= session.samples + again.samples <= 72_000
    assert "lost" in [event["event"] for event in events]


async def test_what_is_live_pushes_out_the_oldest() -> None:
    outbox = Outbox(live=True, size=3)
    for number in range(8):
        await outbox.put(bytes((number,)), number)
    assert outbox.dropped == 5
    audio = await outbox.take()
    assert audio == Audio(5, 5, (b"\x05", b"\x06", b"\x07"))


async def test_what_is_not_live_waits() -> None:
    outbox = Outbox(live=False, size=2)
    await outbox.put(b"a", 0)
    await outbox.put(b"b", 0)
    third = asyncio.create_task(outbox.put(b"c", 0))
    await asyncio.sleep(0)
    assert not third.done()
    assert await outbox.take() == Audio(0, 0, (b"a", b"b"))
    await third
    await outbox.end()
    assert await outbox.take() == Audio(2, 0, (b"c",))
    assert await outbox.take() is None
    assert outbox.dropped == 0


async def test_a_file_that_is_no_audio_is_an_error(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(b"no audio" * 100)
    with pytest.raises(CaptureError, match=r"x\.mp3"):
        await Live(to(scene), Files([path]), lambda event: None).run()
    with pytest.raises(CaptureError, match="there is no file"):
        Files([tmp_path / "none.wav"])


def test_an_error_is_the_exit_status(wav: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there_is_nobody = Settings("http://127.0.0.1:9", AREA, TOKEN)
    assert go_live(there_is_nobody, None, [wav], as_json=True) == 1
    out, err = capsys.readouterr()
    assert json.loads(out.splitlines()[-1])["event"] == "error"
    assert "cannot be reached" in err and "ssl" not in err


def test_the_line_says_what_matters() -> None:
    from rich.console import Console

    teller = ConsoleTeller(Console(file=None, quiet=True))
    assert "connecting" in teller.line(-99, -99, 0).plain
    teller.tell({"event": "connected", "area": AREA})
    assert "not on air" in teller.line(-20, -30, 0).plain
    status = Status((AREA,), 1, 3, -23.0, -16.2, 7.0, 0.0, -3.0, True, 41.0, 40.0, 2)
    teller.tell({"event": "status", **live_module._words(status)})
    line = teller.line(-20, -30, 1).plain
    for words in ("ON AIR", "1 areas, 3 listeners", "-20 dB", "out -16 LUFS", "+7 dB", "lost 60"):
        assert words in line


class Ticking:
    """A microphone much faster than time."""

    live = True
    title = ""
    dropped = 0

    def __init__(self) -> None:
        self.given = 0

    async def frame(self) -> tuple[np.ndarray[Any, np.dtype[np.float32]], int] | None:
        await asyncio.sleep(0.001)
        self.given += 1
        return np.zeros(960, np.float32), self.given * 20_000

    async def close(self) -> None:
        pass


async def test_a_link_that_stands_still_costs_old_words_and_not_delay(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "_FASTEST", 1e9)
    monkeypatch.setattr(door_module, "_BURST", 1e9)
    source = Ticking()
    live = Live(to(scene, bitrate=128_000), source, lambda event: None)
    running = asyncio.create_task(live.run())
    session = await scene.sources.session()
    (link,) = scene.door.live
    transport = link._socket._req.transport  # type: ignore[union-attr]
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    transport.pause_reading()
    async with asyncio.timeout(30):
        while not live.dropped:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        # What waits in the sender's kernel and outbox stays what it is, however long it lasts.
        given, dropped = source.given, live.dropped
        while live.dropped < dropped + 100:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert live.dropped - dropped >= source.given - given - 15
        transport.resume_reading()
        samples = session.samples
        while session.samples < samples + 48_000:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        live.stop()
        await running
    assert session.outcome == "ended"
    assert scene.counters.snapshot()["studios.packets.lost"] >= dropped + 100 - 15
