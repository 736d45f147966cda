"""Live programmes on the virtual clock: what they tell, where they begin and end, how long they
stay."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from loa.native.engine import (
    ChainConfig,
    Engine,
    EventKind,
    LiveProgramme,
)
from loa.native.error import NativeError
from loa.native.opus import OpusDecoder
from loa.native.ring import RingConfig
from support.timeline import SILENCE, Page, Stream, tagged_clip, tagged_packet

START = 45_000_000_000
KEPT = 60
MARGIN = 128
"""Packets outlive their kept time by so many ticks, and are collected once a second."""
CHAIN = ChainConfig(complexity=0, level=False)
RING = RingConfig(depth_ms=40, capacity_ms=10_000, max_depth_ms=400, pressure=True)
BLOCK = 960


class Air:
    """An engine with one mount and one listener at 40 ms, who hears every tick."""

    def __init__(self, **how: int) -> None:
        self.engine = Engine(START - 10, virtual=True, kept_ticks=KEPT, **how)  # type: ignore[arg-type]
        self.engine.open_mount()
        self.now = START - 11
        self.packets: dict[int, bytes] = {}
        self.stream = self.join(burst=0)
        self.advance(10)

    def __enter__(self) -> Air:
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()
        self.engine.close()

    def join(self, burst: int, from_tick: int = -1) -> Stream:
        ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.engine.join(
            0, ours.detach(), b"",
            cadence=2, burst_ticks=burst, max_lag_ticks=1000, from_tick=from_tick,
        )  # fmt: skip
        return Stream(theirs, b"")

    def advance(self, ticks: int) -> list[tuple[EventKind, int]]:
        """Let time pass; return what was told of programmes, with its tick since the start."""
        self.engine.advance(ticks)
        self.now += ticks
        hear(self.packets, self.stream.read())
        return [
            (event.kind, event.tick - START)
            for event in self.engine.events()
            if event.kind not in (EventKind.CARRIED, EventKind.LEFT)
        ]

    def open(self, start: int = 0, carry: bool = True) -> LiveProgramme:
        live = self.engine.open_live(CHAIN, RING, START + start)
        if carry:
            self.engine.carry([0], live.handle, START + start)
        return live

    def sounding(self, first: int, last: int) -> list[bool]:
        return [self.packets[START + tick] != SILENCE for tick in range(first, last + 1)]


def hear(packets: dict[int, bytes], pages: list[Page]) -> None:
    for page in pages:
        packets |= dict(enumerate(page.packets, page.first))


def tone(ticks: int) -> np.ndarray:
    return (np.sin(np.arange(ticks * BLOCK) / 17) / 2).astype(np.float32)


def test_it_starts_when_its_ring_is_full_enough_and_ends_with_a_fade_and_a_flush() -> None:
    with Air() as air:
        live = air.open()
        assert air.advance(5) == []
        live.write(tone(10), True)
        assert air.advance(3) == [(EventKind.STARTED, 5)]
        live.finish()
        # Ten blocks from tick 5 on, perhaps one for what the ring holds back, and one for what the
        # chain's look-aheads do.
        ((kind, end),) = air.advance(20)
        assert kind is EventKind.ENDED and end in (16, 17)
        stats = air.engine.programme_stats(live.handle)
        assert (stats.start_tick, stats.end_tick) == (START + 5, START + end)
        assert air.sounding(0, 25) == [False] * 5 + [True] * (end - 5) + [False] * (26 - end)
        decoder = OpusDecoder()
        heard = [decoder.decode(air.packets[START + tick]) for tick in range(5, end)]
        assert np.abs(heard[0][:200]).max() < 0.1 and np.abs(heard[-1][-200:]).max() < 0.1
        assert np.abs(heard[0]).max() < np.abs(heard[4]).max() > 0.3
        live.close()


def test_a_cut_fades() -> None:
    with Air() as air:
        live = air.open()
        live.write(tone(100), True)
        air.advance(10)
        live.cut()
        assert air.advance(10) == [(EventKind.ENDED, 12)]  # fade in tick 10, flush in 11
        assert air.sounding(8, 13) == [True] * 4 + [False] * 2
        live.close()


def test_cut_or_finished_before_its_start() -> None:
    with Air() as air:
        for how in (LiveProgramme.cut, LiveProgramme.finish, LiveProgramme.close):
            live = air.open(air.now - START + 3)
            how(live)
            told = air.advance(10)
            assert [kind for kind, _ in told] == [EventKind.ENDED]
            if how is not LiveProgramme.close:
                live.close()
        assert not any(air.sounding(0, air.now - START - 2))


def test_finished_with_little_in_the_ring_it_is_still_heard() -> None:
    with Air() as air:
        live = air.open()
        live.write(tone(1), True)
        live.finish()
        started, (kind, end) = air.advance(10)
        assert started == (EventKind.STARTED, 0)
        assert kind is EventKind.ENDED and end in (2, 3)
        assert air.sounding(0, 5) == [True] * end + [False] * (6 - end)
        live.close()


def test_a_stall_is_told_and_its_end_too() -> None:
    with Air() as air:
        live = air.open()
        live.write(tone(10), True)
        told = air.advance(40)
        assert [kind for kind, _ in told] == [EventKind.STARTED, EventKind.STALLED]
        live.write(tone(30), True)
        assert [kind for kind, _ in air.advance(5)] == [EventKind.RESUMED]
        told = air.advance(60)
        assert [kind for kind, _ in told] == [EventKind.STALLED]
        live.finish()
        # It ends; it does not resume.
        assert [kind for kind, _ in air.advance(5)] == [EventKind.ENDED]
        stats = air.engine.programme_stats(live.handle)
        assert stats.ring is not None and stats.ring.stalls == 2
        live.close()


def test_silence_between_only_where_a_programme_does_not_end_or_begin_itself() -> None:
    with Air() as air:
        clips = [tagged_clip(number, 10) for number in range(4)]

        def clip(number: int, at: int, offset: int = 0) -> int:
            return air.engine.open_clip(clips[number], START + at, offset)

        first = clip(0, 0)
        air.engine.carry([0], first, START)
        air.engine.carry([0], clip(1, 10), START + 10)  # one ends, the other begins: no silence
        air.engine.carry([0], clip(2, 15), START + 15)  # the one before is cut off
        air.engine.carry([0], clip(3, 25, 4), START + 25)  # goes on where it was cut
        air.advance(40)
        expected = [tagged_packet(0, i) for i in range(10)]
        expected += [tagged_packet(1, i) for i in range(5)]
        expected += [SILENCE] + [tagged_packet(2, i) for i in range(1, 10)]
        expected += [SILENCE] + [tagged_packet(3, i) for i in range(5, 10)]
        expected += [SILENCE] * 5
        assert [air.packets[START + i] for i in range(len(expected))] == expected


def test_a_later_carry_replaces_what_was_planned_from_its_tick_on() -> None:
    with Air() as air:
        clips = [air.engine.open_clip(tagged_clip(n, 100), START) for n in range(4)]
        air.engine.carry([0], clips[0], START + 10)
        air.engine.carry([0], clips[1], START + 20)
        air.engine.carry([0], clips[2], START + 30)
        air.engine.carry([0], clips[3], START + 20)
        air.advance(45)
        carried = [air.packets[START + tick] for tick in (5, 15, 25, 35)]
        assert carried == [
            SILENCE, tagged_packet(0, 15), tagged_packet(3, 25), tagged_packet(3, 35),
        ]  # fmt: skip
        # More changes ahead than a mount can hold are refused, and that is counted.
        for delay in range(50, 60):
            air.engine.carry([0], 0, START + delay)
        air.advance(1)
        assert air.engine.stats()["commands_refused"] == 2


def test_a_past_tick_becomes_the_next_one_and_unknown_programmes_and_mounts_are_refused() -> None:
    with Air() as air:
        air.advance(7)
        assert air.engine.carry([0], 0, START - 5) == START + 7
        assert air.engine.carry([0], 0, -(2**63)) == START + 7
        for mounts, programme in (([1], 0), ([-1], 0), ([0], 12345), ([0], -1), ([0], 2**62)):
            with pytest.raises(NativeError):
                air.engine.carry(mounts, programme, 0)
        for start in (2**63 - 1, -(2**63), 2**53):
            with pytest.raises(NativeError):
                air.engine.open_clip(tagged_clip(0, 5), start)
            with pytest.raises(NativeError):
                air.engine.open_live(CHAIN, RING, start)
        for offset, count in ((-1, 2), (0, 0), (0, 6), (5, 1), (2**31 - 1, 1), (1, 2**31 - 1)):
            with pytest.raises(NativeError):
                air.engine.open_clip(tagged_clip(0, 5), START, offset, count)


def test_a_clip_cut_short_and_one_that_began_long_ago() -> None:
    with Air() as air:
        handle = air.engine.open_clip(tagged_clip(1, 100), START - 50)
        air.engine.carry([0], handle, START)
        air.advance(10)
        air.engine.cut(handle)
        assert air.advance(10) == [(EventKind.ENDED, 11)]
        assert air.sounding(0, 15) == [True] * 11 + [False] * 5
        assert air.packets[START + 3] == tagged_packet(1, 53)


def test_a_full_table_refuses_and_has_room_again_later() -> None:
    with Air(max_programmes=3) as air:
        lives = [air.open(carry=False) for _ in range(3)]
        with pytest.raises(NativeError):
            air.open(carry=False)
        with pytest.raises(NativeError):
            air.engine.open_clip(tagged_clip(0, 5), START)
        assert air.engine.stats()["commands_refused"] == 2
        for live in lives:
            live.close()
        air.advance(KEPT + MARGIN + 110)
        assert air.engine.stats()["programmes"] == 0
        air.open(carry=False).close()


def test_a_released_programme_stays_as_long_as_someone_may_resume_in_it() -> None:
    with Air() as air:
        live = air.open()
        live.write(tone(30), True)
        live.finish()
        air.advance(32)
        live.close()
        air.engine.carry([0], 0, 0)
        air.advance(KEPT - 3)
        assert air.engine.stats()["programmes"] == 1
        # Somebody who was away since just before its end still gets it.
        first = air.now + 1 - KEPT + 1
        again: dict[int, bytes] = {}
        stream = air.join(burst=0, from_tick=first)
        air.advance(1)
        hear(again, stream.read())
        stream.close()
        assert min(again) == first
        assert first <= START + 31 and air.packets[START + 30] != SILENCE
        assert all(again[tick] == air.packets[tick] for tick in again if tick in air.packets)
        air.advance(MARGIN + 110)
        assert air.engine.stats()["programmes"] == 0
        with pytest.raises(NativeError):
            air.engine.programme_stats(live.handle)


def test_what_a_mount_carries_stays_though_it_has_ended() -> None:
    with Air() as air:
        handle = air.engine.open_clip(tagged_clip(0, 5), START)
        air.engine.carry([0], handle, START)
        air.advance(1000)
        assert air.engine.programme_stats(handle).end_tick == START + 5
        air.engine.carry([0], 0, 0)
        air.advance(KEPT + MARGIN + 110)
        assert air.engine.stats()["programmes"] == 0


def test_many_programmes_leave_no_memory_behind() -> None:
    with Air(max_programmes=400) as air:

        def play(count: int) -> None:
            for _ in range(count):
                live = air.open(air.now - START + 1)
                live.write(tone(3), True)
                live.close()
                air.engine.open_clip(tagged_clip(0, 3), air.now + 1)
                air.advance(4)

        play(200)
        before = resident()
        play(1000)
        assert air.engine.stats()["programmes"] < 200
        assert resident() - before < 8 << 20


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def test_too_many_encodes_are_made_cheaper_those_opened_meanwhile_too() -> None:
    """Thirty a core at full complexity; the packets tell, because two equal voices must differ."""
    with Air(max_programmes=64, workers=0) as air:
        full = ChainConfig(complexity=10, level=False)
        noise = np.random.default_rng(1).uniform(-0.3, 0.3, BLOCK * 60).astype(np.float32)

        def voice() -> LiveProgramme:
            live = air.engine.open_live(full, RING, air.now + 1)
            live.write(noise, True)
            return live

        def packets_of(live: LiveProgramme) -> list[bytes]:
            air.engine.carry([0], live.handle, air.now + 1)
            first = air.now + 1
            air.advance(12)
            air.engine.carry([0], 0, 0)
            air.advance(2)
            return [air.packets[tick] for tick in range(first, first + 10)]

        alone = packets_of(voice())
        crowd = [voice() for _ in range(40)]
        air.advance(4)
        among_many = packets_of(voice())
        assert alone != among_many
        assert all(packet != SILENCE for packet in alone + among_many)
        for live in crowd:
            live.close()


def test_a_closed_programme_and_a_closed_engine_do_no_harm() -> None:
    with Air() as air:
        live = air.open()
        live.close()
        live.close()
        live.finish()
        live.reopen()
        assert live.write(tone(1), True) == live.space == 0
    air.engine.close()
    with pytest.raises(AttributeError):
        air.engine.stats()
