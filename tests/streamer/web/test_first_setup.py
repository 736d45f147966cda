"""A fresh server: from the printed code to HTTPS that the browser trusts, an account and areas."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect

from support.browser import CHROMIUM, FLAGS, HOST, Desk, Office, axe, chromium, shot
from support.client import PASSWORD, ApiClient
from support.process import LOA, ServerProcess, serving, surroundings

TABLE = """\
path,name,parent,station
/ha-giang,Tỉnh Hà Giang (dữ liệu mẫu),,1
/ha-giang/quang-binh,Huyện Quang Bình (dữ liệu mẫu),/ha-giang,1
/ha-giang/quang-binh/na-khuong,Xã Nà Khương (dữ liệu mẫu),/ha-giang/quang-binh,1
/ha-giang/quang-binh/tan-nam,Xã Tân Nam (dữ liệu mẫu),/ha-giang/quang-binh,1
"""


@dataclass
class Fresh:
    """A server on which ``loa https`` was run, and nothing else yet."""

    server: ServerProcess
    plain: str
    secure: str
    fingerprint: str
    authority: Path


@pytest.fixture(scope="module", name="fresh")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fresh]:
    folder = tmp_path_factory.mktemp("fresh")
    said = subprocess.run(
        [*LOA, "https", "--name", HOST, "--data", str(folder / "data"), "--json"],
        capture_output=True, text=True, check=True, env=surroundings(),
    ).stdout  # fmt: skip
    made = json.loads(said)
    with serving(folder, 'host = "127.0.0.1"\n') as server:
        yield Fresh(
            server, f"http://{HOST}:{server.port}", server.ready["https"], made["fingerprint"],
            Path(made["authority"]),
        )  # fmt: skip


@pytest.fixture(scope="module", name="browser")
def _browser(fresh: Fresh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose device was told to trust the office's authority, as docs/https.md says."""
    home = tmp_path_factory.mktemp("home")
    database = home / ".pki/nssdb"
    database.mkdir(parents=True)
    for words in (
        ["-N", "--empty-password"],
        ["-A", "-t", "C,,", "-n", "Loa", "-i", str(fresh.authority)],
    ):
        subprocess.run(["certutil", "-d", f"sql:{database}", *words], check=True)
    with chromium(home=home) as made:
        yield made


@pytest.fixture(name="desk")
def _desk(browser: Browser, fresh: Fresh) -> Iterator[Desk]:
    context = browser.new_context(locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")
    try:
        office = Office(fresh.server, ApiClient(fresh.server.url), fresh.secure)
        found = Desk(office, context, allowed=["401"])
        yield found
        found.check()
    finally:
        context.close()


def choose_password(page: Page, text: str) -> None:
    page.locator("input[autocomplete=new-password]").fill(text)


def test_from_the_printed_code_to_the_first_page(desk: Desk, fresh: Fresh) -> None:
    # Who has no account is led to the set-up; a page without HTTPS says what to do about it.
    page = desk.page("/")
    expect(page).to_have_url(f"{fresh.secure}/setup")
    desk.office.url = fresh.plain
    page = desk.page("/")
    expect(page).to_have_url(f"{fresh.plain}/setup")
    expect(page.get_by_text("sẽ đi qua mạng mà không được mã hóa")).to_be_visible()
    secure = page.get_by_role("link", name="Thiết lập trên trang an toàn")
    expect(secure).to_have_attribute("href", f"{fresh.secure.rstrip('/')}/setup")
    shot(page, "setup-insecure")
    page.get_by_role("link", name="Cách để máy này tin cậy máy chủ").click()
    expect(page.get_by_text(fresh.fingerprint)).to_be_visible()
    expect(page.get_by_role("link", name="Tải loa-ca.crt")).to_be_visible()
    axe(page)
    shot(page, "https-trust")
    page.get_by_role("link", name=f"{fresh.secure}/").click()

    # Over HTTPS, which the browser trusts now: nothing was told to look away.
    expect(page).to_have_url(f"{fresh.secure}/setup")
    assert page.evaluate("isSecureContext")
    desk.office.url = fresh.secure
    page = desk.page(f"/setup#{fresh.server.ready['setup_code']}")
    expect(page.get_by_label("Mã thiết lập")).to_have_value(fresh.server.ready["setup_code"])
    page.get_by_label("Tên đăng nhập").fill("quan.tri")
    page.get_by_label("Họ và tên").fill("Nguyễn Thị Lan")
    choose_password(page, "1234567890")
    desk.allowed.append("422")
    axe(page)
    shot(page, "setup-administrator")
    page.get_by_role("button", name="Tạo tài khoản").click()
    expect(page.get_by_text("quá dễ đoán")).to_be_visible()
    choose_password(page, PASSWORD)
    page.get_by_role("button", name="Tạo tài khoản").click()

    # The first areas: every mistake is named by its line, then what would be made.
    table = page.get_by_label("Nội dung bảng")
    table.fill(TABLE + "/ha-noi/x,Xã lạc,/ha-noi,1\n")
    page.get_by_role("button", name="Xem trước").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("6")
    axe(page)
    shot(page, "setup-areas-mistake")
    table.fill(TABLE)
    page.get_by_role("button", name="Xem trước").click()
    expect(page.get_by_text("Sẽ thêm mới 4 địa bàn")).to_be_visible()
    shot(page, "setup-areas")
    page.get_by_role("button", name="Nhập bảng này").click()
    expect(page.get_by_role("heading", name="Hệ thống đã sẵn sàng.")).to_be_visible()
    shot(page, "setup-done")
    page.get_by_role("link", name="Vào trang chính").click()
    expect(page.get_by_role("treeitem", name="Tỉnh Hà Giang")).to_be_visible()
    expect(page.get_by_role("treeitem", name="Xã mẫu")).to_have_count(0)

    # From now on there is nothing to be set up.
    page.goto(f"{fresh.secure}/setup")
    expect(page.get_by_text("đã được thiết lập")).to_be_visible()


def test_a_device_that_does_not_trust_it_is_warned(
    browser: Browser, fresh: Fresh, tmp_path: Path
) -> None:
    stranger = browser.browser_type.launch(
        executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=False,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    page = stranger.new_page()
    with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
        page.goto(fresh.secure)
    stranger.close()
