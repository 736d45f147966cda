"""One playing box: the instructions and the CPU that it takes, and its memory.

The whole server with one area that plays a file of speech, and ``python -m loa.receivers run`` on
the same machine, enrolled, `thrifty` over TLS, a sound card (PulseAudio's null sink, which takes
samples at its own pace) and no relay. Instructions, user's and the kernel's, are counted by the
processor (perf_event_open(2)) for the process and all its threads: they hardly depend on what else
the machine does, which CPU seconds do. Memory is resident (RSS) and proportional (PSS): a box that
has nothing else to run shares nothing, so the bound is for RSS. ALSA is given the plugin for
PulseAudio alone: others, where ``libasound2-plugins`` is installed, load FFmpeg's codecs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.receivers import FIRST, SECRET, enrolled
from benchmarks.rows import Missing, Row
from benchmarks.server import LoaServer
from loa.receivers.identity import FILE, Kept
from loa.receivers.status import find
from loa.streamer.fleet.identity import ServerIdentity

MEMORY_MB = 80.0
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_INSTRUCTIONS = 1
_INHERIT, _EXCLUDE_HYPERVISOR = 1 << 1, 1 << 6
PLUGIN = "libasound_module_pcm_pulse.so"


class Instructions:
    """Counts a process's instructions, and those of threads that it starts from now on."""

    def __init__(self, process: int) -> None:
        number = _PERF_EVENT_OPEN.get(os.uname().machine)
        self._file = -1
        if number is None:
            return
        attributes = bytearray(128)
        struct.pack_into("=IIQ", attributes, 0, 0, 128, _INSTRUCTIONS)
        struct.pack_into("=Q", attributes, 40, _INHERIT | _EXCLUDE_HYPERVISOR)
        buffer = (ctypes.c_char * 128).from_buffer(attributes)
        libc = ctypes.CDLL(None)
        self._file = libc.syscall(number, ctypes.byref(buffer), process, -1, -1, 0)

    def read(self) -> int | None:
        """Return how many there were; None where the processor's counters may not be used."""
        return None if self._file < 0 else struct.unpack("=Q", os.read(self._file, 8))[0]

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)


@contextlib.contextmanager
def sound_card(folder: Path) -> Iterator[dict[str, str]]:
    """Run PulseAudio with a null sink; give the environment in which ALSA's default is it."""
    if shutil.which("pulseaudio") is None:
        raise Missing("pulseaudio is not installed")
    plugins = list(Path("/usr/lib").glob(f"*/alsa-lib/{PLUGIN}"))
    if not plugins:
        raise Missing("libasound2-plugins is not installed")
    alsa = folder / "alsa-lib"
    alsa.mkdir()
    (alsa / PLUGIN).symlink_to(plugins[0])
    (folder / ".asoundrc").write_text("pcm.!default { type pulse }\n")
    environment = {
        "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "XDG_CONFIG_HOME": str(folder),
        "PULSE_SERVER": f"unix:{folder}/native", "PULSE_COOKIE": str(folder / "cookie"),
        "ALSA_PLUGIN_DIR": str(alsa),
    }  # fmt: skip
    daemon = subprocess.Popen(
        ["pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1",
         "--disable-shm=yes", "--log-level=error",
         "--load=module-null-sink sink_name=horn rate=48000 channels=1",
         f"--load=module-native-protocol-unix auth-anonymous=1 socket={folder}/native"],
        env=os.environ | environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        end = time.monotonic() + 10
        while not (folder / "native").exists() and time.monotonic() < end:
            time.sleep(0.05)
        yield environment
    finally:
        daemon.terminate()
        daemon.wait(10)


def identity(server: LoaServer, state: Path) -> None:
    """Write the identity of the box that is enrolled as the first receiver."""
    key = ServerIdentity.load(server.data, time.time()).key.public
    state.mkdir()
    kept = Kept(
        server=server.receivers, receiver=FIRST, name="Cụm loa", area="/xa/thon",
        servers=(key.data,), key=SECRET, made_at=time.time(),
    )  # fmt: skip
    file = state / FILE
    file.touch(0o600)
    file.write_bytes(msgspec.json.encode(kept))


def cpu(process: int) -> float:
    """Return the CPU seconds of a process so far."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def memory(process: int) -> dict[str, float]:
    """Return its memory in MB (10⁶ bytes) by the kernel's names."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines}


def run(quick: bool) -> list[Row]:
    seconds = 10.0 if quick else 30.0
    with tempfile.TemporaryDirectory(prefix="loa-box-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        environment = os.environ | stack.enter_context(sound_card(folder))
        server = stack.enter_context(LoaServer(data=enrolled(1)))
        identity(server, folder / "state")
        config = folder / "receiver.toml"
        config.write_text('state = "state"\nruntime = "run"\n')
        environment = {k: v for k, v in environment.items() if not k.startswith("LOA_")}
        environment |= {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"}  # as the unit has it
        log = stack.enter_context((folder / "log").open("wb"))
        words = [sys.executable, "-m", "loa.receivers", "run", "--config", str(config)]
        box = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
        counter = Instructions(box.pid)
        try:
            _until_it_plays(folder)
            time.sleep(2)
            before, used, began = counter.read(), cpu(box.pid), time.monotonic()
            time.sleep(seconds)
            after, took = counter.read(), time.monotonic() - began
            used = (cpu(box.pid) - used) / took
            size = memory(box.pid)
            seen = find(folder / "run")
            counters = seen.status.counters if seen is not None else {}
        finally:
            counter.close()
            box.send_signal(signal.SIGTERM)
            box.wait(20)
    made = None if after is None or before is None else (after - before) / took / 1e6
    note = f"{counters.get('horn.underflows', 0)} underflows, {100 * used:.1f} % of a core here"
    return [
        Row("a playing box: instructions a second", made, "million",
            note=note if made is not None else "the processor's counters cannot be used"),
        Row("a playing box: memory, resident", size["Rss"], "MB", MEMORY_MB,
            note=f"{size['Pss']:.0f} MB proportional"),
        Row("a playing box: blocks of 20 ms a second", counters.get("horn.blocks", 0) and
            round(counters["player.decoded"] / max(1, counters["horn.blocks"]), 3), "decoded",
            note="of those that the card took since the start"),
    ]  # fmt: skip


def _until_it_plays(folder: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        seen = find(folder / "run")
        if seen is not None and seen.status.sounding != "silence":
            return
        time.sleep(0.2)
    raise RuntimeError(f"the box does not play:\n{(folder / 'log').read_text()[-2000:]}")


if __name__ == "__main__":
    for row in run("QUICK" in os.environ):
        print(row)
