"""The audit log: who reads what of it, that the database refuses to change it, and its chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from loa.streamer.desk import audit
from loa.streamer.desk.desk import Actor
from support.desk import NOW, Office, desk_with_sample

TOP = "administrator@/ha-giang"
COMMUNE = "administrator@/ha-giang/quang-binh/na-khuong"


async def fill(office: Office) -> None:
    for path in ("/ha-giang", "/ha-giang/quang-binh/na-khuong", "/tuyen-quang"):
        async with office.desk.work(Actor(7, "Lan (lan)")) as work:
            work.record("bulletin.approved", area=office.area(path).id, subject=path, note="được")
        office.clock.now += 60
    async with office.desk.work(Actor(None, "loa")) as work:
        work.record("server.started")
        work.record("bulletins.lost", area=999, subject="gone")


async def subjects(office: Office, as_: str = TOP, **query: Any) -> list[str]:
    listed = await office.call("GET", "/audit", as_=as_, params=query)
    return [entry["subject"] or entry["action"] for entry in listed["items"]]


async def test_one_reads_what_happened_where_one_may(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await fill(office)
        whole = ["gone", "server.started", "/ha-giang/quang-binh/na-khuong", "/ha-giang"]
        assert await subjects(office) == whole
        assert await subjects(office, COMMUNE) == ["/ha-giang/quang-binh/na-khuong"]
        assert await subjects(office, area=office.area("/ha-giang/quang-binh").id) == [whole[2]]
        assert await subjects(office, account=7) == whole[2:]
        assert await subjects(office, action="server.started") == ["server.started"]
        assert await subjects(office, action="bulletin.*") == whole[2:]
        assert await subjects(office, since="2026-09-21T21:15:20+07:00") == whole[:2]
        assert await subjects(office, until="2026-09-21T14:14:20Z") == ["/ha-giang"]
        first = await office.call("GET", "/audit", params={"limit": 2})
        assert [e["subject"] for e in first["items"]] == ["gone", ""]
        assert await subjects(office, after=first["next"]) == whole[2:]
        entry = first["items"][1]
        assert entry["at"] == "2026-09-21T14:16:20Z" and entry["who"] == "loa"
        await office.call("GET", "/audit", as_="approver@/ha-giang", status=403)
        elsewhere = office.area("/tuyen-quang").id
        assert await subjects(office, area=elsewhere) == []


async def test_the_chain_holds_and_the_database_refuses_to_break_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        assert await audit.verify(office.desk.store) == []
        await fill(office)
        assert await audit.verify(office.desk.store) == []
        for statement in ("UPDATE audit SET who = 'x' WHERE id = 2", "DELETE FROM audit"):
            with pytest.raises(DBAPIError, match="append-only"):
                async with office.desk.store.write() as db:
                    await db.execute(text(statement))
        assert await audit.verify(office.desk.store) == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET details = '{}' WHERE id = 2", ["entry 2", "changed"]),
        ("UPDATE audit SET at = at + 1 WHERE id = 3", ["entry 3", "changed"]),
        ("UPDATE audit SET account_id = NULL WHERE id = 1", ["entry 1", "changed"]),
        ("DELETE FROM audit WHERE id = 3", ["between 2 and 4", "removed"]),
        ("DELETE FROM audit WHERE id = 1", ["between 0 and 2", "removed"]),
        ("DELETE FROM audit WHERE id = 5", ["ends with entry 4"]),
        ("DELETE FROM audit", ["ends with entry 0"]),
        ("DELETE FROM value WHERE name = 'audit.head'", ["ends with entry 5"]),
    ],
)
async def test_whoever_was_at_it_is_found_out(
    tmp_path: Path, statement: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "BATCH", 2)
    async with desk_with_sample(tmp_path) as office:
        await fill(office)
        async with office.desk.store.write() as db:
            if office.desk.store.embedded:
                for event in ("update", "delete"):
                    await db.execute(text(f"DROP TRIGGER audit_no_{event}"))
            else:
                await db.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_append_only"))
            await db.execute(text(statement))
            if not office.desk.store.embedded:
                await db.execute(text("ALTER TABLE audit ENABLE TRIGGER audit_append_only"))
        problems = await audit.verify(office.desk.store)
        assert len(problems) == 1
        assert all(word in problems[0] for word in said), problems
        assert office.clock.now > NOW


def test_nothing_in_the_code_changes_or_removes_entries() -> None:
    source = Path(audit.__file__).parent.parent
    for path in source.rglob("*.py"):
        if "versions" in path.parts:
            continue  # migrations, which make the table
        text = path.read_text()
        for forbidden in (
            "delete(AuditRow",
            "update(AuditRow",
            "DELETE FROM audit",
            "UPDATE audit",
        ):
            assert forbidden not in text, path
