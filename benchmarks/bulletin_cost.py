"""What a bulletin costs: MP3 in, normalized Ogg Opus out.

Set-up: speech by espeak-ng as a 128 kb/s stereo MP3. Ours and each peer take turns, each in a
process of its own; the medians of their CPU time (user and system, all threads) are compared:

* *bare libopus*: our encoder in C over the same audio, which lies decoded, one channel, in memory,
  at the same 24 kb/s and complexity 10; nothing is read, measured or limited;
* *FFmpeg loudnorm*: ``ffmpeg -af loudnorm`` from the same MP3 to the same kind of Opus, in its
  one-pass form (two passes would cost it twice);
* *FFmpeg ebur128 + alimiter*: measures and limits, but normalizes nothing: the least that FFmpeg
  could do.

Python's own start is left out, since the server has it once; FFmpeg's, some 50 ms, counts. A ratio
above 1 means that we are faster. Flat memory: the peak resident size for a recording of 40 minutes
beside one of 10, and for one of an hour.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import speech
from benchmarks.load import BUILD
from benchmarks.rows import Missing, Row, ratio, skipped
from loa.codecs.media import decode

# What each Python process does first and last, so that it prints the CPU seconds of its work.
BEGIN = """
import resource, sys
import av, numpy as np
from loa.codecs.bulletin import prepare
from loa.native.opus import OpusEncoder
def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
start = cpu()
"""
END = """
# Not ru_maxrss: that is inherited from whoever started the process.
with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
print(cpu() - start, peak)
"""
OURS = """
report = prepare(sys.argv[1], sys.argv[2])
assert report.reached and report.decoded.true_peak_dbtp <= 0, report
"""
BARE = """
audio = np.load(sys.argv[1], mmap_mode="r")
encoder = OpusEncoder(24_000, 10)
for at in range(0, len(audio) - 47_999, 48_000):
    encoder.encode_many(audio[at : at + 48_000])
"""
BOUNDS = {"bare libopus": 0.45, "FFmpeg loudnorm + libopus": 2.0}
SLACK = 0.05
"""How far one run's ratio lies from another's on the same machine: ours is only just twice as fast,
and what lies within that is no miss."""
LOUDNORM = "loudnorm=I=-16:TP=-3"
LIMITED = "ebur128=peak=true,alimiter=limit=-3dB:level=false"


def run(quick: bool) -> Sequence[Row]:
    """Measure the rows; ``quick``: shorter audio, fewer turns and peers."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise Missing("ffmpeg is not installed")
    seconds, turns = (60, 5) if quick else (300, 7)
    source = mp3(seconds)
    with tempfile.TemporaryDirectory(prefix="loa-bench-") as folder:
        out = Path(folder)
        pcm = out / "audio.npy"
        with decode(source) as decoder:
            np.save(pcm, np.concatenate(list(decoder)))
        peers: dict[str, Callable[[], float]] = {
            "bare libopus": lambda: python(BARE, pcm)[0],
            "FFmpeg loudnorm + libopus": lambda: other(ffmpeg, source, LOUDNORM, out),
            "FFmpeg ebur128 + alimiter + libopus": lambda: other(ffmpeg, source, LIMITED, out),
        }
        if quick:
            peers.popitem()
        ours: list[float] = []
        theirs: dict[str, list[float]] = {name: [] for name in peers}
        for _ in range(turns):
            for name, peer in peers.items():
                theirs[name].append(peer())
            ours.append(python(OURS, source, out / "ours.opus")[0])
        rows = [
            Row(
                f"bulletin: speed ÷ that of {name}",
                1 / ratio(ours, spent),
                "×",
                BOUNDS.get(name),
                at_least=True,
                slack=SLACK if name in BOUNDS and BOUNDS[name] > 1 else 0.0,
                note=f"ours {seconds / statistics.median(ours):.0f} × real time, theirs "
                f"{seconds / statistics.median(spent):.0f} ×, {turns} turns each",
            )
            for name, spent in theirs.items()
        ]
        rows.append(memory(out, quick))
        rows += hour(out, quick)
    return rows


def python(code: str, *arguments: Path) -> tuple[float, int]:
    """Run Python; return the CPU seconds of its work and its peak resident size in KiB."""
    command = [sys.executable, "-c", BEGIN + code + END, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, peak = done.stdout.split()
    return float(seconds), int(peak)


def other(ffmpeg: str, source: Path, filters: str, folder: Path) -> float:
    """Let FFmpeg make the bulletin; return its CPU seconds."""
    command = [ffmpeg, "-v", "error", "-nostdin", "-y", "-i", str(source), "-af", filters]
    command += ["-ar", "48000", "-ac", "1", "-c:a", "libopus", "-b:a", "24k"]
    command += ["-compression_level", "10", "-f", "ogg", str(folder / "peer.opus")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def memory(folder: Path, quick: bool) -> Row:
    """Compare the peak resident sizes for a recording and one of four times its length."""
    row = Row("bulletin: memory for four times the length", None, "×", 1.15)
    if quick:
        return skipped(row.what, "only in the full run", row)
    peaks = [
        python(OURS, mp3(60 * minutes), folder / "long.opus")[1] / 1024 for minutes in (10, 40)
    ]
    note = f"{peaks[0]:.0f} MB for 10 minutes, {peaks[1]:.0f} MB for 40"
    return replace(row, value=peaks[1] / peaks[0], note=note)


def hour(folder: Path, quick: bool) -> list[Row]:
    """Prepare an hour: how fast, and with how much memory."""
    speed = Row("bulletin of an hour: speed", None, "× real time")
    peak = Row("bulletin of an hour: memory", None, "MB", 200)
    if quick:
        return [skipped(row.what, "only in the full run", row) for row in (speed, peak)]
    seconds, resident = python(OURS, mp3(3600), folder / "hour.opus")
    note = f"{seconds:.0f} s of CPU for an MP3 of {mp3(3600).stat().st_size / 1e6:.0f} MB"
    return [
        replace(speed, value=3600 / seconds, note=note),
        replace(peak, value=resident / 1024, note="the whole process, Python and FFmpeg included"),
    ]


def mp3(seconds: float) -> Path:
    """Return a stereo MP3 of so much speech (the same two minutes again), made when missing."""
    path = BUILD / f"speech-{seconds:g}.mp3"
    if not path.exists():
        made = path.with_suffix(".part")
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-stream_loop", "-1"]
        command += ["-i", str(speech.wav(120))]
        command += ["-t", str(seconds), "-ac", "2", "-ar", "44100", "-b:a", "128k", "-f", "mp3"]
        subprocess.run([*command, str(made)], check=True)
        os.replace(made, path)
    return path
