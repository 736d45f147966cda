"""What the chain of one live programme costs, beside bare libopus on the same audio.

Ours and the peer's run in alternating short turns on one thread, each turn one C call over the same
10 s of audio: ours levels, fades, limits, meters and encodes, the peer only encodes (24 kb/s,
complexity 10, constrained VBR, 20 ms). The ratio is that of the medians of the thread's CPU time.
Music costs libopus a third of what speech does, so there the same work of ours weighs more.

FFmpeg's nearest chain (``ebur128``, ``alimiter``, ``libopus``) is shown as CPU per second of audio;
it meters and limits, but nothing in it levels.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks import speech
from benchmarks.rows import Row, ratio
from loa.native.dsp import Chain, Loudness
from loa.native.opus import OpusEncoder

RATE = 48_000
SECONDS = 10
BOUND = 1.5
MEGABYTES = 4.0

Samples = npt.NDArray[np.float32]


def music() -> Samples:
    """10 s of chords and beats, by formula."""
    t = np.arange(SECONDS * RATE) / RATE
    beat = np.exp(-((t % 0.5) * 12))
    chord = sum(
        np.sin(2 * np.pi * 220 * step * harmonic * t) / harmonic
        for step in (1, 1.25, 1.5)
        for harmonic in range(1, 6)
    )
    hiss = np.random.default_rng(1).standard_normal(len(t))
    return _at_lufs(chord * (0.5 + beat) + hiss * beat, -12.0)


def _at_lufs(sound: npt.NDArray[np.floating], lufs: float) -> Samples:
    loudness = Loudness(peak=False, windows=False)
    loudness.add(sound.astype(np.float32))
    return (sound * 10 ** ((lufs - loudness.read().integrated_lufs) / 20)).astype(np.float32)


def _cpu(work: Callable[[], object]) -> float:
    start = time.thread_time()
    work()
    return time.thread_time() - start


def _ratio_row(name: str, sound: Samples, turns: int) -> Row:
    flags = np.ones(len(sound) // 960, dtype=np.uint8)
    ours, theirs = [], []
    for turn in range(turns + 1):
        chain, bare = Chain(), OpusEncoder()
        mine = _cpu(lambda chain=chain: chain.process(sound, flags))  # type: ignore[misc]
        peer = _cpu(lambda bare=bare: bare.encode_many(sound))  # type: ignore[misc]
        if turn:  # the first turn only warms up
            ours.append(mine)
            theirs.append(peer)
    milliseconds = [1000 * statistics.median(times) / SECONDS for times in (ours, theirs)]
    note = "{:.1f} ms of CPU a second of audio, libopus {:.1f}; {} pairs".format(
        *milliseconds, turns
    )
    return Row(f"one live programme, {name}: CPU ÷ bare libopus", ratio(ours, theirs), "", BOUND,
               note=note)  # fmt: skip


_MEMORY = """
import numpy as np
from pathlib import Path
from loa.native.dsp import Chain
def resident():
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) / 1024
block, flag = np.ones(960, dtype=np.float32), np.ones(1, dtype=np.uint8)
Chain().process(block, flag)
before, chains = resident(), [Chain() for _ in range(200)]
for chain in chains:
    chain.process(block, flag)
print((resident() - before) / len(chains))
"""


def _memory_row() -> Row:
    """In a process of its own, where no freed memory hides what is taken."""
    done = subprocess.run([sys.executable, "-c", _MEMORY], check=True, capture_output=True)
    return Row("one live programme: memory of its chain", float(done.stdout), "MB", MEGABYTES)


def _ffmpeg_row(sound: Samples) -> Row:
    what = "FFmpeg ebur128, alimiter, libopus: CPU a second of speech"
    if not shutil.which("ffmpeg"):
        return Row(what, None, "ms", note="ffmpeg is not installed")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "voice.wav")
        soundfile.write(path, np.tile(sound, 6), RATE, subtype="FLOAT")
        words = ["ffmpeg", "-nostdin", "-v", "error", "-threads", "1", "-i", str(path)]
        words += ["-af", "ebur128,alimiter=limit=0.7", "-c:a", "libopus", "-b:a", "24k"]
        words += ["-compression_level", "10", "-f", "null", "-"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Row(what, 1000 * seconds / (6 * SECONDS), "ms", note="its start included")


def run(quick: bool) -> list[Row]:
    """Measure; ``Missing`` when there is no voice to measure with."""
    voice, turns = _at_lufs(speech.samples(SECONDS), -23.0), 5 if quick else 15
    rows = [_ratio_row("speech", voice, turns), _ratio_row("music", music(), turns)]
    rows.append(_ratio_row("silence", np.zeros_like(voice), turns))
    rows.append(_memory_row())
    if not quick:
        rows.append(_ffmpeg_row(voice))
    return rows
