"""What happens to one simulated receiver: drawn from the profile, the same for the same seed.

Pure. Times are seconds since the fleet's start. What a line loses, TCP sends again: the reader sees
no loss, but a message, and all behind it, that comes later. ``Way`` computes by how much, by what
Linux does on such thin streams: a tail-loss probe after two round trips; then either the
acknowledgement of what was sent later tells of the loss (RFC 8985), or the retransmission timer
does (round trip and 200 ms), which doubles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from loa.receivers.fleet.profile import Line, Profile

SEGMENT = 1348
"""Bytes of a message in one packet."""
LEAST_TIMEOUT = 0.2
LATER_DATA = 0.2
"""Seconds until the next message leaves, whose acknowledgement tells of a loss before it."""
MOST_TIMEOUT = 60.0
MOST_TRIES = 12


@dataclass(frozen=True, slots=True)
class Mishap:
    """From ``start`` until ``end``. ``kind``: outage (nothing gets through, and nobody is told) or
    power (the box is dead, and begins anew with what is on its disk)."""

    start: float
    end: float
    kind: str


@dataclass(frozen=True, slots=True)
class Fate:
    """One receiver's. ``clock``: by how many seconds its clock is wrong, and leaps at ``leaps``
    (when, by how much); ``drift`` is its rate's error (1e-6: one ppm)."""

    delay: float
    clock: float
    drift: float
    mishaps: tuple[Mishap, ...]
    leaps: tuple[tuple[float, float], ...]


def draw(profile: Profile, number: int, seconds: float) -> Fate:
    """Return what receiver ``number`` has to bear in so many seconds; mishaps do not overlap."""
    random = Random(f"{profile.seed}/{number}")
    line, clock = profile.line, profile.clock
    delay = random.uniform(*line.delay_ms) / 1000
    wrong = random.uniform(*clock.wrong_seconds) * random.choice((-1, 1))
    wrong = wrong if random.random() < clock.wrong else 0.0
    drift = max(-300.0, min(300.0, random.gauss(0.0, clock.drift_ppm))) / 1e6
    found: list[Mishap] = []
    for kind, own in (("outage", profile.outages), ("power", profile.power)):
        at = random.expovariate(1 / own.every_seconds) if own.every_seconds else seconds
        while at < seconds:
            lasts = random.uniform(*own.seconds)
            found.append(Mishap(at, at + lasts, kind))
            at += lasts + random.expovariate(1 / own.every_seconds)
    leaps = []
    for event in profile.event:
        chosen = random.random() < event.share
        at = event.at + random.uniform(0.0, event.spread_seconds)
        if not chosen or at >= seconds:
            continue
        if event.kind == "clock":
            leaps.append((at, event.seconds * random.choice((-1, 1))))
        else:
            found.append(Mishap(at, at + event.seconds, event.kind))
    apart: list[Mishap] = []
    for mishap in sorted(found, key=lambda each: each.start):
        if not apart or mishap.start > apart[-1].end + 1.0:
            apart.append(mishap)
    return Fate(delay, wrong, drift, tuple(apart), tuple(sorted(leaps)))


@dataclass(slots=True)
class Way:
    """One direction of a receiver's connection; ``delay`` in seconds, one way."""

    line: Line
    delay: float
    random: Random
    bad: bool = False
    busy: float = 0.0
    last: float = 0.0
    lost: int = field(default=0)

    def arrives(self, now: float, size: int) -> float:
        """Return when a message of ``size`` bytes that is sent at ``now`` can be read there."""
        start = now
        if self.line.rate_kbit:
            start = self.busy = max(now, self.busy) + size / (self.line.rate_kbit * 125)
        due = start + self.delay + self.line.jitter_ms / 1000 * self.random.random()
        if self.line.loss:
            due += max(self._again() for _ in range(1 + size // SEGMENT))
        self.last = max(self.last, due)
        return self.last

    def _again(self) -> float:
        """Return the seconds until a packet gets through, beyond its first delay."""
        round_trip = 2 * self.delay + self.line.jitter_ms / 1000
        timeout = round_trip + LEAST_TIMEOUT
        told = LATER_DATA + 1.25 * round_trip
        wait = 0.0
        for attempt in range(MOST_TRIES):
            if not self._loses():
                break
            self.lost += 1
            wait += max(0.01, 2 * round_trip) if attempt == 0 else min(told, timeout)
            timeout = timeout if attempt == 0 else min(MOST_TIMEOUT, 2 * timeout)
        return wait

    def _loses(self) -> bool:
        """Gilbert's model, as in ``benchmarks.lines``: state by packet, not by time."""
        leave = 1 / self.line.burst
        enter = self.line.loss * leave / (1 - self.line.loss)
        if self.line.burst == 1:
            return self.random.random() < self.line.loss
        self.bad = self.random.random() >= leave if self.bad else self.random.random() < enter
        return self.bad
