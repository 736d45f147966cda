"""Changing areas at the desk: whole or not at all, with history, and nothing to come is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from loa.streamer.desk import areas
from loa.streamer.desk.areas import Edit
from loa.streamer.desk.errors import Conflict, Invalid, NotFound, Stale
from loa.streamer.store.areas import read_tree
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.areas import AreaEventRow, AreaRow
from loa.streamer.store.tables.audit import AuditRow
from loa.streamer.store.tables.bulletins import (
    AudioRow,
    BulletinRow,
    BulletinTargetRow,
    SpellingRow,
)
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.people import AccountRow, GrantRow, SourceTokenRow
from loa.streamer.store.tables.schedule import EntryRow, SlotRow
from support.desk import NOW, Office, desk_with_sample

XUAN_MINH = "/ha-giang/quang-binh/xuan-minh"
NA_KHUONG = "/ha-giang/quang-binh/na-khuong"
DISTRICT = "/ha-giang/quang-binh"


async def all_of(office: Office, table: Any) -> list[Any]:
    async with office.desk.store.read() as db:
        return list(await db.scalars(select(table).order_by(table.id)))


async def put(office: Office, *rows: Any) -> None:
    async with office.desk.store.write() as db:
        for row in rows:
            db.add(row)
            await db.flush()


async def same_in_store(office: Office) -> None:
    """What the desk has in memory is what the database says, and parents are the paths'."""
    async with office.desk.store.read() as db:
        tree = await read_tree(db)
    assert list(tree) == list(office.desk.tree)
    rows = {row.id: row for row in await all_of(office, AreaRow) if row.removed_at is None}
    for row in rows.values():
        above = row.path.rpartition("/")[0]
        assert (rows[row.parent_id].path if row.parent_id is not None else "") == above


def bulletin(id: int, area: int, **values: Any) -> BulletinRow:
    return BulletinRow(id=id, area_id=area, title=f"Bản tin {id}", created_at=NOW, **values)


async def test_a_new_area_is_there_and_on_record(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        id = await areas.create(
            desk, me, " Thôn Đá  ", office.area(XUAN_MINH), code="01", station=True
        )
        area = desk.area(id)
        assert (area.path, area.name, area.station) == (XUAN_MINH + "/thon-da", "Thôn Đá", True)
        assert (area.code, area.version) == ("01", 1)
        [event] = await all_of(office, AreaEventRow)
        assert (event.area_id, event.kind, event.who) == (id, "created", "loa")
        assert [(h.kind, h.area) for h in office.happened] == [("area.created", id)]
        await same_in_store(office)


async def test_a_renamed_district_takes_its_communes_along(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        await areas.edit(desk, me, office.area(DISTRICT), 1, Edit(name="Quang Bình mới"))
        commune = office.area(NA_KHUONG)
        assert commune.path == "/ha-giang/quang-binh-moi/na-khuong"
        # Whoever edits the commune has not seen anything else than what is there.
        assert (commune.version, office.area(DISTRICT).version) == (1, 2)
        assert [e.kind for e in await all_of(office, AreaEventRow)] == ["renamed"]
        assert [a.action for a in await all_of(office, AuditRow)] == ["area.renamed"]
        await same_in_store(office)
        await areas.edit(desk, me, commune, 1, Edit(station=False, code="7", word="na-khuong-xa"))
        assert {h.kind for h in office.happened[1:]} == {
            "area.renamed", "area.station", "area.code",
        }  # fmt: skip
        await same_in_store(office)


async def test_the_second_of_two_is_told_and_nothing_happens(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        area = office.area(DISTRICT)
        await areas.edit(desk, me, area, 1, Edit(name="Một"))
        with pytest.raises(Stale) as refused:
            await areas.edit(desk, me, area, 1, Edit(name="Hai"))
        assert refused.value.version == 2
        with pytest.raises(Stale):
            await areas.remove(desk, me, area, 1, subtree=True)
        assert office.area(DISTRICT).name == "Một"
        assert len(office.happened) == 1


async def test_what_collides_is_named(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        with pytest.raises(Conflict) as refused:
            await areas.move(desk, me, office.area(DISTRICT), 1, office.area(NA_KHUONG))
        assert refused.value.code == "area.cycle"
        assert [o["path"] for o in refused.value.others] == [NA_KHUONG]
        with pytest.raises(Invalid) as invalid:
            await areas.create(desk, me, "★", None)
        assert [(f.field, f.code) for f in invalid.value.fields] == [("name", "area.word_none")]
        gone = office.area(XUAN_MINH)
        await areas.remove(desk, me, gone, 1)
        with pytest.raises(NotFound):
            await areas.move(desk, me, office.area(NA_KHUONG), 1, gone)


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        before = list(desk.tree)
        level = office.area(DISTRICT)
        would = await areas.remove_level(desk, me, level, 1, dry_run=True)
        assert {c.id for c in would.changes if c.after is None} == {level.id}
        await areas.merge(desk, me, level, 1, office.area("/tuyen-quang"), dry_run=True)
        assert list(desk.tree) == before
        assert office.happened == []
        await same_in_store(office)


async def fill(office: Office) -> None:
    """Put something of every kind on Xuân Minh, and a little on Nà Khương."""
    here, there = office.area(XUAN_MINH).id, office.area(NA_KHUONG).id
    slot = {"minutes": 30, "exceptions": []}
    entry: dict[str, Any] = {"bulletin_id": 1, "added_at": NOW, "added_by": "t"}
    grant = {"created_at": NOW, "created_by": "t"}
    await put(
        office,
        AccountRow(id=1, login="a", name="A", password="!", created_at=NOW),
        AccountRow(id=2, login="b", name="B", password="!", created_at=NOW),
        bulletin(1, here, state="approved"),
        bulletin(2, here, state="submitted"),
        BulletinTargetRow(bulletin_id=1, area_id=here),
        BulletinTargetRow(bulletin_id=2, area_id=here),
        SlotRow(id=1, area_id=here, name="s", first="2026-01-05T05:00", rrule="FREQ=DAILY", **slot),
        SlotRow(id=2, area_id=here, name="đã qua", first="2026-01-05T05:00", **slot),
        SlotRow(
            id=3, area_id=here, name="hết hạn", first="2026-01-05T05:00",
            rrule="FREQ=DAILY;UNTIL=20260301T000000", **slot,
        ),
        EntryRow(id=1, area_id=here, position=1.0, **entry),
        EntryRow(id=2, area_id=here, position=2.0, expires_at=NOW - 1, **entry),
        EntryRow(id=3, area_id=here, position=3.0, state="declined", **entry),
        EntryRow(id=4, area_id=there, position=9.0, **entry),
        EntryRow(id=5, area_id=office.area(DISTRICT).id, position=1.0, targets=[here], **entry),
        GrantRow(account_id=1, area_id=here, role="editor", **grant),
        GrantRow(account_id=2, area_id=here, role="editor", **grant),
        GrantRow(account_id=2, area_id=there, role="editor", **grant),
        SpellingRow(area_id=here, written="UBND", spoken="ủy ban xã"),
        SpellingRow(area_id=here, written="BQL", spoken="ban quản lý"),
        SpellingRow(area_id=there, written="ubnd", spoken="ủy ban"),
        SourceTokenRow(sha256="0" * 64, area_id=here, name="butt", targets=[here], **grant),
        AiredRow(
            area_id=here, from_tick=1, to_tick=2, from_unix=NOW - 60, to_unix=NOW - 30,
            kind="bulletin", cls=0, title="t", origin_id=here,
        ),
    )  # fmt: skip


async def test_a_merged_area_hands_over_what_is_to_come_and_keeps_its_history(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        await fill(office)
        merged, heir = office.area(XUAN_MINH), office.area(NA_KHUONG)
        looked = await areas.merge(desk, me, merged, 1, heir, dry_run=True)
        done = await areas.merge(desk, me, merged, 1, heir)
        assert looked.over == done.over
        assert done.over == {
            "slots": 1, "queue": 1, "holidays": 0, "bulletins": 1, "grants": 2, "tokens": 1,
            "webhooks": 0, "spelling": 1, "receivers": 0, "sims": 0,
        }  # fmt: skip

        slots = await all_of(office, SlotRow)
        assert [row.area_id for row in slots] == [heir.id, merged.id, merged.id]
        assert slots[0].enabled
        entries = await all_of(office, EntryRow)
        assert [row.area_id == heir.id for row in entries] == [True, False, False, True, False]
        assert entries[0].position > entries[3].position
        assert entries[4].targets == [heir.id]
        grants = {(g.account_id, g.area_id) for g in await all_of(office, GrantRow)}
        assert grants == {(1, heir.id), (2, heir.id)}
        [token] = await all_of(office, SourceTokenRow)
        assert (token.area_id, token.targets) == (heir.id, [heir.id])

        assert {row.area_id for row in await all_of(office, BulletinRow)} == {merged.id}
        assert [row.area_id for row in await all_of(office, AiredRow)] == [merged.id]
        async with desk.store.read() as db:
            targets = set(
                await db.execute(select(BulletinTargetRow.bulletin_id, BulletinTargetRow.area_id))
            )
        assert targets == {(1, merged.id), (2, merged.id), (2, heir.id)}

        assert desk.tree.find(XUAN_MINH) == desk.area(heir.id)
        row, here = await areas.past_area(desk, merged.id)
        assert (row.successor_id, here.id) == (heir.id, heir.id)
        events = {(e.area_id, e.kind) for e in await all_of(office, AreaEventRow)}
        assert events == {(merged.id, "merged"), (heir.id, "took_in")}
        assert [(h.kind, h.area) for h in office.happened] == [("area.merged", heir.id)]
        await same_in_store(office)


async def test_slots_that_come_beside_others_wait_for_somebody_to_look(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await fill(office)
        heir = office.area(NA_KHUONG)
        await put(
            office,
            SlotRow(
                id=99, area_id=heir.id, name="sáng", first="2026-01-05T05:00", rrule="FREQ=DAILY",
                minutes=30, exceptions=[],
            ),
        )  # fmt: skip
        await areas.merge(office.desk, office.server, office.area(XUAN_MINH), 1, heir)
        slots = [row for row in await all_of(office, SlotRow) if row.area_id == heir.id]
        assert [row.enabled for row in slots] == [False, True]


async def test_an_abolished_level_says_what_ends_with_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        level = office.area(DISTRICT)
        grant = {"created_at": NOW, "created_by": "t"}
        await put(
            office,
            AccountRow(id=1, login="a", name="A", password="!", created_at=NOW),
            GrantRow(account_id=1, area_id=level.id, role="administrator", **grant),
        )
        done = await areas.remove_level(desk, me, level, 1)
        assert done.ended == {"slots": 0, "queue": 0, "grants": 1}
        assert office.area(NA_KHUONG).path == "/ha-giang/na-khuong"
        assert office.area(DISTRICT).path == "/ha-giang"
        kinds = {(e.area_id, e.kind) for e in await all_of(office, AreaEventRow)}
        assert (office.area(NA_KHUONG).id, "moved") in kinds
        assert (level.id, "removed") in kinds
        assert [h.kind for h in office.happened] == ["area.level_removed"]
        _, here = await areas.past_area(desk, level.id)
        assert here.path == "/ha-giang"
        await same_in_store(office)


async def test_the_ground_is_not_changed_under_an_emergency(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        province, commune = office.area("/ha-giang"), office.area(XUAN_MINH)
        await put(
            office,
            AudioRow(sha256="a" * 64, ticks=1, size=1, report={}, peaks=b"", created_at=NOW),
            bulletin(1, province.id),
            CueRow(
                id=5, area_id=province.id, bulletin_id=1, audio_sha256="a" * 64, severity=1,
                drill=False, targets=[province.id], excluded=[], starts_at=NOW,
                expires_at=NOW + 60, reason="", state="standing", called_at=NOW, caller="t",
            ),
        )  # fmt: skip
        with pytest.raises(Conflict) as refused:
            await areas.merge(desk, me, commune, 1, office.area(NA_KHUONG))
        assert refused.value.others == [{"kind": "emergency", "id": 5}]
        with pytest.raises(Conflict, match=r"area\.emergency"):
            await areas.remove(desk, me, commune, 1)
        with pytest.raises(Conflict, match=r"area\.emergency"):
            await areas.move(desk, me, commune, 1, office.area("/tuyen-quang"))
        await areas.edit(desk, me, commune, 1, Edit(name="Tên mới"))
        office.clock.now += 61
        await areas.remove(desk, me, commune, 2)


async def test_paths_that_change_hands_at_once_are_stored(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        child = await areas.create(desk, me, "Quang Bình", office.area(DISTRICT))
        await areas.create(desk, me, "Na Khuong", desk.area(child))
        level = office.area(DISTRICT)
        await areas.remove_level(desk, me, level, level.version)
        assert office.area(DISTRICT).id == child
        await same_in_store(office)


async def test_siblings_are_ordered(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        ids = [a.id for a in desk.tree if a.parent == DISTRICT]
        await areas.order(desk, me, office.area(DISTRICT), ids[::-1])
        assert [a.id for a in desk.tree if a.parent == DISTRICT] == ids[::-1]
        with pytest.raises(Conflict, match="order_incomplete"):
            await areas.order(desk, me, office.area(DISTRICT), ids[1:])
        await same_in_store(office)
