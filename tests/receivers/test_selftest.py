"""The weekly self-test: it finds what would keep a box silent, and makes no sound itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from loa.codecs.control.settings import Settings, VolumeRule
from loa.receivers import selftest
from loa.receivers.horn import Horn
from loa.receivers.selftest import (
    Check,
    Found,
    SelfTest,
    disk_check,
    output_check,
    programs_check,
    relay_check,
    tone,
    volume_check,
)
from support.horn import Clock, HandDevice, HandRelay, KeptJournal, Said

WEEK = 7 * 86_400.0
MONDAY = 1_790_010_000.0 - 1_790_010_000 % 86_400 - 7 * 3600
"""A local midnight in Vietnam: of 2026-09-21, a Monday."""


def settled(found: Found) -> Check:
    async def check() -> Found:
        return found

    return check


def book(folder: Path, unix: float | None, **checks: Check) -> SelfTest:
    return SelfTest(folder / "self-test.json", checks, KeptJournal(), lambda: unix)


# --- when


def test_it_is_due_once_a_week_at_its_minute(tmp_path: Path) -> None:
    settings = Settings(self_test=2 * 1440 + 120)  # Wednesday 02:00
    wednesday = MONDAY + 2 * 86_400 + 2 * 3600
    now = wednesday + WEEK

    def due(last: float | None, unix: float | None) -> bool:
        test = book(tmp_path, unix)
        test.last = selftest.Tested(at=last)
        return test.due(settings)

    assert due(None, now), "a new box tests itself at once"
    assert not due(None, None), "nobody knows what time it is"
    assert not due(wednesday + 60, now - 120)
    assert due(wednesday + 60, now + 1)
    assert not due(now + 30, now + 3600)
    assert due(wednesday + 60, now + 3 * 86_400), "it had no power in that night"
    assert due(now + 10 * WEEK, now + 1), "that test was by a wrong clock"


async def test_its_result_is_kept_and_told(tmp_path: Path) -> None:
    async def breaks() -> Found:
        raise ValueError("broken")

    test = book(tmp_path, MONDAY, good=settled(Found(said="yes")), bad=settled(Found("no")),
                odd=breaks)  # fmt: skip
    journal = KeptJournal()
    test._journal = journal
    tested = await test.test("weekly")
    assert tested.problems == {"bad": "no", "odd": "ValueError: broken"}
    assert test.values == {"self_test_at": MONDAY, "self_test_failed": 2}
    assert journal.entries == [
        ("self_test", {"why": "weekly", "failed": 2, "good": "yes", "bad": "no",
                       "odd": "ValueError: broken"})
    ]  # fmt: skip
    assert book(tmp_path, MONDAY).last == tested
    assert tested.text() == "bad: no; odd: ValueError: broken"


# --- what


def horn(device: HandDevice, relay: HandRelay, clock: Clock) -> Horn:
    made = Horn(lambda: device, relay, KeptJournal(), lambda now: MONDAY, clock=clock)
    made.sound = Said()
    return made


async def test_a_device_that_takes_nothing_and_a_relay_that_fails_are_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selftest, "TAKES", 0.05)
    clock = Clock()
    device, relay = HandDevice(clock), HandRelay(clock)
    it = horn(device, relay, clock)
    assert (await output_check(it)()).problem == "the output is not open"
    task = asyncio.create_task(it.run())
    async with asyncio.timeout(10):
        while (await output_check(it)()).problem == "the output is not open":  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert "takes nothing" in (await output_check(it)()).problem
    taking = asyncio.create_task(output_check(it)())
    await asyncio.sleep(0.01)
    device.take(3)
    assert await taking == Found(said="hand took 60 ms")
    assert not any(block.any() for block in device.taken), "a silent test"

    relay.switched.clear()
    assert await relay_check(it, True)() == Found(said="clicked")
    assert [on for _, on in relay.switched] == [True, False]
    assert await relay_check(it, False)() == Found(said="answers")
    assert len(relay.switched) == 2, "it may not click"
    relay.fails = "no such line"
    assert (await relay_check(it, True)()).problem == "no such line"
    relay.fails = None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (Settings(), ""),
        (Settings(volume=(80, 0, 100)), "priority would be silent: the volume is 0"),
        (Settings(quiet=(VolumeRule(begin=0, end=1440, ceiling=0),)), "routine, priority would"),
        (Settings(quiet=(VolumeRule(begin=1320, end=300, ceiling=0),)), ""),
        (Settings(quiet=(VolumeRule(begin=1320, end=300, ceiling=0, cls=2),)), "at some hours"),
    ],
)
async def test_a_volume_that_somebody_set_to_nothing_is_found(
    settings: Settings, problem: str
) -> None:
    found = (await volume_check(lambda: settings)()).problem
    assert problem in found and bool(problem) == bool(found)


async def test_a_disk_that_is_full_or_cannot_be_written_is_found(tmp_path: Path) -> None:
    assert not (await disk_check(tmp_path, 1)()).problem
    assert "MB are free" in (await disk_check(tmp_path, 10**9)()).problem
    assert "No such file" in (await disk_check(tmp_path / "none", 1)()).problem
    assert list(tmp_path.iterdir()) == []


async def test_commands_that_are_not_there_are_found() -> None:
    missing = await programs_check({"sign": ("/no/such",), "relay": (), "reboot": ("true",)})()
    assert missing.problem == "there is no /no/such (sign)"


def test_the_tone_is_short_and_soft_at_its_ends() -> None:
    samples = tone()
    assert len(samples) == 48_000 and 0.2 < samples.max() < 0.26
    assert abs(samples[0]) < 1e-6 and abs(samples[-1]) < 1e-3
