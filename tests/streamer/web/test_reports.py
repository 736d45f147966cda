"""Reports in a browser: seen, filtered, taken along as files, printed."""

from __future__ import annotations

import io
import sqlite3
import time
from contextlib import closing

import pytest
from openpyxl import load_workbook
from playwright.sync_api import expect

from support.browser import COMMUNE, DISTRICT, Desk, Office, axe, shot

HOSTILE = "<img src=x onerror=alert(1)> Tiêm chủng"


@pytest.fixture(scope="module", name="aired", autouse=True)
def _aired(office: Office) -> None:
    """What the commune put on air this morning, written as the server writes it."""
    now = time.time()
    tick = 2_700_000_000
    rows = [
        (office.ids[COMMUNE], tick + 10_000 * number, tick + 10_000 * number + 3000,
         now - 3600 + 100 * number, now - 3540 + 100 * number, "bulletin", number % 2, title, "vi",
         f"{number}@0", True)
        for number, title in enumerate((HOSTILE, "Phòng cháy rừng", "Lịch cắt điện"))
    ]  # fmt: skip
    with closing(sqlite3.connect(office.server.folder / "data/loa.db", timeout=20)) as db, db:
        db.executemany(
            "insert into aired (area_id, from_tick, to_tick, from_unix, to_unix, kind, cls, title,"
            " language, play, complete, audio, skipped, drill, who, why, failure)"
            " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, 0, '', 'own', '')",
            rows,
        )


def test_time_on_air_by_area_and_as_files(desk: Desk) -> None:
    page = desk.sign_in(path="/reports")
    desk.allowed.append("401")
    expect(page.get_by_role("heading", name="Báo cáo")).to_be_visible()
    expect(page.locator("dl div", has_text="Lượt phát").locator("dd").first).to_have_text("3")
    expect(page.get_by_role("grid", name="Theo địa bàn")).to_contain_text("Huyện Quang Bình")
    axe(page)
    shot(page, "reports-aired")

    # Another area, chosen by typing without marks; the address has it, and it holds on reloading.
    page.get_by_role("button", name="Địa bàn: ").click()
    page.get_by_label("Tìm địa bàn").fill("dong van")
    page.get_by_role("treeitem", name="Huyện Đồng Văn").click()
    expect(page.locator("dl div", has_text="Lượt phát").locator("dd").first).to_have_text("0")
    page.reload()
    expect(page.locator("dl div", has_text="Lượt phát").locator("dd").first).to_have_text("0")

    with page.expect_download() as taken:
        page.get_by_role("button", name="Tải Excel").click()
    assert taken.value.suggested_filename.startswith("aired-dong-van-")
    workbook = load_workbook(io.BytesIO(taken.value.path().read_bytes()))
    assert "Huyện Đồng Văn" in str(list(workbook.worksheets[0].values))


@pytest.mark.parametrize("kind", ["proof", "coverage", "data"])
def test_the_other_reports(desk: Desk, office: Office, kind: str) -> None:
    desk.allowed.append("401")
    page = desk.sign_in(path=f"/reports/{kind}?area={office.ids[DISTRICT]}")
    expect(page.locator("[aria-current=page]").last).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)
    if kind == "proof":
        # Nothing was measured, and that is said rather than a nought.
        expect(page.locator("dl")).to_contain_text("Không đo")
    axe(page)
    shot(page, f"reports-{kind}")
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_function("() => document.documentElement.scrollWidth <= 360")
