"""Horns within earshot: how far what they give lies apart, and what a box's player costs.

*Together*: boxes as they are (``horns``), in passed time, whose clocks and sound cards run up to
±100 ppm apart. Speech goes over their mount; every half second each horn's samples are looked for
in the mount's own sound. ``from its place``: how late or early a horn is against stream time plus
the group's delay. ``between two``: how far the horns of the group lie apart at the same place. The
first row group is a LAN; the second a mobile line of 100 to 400 ms there and back, in bursts, one
way slower than the other; in the third one message in a hundred comes up to a second later on top
of that, as TCP makes of a loss. What the group's delay does not cover makes a horn late, until the
next pauses of the speech; the share of time within 40 ms is shown beside.

*Player*: a process of its own plays from its cache through clock, sequencer, decoder, limiter and
resampler; instructions are callgrind's, the difference of two lengths, so that the start of the
interpreter is not in it. Memory is what that process has after a minute of audio, less what it had
when everything was imported and the packets were there.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.horns import Horns, Way, encoded, lan, mobile, voices
from benchmarks.rows import Missing, Row, percentile
from loa.codecs.control.messages import Change

PPM = ((0.0, 100.0), (60.0, -100.0), (-100.0, 0.0), (30.0, 70.0), (100.0, -40.0))
"""By horn: of the box's own clock, of its sound card."""
HOUR = 3600
SHORT, LONG = 1, 6
"""Seconds that are played under callgrind."""
BOUND_G = 400.0
"""Three quarters of it is libsamplerate's; a core of a Raspberry Pi 3 does that in six minutes."""
BOUND_MB = 8.0


def run(quick: bool) -> list[Row]:
    seconds = 15.0 if quick else 120.0
    rows = [
        *together("LAN", lan, seconds, 10.0),
        *together("3G", lambda: mobile(0.0), seconds, 40.0),
    ]
    if not quick:
        rows += together("3G, 1 % sent again", lambda: mobile(0.01), seconds, None)
    return rows


def together(
    name: str, ways: Callable[[], tuple[Way, Way]], seconds: float, bound: float | None
) -> list[Row]:
    """Return the rows of one group."""
    horns = Horns()
    for number, (clock, card) in enumerate(PPM):
        horns.add(ways(), clock_ppm=clock, card_ppm=card, latency=0.02 + 0.01 * number)
    horns.run(5)
    ticks = int(seconds * 50)
    first = int(horns.tick(horns.now)) + 4
    horns.change(Change(tick=first, kind="live", play="benchmark"), encoded(voices(ticks)))
    horns.change(Change(tick=first + ticks, kind="silence"))
    horns.run(seconds + 2)
    found = [horns.offsets(box, first + 10, first + ticks - 10) for box in horns.boxes]
    each = [abs(o) if math.isfinite(o) else math.inf for offsets in found for o in offsets]
    apart = [
        max(at) - min(at) if all(map(math.isfinite, at)) else math.inf
        for at in zip(*found, strict=True)
    ]
    cut = sum(box.carriage.sequencer.counters.missed for box in horns.boxes)
    note = f"{len(horns.boxes)} horns, {len(apart)} places, {cut} ticks lost"
    rows = []
    for what, values in (("from its place", each), ("between two", apart)):
        for part, label in ((0.5, "p50"), (0.99, "p99"), (1.0, "worst")):
            if bound is None and part > 0.5:
                continue  # it is late there, by design: the share of time says how often
            judged = bound if part > 0.5 else None
            value = percentile(values, part)
            # Somewhere else altogether, further than is looked: shown as that far.
            value = min(value, 400.0)
            rows.append(Row(f"{name}: {what}, {label}", value, "ms", judged, note=note))
            note = ""
    if bound is None:
        within = 100 * sum(o <= 40 for o in each) / len(each)
        rows.append(Row(f"{name}: time within 40 ms", within, "%"))
    return rows


def run_player(quick: bool) -> list[Row]:
    """What playing costs a box."""
    if shutil.which("valgrind") is None:
        raise Missing("valgrind (Debian: apt-get install valgrind)")
    short, long = instructions(SHORT), instructions(LONG)
    an_hour = (long - short) / (LONG - SHORT) * HOUR / 1e9
    memory = json.loads(child(["--seconds", "60"]))
    return [
        Row("player: instructions for an hour of audio", an_hour, "G", BOUND_G),
        Row("player: memory beside what is imported", memory["player_mb"], "MB", BOUND_MB),
        Row(
            "player: memory of the process", memory["whole_mb"], "MB", None, note="no link, no disk"
        ),
        Row("player: CPU here, for an hour of audio", memory["cpu_hour"], "s", None),
    ]


def child(words: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.player_alone", *words],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout


def instructions(seconds: int) -> int:
    """Return callgrind's count of a process that plays so many seconds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", sys.executable, "-m",
             "benchmarks.player_alone", "--seconds", str(seconds)],
            check=True, capture_output=True, timeout=600,
        )  # fmt: skip
        found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    assert found is not None
    return int(found.group(1))
