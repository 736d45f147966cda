"""Tasks that somebody began and nobody waits for: held on to, and never lost without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from loa.streamer.counters import Counters
from loa.streamer.logs import Logger


class Tasks:
    """Runs them on the loop; one that fails is counted (``tasks.failed``) and logged.

    ``stop`` it at the end.
    """

    def __init__(self, counters: Counters, log: Logger) -> None:
        self._counters = counters
        self._log = log
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def join(self) -> None:
        """Wait until all that run now are over."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """Cancel all of them, and wait until they are over."""
        for task in self._tasks:
            task.cancel()
        await self.join()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._counters.add("tasks.failed")
            self._log.error("a task failed", exc_info=error)
