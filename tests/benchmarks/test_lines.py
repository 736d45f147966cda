"""The bad lines do what they are told, and leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.lines import Line, Lines, ask, push, rules, why_not

needs_lines = pytest.mark.skipif((why := why_not()) is not None, reason=why or "")


def devices() -> list[str]:
    return [name for name in os.listdir("/sys/class/net") if name.startswith("loaline")]


@pytest.mark.parametrize(
    "given", [{"loss": 1.0}, {"loss": -0.1}, {"burst": 0.5}, {"delay_ms": -1.0}]
)
def test_a_line_that_cannot_be_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a line has"):
        Line(**given)


def test_rules_are_of_each_line_alone() -> None:
    text = rules([("a0", Line(loss=0.05)), ("b0", Line()), ("c0", Line(loss=0.2, burst=1))])
    assert 'iifname "a0" jump good0' in text and 'iifname "c0" jump good2' in text
    # 5 % in bursts of two: half of the bad packets are the last, and 26 of 1,000 good ones begin.
    assert "< 26316 ct mark set 1 counter drop" in text and "< 500000 ct mark set 0" in text
    assert "chain good1 { counter accept; }" in text
    assert "< 200000 counter drop" in text


@needs_lines
def test_lines_delay_lose_and_break_as_they_are_told() -> None:
    before = devices()
    with Lines(2) as lines:
        lines.set(0, Line(delay_ms=40, jitter_ms=10))
        clean = [took for took in ask(lines, 0, 40, 0.005) if took is not None]
        assert len(clean) == 40 and min(clean) >= 0.08
        assert push(lines, 0, 20_000) >= 0.08

        lines.set(0, Line(loss=0.3, burst=3))
        took = ask(lines, 0, 1500, 0.0005, 0.3)
        lost, arrived = lines.boxes[0].lost()
        assert 0.2 < lost / (lost + arrived) < 0.4
        gone = [a is None for a in took]
        bursts = sum(not a and b for a, b in pairwise(gone))
        assert sum(gone) / bursts > 1.8

        # The other one is as it was: each line is a line of its own.
        assert None not in ask(lines, 1, 40, 0.002)
        lines.cut(1)
        assert set(ask(lines, 1, 10, 0.002, 0.3)) == {None}
        counted = lines.counts(1)
        assert counted["up"]["outage"] >= 10 and counted["down"]["packets"] >= 40
        lines.mend(1)
        assert None not in ask(lines, 1, 10, 0.002)
        holders = [place.pid for place in (lines.server, *lines.boxes)]
    assert devices() == before
    assert not any(Path(f"/proc/{pid}").exists() for pid in holders)


@needs_lines
def test_a_rate_is_kept_and_what_waits_too_long_is_dropped() -> None:
    with Lines(1, Line(rate_kbit=400, queue_ms=200)) as lines:
        assert push(lines, 0, 50_000) >= 0.9
        assert lines.counts(0)["up"]["bytes"] >= 50_000
        lines.boxes[0].run(["sh", "-c", "exit 0"])
        with pytest.raises(RuntimeError, match="false"):
            lines.boxes[0].run(["false"])


@needs_lines
def test_nothing_stays_when_whoever_made_them_is_killed(tmp_path: Path) -> None:
    script = (
        "import time\nfrom benchmarks.lines import Lines\nlines = Lines(1)\n"
        "print(lines.server.pid, lines.boxes[0].pid, lines._relay.pid, flush=True)\ntime.sleep(60)"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root
    ) as made:
        assert made.stdout is not None
        pids = made.stdout.readline().split()
        assert len(pids) == 3
        made.kill()
    for pid in pids:
        # They end as their standard input does; until init took them over they may be zombies.
        for _ in range(200):
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                break
            if state == "Z":
                break
            os.sched_yield()
            subprocess.run(["sleep", "0.05"], check=True)
        else:
            pytest.fail(f"process {pid} is still there")
