"""Mouth to horn: how long a sound takes from the microphone to the loudspeaker, all parts ours.

``loa live`` (microphone) → ``loa serve``, with 2,000 other listeners of the same mount at ``low``
on at the time → ``loa receiver run`` (sound card): three processes, real audio, real sockets, one
machine. The microphone hears speech with a 20 ms chirp about every 1.1 s, and each chirp is looked
for in what the receiver's sound card plays; no program is told of them.

The boundary: time runs from the moment at which the chirp's first sample exists in the air in front
of an ideal sound card, to the moment at which it leaves the other one (``doubles/sounddevice.py``).
The device's own block (20 ms) at the microphone and the double buffer at the loudspeaker are
inside; a particular card's driver and converters (1–3 ms each) are not, and neither is a sound
server such as PulseAudio, whose buffers are nobody's budget. Both ends have CLOCK_MONOTONIC.

A further listener in this process decodes the same mount, so that the way is known in parts: to the
tick that holds the chirp (device, frame, network, ring, level, limit, encode), from there to the
end of its page (0 or 20 ms), to the listener's socket (fan-out; judged over the sockets of all
listeners), and from the socket to the horn (jitter buffer, decoding, device). The bound of a part
is the sum of the budget's stages in it. A latency is judged with the slack of a bare timer's p99 in
the same seconds.
"""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import bursts, speech
from benchmarks.load import Address, Clock, Listeners, until
from benchmarks.rows import Row, percentile
from benchmarks.server import LOW, SOURCE_PASSWORD, LoaServer
from benchmarks.tap import Page, Tap
from loa.native.opus import OpusDecoder

LISTENERS = 2000
LEAD = 8.0
"""Seconds before the first burst: the leveller has locked, the receiver's buffer is full."""
ENOUGH = 0.95
"""The share of the bursts that must be heard; the first form of a gap is a burst not heard."""
DOUBLES = Path(__file__).resolve().parent / "doubles"
RATE = bursts.RATE


@contextlib.contextmanager
def command(
    home: Path, name: str, *words: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a ``loa`` command with the doubles of the sound card; end it by SIGTERM."""
    settings = {k: v for k, v in os.environ.items() if not k.startswith("LOA_")}
    settings |= {"PYTHONPATH": str(DOUBLES)} | environment
    program = "from loa.streamer.cli import main; main()"
    with open(home / f"{name}.log", "wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", program, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=settings,
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class Recorder(threading.Thread):
    """Keeps every page of a mount with its time of arrival."""

    def __init__(self, address: Address) -> None:
        super().__init__(name="recorder", daemon=True)
        self.pages: list[Page] = []
        self._tap = Tap(address)
        self._over = False

    def run(self) -> None:
        with self._tap, contextlib.suppress(OSError):
            for page in self._tap.pages():
                if page.granule:
                    self.pages.append(page)
                if self._over:
                    return

    def stop(self) -> list[Page]:
        """Return what was kept."""
        self._over = True
        self.join(5)
        return self.pages


def heard(path: Path) -> bursts.Recording:
    """Read what the receiver's sound card wrote."""
    raw = path.read_bytes()
    times, lengths, audio, at = [], [], [], 0
    while at + 16 <= len(raw):
        when, count = struct.unpack_from("<qq", raw, at)
        if at + 16 + 4 * count > len(raw):
            break
        audio.append(np.frombuffer(raw, dtype="<f4", count=count, offset=at + 16))
        times.append(when / 1e9)
        lengths.append(count)
        at += 16 + 4 * count
    if not times:
        raise RuntimeError("the receiver played nothing")
    return bursts.Recording(
        np.array(times), np.array(lengths, dtype=np.int64), np.concatenate(audio)
    )


def decoded(pages: list[Page], clock: Clock) -> bursts.Recording:
    """Decode pages, each tick at its deadline."""
    decoder = OpusDecoder()
    audio, due = [], []
    for page in pages:
        packets = page.packets
        for number, packet in enumerate(packets):
            tick = page.last_tick - len(packets) + 1 + number
            audio.append(decoder.decode(packet))
            due.append(deadline(clock, tick))
    lengths = np.full(len(audio), 960, dtype=np.int64)
    return bursts.Recording(np.array(due), lengths, np.concatenate(audio))


def deadline(clock: Clock, tick: int) -> float:
    """Return when a tick is due, in s."""
    return (clock.deadline_ns + (tick - clock.tick) * 20_000_000) / 1e9


@dataclass(slots=True)
class Parts:
    """The parts of the way of each burst, in ms."""

    tick: list[float] = field(default_factory=list)
    page: list[float] = field(default_factory=list)
    socket: list[float] = field(default_factory=list)
    horn: list[float] = field(default_factory=list)


def stages(pages: list[Page], clock: Clock, made: list[float], horn: list[float | None]) -> Parts:
    """Return the parts of the way for each burst that was heard at both places."""
    at_tick = decoded(pages, clock)
    page_of = {page.last_tick - back: page for page in pages for back in range(len(page.packets))}
    first = pages[0].last_tick - len(pages[0].packets) + 1
    parts = Parts()
    # Places are sought by the ticks' own times: a tick is due after the sound in it was made.
    for start, end, place in zip(made, horn, bursts.find(at_tick, made), strict=True):
        if end is None or place is None:
            continue
        tick = first + place // 960
        page = page_of[tick]
        whole = deadline(clock, page.last_tick)
        parts.tick.append(1e3 * (deadline(clock, tick) - start))
        parts.page.append(1e3 * (whole - deadline(clock, tick)))
        parts.socket.append(1e3 * (page.when - whole))
        parts.horn.append(1e3 * (end - page.when))
    return parts


def latency_rows(
    what: str, values: list[float], p50: float, p99: float, slack: float, note: str = ""
) -> list[Row]:
    """Make the two rows of one latency in ms."""
    return [
        Row(f"{what}, p50", percentile(values, 0.5), "ms", p50, slack=slack, note=note),
        Row(f"{what}, p99", percentile(values, 0.99), "ms", p99, slack=slack),
    ]


def run(quick: bool) -> list[Row]:
    seconds = 40.0 if quick else 100.0
    starts = bursts.place(seconds, seed=time.time_ns() & 0xFFFF, first=LEAD)
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="loa-bench-")))
        soundfile.write(
            home / "microphone.wav",
            bursts.lay(speech.samples(seconds), starts),
            RATE,
            subtype="PCM_16",
        )
        server = stack.enter_context(LoaServer(file=False))
        address = server.address(server.LIVE, LOW)
        crowd = stack.enter_context(Listeners(address, batch_us=200))
        crowd.open_all(LISTENERS)
        receiver = stack.enter_context(
            command(
                home,
                "receiver",
                *("receiver", "run", "--url", f"{server.url}{server.LIVE}.opus?cadence=low"),
                LOA_BENCH_HEARD=str(home / "heard"),
            )
        )
        until("the receiver plays", 15, (home / "heard").exists)
        live = stack.enter_context(
            command(
                home,
                "live",
                *("live", server.LIVE, "--server", server.url, "--mic", "0"),
                LOA_SOURCE_PASSWORD=SOURCE_PASSWORD,
                LOA_BENCH_MICROPHONE=str(home / "microphone.wav"),
                LOA_BENCH_STARTED=str(home / "started"),
            )
        )
        until("the microphone is open", 15, (home / "started").exists)
        time.sleep(0.1)
        began = int((home / "started").read_text()) / 1e9
        recorder = Recorder(address)
        recorder.start()
        time.sleep(max(0.0, began + LEAD - 1 - time.monotonic()))
        crowded = crowd.measure(began + seconds - time.monotonic())
        for name, child in (("receiver", receiver), ("live", live)):
            if child.poll() is not None:
                log = (home / f"{name}.log").read_text(errors="replace")[-1500:]
                raise RuntimeError(f"loa {name} ended by itself: {log}")
        pages = recorder.stop()
        clock = server.clock()
        played = heard(home / "heard")
    made = [began + start / RATE for start in starts]
    horn = bursts.times(played, made)
    whole = [1e3 * (end - start) for start, end in zip(made, horn, strict=True) if end is not None]
    if len(whole) < ENOUGH * len(made):
        raise RuntimeError(f"of {len(made)} bursts {len(whole)} were heard")
    slack = crowded["timer_p99_ms"]
    parts = stages(pages, clock, made, horn)
    note = f"{len(whole)} of {len(made)} bursts, {LISTENERS} listeners"
    rows = latency_rows("mouth to horn", whole, 180, 300, slack, note)
    rows += latency_rows("device, LAN, ring, level, encode", parts.tick, 82, 145, slack)
    rows.append(Row("end of the page, mean", sum(parts.page) / len(parts.page), "ms"))
    rows.append(Row("fan-out to all sockets, p50", crowded["delay_p50_ms"], "ms", 5, slack=slack))
    rows.append(Row("fan-out to all sockets, p99", crowded["delay_p99_ms"], "ms", 20, slack=slack))
    rows.append(Row("fan-out to the one socket, p50", percentile(parts.socket, 0.5), "ms"))
    rows += latency_rows("receiver: jitter buffer, decoding, device", parts.horn, 80, 120, slack)
    rows.append(Row("gaps and repeats", crowded["gaps"] + crowded["repeats"], "", 0))
    rows.append(Row("bare timer beside it, p99", slack, "ms"))
    return rows
