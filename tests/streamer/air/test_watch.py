"""What staff do reaches the director: an emergency at once, whatever else is being read."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any, cast

from loa.streamer.air.situation import Knowledge
from loa.streamer.air.watch import Watch
from loa.streamer.desk import emergencies
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.emergencies import Wanted
from loa.streamer.desk.planning import StationPlan
from support.desk import desk_with_sample
from support.schedule import add_bulletin


class Hearer:
    """Stands for the director: keeps what it learns."""

    def __init__(self) -> None:
        self.room = self
        self.knowledge = Knowledge()
        self.learned = asyncio.Event()

    def learn(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.learned.set()

    def preload(self) -> None:
        pass


async def test_an_emergency_waits_for_no_plan_to_be_read(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        reading = asyncio.Event()

        async def planner(
            desk: Desk, stations: Collection[int] | None, begin: float, end: float
        ) -> dict[int, StationPlan]:
            reading.set()
            await asyncio.Event().wait()
            return {}

        director = Hearer()
        watch = Watch(office.desk, cast(Any, director), cast(Any, None), planner=planner)
        task = asyncio.create_task(watch.run())
        area = office.area("/ha-giang")
        async with office.desk.work(office.server) as work:
            work.record("slot.created", area=area.id)
        async with asyncio.timeout(10):
            await reading.wait()
            bulletin = await add_bulletin(office, area, cls=2)
            row = await emergencies.call(office.desk, office.server, area, Wanted(bulletin))
            while not director.knowledge.emergencies:
                director.learned.clear()
                await director.learned.wait()
            assert [e.id for e in director.knowledge.emergencies] == [row.id]
            await emergencies.stop(office.desk, office.server, row.id)
            while director.knowledge.emergencies:
                director.learned.clear()
                await director.learned.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        watch.close()
