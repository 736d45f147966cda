"""A file played over and over on some mounts: one clip programme after the other, each asked for
before the one before it ends, so that no mount ever waits for Python.
"""

from __future__ import annotations

from collections import deque

from loa.native.engine import TICKS_A_SECOND, Clip, Engine
from loa.native.error import NativeError

AHEAD_TICKS = 10 * TICKS_A_SECOND
MOST_AHEAD = 4
"""Rounds planned at a time; the engine plans eight changes of a mount."""


class Playout:
    """One clip in a loop from ``start`` on, for the mounts that began it together."""

    def __init__(self, engine: Engine, file: str, clip: Clip, start: int) -> None:
        self.file = file
        self.start = start
        self.mounts: set[int] = set()
        self._engine = engine
        self._clip = clip
        self._end = start
        self._rounds: deque[tuple[int, int]] = deque()  # handle, first tick

    def begin(self, mounts: set[int]) -> None:
        """Let these mounts carry the first round and those after it.

        Raises ``NativeError`` when not even the first is taken; later ones ``advance`` asks for.
        """
        self.mounts = set(mounts)
        try:
            self._plan(self._engine.tick)
        except NativeError:
            if not self._rounds:
                raise

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

    def leave(self, mounts: set[int]) -> list[int]:
        """These mounts carry something else soon (which cancelled what was planned for them).

        Returns the programmes that nobody will carry then: cut them a little later.
        """
        self.mounts -= mounts
        if self.mounts:
            return []
        idle = [handle for handle, _ in self._rounds]
        self._rounds.clear()
        return idle

    def _plan(self, tick: int) -> None:
        while self.mounts and (
            not self._rounds or (self._end < tick + AHEAD_TICKS and len(self._rounds) < MOST_AHEAD)
        ):
            # After a long stall of ours the end of the last round may be past.
            self._end = max(self._end, tick + 1)
            handle = self._engine.open_clip(self._clip, self._end)
            self._engine.carry(sorted(self.mounts), handle, self._end)
            self._rounds.append((handle, self._end))
            self._end += self._clip.ticks
