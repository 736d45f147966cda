"""When a box sends of its journal, and how much: pure.

One message at a time is under way, and again when it is not receipted. Live audio goes first: while
something is on air little is sent, and much waits for its end, though not for ever. What every box
has to say at the same time (a bulletin is over) is spread over some seconds.
"""

from __future__ import annotations

from collections.abc import Callable

FEW = 20
"""Lines that may be sent while something is on air."""
MOST = 200
PATIENCE = 1800.0
"""Seconds that many lines wait for the end of what is on air."""
AGAIN = (60.0, 600.0)
"""Seconds after which what was not receipted is sent again: at first, and at most."""
SPREAD = 10.0
"""Seconds over which boxes that have something to say at the same time spread it."""


class Pacing:
    """See the module. ``receipted`` is the newest number that the server has, as far as is known.

    ``chance``: a random number between two, ``random.uniform``. Times are monotonic seconds.
    """

    def __init__(self, chance: Callable[[float, float], float]) -> None:
        self._chance = chance
        self.receipted = 0
        self.under_way: int | None = None
        """The newest number of what was sent and is not receipted."""
        self._ready = False
        self._again_at = 0.0
        self._wait = AGAIN[0]
        self._due: float | None = None
        self._since: float | None = None

    def parted(self) -> None:
        """There is no session, or a new one whose first receipt has not come."""
        self._ready = False
        self.under_way = None

    def wrote(self, now: float) -> None:
        """A line was written."""
        if self._since is None:
            self._since = now
            self._due = now + self._chance(0.0, SPREAD)

    def first(self, now: float) -> None:
        """A receipt came, of whatever chain: the server is ready to take something.

        The first one of a session says what it has, which may be less than it had: it may have been
        restored from a backup.
        """
        if not self._ready:
            self._ready = True
            self.receipted = 0
            self._since = now
            self._due = now + self._chance(0.0, SPREAD)

    def receipt(self, number: int, newest: int, on_air: bool, now: float) -> None:
        """The server has everything up to ``number``; ``newest``: what there is."""
        self.receipted = max(self.receipted, number)
        if self.under_way is not None and number >= self.under_way:
            self.under_way = None
            self._wait = AGAIN[0]
            if self.receipted == newest:
                self._since = None
            if on_air:
                self._due = now + SPREAD

    def anew(self) -> None:
        """Another chain was begun: the server has nothing of it."""
        self.receipted = 0
        self.under_way = None

    def again(self, now: float) -> bool:
        """Say whether what is under way is to be sent again, once."""
        if self.under_way is None or now < self._again_at:
            return False
        self.under_way = None
        self._wait = min(2 * self._wait, AGAIN[1])
        return True

    def lines(self, waiting: int, on_air: bool, now: float) -> int:
        """Return how many lines may be sent now, 0 for none."""
        if not self._ready or self.under_way is not None or waiting <= 0:
            return 0
        if self._due is not None and now < self._due:
            return 0
        if not on_air:
            return MOST
        patient = self._since is None or now - self._since < PATIENCE
        return 0 if waiting > FEW and patient else FEW

    def sent(self, number: int, now: float) -> None:
        """Lines up to ``number`` were sent."""
        self.under_way = number
        self._again_at = now + self._wait
        self._due = None
