"""The pages of a whole server in a real Chromium, over HTTPS on a host name that is not localhost.

Tests are plain functions: Playwright's own loop runs beside them. A module shares one server and
one browser (fixtures in ``tests/streamer/web/conftest.py``); each test has a context of its own, so
nobody is signed in when it begins. Whatever a page complains of (a script's error, a breach of the
Content-Security-Policy, a failed request) fails the test that opened it.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from certificates import make_certificate
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from support.client import PASSWORD, ApiClient
from support.process import ServerProcess

HOST = "loa.test"
CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps",
    "--disable-extensions", "--disable-dev-shm-usage", "--no-proxy-server", "--mute-audio",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "streamer/web/node_modules/axe-core/axe.min.js"
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
SHOTS = "LOA_TEST_SCREENSHOTS"
"""A folder in the environment: there pictures are kept (``docs/pictures`` for the guides)."""

AREAS = """\
path,name,parent,station,code
/ha-giang,Tỉnh Hà Giang (dữ liệu mẫu),,true,02
/ha-giang/quang-binh,Huyện Quang Bình,/ha-giang,true,
/ha-giang/quang-binh/na-khuong,Xã Nà Khương,/ha-giang/quang-binh,true,
/ha-giang/quang-binh/na-khuong/na-cham,Thôn Nà Chảm,/ha-giang/quang-binh/na-khuong,false,
/ha-giang/quang-binh/tan-nam,Xã Tân Nam,/ha-giang/quang-binh,true,
/ha-giang/dong-van,Huyện Đồng Văn,/ha-giang,true,
"""
PROVINCE, DISTRICT, COMMUNE = (
    "/ha-giang", "/ha-giang/quang-binh", "/ha-giang/quang-binh/na-khuong",
)  # fmt: skip


@dataclass
class Office:
    """A server with an administrator ("lan") and a few areas. ``api`` is the administrator's."""

    server: ServerProcess
    api: ApiClient
    url: str
    """As the browser calls it."""
    ids: dict[str, int] = field(default_factory=dict)
    """The areas by their path."""

    def person(self, login: str, role: str, path: str = PROVINCE) -> str:
        """Make an account with a role, and its password ``PASSWORD``; return the login."""
        first = "mật khẩu đầu tiên, phải đổi"
        account = {"login": login, "name": login.title(), "password": first}
        grants = [{"area": self.ids[path], "role": role}]
        self.api.call("POST", "/accounts", {**account, "grants": grants})
        anyone = ApiClient(self.api.url, trusted=self.api.trusted)
        said = anyone.call("POST", "/sign-in", {"login": login, "password": first, "cookie": False})
        own = ApiClient(self.api.url, said["token"], self.api.trusted)
        own.call("PUT", "/me/password", {"current": first, "password": PASSWORD})
        return login


@contextlib.contextmanager
def office(folder: Path, config: str = "", areas: str = AREAS) -> Iterator[Office]:
    """Start a server over TLS and make what ``Office`` says."""
    cert, key = make_certificate(folder, HOST)
    text = f'{config}\n[tls]\ncert = "{cert}"\nkey = "{key}"\n'
    server = ServerProcess(folder, text)
    try:
        trusted = ssl.create_default_context(cafile=str(cert))
        api = ApiClient.set_up(server.url, server.ready["setup_code"], trusted)
        if areas:
            api.call("POST", "/areas/import", areas.encode(), kind="text/csv")
        ids = {area["path"]: area["id"] for area in api.call("GET", "/areas/tree")["items"]}
        yield Office(server, api, f"https://{HOST}:{server.port}", ids)
    finally:
        server.stop()


@contextlib.contextmanager
def chromium(*flags: str, home: Path | None = None) -> Iterator[Browser]:
    """Start a browser; ``flags`` are more of Chromium's own (a microphone from a file).

    ``home``: the folder of whom it is started for; there lie the authorities that are trusted.
    """
    env = None if home is None else {**os.environ, "HOME": str(home)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*FLAGS, *flags],
            chromium_sandbox=False,
            env=dict(env) if env is not None else None,
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Desk:
    """Somebody's browser. ``problems`` is what its pages complained of."""

    office: Office
    context: BrowserContext
    problems: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    """Parts of complaints that a test provokes."""

    def page(self, path: str = "/") -> Page:
        """Open a page of the server."""
        page = self.context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(self.office.url + path)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.text} ({message.location.get('url', '')})")

    def sign_in(self, login: str = "lan", path: str = "/", language: str = "vi") -> Page:
        """Sign in by the page, and go where ``path`` says."""
        self.context.add_init_script(f"localStorage.setItem('loa.language', '{language}')")
        self.office.api.call("GET", "/me")
        page = self.page(f"/sign-in?to={quote(path)}")
        page.locator("input[autocomplete=username]").fill(login)
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("form button[type=submit]").click()
        page.locator("nav").first.wait_for()
        return page

    def check(self) -> None:
        """Fail with what pages complained of."""
        bad = [one for one in self.problems if not any(part in one for part in self.allowed)]
        assert not bad, "\n".join(bad)


@contextlib.contextmanager
def desk(browser: Browser, office: Office, **context: Any) -> Iterator[Desk]:
    """Give somebody a browser of their own."""
    made = browser.new_context(
        ignore_https_errors=True, locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh", **context
    )
    try:
        found = Desk(office, made)
        yield found
        found.check()
    finally:
        made.close()


def axe(page: Page) -> None:
    """Fail with what axe finds against WCAG 2.2 AA on the page as it is now."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "async (levels) => (await axe.run(document, {runOnly: levels})).violations.map("
        "v => `${v.id}: ${v.help}\\n` + v.nodes.map(n => '  ' + n.html).join('\\n'))",
        list(LEVELS),
    )
    assert not found, "\n".join(found)


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page, where somebody asked for pictures."""
    if folder := os.environ.get(SHOTS):
        page.screenshot(path=Path(folder) / f"{name}.png")
