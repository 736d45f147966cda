"""Slots, bulletins, queues and what was aired, put straight into the store of an office."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from loa.streamer.core.areas import Area
from loa.streamer.core.timeline import EPOCH, TICKS_A_SECOND
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.schedule import EntryRow, SlotRow
from support.desk import NOW, Office


async def add_slot(
    office: Office, area: Area, first: str, minutes: int, rrule: str = "", **more: Any
) -> int:
    """Add a slot; return its id."""
    row = SlotRow(
        area_id=area.id, name="Khung giờ", first=first, minutes=minutes, rrule=rrule,
        **{"exceptions": [], **more},
    )  # fmt: skip
    async with office.desk.store.write() as db:
        db.add(row)
        await db.flush()
        return row.id


async def add_bulletin(
    office: Office,
    area: Area,
    *,
    seconds: float = 60.0,
    cls: int = 0,
    state: str = "approved",
    **more: Any,
) -> int:
    """Add a bulletin whose audio is named by its length; return its id."""
    ticks = round(seconds * TICKS_A_SECOND)
    async with office.desk.store.write() as db:
        sha256 = f"{ticks:064x}"
        if await db.get(AudioRow, sha256) is None:
            db.add(
                AudioRow(
                    sha256=sha256, ticks=ticks, size=ticks * 60, report={}, peaks=b"",
                    created_at=NOW,
                )
            )  # fmt: skip
            await db.flush()
        row = BulletinRow(
            area_id=area.id, cls=cls, state=state, audio_sha256=sha256, audio_state="ready",
            created_at=NOW, **{"title": "Bản tin", **more},
        )  # fmt: skip
        db.add(row)
        await db.flush()
        return row.id


async def add_entry(office: Office, area: Area, bulletin: int, **more: Any) -> int:
    """Put a bulletin behind whatever is in the queue of a station; return the entry's id."""
    async with office.desk.store.write() as db:
        last = await db.scalar(
            select(EntryRow.position)
            .where(EntryRow.area_id == area.id)
            .order_by(EntryRow.position.desc())
        )
        row = EntryRow(
            area_id=area.id, bulletin_id=bulletin, position=(last or 0.0) + 1, added_at=NOW,
            added_by="test", **more,
        )  # fmt: skip
        db.add(row)
        await db.flush()
        return row.id


async def aired(
    office: Office,
    area: Area,
    entry: int,
    start: float,
    *,
    complete: bool = True,
    goes_on: bool = False,
    failure: str = "",
) -> None:
    """Write down that the mount of an area carried an entry, whole unless it says otherwise."""
    complete = complete and not failure
    async with office.desk.store.write() as db:
        row = await db.get(EntryRow, entry)
        assert row is not None
        bulletin = await db.get(BulletinRow, row.bulletin_id)
        assert bulletin is not None and bulletin.audio_sha256 is not None
        ticks = int(bulletin.audio_sha256, 16)
        first = round((start - EPOCH) * TICKS_A_SECOND)
        length = 0 if failure else ticks if complete else ticks // 2
        db.add(
            AiredRow(
                area_id=area.id,
                from_tick=first,
                to_tick=None if goes_on else first + length,
                from_unix=start,
                to_unix=None if goes_on else start + length / TICKS_A_SECOND,
                kind="bulletin",
                cls=bulletin.cls,
                title=bulletin.title,
                bulletin_id=bulletin.id,
                entry_id=entry,
                play=f"{entry}@{start}",
                complete=complete and not goes_on,
                failure=failure,
            )
        )
