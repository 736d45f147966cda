"""What one live programme costs, decoding apart, beside bare libopus on the same audio.

Ours and the peer's run in alternating short turns on one thread, each turn over the same 10 s of
audio. Ours is all that the engine does: the source writes its blocks to the ring and the tick reads
them 20 ms at a time, corrected for a source's clock that is 100 ppm fast; then the chain levels,
fades, limits, meters and encodes, in one call. The peer only encodes (24 kb/s, complexity 10,
constrained VBR, 20 ms), in one call. The ratio is that of the medians of the thread's CPU time.
Music and silence cost libopus a third of what speech does, so there the same work of ours weighs
more: those rows are shown, not judged.

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
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks import speech
from benchmarks.rows import Row, ratio
from loa.native import _loa
from loa.native.dsp import Chain, Loudness
from loa.native.opus import OpusEncoder

ffi: Any = _loa.ffi
lib: Any = _loa.lib

RATE = 48_000
SECONDS = 10
BLOCK = 960
FAST_PPM = 100.0
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


class _Through:
    """A ring that one sound goes through again and again, from a clock that is 100 ppm fast.

    It calls the C core as the tick does, without Python's wrapper around each block.
    """

    def __init__(self, sound: Samples) -> None:
        config = ffi.new("loa_ring_config *", (40, 400, 2000, lib.LOA_RING_TRIM))
        self._ring = ffi.gc(lib.loa_ring_create(config), lib.loa_ring_destroy)
        self._speech = ffi.new("int *")
        self.out = np.zeros_like(sound)
        self._to = ffi.from_buffer("float[]", self.out, require_writable=True)
        ends = np.round(np.arange(len(sound) // BLOCK + 1) * BLOCK * (1 + FAST_PPM * 1e-6))
        self._spans = [(int(start), int(end - start)) for start, end in pairwise(ends)]
        self._from = ffi.from_buffer("float[]", np.concatenate([sound, sound[:BLOCK]]))

    def run(self) -> None:
        """Write and read 10 s; what was read lies in ``out``."""
        ring, write, read = self._ring, lib.loa_ring_write, lib.loa_ring_read
        for i, (start, frames) in enumerate(self._spans):
            write(ring, self._from + start, frames, 1)
            read(ring, self._to + i * BLOCK, self._speech)


def _ratio_row(name: str, sound: Samples, turns: int, bound: float | None) -> Row:
    flags = np.ones(len(sound) // BLOCK, dtype=np.uint8)
    through = _Through(sound)
    ours, theirs, rings = [], [], []
    for turn in range(turns + 1):
        chain, bare = Chain(), OpusEncoder()
        ring = _cpu(through.run)
        mine = ring + _cpu(lambda chain=chain: chain.process(through.out, flags))  # type: ignore[misc]
        peer = _cpu(lambda bare=bare: bare.encode_many(sound))  # type: ignore[misc]
        if turn:  # the first turn only warms up
            rings.append(ring)
            ours.append(mine)
            theirs.append(peer)
    milliseconds = [1000 * statistics.median(times) / SECONDS for times in (ours, rings, theirs)]
    note = "{:.1f} ms of CPU a second of audio, {:.1f} of it the ring's, libopus {:.1f}; {} pairs"
    note = note.format(*milliseconds, turns)
    return Row(f"one live programme, {name}: CPU ÷ bare libopus", ratio(ours, theirs), "", bound,
               note=note)  # fmt: skip


_MEMORY = """
import numpy as np
from pathlib import Path
from loa.native.dsp import Chain
from loa.native.ring import Ring
def resident():
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) / 1024
flag, full = np.ones(1, dtype=np.uint8), np.ones(2 * 48000, dtype=np.float32)
def programme():
    chain, ring = Chain(), Ring()
    ring.write(full)
    chain.process(ring.read()[0], flag)
    return chain, ring
programme()
before, programmes = resident(), [programme() for _ in range(100)]
print((resident() - before) / len(programmes))
"""


def _memory_row() -> Row:
    """In a process of its own, where no freed memory hides what is taken."""
    done = subprocess.run([sys.executable, "-c", _MEMORY], check=True, capture_output=True)
    what = "one live programme: memory of its ring and chain"
    return Row(what, float(done.stdout), "MB", MEGABYTES)


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
    rows = [_ratio_row("speech", voice, turns, BOUND), _ratio_row("music", music(), turns, None)]
    rows.append(_ratio_row("silence", np.zeros_like(voice), turns, None))
    rows.append(_memory_row())
    if not quick:
        rows.append(_ffmpeg_row(voice))
    return rows
