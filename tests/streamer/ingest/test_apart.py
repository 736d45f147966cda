"""The process that prepares: it ends with the server, keeps its limits, and leaves nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from loa.streamer.ingest.apart import Preparation, Unusable, prepare_apart

PARENT = """
import asyncio, sys
from pathlib import Path
from loa.streamer.ingest.apart import Preparation, prepare_apart
asyncio.run(prepare_apart(Path(sys.argv[1]), Path(sys.argv[2]), Preparation()))
"""


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A recording that takes seconds to prepare."""
    noise = np.random.default_rng(1).normal(0, 0.1, 1200 * 8000)
    soundfile.write(tmp_path / "long.wav", noise, 8000)
    return tmp_path / "long.wav"


def test_it_ends_when_the_server_is_killed(long: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.opus"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(long), str(out)])
    try:
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
        worker = ""
        for _ in range(600):
            worker = children.read_text().strip()
            if worker and _opened(int(worker), long):
                break
            time.sleep(0.05)
        assert worker
    finally:
        parent.kill()
        parent.wait()
    for _ in range(200):
        if not Path(f"/proc/{worker}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
    assert not out.exists()


def _opened(pid: int, file: Path) -> bool:
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{name}") == str(file):
                    return True
    return False


async def test_when_it_is_cancelled_nothing_is_left(long: Path, tmp_path: Path) -> None:
    parts: list[float] = []
    work = asyncio.create_task(
        prepare_apart(long, tmp_path / "out.opus", Preparation(), progress=parts.append)
    )
    for _ in range(600):
        if parts:
            break
        await asyncio.sleep(0.05)
    assert parts and parts == sorted(parts)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]


async def test_a_disk_that_is_nearly_full_ends_it(long: Path, tmp_path: Path) -> None:
    with pytest.raises(Unusable) as refused:
        await prepare_apart(long, tmp_path / "out.opus", Preparation(), reserve=1 << 60)
    assert refused.value.code == "disk"
    assert [path.name for path in tmp_path.iterdir()] == ["long.wav"]
