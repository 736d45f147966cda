"""A file played over and over on some mounts: one clip programme after the other, each asked for
before the one before it ends, so that no mount ever waits for Python.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from loa.native.engine import TICKS_A_SECOND, Clip, Engine
from loa.native.error import NativeError

AHEAD_TICKS = 10 * TICKS_A_SECOND
MOST_AHEAD = 5
"""Rounds planned at a time; the engine plans eight changes of a mount."""

Told = Callable[[list[int], int, int], None]
"""Called before mounts are told to carry a round: their numbers, its programme, its first tick."""


class Playout:
    """One clip in a loop from ``start`` on, for the mounts that began it together.

    ``audio`` is what the clip is known by.
    """

    def __init__(
        self, engine: Engine, file: str, clip: Clip, start: int, told: Told, audio: str = ""
    ) -> None:
        self.file = file
        self.audio = audio
        self.ticks = clip.ticks
        self.start = start
        self.mounts: set[int] = set()
        self._engine = engine
        self._clip = clip
        self._told = told
        self._end = start
        self._rounds: deque[tuple[int, int]] = deque()  # handle, first tick

    def open(self) -> int:
        """Open the first round, which nobody carries yet; return its programme.

        Raises ``NativeError`` when the engine has no room.
        """
        handle = self._engine.open_clip(self._clip, self.start)
        self._rounds.append((handle, self.start))
        self._end = self.start + self._clip.ticks
        return handle

    def join(self, mounts: Iterable[int], tick: int) -> None:
        """Let these mounts carry it from ``tick`` on, which is not before ``start``."""
        numbers = sorted(mounts)
        self.mounts.update(numbers)
        rounds = [(handle, first) for handle, first in self._rounds if first > tick]
        for handle, first in [(self.handle_at(tick), tick), *rounds]:
            self._tell(numbers, handle, first)
        with suppress(NativeError):  # ``advance`` asks again
            self._plan(self._engine.tick)

    def advance(self, tick: int) -> None:
        """Plan on as time goes by; call it whenever a round has ended.

        Raises ``NativeError`` when the engine has no room: call it again later.
        """
        while len(self._rounds) > 1 and self._rounds[1][1] <= tick:
            self._rounds.popleft()
        self._plan(tick)

    def plays(self, handle: int) -> bool:
        """Say whether this programme is one of its rounds."""
        return any(handle == round_handle for round_handle, _ in self._rounds)

    def handle_at(self, tick: int) -> int:
        """Return the programme of the round at a tick that has been planned; 0: none."""
        return next((handle for handle, first in reversed(self._rounds) if first <= tick), 0)

    def leave(self, mounts: Iterable[int]) -> list[int]:
        """These mounts carry something else soon (which cancelled what was planned for them).

        Returns the programmes that nobody will carry then: cut them a little later.
        """
        self.mounts.difference_update(mounts)
        if self.mounts:
            return []
        return [handle for handle, _ in self._rounds]

    def _tell(self, numbers: list[int], handle: int, first: int) -> None:
        self._told(numbers, handle, first)
        self._engine.carry(numbers, handle, first)

    def _plan(self, tick: int) -> None:
        while self.mounts and self._end < tick + AHEAD_TICKS and len(self._rounds) < MOST_AHEAD:
            # After a long stall of ours the end of the last round may be past.
            self._end = max(self._end, tick + 1)
            self._round()

    def _round(self) -> None:
        handle = self._engine.open_clip(self._clip, self._end)
        self._tell(sorted(self.mounts), handle, self._end)
        self._rounds.append((handle, self._end))
        self._end += self._clip.ticks
