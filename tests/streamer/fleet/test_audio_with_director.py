"""What the director decides reaches the boxes: told ahead, corrected, and nothing but the truth."""

from __future__ import annotations

from pathlib import Path

from loa.codecs.control.frames import SILENT_PACKET, Audio, unpack
from loa.codecs.control.messages import Change, Inventory
from loa.codecs.control.settings import Settings
from loa.native.engine import Engine
from loa.streamer.counters import Counters
from loa.streamer.fleet.audio import Audio as AudioTopic
from loa.streamer.fleet.carriage import Carriage
from loa.streamer.fleet.hub import Hub
from support.fleet import RecordingWire, connected
from support.onair import START, Item, Stage, V, audio_of
from support.timeline import tagged_packet


class Fleet:
    """A stage with two boxes in a village: one that has everything, and one that has nothing."""

    def __init__(self, data: Path, **contents: str) -> None:
        self.made: list[Carriage] = []
        self.stage = Stage(data, follower=self._follow, **contents)
        stage = self.stage
        mounts = stage.director.mounts
        self.audio = AudioTopic(
            stage.engine, self.made[0], stage.counters,
            lambda area: mounts.own[area].info.number,
            settings_of=lambda _: Settings(delay_ms=0), take_events=stage._take,
        )  # fmt: skip
        self.hub = Hub(stage.counters)
        self.hub.add(self.audio)
        self.mount = mounts.own[V].info.number
        self.session, self.has = connected(self.hub, 1, V)
        _, self.gets = connected(self.hub, 2, V)
        self.told: list[tuple[int, Change]] = []
        self.changes: list[Change] = []
        self.heard: dict[int, bytes] = {}
        self.truth: dict[int, bytes] = {}

    def _follow(self, engine: Engine, counters: Counters) -> Carriage:
        self.made.append(Carriage(engine, counters, 6000))
        return self.made[0]

    async def own(self, *numbers: int) -> None:
        add = tuple(bytes.fromhex(audio_of(number)) for number in numbers)
        await self.hub.take(self.session, Inventory(add=add))

    async def run(self, ticks: int) -> None:
        for _ in range(ticks):
            await self.stage.run(1)
            self.audio.rounds.round()
            await self.stage.settle()
            self._read(self.has, self.gets)

    def _read(self, has: RecordingWire, gets: RecordingWire) -> None:
        engine = self.stage.engine
        packets = engine.mount_packets(self.mount, engine.tick, 1)
        assert packets is not None
        self.truth[engine.tick] = packets[0]
        for change in has.sent:
            if isinstance(change, Change):
                self.told.append((self.stage.now, change))
                self.changes = [c for c in self.changes if c.tick < change.tick] + [change]
        has.sent.clear()
        for frame in gets.frames:
            message = unpack(frame[4:] if frame[1] == 126 else frame[2:])
            assert isinstance(message, Audio)
            for tick, packet in enumerate(message.packets, message.tick):
                assert tick not in self.heard
                self.heard[tick] = packet
        gets.frames.clear()

    def check(self) -> None:
        for tick, packet in self.truth.items():
            change = [c for c in self.changes if c.tick <= tick][-1]
            number = change.offset + tick - change.tick
            silent = change.kind == "silence" or (change.gap and change.tick == tick)
            played = SILENT_PACKET
            if not silent and number < change.ticks:
                assert change.audio is not None and not change.stream
                clip = 1000 if change.kind == "file" else int(change.audio.hex(), 16) * 4
                played = b"\xf8" + tagged_packet(clip, number)[1:]
            assert played == packet, (tick - START, change)
            if tick < max(self.truth) - 10:
                assert self.heard.get(tick, SILENT_PACKET) == packet, tick - START

    async def close(self) -> None:
        self.audio.close()
        await self.stage.close()


async def test_items_are_told_ahead_and_an_emergency_cuts_in(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    stage = fleet.stage
    await fleet.own(1, 2, 9)
    stage.plan([Item(1, 20, 200), Item(2, 220, 150)])
    await stage.load()
    await fleet.run(100)
    plays = {change.bulletin: (at, change) for at, change in fleet.told}
    assert plays[1][0] < 20 and plays[1][1].tick == START + 20
    # Its successor is told while it plays, two seconds and more before its time.
    assert plays[2][0] <= 101 and plays[2][1].tick == START + 220 and not plays[2][1].gap
    await fleet.run(200)
    stage.call(9, 60)
    await stage.load()
    await fleet.run(300)
    kinds = [(c.bulletin, c.emergency, c.cls, c.offset) for c in fleet.changes]
    assert (9, 9, 2, 0) in kinds
    again = [c for c in fleet.changes if c.bulletin == 2][-1]
    assert again.offset > 0 and again.play == plays[2][1].play
    fleet.check()
    assert "fleet.carriage.unexpected" not in stage.counters.snapshot()
    await fleet.close()


async def test_a_file_goes_round_and_an_item_comes_between(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, p="chime.opus")
    stage = fleet.stage
    await fleet.hub.take(fleet.session, Inventory(add=(bytes.fromhex("f" * 64),)))
    await fleet.own(1)
    stage.add_file("chime.opus", 70)
    stage.plan([Item(1, 180, 100)])
    await stage.load()
    await fleet.run(400)
    kinds = [change.kind for change in fleet.changes]
    assert kinds.count("bulletin") == 1 and kinds.count("file") >= 4
    fleet.check()
    await fleet.close()


async def test_a_plan_that_changes_is_taken_back(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    stage = fleet.stage
    await fleet.own(1, 2)
    stage.plan([Item(1, 180, 100)])
    await stage.load()
    await fleet.run(120)
    assert any(c.bulletin == 1 and c.tick == START + 180 for c in fleet.changes)
    stage.plan([Item(2, 230, 100)])
    await stage.load()
    await fleet.run(300)
    assert not any(c.bulletin == 1 for c in fleet.changes)
    assert any(c.bulletin == 2 and c.tick == START + 230 for c in fleet.changes)
    fleet.check()
    await fleet.close()
