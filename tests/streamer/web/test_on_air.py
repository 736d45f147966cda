"""What is on air, as it changes, and stopping it by one press."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from support.browser import COMMUNE, DISTRICT, PROVINCE, Desk, Office, axe, desk, shot
from support.live import boxes, on_air

HOSTILE = '"><img src=x onerror="window.broken=1"><b>Bản'
TITLE = "Bản tin buổi sáng (dữ liệu mẫu)"
SLOW_MS = 20_000


@pytest.fixture(scope="module", name="village")
def _village(office: Office) -> str:
    """A village whose name would break a page that puts names together."""
    above = office.ids[COMMUNE]
    made = office.api.call("POST", "/areas", {"name": HOSTILE, "parent": above, "station": True})
    office.ids[made["path"]] = made["id"]
    return str(made["path"])


@pytest.fixture(scope="module", name="horns")
def _horns(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Three boxes in the commune, and one that never came."""
    area = office.ids[COMMUNE]
    office.api.call("POST", "/receivers", {"area": area, "name": "Cụm thu Bản Mạc (dữ liệu mẫu)"})
    with boxes(office, COMMUNE, 3, tmp_path_factory.mktemp("boxes")):
        yield


def test_the_page_follows_what_is_on_air_and_one_press_stops_it(
    office: Office, desk: Desk, horns: None
) -> None:
    desk.allowed.append("401")
    page = desk.sign_in()
    page.evaluate("window.same = true")
    commune = page.locator(f"[data-area='{office.ids[COMMUNE]}']")
    expect(commune).to_be_visible()
    expect(commune).not_to_contain_text("Trực tiếp")
    with on_air(office, COMMUNE, TITLE):
        expect(commune).to_contain_text(TITLE, timeout=SLOW_MS)
        expect(commune).to_contain_text("3 phát", timeout=SLOW_MS)
        stop = page.get_by_role("button", name=f"Dừng phát: {TITLE}")
        expect(stop.first).to_be_visible()
        axe(page)
        shot(page, "onair")

        page.get_by_role("searchbox").fill("na kh")
        expect(page.get_by_role("treeitem", name="Xã Tân Nam")).to_have_count(0)
        expect(commune).to_be_visible()
        page.get_by_role("searchbox").fill("")
        page.get_by_role("button", name="Có cụm thu im lặng").click()
        expect(commune).to_have_count(0)
        page.get_by_role("button", name="Đang phát", exact=True).click()
        expect(page.get_by_role("treeitem", name="Huyện Đồng Văn")).to_have_count(0)

        commune.locator(".name").first.click()
        details = page.get_by_role("dialog")
        expect(details).to_contain_text(TITLE)
        expect(details).to_contain_text("Đang phát ra loa")
        axe(page)
        shot(page, "onair-details")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Tất cả").click()

        # By keyboard, where it stands in the tree: the row's own keys do not get in between.
        commune.get_by_role("button", name=f"Dừng phát: {TITLE}").press("Enter")
        expect(page.get_by_text(f"Đã dừng: {TITLE}")).to_be_visible()
        expect(details).to_have_count(0)
        expect(commune).not_to_contain_text(TITLE)
        expect(stop).to_have_count(0)
    assert page.evaluate("window.same") is True, "the page was loaded again"


def test_who_only_looks_has_nothing_to_press_and_names_are_names(
    office: Office, browser: Browser, village: str
) -> None:
    office.person("minh", "viewer", DISTRICT)
    with (
        desk(browser, office, viewport={"width": 390, "height": 844}) as phone,
        on_air(office, village, HOSTILE),
    ):
        phone.allowed.append("401")
        page = phone.sign_in("minh")
        expect(page.get_by_role("treeitem", name="Tỉnh Hà Giang")).to_have_count(0)
        one = page.get_by_role("treeitem").filter(has_text="Trực tiếp")
        expect(one.first).to_contain_text("<b>", timeout=SLOW_MS)
        expect(page.get_by_role("button", name="Dừng")).to_have_count(0)
        assert page.evaluate("window.broken") is None
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        axe(page)
        shot(page, "onair-phone")


def test_a_lost_connection_is_said_calmly_and_comes_back(desk: Desk, office: Office) -> None:
    desk.allowed += ["401", "ERR_INTERNET_DISCONNECTED", "ERR_"]
    page = desk.sign_in()
    expect(page.get_by_role("treeitem").first).to_be_visible()
    desk.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('online'))")
    banner = page.get_by_text("Mất liên lạc với máy chủ")
    expect(banner).to_be_visible()
    desk.context.set_offline(False)
    expect(banner).to_have_count(0, timeout=SLOW_MS)


def test_a_session_that_ends_ends_its_stream(desk: Desk, office: Office) -> None:
    desk.allowed.append("401")
    page = desk.sign_in(office.person("thoa", "viewer", PROVINCE))
    expect(page.get_by_role("treeitem").first).to_be_visible()
    accounts = office.api.call("GET", "/accounts?limit=100")["items"]
    thoa = next(one for one in accounts if one["login"] == "thoa")
    office.api.call("PATCH", f"/accounts/{thoa['id']}", {"disabled": True}, version=thoa["version"])
    expect(page.get_by_role("dialog")).to_contain_text("Phiên làm việc đã hết", timeout=SLOW_MS)
