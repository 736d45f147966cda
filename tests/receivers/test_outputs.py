"""Where the sound goes: files are right and paced, and wrong names are said to be."""

from __future__ import annotations

import struct
import threading
import time
import wave
from pathlib import Path
from random import Random

import numpy as np
import pytest

from loa.receivers.outputs import (
    BLOCK,
    RATE,
    DeviceOutput,
    NullOutput,
    Opened,
    OutputError,
    Pace,
    PacedOutput,
    RawOutput,
    Samples,
    WavOutput,
    output_named,
    to_pcm16,
)


class Ramp:
    """Counts the samples it gave; says when it has given enough."""

    def __init__(self, enough: int) -> None:
        self.blocks = 0
        self.times: list[float] = []
        self.done = threading.Event()
        self._enough = enough

    def __call__(self, out: Samples, at: float) -> None:
        self.times.append(at)
        start = self.blocks * BLOCK
        out[:] = (np.arange(start, start + BLOCK) % 1000) / 1000
        self.blocks += 1
        if self.blocks >= self._enough:
            self.done.set()


def expected(samples: int) -> Samples:
    return ((np.arange(samples) % 1000) / 1000).astype(np.float32)


def test_a_wav_file_holds_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    ramp = Ramp(5)
    with Opened(WavOutput(path), ramp) as output:
        assert ramp.done.wait(10) and output.trouble is None
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 48_000, 2)
        count = file.getnframes()
        data = file.readframes(count)
    assert count == ramp.blocks * BLOCK
    assert data == to_pcm16(expected(count))


def test_a_wav_file_can_be_read_while_it_grows(tmp_path: Path) -> None:
    output = WavOutput(tmp_path / "a.wav")
    output._prepare()
    for _ in range(120):
        output._write(np.zeros(BLOCK, np.float32))
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() == 100 * BLOCK
    output._finish()


def test_a_full_wav_file_is_trouble(tmp_path: Path) -> None:
    output = WavOutput(tmp_path / "a.wav")
    output._prepare()
    output._bytes = output.MOST - 10
    with pytest.raises(ValueError, match="full"):
        output._write(np.zeros(BLOCK, np.float32))
    output._finish()
    header = struct.unpack("<4sI", (tmp_path / "a.wav").read_bytes()[:8])
    assert header[1] == 36 + output.MOST - 10


def test_raw_is_float32(tmp_path: Path) -> None:
    ramp = Ramp(3)
    with Opened(RawOutput(str(tmp_path / "a.f32")), ramp):
        assert ramp.done.wait(10)
    found = np.fromfile(tmp_path / "a.f32", "<f4")
    assert np.array_equal(found, expected(len(found)))


def test_it_keeps_the_pace() -> None:
    ramp = Ramp(10)
    began = time.monotonic()
    with Opened(NullOutput(), ramp):
        assert ramp.done.wait(10)
        assert time.monotonic() - began >= 10 * 0.02 - 0.001, "never faster than real time"
    blocks = ramp.blocks
    time.sleep(0.05)
    assert ramp.blocks == blocks, "closed is closed"


def test_a_disk_that_fills_up_is_trouble() -> None:
    class Full(PacedOutput):
        def _write(self, block: Samples) -> None:
            raise OSError(28, "No space left on device")

    output = Full("full")
    ramp = Ramp(1)
    with Opened(output, ramp):
        assert ramp.done.wait(10)
        output._thread and output._thread.join(10)
        assert output.trouble is not None and "No space left" in output.trouble


def test_names() -> None:
    assert isinstance(output_named("null"), NullOutput)
    assert isinstance(output_named("wav:a:b.wav"), WavOutput)
    assert isinstance(output_named("raw:-"), RawOutput)
    assert isinstance(output_named("device", "3"), DeviceOutput)
    for bad in ("", "wav", "wav:", "raw:", "null:x", "mp3:x", "device:x"):
        with pytest.raises(OutputError, match="an output is"):
            output_named(bad)


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    for output in (WavOutput(tmp_path / "no" / "a.wav"), RawOutput(str(tmp_path))):
        with pytest.raises(OutputError, match=str(tmp_path)):
            output.open(Ramp(1))


def test_a_card_gets_any_number_of_samples() -> None:
    output = DeviceOutput()
    ramp = Ramp(1)
    out = np.empty(5000, np.float32)
    at = 0
    for count in (1, 480, 959, 961, 1500, 1099):
        output._fill(out[at : at + count], ramp, at / RATE)
        at += count
    assert np.array_equal(out, expected(5000))
    assert ramp.times == pytest.approx(np.arange(6) * BLOCK / RATE), "each block has its own time"


def test_a_blocks_time_is_free_of_the_calls_jitter_and_follows_the_card() -> None:
    random = Random(4)
    pace, rate = Pace(), 1 + 100e-6  # a card that is 100 ppm slow
    off = []
    for i in range(3000):
        true = 100 + i * 0.01 * rate
        off.append(pace.at(true + random.uniform(-0.004, 0.004), 480) - true)
    assert max(map(abs, off[1000:])) < 0.001
    assert pace.at(200.0, 480) == 200.0, "a card that stood still is somewhere else"
