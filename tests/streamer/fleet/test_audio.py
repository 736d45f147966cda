"""What boxes are told and sent is what their mount's own stream has, every tick of it once."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control import frames
from loa.codecs.control.frames import SILENT_PACKET, Audio
from loa.codecs.control.messages import (
    Change,
    Enough,
    Inventory,
    Recount,
    Want,
    inventory_digest,
)
from loa.codecs.control.settings import Settings
from loa.native.engine import Engine, EventKind
from loa.streamer.air.asrun import Airing
from loa.streamer.counters import Counters
from loa.streamer.fleet import audio as audio_module
from loa.streamer.fleet.carriage import Carriage
from loa.streamer.fleet.hub import Hub, Session
from support.fleet import RecordingWire, connected
from support.timeline import Stream, tagged_clip, tagged_packet

START = 100_000
MOUNTS = 3
LENGTH = 400


def hash_of(clip: int) -> bytes:
    return bytes([clip]) * 32


class Box:
    """A box that believes what it is told: what it would hear at each tick."""

    def __init__(self, session: Session, wire: RecordingWire, mount: int) -> None:
        self.session, self.wire, self.mount = session, wire, mount
        self.joined = 0
        self.heard: dict[int, bytes] = {}
        self.changes: list[Change] = []
        self.asked = False
        self.twice: list[int] = []
        self.sizes: list[int] = []

    def read(self) -> None:
        for message in self.wire.sent:
            if isinstance(message, Change):
                self.changes = [c for c in self.changes if c.tick < message.tick] + [message]
            self.asked |= isinstance(message, Recount)
        self.wire.sent.clear()
        for frame in self.wire.frames:
            payload = frame[4:] if frame[1] == 126 else frame[2:]
            message = frames.unpack(payload)
            assert isinstance(message, Audio)
            self.sizes.append(len(message.packets))
            for tick, packet in enumerate(message.packets, message.tick):
                if tick in self.heard:
                    self.twice.append(tick)
                self.heard[tick] = packet
        self.wire.frames.clear()

    def at(self, tick: int) -> Change:
        return [c for c in self.changes if c.tick <= tick][-1]

    def sounds(self, tick: int) -> bytes:
        """Return what it plays, from its connection or its cache."""
        change = self.at(tick)
        number = change.offset + tick - change.tick
        if change.kind == "silence" or (change.gap and change.tick == tick):
            return SILENT_PACKET
        if change.audio is not None and number >= change.ticks:
            return SILENT_PACKET
        if change.stream:
            return self.heard[tick]
        assert change.audio is not None and change.audio in self.session.cached
        return tagged_packet(change.audio[0], number)


class Slow(RecordingWire):
    """A wire whose peer takes only what ``take`` lets through."""

    taken: int | None = None

    def __getattribute__(self, name: str) -> Any:
        taken = super().__getattribute__("taken")
        if name == "waiting" and taken is not None:
            return self.bytes_sent - taken
        return super().__getattribute__(name)


class Station:
    """An engine with mounts, listeners and boxes, and the words that the director says to it."""

    def __init__(self, **how: Any) -> None:
        self.engine = Engine(START, virtual=True, max_mounts=8, fanouts=1, phase_listeners=0)
        self.counters = Counters()
        self.hub = Hub(self.counters)
        self.carriage = Carriage(self.engine, self.counters, 6000)
        self.settings = Settings(delay_ms=0)
        self.audio = audio_module.Audio(
            self.engine, self.carriage, self.counters, lambda area: area,
            settings_of=lambda _: self.settings, take_events=self.take, **how,
        )  # fmt: skip
        self.hub.add(self.audio)
        self.listeners = []
        for _ in range(MOUNTS):
            mount = self.engine.open_mount()
            ours, theirs = socket.socketpair()
            for sock in (ours, theirs):
                sock.setblocking(False)
            self.engine.join(
                mount, ours.detach(), b"hello", cadence=2, burst_ticks=0, max_lag_ticks=3000
            )
            self.listeners.append(Stream(theirs, b"hello"))
        self.truth: list[dict[int, bytes]] = [{} for _ in range(MOUNTS)]
        self.boxes: list[Box] = []
        self.engine.advance(1)

    def take(self) -> None:
        for event in self.engine.events():
            if event.kind is not EventKind.LEFT:
                self.carriage.on_event(event)

    def play(
        self, mounts: list[int], clip: int, tick: int, offset: int = 0, *, cls: int = 0,
        cached: bool = True, length: int = LENGTH, lie: int = 0,
    ) -> int:  # fmt: skip
        """Let mounts carry a clip; ``cached``: boxes may have it. ``lie``: told so much earlier."""
        handle = self.engine.open_clip(tagged_clip(clip, length), tick, offset)
        airing = Airing(
            "bulletin" if cached else "live", cls, bulletin=clip, audio=hash_of(clip).hex(),
            play=f"play {clip} {tick}", start=tick, offset=offset, ticks=length,
        )  # fmt: skip
        self.carriage.expect(mounts, handle, airing)
        self.carriage.told(mounts, handle, self.engine.carry(mounts, handle, tick) - lie)
        return handle

    def silence(self, mounts: list[int], tick: int) -> None:
        self.carriage.told(mounts, 0, self.engine.carry(mounts, 0, tick))

    def box(self, number: int, mount: int, cached: set[int] = set(), **hello: Any) -> Box:  # noqa: B006
        hashes = [hash_of(clip) for clip in sorted(cached)]
        session, wire = connected(
            self.hub, number, mount, inventory=inventory_digest(hashes), **hello
        )
        box = Box(session, wire, mount)
        box.joined = hello.get("resume", self.engine.tick + 1)
        self.boxes.append(box)
        return box

    async def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.engine.advance(1)
            self.take()
            self.audio.rounds.round()
            await self.settle()
            for mount, listener in enumerate(self.listeners):
                for page in listener.read():
                    self.truth[mount].update(enumerate(page.packets, page.first))
        for box in self.boxes:
            box.read()

    async def settle(self) -> None:
        for _ in range(1000):
            if self.audio._draining is None:
                return
            await asyncio.sleep(0)
        raise AssertionError("it goes on and on")

    def check(self, box: Box, first: int | None = None) -> None:
        """Compare every tick but the newest, which wait for their phase."""
        for tick in range(box.joined if first is None else first, self.engine.tick - 10):
            assert box.sounds(tick) == self.truth[box.mount][tick], (box.session.receiver, tick)
        assert not box.twice

    def close(self) -> None:
        self.audio.close()
        for listener in self.listeners:
            listener.close()
        self.engine.close()


def go(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_boxes_hear_what_the_mounts_own_stream_has(seed: int) -> None:
    async def work() -> None:
        choose = random.Random(seed)
        # For an emergency whatever a box misses of before it is given up; see below.
        classes, most = ([0, 1, 2], 0.8) if seed % 2 else ([0, 1], 0.9)
        station = Station()
        try:
            for number in range(8):
                box = station.box(number, number % MOUNTS)
                if number % 2:
                    await give(station, box, {choose.randrange(6) for _ in range(3)})
            for _ in range(25):
                now = station.engine.tick
                mounts = [m for m in range(MOUNTS) if choose.random() < 0.6]
                what = choose.random()
                clip = choose.randrange(6)
                tick = now + choose.choice([1, 2, 5, 9, 30])
                if what < 0.2:
                    station.silence(mounts, tick)
                elif what < 0.8:
                    station.play(
                        mounts, clip, tick, choose.choice([0, 0, 17]), cls=choose.choice(classes),
                        cached=choose.random() < 0.7, length=choose.choice([25, 60, LENGTH]),
                        lie=choose.choice([0, 0, 0, 1, 2]),
                    )  # fmt: skip
                elif what < most:
                    box = choose.choice(station.boxes)
                    station.hub.leave(box.session)
                    station.boxes.remove(box)
                    again = station.box(
                        box.session.receiver, box.mount, resume=max(box.heard, default=now) + 1
                    )
                    await give(station, again, {clip})
                else:
                    await give(station, choose.choice(station.boxes), {clip})
                await station.run(choose.choice([1, 3, 10, 23, 40]))
            await station.run(12)
            for box in station.boxes:
                station.check(box)
            assert not [n for n in station.counters.snapshot() if n != "fleet.replaced"]
        finally:
            station.close()

    go(work())


async def give(station: Station, box: Box, clips: set[int]) -> None:
    add = tuple(hash_of(clip) for clip in sorted(clips))
    await station.hub.take(box.session, Inventory(add=add))
    await station.settle()


def with_station(work: Any) -> None:
    async def whole() -> None:
        station = Station()
        try:
            await work(station)
        finally:
            station.close()

    go(whole())


def test_nothing_is_sent_while_nothing_is_on_air() -> None:
    async def work(station: Station) -> None:
        box = station.box(1, 0)
        await station.run(100)
        assert not box.asked and [c.kind for c in box.changes] == ["silence"] and not box.sizes
        assert not station.audio.rounds.running

    with_station(work)


def test_the_first_message_goes_at_once_and_the_next_ones_by_phase() -> None:
    async def work(station: Station) -> None:
        boxes = [station.box(number, 0) for number in range(20)]
        station.play([0], 1, START + 13, cached=False)
        await station.run(11)
        assert all(box.changes[-1].tick == START + 13 and not box.sizes for box in boxes)
        await station.run(2)
        assert all(box.sizes[0] == 1 for box in boxes)
        await station.run(38)
        phases = sorted(max(box.heard) % 10 for box in boxes)
        assert phases == [phase for phase in range(10) for _ in "ab"]
        assert all(set(box.sizes[2:]) == {10} for box in boxes)
        for box in boxes:
            station.check(box)
        # One packet, then two parts of a message for each phase, then a message for each: shared.
        assert station.audio.rounds.counts.built <= 1 + 10 + 4 * 10

    with_station(work)


def test_low_cadence_is_a_message_every_other_tick() -> None:
    async def work(station: Station) -> None:
        station.settings = Settings(cadence="low")
        box = station.box(1, 0)
        station.play([0], 1, START + 10, cached=False)
        await station.run(60)
        assert set(box.sizes[1:-1]) == {2}
        station.check(box)

    with_station(work)


def test_what_is_in_the_cache_is_not_streamed_and_the_box_may_say_so_later() -> None:
    async def work(station: Station) -> None:
        has, gets = station.box(1, 0), station.box(2, 0)
        await give(station, has, {5})
        station.play([0], 5, START + 20)
        await station.run(120)
        assert not has.sizes and not has.at(START + 30).stream
        assert gets.at(START + 30).stream
        await give(station, gets, {5})
        await station.run(5)
        before = len(gets.sizes)
        await station.run(50)
        assert len(gets.sizes) == before and not gets.at(START + 90).stream
        assert gets.at(START + 90).play == has.at(START + 90).play
        for box in (has, gets):
            station.check(box)

    with_station(work)


def test_a_box_that_wants_is_streamed_to_from_there() -> None:
    async def work(station: Station) -> None:
        box = station.box(1, 0)
        await give(station, box, {5})
        station.play([0], 5, START + 20)
        await station.run(150)
        await station.hub.take(box.session, Want(tick=START + 60))
        await station.run(60)
        assert hash_of(5) not in box.session.cached
        assert box.at(START + 60).stream and min(box.heard) == START + 60
        station.check(box, START + 60)

    with_station(work)


def test_enough_is_enough_but_for_emergencies() -> None:
    async def work(station: Station) -> None:
        box = station.box(1, 0)
        station.play([0], 1, START + 10, cached=False)
        await station.run(50)
        await station.hub.take(box.session, Enough())
        await station.run(1)
        heard = max(box.heard)
        await station.run(50)
        assert max(box.heard) == heard and not box.changes[-1].stream
        station.play([0], 2, START + 120, cls=2)
        await station.run(60)
        assert min(tick for tick in box.heard if tick > heard) == START + 120
        station.check(box, START + 120)

    with_station(work)


def test_a_change_told_ahead_is_taken_back() -> None:
    async def work(station: Station) -> None:
        box = station.box(1, 0)
        await give(station, box, {1, 2})
        station.play([0], 1, START + 20)
        await station.run(40)
        station.play([0], 2, START + 100)
        station.silence([0], START + 200)
        await station.run(3)
        assert [c.tick for c in box.changes][-2:] == [START + 100, START + 200]
        # The engine goes on with what it carries.
        last = station.carriage.of(0, station.engine.tick)[0]
        for mounts in ([0],):
            tick = station.engine.carry(mounts, last.handle, START + 90)
            station.carriage.told(mounts, last.handle, tick)
        await station.run(1)
        assert box.changes[-1].play == "play 1 100020"
        assert box.changes[-1].offset == box.changes[-1].tick - START - 20
        await station.run(200)
        station.check(box)

    with_station(work)


def test_what_was_announced_and_never_came_is_taken_back() -> None:
    async def work(station: Station) -> None:
        box = station.box(1, 0)
        await give(station, box, {1, 2})
        station.play([0], 1, START + 20)
        await station.run(40)
        station.carriage.told([0], station.play([1], 2, START + 60), START + 60)
        await station.run(100)
        assert box.at(START + 100).kind == "live"
        station.audio.sweep()
        await station.run(20)
        station.check(box)
        assert station.counters.snapshot()["fleet.carriage.overdue"] == 1

    with_station(work)


def test_a_box_that_comes_back_gets_what_it_missed_in_bursts() -> None:
    async def work(station: Station) -> None:
        box = station.box(1, 0)
        station.play([0], 1, START + 10, cached=False, length=3000)
        await station.run(200)
        last = max(box.heard)
        station.hub.leave(box.session)
        await station.run(1500)
        again = station.box(1, 0, resume=last + 1)
        again.wire.waiting = 100_000
        await station.run(20)
        assert not again.heard  # what it does not take is not sent
        again.wire.waiting = 0
        await station.run(3)
        assert 100 < len(again.heard) <= 160 and min(again.heard) == last + 1
        await station.run(40)
        assert max(again.sizes) == 50
        station.check(again)
        for resume in (START + 90_000, START - 10_000):
            other = station.box(2, 0, resume=resume)
            now = station.engine.tick
            await station.run(30)
            assert min(other.heard) == now + 1

    with_station(work)


def test_a_slow_box_goes_on_at_the_present_of_a_live_and_where_it_was_of_a_bulletin() -> None:
    async def work(station: Station) -> None:
        live, item = station.box(1, 0), station.box(2, 1)
        station.play([0], 1, START + 10, cached=False, length=3000)
        station.play([1], 2, START + 10, length=3000)
        await station.run(100)
        for box in (live, item):
            box.wire.__class__ = Slow
            box.wire.taken = box.wire.bytes_sent - 1000  # type: ignore[attr-defined]
        await station.run(100)
        assert station.audio.rounds.counts.held == 0  # two seconds are no reason
        await station.run(200)
        assert station.audio.rounds.counts.held == 2
        before = max(live.heard)
        assert before < START + 320
        for box in (live, item):
            box.wire.taken = None  # type: ignore[attr-defined]
            box.wire.waiting = 500
        await station.run(100)
        assert min(t for t in live.heard if t > before) > START + 395
        assert station.audio.rounds.counts.skipped_ticks > 90
        for box in (live, item):
            box.wire.waiting = 0
        await station.run(30)
        station.check(item)
        assert not live.twice

    with_station(work)


def test_an_emergency_waits_for_no_backlog_and_goes_first() -> None:
    async def work(station: Station) -> None:
        boxes = [station.box(number, number % 2) for number in range(10)]
        station.play([0, 1], 1, START + 10, cached=False, length=3000)
        await station.run(500)
        station.hub.leave(boxes[0].session)
        again = station.box(0, 0, resume=START + 20)
        again.wire.waiting = 10_000
        await station.run(1)
        station.play([0, 1], 2, START + 520, cached=False)
        station.play([1], 3, START + 520, cls=2)
        station.play([0], 3, START + 530, cls=2)
        order: list[int] = []
        for box in boxes[1:]:
            send = box.wire.send_frame

            def note(frame: bytes, box: Box = box, send: Any = send) -> None:
                order.append(box.mount)
                send(frame)

            box.wire.send_frame = note  # type: ignore[method-assign]
        await station.run(18)
        again.wire.waiting = 0
        order.clear()
        station.engine.advance(START + 520 - station.engine.tick)
        station.take()
        station.audio.rounds.round()
        await station.settle()
        assert order[:5] == [1] * 5
        await station.run(60)
        assert min(t for t in again.heard if t >= START + 100) >= START + 100
        station.check(again, START + 530)
        for box in boxes[1:]:
            station.check(box)

    with_station(work)


def test_an_inventory_is_remembered_from_one_session_to_the_next() -> None:
    async def work(station: Station) -> None:
        box = station.box(1, 0)
        await give(station, box, {1, 2})
        station.hub.leave(box.session)
        again = station.box(1, 0, {1, 2})
        other = station.box(2, 0, {3})
        await station.run(1)
        assert not again.asked and again.session.cached == {hash_of(1), hash_of(2)}
        assert other.asked and not other.session.cached
        await station.hub.take(other.session, Inventory(add=(hash_of(3),), all=True))
        assert other.session.cached == {hash_of(3)}
        station.hub.leave(again.session)
        lost = station.box(1, 0, {1})
        await station.run(1)
        assert lost.asked and not lost.session.cached

    with_station(work)


def test_a_wire_that_fails_ends_its_own_session_only() -> None:
    async def work(station: Station) -> None:
        boxes = [station.box(number, 0) for number in range(4)]
        station.play([0], 1, START + 10, cached=False)
        await station.run(40)

        def fail(frame: bytes) -> None:
            raise RuntimeError("broken")

        boxes[1].wire.send_frame = fail  # type: ignore[method-assign]
        await station.run(40)
        assert boxes[1].wire.closed == "failed"
        assert station.counters.snapshot()["fleet.audio.failed"] == 1
        for box in (boxes[0], *boxes[2:]):
            station.check(box)

    with_station(work)
