"""A data directory as a province has it after half a year: what the API's benchmark runs on.

2,000 areas in four levels, 300 people, a slot in each commune, 4,000 bulletins and their queues,
and 500,000 stretches of as-run log. Written straight into the tables, since how it got there is not
what is measured; every row is as the server itself writes it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from loa.streamer.core.rights import Permission, digest
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow, BulletinTargetRow
from loa.streamer.store.tables.people import AccountRow, ApiTokenRow, GrantRow
from loa.streamer.store.tables.schedule import EntryRow, SlotRow

DISTRICTS, COMMUNES, VILLAGES = 11, 190, 1798
PEOPLE = 300
BULLETINS = 4000
AIRED = 500_000
TOKEN = "loa_benchmark-of-a-province-with-no-secret-in-it"
BATCH = 5000


@dataclass(frozen=True, slots=True)
class Province:
    """What a client of the API has to know of it: ids."""

    top: int
    communes: tuple[int, ...]
    bulletins: tuple[int, ...]
    token: str = TOKEN


def build(data: Path, aired: int = AIRED) -> Province:
    """Write the database into an existing directory, and return what is in it."""
    return asyncio.run(_build(data, aired))


async def _build(data: Path, aired: int) -> Province:
    now = time.time()
    areas = list(_areas(now))
    communes = tuple(a["id"] for a in areas if a["path"].count("/") == 3)
    bulletins = list(_bulletins(communes, now))
    store = await Store.open(database_url(None, data))
    try:
        async with store.write() as db:
            for table, rows in (
                (AreaRow, areas),
                (AccountRow, list(_people(now))),
                (GrantRow, list(_grants(communes, now))),
                (ApiTokenRow, [_token(now)]),
                (AudioRow, [_audio(number, now) for number in range(300)]),
                (BulletinRow, bulletins),
                (BulletinTargetRow, [{"bulletin_id": b["id"], "area_id": b["area_id"]}
                                     for b in bulletins]),
                (SlotRow, [_slot(number, area) for number, area in enumerate(communes, 1)]),
                (EntryRow, list(_entries(bulletins, now))),
                (AiredRow, list(_aired(areas, bulletins, now, aired))),
            ):  # fmt: skip
                await _insert(db, table, rows)
    finally:
        await store.close()
    return Province(1, communes, tuple(b["id"] for b in bulletins))


async def _insert(db: Any, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    for first in range(0, len(rows), BATCH):
        await db.execute(insert(table), rows[first : first + BATCH])


def _areas(now: float) -> Iterator[dict[str, Any]]:
    def area(id: int, parent: int | None, name: str, path: str, station: bool) -> dict[str, Any]:
        return {
            "id": id, "parent_id": parent, "name": f"{name} (dữ liệu mẫu)", "path": path,
            "station": station, "rank": id, "created_at": now - 200 * 86_400,
        }  # fmt: skip

    yield area(1, None, "Tỉnh mẫu", "/tinh-mau", True)
    districts = {}
    for number in range(DISTRICTS):
        districts[2 + number] = f"/tinh-mau/huyen-{number + 1}"
        yield area(2 + number, 1, f"Huyện {number + 1}", districts[2 + number], True)
    communes = {}
    for number in range(COMMUNES):
        above = 2 + number % DISTRICTS
        id = 2 + DISTRICTS + number
        communes[id] = f"{districts[above]}/xa-{number + 1}"
        yield area(id, above, f"Xã {number + 1}", communes[id], True)
    first = 2 + DISTRICTS + COMMUNES
    for number in range(VILLAGES):
        above = 2 + DISTRICTS + number % COMMUNES
        path = f"{communes[above]}/thon-{number + 1}"
        yield area(first + number, above, f"Thôn {number + 1}", path, False)


def _people(now: float) -> Iterator[dict[str, Any]]:
    for number in range(1, PEOPLE + 1):
        yield {
            "id": number, "login": f"can-bo-{number}", "name": f"Cán bộ mẫu {number}",
            "password": "!", "created_at": now,
        }  # fmt: skip


def _grants(communes: Sequence[int], now: float) -> Iterator[dict[str, Any]]:
    for number in range(1, PEOPLE + 1):
        yield {
            "account_id": number,
            "area_id": 1 if number == 1 else communes[number % len(communes)],
            "role": "administrator" if number == 1 else "broadcaster",
            "created_at": now,
            "created_by": "loa",
        }


def _token(now: float) -> dict[str, Any]:
    return {
        "sha256": digest(TOKEN), "account_id": 1, "name": "đo tải", "created_at": now,
        "scopes": [str(p) for p in Permission], "expires_at": now + 86_400,
    }  # fmt: skip


def _sha(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _audio(number: int, now: float) -> dict[str, Any]:
    return {
        "sha256": _sha(number), "ticks": 6000, "size": 400_000, "report": {}, "peaks": b"",
        "created_at": now,
    }  # fmt: skip


def _bulletins(communes: Sequence[int], now: float) -> Iterator[dict[str, Any]]:
    for number in range(1, BULLETINS + 1):
        yield {
            "id": number, "area_id": communes[number % len(communes)],
            "title": f"Bản tin mẫu số {number}", "state": "approved", "audio_state": "ready",
            "audio_sha256": _sha(number % 300), "created_at": now - number * 3600,
            "created_by": 1, "expires_at": now + 30 * 86_400,
        }  # fmt: skip


def _slot(number: int, area: int) -> dict[str, Any]:
    return {
        "id": number, "area_id": area, "name": "Buổi sáng", "first": "2026-01-05T05:00",
        "minutes": 45, "rrule": "FREQ=DAILY", "exceptions": [],
    }  # fmt: skip


def _entries(bulletins: Sequence[dict[str, Any]], now: float) -> Iterator[dict[str, Any]]:
    for bulletin in bulletins[: len(bulletins) // 4]:
        yield {
            "area_id": bulletin["area_id"], "bulletin_id": bulletin["id"],
            "position": float(bulletin["id"]), "per_day": 1, "days": 7, "added_at": now,
            "added_by": "loa", "expires_at": now + 30 * 86_400,
        }  # fmt: skip


def _aired(
    areas: Sequence[dict[str, Any]], bulletins: Sequence[dict[str, Any]], now: float, count: int
) -> Iterator[dict[str, Any]]:
    for number in range(count):
        begun = now - 180 * 86_400 + number * (179 * 86_400 / count)
        bulletin = bulletins[number % len(bulletins)]
        yield {
            "area_id": areas[number % len(areas)]["id"], "from_tick": number * 1000,
            "to_tick": number * 1000 + 6000, "from_unix": begun, "to_unix": begun + 120,
            "kind": "bulletin", "cls": 0, "title": bulletin["title"], "language": "vi",
            "origin_id": bulletin["area_id"], "bulletin_id": bulletin["id"],
            "audio": bulletin["audio_sha256"], "play": f"e{bulletin['id']}@{number}",
            "complete": True, "why": "slot",
        }  # fmt: skip
