"""The desk: work is done whole or not at all, and is on record."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from loa.streamer.core.audit import FIRST, Entry, seal
from loa.streamer.store.tables.audit import AuditRow
from support.desk import desk_with_sample


async def test_work_is_recorded_and_told_when_it_is_committed(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area("/ha-giang")
        async with office.desk.work(office.server) as work:
            work.record("area.renamed", area=area.id, subject=f"area/{area.id}", name="Hà Giang")
            assert office.happened == []
        assert [h.kind for h in office.happened] == ["area.renamed"]

        async def fail() -> None:
            async with office.desk.work(office.server) as work:
                work.record("area.moved", area=area.id)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail()
        assert len(office.happened) == 1
        async with office.desk.store.read() as db:
            rows = list(await db.scalars(select(AuditRow)))
        assert [row.action for row in rows] == ["area.renamed"]


async def test_each_entry_seals_the_one_before(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        for name in ("một", "hai", "ba"):
            async with office.desk.work(office.server) as work:
                work.record("test.done", subject=name)
                work.record("test.again", subject=name)
        async with office.desk.store.read() as db:
            rows = list(await db.scalars(select(AuditRow).order_by(AuditRow.id)))
        previous = FIRST
        for row in rows:
            assert row.previous == previous
            previous = row.hash
            entry = Entry(
                row.at, row.account_id, row.who, row.action, row.area_id, row.subject, row.details
            )
            assert row.hash == seal(entry, row.previous)
        assert len(rows) == 6
