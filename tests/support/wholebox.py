"""The whole box of ``receivers/box.py`` in the test's own process, in real time.

Its sound goes to ``heard.wav`` below its folder. ``machine`` is what it knows of time by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loa.receivers.box import Box
from loa.receivers.config import Config, Limits, Stick
from loa.receivers.identity import BoxIdentity
from loa.receivers.timekeeping import Machine


@dataclass
class HandMachine:
    """A machine whose clock the test sets. ``ntp``: what its NTP client says is the time."""

    boot: str = "boot 1"
    unix: float = 0.0
    """The true time when this was made."""
    ntp: float | None = None
    """By how much an NTP client is wrong; None: there is none."""
    kept: float | None = None
    """By how much a clock with a battery is."""
    began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        """The true time."""
        return self.unix + time.monotonic() - self.began

    def synchronized(self) -> float | None:
        return None if self.ntp is None else self.now + self.ntp

    def battery(self) -> float | None:
        return None if self.kept is None else self.now + self.kept


def config_below(folder: Path, state: Path | None = None) -> Config:
    """Return a box's configuration; ``state`` may lie elsewhere."""
    return Config(
        state=state or folder / "state", runtime=folder / "run", output=f"wav:{folder}/heard.wav",
        stick=Stick(folders=()), limits=Limits(disk_reserve_mb=0),
    )  # fmt: skip


@contextlib.asynccontextmanager
async def running(
    config: Config, identity: BoxIdentity, machine: Machine | None = None
) -> AsyncIterator[Box]:
    """Run a box until the end of the block; it ends in order."""
    box = Box(config, identity, machine=machine or HandMachine())
    work = asyncio.ensure_future(box.run())
    try:
        yield box
    finally:
        box.end()
        await work


async def until(what: str, done: object, seconds: float = 20.0) -> None:
    """Wait until something is so; fail when it never is."""
    assert callable(done)
    try:
        async with asyncio.timeout(seconds):
            while not done():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(what) from None


def heard(config: Config, hertz: float) -> float:
    """Return for how many seconds a tone sounded since the box was started."""
    return len(when_heard(config, hertz)) / 10


def when_heard(config: Config, hertz: float) -> list[float]:
    """Return the tenths of a second with a tone, in seconds since the box was started."""
    with wave.open(config.output.removeprefix("wav:")) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    samples: npt.NDArray[np.float32] = data.astype(np.float32) / 32768
    blocks = samples[: len(samples) // 4800 * 4800].reshape(-1, 4800)
    power = np.abs(np.fft.rfft(blocks * np.hanning(4800), axis=1))
    there = (power.max(axis=1) > 20) & (np.abs(power.argmax(axis=1) * 10 - hertz) <= 10)
    return [float(at) / 10 for at in np.flatnonzero(there)]
