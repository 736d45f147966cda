"""A whole box whose machine's clock leaps by a year: nothing at a wrong hour, nothing twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from loa.codecs.control.messages import Change
from loa.codecs.control.sealed import hash_of
from loa.codecs.control.signing import SigningKey
from loa.receivers import offline
from loa.receivers.agenda import KeptSchedule
from loa.receivers.box import Box
from loa.receivers.cache import Cache
from loa.receivers.config import Config
from loa.receivers.identity import BoxIdentity, Kept
from loa.receivers.timekeeping import Source
from support.boxes import AREA, KEY, Programme, clock_time, real_opus, signed, ticks_at
from support.link import fleet_door
from support.proof import reports
from support.wholebox import HandMachine, config_below, running, until, when_heard

YEAR = 365 * 86_400.0
FIRST, SECOND = real_opus(1.5, 600.0), real_opus(1.2, 900.0)
START = clock_time(0, "05:00")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "PATIENCE", 0.2)


def planned(config: Config) -> BoxIdentity:
    """A box with a schedule, in a slot of an hour: 600 Hz at 05:00:01, 900 Hz at 05:00:04."""
    key = SigningKey.generate().secret
    identity = BoxIdentity.enrolled(
        config.state,
        Kept(
            server="wss://127.0.0.1:9", receiver=1, name="Cột 1", area="/xa",
            servers=(KEY.public.data,), key=key, made_at=START - 86_400,
        ),
    )  # fmt: skip
    programme = Programme()
    cache = Cache(config.state / "cache", 10_000_000)
    for number, (at, data, ticks) in enumerate(
        (("05:00:01", FIRST, 75), ("05:00:04", SECOND, 60)), 1
    ):
        programme.files[hash_of(data)] = data
        programme.play(number, 0, at, ticks, "06:00")
        audio = programme.audios[number - 1]
        programme.audios[number - 1] = type(audio)(hash_of(data), ticks, len(data))
        assert cache.put(hash_of(data), data)
    identity.home.mkdir()
    kept = KeptSchedule(identity.home / "schedule", lambda: [KEY.public], lambda: AREA)
    assert kept.take(signed(programme.schedule(made=ticks_at(0, "00:00"))))
    return identity


def leap(box: Box, machine: HandMachine, by: float) -> None:
    """The machine's clock is wrong by so much from now on, and the box looks at it."""
    machine.ntp = by
    box.day.look(box.clock())


def sounds(box: Box, play: str) -> bool:
    current = box.carriage.current
    return current is not None and current.play == play and box.horn.state().sounding


async def test_leaps_while_it_plays_offline(tmp_path: Path) -> None:
    config = config_below(tmp_path)
    identity = planned(config)
    machine = HandMachine(unix=START, ntp=0.0)
    async with running(config, identity, machine) as box:
        for play, by in (("entry/1/0", YEAR), ("entry/2/0", -YEAR)):
            await until(f"{play} sounds", lambda play=play: sounds(box, play))
            assert box.day.source is Source.NTP
            await asyncio.sleep(0.4)
            leap(box, machine, by)
            await asyncio.sleep(0.6)
            leap(box, machine, 0.0)
        await until("all is over", lambda: machine.now > START + 7.0)
        assert not box.horn.state().sounding and box.failures == []
        first, last = when_heard(config, 600.0), when_heard(config, 900.0)
    # Each is heard once, in its hour; what a leap cut goes on where it was.
    assert 1.2 <= len(first) / 10 <= 1.8 and first[0] >= 0.8
    assert 0.9 <= len(last) / 10 <= 1.5 and last[0] >= 3.3


async def test_a_battery_that_is_a_year_wrong_after_a_power_cut(tmp_path: Path) -> None:
    config = config_below(tmp_path)
    identity = planned(config)
    async with running(config, identity, HandMachine(unix=START - 3600, ntp=0.0)):
        pass  # it knew what time it was once
    for by in (-YEAR, YEAR):
        machine = HandMachine(boot=f"boot {by}", unix=START + 5, kept=by)
        async with running(config, identity, machine) as box:
            await asyncio.sleep(1.5)
            assert not box.horn.state().sounding and not when_heard(config, 600.0)
            assert (box.unix() is None) is (by < 0)
            # Somebody who knows says what time it is: it plays what is due now.
            if by > 0:
                leap(box, machine, 0.0)
                await until("it plays", lambda: box.horn.state().sounding)
            assert by < 0 or box.day.source is Source.NTP
            assert box.failures == []


async def test_the_servers_time_counts_more(tmp_path: Path) -> None:
    """While it plays by the server, and by its schedule after that: no leap is believed."""
    config = config_below(tmp_path)
    tone = real_opus(1.0, 1500.0)
    async with fleet_door(tmp_path) as there:
        now = there.office.clock
        identity = await there.enrol()
        config = config_below(tmp_path, tmp_path / f"box-{identity.kept.receiver}")
        machine = HandMachine(unix=now(), ntp=0.0)
        async with running(config, identity, machine) as box:
            assert box.cache.put(hash_of(tone), tone)
            await until("it is online", lambda: box.link.up and box.day.source is Source.SERVER)
            session = there.fleet.hub.of(identity.kept.receiver)
            assert session is not None
            session.send(
                Change(
                    tick=int(there.fleet.position.now()) + 15, kind="bulletin", play="one",
                    audio=hash_of(tone), ticks=50,
                )
            )  # fmt: skip
            await until("it sounds", lambda: box.horn.state().sounding)
            leap(box, machine, YEAR)
            await until("it is over", lambda: not box.horn.state().sounding)
            assert 0.8 <= len(when_heard(config, 1500.0)) / 10 <= 1.2
            box.journal._pacing._chance = lambda low, high: low
            # Silent is not yet written down: what is waited for is what the server has kept.
            async with asyncio.timeout(20):
                while not (kept := await reports(there.office.desk)):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            (told,) = kept
            assert told.whole and told.started is not None and abs(told.started - now()) < 30
            await there.fleet.door.close()
            await until("it is offline", lambda: box.offline.deciding)
            leap(box, machine, -YEAR)
            unix = box.unix()
            assert unix is not None and abs(unix - now()) < 30
            assert box.day.counters["clock.ntp_refused"] >= 2 and box.failures == []
