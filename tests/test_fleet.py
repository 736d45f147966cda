"""Whole systems: a server, simulated boxes, and what goes wrong between them.

What each box sounded is held against the server's own as-run log, tick by tick.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.continuity import on_air
from benchmarks.district import COMMUNE, TOKEN, District
from benchmarks.lines import SERVER, Line, Lines, why_not
from loa.receivers.fleet.crew import Crew
from loa.receivers.fleet.judge import Due, Leniency
from loa.receivers.fleet.profile import Event, Profile
from loa.receivers.fleet.result import Result, judged
from support.process import LOA, surroundings

SOUND = 60.0
BACK = Leniency(after=15 * 50)
"""A connection that is asked for in an outage is asked for again after 1, 3, 7 and 15 s by the
kernel, so that a box may be back a while after its line is."""
LOGGED = 6.0
"""Seconds after which the as-run log has what was aired."""


def until(what: str, done: Callable[[], object], seconds: float = SOUND) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what}: not within {seconds:g} s"
        time.sleep(0.2)


def aired(district: District, records: list[dict[str, Any]]) -> dict[str, list[Due]]:
    """What the as-run log says of each box's mount."""
    ids = district.office.areas()
    begin = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    now = round(max(record["tick"] for record in records))
    areas = {record["area"] for record in records}
    return {area: district.office.aired(ids[area], begin, now) for area in areas}


def verdict(
    district: District, crew: Crew, outage: tuple[float, float] | None = None
) -> tuple[Result, list[dict[str, Any]]]:
    """Judge all that was heard so far. ``outage``: of the line of all of them."""
    end = time.monotonic()
    records = crew.records()
    if outage is not None:
        for record in records:
            record["mishaps"].append({"start": outage[0], "end": outage[1], "kind": "outage"})
    time.sleep(LOGGED)
    return judged(records, aired(district, records), end, BACK), records


def sounding(crew: Crew, since: float, kind: str = "") -> set[int]:
    """The boxes that began to sound something since then."""
    return {onset[0] for onset in crew.onsets(since) if kind in onset[2]}


def nothing_wrong(result: Result) -> None:
    """Whatever happens, this holds."""
    assert (result.verdict.wrong, result.verdict.twice, result.odd) == (0, 0, 0), result.as_json()
    assert (result.failed, result.never_up) == (0, 0), result.named


@pytest.mark.slow
def test_a_server_killed_in_an_emergency_is_heard_on_by_all() -> None:
    boxes = 20
    with (
        District(boxes, seconds=40, communes=2) as district,
        Crew(district.root, district.numbers, Profile()) as crew,
    ):
        crew.wait_up(boxes, SOUND)
        time.sleep(4)
        _, sent = district.emergency()
        until("all sound it", lambda: len(sounding(crew, sent, "cue/")) == boxes)
        # What went out is on record after a moment, as far as a kill leaves it.
        time.sleep(LOGGED)
        killed = time.monotonic()
        district.stop(signal.SIGKILL)
        time.sleep(3)
        district.start()
        until("all sound it again", lambda: len(sounding(crew, killed + 2, "cue/")) == boxes)
        time.sleep(10)
        result, records = verdict(district, crew)
    assert (result.verdict.twice, result.odd, result.failed) == (0, 0, 0), result.as_json()
    # The log of a server that was killed ends some seconds before its last packet.
    assert result.verdict.wrong <= boxes * LOGGED * 50, result.as_json()
    assert result.verdict.missed == 0, result.named
    for record in records:
        assert len(record["ups"]) == 2
        assert {run[2] for run in record["runs"]} == {"cue/1#0"}


@pytest.mark.slow
@pytest.mark.skipif((why := why_not()) is not None, reason=why or "")
@pytest.mark.parametrize("what", ["bulletin", "live"])
def test_an_outage_of_forty_seconds_on_a_real_line(what: str) -> None:
    with (
        Lines(1, Line(delay_ms=60, jitter_ms=20)) as lines,
        District(
            3, inside=lines.server.inside([]), host=SERVER, communes=1, seconds=90
        ) as district,
        on_air(lines, district) if what == "live" else nullcontext(),
        Crew(district.root, district.numbers, Profile(), inside=lines.boxes[0].inside([])) as crew,
    ):
        crew.wait_up(3, SOUND)
        begun = time.monotonic() - 10
        if what == "bulletin":
            with lines.server.entered():
                district.office.call("POST", f"/areas/{COMMUNE}/queue", {"bulletin": 2})
        until("all sound it", lambda: len(sounding(crew, begun)) == 3)
        time.sleep(8)
        lines.cut(0)
        time.sleep(40)
        lines.mend(0)
        mended = time.monotonic()
        until("all are back", lambda: crew.status()["up"] == 3)
        if what == "bulletin":
            until("it is over", lambda: _over(crew, 90 * 50), 150)
        else:
            until("all sound it again", lambda: len(sounding(crew, mended)) == 3)
            time.sleep(10)
        with lines.server.entered():
            result, _ = verdict(district, crew, (mended - 40, mended))
    nothing_wrong(result)
    if what == "bulletin":
        # It was heard whole, by everybody. (Their first seconds are not judged.)
        assert result.verdict.missed == result.verdict.excused == 0, result.as_json()
        assert result.verdict.heard == result.verdict.due > 3 * 80 * 50
    else:
        assert result.verdict.missed == 0, result.as_json()
        assert result.verdict.excused < 3 * (40 + 20) * 50


def _over(crew: Crew, ticks: int) -> bool:
    records = crew.records()
    return all(sum(end - first for first, end, *_ in r["runs"]) >= ticks for r in records)


@pytest.mark.slow
def test_boxes_that_lose_their_power_come_back_and_sound_nothing_wrong() -> None:
    profile = Profile(event=(Event(kind="power", at=14, share=0.7, seconds=8, spread_seconds=4),))
    boxes = 20
    with (
        District(boxes, seconds=60, communes=1) as district,
        Crew(district.root, district.numbers, profile) as crew,
    ):
        crew.wait_up(boxes, 12)
        _, sent = district.emergency()
        until("all sound it", lambda: len(sounding(crew, sent)) == boxes)
        until("they come back", lambda: time.monotonic() > crew.start + 30)
        until("all are up", lambda: crew.status()["up"] == boxes)
        time.sleep(8)
        result, records = verdict(district, crew)
    nothing_wrong(result)
    struck = [record for record in records if record["mishaps"]]
    assert 8 <= len(struck) <= 19
    assert result.verdict.missed == 0, result.as_json()
    assert 0 < result.verdict.excused < len(struck) * (8 + 20) * 50


@pytest.mark.slow
def test_loa_fleet_enrols_its_boxes_and_says_what_they_heard(tmp_path: Path) -> None:
    with District(1, communes=1, seconds=5) as district:
        words = [
            *LOA, "fleet", "--receivers", "12", "--server", district.url,
            "--connect", district.connect, "--area", "/tinh-mau", "--seconds", "25",
            "--processes", "2", "--json", "--state", str(tmp_path / "boxes"),
        ]  # fmt: skip
        environment = {**surroundings(), "LOA_TOKEN": TOKEN}
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as fleet:
            until("they are there", lambda: _connected(district) == 12)
            time.sleep(5)
            district.emergency()
            said, errors = fleet.communicate(timeout=90)
        assert fleet.returncode == 0, said + errors
        result = json.loads(said)
        assert result["boxes"] == result["sessions"] == 12
        # Of the five seconds, as much as fell into the fleet's time.
        assert 12 * 250 >= result["ticks"]["due"] == result["ticks"]["heard"] > 0
        assert result["problems"] == []
        assert len(os.listdir(tmp_path / "boxes")) == 13

        # A second time they are known, and nobody needs to be told of the emergency again.
        short = [*words, "--seconds", "6"]
        again = subprocess.run(
            short, capture_output=True, text=True, env=environment, timeout=90, check=False
        )
        assert again.returncode == 0, again.stderr
        assert json.loads(again.stdout)["boxes"] == 12
        assert _known(district) == 13


def _connected(district: District) -> int:
    return sum(each["connected"] for each in district.office.pages("/receivers"))


def _known(district: District) -> int:
    return len(list(district.office.pages("/receivers")))
