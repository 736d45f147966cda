"""Tasks that nobody waits for."""

from __future__ import annotations

import asyncio

from loa.streamer import logs
from loa.streamer.counters import Counters
from loa.streamer.tasks import Tasks


async def test_one_that_fails_is_counted_and_the_others_go_on() -> None:
    counters = Counters()
    tasks = Tasks(counters, logs.get("test"))
    done = []

    async def good() -> None:
        done.append(1)

    async def bad() -> None:
        raise OSError("no")

    for work in (good(), bad(), good()):
        tasks.spawn(work)
    await tasks.join()
    assert done == [1, 1] and not len(tasks)
    assert counters.snapshot() == {"tasks.failed": 1}


async def test_at_the_end_none_is_left_and_none_counts_as_failed() -> None:
    counters = Counters()
    tasks = Tasks(counters, logs.get("test"))
    tasks.spawn(asyncio.Event().wait())  # type: ignore[arg-type]
    await tasks.stop()
    assert not len(tasks) and counters.snapshot() == {}
