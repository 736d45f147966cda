"""Signing in and out, in a browser."""

from __future__ import annotations

from playwright.sync_api import expect

from support.browser import Desk, axe, shot


def test_who_is_not_signed_in_is_asked_and_comes_back(desk: Desk) -> None:
    page = desk.page("/")
    desk.allowed.append("401")
    expect(page).to_have_title("Đăng nhập · Loa")
    axe(page)
    shot(page, "sign-in")
    page.get_by_label("Tên đăng nhập").fill("lan")
    page.get_by_label("Mật khẩu").fill("sai rồi")
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_tree_is_searched_without_marks(desk: Desk) -> None:
    desk.allowed.append("401")
    page = desk.sign_in()
    expect(page.get_by_role("treeitem", name="Tỉnh Hà Giang")).to_be_visible()
    axe(page)
    shot(page, "on-air")
