"""2,000 simulated receivers over TLS: an emergency, a restart of the server, and doing nothing.

The server is the whole one, with 2,111 areas and a receiver in each of 2,000 villages, so that each
has a mount of its own. The boxes are two processes of ``loa fleet`` on the same cores: the real
link, clock and sequencer, no sound cards. They keep the default delay of their group (700 ms), but
an emergency sounds at once. *First sound* is when the sequencer gives the first packet to what
would be the device, whose own buffer (40 to 80 ms) comes on top.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable

from benchmarks.district import District
from benchmarks.load import need_descriptors
from benchmarks.pace import pace, slack, told
from benchmarks.rows import Row, percentile
from loa.receivers.fleet.crew import Crew
from loa.receivers.fleet.profile import Profile

COUNT = 2000
PROCESSES = 2
JOIN = 20.0
UP_WITHIN = 300.0
FIRST_SOUND = 1.0
BACK_WITHIN = 10.0
SILENT = 3.0


def run_emergency(quick: bool) -> list[Row]:
    """From the call of the API to the first sound of every box."""
    need_descriptors(8 * COUNT // PROCESSES + 500)
    turns = 2 if quick else 5
    took: list[float] = []
    late, paces = 0.0, []
    missing, cpu = 0, 0.0
    with District(COUNT) as district, crew_of(district) as crew:
        crew.wait_up(COUNT, UP_WITHIN)
        time.sleep(SILENT)
        for _ in range(turns):
            paces.append(pace())
            lateness = Timer()
            begun = district.cpu()
            with lateness:
                called, sent = district.emergency()
                time.sleep(3)
                wait(lambda: heard_again(crew, called, sent) >= COUNT, 20)  # noqa: B023
            cpu = max(cpu, district.cpu() - begun)
            onsets = [o for o in crew.onsets(sent) if o[4] == called]
            first: dict[int, float] = {}
            for onset in onsets:
                first[onset[0]] = min(first.get(onset[0], 1e9), onset[1] - sent)
            missing += COUNT - len(first)
            took += first.values()
            late = max(late, lateness.p99)
            district.silence(called)
            time.sleep(SILENT)
        status = crew.status()
    p95, last = percentile(took, 0.95), max(took)
    note = (
        f"p50 {percentile(took, 0.5):.2f} s, {turns} calls; {cpu:.1f} s of CPU a call at most;"
        f" {told(paces)}"
    )
    return [
        Row(f"{COUNT} boxes, emergency: call to first sound, p95", p95, "s", FIRST_SOUND,
            slack=late + slack(FIRST_SOUND, paces), note=note),
        Row(f"{COUNT} boxes, emergency: the last one", last, "s"),
        Row(f"{COUNT} boxes, emergency: boxes that did not sound", missing, "", 0,
            note=f"{status['failed']:.0f} mistakes of parts"),
    ]  # fmt: skip


def run_return(quick: bool) -> list[Row]:
    """The server is killed and started again, in silence and then in an emergency: when have all
    boxes a session, and when do all of them sound it again?"""
    need_descriptors(8 * COUNT // PROCESSES + 500)
    with District(COUNT, seconds=60) as district, crew_of(district) as crew:
        crew.wait_up(COUNT, UP_WITHIN)
        silent = Restart(district, crew)
        back = crew.wait_up(COUNT, UP_WITHIN) - silent.listens
        quiet = silent.told()
        time.sleep(SILENT)
        called, sent = district.emergency()
        time.sleep(4)
        there = len({o[0] for o in crew.onsets(sent) if o[4] == called})
        again = Restart(district, crew)
        hearing = wait(lambda: heard_again(crew, called, again.killed) >= COUNT, 90) - again.listens
        mistakes = crew.status()["failed"]
        loud = again.told()
    return [
        Row(f"{COUNT} boxes after a restart: all have a session", back, "s", BACK_WITHIN,
            slack=slack(BACK_WITHIN, silent.paces), note=quiet),
        Row(f"{COUNT} boxes after a restart in an emergency: all sound it again", hearing, "s",
            note=f"{loud}; {there} sounded before; {mistakes:.0f} mistakes of parts"),
    ]  # fmt: skip


class Restart:
    """The server is killed, and started again after two seconds; times of ``time.monotonic``."""

    def __init__(self, district: District, crew: Crew) -> None:
        self._district, self._crew = district, crew
        district.stop(signal.SIGKILL)
        self.killed = time.monotonic() + 0.5
        time.sleep(2)
        self.paces = [pace()]
        self.listens = district.start()
        self._own = crew.status()["cpu"]

    def told(self) -> str:
        """Say what it has cost until now. On two cores the boxes' own TLS is half of the work."""
        self.paces.append(pace())
        server, boxes = self._district.cpu(), self._crew.status()["cpu"] - self._own
        return (
            f"CPU: {server:.1f} s of the server's, its start included, {boxes:.1f} s of the"
            f" boxes'; {self._district.memory():.0f} MB; {told(self.paces)}"
        )


def run_idle(quick: bool) -> list[Row]:
    """What 2,000 boxes cost that do nothing, with the server and with the boxes' own processes."""
    need_descriptors(8 * COUNT // PROCESSES + 500)
    seconds = 20.0 if quick else 60.0
    with District(COUNT) as district:
        alone = district.memory()
        with crew_of(district) as crew:
            crew.wait_up(COUNT, UP_WITHIN)
            time.sleep(10)
            before, cpu = crew.status(), district.cpu()
            time.sleep(seconds)
            after, cpu = crew.status(), district.cpu() - cpu
            memory = district.memory()
    own = (after["cpu"] - before["cpu"]) / seconds
    return [
        Row(f"{COUNT} boxes idle: the server", cpu / seconds, "core",
            note=f"{seconds:g} s; heartbeats every 50 s"),
        Row(f"{COUNT} boxes idle: the server's memory", memory, "MB",
            note=f"{alone:.0f} without boxes: {1000 * (memory - alone) / COUNT:.0f} kB each"),
        Row(f"{COUNT} boxes idle: simulated, all together", own, "core",
            note=f"{after['memory']:.0f} MB in {PROCESSES} processes:"
            f" {1000 * after['memory'] / COUNT:.0f} kB each"),
    ]  # fmt: skip


def crew_of(district: District) -> Crew:
    """Switch all boxes of a district on."""
    return Crew(district.root, district.numbers, Profile(), processes=PROCESSES, join_seconds=JOIN)


def heard_again(crew: Crew, called: int, since: float) -> int:
    """How many boxes began to sound an emergency (again) since then."""
    return len({o[0] for o in crew.onsets(since) if o[4] == called})


def wait(done: Callable[[], bool], seconds: float) -> float:
    """Wait until it is so; return when. Infinite when it was not in that time."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            return float("inf")
        time.sleep(0.2)
    return time.monotonic()


class Timer:
    """A bare timer thread beside a measurement: ``p99`` is how late the machine itself was, s."""

    def __init__(self) -> None:
        self._late: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    @property
    def p99(self) -> float:
        return percentile(self._late or [0.0], 0.99)

    def _run(self) -> None:
        at = time.monotonic()
        while not self._over.is_set():
            at += 0.02
            time.sleep(max(0.0, at - time.monotonic()))
            self._late.append(max(0.0, time.monotonic() - at))
            at = max(at, time.monotonic())

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
