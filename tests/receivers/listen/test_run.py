"""``loa receiver run`` as a process: mounts in the test, a real server, a real sound card."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from loa.codecs.opus import timeline_headers
from support.mount import HERTZ, LEVEL, START, pages
from support.pulse import pulse

OK = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nConnection: close\r\n\r\n"


def command(*words: str) -> list[str]:
    program = "from loa.streamer.cli import main; main()"
    return [sys.executable, "-c", program, "receiver", "run", *words]


class LiveMount:
    """A mount in real time; ``refused``: nobody is let in, ``cut`` ends every connection."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()
        self.refused = False
        self.requests: list[str] = []

    def live(self) -> int:
        return START + int((time.monotonic() - self._began) / 0.02)

    def cut(self) -> None:
        for task in self._tasks:
            task.cancel()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                request = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
                self.requests.append(request)
                if self.refused:
                    return
                writer.write(OK + timeline_headers())
                _, _, resume = request.partition("from=")
                at = int(resume) if resume else self.live() - 10
                while True:
                    boundary = self.live() // 2 * 2
                    for data in pages(at, boundary):
                        writer.write(data)
                    at = max(at, boundary)
                    await writer.drain()
                    await asyncio.sleep(0.01)
        finally:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def live_mount() -> AsyncIterator[tuple[LiveMount, str]]:
    mount = LiveMount()
    server = await asyncio.start_server(mount.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with asyncio.timeout(50):
            yield mount, f"http://127.0.0.1:{port}/xa.opus"
    finally:
        server.close()
        mount.cut()
        await asyncio.sleep(0)
        await server.wait_closed()


@contextlib.asynccontextmanager
async def receiver(
    *words: str, env: dict[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command(*words),
        env=os.environ | (env or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    said: dict[str, Any] = json.loads(await process.stdout.readline())
    return said


def residual_db(samples: np.ndarray) -> float:
    """Return what remains of 1 kHz when it has been taken out, against it."""
    at = 2 * np.pi * HERTZ / 48_000 * np.arange(len(samples))
    basis = np.stack([np.sin(at), np.cos(at)], axis=1)
    fitted = basis @ np.linalg.lstsq(basis, samples, rcond=None)[0]
    return float(10 * np.log10(np.mean((samples - fitted) ** 2) / np.mean(fitted**2)))


async def test_it_plays_is_cut_off_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    async with (
        live_mount() as (mount, url),
        receiver("--url", url, "--out", f"wav:{path}", "--json") as process,
    ):
        wanted = 20 * np.log10(LEVEL / np.sqrt(2))
        while abs(((said := await line(process))["level_db"] or 0) - wanted) > 1:
            pass
        assert said["url"] == url and said["lost"] == 0 and said["error"] is None
        mount.refused = True
        mount.cut()
        while (said := await line(process))["state"] != "reconnecting":
            pass
        assert said["error"]
        mount.refused = False
        while (said := await line(process))["state"] != "playing":
            pass
        assert said["reconnects"] >= 1 and said["lost"] == 0
        assert any("from=" in request for request in mount.requests[1:])
        await asyncio.sleep(1.0)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    heard, rate = soundfile.read(path, dtype="float32")
    assert rate == 48_000 and len(heard) % 960 == 0
    assert np.abs(np.diff(heard)).max() < LEVEL * 2 * np.pi * HERTZ / rate * 1.3, "a click"
    tenths = heard[-43_200:].reshape(-1, 4800)
    assert min(residual_db(tenth) for tenth in tenths) < -25


async def test_it_stops_after_so_many_seconds() -> None:
    async with (
        live_mount() as (_, url),
        receiver("--url", url, "--out", "raw:-", "--json", "--seconds", "2") as process,
    ):
        out, said = await process.communicate()
    assert process.returncode == 0
    samples = np.frombuffer(out, "<f4")
    assert 48_000 < len(samples) <= 2 * 48_000 + 960
    assert json.loads(said.splitlines()[0])["packets"] > 0


async def test_nobody_reads_what_it_says() -> None:
    async with live_mount() as (_, url):
        process = await asyncio.create_subprocess_exec(
            *command("--url", url, "--out", "null", "--json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await line(process)
        process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        assert process.stderr is not None
        said = await process.stderr.read()
        assert await process.wait() == 1
    assert b"Broken pipe" in said and b"Traceback" not in said


async def test_it_is_heard_through_a_sound_card(tmp_path: Path) -> None:
    with pulse(tmp_path) as card:
        async with (
            live_mount() as (_, url),
            receiver("--url", url, "--json", env=card.environment) as process,
        ):
            while (said := await line(process))["level_db"] is None:
                assert said["error"] is None
            # A loaded machine starves sound servers: it counts what is heard in the end.
            clean: list[np.ndarray] = []
            while len(clean) < 5:
                heard = await asyncio.to_thread(card.record, 1.0)
                tenths = heard[: len(heard) // 4800 * 4800].reshape(-1, 4800).astype(np.float64)
                clean += [tenth for tenth in tenths if residual_db(tenth) < -20]
    levels = [np.sqrt(2 * np.mean(np.square(tenth))) for tenth in clean]
    assert abs(np.median(levels) - LEVEL) < 0.02


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--url", "nowhere", "--out", "null"), "an address begins with http"),
        (("--url", "http://127.0.0.1:9/x", "--out", "tape"), "an output is"),
        (("--url", "http://127.0.0.1:9/x", "--out", "wav:/nowhere/x.wav"), "No such file"),
        (("--url", "http://127.0.0.1:9/x", "--device", "no such card"), "device"),
    ],
)
def test_mistakes_are_said(words: tuple[str, ...], why: str) -> None:
    done = subprocess.run(command(*words), check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and why in done.stderr and "Traceback" not in done.stderr


def test_a_cadence_that_is_none() -> None:
    done = subprocess.run(
        command("--url", "http://x/y", "--cadence", "fast"),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "cadence" in done.stderr
