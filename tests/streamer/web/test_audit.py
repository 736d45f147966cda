"""The audit log: sentences, filters that stand in the address, an export."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from support.browser import COMMUNE, Desk, axe, shot


def test_who_did_what_is_found_and_exported(desk: Desk, tmp_path: Path) -> None:
    office = desk.office
    name = "=HYPERLINK(1)<script>"
    made = office.api.call(
        "POST", "/source-tokens", {"area": office.ids[COMMUNE], "name": name, "class": "routine"}
    )
    for number in range(60):
        office.api.call(
            "PUT", f"/areas/{office.ids[COMMUNE]}/dead-zone",
            {"dead_zone": number % 2 == 0, "note": "khe núi"},
        )  # fmt: skip
    office.api.call("DELETE", f"/source-tokens/{made['id']}")
    desk.allowed += ["401"]
    page = desk.sign_in(path="/audit")
    log = page.get_by_role("list", name="Nhật ký hệ thống")
    expect(log.get_by_role("listitem")).to_have_count(50)
    expect(log).to_contain_text("thu hồi mật khẩu nguồn phát")
    axe(page)
    shot(page, "audit")
    page.get_by_role("button", name="Xem thêm").click()
    expect(log.get_by_text("tạo mật khẩu nguồn phát")).to_be_visible()

    page.get_by_label("Việc gì").select_option("source_token.*")
    expect(log.get_by_role("listitem")).to_have_count(2)
    expect(log).to_contain_text(name)
    page.reload()
    expect(log.get_by_role("listitem")).to_have_count(2)
    log.get_by_text("Chi tiết").first.click()
    expect(log.get_by_text("source_token.revoked")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Xuất CSV").click()
    file = tmp_path / "audit.csv"
    downloading.value.save_as(file)
    text = file.read_bytes().decode("utf-8-sig")
    assert text.count("\r\n") == 3
    assert "“=HYPERLINK(1)<script>”" in text
    log.get_by_role("button", name="Lan").first.click()
    expect(page).to_have_url(re.compile("account="))
    page.get_by_label("Từ ngày").fill("2020-01-02")
    page.get_by_label("Đến hết ngày").fill("2020-01-02")
    expect(page.get_by_text("Không có mục nào như vậy.")).to_be_visible()
    page.get_by_role("button", name="Bỏ lọc").click()
    expect(log.get_by_role("listitem")).to_have_count(50)
