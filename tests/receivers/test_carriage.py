"""A box at a real engine and the real topic of audio, in passed time: what its decoder is given is
what the mount carried, packet by packet, through outages, emergencies and lost caches."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis

from loa.codecs.control import frames, messages
from loa.codecs.control.frames import SILENT_PACKET, Audio
from loa.codecs.control.messages import (
    FromServer,
    Hello,
    Inventory,
    Message,
    Ping,
    Pong,
    Want,
    Welcome,
)
from loa.codecs.control.settings import Settings
from loa.native.engine import Engine, EventKind
from loa.receivers.carriage import Carriage
from loa.receivers.parts import Cause, Prepared, Wanted
from loa.receivers.sequencer import What
from loa.streamer.air.asrun import Airing
from loa.streamer.counters import Counters
from loa.streamer.fleet.audio import Audio as AudioTopic
from loa.streamer.fleet.carriage import Carriage as Carried
from loa.streamer.fleet.hub import Hub, Session
from support.boxes import FakeDay, FakeJournal
from support.timeline import tagged_clip, tagged_packet

START = 100_000
LENGTH = 4000
ALONE = Settings(delay_ms=0)
GROUP = Settings()


def hash_of(clip: int) -> bytes:
    return bytes([clip]) * 32


@dataclass
class Wire:
    """What was sent, texts and frames in their order."""

    waiting: int = 0
    unread: int = 0
    sent: list[FromServer | Audio] = field(default_factory=list)
    bytes_sent: int = 0
    bytes_received: int = 0

    def send_text(self, data: bytes) -> None:
        self.sent.append(messages.from_server(data))

    def send_frame(self, frame: bytes) -> None:
        audio = frames.unpack(frame[4:] if frame[1] == 126 else frame[2:])
        assert isinstance(audio, Audio)
        self.sent.append(audio)

    def close(self, why: str) -> None:
        raise AssertionError(why)


@dataclass
class Shelf:
    """A cache of tagged clips. ``broken``: they are there and cannot be read."""

    clips: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)

    def has(self, hash: bytes) -> bool:
        return hash[0] in self.clips

    def read(self, hash: bytes) -> Prepared | None:
        clip = hash[0]
        if clip in self.broken:
            self.clips.discard(clip)
            return None
        return Prepared(hash, tuple(tagged_packet(clip, i) for i in range(LENGTH)))


class Box:
    """A box, its line and its ears. Its clock is the engine's, ``ahead`` seconds on."""

    def __init__(self, air: Air, settings: Settings, delay: int) -> None:
        self.air, self.delay = air, delay
        self.up, self.down_since = False, None
        self.shelf, self.journal = Shelf(), FakeJournal()
        self.carriage = Carriage(
            self, self.shelf, self.journal, FakeDay(), settings=settings, monotonic=lambda: self.now
        )
        self.settings = settings
        self.session: Session | None = None
        self.wire = Wire()
        self.coming: list[tuple[int, FromServer | Audio]] = []
        self.heard: list[tuple[int, bytes]] = []
        """Tick and packet, as the decoder was given them."""
        self.sounds: list[int | None] = []
        """For each block the tick; None: silence or made up."""
        self.away: list[tuple[int, int | None]] = []
        """From and to which tick there was no session."""
        sequencer = self.carriage.sequencer
        take = sequencer.take

        def taking(target: float, most: int) -> Any:
            step = take(target, most)
            tick = None
            if step.what is What.PACKETS:
                assert step.run is not None
                tick = round(step.place - step.run.shift)
                self.heard.append((tick, step.packets[0]))
            self.sounds.append(tick)
            return step

        sequencer.take = taking  # type: ignore[method-assign]

    @property
    def now(self) -> float:
        return 5000.0 + self.air.engine.tick * 0.02

    def send(self, message: Message) -> bool:
        assert self.session is not None
        if isinstance(message, Ping):
            pong = Pong(sent=message.sent, tick=self.air.engine.tick, unix=0.0)
            self.coming.append((self.air.engine.tick + 2 * self.delay, pong))
        elif isinstance(message, Want):
            self.air.later.append(self.air.hub.take(self.session, message))
        return True

    async def connect(self) -> None:
        if self.up:
            self.disconnect()
        resume = self.carriage.resume()
        self.wire = Wire()
        hello = Hello(
            version=1, receiver=1, nonce=bytes(32), signature=bytes(64), resume=resume
        )  # fmt: skip
        self.session = Session(
            1, 0, "Cụm loa", hello, self.wire, "", 0.0, self.air.counters
        )  # fmt: skip
        if self.away and self.away[-1][1] is None:
            self.away[-1] = (self.away[-1][0], self.air.engine.tick)
        self.air.hub.join(self.session)
        self.up, self.down_since = True, None
        self.carriage.welcomed(Welcome(version=1, tick=self.air.engine.tick, unix=0.0))
        add = tuple(hash_of(clip) for clip in sorted(self.shelf.clips))
        await self.air.hub.take(self.session, Inventory(add=add, all=True))

    def disconnect(self) -> None:
        assert self.session is not None
        self.air.hub.leave(self.session)
        self.session, self.up = None, False
        self.away.append((self.air.engine.tick, None))
        self.coming.clear()
        self.carriage.parted()

    def step(self) -> None:
        tick = self.air.engine.tick
        self.coming += [(tick + self.delay, message) for message in self.wire.sent]
        self.wire.sent.clear()
        while self.up and self.coming and self.coming[0][0] <= tick:
            self.carriage.take(self.coming.pop(0)[1], self.now)
        if tick % 5 == 0:
            self.carriage.look(self.now)
        out = np.empty(960, np.float32)
        self.carriage.player.read_into(out, self.now + 0.03)
        assert np.isfinite(out).all() and np.abs(out).max() <= 1.0


class Air:
    """One mount, one box."""

    def __init__(self, settings: Settings = ALONE, delay: int = 2) -> None:
        self.engine = Engine(START, virtual=True, max_mounts=2, fanouts=1)
        self.counters = Counters()
        self.hub = Hub(self.counters)
        self.carried = Carried(self.engine, self.counters, 6000)
        self.audio = AudioTopic(
            self.engine, self.carried, self.counters, lambda area: 0,
            settings_of=lambda _: settings, take_events=self.events,
        )  # fmt: skip
        self.hub.add(self.audio)
        self.later: list[Coroutine[Any, Any, None]] = []
        self.engine.open_mount()
        self.truth: dict[int, bytes] = {}
        self.engine.advance(1)
        self.box = Box(self, settings, delay)
        self.plays: Counter[str] = Counter()

    def events(self) -> None:
        for event in self.engine.events():
            if event.kind is not EventKind.LEFT:
                self.carried.on_event(event)

    def play(
        self, kind: str, clip: int, ahead: int = 10, offset: int = 0, cls: int = 0, play: str = "",
        count: int = LENGTH,
    ) -> int:  # fmt: skip
        """Let the mount carry a clip, told as a live or a bulletin; return from which tick on."""
        tick = self.engine.tick + ahead
        handle = self.engine.open_clip(tagged_clip(clip, LENGTH), tick, offset)
        audio = hash_of(clip).hex() if kind == "bulletin" else ""
        airing = Airing(
            kind, cls, audio=audio, play=play or f"{kind} {clip} {tick}", start=tick,
            offset=offset, ticks=LENGTH if kind == "bulletin" else 0,
        )  # fmt: skip
        self.carried.expect([0], handle, airing)
        self.carried.told([0], handle, self.engine.carry([0], handle, tick))
        return tick

    def silence(self, ahead: int = 10) -> int:
        tick = self.engine.tick + ahead
        self.carried.told([0], 0, self.engine.carry([0], 0, tick))
        return tick

    async def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.engine.advance(1)
            self.events()
            self.audio.rounds.round()
            while self.later:
                await self.later.pop()
            for _ in range(1000):
                if self.audio._draining is None:
                    break
                await asyncio.sleep(0)
            got = self.engine.mount_packets(0, self.engine.tick, 1)
            assert got is not None
            self.truth[self.engine.tick] = got[0]
            self.box.step()

    def check(self) -> set[int]:
        """Every packet that the decoder was given is the mount's of that tick, none twice; but for
        the ticks that the box had no way to know of. Returns the ticks."""
        ticks = []
        for tick, packet in self.box.heard:
            unknown = any(a - 10 < tick and (b is None or tick < b + 30) for a, b in self.box.away)
            if packet != SILENT_PACKET and (packet == self.truth[tick] or not unknown):
                assert packet == self.truth[tick], tick
                ticks.append(tick)
        assert len(set(ticks)) == len(ticks)
        return set(ticks)

    def due(self, first: int, after: int) -> set[int]:
        return {t for t in range(first, after) if self.truth[t] != SILENT_PACKET}

    def close(self) -> None:
        self.audio.close()
        self.engine.close()


def on_air(
    work: Callable[[Air], Coroutine[Any, Any, None]], settings: Settings = ALONE, delay: int = 2
) -> Air:
    async def whole() -> Air:
        air = Air(settings, delay)
        try:
            await air.box.connect()
            await air.run(20)
            await work(air)
        finally:
            air.close()
        return air

    return asyncio.run(whole())


@pytest.mark.parametrize("settings", [ALONE, GROUP, Settings(cadence="low")])
@pytest.mark.parametrize("kind", ["live", "bulletin"])
def test_the_decoder_is_given_what_the_mount_carried(settings: Settings, kind: str) -> None:
    async def work(air: Air) -> None:
        first = air.play(kind, 1)
        await air.run(600)
        after = air.silence()
        await air.run(200)
        assert air.check() == air.due(first, after)
        gave = [tick for tick in air.box.sounds if tick is not None]
        assert gave == list(range(first, after)), "in order, from the first word to the last"
        (played,) = air.box.journal.stretches
        assert played.delivered == played.decoded + air.box.carriage.player.counters.odd
        assert played.whole == (kind == "live") and played.missed == played.concealed == 0

    on_air(work, settings)


@pytest.mark.parametrize("settings", [ALONE, GROUP])
@pytest.mark.parametrize("cached", [False, True])
def test_who_is_switched_on_into_a_bulletin_joins_it_at_its_present(
    settings: Settings, cached: bool
) -> None:
    async def work(air: Air) -> None:
        air.play("bulletin", 1)
        await air.run(1000)
        air.box.disconnect()
        air.box = Box(air, settings, 5)
        if cached:
            air.box.shelf.clips.add(1)
        booted = air.engine.tick
        await air.run(100)  # until its line is there
        second = air.play("bulletin", 2, ahead=300)
        after = air.silence(ahead=700)
        await air.box.connect()
        await air.run(900)
        heard = air.check()
        first = min(heard)
        behind = 50 * (settings.delay or 0.3)
        assert booted + 100 - behind - 5 <= first <= booted + 110, "with the others, and no later"
        assert {t for t in heard if t < second} == air.due(first, second)
        assert {t for t in heard if t >= second} == air.due(second, after)

    on_air(work, settings)


def test_an_order_is_over_when_it_was_heard() -> None:
    async def work(air: Air) -> None:
        air.silence()
        air.box.shelf.clips.add(2)
        carriage, start = air.box.carriage, air.engine.tick + 100

        def wanted(play: str, clip: int = 2) -> Wanted:
            return Wanted(
                start, "bulletin", play=play, audio=hash_of(clip), ticks=200, cause=Cause.ORDER
            )

        end, stopped = carriage.play(wanted("heard")), carriage.play(wanted("stopped"))
        assert end is not None and stopped is not None
        assert carriage.play(wanted("missing", 3)) is None
        await air.run(200)
        assert not end.done() and not stopped.done()
        carriage.stop("stopped")
        await air.run(200)
        assert (end.result(), stopped.result()) == ("", "stop")
        assert air.box.journal.stretches[-1].whole

    on_air(work)


@pytest.mark.parametrize("settings", [ALONE, GROUP])
def test_an_outage_of_40_s_in_a_streamed_bulletin_loses_nothing(settings: Settings) -> None:
    async def work(air: Air) -> None:
        first = air.play("bulletin", 1)
        await air.run(500)
        air.box.disconnect()
        await air.run(2000)
        silent = air.box.sounds[-1900:]
        assert not any(silent), "nothing sounds that was not sent"
        await air.box.connect()
        await air.run(4200)
        assert air.check() == air.due(first, first + LENGTH)
        (played,) = air.box.journal.stretches
        assert played.whole and played.missed == 0 and played.delivered == LENGTH

    on_air(work, settings)


def test_an_outage_of_40_s_does_not_touch_a_cached_bulletin() -> None:
    async def work(air: Air) -> None:
        air.box.shelf.clips.add(1)
        await air.box.connect()
        first = air.play("bulletin", 1)
        await air.run(500)
        air.box.disconnect()
        await air.run(2000)
        await air.box.connect()
        await air.run(LENGTH - 2400 + 200)
        gave = [tick for tick in air.box.sounds if tick is not None]
        assert gave == list(range(first, first + LENGTH))
        air.check()
        (played,) = air.box.journal.stretches
        assert played.whole and str(played.origin) == "cache" and played.concealed == 0

    on_air(work, GROUP)


@pytest.mark.parametrize("settings", [ALONE, GROUP])
def test_an_outage_of_40_s_in_a_live_ends_at_its_present(settings: Settings) -> None:
    async def work(air: Air) -> None:
        first = air.play("live", 1)
        await air.run(500)
        air.box.disconnect()
        gone = air.engine.tick
        await air.run(2000)
        assert not any(air.box.sounds[-1900:])
        await air.box.connect()
        back = air.engine.tick
        await air.run(300)
        heard = air.check()
        late = air.box.carriage.player.seconds_behind() * 50
        assert min(t for t in heard if t > gone) >= back - late - 2, "nothing of the outage"
        now = [tick for tick in air.box.sounds[-10:] if tick is not None]
        assert now and air.engine.tick - now[-1] < late + 15, "at its present"
        assert len(heard) > 300 + 500 - 2 * late - 80
        assert not heard - air.due(first, air.engine.tick + 1)

    on_air(work, settings)


def test_an_emergency_in_a_late_bulletin_which_then_goes_on() -> None:
    async def work(air: Air) -> None:
        first = air.play("bulletin", 1, play="b")
        await air.run(500)
        air.box.disconnect()
        await air.run(1500)
        await air.box.connect()
        await air.run(300)
        cut = air.play("live", 2, cls=2, play="e", ahead=4)
        told = len(air.box.sounds)
        await air.run(400)
        heard = air.box.sounds[told:]
        begun = next(i for i, tick in enumerate(heard) if tick is not None and tick >= cut)
        assert begun < 20, "at once"
        again = air.play("bulletin", 1, play="b", offset=cut - first, ahead=4)
        ended = len(air.box.sounds)
        await air.run(LENGTH + 200)
        after = air.box.sounds[ended:]
        resumed = next(i for i, t in enumerate(after) if t is not None and (t < cut or t >= again))
        assert resumed < 150, "within 3 s"
        heard_ticks = air.check()
        # The tick of the cut is the mount's silence; all others of the bulletin sound.
        assert air.due(first, cut) <= heard_ticks
        assert air.due(again, again + LENGTH - (cut - first)) <= heard_ticks
        plays = [one for one in air.box.journal.stretches if one.wanted.play == "b"]
        assert plays[0].interrupted == "e" and sum(one.missed for one in plays) == 0
        assert plays[-1].whole

    on_air(work, ALONE)


def test_a_cache_that_cannot_be_read_is_streamed_instead() -> None:
    async def work(air: Air) -> None:
        air.box.shelf.clips.add(1)
        air.box.shelf.broken.add(1)
        await air.box.connect()
        first = air.play("bulletin", 1)
        await air.run(500)
        assert air.box.carriage.unreadable == 1
        after = air.silence()
        await air.run(100)
        assert air.check() == air.due(first, after)

    on_air(work, GROUP)


def test_a_short_outage_in_a_live_loses_no_word() -> None:
    async def work(air: Air) -> None:
        first = air.play("live", 1)
        await air.run(300)
        air.box.disconnect()
        await air.run(100)
        await air.box.connect()
        await air.run(300)
        after = air.silence()
        await air.run(250)
        assert air.check() == air.due(first, after)

    on_air(work, ALONE)


@given(seed=...)
@hypothesis(deadline=None, derandomize=True, max_examples=6)
def test_whatever_happens_nothing_else_sounds(seed: int) -> None:
    """Invariant: each packet given is the mount's of its tick, none twice; what lasts sounds."""

    async def work(air: Air) -> None:
        choose = random.Random(seed)
        for _ in range(12):
            what = choose.random()
            if what < 0.25:
                air.silence(choose.choice([1, 5, 30]))
            elif what < 0.5:
                air.play("live", choose.randrange(4), choose.choice([2, 10]), cls=choose.choice([0, 0, 1, 2]))  # fmt: skip  # noqa: E501
            elif what < 0.8:
                air.box.shelf.clips = set(choose.sample(range(4), 2))
                if air.box.up:
                    air.box.disconnect()
                await air.box.connect()
                air.play("bulletin", choose.randrange(4), choose.choice([1, 5, 30]), choose.choice([0, 0, 99]))  # fmt: skip  # noqa: E501
            elif air.box.up:
                air.box.disconnect()
            else:
                await air.box.connect()
            await air.run(choose.choice([5, 30, 120]))
        if not air.box.up:
            await air.box.connect()
            await air.run(30)
        air.play("live", 5, 5, cls=2)
        await air.run(200)
        air.check()
        assert sum(tick is not None for tick in air.box.sounds[-60:]) > 50
        assert air.box.carriage.player.counters.failed == 0

    on_air(work, random.Random(seed).choice([ALONE, GROUP]), random.Random(seed).choice([1, 8]))


def test_settings_change_the_delay() -> None:
    async def work(air: Air) -> None:
        air.box.carriage.use(GROUP)
        assert air.box.carriage.player.seconds_behind() == pytest.approx(0.7)
        air.box.carriage.use(Settings(delay_ms=900, trim_ms=-50, cadence="low"))
        assert air.box.carriage.player.seconds_behind() == pytest.approx(0.85)
        air.box.carriage.use(Settings(delay_ms=0, cadence="low"))
        assert air.box.carriage.player.seconds_behind() == pytest.approx(0.06)

    on_air(work)


def test_what_begins_is_announced() -> None:
    async def work(air: Air) -> None:
        player = air.box.carriage.player
        assert player.begins(air.box.now) is None
        air.box.shelf.clips.add(1)
        await air.box.connect()
        air.play("bulletin", 1, 50, cls=1)
        await air.run(10)
        begins = player.begins(air.box.now)
        assert begins is not None and 1.4 < begins - air.box.now < 1.6
        assert player.cls == 1

    on_air(work, GROUP)
