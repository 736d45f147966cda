"""Staff that never rest, as a process to be killed: says on standard output what it was promised.

    python tests/support/staff.py DATA [URL]

Each line is JSON: kind and id of something that was accepted, written before the next is asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from pathlib import Path

from loa.streamer.core.areas import Area
from loa.streamer.counters import Counters
from loa.streamer.desk import areas, bulletins, emergencies, slots
from loa.streamer.desk.desk import Actor, Desk, server_actor
from loa.streamer.desk.emergencies import Wanted
from loa.streamer.desk.slots import SlotWish
from loa.streamer.desk.webhooks import Outbox
from loa.streamer.logs import configure
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.webhooks import WebhookRow

AT_ONCE = 4


def accepted(kind: str, id: int) -> None:
    os.write(1, (json.dumps([kind, id]) + "\n").encode())


async def first_time(desk: Desk) -> None:
    """Put in what the others need: a top, a bulletin for emergencies, a webhook for everything."""
    top = await areas.create(desk, server_actor(desk.tree), "Tỉnh mẫu", None, station=True)
    async with desk.work(server_actor(desk.tree)) as work:
        work.db.add(AudioRow(sha256="a" * 64, ticks=500, size=1, report={}, peaks=b"",
                             created_at=work.now))  # fmt: skip
        await work.db.flush()
        work.db.add(BulletinRow(area_id=top, title="Diễn tập", cls=2, state="approved",
                                audio_sha256="a" * 64, audio_state="ready",
                                created_at=work.now))  # fmt: skip
        work.db.add(WebhookRow(area_id=top, url="https://example.org/", secret="s", kinds=[],
                               created_at=work.now, created_by="test"))  # fmt: skip


async def worker(desk: Desk, chance: random.Random, top: Area) -> None:
    actor = Actor(None, "staff", server_actor(desk.tree).rights)
    while True:
        word = f"xa-{time.time_ns():x}-{chance.randrange(1 << 30):x}"
        id = await areas.create(desk, actor, "Xã", top, word=word, station=True)
        accepted("area", id)
        area = desk.area(id)
        for _ in range(chance.randrange(4)):
            kind = chance.choice(("bulletin", "slot", "cue", "audit"))
            if kind == "bulletin":
                made = await bulletins.create(desk, actor, area, bulletins.Wish(title="Bản tin"))
            elif kind == "slot":
                wish = SlotWish(f"Sáng {word}", f"2027-01-{chance.randrange(1, 29):02}T05:00", 30)
                try:
                    made = (await slots.add_slot(desk, actor, area, wish)).id
                except slots.Conflict:
                    continue
            elif kind == "cue":
                try:
                    wanted = Wanted(1, targets=[id], drill=True, reason="thử")
                    made = (await emergencies.call(desk, actor, area, wanted)).id
                except emergencies.Conflict:
                    continue
            else:
                async with desk.work(actor) as work:
                    work.record("test.done", area=id, subject=f"test/{word}")
                made = id
            accepted(kind, made)


async def main(data: Path, url: str | None) -> None:
    configure("error", "json")
    store = await Store.open(database_url(url, data))
    desk = Desk(store, data, Counters())
    await desk.load()
    desk.outbox = Outbox(desk)
    if not len(desk.tree):
        await first_time(desk)
    top = next(iter(desk.tree))
    chance = random.Random()
    await asyncio.gather(*(worker(desk, chance, top) for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
