"""Proof of play in a period: counted by area and day, as JSON, CSV and a workbook."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from openpyxl import load_workbook

from loa.streamer.core.cells import BOM
from support.desk import Office, desk_with_sample
from support.journal import START, stretch
from support.proof import COMMUNE, VILLAGES, Reporting, add_receiver, aired, box_of

TODAY = {"from": "2026-09-21", "to": "2026-09-21"}


async def filled(office: Office, tmp_path: Path) -> list[int]:
    """Two villages with two receivers each; two playings in both, one of them at midnight."""
    areas = [office.area(path).id for path in VILLAGES]
    for path in VILLAGES:
        await aired(office, path, 1)
        # 21:13 local is 10,000 s before midnight: this one is on the next day.
        await aired(office, path, 110)
    boxes = [
        await add_receiver(office.desk, areas[n // 2], f"=Cụm {n}", seen_at=START) for n in range(4)
    ]
    server = await Reporting.start(office.desk)
    told = [
        [stretch(1), stretch(110, late_ms=9000)],
        [stretch(1, sounded=2500), stretch(110, device=0, why_not="too late")],
        # By its own schedule, without the server.
        [stretch(1, device=None), stretch(50, play="own#1"), stretch(110)],
    ]
    for box, some in zip(boxes, told, strict=False):
        of = box_of(tmp_path, box)
        for played in some:
            number = (played.first_tick - stretch(0).first_tick) // 5000
            of.journal.played(replace(played, started=START + 100.0 * number))
        await server.exchange(of, box, areas[boxes.index(box) // 2])
    office.clock.now = START + 40_000
    return boxes


async def test_counted_by_area_and_day(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        boxes = await filled(office, tmp_path)
        area = office.area(COMMUNE).id
        days = {"from": "2026-09-21", "to": "2026-09-22"}
        told = await office.call("GET", f"/areas/{area}/proof", params=days)
        assert (told["receivers"], told["timezone"]) == (4, "Asia/Ho_Chi_Minh")
        total = told["total"]
        assert (total["due"], total["reached"]) == (9, 5)
        assert {name: total[name] for name in ("whole", "late", "unmeasured", "not")} == {
            "whole": 4, "late": 1, "unmeasured": 1, "not": 1,
        }  # fmt: skip
        assert (total["unreported"], total["sounded"], total["sounded_measured"]) == (2, 1, 1)
        assert [(d["day"], d["total"]["due"]) for d in told["by_day"]] == [
            ("2026-09-21", 5), ("2026-09-22", 4),
        ]  # fmt: skip
        assert [(a["area"]["path"], a["total"]["reached"]) for a in told["by_area"]] == [
            (VILLAGES[1], 2), (VILLAGES[0], 3),
        ]  # fmt: skip
        assert [(s["receiver"], s["due"]) for s in told["silent"]] == [(boxes[3], 2)]
        today = await office.call("GET", f"/areas/{area}/proof", params=TODAY)
        assert today["total"]["due"] == 5
        none = await office.call(
            "GET", f"/areas/{office.area('/tuyen-quang').id}/proof", params=TODAY,
            as_="viewer@/tuyen-quang",
        )  # fmt: skip
        assert none["total"]["due"] == 0 and none["total"]["sounded"] is None
        long = {"from": "2026-08-01", "to": "2026-09-22"}
        await office.call("GET", f"/areas/{area}/proof", params=long, status=422)


async def test_as_files_in_both_languages(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await filled(office, tmp_path)
        area = office.area(COMMUNE).id
        async with await office.ask(
            "GET", f"/areas/{area}/proof.csv", params=TODAY, language="vi"
        ) as answer:
            text = (await answer.read()).decode()
        assert text.startswith(BOM) and "na-khuong-proof" in answer.headers["Content-Disposition"]
        rows = list(csv.reader(io.StringIO(text.removeprefix(BOM))))
        assert rows[0] == ["Báo cáo minh chứng phát sóng của cụm thu"]
        summary = {row[0]: row[1] for row in rows[4:20] if len(row) == 2}
        assert summary["Lượt cần phát"] == "5" and summary["Đã phát đủ"] == "3"
        silent = rows[rows.index(["Cụm thu không có báo cáo"]) + 2]
        assert silent[0] == "'=Cụm 3", "no cell is a formula"
        async with await office.ask("GET", f"/areas/{area}/proof.xlsx", params=TODAY) as answer:
            book = load_workbook(io.BytesIO(await answer.read()))
        assert book.sheetnames[0] == "Summary" and len(book.sheetnames) == 5
        cells = {row[0]: row[1] for row in book["Summary"].iter_rows(values_only=True)}
        assert cells["Played to the device"] == 3
        # Only today was measured: on a day without a sensor the cell says so.
        tomorrow = {"from": "2026-09-22", "to": "2026-09-22"}
        async with await office.ask("GET", f"/areas/{area}/proof.xlsx", params=tomorrow) as answer:
            book = load_workbook(io.BytesIO(await answer.read()))
        cells = {row[0]: row[1] for row in book["Summary"].iter_rows(values_only=True)}
        assert cells["Sound measured (microphone, current sensor)"] == "not measured"
