"""The public page on a whole server: nobody signs in, and axe finds nothing."""

from __future__ import annotations

from playwright.sync_api import expect

from support.browser import Desk, axe, shot


def test_a_station_has_a_page_that_anybody_can_use(desk: Desk) -> None:
    page = desk.page("/listen")
    page.get_by_label("Tìm địa bàn").fill("na khuong")
    page.get_by_role("link", name="Nà Khương").first.click()
    expect(page.get_by_role("heading", name="Xã Nà Khương")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Nghe", exact=True).click()
    expect(page.get_by_text("Đang nghe")).to_be_visible()
    shot(page, "listen-station")
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    shot(page, "listen-phone")


def test_the_list_of_stations(desk: Desk) -> None:
    page = desk.page("/listen")
    expect(page.get_by_role("link", name="Huyện Đồng Văn")).to_be_visible()
    axe(page)
    shot(page, "listen-list")
    # Only what is shown is asked for again.
    with page.expect_response(lambda answer: "/mounts?" in answer.url) as answer:
        page.get_by_label("Tìm địa bàn").fill("dong van")
    named = [mount["name"] for mount in answer.value.json()["mounts"]]
    assert named and all("Đồng Văn" in name for name in named)
    page.get_by_label("Tìm địa bàn").fill("")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Areas")).to_be_visible()
