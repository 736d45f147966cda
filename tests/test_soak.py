"""Minutes of everything at once, good and bad: descriptors, memory, tasks, threads stay flat.

SOAK_SECONDS sets how long (180). The server is a process of its own; what it uses is read from its
own /metrics whenever nobody is connected, after everything that happened in between.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import soundfile
from prometheus_client.parser import text_string_to_metric_families

from support.audio import ogg_opus, tone

SECONDS = float(os.environ.get("SOAK_SECONDS", "180"))
PASSWORD = "a password for the soak"
AREAS = ("/tinh", "/tinh/huyen", "/tinh/huyen/xa-mot", "/tinh/huyen/xa-hai")
CONFIG = (
    "kept_minutes = 0.2\n[listeners]\nlag_seconds = 2\n[sources]\nhold_seconds = 0.2\n"
    "take_back_seconds = 0.2\n"
    + "".join(
        f'[[areas]]\nname = "{path}"\npath = "{path}"\nstation = true\n'
        f'tokens = [{{ password = "{PASSWORD}" }}]\n'
        for path in AREAS
    )
)


def mp3(seconds: float) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, tone(seconds), 48_000, format="MP3")
    return out.getvalue()


class Clients:
    """What comes at the server; nothing that it answers is held against it."""

    def __init__(self, host: str, port: int, seed: int) -> None:
        self.host, self.port = host, port
        self.random = random.Random(seed)
        self.opus = ogg_opus(tone(2.0))
        self.mp3 = mp3(2.0)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            yield reader, writer
        except (ConnectionError, TimeoutError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def listener(self) -> None:
        path = self.random.choice(AREAS)
        cadence = self.random.choice(("low", "thrifty"))
        async with self.connection() as (reader, writer):
            writer.write(f"GET {path}.opus?cadence={cadence} HTTP/1.1\r\n\r\n".encode())
            if self.random.random() < 0.2:
                await asyncio.sleep(1)  # one that does not read
                return
            async with asyncio.timeout(self.random.uniform(0.1, 1.5)):
                while await reader.read(4096):
                    pass

    async def source(self) -> None:
        path = self.random.choice(AREAS)
        kind, audio = self.random.choice((("audio/ogg", self.opus), ("audio/mpeg", self.mp3)))
        secret = self.random.choice((PASSWORD, PASSWORD, PASSWORD, "wrong"))
        basic = base64.b64encode(f"source:{secret}".encode()).decode()
        async with self.connection() as (_, writer):
            writer.write(
                f"PUT {path} HTTP/1.1\r\nAuthorization: Basic {basic}\r\n"
                f"Content-Type: {kind}\r\n\r\n".encode()
            )
            # All of it, part of it, or part of it and then something else.
            end = self.random.choice((len(audio), len(audio) // 2))
            for start in range(0, end, end // 8 + 1):
                writer.write(audio[start : min(end, start + end // 8 + 1)])
                await writer.drain()
                await asyncio.sleep(0.1)
            if end < len(audio) and self.random.random() < 0.5:
                writer.write(self.random.randbytes(3000))
                await writer.drain()
            if self.random.random() < 0.3:
                writer.transport.abort()

    async def garbage(self) -> None:
        async with self.connection() as (reader, writer):
            writer.write(self.random.randbytes(self.random.randrange(1, 2000)))
            writer.write_eof()
            async with asyncio.timeout(1):
                await reader.read()

    async def web(self) -> None:
        target = self.random.choice(("/status-json.xsl", "/tinh.m3u", "/none", "/healthz", "/"))
        async with self.connection() as (reader, writer):
            writer.write(f"GET {target} HTTP/1.0\r\n\r\n".encode())
            async with asyncio.timeout(5):
                await reader.read()

    async def round(self) -> None:
        """Everything at once, and then nobody."""
        await asyncio.gather(
            *(self.listener() for _ in range(150)),
            *(self.source() for _ in range(4)),
            *(self.garbage() for _ in range(10)),
            *(self.web() for _ in range(10)),
        )

    async def usage(self) -> dict[str, float]:
        """Return the server's own metrics."""
        async with self.connection() as (reader, writer):
            writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
            text = (await reader.read()).partition(b"\r\n\r\n")[2].decode()
        return {
            sample.name: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if not sample.labels
        }

    async def idle(self) -> dict[str, float]:
        """Wait until everybody has left, sources that are held too; return the usage then."""
        async with asyncio.timeout(30):
            while True:
                now = await self.usage()
                if now["loa_listeners"] == 0 and now["loa_programmes"] == 0:
                    return now
                await asyncio.sleep(0.5)


@pytest.mark.slow
async def test_nothing_grows(tmp_path: Path) -> None:
    (tmp_path / "loa.toml").write_text(CONFIG)
    program = "from loa.streamer.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, "serve", "--json", "--port", "0",
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if not k.startswith("LOA_")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    samples: list[dict[str, float]] = []
    try:
        ready = json.loads(await process.stdout.readline())
        host, port = ready["url"].removeprefix("http://").split(":")
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        clients = Clients(host, int(port), seed)
        began = time.monotonic()
        while time.monotonic() - began < SECONDS:
            for _ in range(3):
                await clients.round()
            samples.append(await clients.idle())
        process.terminate()
        async with asyncio.timeout(20):
            assert await process.wait() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    # The first third warms up: caches, pools, the packets that are kept.
    third = max(1, len(samples) // 3)
    middle, last = samples[third : 2 * third], samples[-third:]
    for name, room in (
        ("process_open_fds", 2),
        ("loa_tasks", 2),
        ("loa_threads", 2),
        ("loa_mounts", 0),
        ("process_resident_memory_bytes", 4e6),
    ):
        before, after = (statistics.median(one[name] for one in part) for part in (middle, last))
        print(f"{name}: {before:.0f} then {after:.0f}")
        assert after <= before + room, [one[name] for one in samples]
    end = samples[-1]
    assert end["loa_engine_ticks_skipped_total"] == 0
    assert end["loa_engine_events_dropped_total"] == 0
    assert end["loa_engine_commands_refused_total"] == 0
    assert end["loa_engine_joins_total"] > 100 * len(samples)
    assert "loa_tasks_failed_total" not in end
