"""Settings: areas, rules with inheritance, people, sources, webhooks; hostile names on the way."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import COMMUNE, DISTRICT, PROVINCE, Desk, Office, axe, desk, shot

# A journey of half a minute and more: `make journeys`, which CI runs as well.
pytestmark = pytest.mark.slow

HOSTILE = '<img src=x onerror="document.title=1">'


@pytest.fixture(name="page")
def _page(desk: Desk) -> Page:
    desk.allowed += ["401"]
    return desk.sign_in(path="/settings/areas")


def choose(page: Page, name: str) -> None:
    """Choose an area in the tree on the left, by its search."""
    page.get_by_label("Tìm địa bàn").first.fill(name)
    page.get_by_role("treeitem", name=name).last.click()


def pick(page: Page, label: str, name: str) -> None:
    """Choose an area for a field of a dialog."""
    page.get_by_role("button", name=label).click()
    inner = page.get_by_role("dialog", name=label)
    inner.get_by_label("Tìm địa bàn").fill(name)
    inner.get_by_role("treeitem", name=name).last.click()


def test_areas_are_added_moved_merged_and_removed(page: Page, desk: Desk) -> None:
    choose(page, "Xã Tân Nam")
    expect(page.get_by_role("heading", name="Xã Tân Nam")).to_be_visible()
    page.get_by_role("button", name="Thêm địa bàn bên dưới").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tên").fill(HOSTILE)
    dialog.get_by_role("button", name="Thêm", exact=True).click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    name = page.get_by_role("textbox", name="Tên", exact=True)
    name.fill("Thôn Nậm Qua")
    page.get_by_role("button", name="Lưu").first.click()
    expect(page.get_by_role("heading", name="Thôn Nậm Qua")).to_be_visible()
    axe(page)
    shot(page, "settings-areas")

    page.get_by_role("button", name="Chuyển sang địa bàn khác").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Tìm địa bàn").fill("Na Khuong")
    dialog.get_by_role("treeitem", name="Xã Nà Khương").click()
    expect(dialog.get_by_text("chuyển chỗ")).to_be_visible()
    shot(page, "settings-areas-move")
    dialog.get_by_role("button", name="Thực hiện").click()
    expect(page.get_by_text("Xã Nà Khương › Thôn Nậm Qua")).to_be_visible()

    page.get_by_role("button", name="Xóa…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("xóa", exact=False).first).to_be_visible()
    dialog.get_by_role("button", name="Thực hiện").click()
    expect(page.get_by_role("heading", name="Xã Nà Khương")).to_be_visible()
    tree = desk.office.api.call("GET", "/areas/tree")["items"]
    assert "Thôn Nậm Qua" not in {area["name"] for area in tree}


def test_rules_say_what_is_said_here_and_what_is_inherited(page: Page, desk: Desk) -> None:
    ids = desk.office.ids
    desk.office.api.call(
        "PUT", f"/areas/{ids[PROVINCE]}/policy",
        {"sessions_a_day": 3, "second_person": True}, version=0,
    )  # fmt: skip
    page.goto(f"{desk.office.url}/settings/rules?area={ids[COMMUNE]}")
    limit = page.get_by_role("region", name="Số buổi phát mỗi ngày")
    expect(limit.get_by_text("theo Tỉnh Hà Giang")).to_be_visible()
    limit.get_by_role("button", name="Đặt riêng ở đây").click()
    limit.get_by_role("spinbutton").fill("2")
    hours = page.get_by_role("region", name="Giờ được phát")
    hours.get_by_role("button", name="Đặt riêng ở đây").click()
    hours.get_by_role("button", name="Thêm khoảng giờ").click()
    hours.get_by_role("button", name="Chủ nhật").click()
    well = page.get_by_role("region", name="Khi nào cụm thu bị coi là có vấn đề")
    well.get_by_role("button", name="Đặt riêng ở đây").click()
    well.get_by_label("Nhiệt độ lên tới").fill("70")
    well.get_by_label("Phát trễ").fill("5")
    well.get_by_label("Phát trễ").press("Tab")
    expect(page.get_by_text("3 thay đổi chưa lưu")).to_be_visible()
    page.get_by_label("Tìm địa bàn").first.fill("Đồng Văn")
    page.get_by_role("treeitem", name="Huyện Đồng Văn").click()
    page.get_by_role("dialog", name="Chưa lưu").get_by_role("button", name="Ở lại").click()

    # Somebody else was quicker: what was typed stays, what they said is there, too.
    desk.allowed.append("412")
    path = f"/areas/{ids[COMMUNE]}/policy"
    version = desk.office.api.call("GET", path)["version"]
    desk.office.api.call("PUT", path, {"session_minutes": 20}, version=version)
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Người khác vừa sửa trước")).to_be_visible()
    expect(page.get_by_text("Số phút mỗi buổi: 20")).to_be_visible()
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("thay đổi chưa lưu")).to_have_count(0)
    expect(page.get_by_text("Đã lưu")).to_be_visible()
    said = desk.office.api.call("GET", path)["said"]
    assert said["sessions_a_day"] == 2
    assert said["session_minutes"] == 20
    assert said["receiver_limits"] == {"heat": 70, "lag": 5000}
    assert said["hours"] == [{"weekdays": [0, 1, 2, 3, 4, 5], "start": "05:00", "end": "06:30"}]
    axe(page)
    shot(page, "settings-rules")
    limit.get_by_role("button", name="Bỏ, theo cấp trên").click()
    page.get_by_role("button", name="Lưu").click()
    expect(limit.get_by_text("theo Tỉnh Hà Giang")).to_be_visible()


def test_people_are_added_and_roles_given_and_taken(page: Page, desk: Desk) -> None:
    desk.allowed += ["409", "422"]
    page.get_by_role("link", name="Người dùng").click()
    page.get_by_role("button", name="Thêm người dùng").click()
    dialog = page.get_by_role("dialog", name="Thêm người dùng")
    dialog.get_by_label("Họ và tên").fill(HOSTILE)
    dialog.get_by_label("Tên đăng nhập").fill("lan")
    pick(page, "Ở địa bàn", "Xã Nà Khương")
    dialog.get_by_role("button", name="Tạo tài khoản").click()
    expect(dialog.get_by_role("alert")).to_contain_text("lan")
    dialog.get_by_label("Tên đăng nhập").fill("hoa.na-khuong")
    axe(page)
    shot(page, "settings-people-new")
    first = dialog.locator("input[autocomplete=new-password]").input_value()
    dialog.get_by_role("button", name="Tạo tài khoản").click()
    handing = page.get_by_role("dialog", name="Đã tạo tài khoản hoa.na-khuong")
    expect(handing.get_by_label("Mật khẩu đầu tiên")).to_have_value(first)
    handing.get_by_role("button", name="Đóng").last.click()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    page.get_by_label("Họ và tên").fill("Vàng Thị Hoa")
    # Who goes away is asked; who was quicker is not overwritten.
    page.get_by_role("button", name="Tất cả người dùng").click()
    page.get_by_role("dialog", name="Chưa lưu").get_by_role("button", name="Ở lại").click()
    api = desk.office.api
    path = f"/accounts/{page.url.split('account=')[1]}"
    api.call("PATCH", path, {"login": "hoa.vang"}, version=api.call("GET", path)["version"])
    desk.allowed.append("412")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_text("Tên đăng nhập: hoa.vang")).to_be_visible()
    expect(page.get_by_label("Họ và tên")).to_have_value("Vàng Thị Hoa")
    page.get_by_role("button", name="Lưu").click()
    expect(page.get_by_role("heading", name="Vàng Thị Hoa")).to_be_visible()
    assert api.call("GET", path)["login"] == "hoa.vang"

    page.get_by_role("button", name="Giao thêm quyền").click()
    dialog = page.get_by_role("dialog", name="Giao thêm quyền")
    dialog.get_by_label("Quyền").select_option("emergency")
    pick(page, "Ở địa bàn", "Huyện Quang Bình")
    dialog.get_by_role("button", name="Giao quyền").click()
    expect(page.get_by_text("Người phát khẩn cấp")).to_be_visible()
    axe(page)
    shot(page, "settings-person")
    page.get_by_role("button", name="Khóa tài khoản").click()
    page.get_by_role("dialog").get_by_role("button", name="Khóa tài khoản").click()
    expect(page.get_by_role("button", name="Mở lại tài khoản")).to_be_visible()
    page.get_by_role("button", name="Tất cả người dùng").click()
    expect(page.get_by_role("row", name="Vàng Thị Hoa")).to_contain_text("đã khóa")


def test_a_source_gets_its_password_once(page: Page, desk: Desk) -> None:
    page.get_by_role("link", name="Nguồn phát").click()
    page.get_by_role("button", name="Tạo mật khẩu nguồn phát").click()
    dialog = page.get_by_role("dialog", name="Tạo mật khẩu nguồn phát")
    dialog.get_by_label("Tên nguồn phát").fill("butt ở phòng thu")
    pick(page, "Phát lên địa bàn", "Huyện Quang Bình")
    dialog.get_by_role("button", name="Tạo mật khẩu").click()
    made = page.get_by_role("dialog", name="Đã tạo nguồn phát")
    expect(made.get_by_text(DISTRICT)).to_be_visible()
    shot(page, "settings-source")
    made.get_by_role("button", name="Đóng").last.click()
    page.get_by_role("button", name="Thu hồi").click()
    page.get_by_role("dialog").get_by_role("button", name="Thu hồi").click()
    expect(page.get_by_text("butt ở phòng thu")).to_have_count(0)
    axe(page)


def test_a_webhook_is_made_and_tried(page: Page, desk: Desk) -> None:
    desk.allowed.append("422")
    page.get_by_role("link", name="Thông báo tự động").click()
    page.get_by_role("button", name="Thêm địa chỉ nhận").click()
    dialog = page.get_by_role("dialog", name="Thêm địa chỉ nhận")
    pick(page, "Địa bàn", "Tỉnh Hà Giang")
    dialog.get_by_label("Địa chỉ web nhận thông báo").fill("http://127.0.0.1:9/x")
    dialog.get_by_role("button", name="Thêm").click()
    expect(dialog.get_by_text("Không gửi được tới địa chỉ này")).to_be_visible()
    dialog.get_by_label("Địa chỉ web nhận thông báo").fill("https://loa.invalid/nhan")
    dialog.get_by_label("Khẩn cấp").check()
    dialog.get_by_role("button", name="Thêm").click()
    page.get_by_role("dialog", name="Đã thêm").get_by_role("button", name="Đóng").last.click()
    page.get_by_text("https://loa.invalid/nhan").click()
    page.get_by_role("button", name="Gửi thử").click()
    expect(page.get_by_text("webhook.test")).to_be_visible()
    expect(page.get_by_text("bỏ cuộc")).to_be_visible()
    axe(page)
    shot(page, "settings-webhooks")


def test_an_editor_sees_rules_and_nothing_to_change(desk: Desk, office: Office) -> None:
    desk.allowed += ["401"]
    page = desk.sign_in(office.person("bien.tap", "editor", COMMUNE), "/settings")
    expect(page.get_by_text("không có quyền sửa quy định")).to_be_visible()
    expect(page.get_by_role("button", name="Lưu")).to_have_count(0)
    expect(page.get_by_role("link", name="Nhật ký hệ thống")).to_have_count(0)
    expect(page.get_by_role("link", name="Người dùng")).to_have_count(0)


def test_on_a_phone_in_the_dark(browser: Browser, office: Office) -> None:
    phone = {"width": 360, "height": 740}
    with desk(browser, office, viewport=phone, color_scheme="dark", has_touch=True) as small:
        small.allowed += ["401"]
        page = small.sign_in(path="/account")
        area = f"?area={office.ids[COMMUNE]}"
        for path, ready in {
            "/account": "Đang đăng nhập ở đâu",
            "/audit": "đăng nhập",
            f"/settings/areas{area}": "Sắp xếp lại",
            f"/settings/rules{area}": "Giờ được phát",
            "/settings/people": "Tình trạng",
            f"/settings/spelling{area}": "Thử một câu",
            "/settings/webhooks": "Khi có việc xảy ra",
        }.items():
            page.goto(office.url + path)
            expect(page.get_by_text(ready).first).to_be_attached()
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth"), path
            if path.startswith(("/account", "/audit", "/settings/rules", "/settings/people")):
                axe(page)
            shot(page, "phone-" + path.partition("?")[0].strip("/").replace("/", "-"))
