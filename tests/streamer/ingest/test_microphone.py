"""``loa live`` and darkice with a microphone (PulseAudio's virtual one), as real processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from aiohttp import web
from aiohttp.test_utils import TestServer

from loa.streamer.counters import Counters
from loa.streamer.ingest.decoders import Decoders, standard
from loa.streamer.ingest.icecast import IcecastDoor
from loa.streamer.ingest.session import SourceKind
from loa.streamer.ingest.studio import StudioDoor
from support.audio import frequency, tone
from support.ingest import AREA, TOKEN, EverySecondBlock, FakeSession, FakeSources, serving
from support.pulse import Pulse, pulse

HERTZ = 1000.0
LOA = Path(sys.executable).with_name("loa")


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pulse]:
    with pulse(tmp_path_factory.mktemp("pulse")) as found:
        yield found


@contextlib.asynccontextmanager
async def running(
    *words: str | Path, environment: dict[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a program; it is asked to end if it has not by itself."""
    assert shutil.which(str(words[0])), f"{words[0]} is not installed; make test installs it"
    process = await asyncio.create_subprocess_exec(
        *map(str, words),
        env=os.environ | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(10):
                await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()


@contextlib.asynccontextmanager
async def sounding(card: Pulse, folder: Path) -> AsyncIterator[None]:
    """Let the card's microphone hear a tone."""
    path = folder / "tone.wav"
    soundfile.write(path, tone(60.0, HERTZ), 48_000)
    async with running("paplay", "--device=horn", path, environment=card.environment):
        yield


async def hears(session: FakeSession) -> None:
    """Wait for a second and a half of the tone."""
    async with asyncio.timeout(30):
        while session.samples < 96_000:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    pcm = session.pcm[-48_000:]
    assert abs(frequency(pcm) - HERTZ) < 3
    assert 0.2 < float(np.abs(pcm).max()) < 0.4


async def test_loa_live_with_a_microphone(card: Pulse, tmp_path: Path) -> None:
    sources = FakeSources()
    door = StudioDoor(sources, Counters(), EverySecondBlock)
    app = web.Application()
    door.add_routes(app.router)
    server = TestServer(app)
    await server.start_server()
    environment = card.environment | {"LOA_SOURCE_PASSWORD": TOKEN}
    url = str(server.make_url("/"))
    async with (
        sounding(card, tmp_path),
        running(LOA, "live", AREA, "--server", url, "--json", environment=environment) as live,
    ):
        session = await sources.session()
        await hears(session)
        assert session.kind is SourceKind.STUDIO
        live.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            said, _ = await live.communicate()
    assert live.returncode == 0, said
    assert session.outcome == "ended"
    events = [json.loads(line) for line in said.splitlines() if line.startswith(b"{")]
    kinds = [event["event"] for event in events]
    assert kinds[:2] == ["connecting", "connected"] and kinds[-1] == "closed"
    status = next(event for event in events if event["event"] == "status")
    assert status["on_air"] == [AREA] and status["listeners"] == 3
    levels = [event["rms_dbfs"] for event in events if event["event"] == "level"]
    assert max(levels) == pytest.approx(20 * np.log10(0.3) - 3, abs=1)
    # What the device gave arrived, whole.
    assert status["dropped"] == 0 and status["lost"] == 0
    await door.close()
    await server.close()


async def test_devices_are_listed(card: Pulse) -> None:
    async with running(LOA, "live", "--list-devices", environment=card.environment) as listing:
        said, _ = await listing.communicate()
    assert listing.returncode == 0 and b"default" in said


async def test_a_microphone_that_is_not_there_is_an_error(card: Pulse) -> None:
    environment = card.environment | {"LOA_SOURCE_PASSWORD": TOKEN}
    words = ("live", AREA, "--mic", "no such thing", "--server", "http://127.0.0.1:9")
    async with running(LOA, *words, environment=environment) as live:
        said, _ = await live.communicate()
    assert live.returncode == 1 and b"cannot be opened" in said and b"--list-devices" in said


DARKICE = """
[general]
duration = 0
bufferSecs = 1
reconnect = no
realtime = no
[input]
device = pulseaudio
paSourceName = horn.monitor
sampleRate = 44100
bitsPerSample = 16
channel = 2
[icecast2-0]
bitrateMode = cbr
format = {format}
bitrate = 96
server = 127.0.0.1
port = {port}
password = {token}
mountPoint = {mount}
name = darkice
"""


@pytest.mark.parametrize("format", ["vorbis", pytest.param("mp3", marks=pytest.mark.slow)])
async def test_darkice(card: Pulse, tmp_path: Path, format: str) -> None:
    sources = FakeSources()
    counters = Counters()
    door = IcecastDoor(sources, counters, Decoders(standard(counters)))
    config = tmp_path / "darkice.cfg"
    async with serving(door) as port:
        config.write_text(
            DARKICE.format(format=format, port=port, token=TOKEN, mount=AREA.removeprefix("/"))
        )
        async with (
            sounding(card, tmp_path),
            running("darkice", "-c", config, environment=card.environment),
        ):
            session = await sources.session()
            await hears(session)
        assert session.name == "darkice"
        await session.over.wait()
    assert not counters.snapshot()


BUTT = """
[main]
server = loa
icy =
num_of_srv = 1
num_of_icy = 0
srv_ent = loa
icy_ent =
song_path =
song_update = 0
log_file =
gain = 1.0
check_for_update = 0
start_agent = 0
connect_at_startup = 1

[audio]
device = default
samplerate = {rate}
bitrate = 96
channel = 2
codec = {codec}
resample_mode = 1
buffer_ms = 50

[record]
samplerate = {rate}
bitrate = 96
channel = 2
codec = {codec}
start_rec = 0
filename = x.mp3
folder = {folder}/

[tls]
cert_file =
cert_dir =

[gui]
attach = 0
ontop = 0
lcd_auto = 0

[loa]
address = 127.0.0.1
port = {port}
password = {token}
type = 1
tls = 0
mount = {mount}
usr = source
"""


@contextlib.asynccontextmanager
async def screen(folder: Path) -> AsyncIterator[str]:
    """Run an X server that shows nothing; gives its display's name."""
    reading, writing = os.pipe()
    assert shutil.which("Xvfb"), "Xvfb is not installed; make test installs it"
    process = await asyncio.create_subprocess_exec(
        "Xvfb", "-displayfd", str(writing), "-screen", "0", "800x600x24", "-nolisten", "tcp",
        pass_fds=(writing,),
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading) as display:
            number = await asyncio.to_thread(display.readline)
        assert number.strip(), "Xvfb did not start"
        yield f":{number.strip()}"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize(
    ("codec", "rate"),
    [("opus", 48_000), pytest.param("mp3", 44_100, marks=pytest.mark.slow),
     pytest.param("ogg", 44_100, marks=pytest.mark.slow),
     pytest.param("flac", 44_100, marks=pytest.mark.slow),
     pytest.param("aac", 44_100, marks=pytest.mark.slow)],
)  # fmt: skip
async def test_butt(card: Pulse, tmp_path: Path, codec: str, rate: int) -> None:
    sources = FakeSources()
    counters = Counters()
    door = IcecastDoor(sources, counters, Decoders(standard(counters)))
    config = tmp_path / "buttrc"
    async with serving(door) as port, screen(tmp_path) as display:
        config.write_text(
            BUTT.format(
                rate=rate, codec=codec, port=port, token=TOKEN, mount=AREA[1:], folder=tmp_path
            )
        )
        environment = card.environment | {"DISPLAY": display}
        async with (
            sounding(card, tmp_path),
            running("butt", "-x", "-c", config, environment=environment),
        ):
            session = await sources.session()
            await hears(session)
        await session.over.wait()
    assert not counters.snapshot()
