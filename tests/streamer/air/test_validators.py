"""Long captures across many programme changes satisfy the Ogg and Opus validators.

They end gracefully here, so ``oggz-validate`` has nothing to say; ``opusinfo`` may see one gap in
the sequence, after the headers.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from serving import START_TICK, serving, tone

from loa.codecs.opus import timeline_headers
from loa.native.engine import ChainConfig, Engine
from loa.native.ring import RingConfig

MINUTE = 60 * 50


def program(name: str, package: str) -> str:
    path = shutil.which(name)
    assert path, f"{name} is not installed (Debian: apt-get install {package})"
    return path


GAP = re.compile(
    r"WARNING: (sequence number gap in stream 1\. Got page \d+ when expecting page 2\..*"
    r"|discontinuity in stream \(1\))"
)


def complaints(capture: Path) -> list[str]:
    """What the validators say of a capture that was ended, beyond what is right for it."""
    found = []
    done = subprocess.run(
        [program("oggz-validate", "oggz-tools"), str(capture)],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if done.returncode:
        found += (done.stdout + done.stderr).splitlines()
    done = subprocess.run(
        [program("opusinfo", "opus-tools"), str(capture)],
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    text = done.stdout + done.stderr
    assert "Opus stream 1:" in text and "Logical stream 1 ended" in text, text
    warnings = [line for line in text.splitlines() if "WARNING" in line]
    gap = [line for line in warnings if GAP.fullmatch(line)]
    if len(gap) > 2:  # the one gap is told in two lines
        found += gap
    return found + [line for line in warnings if line not in gap]


@pytest.mark.parametrize("cadence", [2, 10])
def test_an_hour_on_the_virtual_clock(cadence: int, tmp_path: Path) -> None:
    rng = random.Random(cadence)
    clips = [tone(seconds, hz) for seconds, hz in ((2.0, 300.0), (7.3, 500.0), (30.0, 700.0))]
    with Engine(START_TICK, virtual=True, workers=0, fanouts=1, max_listeners=8) as engine:
        mount = engine.open_mount()
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        engine.join(
            mount, theirs.detach(), timeline_headers(),
            cadence=cadence, burst_ticks=0, max_lag_ticks=500,
        )  # fmt: skip
        capture, changes = tmp_path / "hour.opus", 0
        with ours, capture.open("wb") as file:

            def take() -> None:
                with contextlib.suppress(BlockingIOError):
                    while data := ours.recv(65536):
                        file.write(data)

            while engine.tick < START_TICK + 60 * MINUTE:
                # To silence, into a clip's middle, cutting one short: anything after anything.
                at = engine.tick + rng.randrange(2, 20)
                clip = rng.choice(clips)
                programme = engine.open_clip(clip, at, rng.randrange(clip.ticks // 2))
                engine.carry([mount], rng.choice([programme, programme, 0]), at)
                engine.events()
                changes += 1
                for _ in range(rng.randrange(1, 12)):
                    engine.advance(50)
                    take()
            assert changes > 400
            engine.stop(2000)
            take()
        stats = engine.stats()
        assert stats["leaves_stop"] == 1 and stats["lag_skips"] == 0
    assert complaints(capture) == []
    assert capture.stat().st_size > 3_000_000


async def capture_live(path: Path, seconds: float, query: str) -> None:
    """Listen through the front door while clips and a live source take turns."""
    rng = random.Random(7)
    async with serving() as server:
        reader, writer = await server.connect()
        writer.write(f"GET /ha-giang/na-khuong.opus{query} HTTP/1.0\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        engine, loop = server.engine, asyncio.get_running_loop()
        live = engine.open_live(ChainConfig(), RingConfig(), engine.tick + 5)
        clip = tone(5.0, 600.0)
        end = loop.time() + seconds

        async def change() -> None:
            while loop.time() < end:
                at = engine.tick + 5
                programme = rng.choice([0, live.handle, engine.open_clip(clip, at)])
                engine.carry([0], programme, at)
                await asyncio.sleep(rng.uniform(0.2, 3.0))

        changing = asyncio.create_task(change())
        with path.open("wb") as file:
            while loop.time() < end:
                file.write(await reader.read(65536))
            await changing
            await asyncio.to_thread(engine.stop, 1000)
            file.write(await reader.read())
        live.close()
        writer.transport.abort()


async def test_seconds_through_the_door(tmp_path: Path) -> None:
    capture = tmp_path / "seconds.opus"
    await capture_live(capture, 3.0, "?cadence=low")
    assert complaints(capture) == []


@pytest.mark.slow
@pytest.mark.parametrize("query", ["?cadence=low", "?burst=12"])
async def test_real_minutes(query: str, tmp_path: Path) -> None:
    capture = tmp_path / "minutes.opus"
    await capture_live(capture, 150.0, query)
    assert complaints(capture) == []
