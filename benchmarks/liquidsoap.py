"""One live channel through Liquidsoap and through ``loa serve``: CPU and memory, only shown.

FFmpeg sends the same speech as MP3 in real time to both, as an Icecast source client does. Ours
decodes, levels, limits, encodes and serves; Liquidsoap decodes, normalizes, encodes to Opus (mono,
24 kb/s) and sends to Icecast, whose own CPU is not counted. One after the other.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import speech
from benchmarks.icecast import MOUNT, PASSWORD, Icecast, free_port
from benchmarks.load import Listeners, cpu_seconds, memory_mb, until
from benchmarks.rows import Missing, Row
from benchmarks.server import LOW, SOURCE_PASSWORD, LoaServer


def _script(harbour: int, icecast: int, root: bool) -> str:
    allow = "settings.init.allow_root.set(true)\n" if root else ""
    return f"""{allow}settings.log.stdout.set(false)
settings.log.file.set(false)
live = input.harbor("in", port={harbour}, password="{PASSWORD}", buffer=1., max=10.)
live = normalize(mksafe(live))
output.icecast(%opus(bitrate=24, channels=1, samplerate=48000, frame_size=20., complexity=10),
  host="127.0.0.1", port={icecast}, password="{PASSWORD}", mount="{MOUNT}",
  mean(live))
"""


@contextlib.contextmanager
def ffmpeg(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Send speech as MP3 in real time, for ever."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise Missing("ffmpeg is not installed")
    child = subprocess.Popen(
        [program, "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i",
         str(speech.wav(60)), "-c:a", "libmp3lame", "-b:a", "96k", "-f", "mp3",
         "-content_type", "audio/mpeg", url],
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield child
        if child.poll() is not None:
            assert child.stderr is not None
            raise RuntimeError(f"ffmpeg ended: {child.stderr.read().decode()[-500:]}")
    finally:
        child.kill()
        child.wait()
        assert child.stderr is not None
        child.stderr.close()


@contextlib.contextmanager
def liquidsoap(icecast: Icecast, harbour: int) -> Iterator[int]:
    """Run Liquidsoap; its process id."""
    program = shutil.which("liquidsoap")
    if program is None:
        raise Missing("liquidsoap is not installed")
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as home:
        script = Path(home) / "channel.liq"
        script.write_text(_script(harbour, icecast.port, os.geteuid() == 0))
        with open(Path(home) / "log", "wb") as log:
            child = subprocess.Popen([program, str(script)], stdout=log, stderr=log, cwd=home)
        try:
            yield child.pid
            if child.poll() is not None:
                raise RuntimeError(f"liquidsoap: {(Path(home) / 'log').read_text()[-500:]}")
        finally:
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _watch(pid: int, listeners: Listeners, seconds: float) -> tuple[float, float]:
    """Return percent of a core and MB, while a listener hears it."""
    listeners.open_all(1, seconds=30)
    time.sleep(2)
    before = cpu_seconds(pid)
    report = listeners.measure(seconds)
    return 100 * (cpu_seconds(pid) - before) / report["seconds"], memory_mb(pid)


def run(quick: bool) -> list[Row]:
    seconds = 5.0 if quick else 20.0
    harbour = free_port()
    with Icecast() as icecast, liquidsoap(icecast, harbour) as pid:
        until("Liquidsoap listens", 30, lambda: _listens(harbour))
        with (
            ffmpeg(f"icecast://source:{PASSWORD}@127.0.0.1:{harbour}/in"),
            Listeners(icecast.address) as listeners,
        ):
            theirs = _watch(pid, listeners, seconds)
    with LoaServer(file=False) as server:
        target = f"icecast://source:{SOURCE_PASSWORD}@127.0.0.1:{server.port}{server.LIVE}"
        with ffmpeg(target), Listeners(server.address(server.LIVE, LOW)) as listeners:
            ours = _watch(server.pid, listeners, seconds)
    return [
        Row("one live channel, ours", ours[0], "% of a core"),
        Row("one live channel, Liquidsoap", theirs[0], "% of a core"),
        Row("memory, ours", ours[1], "MB"),
        Row("memory, Liquidsoap", theirs[1], "MB"),
    ]
