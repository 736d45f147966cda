"""Importing areas: looked at first, all or nothing, and only where one has the right."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from loa.streamer.core.area_tables import MAX_BYTES
from loa.streamer.store.areas import read_tree
from loa.streamer.store.tables.areas import AreaEventRow
from support.desk import Office, desk_with_sample

DISTRICT = "/ha-giang/quang-binh"
CSV = {"Content-Type": "text/csv"}


async def post(
    office: Office, text: str | bytes, *, dry_run: bool = False, status: int = 200, **more: Any
) -> Any:
    data = BytesIO(text.encode() if isinstance(text, str) else text)
    query = "?dry_run=true" if dry_run else ""
    return await office.call(
        "POST", f"/areas/import{query}", data=data, headers=CSV, status=status, **more
    )


async def test_a_dry_run_says_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        before = list(office.desk.tree)
        table = (
            "id,name,path,parent,station\n"
            f"{office.area(DISTRICT).id},Quang Bình,,,\n"
            f",Bằng Lang,,{DISTRICT},1\n"
            f",Xuân Minh (dữ liệu mẫu),{DISTRICT}/xuan-minh,/tuyen-quang,\n"
        )
        looked = await post(office, table, dry_run=True, as_="server")
        assert looked["counts"] == {
            "created": 1, "renamed": 1, "moved": 1, "station": 0, "code": 0, "ordered": 0,
            "following": 0,
        }  # fmt: skip
        assert looked["untouched"] == len(before) - 2
        assert looked["problems"] == []
        assert list(office.desk.tree) == before
        assert office.happened == []
        done = await post(office, table, as_="server")
        assert (done["counts"], done["dry_run"]) == (looked["counts"], False)
        assert office.area(DISTRICT + "/bang-lang").station
        assert office.area(DISTRICT + "/xuan-minh").path == "/tuyen-quang/xuan-minh"
        assert [(h.kind, h.area) for h in office.happened] == [("area.imported", None)]


async def test_every_mistake_is_named_with_its_line_and_nothing_is_done(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        table = "name,parent,code\nA,/ha-giang,1\nB,/nowhere,2\nC,/ha-giang,1\n"
        looked = await post(office, table, dry_run=True)
        assert [(p["line"], p["column"]) for p in looked["problems"]] == [
            (3, "parent"), (4, "code"),
        ]  # fmt: skip
        refused = await post(office, table, status=422)
        assert [f["field"] for f in refused["error"]["fields"]] == [
            "lines.3.parent", "lines.4.code",
        ]  # fmt: skip
        refused = await post(office, b"name\n\xff\n", status=422, language="vi")
        assert "UTF-8" in refused["error"]["fields"][0]["message"]
        assert office.happened == []
        await post(office, b"x" * (MAX_BYTES + 1), status=413)
        await office.call("POST", "/areas/import", data=b"x", status=415)


async def test_nobody_imports_where_he_has_no_right(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        me = f"administrator@{DISTRICT}"
        await post(office, f"name,parent\nA,{DISTRICT}\n", as_=me)
        for table in (
            "name\nTỉnh\n",
            "name,parent\nA,/ha-giang\n",
            "name,path\nHà Giang,/ha-giang\n",
            f"name,path,parent\nA,{DISTRICT}/a,/tuyen-quang\n",
            f"id,name,path\n{office.area('/tuyen-quang').id},,{DISTRICT}/tq\n",
        ):
            for dry_run in (True, False):
                await post(office, table, as_=me, dry_run=dry_run, status=403)
        assert [h.area for h in office.happened] == [office.area(DISTRICT).id]


async def test_what_is_exported_and_imported_again_changes_nothing(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await post(office, "name,parent\n'=1+1,/ha-giang\n")
        assert office.desk.tree.find("/ha-giang/1-1").name == "=1+1"  # type: ignore[union-attr]
        office.happened.clear()
        before = list(office.desk.tree)
        for query, media in (
            ("", "text/csv"),
            ("?separator=semicolon", "text/csv"),
            ("?format=json", "application/json"),
            (f"?under={office.area(DISTRICT).id}", "text/csv"),
        ):
            async with await office.ask("GET", f"/areas/export{query}") as answer:
                assert answer.status == 200
                assert answer.content_type == media
                assert "attachment" in answer.headers["Content-Disposition"]
                table = await answer.read()
            done = await office.call(
                "POST", "/areas/import", data=table, headers={"Content-Type": media}
            )
            assert done["untouched"] == len(before)
            assert done["changes"] == []
        assert list(office.desk.tree) == before
        assert office.happened == []


def province() -> str:
    """Return a table of three levels and 2,000 areas."""
    lines = ["code,name,path,parent,station", "08,Tỉnh mẫu,/tinh-mau,,1"]
    for d in range(9):
        lines.append(f"{d + 70},Huyện {d},,/tinh-mau,1")
        for c in range(221):
            lines.append(f"{10000 + d * 300 + c},Xã Đông {c},,/tinh-mau/huyen-{d},1")
    return "\n".join(lines)


async def test_a_province_is_imported_whole(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        done = await post(office, province(), as_="server")
        assert done["counts"]["created"] == 1999
        assert (len(done["changes"]), done["more"]) == (1000, 999)
        assert len(office.desk.tree) == 2007
        async with office.desk.store.read() as db:
            assert list(await read_tree(db)) == list(office.desk.tree)
            assert await db.scalar(select(func.count()).select_from(AreaEventRow)) == 1999
        again = await post(office, province(), dry_run=True, as_="server")
        assert again["untouched"] == 2007
        moved = province().replace("/tinh-mau,,1", "/tinh-moi,,1").replace("08,", "08,")
        renamed = await post(office, moved, as_="server")
        assert renamed["counts"]["following"] == 1998
        found = office.desk.tree.find("/tinh-mau/huyen-3/xa-dong-7")
        assert found is not None
        assert found.path == "/tinh-moi/huyen-3/xa-dong-7"


async def test_a_refused_import_leaves_nothing(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:

        async def fail(*_: Any) -> None:
            raise RuntimeError

        office.desk.outbox = fail
        with pytest.raises(AssertionError, match="500"):
            await post(office, "name\nA\n")
        office.desk.outbox = None
        assert office.desk.tree.find("/a") is None
        await post(office, "name\nA\n")
