"""Argon2id: passwords hashed and checked in threads, few at a time: each takes much memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from loa.streamer.core.passwords import normal
from loa.streamer.desk.errors import TooMany

T = TypeVar("T")

AT_ONCE = 2
WAITING = 64


def strong() -> PasswordHasher:
    """Return the hasher for use: RFC 9106's second choice, on one core."""
    return PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=1, type=Type.ID)


class Passwords:
    """Hashes and checks; raises ``TooMany`` when too many wait for that already.

    Tests give a ``hasher`` that is weak and quick.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or strong()
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        return await self._in_turn(lambda: self._hasher.hash(normal(password)))

    async def check(self, kept: str | None, password: str) -> bool:
        """Say whether it is the password that ``kept`` was made of.

        ``kept`` None, for a login that nobody has: takes the time of a wrong password.
        """
        if not self._nobodys:
            self._nobodys = await self.hash("a password that nobody has")

        def verify() -> bool:
            try:
                return self._hasher.verify(kept or self._nobodys, normal(password))
            except (VerificationError, InvalidHashError):
                return False

        return await self._in_turn(verify) and kept is not None

    def outdated(self, kept: str) -> bool:
        """Say whether ``kept`` was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(kept)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise TooMany("busy", 2)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
