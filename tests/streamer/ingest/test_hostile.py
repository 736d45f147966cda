"""Bytes that are not what they say, in every accepted kind, against the real decoders.

Invariant of all: the connection is answered and ends, the session gets finite samples and is given
back once, the thread ends, and the next good source is heard.
"""

from __future__ import annotations

import asyncio
import random
import resource
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from loa.native.opus import OpusDecoder
from loa.streamer.counters import Counters
from loa.streamer.ingest.decoders import Decoders, standard
from loa.streamer.ingest.icecast import IcecastDoor
from support.audio import ogg_opus, tone
from support.ingest import FakeSession, FakeSources, head, serving

KINDS = {
    "audio/ogg": ["-c:a", "libopus", "-f", "ogg"],
    "application/ogg": ["-c:a", "libvorbis", "-f", "ogg"],
    "application/x-ogg": ["-c:a", "flac", "-f", "ogg"],
    "audio/flac": ["-c:a", "flac", "-f", "flac"],
    "audio/mpeg": ["-c:a", "libmp3lame", "-f", "mp3"],
    "audio/aac": ["-c:a", "aac", "-f", "adts"],
    "audio/webm": ["-c:a", "libopus", "-f", "webm"],
}


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One second of a tone in every kind."""
    folder = tmp_path_factory.mktemp("kinds")
    soundfile.write(folder / "tone.wav", tone(1.0), 48_000)
    made = {}
    for kind, words in KINDS.items():
        made[kind] = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", folder / "tone.wav", *words, "-"],
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
    return made


class Scene:
    def __init__(self) -> None:
        self.sources = FakeSources()
        self.counters = Counters()
        self.decoders = Decoders(standard(self.counters))
        self.door = IcecastDoor(self.sources, self.counters, self.decoders)
        self.port = 0

    async def send(self, kind: str, body: bytes) -> tuple[bytes, FakeSession]:
        """Send a body of a kind; return the answer and the session, which is over."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(head(type=kind, Expect="100-continue") + body)
        writer.write_eof()
        async with asyncio.timeout(30):
            answer = await reader.read()
            session = await self.sources.session()
            await session.over.wait()
        writer.close()
        return answer, session


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    async with serving(scene.door) as port:
        scene.port = port
        yield scene
    assert scene.decoders.threads == 0 and not scene.door.connections


def mutations(data: bytes, chance: random.Random) -> list[bytes]:
    """Cut, flip, overwrite, repeat and mix."""
    flipped = bytearray(data)
    for _ in range(30):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    at = chance.randrange(len(data))
    return [
        data[: chance.randrange(1, len(data))],
        data[chance.randrange(1, len(data)) :],
        bytes(flipped),
        data[:at] + chance.randbytes(500) + data[at + 500 :],
        data[:at] + data[: chance.randrange(len(data))] + data[at:],
        data[:40] + chance.randbytes(20_000),
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_damaged_streams_disturb_nobody(
    scene: Scene, streams: dict[str, bytes], kind: str
) -> None:
    chance = random.Random(kind)
    for body in mutations(streams[kind], chance):
        answer, session = await scene.send(kind, body)
        assert b" 200 " in answer or b" 400 " in answer
        assert np.isfinite(session.pcm).all()
        assert session.samples <= 48_000 * 60
    _, session = await scene.send(kind, streams[kind])
    assert abs(session.samples / 48_000 - 1.0) < 0.15


@pytest.mark.parametrize("kind", KINDS)
async def test_garbage_ends_and_is_no_audio(scene: Scene, kind: str) -> None:
    chance = random.Random(kind + "garbage")
    for body in (chance.randbytes(100_000), bytes(100_000), b"\xff" * 50_000, b"x", b"<html>" * 50):
        _, session = await scene.send(kind, body)
        assert np.isfinite(session.pcm).all()
        # Noise can look like a few frames of something.
        assert session.samples <= 48_000 * 10


async def test_a_stream_of_one_kind_said_to_be_another(
    scene: Scene, streams: dict[str, bytes]
) -> None:
    for kind in KINDS:
        for other, body in streams.items():
            _, session = await scene.send(kind, body)
            assert np.isfinite(session.pcm).all(), (kind, other)
            if other.endswith("ogg") or other in ("audio/flac", "audio/webm"):
                # Its first bytes say what it is.
                assert abs(session.samples / 48_000 - 1.0) < 0.15


async def test_a_hundred_sources_leave_nothing_behind(
    scene: Scene, streams: dict[str, bytes], tmp_path: Path
) -> None:
    def used() -> tuple[int, int]:
        return (
            len(list(Path("/proc/self/fd").iterdir())),
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        )

    kinds = list(KINDS)
    for kind in kinds:
        await scene.send(kind, streams[kind])
    descriptors, memory = used()
    for number in range(100):
        kind = kinds[number % len(kinds)]
        await scene.send(kind, streams[kind])
        scene.sources.opened.clear()
    after, more = used()
    assert after <= descriptors + 2
    assert more - memory < 30_000, "KB"


async def test_a_page_of_much_audio_does_not_hold_up_the_loop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """255 packets come in one page: only a few of them are decoded at each turn of the loop."""
    turn = decoded = most = 0
    real = OpusDecoder.decode

    def counting(decoder: OpusDecoder, packet: bytes) -> npt.NDArray[np.float32]:
        nonlocal decoded
        decoded += 1
        return real(decoder, packet)

    async def turning() -> None:
        nonlocal turn, decoded, most
        while True:
            turn += 1
            most = max(most, decoded)
            decoded = 0
            await asyncio.sleep(0)

    monkeypatch.setattr(OpusDecoder, "decode", counting)
    watching = asyncio.create_task(turning())
    body = ogg_opus(tone(20.4), packets_a_page=255, bitrate=12_000)
    _, session = await scene.send("audio/ogg", body)
    watching.cancel()
    assert session.samples == 979_200 - 3840
    assert 0 < most <= 32
