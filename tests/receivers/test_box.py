"""The whole box as a process, with a real server: it plays, obeys, reports, and fails closed."""

from __future__ import annotations

import io
import signal
import time
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from loa.receivers.orders import AMBIGUOUS
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
MOST_MEMORY = 80 * 1024
"""KiB."""


def recording(seconds: float, hertz: float) -> bytes:
    """A WAV file of a tone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((tone(seconds, hertz) * 32767).astype(np.int16).tobytes())
    return file.getvalue()


def seconds_of(heard: npt.NDArray[np.float32], hertz: float) -> float:
    """How long a tone is the loudest thing there, in seconds."""
    blocks = heard[: len(heard) // 4800 * 4800].reshape(-1, 4800)
    power = np.abs(np.fft.rfft(blocks * np.hanning(4800), axis=1))
    loudest = power.argmax(axis=1) * 10
    return float(np.sum((power.max(axis=1) > 20) & (np.abs(loudest - hertz) <= 10))) / 10


class Here:
    def __init__(self, folder: Path) -> None:
        self.server = ServerProcess(folder, AREAS)
        self.api = ApiClient.set_up(self.server.url, self.server.ready["setup_code"])
        self.area = self.api.area("/xa")
        added = self.api.call("POST", "/receivers", {"area": self.area, "name": "Cột 1"})
        self.receiver = int(added["receiver"]["id"])
        self.box = BoxProcess(folder / "box", '[sign]\ncommand = ["tee", "-a", "sign"]\n')
        self.box.enrol(self.server.ready["receivers"], added["code"])

    def order(self, order: dict[str, object]) -> str:
        """Order something; return what became of it."""
        path = f"/receivers/{self.receiver}/orders"
        self.api.call("POST", path, {"order": order}, status=202)
        told = self.api.until(
            path, lambda said: said["items"][0]["state"] in ("finished", "failed")
        )
        newest = told["items"][0]
        return f"{newest['state']}: {newest['reason'] or newest['result']}"

    def drill(self, hertz: float, seconds: float) -> None:
        """Have an emergency, which is a drill, called with a tone."""
        made = self.api.approved(
            self.area, "Bão", recording(seconds, hertz), sign_text="Bão",
            **{"class": "emergency"},
        )  # fmt: skip
        self.api.call(
            "POST", "/emergencies",
            {"area": self.area, "bulletin": made, "drill": True, "reason": "diễn tập"},
        )  # fmt: skip


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    it = Here(tmp_path)
    try:
        yield it
    finally:
        if it.box.process is not None:
            it.box.stop(signal.SIGKILL)
        it.server.stop()
        it.server.hang_up()


def test_a_box_plays_obeys_and_fails_closed(here: Here) -> None:
    box = here.box
    assert "not enrolled" not in box.loa("status").stdout
    box.start()
    box.until(lambda s: s.get("online") and s["settings_version"] > 0)
    assert box.clicks == ["off"], "off at the start, whatever it was"
    assert box.listening() == []
    said = box.loa("status")
    assert said.returncode == 0 and "online for" in said.stdout and "Cột 1" in said.stdout
    assert box.loa("run").returncode == 78, "the box runs already"

    here.drill(1500.0, 2.0)
    box.until(lambda s: s["sounding"] == "bulletin" and s["relay"])
    status = box.status()
    assert status["cls"] == 2 and status["drill"] and status["sign"] == "Bão"
    assert box.memory()["Pss"] < MOST_MEMORY
    box.until(lambda s: s["sounding"] == "silence" and not s["relay"])
    assert 1.7 <= seconds_of(box.heard(), 1500.0) <= 2.3
    assert box.clicks == ["off", "on", "off"]

    assert here.order({"do": "volume", "percent": 40}) == "finished: 40 %"
    assert here.order({"do": "self_test"}).startswith("finished: all well: output, relay")
    assert here.order({"do": "reboot", "machine": True}).startswith("failed: its configuration")
    assert (box.folder / "sign").read_text().split() == ["Bão"]

    # Killed in the middle of a sound, the relay is still on: the service manager switches it off.
    here.drill(900.0, 30.0)
    box.until(lambda s: s["sounding"] == "bulletin" and s["relay"])
    box.stop(signal.SIGKILL)
    assert box.clicks[-1] == "on"
    assert box.loa("silence").returncode == 0 and box.clicks[-1] == "off"
    said = box.loa("status")
    assert said.returncode == 3 and "DOES NOT RUN" in said.stdout
    box.start()
    box.until(lambda s: s["sounding"] == "bulletin" and s["relay"])
    assert box.stop() == 0
    assert box.clicks[-1] == "off"
    assert "in order" in box.loa("status").stdout

    # A restart that was ordered is done by ending, and told once it is back.
    box.start(INVOCATION_ID="as systemd")
    box.until(lambda s: s["online"])
    path = f"/receivers/{here.receiver}/orders"
    here.api.call("POST", path, {"order": {"do": "reboot"}}, status=202)
    assert box.process is not None and box.process.wait(20) == 75
    box.start()
    here.api.until(path, lambda said: said["items"][0]["state"] == "finished")
    box.until(lambda s: s["online"])
    assert box.stop() == 0


@pytest.mark.slow
def test_an_order_to_play_is_finished_when_it_was_heard(here: Here) -> None:
    box, path = here.box, f"/receivers/{here.receiver}/orders"
    box.start()
    box.until(lambda s: s.get("online") and s["settings_version"] > 0)
    tune = here.api.approved(here.area, "Nhạc hiệu", recording(4.0, 700.0))

    def newest() -> dict[str, object]:
        return dict(here.api.call("GET", path)["items"][0])

    here.api.call("POST", f"/receivers/{here.receiver}/play", {"bulletin": tune}, status=202)
    box.until(lambda s: s["sounding"] == "bulletin")
    assert newest()["state"] in ("received", "started")
    box.until(lambda s: s["sounding"] == "silence")
    here.api.until(path, lambda said: said["items"][0]["state"] == "finished")
    assert 3.7 <= seconds_of(box.heard(), 700.0) <= 4.3

    at = datetime.fromtimestamp(time.time() + 3600, UTC).isoformat()
    body = {"bulletin": tune, "at": at}
    here.api.call("POST", f"/receivers/{here.receiver}/play", body, status=202)
    here.api.until(path, lambda said: said["items"][0]["state"] == "started")
    box.stop(signal.SIGKILL)
    box.start()
    here.api.until(path, lambda said: said["items"][0]["state"] == "failed")
    assert newest()["reason"] == AMBIGUOUS

    here.api.call("POST", f"/receivers/{here.receiver}/play", body, status=202)
    here.api.until(path, lambda said: said["items"][0]["state"] == "started")
    here.api.call("POST", f"/receivers/{here.receiver}/stop", {}, status=202)
    here.api.until(path, lambda said: said["items"][1]["state"] == "failed")
    assert here.api.call("GET", path)["items"][1]["reason"] == "it was stopped"
    assert box.stop() == 0


def test_without_an_enrolment_it_says_what_to_do(tmp_path: Path) -> None:
    box = BoxProcess(tmp_path / "box")
    done = box.loa("run")
    assert done.returncode == 78 and "loa receiver enrol SERVER CODE" in done.stderr
    assert "This box is not enrolled" in box.loa("status").stdout
    box.config.write_text('outputs = "null"\n[relay]\nkind = "x"\n')
    done = box.loa("status")
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 2


def test_a_plain_mount_says_that_it_is_one(tmp_path: Path) -> None:
    box = BoxProcess(tmp_path / "box")
    done = box.loa("run", "--url", "ftp://x", "--out", "null")
    assert done.returncode == 1 and "nobody is authenticated" in done.stderr
