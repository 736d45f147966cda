"""The schedule: slots in a calendar, the queue in its order, days off."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from playwright.sync_api import Browser, Page, expect

from support.audio import ogg_opus, tone
from support.browser import COMMUNE, DISTRICT, PROVINCE, Desk, Office, axe, desk, shot

# A journey of half a minute and more: `make journeys`, which CI runs as well.
pytestmark = pytest.mark.slow

HOSTILE = '<img src=x onerror="window.broken=1">Buổi tối'
FESTIVAL = "Ngày hội xã (dữ liệu mẫu)"
WATER = "Lịch cấp nước sạch (dữ liệu mẫu)"
VACCINE = "Tiêm phòng dại cho chó mèo (dữ liệu mẫu)"
NIGHT = "Bản tin đêm (dữ liệu mẫu)"
SLOW_MS = 20_000
PLANNED = re.compile(r"Giờ dự kiến:.*\d\d:\d\d (T\d|CN) \d\d/\d\d")


def monday() -> dt.date:
    """The first day of next week, so that nothing depends on today's."""
    here = dt.timezone(dt.timedelta(hours=7))
    today = dt.datetime.now(here).date()
    return today + dt.timedelta(days=7 - today.weekday())


def slot(office: Office, path: str, name: str, first: str, minutes: int, **more: object) -> None:
    """Make a daily slot of a station by the API."""
    body = {"name": name, "first": first, "minutes": minutes, "rrule": "FREQ=DAILY", **more}
    office.api.call("POST", f"/areas/{office.ids[path]}/slots", body)


@pytest.fixture(scope="module", name="sample", autouse=True)
def _sample(office: Office) -> None:
    """Slots of the district and of the commune, a day off, bulletins of both levels."""
    province, district, commune = (office.ids[p] for p in (PROVINCE, DISTRICT, COMMUNE))
    hours = [{"weekdays": list(range(7)), "start": "04:30", "end": "21:00"}]
    policy = office.api.call("GET", f"/areas/{province}/policy")
    office.api.call("PUT", f"/areas/{province}/policy", {"hours": hours}, version=policy["version"])
    slot(office, DISTRICT, "Thời sự huyện", "2026-01-05T18:00", 30)
    slot(office, COMMUNE, "Tiếp sóng huyện", "2026-01-05T18:00", 30, content="upper")
    slot(office, COMMUNE, "Tiếp sóng VOV1", "2026-01-05T11:30", 30, content="relay",
         relay="http://vov.example/vov1")  # fmt: skip
    slot(office, COMMUNE, "Buổi chiều", "2026-01-05T17:00", 45)
    slot(office, COMMUNE, HOSTILE, "2026-01-05T19:30", 30, enabled=False)
    off = monday() + dt.timedelta(days=2)
    office.api.call(
        "POST", f"/areas/{province}/holidays", {"date": off.isoformat(), "name": FESTIVAL}
    )
    sound = ogg_opus(tone(4.0))
    for area, title, more in (
        (commune, WATER, {"per_day": 2, "days": 14}),
        (commune, VACCINE, {"days": 5}),
        (district, "Kế hoạch gieo cấy vụ xuân (dữ liệu mẫu)", {"targets": [commune]}),
        (district, "Phòng chống rét cho gia súc (dữ liệu mẫu)",
         {"class": "priority", "targets": [commune], "days": 2, "per_day": 2}),
        (commune, "Họp các trưởng thôn (dữ liệu mẫu)", {"class": "priority"}),
    ):  # fmt: skip
        office.api.approved(area, title, sound, **more)


def opened(desk: Desk, office: Office, part: str = "", login: str = "lan") -> Page:
    """Sign in and open a part of the commune's schedule."""
    desk.allowed.append("401")
    page = desk.sign_in(login)
    page.goto(f"{office.url}/schedule{part}?area={office.ids[COMMUNE]}&day={monday()}")
    expect(page.get_by_role("heading", name="Lịch phát")).to_be_visible()
    return page


def test_a_slot_made_here_is_in_the_calendar_and_one_that_collides_is_not(
    desk: Desk, office: Office
) -> None:
    page = opened(desk, office)
    calendar = page.get_by_role("region", name="Lịch", exact=True)
    expect(calendar.get_by_text("Buổi chiều").first).to_be_visible(timeout=SLOW_MS)
    expect(calendar.get_by_text("Thời sự huyện").first).to_be_attached()
    expect(calendar.get_by_text(FESTIVAL).first).to_be_attached()
    expect(page.locator("[data-slot]").filter(has_text=HOSTILE)).to_be_visible()

    page.get_by_role("button", name="Thêm khung giờ").click()
    form = page.get_by_role("dialog", name="Khung giờ mới")
    form.get_by_label("Từ giờ").fill("05:00")
    form.get_by_label("Đến giờ").fill("05:45")
    form.get_by_role("button", name="Lưu").click()
    expect(form.get_by_label("Tên khung giờ")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Tên khung giờ").fill("Buổi sáng")
    form.get_by_role("button", name="Thứ hai – thứ sáu").click()
    axe(page)
    shot(page, "schedule-slot")
    form.get_by_role("button", name="Lưu").click()
    expect(form).to_have_count(0)
    listed = page.locator("[data-slot]").filter(has_text="Buổi sáng")
    expect(listed).to_contain_text("T2–T6, 05:00–05:45")
    page.reload()
    expect(page.locator("[data-slot]").filter(has_text="Buổi sáng")).to_be_visible()
    morning = calendar.get_by_role("button").filter(has_text="Buổi sáng")
    expect(morning).to_have_count(5, timeout=SLOW_MS)
    axe(page)
    page.set_viewport_size({"width": 1440, "height": 1150})
    shot(page, "schedule-week")
    page.set_viewport_size({"width": 1280, "height": 720})

    # Sunday evening is taken: the server says by what, and what was typed is still there.
    page.get_by_role("button", name="Thêm khung giờ").click()
    form.get_by_label("Tên khung giờ").fill("Chủ nhật")
    form.get_by_label("Từ giờ").fill("17:30")
    form.get_by_label("Đến giờ").fill("17:50")
    form.get_by_role("button", name="Lưu").click()
    expect(form.get_by_role("alert")).to_contain_text("Buổi chiều")
    expect(form.get_by_label("Tên khung giờ")).to_have_value("Chủ nhật")
    shot(page, "schedule-conflict")
    page.keyboard.press("Escape")
    page.get_by_role("dialog", name="Chưa lưu").get_by_role("button", name="Đóng").last.click()

    # Its time of a day says what is planned; the slot is removed when one has said so.
    calendar.get_by_role("button").filter(has_text="Buổi chiều").last.click()
    details = page.get_by_role("dialog", name="Buổi chiều")
    expect(details).to_contain_text(WATER)
    shot(page, "schedule-window")
    page.keyboard.press("Escape")
    listed.get_by_role("button", name="Xóa").click()
    sure = page.get_by_role("dialog", name="Xóa khung giờ")
    sure.get_by_role("button", name="Xóa").click()
    expect(listed).to_have_count(0)
    assert page.evaluate("window.broken") is None
    desk.allowed.append("409")


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    desk: Desk, office: Office
) -> None:
    slot(office, COMMUNE, "Buổi trưa", "2026-01-05T12:30", 20)
    page = opened(desk, office)
    page.get_by_role("button", name="Sửa khung giờ: Buổi trưa").click()
    form = page.get_by_role("dialog", name="Sửa khung giờ")
    form.get_by_label("Tên khung giờ").fill("Trưa hằng ngày")
    form.get_by_label("Tên khung giờ").press("Escape")
    page.get_by_role("dialog", name="Chưa lưu").get_by_role("button", name="Ở lại").click()
    expect(form.get_by_label("Tên khung giờ")).to_have_value("Trưa hằng ngày")
    slots = office.api.call("GET", f"/areas/{office.ids[COMMUNE]}/slots")["items"]
    noon = next(one for one in slots if one["name"] == "Buổi trưa")
    office.api.call("PATCH", f"/slots/{noon['id']}", {"minutes": 40}, version=noon["version"])
    form.get_by_role("button", name="Lưu").click()
    form.get_by_role("button", name="Lấy bản mới").click()
    expect(form.get_by_label("Đến giờ")).to_have_value("13:10")
    expect(form.get_by_label("Tên khung giờ")).to_have_value("Trưa hằng ngày")
    form.get_by_role("button", name="Lưu").click()
    expect(form).to_have_count(0)
    after = office.api.call("GET", f"/slots/{noon['id']}")
    assert (after["name"], after["minutes"]) == ("Trưa hằng ngày", 40)
    desk.allowed.append("412")


def test_the_queue_is_put_in_order_by_keyboard(desk: Desk, office: Office) -> None:
    page = opened(desk, office, "/queue")
    water = page.locator("[data-entry]").filter(has_text=WATER)
    vaccine = page.locator("[data-entry]").filter(has_text=VACCINE)
    expect(water).to_contain_text(PLANNED, timeout=SLOW_MS)
    routine = page.get_by_role("region", name="Bản tin thông thường").locator("[data-entry]")
    expect(routine.first).to_contain_text(WATER)
    axe(page)
    shot(page, "schedule-queue")

    up = vaccine.get_by_role("button", name="Đưa lên")
    up.focus()
    page.keyboard.press("Enter")
    expect(routine.first).to_contain_text(VACCINE)
    expect(page.get_by_role("status").filter(has_text="vị trí 1 trên")).to_have_count(1)
    expect(vaccine.get_by_role("button", name="Đưa xuống")).to_be_focused()
    page.reload()
    expect(routine.first).to_contain_text(VACCINE)
    handle = page.locator("[data-entry]").filter(has_text="Họp các trưởng thôn")
    priority = page.get_by_role("region", name="Bản tin ưu tiên").locator("[data-entry]")
    expect(priority.last).to_contain_text("Họp các trưởng thôn")
    handle.locator(".handle").drag_to(priority.first)
    expect(priority.first).to_contain_text("Họp các trưởng thôn")

    # Once more, for longer; and out of the queue again.
    page.get_by_role("button", name="Thêm bản tin").click()
    form = page.get_by_role("dialog", name="Thêm bản tin")
    form.get_by_label("Tìm theo tên").fill("nuoc sach")
    form.get_by_role("radio", name=WATER).check()
    form.get_by_label("Số lần mỗi ngày").fill("3")
    form.get_by_label("Trong bao lâu").select_option("until")
    form.get_by_role("button", name="Thêm").click()
    expect(form.get_by_label("Hết hạn")).to_have_attribute("aria-invalid", "true")
    shot(page, "schedule-entry")
    form.get_by_label("Trong bao lâu").select_option("days")
    form.get_by_label("Số ngày").fill("7")
    form.get_by_role("button", name="Thêm").click()
    expect(form).to_have_count(0)
    added = page.locator("[data-entry]").filter(has_text="3 lần mỗi ngày, 7 ngày")
    expect(added).to_be_visible()
    added.get_by_role("button", name="Bỏ khỏi danh sách").click()
    page.get_by_role("dialog").get_by_role("button", name="Bỏ khỏi danh sách").click()
    expect(added).to_have_count(0)

    # What the district sent is the commune's to decline, and to take after all.
    sent = page.locator("[data-entry]").filter(has_text="gieo cấy")
    sent.get_by_role("button", name="Từ chối").click()
    expect(sent).to_have_count(0)
    page.get_by_role("button", name="Nhận lại").click()
    expect(sent).to_have_count(1)
    desk.allowed.append("422")


def test_days_off_are_added_brought_and_removed(desk: Desk, office: Office) -> None:
    page = opened(desk, office, "/holidays")
    inherited = page.get_by_role("row").filter(has_text="Ngày hội xã")
    expect(inherited).to_contain_text("Tỉnh Hà Giang")
    expect(inherited.get_by_role("button")).to_have_count(0)
    year = page.get_by_label("Năm")
    now = int(year.input_value())
    year.select_option(str(now + 1))
    page.get_by_role("button", name="Nhập từ tệp CSV").click()
    form = page.get_by_role("dialog")
    given = f"date,name\n30/4/{now + 1},Ngày Giải phóng miền Nam\n2/9/{now + 1},Quốc khánh\n"
    form.get_by_label("Tệp CSV").set_input_files(
        {"name": "nam.csv", "mimeType": "text/csv", "buffer": given.encode()}
    )
    form.get_by_role("button", name="Xem trước").click()
    expect(form).to_contain_text("Sẽ thêm 2")
    form.get_by_role("button", name="Nhập", exact=True).click()
    row = page.get_by_role("row").filter(has_text="Quốc khánh")
    expect(row).to_contain_text("Địa bàn này")
    page.get_by_label("Ngày", exact=True).fill(f"{now + 1}-05-01")
    page.get_by_label("Tên ngày nghỉ").fill("Quốc tế Lao động")
    page.get_by_role("button", name="Thêm", exact=True).click()
    expect(page.get_by_role("row").filter(has_text="Lao động")).to_be_visible()
    axe(page)
    shot(page, "schedule-holidays")
    row.get_by_role("button").click()
    page.get_by_role("dialog").get_by_role("button", name="Xóa").click()
    expect(row).to_have_count(0)


def test_who_only_looks_has_nothing_to_press(office: Office, browser: Browser) -> None:
    office.person("minh", "viewer", COMMUNE)
    with desk(browser, office, viewport={"width": 390, "height": 844}) as phone:
        page = opened(phone, office, "", "minh")
        calendar = page.get_by_role("region", name="Lịch", exact=True)
        expect(calendar.get_by_text("Buổi chiều").first).to_be_visible(timeout=SLOW_MS)
        for name in ("Thêm", "Sửa", "Xóa"):
            expect(page.get_by_role("button", name=name)).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        axe(page)
        shot(page, "schedule-phone")
        page.get_by_role("link", name="Danh sách chờ phát").click()
        expect(page.locator("[data-entry]").first).to_be_visible()
        expect(page.locator("[data-entry]").get_by_role("button")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shot(page, "schedule-queue-phone")
