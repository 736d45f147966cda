"""A data directory with something of everything in it, and what to look for after a restore."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from loa.streamer.air import state
from loa.streamer.desk.desk import Desk, server_actor
from loa.streamer.store.tables.airing import ArchiveRow
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.audit import AuditRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow, BulletinTargetRow
from loa.streamer.store.tables.people import AccountRow, SessionRow
from loa.streamer.store.tables.schedule import SlotRow
from loa.streamer.store.tables.webhooks import DeliveryRow, WebhookRow
from support.people import PASSWORD, WEAK

TICK = 2_800_000_000


@dataclass
class Filled:
    """What there is."""

    audio: str
    bulletin: int


async def fill(desk: Desk) -> Filled:
    """Put one of everything that matters into a desk's database and data directory."""
    content = b"OggS, or so it is said" * 100
    sha256 = hashlib.sha256(content).hexdigest()
    for folder in ("audio", "sources", "archive/2026-09"):
        (desk.data / folder).mkdir(parents=True, exist_ok=True)
    (desk.data / "audio" / f"{sha256}.opus").write_bytes(content)
    (desk.data / "audio" / ("0" * 64 + ".opus")).write_bytes(b"nobody names this")
    (desk.data / "sources" / "abc123").write_bytes(b"RIFF")
    (desk.data / "archive" / "2026-09" / "7.pkt").write_bytes(b"packets" * 1000)
    state.write_high_water(desk.data, TICK)
    state.read_or_make_token(desk.data)
    now = desk.clock()
    async with desk.work(server_actor(desk.tree)) as work:
        db = work.db
        parent = AreaRow(name="Tỉnh mẫu", path="/tinh", station=True, created_at=now)
        db.add(parent)
        await db.flush()
        # A child that is older than its parent: districts are put in between later.
        child = AreaRow(name="Xã mẫu", path="/tinh/xa", station=True, created_at=now)
        db.add(child)
        await db.flush()
        child.parent_id = parent.id
        parent.successor_id = child.id
        account = AccountRow(login="lan", name="Lan", password=WEAK.hash(PASSWORD), created_at=now)
        audio = AudioRow(
            sha256=sha256, ticks=1, size=len(content), report={"lufs": -16.0}, peaks=b"\x80\x7f",
            created_at=now,
        )  # fmt: skip
        db.add_all([account, audio])
        await db.flush()
        bulletin = BulletinRow(
            area_id=child.id, title="Bản tin sáng", state="approved", audio_sha256=sha256,
            audio_state="ready", source="abc123", created_at=now, created_by=account.id,
        )  # fmt: skip
        hook = WebhookRow(
            area_id=parent.id, url="https://example.org/", secret="s", kinds=[], created_at=now,
            created_by="lan",
        )  # fmt: skip
        db.add_all([
            bulletin, hook,
            SlotRow(area_id=child.id, name="Sáng", first="2026-01-05T05:00", minutes=30,
                    rrule="FREQ=DAILY", exceptions=["2026-02-17"]),
            SessionRow(sha256="a" * 64, account_id=account.id, csrf="c", created_at=now,
                       seen_at=now, expires_at=now + 1e6, peer="", agent=""),
            ArchiveRow(kind="live", title="x", file="2026-09/7.pkt", first_tick=5, ticks=3,
                       first_unix=now),
        ])  # fmt: skip
        await db.flush()
        db.add_all([
            BulletinTargetRow(bulletin_id=bulletin.id, area_id=child.id),
            DeliveryRow(webhook_id=hook.id, created_at=now, kind="x", body={}, next_at=now),
        ])  # fmt: skip
        work.tree_changed = True
        work.record("bulletin.approved", area=child.id, subject=f"bulletin/{bulletin.id}")
    return Filled(sha256, bulletin.id)


async def everything(desk: Desk, but: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return all rows, by table."""
    from loa.streamer.store.tables import Base

    async with desk.store.read() as db:
        return {
            table.name: [
                tuple(row) for row in await db.execute(select(table).order_by(*table.primary_key))
            ]
            for table in Base.metadata.sorted_tables
            if table.name not in but
        }


async def chain(desk: Desk) -> list[AuditRow]:
    """Return the audit log."""
    async with desk.store.read() as db:
        return list(await db.scalars(select(AuditRow).order_by(AuditRow.id)))
