"""A carriage change over 2,000 mounts: what deciding it costs.

A province of 20 districts and 1,980 communes, all of them stations. The evening is a busy one: each
commune has eight plays around now, most of them in the middle of one, every tenth a relay's slot,
every seventh an upper slot, and a studio is live somewhere in each third district. Timed is the CPU
of what the director does when something happens: a new situation, ``arbitrate`` for every mount,
``advance``, ``next_look``. Two changes: an emergency for the whole province, which changes every
mount, and one commune's studio that goes live, which changes one.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

from benchmarks.rows import Row
from loa.streamer.core.arbiter import advance, arbitrate, next_look
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.cues import (
    Choice,
    Emergency,
    Live,
    MountState,
    OpenSlot,
    Play,
    Presence,
    Situation,
    Station,
)
from loa.streamer.core.planner import SlotContent
from loa.streamer.core.rights import BulletinClass

MOUNTS, DISTRICTS = 2001, 20
NOW = 1_000_000
MINUTE = 3000
URL = "http://vov.example/live"
BOUND_MS = 40


def run(quick: bool) -> list[Row]:
    situation, states = evening()
    before = arbitrate(situation, states, NOW)
    states = {area: advance(states[area], choice, NOW) for area, choice in before.items()}
    call = Play("cue/1", "e", MINUTE, BulletinClass.EMERGENCY, 1, 1, cue=1)
    soon = NOW + 10
    called = Emergency(1, call, frozenset({1}), frozenset(), 5, False, soon, soon, soon + MINUTE)
    studio = Live("studio", MOUNTS, BulletinClass.ROUTINE, soon)
    turns = 7 if quick else 21
    rows = []
    for what, change in (
        ("an emergency for all", lambda: replace(situation, emergencies=(called,))),
        ("one commune goes live", lambda: replace(situation, lives=(*situation.lives, studio))),
    ):
        spent = [decide(change, states, soon) for _ in range(turns)]
        changed = spent[0][1]
        row = Row(
            f"deciding over 2,000 mounts: {what}",
            1000 * median(seconds for seconds, _ in spent),
            "ms",
            BOUND_MS,
            note=f"CPU; {changed} mounts change; median of {turns}",
        )
        rows.append(row)
    return rows


def decide(
    change: Callable[[], Situation], states: dict[int, MountState], tick: int
) -> tuple[float, int]:
    """Return the CPU seconds of one decision, and how many mounts it changed."""
    gc.collect()
    start = time.thread_time()
    situation = change()
    choices = arbitrate(situation, states, tick)
    after = {area: advance(states[area], choice, tick) for area, choice in choices.items()}
    next_look(situation, after, choices, tick)
    spent = time.thread_time() - start
    return spent, sum(after[area] is not states[area] for area in after)


def evening() -> tuple[Situation, dict[int, MountState]]:
    """Return a busy province, and what its mounts did so far."""
    areas = [Area("/p", "P", True, id=1)]
    lives = []
    stations: dict[int, Station] = {}
    for number in range(2, DISTRICTS + 2):
        areas.append(Area(f"/p/d{number}", "D", True, id=number))
        if number % 3 == 0:
            lives.append(Live(f"live{number}", number, BulletinClass.ROUTINE, NOW - MINUTE))
    for number in range(DISTRICTS + 2, MOUNTS + 1):
        areas.append(Area(f"/p/d{number % DISTRICTS + 2}/c{number}", "C", True, id=number))
        plays = tuple(
            Play(
                f"{number}:{i}", f"audio{i}", 2 * MINUTE, BulletinClass.ROUTINE, i, number,
                not_before=NOW + (2 * i - 8) * MINUTE - number % 50,
                last_start=NOW + 30 * MINUTE, expires=NOW + 90 * MINUTE,
            )
            for i in range(8)
        )  # fmt: skip
        content = SlotContent.QUEUE
        if number % 10 == 0:
            plays, content = (), SlotContent.RELAY
        elif number % 7 == 0:
            plays, content = (), SlotContent.UPPER
        slot = OpenSlot(number, NOW - 10 * MINUTE, NOW + 20 * MINUTE, content, URL)
        stations[number] = Station(plays=plays, slots=(slot,))
    states = {}
    for area in areas:
        # What was played before now is remembered, and the last one is in its middle.
        played = {p.key: p.ticks for p in stations.get(area.id, Station()).plays[:3]}
        states[area.id] = MountState(Choice("silence"), NOW - MINUTE, played)
    situation = Situation(
        AreaTree(areas), (), tuple(lives), stations, {}, {URL: Presence()}
    )  # fmt: skip
    return situation, states
