"""Packets read back are those that went out, each tick once; a change says if it cost a tick."""

from __future__ import annotations

import numpy as np
import pytest

from loa.native.engine import ChainConfig, Engine, EventKind
from loa.native.error import NativeError
from loa.native.ring import RingConfig
from support.timeline import tagged_clip, tagged_packet

TONE = (0.1 * np.sin(2 * np.pi * 440 * np.arange(960) / 48_000)).astype(np.float32)


def split(data: bytes, sizes: np.ndarray) -> list[bytes]:
    ends = np.cumsum(sizes).tolist()
    return [data[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)]


def test_a_clips_packets_are_read_by_their_ticks():
    with Engine(1000, virtual=True) as engine:
        handle = engine.open_clip(tagged_clip(1, 50), 1010, 3, 40)
        assert engine.packets(handle, 0, 100)[2].size == 0
        engine.advance(20)
        first, data, sizes = engine.packets(handle, 0, 100)
        assert first == 1010
        assert split(data, sizes) == [tagged_packet(1, 3 + i) for i in range(10)]
        engine.advance(100)
        first, data, sizes = engine.packets(handle, 1015, 7)
        assert (first, split(data, sizes)) == (1015, [tagged_packet(1, 8 + i) for i in range(7)])
        with pytest.raises(NativeError):
            engine.packets(handle + 1, 0, 10)


def test_a_lives_packets_can_be_polled_while_it_goes_on():
    with Engine(1000, virtual=True) as engine:
        live = engine.open_live(ChainConfig(complexity=0), RingConfig(40, 400, 2000, False), 1005)
        kept: dict[int, bytes] = {}
        for round_ in range(30):
            for _ in range(7):
                if round_ < 28:
                    live.write(TONE, True)
                engine.advance(1)
            if round_ == 28:
                live.finish()
            start = max(kept, default=0) + 1
            first, data, sizes = engine.packets(live.handle, start, 500)
            kept.update(enumerate(split(data, sizes), first))
        live.close()
        stats = engine.programme_stats(live.handle)
        assert sorted(kept) == list(range(stats.start_tick, stats.end_tick))
        _, data, sizes = engine.packets(live.handle, stats.start_tick, 10_000)
        assert split(data, sizes) == list(kept.values())


def test_a_change_tells_whether_its_first_tick_is_silent():
    with Engine(1000, virtual=True) as engine:
        mount = engine.open_mount()
        first = engine.open_clip(tagged_clip(1, 50), 1010)
        after = engine.open_clip(tagged_clip(2, 50), 1060)
        again = engine.open_clip(tagged_clip(1, 50), 1080, 20)
        for handle, tick in ((first, 1010), (after, 1060), (again, 1080)):
            engine.carry([mount], handle, tick)
        engine.advance(200)
        carried = [e for e in engine.events() if e.kind is EventKind.CARRIED]
        assert [(e.tick, e.id, e.value) for e in carried] == [
            (1010, first, 0), (1060, after, 0), (1080, again, 1),
        ]  # fmt: skip
