"""Connections that have not proved yet who they are: so many at once, and who makes room. Pure.

An address that many boxes share (an operator's) may be an attacker's, too. So the pool is shared
out: while it is full, whoever comes from an address with few of them takes the place of the oldest
of the address with the most; and where that is his own, of one that has had time enough to speak.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

PATIENCE = 3.0
"""Seconds in which a box on a bad line has said who it is; then others may have its place."""

Connection = TypeVar("Connection")


class Strangers(Generic[Connection]):
    """The connections by address, each oldest first. ``most``: how many there may be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_house: dict[str, dict[Connection, float]] = {}
        self._house_of: dict[Connection, str] = {}

    def __len__(self) -> int:
        return len(self._house_of)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._house_of))

    def full(self, house: str, now: float) -> bool:
        """Whether there is no room for another one of this address, and nobody to make it."""
        return len(self) >= self._most and self._to_go(house, now) is None

    def add(self, connection: Connection, house: str, now: float) -> Connection | None:
        """Add one; return who has to go for it, who is forgotten already."""
        gone = self._to_go(house, now) if len(self) >= self._most else None
        if gone is not None:
            self.discard(gone)
        self._by_house.setdefault(house, {})[connection] = now
        self._house_of[connection] = house
        return gone

    def discard(self, connection: Connection) -> None:
        """One has proved who it is, or is gone; idempotent."""
        house = self._house_of.pop(connection, None)
        if house is not None:
            there = self._by_house[house]
            del there[connection]
            if not there:
                del self._by_house[house]

    def _to_go(self, house: str, now: float) -> Connection | None:
        if not self._by_house:
            return None
        most = max(self._by_house, key=lambda each: len(self._by_house[each]))
        own = self._by_house.get(house, {})
        if len(self._by_house[most]) > len(own) + 1:
            return next(iter(self._by_house[most]))
        oldest, since = next(iter(self._by_house[most].items()))
        return oldest if now - since >= PATIENCE else None
