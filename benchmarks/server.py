"""Our own server as a process of its own, with a way to ask its engine (``benchmarks.control``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks import speech
from benchmarks.load import Address, Clock, Helper, cpu_seconds, memory_mb

LOW, THRIFTY = 2, 10
CADENCE = {LOW: "low", THRIFTY: "thrifty"}
SOURCE_PASSWORD = "benchmark-source"


class Host(Helper):
    """A process with an engine that obeys ``benchmarks.control``."""

    port: int

    def clock(self) -> Clock:
        """Return where its timeline stands."""
        said = self.ask("clock", 10)
        return Clock(said["tick"], said["deadline"])

    def stats(self) -> dict[str, int]:
        """Return the engine's counters."""
        return self.ask("stats", 10)

    def fanout_cpu(self) -> float:
        """CPU seconds of its fan-out threads."""
        return self.stats()["fanout_cpu_ns"] / 1e9

    def cpu(self) -> float:
        """CPU seconds of the whole process."""
        return cpu_seconds(self.pid)

    def memory(self) -> float:
        """Resident memory in 10⁶ bytes."""
        return memory_mb(self.pid)


class EngineHost(Host):
    """The engine alone; see ``benchmarks.engine_host``."""

    def __init__(self, mounts: int, clips: int, seconds: float) -> None:
        words = (sys.executable, "-m", "benchmarks.engine_host")
        super().__init__(*words, str(mounts), str(clips), str(seconds))
        self.port = self.answer(300)["port"]

    def address(self, mount: int, cadence: int) -> Address:
        target = f"/{mount}?cadence={CADENCE[cadence]}"
        return Address("127.0.0.1", self.port, target, self.clock())


class LoaServer(Host):
    """``loa serve`` with two areas: ``/xa/thon`` plays a file of speech, ``/xa/truc-tiep`` waits
    for a live source, ``source`` with ``SOURCE_PASSWORD``.

    It is the whole server, started by the command's own function; the only addition is the thread
    that answers questions about its engine (``benchmarks.instrumented``). ``data`` is called with
    the data directory before that.
    """

    FILE = "/xa/thon"
    LIVE = "/xa/truc-tiep"

    def __init__(self, *, file: bool = True, data: Callable[[Path], object] | None = None) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="loa-bench-")
        home = Path(self._home.name)
        lines = [
            "[[areas]]",
            'name = "Xã"',
            'path = "/xa"',
            "[[areas]]",
            'name = "Thôn"',
            f'path = "{self.FILE}"',
        ]
        if file:
            lines.append(f"file = {json.dumps(str(speech.wav(60)))}")
        lines += [
            "[[areas]]",
            'name = "Trực tiếp"',
            f'path = "{self.LIVE}"',
            "station = true",
            "[[areas.tokens]]",
            f'password = "{SOURCE_PASSWORD}"',
        ]
        self.data = home / "data"
        config = home / "loa.toml"
        config.write_text("\n".join(lines) + "\n")
        if data is not None:
            (home / "data").mkdir()
            data(home / "data")
        words = [sys.executable, "-m", "benchmarks.instrumented", "serve", "--json"]
        words += ["--config", str(config), "--data", str(home / "data"), "--port", "0"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("LOA_")}
        with open(home / "log", "wb") as log:
            super().__init__(*words, env=environment, stderr=log)
        self._log = home / "log"
        try:
            ready = self.answer(60)
            self.url: str = ready["url"]
            self.setup_code: str = ready.get("setup_code") or ""
            self.port = int(self.url.rsplit(":", 1)[1].strip("/"))
            self.receivers: str = ready["receivers"]
            self._wait_for_file(file)
        except (RuntimeError, KeyError, ValueError) as error:
            said = self._log.read_text(errors="replace")[-2000:]
            self.close()
            raise RuntimeError(f"loa serve did not start: {error}\n{said}") from None

    def _wait_for_file(self, file: bool) -> None:
        """Wait until the file is prepared and on air, which is not what is measured."""
        from benchmarks.tap import Tap

        if not file:
            return
        end = time.monotonic() + 60
        with Tap(self.address(self.FILE, LOW)) as tap:
            for page in tap.pages():
                if page.granule and sum(map(len, page.packets)) > 40:
                    return
                if time.monotonic() > end:
                    break
        raise RuntimeError("its file is not on air after a minute")

    def address(self, path: str, cadence: int, burst: float = 0.0) -> Address:
        target = f"{path}.opus?cadence={CADENCE[cadence]}&burst={burst:g}"
        return Address("127.0.0.1", self.port, target, self.clock())

    def close(self) -> None:
        """End it by SIGTERM, as an operator would."""
        self._child.terminate()
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
        super().close()
        self._home.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def per_page(seconds: float, report: dict[str, Any]) -> float:
    """CPU in µs for each page that the listeners of a report got."""
    return 1e6 * seconds / max(1, int(report["pages"]))
