"""What the box hears of its horn: a level, a current, or nothing that could be claimed."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from loa.receivers import ears as module
from loa.receivers.config import Sensors
from loa.receivers.ears import BLOCK, Ears
from loa.receivers.horn import Horn
from support.horn import Clock, HandDevice, HandRelay, KeptJournal, Said


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.002)
    monkeypatch.setattr(module, "REOPEN_AFTER", 0.002)


@dataclass
class Told:
    """What the horn was told: times of sound, "nothing" or "deaf"."""

    said: list[float | str] = field(default_factory=list)

    def heard(self, at: float) -> None:
        self.said.append(at)

    def heard_nothing(self) -> None:
        self.said.append("nothing")

    def deaf(self) -> None:
        self.said.append("deaf")


@dataclass
class SoundCard:
    """The module ``sounddevice`` with an input that the test speaks into."""

    refuses: str | None = None
    streams: list[Any] = field(default_factory=list)

    def RawInputStream(self, **given: Any) -> Any:
        if self.refuses is not None:
            raise OSError(self.refuses)
        stream = SimpleNamespace(given=given, active=False, closed=False)
        stream.start = lambda: setattr(stream, "active", True)
        stream.close = lambda ignore_errors: setattr(stream, "closed", True)
        self.streams.append(stream)
        return stream

    @property
    def open(self) -> bool:
        return bool(self.streams) and self.streams[-1].active

    def hears(self, level: float, blocks: int = 1) -> None:
        """Give blocks of a tone whose RMS is ``level`` (dBFS)."""
        tone = np.sin(np.arange(BLOCK) * 2 * np.pi / 16) * np.sqrt(2) * 10 ** (level / 20)
        for _ in range(blocks):
            data = tone.astype(np.float32).tobytes()
            self.streams[-1].given["callback"](data, BLOCK, None, None)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> SoundCard:
    made = SoundCard()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


@contextlib.asynccontextmanager
async def listening(ears: Ears) -> AsyncIterator[None]:
    task = asyncio.ensure_future(ears.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


# --- a microphone


async def test_a_block_is_sound_from_its_level_on(card: SoundCard) -> None:
    told, clock = Told(), Clock()
    ears = Ears(Sensors(microphone="hw", microphone_db=-40), told, clock)
    assert ears.there
    async with listening(ears):
        await until(lambda: card.open)
        given = card.streams[0].given
        assert (given["samplerate"], given["channels"], given["device"]) == (16_000, 1, "hw")
        card.hears(-39.5)
        clock.now += 0.1
        card.hears(-40.5)
        card.hears(-120)
        card.hears(-6)
        assert told.said == [100.0, "nothing", "nothing", 100.1]
    assert card.streams[0].closed and told.said[-1] == "deaf"


@pytest.mark.parametrize(("named", "device"), [("2", 2), ("USB mic", "USB mic"), ("", None)])
async def test_a_microphone_is_named_by_number_name_or_not(
    card: SoundCard, named: str, device: object
) -> None:
    async with listening(Ears(Sensors(microphone=named), Told())):
        await until(lambda: card.open)
        assert card.streams[0].given["device"] == device


async def test_a_microphone_that_is_lost_measures_nothing_and_is_opened_again(
    card: SoundCard,
) -> None:
    told = Told()
    ears = Ears(Sensors(microphone="hw"), told)
    card.refuses = "no such device"
    async with listening(ears):
        await until(lambda: "deaf" in told.said)
        assert "no such device" in ears.trouble
        card.refuses = None
        await until(lambda: card.open)
        told.said.clear()
        card.hears(-10)
        assert told.said != ["deaf"] and ears.trouble == ""
        card.streams[-1].active = False  # pulled out
        await until(lambda: told.said[-1] == "deaf")
        assert card.streams[0].closed
        await until(lambda: len(card.streams) > 1 and card.open)


# --- a current


async def test_the_current_says_it_from_a_number_on(tmp_path: Path) -> None:
    told, clock = Told(), Clock()
    file = tmp_path / "curr1_input"
    file.write_text("850\n")
    ears = Ears(Sensors(current=file, current_above=300.0), told, clock)
    async with listening(ears):
        await until(lambda: told.said)
        assert set(told.said) == {100.0} and ears.trouble == ""
        file.write_text("300\n")
        await until(lambda: told.said[-1] == "nothing")


@pytest.mark.parametrize("content", ["", "much", None])
async def test_a_sensor_that_cannot_be_read_measures_nothing(
    tmp_path: Path, content: str | None
) -> None:
    told = Told()
    file = tmp_path / "curr1_input"
    file.write_text("850")
    ears = Ears(Sensors(current=file), told)
    async with listening(ears):
        await until(lambda: told.said)
        if content is None:
            file.unlink()
        else:
            file.write_text(content)
        await until(lambda: told.said[-1] == "deaf")
        assert str(file) in ears.trouble
        file.write_text("12.5")
        await until(lambda: told.said[-1] != "deaf")
        assert ears.trouble == ""


async def test_without_anything_to_measure_with_nothing_is_said() -> None:
    told = Told()
    ears = Ears(Sensors(), told)
    assert not ears.there
    await ears.run()
    assert told.said == []


# --- what comes of it


async def test_only_sound_that_was_played_counts_as_sounded(card: SoundCard) -> None:
    """A lorry beside the pole is loud, too: without our own sound that is none."""
    clock = Clock()
    device, sound, relay = HandDevice(clock), Said(), HandRelay(clock)
    horn = Horn(lambda: device, relay, KeptJournal(), lambda now: None, hold=0.1, clock=clock)
    horn.sound = sound
    ears = Ears(Sensors(microphone="hw"), horn, clock)

    async def take(blocks: int, level: float) -> None:
        for _ in range(blocks):
            card.hears(level)
            device.take()
            for _ in range(5):
                await asyncio.sleep(0)

    playing = asyncio.ensure_future(horn.run())
    async with listening(ears):
        await until(lambda: device.read is not None and card.open)
        assert horn.sounded is None
        await take(20, -10)
        assert horn.sounded == 0 and horn.hears
        sound.start, sound.end = clock.now + 0.5, clock.now + 1.5
        await take(25, -10)
        assert horn.sounded == 0
        await take(60, -10)
        counted = horn.sounded
        assert 49 <= counted <= 51
        await take(20, -10)
        assert horn.sounded == counted, "it is over, and the lorry still there"
        # Ours, and nothing is heard of it.
        clock.now += 5.0
        sound.start, sound.end = clock.now, clock.now + 1.0
        await take(25, -80)
        assert horn.sounded == counted and horn.hears is False
        card.streams[-1].active = False
        await until(lambda: horn.sounded is None)
        assert horn.hears is None
    playing.cancel()
    with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
        await playing
