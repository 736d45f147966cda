"""Real players decode a mount without a complaint, while what it carries keeps changing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from serving import Serving, serving, tone

PATH = "/ha-giang/na-khuong.opus"
SECONDS = 5


def program(name: str, package: str) -> str:
    path = shutil.which(name)
    assert path, f"{name} is not installed (Debian: apt-get install {package})"
    return path


async def run(*command: str, **environment: str) -> tuple[int, bytes, str]:
    """Run a player; return its exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, **environment}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(60):
            out, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, out, errors.decode(errors="replace")


@contextlib.asynccontextmanager
async def changing() -> AsyncIterator[Serving]:
    """A server whose first mount changes between two tones and silence all the time."""
    async with serving() as server:
        engine, clips = server.engine, [tone(20.0, 440.0), tone(20.0, 660.0)]

        async def change() -> None:
            turn = 0
            while True:
                await asyncio.sleep(0.7)
                at = engine.tick + 5
                turn += 1
                silent = turn % 3 == 0
                engine.carry([0], 0 if silent else engine.open_clip(clips[turn % 2], at), at)

        task = asyncio.create_task(change())
        try:
            yield server
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def judge(samples: npt.NDArray[np.int16], seconds: float = SECONDS) -> None:
    """About so many seconds, mostly of a tone of level 0.25, and nothing louder but at edges."""
    level = samples.astype(np.float64) / 32768
    assert abs(len(level) / 48_000 - seconds) < 1.0
    blocks = level[: len(level) // 4800 * 4800].reshape(-1, 4800)
    rms = np.sqrt((blocks**2).mean(axis=1))
    assert np.median(rms) == pytest.approx(0.25 / np.sqrt(2), rel=0.15)
    assert np.abs(level).max() < 0.6


@pytest.mark.parametrize("query", ["", "?cadence=low"])
async def test_ffmpeg(query: str) -> None:
    async with changing() as server:
        code, out, errors = await run(
            program("ffmpeg", "ffmpeg"), "-nostdin", "-v", "warning", "-xerror",
            "-i", server.url + PATH + query, "-t", str(SECONDS), "-f", "s16le", "-ac", "1", "-",
        )  # fmt: skip
    assert (code, errors) == (0, "")
    judge(np.frombuffer(out, dtype=np.int16))


async def test_mpv(tmp_path: Path) -> None:
    wav = tmp_path / "mpv.wav"
    async with changing() as server:
        code, out, errors = await run(
            program("mpv", "mpv"), "--no-config", "--no-video", "--msg-level=all=warn",
            f"--length={SECONDS}", "--ao=pcm", f"--ao-pcm-file={wav}", "--ao-pcm-waveheader=no",
            "--audio-format=s16", "--audio-channels=mono", server.url + PATH,
        )  # fmt: skip
    assert (code, out.decode() + errors) == (0, "")
    judge(np.fromfile(wav, dtype=np.int16))


async def test_vlc() -> None:
    vlc = [program("cvlc", "vlc-bin vlc-plugin-base")]
    if os.geteuid() == 0:  # VLC refuses to be root
        vlc = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *vlc]
    async with changing() as server:
        process = await asyncio.create_subprocess_exec(
            *vlc, "--no-video", "--quiet", "--sout",
            "#transcode{acodec=s16l,channels=1,samplerate=48000}"
            ":std{access=file,mux=raw,dst=-}", server.url + PATH,
            env={**os.environ, "HOME": "/nonexistent", "XDG_RUNTIME_DIR": "/nonexistent"},
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            async with asyncio.timeout(40):
                out = await process.stdout.readexactly(SECONDS * 96_000)
        finally:
            process.terminate()
            await process.communicate()
    judge(np.frombuffer(out, dtype=np.int16))


async def test_a_playlist_is_enough_for_mpv(tmp_path: Path) -> None:
    """The alias, the playlist and the stream, as someone would open them."""
    wav = tmp_path / "mpv.wav"
    playlist = tmp_path / "station.m3u"
    async with changing() as server:
        playlist.write_text(f"#EXTM3U\n#EXTINF:-1,Nà Khương\n{server.url}/cu/na-khuong.opus\n")
        code, _, errors = await run(
            program("mpv", "mpv"), "--no-config", "--no-video", "--msg-level=all=warn",
            "--length=1", "--ao=pcm", f"--ao-pcm-file={wav}", "--ao-pcm-waveheader=no",
            "--audio-format=s16", "--audio-channels=mono", str(playlist),
        )  # fmt: skip
    assert (code, errors) == (0, "")
    assert wav.stat().st_size > 48_000
