"""How the box is, told to the server: when a session begins, every while, and at once if need be.

``Reporter`` (pure) decides when to tell what; ``Vitals`` asks the box's other parts, which are
added as sources, and sends. All of it is small: a day of the usual 96 messages is under 50 KB with
everything that TCP and TLS put around.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import FromServer, Health, Message, Welcome
from loa.codecs.control.vitals import Threshold, compose
from loa.receivers.parts import DayClock, Line

LOOK_EVERY = 10.0
"""Seconds between two looks at everything."""
AT_MOST_EVERY = 30.0
"""Seconds between two messages, whatever happens."""
JITTER = 20.0
"""Seconds within which boxes tell their health after they came: 2,000 may come at once."""

log = logging.getLogger(__name__)


THRESHOLDS: tuple[Threshold, ...] = (
    Threshold("output_trouble", 1, 0),
    Threshold("mains", 0, 1),
    Threshold("undervoltage", 2, 1),
    Threshold("battery_percent", 20, 30),
    Threshold("temperature_c", 75, 68),
    Threshold("signal_percent", 10, 20),
    Threshold("storage_free_mb", 100, 150),
    Threshold("memory_free_mb", 30, 45),
    Threshold("clock_trust", 0, 1),
    Threshold("self_test_failed", 1, 0),
)
"""What is told at once. When it is an alert, the server decides, by its own thresholds."""


class Reporter:
    """Decides what is told when. Pure: ``now`` is monotonic, ``unix`` the time of day."""

    def __init__(self, every: float = 900.0, thresholds: Sequence[Threshold] = THRESHOLDS) -> None:
        self.every = every
        self._thresholds = thresholds
        self._bad: dict[str, bool] = {}
        self._due: float | None = None
        self._last = float("-inf")
        self._texts: dict[str, str] | None = None

    def joined(self, now: float, delay: float) -> None:
        """A session began: everything is told after ``delay`` seconds."""
        self._due = now + delay
        self._texts = None

    def parted(self) -> None:
        """It ended: nothing is told."""
        self._due = None

    def look(
        self, now: float, unix: float, values: Mapping[str, float], texts: Mapping[str, str]
    ) -> list[Health]:
        """Return what is to be sent now: nothing, or values and, when they changed, texts."""
        bad = {
            t.name: t.judge(values[t.name], self._bad.get(t.name, False))
            for t in self._thresholds
            if t.name in values
        }
        crossed = any(is_bad is not self._bad.get(name, False) for name, is_bad in bad.items())
        self._bad.update(bad)
        if self._due is None:
            return []
        if crossed:
            # Before the session's first message nothing is gained by it, and the herd stays apart.
            self._due = min(self._due, max(now, self._last + AT_MOST_EVERY))
        if now < self._due:
            return []
        self._last, self._due = now, now + self.every
        found = [compose(unix, values, {})]
        if (said := {name: text for name, text in texts.items() if text}) != self._texts:
            found.append(compose(unix, {}, said))
            self._texts = said
        return found


class Source(Protocol):
    """A part of the box that can tell something: quickly, and on the loop."""

    def __call__(self) -> Mapping[str, float | str]:
        """Return values and texts by their names (``codecs/control/vitals.py``)."""


class Vitals:
    """A ``Part``. Add what can tell something, then ``run`` it until the box ends.

    ``add(source)`` for what is at hand on the loop, ``add_slow`` for what reads files or asks a
    modem: that is called in a thread, one after the other.
    """

    takes: Sequence[type[Message | Audio | Piece]] = ()

    def __init__(
        self, line: Line, day: DayClock, clock: Callable[[], float], *, every: float = 900.0,
        jitter: float = JITTER,
    ) -> None:  # fmt: skip
        self.counters: dict[str, int] = {}
        self.values: dict[str, float] = {}
        """As of the last look; for the box's own status."""
        self.texts: dict[str, str] = {}
        self._line, self._day, self._clock = line, day, clock
        self._jitter = jitter
        self._reporter = Reporter(every)
        self._sources: list[Source] = []
        self._slow: list[Source] = []
        self._since: float | None = None

    def add(self, source: Source) -> None:
        """Ask this one, too, on the loop."""
        self._sources.append(source)

    def add_slow(self, source: Source) -> None:
        """Ask this one, too, in a thread."""
        self._slow.append(source)

    def set_every(self, seconds: float) -> None:
        """Tell every so many seconds from now on (``Settings.health_every``)."""
        self._reporter.every = seconds

    # --- Part

    def welcomed(self, welcome: Welcome) -> None:
        """A session began."""
        self._since = self._clock()
        self._reporter.joined(self._since, random.uniform(0, self._jitter))

    def parted(self) -> None:
        """It ended."""
        self._since = None
        self._reporter.parted()

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        """Nothing is taken."""

    # --- looking

    async def run(self) -> None:
        """Look and tell, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Look at everything once, and send what is to be told."""
        found: dict[str, float | str] = {}
        for source in self._sources:
            found.update(self._ask(source))
        if self._slow:
            found.update(await asyncio.to_thread(self._ask_slow))
        now = self._clock()
        if self._since is not None:
            found["online_s"] = int(now - self._since)
        self.values = {k: float(v) for k, v in found.items() if not isinstance(v, str)}
        self.texts = {k: v for k, v in found.items() if isinstance(v, str)}
        unix = self._day.unix(now) or 0.0
        for message in self._reporter.look(now, unix, self.values, self.texts):
            if self._line.send(message):
                self._count("health.sent")
            else:
                self._count("health.not_sent")

    def _ask_slow(self) -> dict[str, float | str]:
        found: dict[str, float | str] = {}
        for source in self._slow:
            found.update(self._ask(source))
        return found

    def _ask(self, source: Source) -> Mapping[str, float | str]:
        try:
            return source()
        except Exception:
            # One part that cannot tell must not keep the others from it.
            self._count("health.sources_failed")
            log.debug("a part cannot tell how it is", exc_info=True)
            return {}

    def _count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1
