"""Receivers in a test's database, without a box."""

from __future__ import annotations

from typing import Any

from loa.streamer.store.tables.receivers import ReceiverRow
from support.desk import Office

HERE = "/ha-giang/quang-binh"


async def add_receivers(
    office: Office, count: int = 1, path: str = HERE, **fields: Any
) -> list[int]:
    """Put enrolled receivers into an area; return their ids."""
    given = {"state": "enrolled", "settings": {}, "created_at": office.clock.now,
             "created_by": "test", "enrolled_at": office.clock.now, **fields}  # fmt: skip
    rows = [
        ReceiverRow(area_id=office.area(path).id, name=f"Cụm loa {n + 1}", **given)
        for n in range(count)
    ]
    async with office.desk.store.write() as db:
        db.add_all(rows)
        await db.flush()
        return [row.id for row in rows]
