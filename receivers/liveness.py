"""Whether the connection lives: when to ask, and when to give it up. Pure."""

from __future__ import annotations

PONG_WITHIN = 10.0
STREAM_DEAD = 5.0
"""Seconds without a byte while audio is coming, after which there is no connection any more."""
DOUBT_WITHIN = 5.0


class Liveness:
    """One session's. All times are monotonic seconds. ``streaming``: audio is coming."""

    def __init__(self, now: float, heartbeat: float = 50.0) -> None:
        self.heartbeat = min(max(heartbeat, 1.0), 600.0)
        self.streaming = False
        self._received = now
        self._sent = now
        self._asked: float | None = None
        self._doubted = False
        self._within = PONG_WITHIN

    def received(self, now: float) -> None:
        """Something came."""
        self._received = now
        self._asked = None

    def sent(self, now: float) -> None:
        """Something was sent."""
        self._sent = now

    def pinged(self, now: float) -> None:
        """A ping is on its way: something has to come."""
        self._sent = now
        if self._asked is None:
            self._asked = now
            self._within = DOUBT_WITHIN if self._doubted else PONG_WITHIN
            self._doubted = False

    def doubt(self, now: float) -> None:
        """The network changed: ask now, and wait less long."""
        self._sent = now - self.heartbeat
        self._doubted = True

    def ping_due(self, now: float) -> bool:
        """Say whether to ask."""
        if now - self._sent >= self.heartbeat:
            return True
        return self._asked is None and self.streaming and now - self._received >= STREAM_DEAD / 2

    def dead(self, now: float) -> bool:
        """Say whether to give the connection up."""
        if self._asked is None:
            return False
        if self.streaming and now - self._received >= STREAM_DEAD:
            return True
        return now - self._asked >= self._within

    def next(self, now: float) -> float:
        """Return when to look again at the latest."""
        at = self._sent + self.heartbeat
        if self._asked is not None:
            at = min(at, self._asked + self._within)
        if self.streaming:
            at = min(at, self._received + STREAM_DEAD / 2)
        return max(at, now)
