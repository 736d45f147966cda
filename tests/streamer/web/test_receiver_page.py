"""One receiver in a browser: a real box that obeys, what it proved, where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from support.audio import ogg_opus, tone
from support.box import BoxProcess
from support.browser import COMMUNE, Desk, Office, axe, desk, office, shot
from support.crowd import add_crowd, add_history

# A journey of half a minute and more: `make journeys`, which CI runs as well.
pytestmark = pytest.mark.slow

expect.set_options(timeout=20_000)
HOSTILE = 'Trạm "><img src=x onerror="alert(1)"> {{7*7}}'


@pytest.fixture(scope="module", name="office")
def _office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as made:
        add_crowd(made, 2000)
        yield made


@pytest.fixture(scope="module", name="box")
def _box(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    made = office.api.call(
        "POST", "/receivers",
        {"area": office.ids[COMMUNE], "name": HOSTILE, "horns": 2, "latitude": 22.4,
         "longitude": 104.6},
    )  # fmt: skip
    box = BoxProcess(tmp_path_factory.mktemp("box"))
    box.enrol(f"127.0.0.1:{office.server.port}", made["code"])
    box.start()
    try:
        id = made["receiver"]["id"]
        office.api.until(f"/receivers/{id}", lambda one: one["connected"])
        yield made["receiver"]
    finally:
        box.stop()


def tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Các phần").get_by_role("link", name=name).click()


def test_a_box_is_commanded_and_set(desk: Desk, box: dict[str, Any]) -> None:
    api = desk.office.api
    api.approved(desk.office.ids[COMMUNE], "Nhắc tiêm phòng (dữ liệu mẫu)", ogg_opus(tone(2.0)))
    page = desk.sign_in(path=f"/receivers/{box['id']}")
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.get_by_text("● Trực tuyến")).to_be_visible()
    axe(page)

    tab(page, "Lệnh")
    page.get_by_label("Lệnh", exact=True).select_option("volume")
    page.get_by_label("Âm lượng (%)").fill("55")
    page.get_by_role("button", name="Gửi lệnh").click()
    row = page.get_by_role("row", name="Đặt âm lượng: 55%")
    expect(row).to_contain_text("Xong")
    axe(page)
    page.get_by_label("Lệnh", exact=True).select_option("play")
    page.get_by_role("button", name="Gửi lệnh").click()
    expect(page.get_by_role("alert")).to_have_text("Hãy chọn một bản tin.")
    with page.expect_response("**/bulletins?*q=tiem*"):
        page.get_by_role("searchbox").fill("tiem phong")
    page.get_by_label("Nhắc tiêm phòng").check()
    axe(page)
    page.get_by_role("button", name="Gửi lệnh").click()
    expect(page.get_by_role("row", name="Phát bản tin")).to_be_visible()

    tab(page, "Cài đặt")
    routine = page.get_by_label("Thông thường").first
    routine.fill("60")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Đang dùng: 60%")).to_be_visible()
    axe(page)

    tab(page, "Quản lý")
    page.get_by_label("Ghi chú").fill("Khóa hộp ở nhà trưởng thôn")
    tab(page, "Dung lượng")
    page.get_by_role("dialog", name="Chưa lưu").get_by_role("button", name="Ở lại").click()
    # Somebody else is quicker: only what was typed here is sent after theirs was said.
    path = f"/receivers/{box['id']}"
    api.call("PATCH", path, {"horns": 4}, version=api.call("GET", path)["version"])
    desk.allowed.append("412")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_role("listitem").filter(has_text="Số loa: 4")).to_be_visible()
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Đã xong.")).to_be_visible()
    now = api.call("GET", path)
    assert (now["horns"], now["notes"]) == (4, "Khóa hộp ở nhà trưởng thôn")
    page.get_by_role("button", name="Tạo mã mới").click()
    page.get_by_role("dialog").get_by_role("button", name="Tạo mã mới").click()
    expect(page.get_by_role("heading", name="Mã kết nạp dùng một lần")).to_be_visible()
    expect(page.locator("ul.sheet")).to_contain_text(HOSTILE)


def test_what_was_not_measured_is_said(desk: Desk, office: Office) -> None:
    one = office.api.call("GET", "/receivers?limit=1&q=LH-00003")["items"][0]
    add_history(office, one["id"])
    page = desk.sign_in(path=f"/receivers/{one['id']}")
    expect(page.get_by_text("✕ Mất kết nối")).to_be_visible()
    shot(page, "receivers-one")
    tab(page, "Tình trạng")
    expect(page.locator("canvas").first).to_be_visible()
    page.get_by_text("Xem số liệu").first.click()
    expect(page.get_by_role("region", name="Cường độ sóng (%)").locator("tbody tr")).to_have_count(
        96
    )
    axe(page)
    shot(page, "receivers-health")
    tab(page, "Nhật ký phát")
    rows = page.get_by_role("grid").locator("[data-row]")
    expect(rows).to_have_count(4)
    live = rows.filter(has_text="Phát trực tiếp")
    expect(live).to_contain_text("bị ngắt: mất điện")
    cells = live.get_by_role("gridcell")
    said = [cells.nth(at).locator(".value").inner_text() for at in (3, 4, 5, 6)]
    assert said == ["80 giây", "70 giây", "Không đo", "Không đo"]
    expect(rows.filter(has_text="Không phát")).to_contain_text("chưa tải về")
    axe(page)
    shot(page, "receivers-journal")


def test_the_map_needs_nobody_else(browser: Browser, office: Office, box: dict[str, Any]) -> None:
    with desk(browser, office) as other:
        asked: list[str] = []
        other.context.on("request", lambda request: asked.append(request.url))
        page = other.sign_in(path="/receivers/map")
        expect(page.locator(".mark").first).to_be_visible()
        assert page.locator(".mark").count() < 400  # two thousand, clustered
        assert page.locator(".mark.many").count() > 0
        axe(page)
        shot(page, "receivers-map")
        page.get_by_role("searchbox").fill("onerror")
        expect(page.locator(".mark")).to_have_count(1)
        expect(page.locator(".mark.online")).to_be_visible()
        page.locator(".mark").click()
        page.get_by_role("link", name="Mở trang cụm thu", exact=True).click()
        expect(page).to_have_url(re.compile(rf"/receivers/{box['id']}$"))
        assert all(url.startswith((office.url, "blob:", "data:")) for url in asked)
