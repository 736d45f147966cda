"""Receivers in a browser: two thousand in a table, commands to many, codes on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import COMMUNE, DISTRICT, Desk, Office, axe, desk, office, shot
from support.crowd import add_crowd

# A journey of half a minute and more: `make journeys`, which CI runs as well.
pytestmark = pytest.mark.slow

MANY = 2000
expect.set_options(timeout=20_000)
HOSTILE = '"><img src=x onerror="alert(1)">{{7*7}}<script>alert(2)</script>'


@pytest.fixture(scope="module", name="office")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as made:
        add_crowd(made, MANY)
        yield made


def grid(page: Page) -> tuple[str, int]:
    """Wait for the table; return the name in its first row and how many rows it has."""
    rows = page.get_by_role("grid")
    expect(rows).to_have_attribute("aria-rowcount", re.compile(r"[1-9]"))
    first = rows.locator("[data-row='0'] [role=gridcell] a").first
    return first.inner_text(), int(rows.get_attribute("aria-rowcount") or 0) - 1


def test_two_thousand_are_found_sorted_and_commanded(desk: Desk) -> None:
    page = desk.sign_in(path="/receivers")
    count = page.get_by_role("search").get_by_role("status")
    expect(count).to_have_text("2.000 / 2.000 cụm thu")
    assert page.locator("[role=row]").count() < 100  # only those that can be seen
    axe(page)
    shot(page, "receivers-table")

    # Marks do not matter; what is looked for is in the address, and comes back with it.
    page.get_by_role("searchbox").fill("truong hoc na khuong")
    expect(count).not_to_have_text("2.000 / 2.000 cụm thu")
    name, some = grid(page)
    assert name.startswith("Trường học") and some < 200
    page.get_by_label("Trạng thái").select_option("silent")
    expect(page).to_have_url(re.compile(r"q=truong\+hoc\+na\+khuong&state=silent"))
    found = count.inner_text()
    page.reload()
    expect(count).to_have_text(found)
    page.get_by_role("button", name="Bỏ lọc").click()

    # By keyboard: one stop, arrows, space with shift.
    page.get_by_role("columnheader", name="Tên").get_by_role("button").click()
    expect(page.get_by_role("columnheader", name="Tên")).to_have_attribute("aria-sort", "ascending")
    page.locator("[data-row='0']").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("Đã chọn 3 cụm thu")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator(f"[data-row='{MANY - 1}']")).to_be_focused()

    # All of them, some of which never enrolled: what came of it is said of each.
    page.get_by_role("checkbox", name="Chọn tất cả").check()
    page.get_by_role("button", name="Ra lệnh cho cụm đã chọn").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Gửi cho 2.000 cụm thu")
    dialog.get_by_label("Lệnh").select_option("sync")
    axe(page)
    dialog.get_by_role("button", name="Gửi lệnh").click()
    expect(dialog).to_contain_text("Đã gửi lệnh cho 1.800 cụm thu")
    expect(dialog).to_contain_text("Không gửi được: 200")
    expect(dialog.get_by_role("listitem").first).to_contain_text("chưa được kết nạp")


def test_codes_are_printed_and_can_be_read_again(desk: Desk, tmp_path: Path) -> None:
    page = desk.sign_in(path="/receivers/enrol")
    axe(page)
    shot(page, "receivers-enrol-form")
    table = page.get_by_label("Hoặc dán bảng")
    table.fill(f"Địa bàn;Tên;Số loa\n{COMMUNE};Nhà văn hóa;hai\n/khong-co;Trường học;2\n")
    page.get_by_role("button", name="Kiểm tra").click()
    expect(page.get_by_role("alert")).to_contain_text("Dòng 2: “hai” không phải là số")
    table.fill(
        f"Địa bàn;Tên;Số loa\n{COMMUNE};Nhà văn hóa (dữ liệu mẫu);2\n/khong-co;Trường học;2\n"
    )
    page.get_by_role("button", name="Kiểm tra").click()
    desk.allowed.append("422")
    expect(page.get_by_role("alert")).to_contain_text("Dòng 3")
    table.fill(
        f"Địa bàn;Tên;Số loa\n{COMMUNE};Nhà văn hóa (dữ liệu mẫu);2\n"
        f'{DISTRICT};"{HOSTILE.replace(chr(34), chr(34) * 2)}";4\n'
    )
    page.get_by_role("button", name="Kiểm tra").click()
    expect(page.get_by_text("Bảng hợp lệ: 2 cụm thu")).to_be_visible()
    page.get_by_role("button", name="Thêm 2 cụm và tạo mã").click()
    cards = page.locator("ul.sheet > li")
    expect(cards).to_have_count(2)
    expect(cards.nth(1)).to_contain_text(HOSTILE)
    code = cards.nth(0).get_by_label("Mã", exact=True).inner_text()
    assert re.fullmatch(r"LOA1(-[0-9A-Z]{4}){9}", code)
    expect(cards.nth(0).locator("code")).to_contain_text("loa receiver enrol loa.test:")
    expect(cards.nth(0).get_by_role("img")).to_be_visible()
    axe(page)
    shot(page, "receivers-enrol")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation")).to_be_hidden()
    paper = page.pdf(path=tmp_path / "sheet.pdf", format="A4")
    assert paper.startswith(b"%PDF")


def test_who_may_only_look_is_shown_nothing_else(browser: Browser, office: Office) -> None:
    with desk(browser, office) as other:
        page = other.sign_in(office.person("xem", "viewer", COMMUNE), path="/receivers")
        expect(page.get_by_role("search").get_by_role("status")).to_contain_text(
            "572 / 572 cụm thu"
        )
        expect(page.get_by_role("checkbox")).to_have_count(0)
        expect(page.get_by_role("link", name="Thêm cụm thu")).to_have_count(0)


def test_on_a_phone_rows_are_cards(browser: Browser, office: Office) -> None:
    with desk(browser, office, viewport={"width": 360, "height": 780}) as phone:
        page = phone.sign_in(path="/receivers")
        expect(page.locator("[data-row='0']")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        axe(page)
        shot(page, "receivers-phone")
