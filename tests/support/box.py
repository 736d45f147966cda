"""An enrolled box as a process of its own, as systemd would run it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from support.process import LOA, surroundings


class BoxProcess:
    """A box below ``folder``: its sound goes to ``heard.wav``, its relay's clicks to ``relay``."""

    CONFIG = """
state = "state"
runtime = "run"
output = "wav:{folder}/heard.wav"
[relay]
kind = "command"
on = ["sh", "-c", "echo on >> {folder}/relay"]
off = ["sh", "-c", "echo off >> {folder}/relay"]
hold_seconds = 0.5
"""

    def __init__(self, folder: Path, more: str = "", python: str | Path = sys.executable) -> None:
        self.folder = folder
        self._python = str(python)
        folder.mkdir(exist_ok=True)
        self.config = folder / "receiver.toml"
        self.config.write_text(self.CONFIG.format(folder=folder) + more)
        self.log = folder / "box.log"
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in surroundings().items() if not k.startswith("LOA_")}
        return kept | {"LOA_RECEIVER_CONFIG": str(self.config), "LANG": "C"}

    def loa(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``loa receiver …``."""
        return subprocess.run(
            [self._python, *LOA[1:], "receiver", *words], env=self.environment(),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def enrol(self, server: str, code: str) -> None:
        done = self.loa("enrol", server, code)
        assert done.returncode == 0, done.stderr

    def start(self, **environment: str) -> None:
        """Start it; ``status`` and the rest say how it does."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._python, "-m", "loa.receivers", "run"], cwd=self.folder,
                env=self.environment() | environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log,
            )  # fmt: skip

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal, if it runs; return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()

    def status(self) -> dict[str, Any]:
        """Return what ``loa receiver status --json`` would say, without another process."""
        try:
            said: dict[str, Any] = json.loads((self.folder / "run/status.json").read_bytes())
        except FileNotFoundError:
            return {}
        return said

    def until(self, what: Callable[[dict[str, Any]], object], seconds: float = 40.0) -> Any:
        """Wait until its status is as it should be, and return it; fail after a while."""
        end = time.monotonic() + seconds
        assert self.process is not None
        while (said := self.status()).get("process") != self.process.pid or not what(said):
            assert time.monotonic() < end, (said, self.log.read_text())
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        return said

    @property
    def clicks(self) -> list[str]:
        """What the relay was told, in order."""
        try:
            return (self.folder / "relay").read_text().split()
        except FileNotFoundError:
            return []

    def heard(self) -> npt.NDArray[np.float32]:
        """Return what it played since it was started (float32 at 48 kHz)."""
        with wave.open(str(self.folder / "heard.wav")) as file:
            data = file.readframes(file.getnframes())
        return np.frombuffer(data, "<i2").astype(np.float32) / 32768

    def listening(self) -> list[str]:
        """Return the addresses on which it listens: TCP, UDP and the like, of its own sockets."""
        assert self.process is not None
        own = {os.readlink(f) for f in Path(f"/proc/{self.process.pid}/fd").iterdir() if f.exists()}
        found = []
        for name in ("tcp", "tcp6", "udp", "udp6"):
            for line in Path(f"/proc/{self.process.pid}/net/{name}").read_text().splitlines()[1:]:
                words = line.split()
                listens = words[3] == "0A" or name.startswith("udp")
                if listens and f"socket:[{words[9]}]" in own:
                    found.append(f"{name} {words[1]}")
        return found

    def memory(self) -> dict[str, int]:
        """Return its memory in KiB by the kernel's names: Rss, Pss and so on."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()[1:]
        return {line.split(":")[0]: int(line.split()[1]) for line in lines}
