"""Thousands of receivers in the database of a running server, with what they last told."""

from __future__ import annotations

import math
import time
from typing import Any

from sqlalchemy import create_engine, func, insert, select
from sqlalchemy.orm import Session

from loa.codecs.control.journal import Entry, Note, Played, first_hash, write_line
from loa.streamer.desk.receiver_health import short_names
from loa.streamer.store.proof import pack
from loa.streamer.store.tables.proof import JournalBatchRow, JournalChainRow
from loa.streamer.store.tables.receiver_health import HealthReportRow, ReceiverHealthRow
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.store.tables.sims import SimRow
from support.browser import Office

PLACES = (
    "Nhà văn hóa", "Trường học", "Trạm y tế", "Chợ trung tâm", "Ủy ban xã", "Cột ngã ba",
    "Đầu cầu treo", "Nhà trưởng thôn",
)  # fmt: skip
DAY = 86_400.0


def add_crowd(office: Office, count: int, areas: list[int] | None = None) -> list[int]:
    """Insert receivers (sample data), spread over areas; return their ids.

    Every 10th is new, every 50th revoked, some have not been seen for long, some have troubles. The
    server's health book is told by a change through the API.
    """
    spread = areas or list(office.ids.values())
    now = time.time()
    engine = create_engine(f"sqlite:///{office.server.folder / 'data' / 'loa.db'}")
    with Session(engine) as db, db.begin():
        first = (db.scalar(select(func.max(ReceiverRow.id))) or 0) + 1
        rows: list[dict[str, Any]] = []
        health: list[dict[str, Any]] = []
        sims: list[dict[str, Any]] = []
        for n in range(count):
            id, area = first + n, spread[n % len(spread)]
            state = "revoked" if n % 50 == 49 else "new" if n % 10 == 9 else "enrolled"
            seen = now - (9 * DAY if n % 7 == 3 else 60.0 + 37 * (n % 50))
            rows.append(
                {
                    "id": id, "area_id": area, "name": f"{PLACES[n % len(PLACES)]} {n + 1}",
                    "state": state, "settings": {}, "created_at": now - 40 * DAY,
                    "created_by": "dữ liệu mẫu", "serial": f"LH-{id:05}", "horns": 2,
                    "enrolled_at": None if state == "new" else now - 30 * DAY,
                    "seen_at": None if state == "new" else seen, "software": "1.0",
                    "latitude": 22.0 + 0.75 * ((n * 7919) % 1000) / 1000,
                    "longitude": 104.5 + 0.9 * ((n * 104729) % 1000) / 1000,
                }
            )  # fmt: skip
            if state != "enrolled":
                continue
            hot = n % 13 == 0
            health.append(
                {
                    "receiver_id": id, "seen_at": seen, "reported_at": seen, "texts": {},
                    "troubles": ["heat"] if hot else [],
                    "values": {
                        "temperature_c": 83 if hot else 41 + n % 17, "mains": int(n % 11 > 0),
                        "battery_percent": 30 + n % 60, "signal_percent": 20 + (n * 7) % 75,
                    },
                }
            )  # fmt: skip
            sims.append(
                {
                    "area_id": area, "iccid": f"898404800{id:010}", "operator": "Viettel",
                    "quota_bytes": 1_000_000_000, "state": "active", "receiver_id": id,
                    "warned": [], "created_at": now,
                }
            )  # fmt: skip
        db.execute(insert(ReceiverRow), rows)
        db.execute(insert(ReceiverHealthRow), health)
        db.execute(insert(SimRow), sims)
    engine.dispose()
    ids = [row["id"] for row in rows]
    one = office.api.call("GET", f"/receivers/{ids[0]}")
    office.api.call(
        "PATCH", f"/receivers/{ids[0]}", {"notes": "dữ liệu mẫu"}, version=one["version"]
    )
    office.api.until(
        "/receivers/status?limit=1000", lambda page: len(page["items"]) >= min(len(health), 1000)
    )
    return ids


def add_history(office: Office, receiver: int) -> None:
    """Have a receiver have told how it is for a day, and what it played (sample data)."""
    now = time.time()
    engine = create_engine(f"sqlite:///{office.server.folder / 'data' / 'loa.db'}")
    with Session(engine) as db, db.begin():
        for n in range(96):
            at = now - DAY + 900 * n + 600
            warm = 44 + 9 * math.sin(math.tau * (n - 30) / 96)
            values = {
                "temperature_c": round(warm, 1), "signal_percent": 55 + (n * 37) % 23,
                "battery_percent": 96 - (n % 48) // 3, "lag_ms": (n * 53) % 240,
                "lost": 3 * (n // 9), "concealed": 2 * (n // 7), "storage_free_mb": 5100 - 3 * n,
            }  # fmt: skip
            db.add(HealthReportRow(receiver_id=receiver, at=at, values=short_names(values)))
        chain = bytes([receiver % 256]) * 16
        kept = JournalChainRow(
            receiver_id=receiver, chain=chain, number=0, hash=bytes(16), began_at=now, heard_at=now
        )
        db.add(kept)
        db.flush()
        before, lines = first_hash(chain), []
        for number, entry in enumerate(_entries(now), start=1):
            line = write_line(chain, before, number, entry)
            lines.append(line.text)
            before = line.hash
        kept.number, kept.hash = len(lines), before
        db.add(
            JournalBatchRow(
                receiver_id=receiver, chain_id=kept.id, first=1, last=len(lines), fresh=1,
                before=first_hash(chain), signature=bytes(64), key=bytes(32), received_at=now,
                lines=pack(lines),
            )
        )  # fmt: skip
    engine.dispose()


def _entries(now: float) -> list[Entry]:
    morning = now - 6 * 3600
    return [
        Note(at=morning - 60, what="started", details={"version": "1.0"}),
        Played(
            at=morning, started=morning, kind="relay", delivered=90_000, decoded=89_900,
            device=89_900, concealed=100, volume=80, whole=True,
        ),
        Played(
            at=morning + 1900, started=morning + 1900, kind="bulletin", bulletin=7, origin="cache",
            delivered=9000, decoded=9000, device=9000, sounded=8700, volume=80, whole=True,
        ),
        Played(
            at=morning + 4000, started=morning + 4000, kind="live", cls=1, delivered=4000,
            decoded=3500, missed=500, volume=70, interrupted="power",
        ),
        Played(
            at=morning + 9000, kind="bulletin", bulletin=8, origin="cache", cause="schedule",
            why_not="not_fetched",
        ),
    ]  # fmt: skip
