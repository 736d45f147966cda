"""Counts of what happened, by name: the one place where refusals, drops and errors are added up."""

from __future__ import annotations

import threading


class Counters:
    """Plain integers by name, from zero at start; any thread may add or read.

    Names are dotted and belong to a fixed set in the code (never part of what a peer sent), so that
    the table stays small: ``"sources.refused.busy"``, ``"listeners.refused.full"``.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def add(self, name: str, n: int = 1) -> None:
        """Add ``n`` to the count called ``name``."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + n

    def snapshot(self) -> dict[str, int]:
        """Return a copy of all counts that have been added to, by name."""
        with self._lock:
            return dict(self._counts)
