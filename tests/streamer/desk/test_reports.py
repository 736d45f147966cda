"""Reports: every minute in its month, put to whom it belongs, counted once."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook
from sqlalchemy import update

from loa.streamer.desk.report import Report
from loa.streamer.desk.reports import Reports
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.schedule import EntryRow
from support.desk import Office, desk_with_sample

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
TOP, DISTRICT = "/ha-giang", "/ha-giang/quang-binh"
NA_KHUONG, XUAN_MINH = f"{DISTRICT}/na-khuong", f"{DISTRICT}/xuan-minh"
TIEN_NGUYEN, BAN_RUA = f"{DISTRICT}/tien-nguyen", f"{NA_KHUONG}/ban-rua"
SHA256 = "0" * 64
MINUTE, HOUR = 60.0, 3600.0


def at(month: int, day: int, hour: int = 0, minute: int = 0) -> float:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE).timestamp()


async def aired(
    office: Office, paths: list[str], origin: str, start: float, seconds: float | None, **more: Any
) -> None:
    """Write what the mounts of ``paths`` carried."""
    async with office.desk.store.write() as db:
        for path in paths:
            to = None if seconds is None else start + seconds
            row: dict[str, Any] = {
                "area_id": office.area(path).id, "from_tick": 0, "to_tick": 1,
                "from_unix": start, "to_unix": to, "kind": "bulletin", "cls": 0,
                "title": "bản tin", "language": "vi", "origin_id": office.area(origin).id,
            }  # fmt: skip
            db.add(AiredRow(**{**row, **more}))


async def bulletin(office: Office, path: str, title: str = "=HYPERLINK()") -> int:
    async with office.desk.store.write() as db:
        row = BulletinRow(area_id=office.area(path).id, title=title, created_at=0.0)
        db.add(row)
        await db.flush()
        return row.id


async def entry(office: Office, path: str, bulletin: int, **more: Any) -> int:
    async with office.desk.store.write() as db:
        row = EntryRow(
            area_id=office.area(path).id, bulletin_id=bulletin, position=1.0, added_at=at(8, 1),
            added_by="x", **more,
        )  # fmt: skip
        db.add(row)
        await db.flush()
        return row.id


async def cue(office: Office, path: str, bulletin: int, called: float, **more: Any) -> None:
    row: dict[str, Any] = {
        "area_id": office.area(path).id, "bulletin_id": bulletin, "severity": 1, "drill": False,
        "targets": [], "excluded": [], "starts_at": called, "expires_at": called + HOUR,
        "reason": "x", "audio_sha256": SHA256, "state": "standing",
        "called_at": called, "caller": "x",
    }  # fmt: skip
    async with office.desk.store.write() as db:
        if await db.get(AudioRow, SHA256) is None:
            db.add(AudioRow(sha256=SHA256, ticks=1, size=1, report={}, peaks=b"", created_at=0.0))
            await db.flush()
        db.add(CueRow(**{**row, **more}))


async def report(office: Office, path: str, first: date, last: date) -> Report:
    return await Reports().make(office.desk, office.area(path), first, last)


SEPTEMBER = (date(2026, 9, 1), date(2026, 9, 30))


async def test_minutes_put_on_air_and_minutes_on_air(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        # A live of the district, heard by two communes and a village; a village is no station.
        await aired(
            office, [DISTRICT, NA_KHUONG, XUAN_MINH, BAN_RUA], DISTRICT, at(9, 2, 5), 10 * MINUTE,
            kind="live", play="live:1",
        )  # fmt: skip
        # Xuân Minh joined late; what was put on air is the longest of all.
        await aired(office, [TIEN_NGUYEN], DISTRICT, at(9, 2, 5, 8), 2 * MINUTE,
                    kind="live", play="live:1")  # fmt: skip
        # One for the village alone, in two stretches around something else.
        for start in (at(9, 3, 5), at(9, 3, 5, 10)):
            await aired(office, [BAN_RUA], NA_KHUONG, start, 3 * MINUTE, play="e1", language="hmn")
        # What the commune took from above into its queue is put on air by the commune.
        taken = await entry(office, NA_KHUONG, await bulletin(office, TOP))
        await aired(office, [NA_KHUONG], TOP, at(9, 4, 5), 4 * MINUTE, play="e2", entry_id=taken)
        # Files between are no items.
        await aired(office, [NA_KHUONG], TOP, at(9, 5), HOUR, kind="file")

        told = await report(office, DISTRICT, *SEPTEMBER)
        assert told.totals.items == 3
        assert told.totals.seconds == (10 + 6 + 4) * MINUTE
        assert told.totals.on_air == {
            "live": 32 * MINUTE, "bulletin": 4 * MINUTE, "file": HOUR,
        }  # fmt: skip
        assert (told.totals.stations, told.totals.active) == (4, 2)
        assert [a.path for a in told.active] == [DISTRICT, NA_KHUONG]
        assert [a.path for a in told.silent] == [TIEN_NGUYEN, XUAN_MINH]
        classes = {(o.cls, o.language): (o.items, o.seconds, o.on_air) for o in told.by_class}
        assert classes == {
            (0, "vi"): (2, 14 * MINUTE, 36 * MINUTE),
            (0, "hmn"): (1, 6 * MINUTE, 0),
        }
        kinds = {o.kind: (o.items, o.seconds, o.on_air) for o in told.by_kind}
        assert kinds["file"] == (0, 0, HOUR) and kinds["live"] == (1, 600, 32 * MINUTE)
        areas = {o.area.path: o for o in told.areas}
        assert areas.keys() == {NA_KHUONG, XUAN_MINH, TIEN_NGUYEN}
        assert areas[NA_KHUONG].totals.items == 2 and areas[NA_KHUONG].level == 1
        assert told.above == 0

        whole = await report(office, TOP, *SEPTEMBER)
        assert whole.totals.items == 3 and whole.totals.active == 2
        levels = {o.area.path: (o.level, o.totals.items, o.own_items) for o in whole.areas}
        assert levels[DISTRICT] == (1, 3, 1) and levels[NA_KHUONG] == (2, 2, 2)

        one = await report(office, XUAN_MINH, *SEPTEMBER)
        assert (one.totals.items, one.above, one.above_seconds) == (0, 1, 10 * MINUTE)
        assert one.totals.on_air == {"live": 10 * MINUTE}


async def test_stretches_are_cut_at_the_edges(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        put = {"kind": "live", "play": "live:1"}
        await aired(office, [DISTRICT], DISTRICT, at(8, 31, 23, 50), 20 * MINUTE, **put)
        # Over three months, and one that still goes on.
        await aired(office, [XUAN_MINH], XUAN_MINH, at(7, 15), at(9, 2) - at(7, 15), kind="relay")
        await aired(office, [NA_KHUONG], NA_KHUONG, office.clock.now - HOUR, None, kind="live")
        # Wholly before and after.
        await aired(office, [DISTRICT], DISTRICT, at(6, 1), HOUR)
        await aired(office, [DISTRICT], DISTRICT, at(9, 30), HOUR)

        told = await report(office, DISTRICT, date(2026, 8, 1), date(2026, 9, 21))
        months = {month.name: totals for month, totals in told.by_month}
        assert list(months) == ["2026-08", "2026-09"]
        assert months["2026-08"].on_air == {"live": 600, "relay": 31 * 24 * HOUR}
        assert months["2026-09"].on_air == {"live": 600 + HOUR, "relay": 24 * HOUR}
        # An item is one of the month in which it began, or of the first that is told of.
        assert (months["2026-08"].items, months["2026-09"].items) == (2, 1)
        assert told.totals.items == 3
        assert told.totals.seconds == 1200 + HOUR + 32 * 24 * HOUR

        # Local days: from midnight in Vietnam.
        day = await report(office, DISTRICT, date(2026, 9, 1), date(2026, 9, 1))
        assert day.totals.on_air == {"live": 600, "relay": 24 * HOUR}


async def test_what_was_merged_counts_for_its_successor(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        gone, heir = office.area(XUAN_MINH), office.area(NA_KHUONG)
        await aired(office, [XUAN_MINH], XUAN_MINH, at(9, 2), 5 * MINUTE, play="a")
        async with office.desk.store.write() as db:
            await db.execute(
                update(AreaRow)
                .where(AreaRow.id == gone.id)
                .values(removed_at=at(9, 10), successor_id=heir.id)
            )
        await office.desk.load()
        told = await report(office, NA_KHUONG, *SEPTEMBER)
        assert told.totals.items == 1 and told.totals.on_air == {"bulletin": 300}
        assert [a.path for a in told.active] == [NA_KHUONG]
        assert (await report(office, "/tuyen-quang", *SEPTEMBER)).totals.items == 0


async def test_emergencies_drills_failures_and_what_was_not_aired(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        news = await bulletin(office, TOP)
        await cue(office, DISTRICT, news, at(9, 2))
        await cue(office, DISTRICT, news, at(9, 3), drill=True, state="stopped")
        await cue(office, DISTRICT, news, at(9, 4), state="waiting")
        await cue(office, DISTRICT, news, at(8, 4))
        await aired(office, [NA_KHUONG, BAN_RUA], NA_KHUONG, at(9, 2), 1.0, kind="relay",
                    failure="the relay does not answer")  # fmt: skip
        thrice = await entry(
            office, XUAN_MINH, news, per_day=3, days=2, expires_at=at(9, 10), not_before=at(9, 8)
        )
        daily = await entry(
            office, NA_KHUONG, news, per_day=1, days=0, expires_at=at(9, 10), not_before=at(9, 8)
        )
        for number in range(4):
            await aired(office, [XUAN_MINH], TOP, at(9, 8, number), 60.0, play=f"p{number}",
                        entry_id=thrice, complete=number != 3)  # fmt: skip
        for number in range(2):
            await aired(office, [NA_KHUONG, BAN_RUA], TOP, at(9, 8 + number), 60.0,
                        play=f"q{number}", entry_id=daily, complete=True)  # fmt: skip
        told = await report(office, TOP, *SEPTEMBER)
        assert (told.totals.emergencies, told.totals.drills, told.totals.failures) == (1, 1, 1)
        assert [f.why for f in told.failures] == ["the relay does not answer"]
        assert [(m.area, m.planned, m.aired) for m in told.missed] == [
            (office.area(XUAN_MINH).id, 6, 3)
        ]
        assert told.totals.missed == 3


async def test_for_people(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        for path in (NA_KHUONG, XUAN_MINH):
            await aired(office, [path], path, at(9, 2), 90.0, play=path, title="=1+1", cls=1,
                        failure="-lỗi\x07")  # fmt: skip
        here = f"/areas/{office.area(DISTRICT).id}/report"
        answer = await office.call("GET", f"{here}?half=2026-2", as_=f"viewer@{DISTRICT}")
        assert (answer["from"], answer["to"]) == ("2026-07-01", "2026-12-31")
        assert answer["total"]["items"] == 2 and answer["total"]["minutes"] == 3.0
        assert answer["by_class"] == [
            {"class": "priority", "drill": False, "language": "vi", "items": 2, "minutes": 3.0,
             "hours_on_air": 0.05}
        ]  # fmt: skip
        assert [m["month"] for m in answer["by_month"]][2:3] == ["2026-09"]

        response = await office.ask("GET", f"{here}.csv?half=2026-2", language="vi")
        async with response:
            assert response.content_type == "text/csv"
            assert "ha-giang-quang-binh-2026-07-01" in response.headers["Content-Disposition"]
            raw = await response.read()
        assert raw.startswith("\ufeff".encode())
        lines = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"))))
        assert lines[0] == ["Báo cáo hoạt động truyền thanh"]
        assert lines[2] == ["Kỳ báo cáo", "từ 01/07/2026 đến 31/12/2026"]
        cells = {cell for line in lines for cell in line}
        assert {"'=1+1", "'-lỗi\x07", "Ưu tiên", "Tiếng Việt"} <= cells
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)

        response = await office.ask("GET", f"{here}.xlsx?half=2026-2", language="en")
        async with response:
            book = load_workbook(io.BytesIO(await response.read()))
        assert book.sheetnames[:3] == ["Summary", "By class and language", "By kind"]
        values = [c for page in book for row in page.iter_rows() for c in row]
        assert "=1+1" in {c.value for c in values} and "-lỗi" in {c.value for c in values}
        assert {c.data_type for c in values} <= {"s", "n"}
        assert book["Summary"]["A1"].value == "Broadcasting report"
        book.close()


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("", "from", "field.missing"),
        ("from=2026-09-01", "to", "field.missing"),
        ("from=2026-09-02&to=2026-09-01", "to", "report.backwards"),
        ("from=2020-09-02&to=2026-09-01", "to", "report.too_long"),
        ("half=2026-3", "half", "report.half"),
        ("half=2026-1&from=2026-01-01", "half", "report.either"),
        ("half=9999-1", "half", "report.half"),
    ],
)
async def test_periods_that_are_none(tmp_path: Path, query: str, field: str, code: str) -> None:
    async with desk_with_sample(tmp_path) as office:
        here = office.area(DISTRICT).id
        answer = await office.call("GET", f"/areas/{here}/report?{query}", status=422)
        assert (field, code) in [(f["field"], f["code"]) for f in answer["error"]["fields"]]
