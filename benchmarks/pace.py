"""How fast the machine is just now: a fixed piece of work, beside what it takes at its best.

A shared machine may be half as fast as an hour before, and nothing in it says so. What is judged in
seconds of work (a page until one can use it, thousands of handshakes) is measured with this beside
it; the figure is told as it is, and its bound is given as slack by what the machine was slower.
"""

from __future__ import annotations

import statistics
import time

TURNS = 1_000_000
BEST_S = 0.024
"""What ``TURNS`` take on the machine on which the budgets were set, left alone."""


def pace() -> float:
    """Return how many times longer work takes now than at the machine's best; 1 at least."""
    return max(1.0, min(_once() for _ in range(3)) / BEST_S)


def slack(bound: float, paces: list[float]) -> float:
    """Return what ``bound``, a time, is stretched by, from the middle of some paces."""
    return bound * (statistics.median(paces) - 1.0)


def told(paces: list[float]) -> str:
    """Say it in a row's note."""
    return f"work took {statistics.median(paces):.2f} × as long as at the machine's best"


def _once() -> float:
    begun = time.process_time()  # what our own other processes take counts for nothing
    total = 0
    for number in range(TURNS):
        total += number
    return time.process_time() - begun
