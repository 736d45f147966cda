"""``loa demo``: a small sample tree, a spoken recording on air, and one receiver that plays it.

Everything is real but the people: the server is ``loa serve``'s, the receiver is a process of its
own. All sample data says that it is sample data.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loa.streamer import logs
from loa.streamer.config import ConfigError, load
from loa.streamer.run import FAILED, MISCONFIGURED, run, say
from loa.streamer.server import Server

SPOKEN = (
    "Đây là đài truyền thanh mẫu của hệ thống Loa. Chương trình này là dữ liệu mẫu. "
    "Kính chào bà con các thôn bản. Hôm nay trời nắng, nhiệt độ từ hai mươi đến hai mươi lăm độ. "
    "Mời bà con đón nghe bản tin tiếp theo."
)
RECEIVER_PATIENCE = 30.0
"""Seconds until the demo says that its receiver hears nothing."""

log = logs.get("demo")


def sample_areas(recording: Path, password: str) -> list[dict[str, Any]]:
    """Return a district and three communes of the 2020 reports, labelled as samples."""
    top, district = "/ha-giang", "/ha-giang/quang-binh"
    return [
        {
            "name": "Hà Giang (dữ liệu mẫu)",
            "path": top,
            "file": str(recording),
            "tokens": [{"password": password}],
        },
        {"name": "Quang Bình (dữ liệu mẫu)", "path": district, "station": True},
        *(
            {"name": f"{name} (dữ liệu mẫu)", "path": f"{district}/{slug}", "station": True}
            for name, slug in (
                ("Nà Khương", "na-khuong"),
                ("Xuân Minh", "xuan-minh"),
                ("Tiên Nguyên", "tien-nguyen"),
            )
        ),
    ]


def speak(text: str, to: Path) -> None:
    """Let espeak-ng speak Vietnamese into a WAV file. Raises ``OSError`` with advice."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise OSError("espeak-ng is not installed (Debian: apt-get install espeak-ng)")
    done = subprocess.run(
        [program, "-v", "vi", "-s", "150", "-w", str(to), text],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode != 0 or not to.exists():
        raise OSError(f"espeak-ng cannot speak: {done.stderr.strip() or done.returncode}")


def demo(options: Mapping[str, Any], as_json: bool) -> int:
    """Run the demo until it is told to stop; return the exit code."""
    data = Path(options.get("data") or "loa-demo")
    recording = data / "chao-mung.wav"
    password = secrets.token_urlsafe(9)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        speak(SPOKEN, recording)
    except OSError as error:
        print(f"loa: {error}", file=sys.stderr)
        return FAILED
    try:
        config = load(
            Path("/dev/null"),
            {**options, "data": data, "areas": sample_areas(recording.resolve(), password)},
        )
    except ConfigError as error:
        for problem in error.problems:
            print(f"loa: {problem}", file=sys.stderr)
        return MISCONFIGURED

    async def announce(server: Server) -> None:
        ready = replace(server.ready, password=password)
        path = ready.mounts[2]
        async with contextlib.AsyncExitStack() as stack:
            receiver = await Receiver.start(f"{ready.url}{path}.opus")
            stack.push_async_callback(receiver.stop)
            await receiver.hears()
            if as_json:
                print(json.dumps(ready.as_json(), ensure_ascii=False), flush=True)
            else:
                say(ready)
                print(
                    f"  one receiver of {path} is playing it (to nowhere, so that no speaker is "
                    f"needed)\n  in a browser: {ready.url}/   to stop: Ctrl-C",
                    file=sys.stderr,
                )
            await receiver.watch()

    return run(config, announce)


class Receiver:
    """The demo's receiver: ``loa receiver run`` as a child, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, url: str) -> Receiver:
        """Start it."""
        program = "from loa.streamer.cli import main; main()"
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", program,
                "receiver", "run", "--url", url, "--out", "null", "--json",
                stdout=asyncio.subprocess.PIPE,
                # Ctrl-C goes to everyone in the terminal's group: the demo ends it, in its turn.
                start_new_session=True,
            )
        )  # fmt: skip

    async def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise OSError("the receiver ended by itself")
        said: dict[str, Any] = json.loads(line)
        return said

    async def hears(self) -> None:
        """Return when it plays more than silence. Raises ``OSError`` when it does not."""
        try:
            async with asyncio.timeout(RECEIVER_PATIENCE):
                while not _sounds(await self._line()):
                    pass
        except TimeoutError:
            raise OSError("the receiver hears nothing") from None

    async def watch(self) -> None:
        """Say in the log when what it hears begins or ends, until it is cancelled."""
        sounding = True
        while True:
            now = _sounds(await self._line())
            if now != sounding:
                log.info("the receiver hears a voice" if now else "the receiver hears silence")
            sounding = now

    async def stop(self) -> None:
        """End it, and wait until it has."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()


def _sounds(said: Mapping[str, Any]) -> bool:
    level = said.get("level_db")
    return said.get("state") == "playing" and level is not None and level > -60
