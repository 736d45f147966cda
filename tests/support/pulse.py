"""A PulseAudio daemon of the test's own; its sound card goes nowhere and can be listened to."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt


class Pulse:
    """``environment`` makes ALSA's default device (and so PortAudio's) the null sink."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "native"
        self.environment = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_SERVER": f"unix:{self.socket}",
            "PULSE_COOKIE": str(folder / "cookie"),
        }

    def record(self, seconds: float) -> npt.NDArray[np.float32]:
        """Return what the card plays from now on (float32 mono at 48 kHz)."""
        wanted = round(seconds * 48_000) * 4
        with subprocess.Popen(
            ["parec", "--device=horn.monitor", "--format=float32le", "--rate=48000",
             "--channels=1", "--raw", "--latency-msec=20"],
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            data = process.stdout.read(wanted)
            process.kill()
        return np.frombuffer(data, "<f4")


@contextlib.contextmanager
def pulse(folder: Path) -> Iterator[Pulse]:
    """Run the daemon in ``folder``."""
    for program in ("pulseaudio", "parec"):
        assert shutil.which(program), f"{program} is not installed: make test installs it"
    it = Pulse(folder)
    (folder / ".asoundrc").write_text("pcm.!default pulse\nctl.!default pulse\n")
    command = [
        "pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
        "--disable-shm=yes", "--log-level=error",
        "--load=module-null-sink sink_name=horn rate=48000 channels=1",
        f"--load=module-native-protocol-unix auth-anonymous=1 socket={it.socket}",
    ]  # fmt: skip
    with subprocess.Popen(
        command, env=os.environ | it.environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(200):
                if it.socket.exists():
                    break
                assert process.poll() is None, "pulseaudio ended by itself"
                time.sleep(0.05)
            yield it
        finally:
            process.terminate()
