"""How whole a live is heard over bad lines: real TCP between two network namespaces.

The whole server in one, a speech programme live on it; in the other eight simulated boxes (the real
link, clock and sequencer, each on a connection of its own) and, as a peer on the same line at the
same time, four plain listeners of ours (``loa receiver run --url``, the same cadence) that resume
by ``?from=``. The line (``lines``) loses packets in bursts of two in the mean, and delays each way
by so much, with a quarter of that as jitter.

A box's ticks are *in time* when they sounded within 200 ms of when its group sounds them (700 ms
behind the server), *late* when later, also by more than a second, and else were left out; *made up*
is what its decoder concealed meanwhile. A plain listener has no group and falls behind by what it
waits: of its sound the share is shown that was not made up for what was not there. Beside it stands
what the line really lost.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import speech
from benchmarks.district import TOP, District
from benchmarks.lines import SERVER, Line, Lines
from benchmarks.rows import Row
from loa.receivers.fleet.crew import Crew
from loa.receivers.fleet.judge import length, union
from loa.receivers.fleet.profile import Profile

BOXES, PLAIN = 8, 4
LATEST = 6.0
"""Seconds after which a tick has sounded or will not: 3 s of lag, and the box's own delay."""
LOA = (sys.executable, "-c", "from loa.streamer.cli import main; main()")
CONDITIONS = ((0.01, 100), (0.03, 100), (0.05, 100), (0.10, 100), (0.05, 400), (0.10, 400))


def run(quick: bool) -> list[Row]:
    seconds = 15.0 if quick else 40.0
    rows: list[Row] = []
    with (
        Lines(1) as lines,
        District(
            BOXES, inside=lines.server.inside([]), host=SERVER, communes=1, seconds=5
        ) as district,
        on_air(lines, district),
    ):
        for loss, delay in CONDITIONS[2:3] if quick else CONDITIONS:
            lines.set(0, Line(delay_ms=delay, jitter_ms=delay / 4, loss=loss, burst=2))
            rows += beside(lines, district, loss, delay, seconds)
    return rows


def beside(
    lines: Lines, district: District, loss: float, delay: float, seconds: float
) -> list[Row]:
    """Listen for a while with both."""
    inside = lines.boxes[0].inside([])
    plain = [listen(lines, district, seconds + LATEST + 10) for _ in range(PLAIN)]
    try:
        with Crew(district.root, district.numbers, Profile(), inside=inside) as crew:
            crew.wait_up(BOXES, 60)
            time.sleep(5)
            before = crew.records()
            time.sleep(seconds)
            after = crew.records()
            # Who is late still has the last of these ticks before it.
            time.sleep(LATEST)
            later = crew.records()
    finally:
        said = [heard_plainly(each) for each in plain]
    shares = [box(*records) for records in zip(before, after, later, strict=True)]
    due = sum(share["due"] for share in shares)
    late, heard = (sum(share[key] for share in shares) for key in ("late", "heard"))
    made, very = (sum(share[key] for share in shares) for key in ("made_up", "very_late"))
    lost, arrived = lines.boxes[0].lost()
    back, there = lines.server.lost()
    what = f"{loss:.0%} lost, {delay:g} ms each way"
    note = (
        f"late {late / due:.2%}, by more than 1 s {very / due:.2%},"
        f" left out {1 - heard / due:.2%}, made up {made / due:.2%};"
        f" really lost {lost / max(1, lost + arrived):.1%} down,"
        f" {back / max(1, back + there):.1%} up"
    )
    total = 1000 * sum(each["seconds"] for each in said)
    gone = sum(each["concealed_ms"] for each in said)
    return [
        Row(f"{what}: boxes' ticks in time", 100 * (heard - late) / due, "%", note=note),
        Row(f"{what}: plain listeners, not made up", 100 * (1 - gone / max(1.0, total)), "%",
            note=f"{PLAIN} of them, {sum(each['reconnects'] for each in said):.0f} reconnects"),
    ]  # fmt: skip


def box(before: dict[str, Any], after: dict[str, Any], later: dict[str, Any]) -> dict[str, int]:
    """Return what a box sounded of the ticks between two records of it; ``later`` it had all."""
    first, last = round(before["tick"]) - 35, round(after["tick"]) - 35
    spans = [(max(r[0], first), min(r[1], last)) for r in later["runs"]]
    made = sum(r[5] for r in after["runs"]) - sum(r[5] for r in before["runs"])
    return {
        "due": last - first, "heard": length(union(spans)), "made_up": made,
        "late": after["late"] - before["late"],
        "very_late": after["very_late"] - before["very_late"],
    }  # fmt: skip


def listen(lines: Lines, district: District, seconds: float) -> subprocess.Popen[str]:
    """Start a plain listener."""
    url = f"{district.url}/tinh-mau.opus"
    words = [
        *LOA, "receiver", "run", "--url", url, "--cadence", "thrifty", "--out", "null",
        "--seconds", str(seconds), "--json",
    ]  # fmt: skip
    return lines.boxes[0].popen(words, stdout=subprocess.PIPE, text=True)


def heard_plainly(listener: subprocess.Popen[str]) -> dict[str, float]:
    """Return what a plain listener says at its end."""
    try:
        said, _ = listener.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        listener.kill()
        listener.communicate()
        raise
    last = json.loads(said.strip().splitlines()[-1])
    return {key: float(last[key]) for key in ("seconds", "concealed_ms", "reconnects")}


@contextmanager
def on_air(lines: Lines, district: District, area: int = TOP) -> Iterator[None]:
    """Be live on an area with speech, from the server's own namespace."""
    with lines.server.entered():
        made = district.office.call(
            "POST", "/source-tokens", {"area": area, "name": "đo", "class": "priority"}
        )
    host = district.url.removeprefix("http://")
    words = [
        "ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i",
        str(speech.wav(60)), "-c:a", "libopus", "-b:a", "24k", "-content_type", "application/ogg",
        "-f", "ogg", f"icecast://source:{made['token']}@{host}/tinh-mau.ogg",
    ]  # fmt: skip
    source = lines.server.popen(words, stdin=subprocess.DEVNULL)
    try:
        time.sleep(3)
        if source.poll() is not None:
            raise RuntimeError("the source could not go on air")
        yield
    finally:
        source.kill()
        source.wait()
