"""``loa demo``: a sample tree with people, a bulletin on air, and an enrolled box that plays it.

Everything is real but the people: the server is ``loa serve``'s, the box is a process of its own
(``demo_box.py``). All sample data says that it is sample data.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loa.streamer import demo_data, logs
from loa.streamer.config import ConfigError, load
from loa.streamer.demo_box import Box
from loa.streamer.demo_data import STATION, Sample
from loa.streamer.desk.sample import LABEL, PROVINCE
from loa.streamer.run import FAILED, MISCONFIGURED, run, say
from loa.streamer.server import Server
from loa.streamer.speech.voices import Settings, VoiceError, probe
from loa.streamer.store.store import StoreError

SPOKEN = (
    "Đây là đài truyền thanh mẫu của hệ thống Loa. Chương trình này là dữ liệu mẫu. "
    "Kính chào bà con các thôn bản. Hôm nay trời nắng, nhiệt độ từ hai mươi đến hai mươi lăm độ. "
    "Mời bà con đón nghe bản tin tiếp theo."
)


def sample_areas(recording: Path, password: str) -> list[dict[str, Any]]:
    """Return what the configuration says of the sample: a recording, and who may go live.

    The areas themselves are in the store (``demo_data.py``).
    """
    return [
        {
            "name": f"Hà Giang{LABEL}",
            "path": PROVINCE,
            "station": True,
            "file": str(recording),
            "tokens": [{"password": password}],
        }
    ]


def speak(text: str, to: Path) -> None:
    """Let a voice speak Vietnamese into a WAV file. Raises ``OSError`` with advice."""

    async def spoken() -> None:
        voice = (await probe(Settings())).of("vi")
        if voice is None:
            raise OSError("espeak-ng is not installed (Debian: apt-get install espeak-ng)")
        try:
            await voice.speak(text, to)
        except VoiceError as error:
            raise OSError(f"{voice.name} cannot speak: {error}") from None

    asyncio.run(spoken())


def demo(options: Mapping[str, Any], as_json: bool) -> int:
    """Run the demo until it is told to stop; return the exit code."""
    data = Path(options.get("data") or "loa-demo")
    recording = data / "chao-mung.wav"
    password = secrets.token_urlsafe(9)
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        demo_data.guard(data)
        speak(SPOKEN, recording)
        config = load(
            Path("/dev/null"),
            {**options, "data": data, "areas": sample_areas(recording.resolve(), password)},
        )
        if config.database.url is not None:
            raise StoreError("loa demo keeps its data in a file: leave LOA_DATABASE_URL out")
        logs.configure(config.log.level, config.log.format)
        sample = asyncio.run(demo_data.make(config))
    except (OSError, StoreError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return FAILED
    except ConfigError as error:
        for problem in error.problems:
            print(f"loa: {problem}", file=sys.stderr)
        return MISCONFIGURED

    async def announce(server: Server) -> None:
        ready = replace(server.ready, password=password)
        async with contextlib.AsyncExitStack() as stack:
            box = await Box.start(server, data)
            stack.push_async_callback(box.stop)
            await box.plays()
            if as_json:
                line = {**ready.as_json(), "admin": sample.admin}
                print(json.dumps(line, ensure_ascii=False), flush=True)
            else:
                say(ready)
                _say_more(ready.url, sample)
            await box.watch()

    return run(config, announce)


def _say_more(url: str, sample: Sample) -> None:
    print(
        f"  an enrolled box of {STATION} is playing it (to nowhere, so that no speaker is "
        "needed)\n  sample accounts (dữ liệu mẫu), with passwords of this start:",
        file=sys.stderr,
    )
    for login, name, password in sample.accounts:
        print(f"    {login:<10} {password}   {name}", file=sys.stderr)
    admin = sample.admin["user"]
    print(
        f"  loa sign-in {admin} --server {url}   then for example: loa receivers list\n"
        f"  in a browser: {url}/ for staff, {url}/listen for everybody   to stop: Ctrl-C",
        file=sys.stderr,
    )
