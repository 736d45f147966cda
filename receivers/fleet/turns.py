"""So many at a time, first come first served, and nobody holds up the others for long.

A box has a processor of its own; a thousand simulated ones share one. When all of them connect at
once and each gets a little of it in turn, all are late together, and whoever runs out of patience
(its own, or the server's) was worked for in vain. One after the other the first are done at once,
and the last no later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """``most``: so many have their turn at the same time. ``seconds``: whoever takes longer (a far
    line, or bad will) goes on, and is counted no more."""

    def __init__(self, most: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(most)
        self._seconds = seconds

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn, and have it until the end of the block."""
        await self._free.acquire()
        held = True

        def over() -> None:
            nonlocal held
            if held:
                held = False
                self._free.release()

        timer = asyncio.get_running_loop().call_later(self._seconds, over)
        try:
            yield
        finally:
            timer.cancel()
            over()
