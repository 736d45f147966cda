"""Signing in for the first time, one's own account, throttled tries."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from support.browser import COMMUNE, Desk, Office, axe, desk, shot
from support.client import PASSWORD

NEW = "trâu gỗ ăn mây trời"


@pytest.fixture(scope="module", name="minh")
def _minh(office: Office) -> str:
    grant = {"area": office.ids[COMMUNE], "role": "editor"}
    office.api.call(
        "POST", "/accounts",
        {"login": "minh", "name": "Trần Văn Minh", "password": PASSWORD, "grants": [grant]},
    )  # fmt: skip
    return "minh"


def test_a_first_password_is_changed_before_anything_else(desk: Desk, minh: str) -> None:
    desk.allowed += ["401", "422"]
    page = desk.page("/sign-in?to=/account")
    page.get_by_label("Tên đăng nhập").fill(minh)
    page.get_by_label("Mật khẩu").fill(PASSWORD)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page).to_have_title("Đổi mật khẩu · Loa")
    page.goto(f"{desk.office.url}/")
    expect(page).to_have_title("Đổi mật khẩu · Loa")
    page.get_by_label("Mật khẩu hiện nay").fill("sai rồi")
    page.locator("input[autocomplete=new-password]").fill(NEW)
    axe(page)
    shot(page, "sign-in-first-password")
    page.get_by_role("button", name="Đổi mật khẩu").click()
    expect(page.get_by_text("Mật khẩu hiện tại không đúng.")).to_be_visible()
    page.get_by_label("Mật khẩu hiện nay").fill(PASSWORD)
    page.get_by_role("button", name="Đổi mật khẩu").click()
    page.get_by_role("link", name="Trần Văn Minh").click()

    # The account: roles in words, a token that is shown once, sessions, the language.
    expect(page.get_by_text("Biên tập viên").first).to_be_visible()
    page.get_by_role("button", name="Tạo mã truy cập").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Dùng cho việc gì").fill("bảng theo dõi <b>")
    dialog.get_by_role("button", name="Tạo mã truy cập").click()
    expect(dialog.get_by_label("bảng theo dõi <b>")).to_have_value(re.compile("^loa_"))
    dialog.get_by_role("button", name="Đóng").last.click()
    expect(page.get_by_text("bảng theo dõi <b>")).to_be_visible()
    expect(page.get_by_text("thiết bị này")).to_be_visible()
    axe(page)
    shot(page, "account")
    page.get_by_label("Ngôn ngữ").select_option("en")
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
    expect(page).to_have_title("Sign in · Loa")


def test_who_tries_too_often_is_told_how_long_to_wait(browser: Browser, office: Office) -> None:
    for _ in range(10):
        office.api.call(
            "POST", "/sign-in", {"login": "khach", "password": "sai mật khẩu"}, status=401
        )
    with desk(browser, office, viewport={"width": 360, "height": 740}) as phone:
        phone.allowed += ["401", "429"]
        page = phone.page("/sign-in")
        page.get_by_label("Tên đăng nhập").fill("khach")
        page.get_by_label("Mật khẩu").fill("sai mật khẩu")
        page.get_by_role("button", name="Đăng nhập").click()
        expect(page.get_by_role("button", name="Thử lại được sau")).to_be_disabled()
        expect(page.get_by_role("link", name="Nghe đài")).to_be_visible()
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, "the page scrolls sideways"
        axe(page)
        shot(page, "sign-in-throttled")
