"""A carriage change over 2,000 mounts, end to end: decided, carried, and put on record.

A province of 2,001 areas with its director, engine (on its virtual clock), as-run log and a store
of its own. An emergency for everyone is called and stopped again, so that each time every mount
changes. Timed is the CPU of the loop's thread: from what is known to the command that is handed to
the engine; then the engine's events, one for each mount, becoming stretches; then writing those.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.rows import Row
from loa.codecs.opus import OpusFileWriter
from loa.native.engine import Engine
from loa.streamer.air.asrun import AsRun
from loa.streamer.air.clips import Clips
from loa.streamer.air.clock import TickClock
from loa.streamer.air.director import Director
from loa.streamer.air.tokens import Tokens
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.counters import Counters
from loa.streamer.store.cues import StandingEmergency
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.areas import AreaRow

DISTRICTS, COMMUNES = 20, 99
TICKS = 500
AUDIO = "e" * 64
UNIX = 1_790_000_000.0


def run(quick: bool) -> list[Row]:
    decided, events, written, mounts = asyncio.run(measure(5 if quick else 15))
    note = f"CPU; {mounts} mounts change; median of {len(decided)}"
    return [
        Row("2,000 mounts: decided and handed over", 1000 * median(decided), "ms", 150, note=note),
        Row("2,000 mounts: events taken in", 1000 * median(events), "ms", 60, note=note),
        Row("2,000 mounts: as-run log written", 1000 * median(written), "ms", 300, note=note),
    ]


def province() -> AreaTree:
    areas = [Area("/p", "P", True, id=1)]
    for d in range(DISTRICTS):
        areas.append(Area(f"/p/d{d}", f"D{d}", True, id=len(areas) + 1))
        for c in range(COMMUNES):
            areas.append(Area(f"/p/d{d}/c{c}", f"C{c}", True, id=len(areas) + 1))
    return AreaTree(areas)


def prepare(folder: Path) -> None:
    folder.mkdir()
    with (folder / f"{AUDIO}.opus").open("wb") as file:
        writer = OpusFileWriter(file)
        writer.add(b"\xf8\x01" * TICKS, np.full(TICKS, 2, np.uint16))
        writer.finish(960 * TICKS)


async def measure(turns: int) -> tuple[list[float], list[float], list[float], int]:
    """Return the CPU seconds of each turn's three parts, and the mounts that changed in one."""
    tree = province()
    with tempfile.TemporaryDirectory() as folder, Engine(0, virtual=True, fanouts=1) as engine:
        data = Path(folder)
        prepare(data / "audio")
        store = await Store.open(database_url(None, data))
        async with store.write() as db:
            for area in tree:
                db.add(AreaRow(id=area.id, name=area.name, path=area.path, created_at=0.0))
        counters = Counters()
        clock = TickClock(
            engine, lambda: UNIX + engine.tick / 50, lambda: engine.deadline(engine.tick)
        )
        clips = Clips(data / "audio", counters)
        read = asyncio.Event()
        clips.loaded = lambda _: read.set()
        clips.want([AUDIO])
        await read.wait()
        asrun = AsRun(store, data, clock, counters, lambda number: number + 1)
        director = Director(
            engine, tree, Tokens(), {}, counters, clips=clips, clock=clock, asrun=asrun
        )
        decided, events, written = [], [], []
        for turn in range(turns):
            called = StandingEmergency(
                turn + 1, 1, 1, "", "vi", AUDIO, TICKS, 3, False, frozenset([1]), frozenset(), 0.0,
                None, clock.unix(engine.tick), clock.unix(engine.tick + 10_000), "", "",
            )  # fmt: skip
            for standing in ((called,), ()):
                gc.collect()
                start = time.thread_time()
                director.learn(replace(director.room.knowledge, emergencies=standing))
                director._refresh()
                middle = time.thread_time()
                engine.advance(30)
                after = time.thread_time()
                while some := engine.events():
                    for event in some:
                        director.on_event(event)
                taken = time.thread_time()
                decided.append(middle - start)
                events.append(taken - after)
                begun = time.process_time()
                await asrun.write()
                written.append(time.process_time() - begun)
        director.stop()
        await clips.close()
        await asrun.close()
        await store.close()
    return decided, events, written, len(tree)
