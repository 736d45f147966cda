"""Whoever must know what mounts carry, and are going to carry, as soon as the engine is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from loa.native.engine import Event
from loa.streamer.air.asrun import Airing


class Follower(Protocol):
    """Told by the director, on the loop: first what a programme is, then who is to carry it."""

    def expect(self, mounts: Sequence[int], handle: int, airing: Airing) -> None:
        """These mounts are about to carry this programme, which is this to all of them."""

    def told(self, mounts: Sequence[int], handle: int, tick: int) -> None:
        """The engine was told to let them carry it from ``tick`` on.

        That replaces what it was told for these mounts at or after ``tick`` before. It may still be
        replaced itself, or come later: what happens is told by the event.
        """

    def on_event(self, event: Event) -> None:
        """Something happened."""
