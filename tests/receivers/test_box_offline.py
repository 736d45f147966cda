"""The whole box as a process whose server goes away: it plays its schedule, through a power cut."""

from __future__ import annotations

import io
import signal
import time
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from support.audio import tone
from support.box import BoxProcess
from support.client import ApiClient
from support.process import ServerProcess

AREAS = """
[[areas]]
name = "Xã mẫu"
path = "/xa"
station = true
"""
ZONE = 7 * 3600


def recording(seconds: float, hertz: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((tone(seconds, hertz) * 32767).astype(np.int16).tobytes())
    return file.getvalue()


def loud(box: BoxProcess, hertz: float) -> list[float]:
    """Return the times (in seconds of what was heard) of tenths of a second with this tone."""
    heard = box.heard()
    blocks = heard[: len(heard) // 4800 * 4800].reshape(-1, 4800)
    power = np.abs(np.fft.rfft(blocks * np.hanning(4800), axis=1))
    is_it = (power.max(axis=1) > 20) & (np.abs(power.argmax(axis=1) * 10 - hertz) <= 10)
    return [float(at) / 10 for at in np.flatnonzero(is_it)]


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path, AREAS)
    try:
        yield server
    finally:
        server.stop(signal.SIGKILL)
        server.hang_up()


@pytest.mark.slow
def test_a_box_plays_on_without_its_server(servers: ServerProcess, tmp_path: Path) -> None:
    server = servers
    api = ApiClient.set_up(server.url, server.ready["setup_code"])
    area = api.area("/xa")
    # A slot that is open now, for the next hour and more.
    there = datetime.fromtimestamp(time.time() - 300 + ZONE, UTC)
    api.call(
        "POST", f"/areas/{area}/slots",
        {"name": "Khung", "first": f"{there:%Y-%m-%dT%H:%M}", "minutes": 90, "rrule": ""},
    )  # fmt: skip
    added = api.call("POST", "/receivers", {"area": area, "name": "Cột 1"})
    box = BoxProcess(tmp_path / "box")
    box.enrol(server.ready["receivers"], added["code"])
    begins = time.time() + 35
    for seconds, hertz, later in ((4, 600.0, 0.0), (30, 900.0, 10.0)):
        moment = datetime.fromtimestamp(begins + later, UTC).isoformat()
        api.approved(area, f"{hertz}", recording(seconds, hertz), starts_at=moment)
    box.start()
    try:
        box.until(lambda s: s["online"] and s["cache_files"] == 2 and s["cache_missing"] == 0)
        server.stop(signal.SIGKILL)
        box.until(lambda s: s["offline"] and s["sounding"] == "bulletin")
        assert time.time() - begins > -1
        box.until(lambda s: s["sounding"] == "silence")
        box.until(lambda s: s["sounding"] == "bulletin")
        assert abs(time.time() - begins - 10) < 3
        first = loud(box, 600.0)
        assert 3.5 <= len(first) / 10 <= 4.3
        time.sleep(11)
        # The power fails in the middle of the second; the machine's clock ran on.
        box.stop(signal.SIGKILL)
        played = len(loud(box, 900.0)) / 10
        assert played > 9
        box.start()
        box.until(lambda s: s["offline"] and s["sounding"] == "bulletin")
        box.until(lambda s: s["sounding"] == "silence", 60)
        rest = len(loud(box, 900.0)) / 10
        # It went on where that was written down last, at most ten seconds before.
        assert 29 <= played + rest <= 43 and rest < 25
        assert loud(box, 600.0) == []
    finally:
        box.stop(signal.SIGKILL)
