"""Real source programs at our door: each one's audio arrives, whole and in tune."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from loa.streamer.counters import Counters
from loa.streamer.ingest.decoders import Decoders, standard
from loa.streamer.ingest.icecast import IcecastDoor
from loa.streamer.ingest.session import SourceKind
from support.audio import frequency, tone
from support.ingest import AREA, TOKEN, FakeSession, FakeSources, head, serving

SECONDS = 2.0
HERTZ = 1000.0


class Scene:
    """A door with real decoders and a fake keeper of sources."""

    def __init__(self) -> None:
        self.sources = FakeSources()
        self.counters = Counters()
        self.decoders = Decoders(standard(self.counters))
        self.door = IcecastDoor(self.sources, self.counters, self.decoders)
        self.port = 0


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    async with serving(scene.door) as port:
        scene.port = port
        yield scene
    assert scene.decoders.threads == 0


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("audio") / "tone.wav"
    soundfile.write(path, np.column_stack([tone(SECONDS, HERTZ)] * 2), 48_000)
    return path


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is not installed; make test installs it"
    return found


async def run(*words: str | Path, seconds: float = 30.0, ok: bool = True) -> str:
    """Run a program to its end and return what it said; killed if it takes too long."""
    process = await asyncio.create_subprocess_exec(
        *map(str, words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(seconds):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        said, _ = await process.communicate()
        if ok:
            raise AssertionError(f"{words[0]} did not end: {said.decode()}") from None
    assert not ok or process.returncode == 0, said.decode()
    return said.decode(errors="replace")


async def heard(
    scene: Scene, *, hertz: float = HERTZ, seconds: float = SECONDS, within: float = 0.12
) -> FakeSession:
    """Wait for a session's end; check that it is our tone and of our length."""
    session = await scene.sources.session()
    async with asyncio.timeout(20):
        await session.over.wait()
    # MP3 and AAC have encoder delays that their streams do not tell.
    assert abs(session.samples / 48_000 - seconds) < within, session.samples
    middle = session.pcm[len(session.pcm) // 4 : -len(session.pcm) // 4]
    assert abs(frequency(middle) - hertz) < 3
    assert 0.25 < abs(middle).max() < 0.35
    return session


FFMPEG = {
    "opus": ("-c:a libopus -f ogg", "audio/ogg", SourceKind.OPUS),
    "vorbis": ("-c:a libvorbis -f ogg", "application/ogg", SourceKind.STREAM),
    "flac in ogg": ("-c:a flac -f ogg", "application/ogg", SourceKind.STREAM),
    "flac": ("-c:a flac -f flac", "audio/flac", SourceKind.STREAM),
    "mp3": ("-c:a libmp3lame -f mp3", "audio/mpeg", SourceKind.STREAM),
    "mp3, 22 kHz": ("-c:a libmp3lame -ar 22050 -f mp3", "audio/mpeg", SourceKind.STREAM),
    "aac": ("-c:a aac -f adts", "audio/aac", SourceKind.STREAM),
    "webm": ("-c:a libopus -f webm", "audio/webm", SourceKind.STREAM),
    "opus, said to be mp3": ("-c:a libopus -f ogg", "audio/mpeg", SourceKind.OPUS),
}


@pytest.mark.parametrize("which", FFMPEG)
async def test_ffmpeg_puts(scene: Scene, wav: Path, which: str) -> None:
    options, kind, expected = FFMPEG[which]
    url = f"icecast://source:{TOKEN.replace(' ', '%20')}@127.0.0.1:{scene.port}{AREA}"
    await run(
        program("ffmpeg"), "-v", "error", "-nostdin", "-i", wav, "-ac", "2",
        *options.split(), "-content_type", kind, "-ice_name", "ffmpeg", url,
    )  # fmt: skip
    session = await heard(scene)
    assert session.name == "ffmpeg"
    assert session.kind is expected
    assert not scene.counters.snapshot()


@pytest.mark.parametrize("which", ["opus", "vorbis", "mp3"])
async def test_ffmpeg_puts_in_chunks(scene: Scene, wav: Path, which: str) -> None:
    options, kind, expected = FFMPEG[which]
    url = f"http://source:{TOKEN.replace(' ', '%20')}@127.0.0.1:{scene.port}{AREA}.x"
    await run(
        program("ffmpeg"), "-v", "error", "-nostdin", "-i", wav, "-ac", "2",
        *options.split(), "-method", "PUT", "-auth_type", "basic", "-chunked_post", "1",
        "-send_expect_100", "1", "-content_type", kind, url,
    )  # fmt: skip
    session = await heard(scene)
    assert session.kind is expected
    assert session.outcome == "ended"


async def test_ffmpeg_chains_two_streams(scene: Scene, wav: Path, tmp_path: Path) -> None:
    """What ``cat one.ogg two.ogg`` gives, for each Ogg codec; the rate changes in between."""
    for codec, rates in (("libopus", (48_000, 48_000)), ("libvorbis", (44_100, 22_050))):
        chained = b""
        for rate in rates:
            part = tmp_path / f"{codec}{rate}.ogg"
            await run(
                program("ffmpeg"), "-y", "-v", "error", "-i", wav, "-c:a", codec,
                "-ar", str(rate), part,
            )  # fmt: skip
            chained += part.read_bytes()
        reader, writer = await asyncio.open_connection("127.0.0.1", scene.port)
        writer.write(head(Expect="100-continue") + chained)
        writer.write_eof()
        assert b" 200 " in await reader.read()
        writer.close()
        session = await heard(scene, seconds=2 * SECONDS)
        assert session.outcome == "ended"


async def test_the_sample_rate_may_change_in_mid_stream(
    scene: Scene, wav: Path, tmp_path: Path
) -> None:
    data = b""
    for rate in (44_100, 24_000, 48_000):
        part = tmp_path / f"{rate}.mp3"
        await run(
            program("ffmpeg"), "-v", "error", "-i", wav, "-ar", str(rate),
            "-id3v2_version", "0", "-write_xing", "0", part,
        )  # fmt: skip
        data += part.read_bytes()
    _, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(head(type="audio/mpeg") + data)
    writer.write_eof()
    session = await scene.sources.session()
    await session.over.wait()
    writer.close()
    assert abs(session.samples / 48_000 - 3 * SECONDS) < 0.3
    third = len(session.pcm) // 3
    for start in (0, third, 2 * third):
        assert abs(frequency(session.pcm[start + 24_000 : start + third - 24_000]) - HERTZ) < 3


EZSTREAM = """<?xml version="1.0" encoding="UTF-8"?>
<ezstream>
  <servers><server>
    <name>loa</name><protocol>HTTP</protocol><hostname>127.0.0.1</hostname><port>{port}</port>
    <user>source</user><password>{token}</password><tls>{tls}</tls>
    <reconnect_attempts>1</reconnect_attempts>
  </server></servers>
  <streams><stream>
    <mountpoint>{area}.ogg</mountpoint><server>loa</server><intake>file</intake>
    <format>Ogg</format><stream_name>ezstream</stream_name>
  </stream></streams>
  <intakes><intake>
    <name>file</name><type>file</type><filename>{file}</filename><stream_once>yes</stream_once>
  </intake></intakes>
</ezstream>
"""


# (Debian 12's ezstream crashes by itself on Opus files.)
@pytest.mark.parametrize("tls", ["none", "may"])
async def test_ezstream_streams_by_libshout(
    scene: Scene, wav: Path, tmp_path: Path, tls: str
) -> None:
    ogg = tmp_path / "tone.ogg"
    await run(program("ffmpeg"), "-v", "error", "-i", wav, "-c:a", "libvorbis", ogg)
    config = tmp_path / "ezstream.xml"
    config.write_text(EZSTREAM.format(port=scene.port, token=TOKEN, tls=tls, area=AREA, file=ogg))
    config.chmod(0o600)
    await run(program("ezstream"), "-c", config)
    session = await heard(scene)
    assert session.name == "ezstream"


# It takes seconds to start, so only one of them is for every day.
@pytest.mark.parametrize(
    "format",
    [
        "%opus",
        pytest.param("%vorbis", marks=pytest.mark.slow),
        pytest.param("%ogg(%flac)", marks=pytest.mark.slow),
        pytest.param("%mp3", marks=pytest.mark.slow),
        pytest.param('%ffmpeg(format="adts",%audio(codec="aac"))', marks=pytest.mark.slow),
    ],
)
async def test_liquidsoap_streams(scene: Scene, wav: Path, tmp_path: Path, format: str) -> None:
    script = tmp_path / "radio.liq"
    script.write_text(f"""
settings.init.allow_root.set(true)
settings.log.stdout.set(true)
settings.log.file.set(false)
output.icecast({format}, host="127.0.0.1", port={scene.port}, user="source",
  password="{TOKEN}", mount="{AREA}", name="liquidsoap", fallible=true, on_stop=shutdown,
  once(single("{wav}")))
""")
    await run(program("liquidsoap"), script, seconds=60)
    # It keeps its last Ogg page, up to half a second, to itself.
    session = await heard(scene, seconds=SECONDS - 0.25, within=0.35)
    assert session.name == "liquidsoap"
