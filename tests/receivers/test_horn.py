"""The horn: volume and fades on the samples, the relay before the first word and off in silence,
a device that is lost and comes back, and nothing that goes wrong is ever loud or fatal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from random import Random

import numpy as np
import pytest

from loa.codecs.control.settings import Settings, VolumeRule
from loa.receivers import horn as module
from loa.receivers.backoff import Backoff
from loa.receivers.horn import Horn, SilentHorn
from support.horn import Clock, HandDevice, HandRelay, KeptJournal, Said

NOON = 1_790_000_000.0 - 1_790_000_000 % 86400 + 5 * 3600
"""12:00 in Vietnam."""
FULL = Settings(volume=(100, 100, 100))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.002)
    monkeypatch.setattr(module, "RELAY_AGAIN", 0.005)


@dataclass
class Bench:
    """A horn, and what it hangs on."""

    sound: Said = field(default_factory=Said)
    clock: Clock = field(default_factory=Clock)
    journal: KeptJournal = field(default_factory=KeptJournal)
    settings: Settings = FULL
    carrier: bool = False
    tells: bool = True
    warm_up: float = 0.2
    hold: float = 1.0

    def __post_init__(self) -> None:
        self.device = HandDevice(self.clock)
        self.relay = HandRelay(self.clock)
        self.looked = 0
        self.horn = Horn(
            lambda: self.device, self.relay, self.journal, lambda now: NOON,
            warm_up=self.warm_up, hold=self.hold, carrier=self.carrier, tells=self.tells,
            look_again=self._look, clock=self.clock,
            backoff=Backoff(Random(1), first=0.001),
        )  # fmt: skip
        self.horn.sound = self.sound
        self.horn.use(self.settings)

    def _look(self) -> None:
        self.looked += 1

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.horn.run())
        try:
            if self.device.refuses is None:
                await until(lambda: self.device.read is not None)
            yield task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
                await task

    async def take(self, blocks: int) -> None:
        """Let the device take blocks, with the loop's turns between them."""
        for _ in range(blocks):
            self.device.take()
            for _ in range(5):
                await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


# --- the relay


async def test_the_relay_is_on_before_the_first_word_and_off_in_silence() -> None:
    bench = Bench()
    start = bench.clock.now + 2.0
    bench.sound.start, bench.sound.end = start, start + 1.0
    async with bench.running():
        await bench.take(300)
        off, on, off_again = bench.relay.switched
        assert not off[1], "off at the start, whatever it was"
        assert on[1] and bench.warm_up <= start - on[0] <= bench.warm_up + 0.08
        assert not off_again[1] and 0 <= off_again[0] - (start + 1.0 + bench.hold) < 0.1
    assert bench.relay.closed and bench.relay.on is False


async def test_an_emergency_that_nobody_foretold_switches_it_at_once() -> None:
    bench = Bench()
    bench.sound.ahead, bench.sound.cls = 0.0, 2
    bench.sound.start = bench.clock.now + 0.1
    async with bench.running():
        await bench.take(10)
        assert bench.relay.on and bench.relay.switched[-1][0] - bench.sound.start < 0.05
        heard = np.concatenate(bench.device.taken)
        assert heard.any(), "it waits for no amplifier"


async def test_it_is_off_when_the_horn_ends_or_fails() -> None:
    bench = Bench()
    bench.sound.start = bench.clock.now
    async with bench.running():
        await bench.take(3)
        assert bench.relay.on
    assert bench.relay.on is False and bench.device.closed == 1


async def test_what_volume_silences_needs_no_amplifier() -> None:
    bench = Bench(settings=Settings(volume=(0, 100, 100)))
    bench.sound.start = bench.clock.now + 0.1
    async with bench.running():
        await bench.take(20)
        assert bench.relay.on is False and not np.concatenate(bench.device.taken).any()


async def test_a_transmitters_carrier_stays_keyed_and_silence_is_sent() -> None:
    bench = Bench(carrier=True)
    async with bench.running():
        await bench.take(200)
        assert bench.relay.switched == [(100.0, True)]
        assert not np.concatenate(bench.device.taken).any()


async def test_a_relay_that_fails_is_told_once_and_tried_again() -> None:
    bench = Bench()
    bench.relay.fails = "no such line"
    bench.sound.start = bench.clock.now
    async with bench.running():
        await bench.take(5)
        assert bench.horn.state().relay is None and bench.horn.consumed == 0
        assert np.concatenate(bench.device.taken).any(), "it sounds all the same, if it can"
        bench.relay.fails = None
        await until(lambda: bench.relay.on is True)
        assert bench.journal.kinds() == ["relay_failed", "relay_back"]


# --- samples


async def test_the_first_block_fades_in_and_the_volume_moves_smoothly() -> None:
    bench = Bench(settings=Settings(volume=(50, 80, 100)))
    bench.sound.start = bench.clock.now
    async with bench.running():
        await bench.take(3)
        heard = np.concatenate(bench.device.taken)
        assert heard[0] == 0.0 and heard[959] == heard[-1] == 0.25
        bench.horn.order(100)
        await bench.take(10)
        heard = np.concatenate(bench.device.taken)
        assert heard[-1] == 1.0
        assert np.abs(np.diff(heard)).max() < 0.001, "no step that clicks"


async def test_an_emergency_is_at_its_volume_within_a_block() -> None:
    bench = Bench(settings=Settings(volume=(20, 20, 100)))
    bench.sound.start = bench.clock.now
    async with bench.running():
        await bench.take(5)
        bench.sound.cls = 2
        await bench.take(2)
        assert bench.device.taken[-1][0] == 1.0


async def test_the_ceiling_of_the_hour_holds() -> None:
    noon = VolumeRule(begin=11 * 60, end=13 * 60, ceiling=50)
    bench = Bench(settings=Settings(volume=(100, 100, 100), quiet=(noon,)))
    bench.sound.start = bench.clock.now
    async with bench.running():
        await until(lambda: bench.horn.volume(0) == 50 and bench.horn._minute is not None)
        await bench.take(5)
        assert bench.device.taken[-1].max() == 0.25
        assert bench.horn.volume(2) == 100


async def test_whatever_breaks_in_the_sound_is_silence() -> None:
    bench = Bench()
    bench.sound.start = bench.clock.now
    async with bench.running():
        bench.sound.broken = True
        await bench.take(3)
        assert not np.concatenate(bench.device.taken).any()
        assert bench.horn.state().failed == 3
        bench.sound.broken = False
        await bench.take(2)
        assert bench.device.taken[-1].any()


# --- what was really taken


async def test_it_counts_what_the_device_took_with_the_relay_on() -> None:
    bench = Bench()
    start = bench.clock.now + 1.0
    bench.sound.start, bench.sound.end = start, start + 1.0
    async with bench.running():
        await bench.take(10)
        assert bench.horn.consumed == 0, "silence with the relay off went nowhere"
        while bench.clock.now < start - 0.001:
            await bench.take(1)
        before = bench.horn.consumed
        await bench.take(50)
        assert before is not None and bench.horn.consumed == before + 50
    assert Bench(tells=False).horn.consumed is None


async def test_sounded_is_measured_or_not_claimed() -> None:
    bench = Bench()
    bench.sound.start = bench.clock.now
    async with bench.running():
        await bench.take(10)
        assert bench.horn.sounded is None
        bench.horn.heard_nothing()
        await bench.take(10)
        assert bench.horn.sounded == 0, "it measures, and hears nothing"
        bench.horn.heard(bench.clock.now)
        await bench.take(10)
        assert bench.horn.sounded == 10
        await bench.take(100)
        assert bench.horn.sounded < 70, "what was heard once does not count for ever"


# --- the device


async def test_a_device_that_is_lost_is_opened_again_for_ever() -> None:
    bench = Bench()
    bench.sound.start = bench.clock.now
    async with bench.running():
        await bench.take(5)
        assert bench.relay.on
        bench.device.refuses = "it is gone"
        bench.device.trouble = "hand: unplugged"
        await until(lambda: bench.looked > 3)
        state = bench.horn.state()
        assert not state.open and state.trouble == "it is gone" and not bench.horn.consuming
        assert bench.relay.on is False, "without a device there is nothing to amplify"
        bench.device.refuses = None
        await until(lambda: bench.device.read is not None)
        for _ in range(120):  # back for longer than it takes to be believed
            await bench.take(1)
            await asyncio.sleep(0.001)
        assert bench.device.taken[-1].any() and bench.relay.on
        state = bench.horn.state()
        assert state.open and state.reopened == 1 and not state.trouble
    assert bench.journal.kinds() == ["output_lost", "output_back"]
    assert bench.journal.entries[0][1] == {"output": "hand", "why": "hand: unplugged"}


async def test_a_device_that_takes_nothing_counts_as_lost() -> None:
    bench = Bench()
    async with bench.running():
        await bench.take(5)
        bench.clock.now += 2.1
        await until(lambda: bench.device.opened == 2)
        assert bench.journal.entries[0][1]["why"] == "hand took nothing for 2 s"


async def test_a_device_that_takes_more_than_can_be_heard_is_none() -> None:
    bench = Bench()
    async with bench.running():
        await until(lambda: bench.horn.state().open)
        for _ in range(1000):
            bench.device.take()
            bench.clock.now -= 0.015  # 5 ms a block
        await until(lambda: bench.device.opened == 2)
        assert bench.journal.entries[0][1]["why"] == "hand takes 4 s of sound a second"


async def test_one_that_is_not_there_at_the_start_is_waited_for() -> None:
    bench = Bench()
    bench.device.refuses = "no sound card"
    async with bench.running():
        await until(lambda: bench.looked > 1)
        bench.device.refuses = None
        await until(lambda: bench.device.read is not None)
    assert bench.journal.entries[0] == ("output_lost", {"output": "hand", "why": "no sound card"})


async def test_one_that_hangs_ends_the_program_with_the_relay_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CLOSE_WITHIN", 0.01)
    bench = Bench()
    let_go = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang() -> None:
        asyncio.run_coroutine_threadsafe(let_go.wait(), loop).result()

    monkeypatch.setattr(bench.device, "close", hang)
    async with bench.running() as task:
        bench.device.trouble = "unplugged"
        with pytest.raises(BaseExceptionGroup) as error:
            await task
        assert error.group_contains(SilentHorn)
        assert bench.relay.on is False
        let_go.set()


async def test_a_full_disk_silences_nobody() -> None:
    bench = Bench()
    bench.journal.full = True
    bench.sound.start = bench.clock.now
    async with bench.running():
        bench.device.trouble = "unplugged"
        await until(lambda: bench.device.opened == 2)
        await bench.take(2)
        assert bench.device.taken[-1].any()


async def test_the_tests_tone_sounds_where_nothing_else_does() -> None:
    bench = Bench()
    async with bench.running():
        bench.horn.play(np.ones(960 * 3, np.float32))
        await bench.take(5)
        assert [bool(block.any()) for block in bench.device.taken] == [True] * 3 + [False] * 2
        assert bench.relay.on
