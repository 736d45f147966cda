"""The weekly self-test: silent, so that a box that would not sound says so beforehand.

What is looked at are the things a box has failed by elsewhere: a device that takes no samples, a
relay that does not answer, a volume that somebody set to nothing, a cache that cannot be read, a
clock that knows no hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from loa.codecs.control.settings import Settings
from loa.receivers.files import write_durably
from loa.receivers.horn import Horn
from loa.receivers.outputs import BLOCK, RATE
from loa.receivers.parts import Journal, Samples
from loa.receivers.relay import RelayError
from loa.receivers.volume import EMERGENCY, minute_of_week, volume

WEEK = 7 * 1440
TAKES = 0.5
"""Seconds in which the device must have taken some silence."""
TONE_SECONDS = 1.0
TONE_HZ = 440.0
TONE_DB = -12.0
CLASSES = ("routine", "priority", "emergency")


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found: nothing wrong (``problem`` empty), and ``said`` for who wants to know."""

    problem: str = ""
    said: str = ""


Check = Callable[[], Awaitable[Found]]


class Tested(Struct, frozen=True, kw_only=True):
    """The last self-test: when (trusted time, None: unknown), and by check what is wrong."""

    at: float | None = None
    problems: dict[str, str] = {}
    said: dict[str, str] = {}

    @property
    def failed(self) -> int:
        """How many checks failed."""
        return len(self.problems)

    def text(self) -> str:
        """Say it in a line."""
        if not self.problems:
            return "all well: " + ", ".join(self.said)
        return "; ".join(f"{name}: {why}" for name, why in self.problems.items())


class SelfTest:
    """Runs checks and keeps the last result in ``file``. ``unix``: the trusted time of day."""

    def __init__(
        self,
        file: Path,
        checks: Mapping[str, Check],
        journal: Journal,
        unix: Callable[[], float | None],
    ) -> None:
        self._file = file
        self._checks = dict(checks)
        self._journal = journal
        self._unix = unix
        self._busy = asyncio.Lock()
        self.last = self._read()

    async def test(self, why: str, more: Mapping[str, Check] | None = None) -> Tested:
        """Do all checks, one after the other; none of them raises, and the journal has them."""
        async with self._busy:
            problems, said = {}, {}
            for name, check in (self._checks | dict(more or {})).items():
                try:
                    found = await check()
                except Exception as error:  # a check that breaks is a check that failed
                    found = Found(f"{type(error).__name__}: {error}"[:200])
                said[name] = found.said
                if found.problem:
                    problems[name] = found.problem
            self.last = Tested(at=self._unix(), problems=problems, said=said)
            self._journal.record("self_test", why=why, failed=len(problems), **{
                name: problems.get(name, said[name]) or "well" for name in said
            })  # fmt: skip
            with contextlib.suppress(OSError):  # the check of the disk says so
                write_durably(self._file, msgspec.json.encode(self.last))
            return self.last

    def due(self, settings: Settings) -> bool:
        """Say whether the week's test has not been done yet, though its minute is over.

        A box that had no power then does it as soon as it can; a new one does it at once.
        """
        unix = self._unix()
        if unix is None:
            return False
        since = (minute_of_week(unix, settings.timezone) - settings.self_test) % WEEK
        at = self.last.at
        # A test of the future was by a clock that was wrong.
        return at is None or at < unix - (since + 1) * 60 or at > unix + 86_400

    @property
    def values(self) -> dict[str, float | str]:
        """What health tells of it."""
        if self.last.at is None:
            return {}
        return {"self_test_at": self.last.at, "self_test_failed": self.last.failed}

    def _read(self) -> Tested:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Tested)
        except (OSError, msgspec.DecodeError):
            return Tested()


# --- checks


def output_check(horn: Horn) -> Check:
    """The device takes samples: silence, if nothing else sounds."""

    async def check() -> Found:
        before = horn.state()
        if not before.open:
            return Found(before.trouble or "the output is not open")
        await asyncio.sleep(TAKES)
        taken = horn.state().blocks - before.blocks
        if not taken or not horn.consuming:
            return Found(f"{before.output} takes nothing")
        return Found(said=f"{before.output} took {taken * BLOCK * 1000 // RATE} ms")

    return check


def relay_check(horn: Horn, click: bool) -> Check:
    """The relay answers; it clicks once, if it may, and only while nothing sounds."""

    async def check() -> Found:
        if horn.state().relay is None:
            return Found("it cannot be switched")
        if not click or horn.state().relay:
            return Found(said="answers")
        try:
            await horn.click()
        except RelayError as error:
            return Found(str(error))
        return Found(said="clicked")

    return check


def volume_check(settings: Callable[[], Settings]) -> Check:
    """No class is silenced for good, an emergency in no hour of the day."""

    async def check() -> Found:
        now = settings()
        mute = [
            name
            for cls, name in enumerate(CLASSES)
            if not any(volume(now, cls, minute) for minute in range(0, 1440, 5))
        ]
        if mute:
            return Found(f"{', '.join(mute)} would be silent: the volume is 0")
        if not all(volume(now, EMERGENCY, minute) for minute in range(0, 1440, 5)):
            return Found("an emergency would be silent at some hours: a ceiling is 0")
        return Found(said="/".join(map(str, now.volume)) + " %")

    return check


def disk_check(folder: Path, reserve_mb: int) -> Check:
    """There is room, and it can be written to."""

    def look() -> Found:
        probe = folder / "probe"
        try:
            write_durably(probe, b"self-test")
            well = probe.read_bytes() == b"self-test"
            probe.unlink()
        except OSError as error:
            return Found(f"{folder}: {error.strerror}")
        free = shutil.disk_usage(folder).free // 1_000_000
        if not well:
            return Found(f"{folder}: what is written cannot be read")
        if free < reserve_mb:
            return Found(f"only {free} MB are free")
        return Found(said=f"{free} MB free")

    async def check() -> Found:
        return await asyncio.to_thread(look)

    return check


def programs_check(commands: Mapping[str, tuple[str, ...]]) -> Check:
    """What the configuration wants to be run is there."""

    async def check() -> Found:
        missing = [
            f"{words[0]} ({name})"
            for name, words in commands.items()
            if words and shutil.which(words[0]) is None
        ]
        return Found(f"there is no {', '.join(missing)}" if missing else "")

    return check


def tone_check(horn: Horn) -> Check:
    """A short tone is taken by the device, and measured where there is a sensor. Not silent."""

    async def check() -> Found:
        before = horn.consumed, horn.sounded
        horn.play(tone())
        await asyncio.sleep(TONE_SECONDS + TAKES)
        after = horn.consumed, horn.sounded
        if after[0] is not None and before[0] is not None and after[0] <= before[0]:
            return Found("the device did not take it with the relay on")
        if after[1] is None or before[1] is None:
            return Found(said="taken, not measured")
        return Found(said="measured") if after[1] > before[1] else Found("it was not heard")

    return check


def tone() -> Samples:
    """Return a second of 440 Hz, faded in and out, in whole blocks."""
    count = round(TONE_SECONDS * RATE / BLOCK) * BLOCK
    time = np.arange(count) / RATE
    fade = np.minimum(1.0, np.minimum(time, time[::-1]) / 0.05)
    samples = 10 ** (TONE_DB / 20) * np.sin(2 * np.pi * TONE_HZ * time) * fade
    return samples.astype(np.float32)
