"""The server's timeline, from timed exchanges over a line that delays them as it likes. Pure.

An exchange (``Ping`` out, ``Pong`` back) proves one thing: the tick that it names was between its
leaving and its coming back. So each bounds the offset of the two clocks from both sides, and all
together bound it far better than any one: the lower bound is that of the quickest way there, the
upper one that of the quickest way back, whatever queues on one side only. What lies before is worth
less, by as much as the clocks may have drifted apart since then; the drift is learnt.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from loa.codecs.control.messages import Pong, Welcome

TICK = 0.02
"""Seconds."""
KEPT = 32
"""Exchanges that bound the offset."""
ANCHORS = 96
"""Offsets at times passed, from which the drift is learnt."""
ANCHOR_EVERY = 50.0
LIKELY_DRIFT = 60e-6
"""The standard deviation of two crystals against each other, before anything is known of them."""
MOST_DRIFT = 300e-6
LEAST_DOUBT = 1e-6
"""Of a learnt drift: crystals wander with the weather."""
STEP = 0.05
"""Seconds by which an exchange must contradict all others before it counts as doing so."""
STRIKES = 3
"""Contradictions in a row after which it is the others that are wrong."""
HANDSHAKE = 0.2
"""How old a ``Welcome`` may be: good until the first exchange."""
BURST, BURST_EVERY = 6, 0.35
AGAIN = 2
"""Exchanges at the beginning of a session whose timeline is known well already."""
WELL_KNOWN = 0.010
TOGETHER_EVERY = 8.0
"""While a synchronized group plays."""


@dataclass(frozen=True, slots=True)
class _Exchange:
    """``low`` and ``high`` bound the offset (local seconds minus the timeline's) at ``at``."""

    at: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class _Anchor:
    at: float
    offset: float
    doubt: float


class Clock:
    """The ``ServerClock`` of a box; times are monotonic seconds of the box.

    ``together``: a synchronized group plays, and exactness is worth bytes. Call ``welcomed`` and
    ``parted`` with the sessions, ``asked`` for each ``Ping`` sent, ``pong`` for each answer, and
    send a ``Ping`` when ``due`` says so (the heartbeat apart).
    """

    def __init__(self) -> None:
        self.together = False
        self.exchanges = 0
        self.contradicted = 0
        """Exchanges that could not be true together with those before."""
        self.resets = 0
        """Times that the timeline was another one all at once."""
        self._kept: deque[_Exchange] = deque(maxlen=KEPT)
        self._anchors: deque[_Anchor] = deque(maxlen=ANCHORS)
        self._reference = 0.0
        self._offset: float | None = None
        self._doubt = math.inf
        self._drift = 0.0
        self._drift_doubt = 2 * LIKELY_DRIFT
        self._supposed = False
        self._strikes = 0
        self._fresh = False
        self._unix: tuple[float, float] | None = None
        self._session = False
        self._burst = 0
        self._asked = -math.inf

    # --- what it says

    def tick(self, now: float) -> float | None:
        """Return the place on the timeline at ``now``; None while it is unknown."""
        if self._offset is None:
            return None
        return (now - self._offset - self._drift * (now - self._reference)) / TICK

    def when(self, tick: float) -> float | None:
        """Return the time at which a tick is or was complete; None while it is unknown."""
        if self._offset is None:
            return None
        since = tick * TICK + self._offset - self._reference
        return self._reference + since / (1 - self._drift)

    def unix(self, now: float) -> float | None:
        """Return the server's time of day, as this session tells it; None without a session."""
        at = self.tick(now)
        if self._unix is None or at is None:
            return None
        tick, unix = self._unix
        return unix + (at - tick) * TICK

    def doubt(self, now: float) -> float:
        """Return by how many seconds the timeline may be wrong now."""
        return self._doubt + self._drift_doubt * abs(now - self._reference)

    @property
    def drift_ppm(self) -> float:
        """By how much this box's clock is faster than the server's, as far as it is known."""
        return self._drift * 1e6

    # --- what it is told

    def suppose(self, tick: float, now: float) -> None:
        """Take a timeline for granted until a server tells; nothing when one is known."""
        if self._offset is None:
            self._begin(now, now - tick * TICK, math.inf)
            self._supposed = True

    def welcomed(self, welcome: Welcome, now: float) -> float:
        """A session begins. Returns by how many ticks the timeline leapt (0: none, or unknown)."""
        self._session, self._fresh, self._strikes = True, True, 0
        leapt = 0.0
        at = self.tick(now)
        offset = now - HANDSHAKE / 2 - welcome.tick * TICK
        if at is None or self._supposed or abs(at - welcome.tick) * TICK > 5.0:
            leapt = self._restart(now, offset)
        self._unix = (welcome.tick, welcome.unix)
        self._burst = AGAIN if self.doubt(now) < WELL_KNOWN else BURST
        return leapt

    def parted(self) -> None:
        """The session ended; the timeline runs on."""
        self._session = False
        self._unix = None
        self._burst = 0

    def asked(self, now: float) -> None:
        """A ``Ping`` left, for whatever reason."""
        self._asked = now
        self._burst = max(0, self._burst - 1)

    def hurry(self, now: float) -> None:
        """A group is about to play: know the time well soon."""
        if self._session and self.doubt(now) > WELL_KNOWN:
            self._burst = max(self._burst, BURST - 2)

    def due(self, now: float) -> float:
        """Return when the next exchange is worth its bytes; infinite: the heartbeats will do."""
        if not self._session:
            return math.inf
        if self._burst > 0:
            return max(now, self._asked + BURST_EVERY)
        return max(now, self._asked + TOGETHER_EVERY) if self.together else math.inf

    def pong(self, pong: Pong, now: float) -> float:
        """Take an answer that arrived at ``now``. Returns by how many ticks the timeline leapt.

        What cannot be an answer to a question of ours is passed over.
        """
        if not now - 60.0 < pong.sent <= now or not self._session:
            return 0.0
        if not (math.isfinite(pong.tick) and math.isfinite(pong.unix)):
            return 0.0
        self.exchanges += 1
        one = _Exchange(now, pong.sent - pong.tick * TICK, now - pong.tick * TICK)
        self._unix = (pong.tick, pong.unix)
        leapt = 0.0
        if not math.isfinite(self._doubt):
            leapt = self._restart(now, (one.low + one.high) / 2)
        elif self._contradicts(one, now):
            self.contradicted += 1
            self._strikes += 1
            if not self._fresh and self._strikes < STRIKES:
                return 0.0
            leapt = self._restart(now, (one.low + one.high) / 2)
        self._fresh, self._strikes = False, 0
        self._kept.append(one)
        self._bound(now)
        self._learn(now)
        return leapt

    # --- inside

    def _begin(self, now: float, offset: float, doubt: float) -> None:
        self._reference, self._offset, self._doubt = now, offset, doubt

    def _restart(self, now: float, offset: float) -> float:
        """Another timeline: forget all but how fast our clock runs."""
        before = self.tick(now)
        known = math.isfinite(self._doubt)
        self._kept.clear()
        self._anchors.clear()
        self._supposed = False
        self._begin(now, offset, math.inf)
        after = self.tick(now)
        if before is None or after is None:
            return 0.0
        if known:
            self.resets += 1
        return after - before

    def _contradicts(self, one: _Exchange, now: float) -> bool:
        assert self._offset is not None
        offset = self._offset + self._drift * (now - self._reference)
        most = self.doubt(now) + STEP
        return one.low > offset + most or one.high < offset - most

    def _bound(self, now: float) -> None:
        low, high = -math.inf, math.inf
        for each in self._kept:
            age = now - each.at
            moved, slack = self._drift * age, self._drift_doubt * age
            low = max(low, each.low + moved - slack)
            high = min(high, each.high + moved + slack)
        # Bounds that cross are a drift that was learnt a little wrong: the truth lies about there.
        self._begin(now, (low + high) / 2, abs(high - low) / 2)

    def _learn(self, now: float) -> None:
        """Learn the drift: a weighted line through the anchors, drawn to nothing by what is likely
        (the least squares of a Gaussian prior and Gaussian errors)."""
        if self._anchors and now < self._anchors[-1].at + ANCHOR_EVERY:
            return
        since = max(now - ANCHOR_EVERY, self._anchors[-1].at if self._anchors else -math.inf)
        low, high = -math.inf, math.inf
        for each in self._kept:
            if each.at > since:
                moved = self._drift * (now - each.at)
                low, high = max(low, each.low + moved), min(high, each.high + moved)
        if not math.isfinite(high - low):
            return
        self._anchors.append(_Anchor(now, (low + high) / 2, abs(high - low) / 2 + 0.0005))
        if len(self._anchors) < 2:
            return
        first = self._anchors[0]
        total = at = offset = 0.0
        for anchor in self._anchors:
            weight = anchor.doubt**-2
            total += weight
            at += weight * (anchor.at - first.at)
            offset += weight * (anchor.offset - first.offset)
        at, offset = at / total, offset / total
        spread, slope = LIKELY_DRIFT**-2, 0.0
        for anchor in self._anchors:
            weight, aside = anchor.doubt**-2, anchor.at - first.at - at
            spread += weight * aside * aside
            slope += weight * aside * (anchor.offset - first.offset - offset)
        self._drift = min(max(slope / spread, -MOST_DRIFT), MOST_DRIFT)
        self._drift_doubt = 2 / math.sqrt(spread) + LEAST_DOUBT
