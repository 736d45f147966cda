"""Emergencies in a browser: a drill, the real thing, the second person, who hears it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from support.audio import ogg_opus, tone
from support.browser import COMMUNE, DISTRICT, PROVINCE, Desk, Office, axe, chromium, shot
from support.browser import desk as desk_of
from support.live import boxes

# A journey of half a minute and more: `make journeys`, which CI runs as well.
pytestmark = pytest.mark.slow

SLOW_MS = 20_000
FLOOD = "Bản tin báo lũ (dữ liệu mẫu)"
CALM = '<b onmouseover="window.broken=1">Đính chính (dữ liệu mẫu)'
RECEIVERS = 3


@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator[Browser]:
    with chromium(
        "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
        "--autoplay-policy=no-user-gesture-required",
    ) as made:  # fmt: skip
        yield made


@pytest.fixture(scope="module", name="ready", autouse=True)
def _ready(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two messages that are approved, three boxes in the commune."""
    sound, district = ogg_opus(tone(25.0), packets_a_page=50), office.ids[DISTRICT]
    for title in (FLOOD, CALM):
        office.api.approved(district, title, sound, **{"class": "emergency"})
    with boxes(office, COMMUNE, RECEIVERS, tmp_path_factory.mktemp("boxes")):
        office.api.until(
            "/receivers/status?limit=10",
            lambda said: sum(one["state"] == "online" for one in said["items"]) == RECEIVERS,
        )
        yield


@pytest.fixture(name="quiet", autouse=True)
def _quiet(office: Office) -> Iterator[None]:
    """No emergency is left to the next test."""
    yield
    for one in office.api.call("GET", "/emergencies?limit=20")["items"]:
        if one["state"] in ("waiting", "standing"):
            office.api.call("POST", f"/emergencies/{one['id']}/stop", {"reason": ""})


def choose(page: Page, message: str = FLOOD) -> None:
    """Choose the commune and a message that is ready."""
    page.get_by_label("Tìm địa bàn").fill("na khuong")
    page.get_by_role("treeitem", name="Xã Nà Khương").click()
    page.get_by_role("radio", name=re.compile(re.escape(message))).check()


def test_a_drill_from_the_first_press_to_the_last_horn(desk: Desk) -> None:
    desk.allowed.append("401")
    page = desk.sign_in(path="/emergency")
    expect(page.get_by_text("Bạn đang soạn một lệnh DIỄN TẬP")).to_be_visible()
    # However many are ready: the server looks, too.
    find = page.get_by_label("Tìm bản tin")
    with page.expect_request(re.compile(r"/bulletins\?.*q=bao")):
        find.fill("bao lu")
    expect(page.get_by_role("radio", name=re.compile(re.escape(CALM)))).to_have_count(0)
    choose(page)
    expect(page.get_by_text(f"{RECEIVERS} đang trực tuyến")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Phát diễn tập").click()
    axe(page)
    shot(page, "emergency-drill")
    page.get_by_role("button", name="Bắt đầu diễn tập").click()
    one = page.get_by_role("article")
    expect(one).to_contain_text("ĐANG DIỄN TẬP")
    expect(one).to_contain_text(FLOOD)
    expect(one).to_contain_text(f"{RECEIVERS}/{RECEIVERS}", timeout=SLOW_MS)
    summary = f"Đã phát {RECEIVERS} trên {RECEIVERS} cụm thu, 0 cụm im lặng."
    expect(one.get_by_role("status")).to_have_text(summary, timeout=SLOW_MS)
    axe(page)
    shot(page, "emergency-count")
    page.get_by_role("button", name="Dừng phát").click()
    expect(page.get_by_role("article")).to_have_count(0)
    expect(page.get_by_text("Đã dừng", exact=False).first).to_be_visible()


def test_the_real_thing_asks_for_a_word_and_is_corrected(desk: Desk, office: Office) -> None:
    desk.allowed.append("401")
    page = desk.sign_in(path="/emergency")
    page.get_by_role("radio", name="KHẨN CẤP THẬT").check()
    expect(page.get_by_text("Bạn đang soạn một lệnh KHẨN CẤP THẬT")).to_be_visible()
    page.get_by_label("Tìm bản tin").fill("bao lu")
    choose(page)
    axe(page)
    page.get_by_role("button", name="Phát khẩn cấp thật…", exact=True).click()
    go = page.get_by_role("button", name="PHÁT KHẨN CẤP THẬT", exact=True)
    expect(go).to_be_disabled()
    page.get_by_label("Gõ chữ KHẨN CẤP").fill("khan")
    expect(go).to_be_disabled()
    page.get_by_label("Gõ chữ KHẨN CẤP").fill("khẩn cấp")
    expect(go).to_be_enabled()
    axe(page)
    shot(page, "emergency-real")
    go.click()
    one = page.get_by_role("article")
    expect(one).to_contain_text("ĐANG KHẨN CẤP THẬT")
    page.get_by_role("button", name=f"Đính chính: {FLOOD}").first.click()
    dialog = page.get_by_role("dialog").filter(has_text="Lệnh cũ dừng ngay")
    dialog.get_by_role("radio", name=re.compile("Đính chính")).check()
    axe(page)
    dialog.get_by_role("button", name="Đính chính ngay").click()
    expect(one).to_contain_text("<b onmouseover")
    expect(one).to_have_count(1)
    assert page.evaluate("window.broken") is None
    page.get_by_role("button", name="Dừng phát").click()
    expect(one).to_have_count(0)
    # Stopped first, corrected then.
    page.get_by_role("button", name="Đính chính: <b").click()
    expect(dialog.get_by_role("radio", name="Đọc từ chữ")).to_be_visible()
    expect(dialog.get_by_role("radio", name="Nói trực tiếp")).to_have_count(0)
    dialog.get_by_role("radio", name=re.compile(re.escape(FLOOD))).check()
    axe(page)
    shot(page, "emergency-correct")
    dialog.get_by_role("button", name="Đính chính ngay").click()
    expect(one).to_contain_text(FLOOD)
    page.get_by_role("button", name="Dừng phát").click()
    expect(one).to_have_count(0)


def test_a_second_person_confirms_in_a_browser_of_his_own(
    office: Office, browser: Browser, desk: Desk
) -> None:
    commune = office.ids[COMMUNE]
    policy = office.api.call("GET", f"/areas/{commune}/policy")
    office.api.call(
        "PUT", f"/areas/{commune}/policy", {"second_person": True}, version=policy["version"]
    )
    office.person("hoa", "emergency", DISTRICT)
    desk.allowed.append("401")
    caller = desk.sign_in(path="/emergency")
    with desk_of(browser, office) as other:
        other.allowed.append("401")
        second = other.sign_in("hoa")
        expect(second.get_by_role("link", name="Khẩn cấp")).to_be_visible()
        choose(caller)
        expect(caller.get_by_text("cần người thứ hai xác nhận")).to_be_visible()
        caller.get_by_role("button", name="Phát diễn tập").click()
        caller.get_by_role("button", name="Bắt đầu diễn tập").click()
        expect(caller.get_by_role("article")).to_contain_text("Bạn đã ra lệnh này")
        expect(caller.get_by_role("button", name="Xác nhận và phát")).to_have_count(0)
        second.get_by_role("link", name="Khẩn cấp").click()
        waits = second.get_by_role("article")
        expect(waits).to_contain_text("Chờ người thứ hai xác nhận")
        axe(second)
        shot(second, "emergency-second")
        waits.get_by_role("button", name="Xác nhận và phát").click()
        second.get_by_role("button", name="Bắt đầu diễn tập").last.click()
        expect(caller.get_by_role("article")).to_contain_text("Hoa (hoa) xác nhận")
        expect(caller.get_by_role("article")).not_to_contain_text("Chờ người thứ hai")
        second.get_by_role("button", name="Dừng phát").click()
        expect(caller.get_by_role("article")).to_have_count(0)
    office.api.call(
        "PUT", f"/areas/{commune}/policy", {"second_person": False}, version=policy["version"] + 1
    )


def test_a_message_is_recorded_in_the_page(desk: Desk) -> None:
    desk.allowed.append("401")
    page = desk.sign_in(path="/emergency")
    page.get_by_label("Tìm địa bàn").fill("na khuong")
    page.get_by_role("treeitem", name="Xã Nà Khương").click()
    page.get_by_role("radio", name="Thu âm tại đây").check()
    page.get_by_role("button", name="Bắt đầu thu").click()
    expect(page.get_by_text("Đang thu 0:01")).to_be_visible()
    page.get_by_role("button", name="Dừng thu").click()
    page.get_by_role("button", name="Dùng bản thu này").click()
    expect(page.get_by_text("Đã sẵn sàng để phát")).to_be_visible(timeout=SLOW_MS)
    axe(page)


def test_what_a_voice_says_is_heard_before_it_is_sent(desk: Desk) -> None:
    desk.allowed.append("401")
    page = desk.sign_in(path="/emergency")
    page.get_by_label("Tìm địa bàn").fill("na khuong")
    page.get_by_role("treeitem", name="Xã Nà Khương").click()
    page.get_by_role("radio", name="Đọc từ chữ").check()
    page.get_by_label("Nội dung sẽ đọc").fill("Đây là diễn tập.")
    page.get_by_role("button", name="Tạo giọng đọc").click()
    expect(page.get_by_text("Hãy nghe hết một lần")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Phát diễn tập").click()
    expect(page.get_by_text("Chưa nghe hết bản đọc.")).to_be_visible()
    page.evaluate("document.querySelector('audio').play()")
    expect(page.get_by_text("Đã nghe hết.")).to_be_visible(timeout=SLOW_MS)
    page.get_by_role("button", name="Phát diễn tập").click()
    page.get_by_role("button", name="Bắt đầu diễn tập").click()
    expect(page.get_by_role("article")).to_contain_text("Đây là diễn tập.")


def test_whoever_has_no_right_does_not_even_see_it(office: Office, browser: Browser) -> None:
    office.person("ly", "broadcaster", PROVINCE)
    with desk_of(browser, office, viewport={"width": 390, "height": 844}) as other:
        other.allowed.append("401")
        page = other.sign_in("ly")
        page.get_by_role("button", name="Mục lục").click()
        expect(page.get_by_role("link", name="Đang phát")).to_be_visible()
        expect(page.get_by_role("link", name="Khẩn cấp")).to_have_count(0)
        page.goto(office.url + "/emergency")
        expect(page.get_by_text("Bạn không có quyền phát khẩn cấp")).to_be_visible()
