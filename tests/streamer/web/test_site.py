"""How the built pages are served."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from loa.streamer.web.site import SECTIONS, Site

WEB = Path(__file__).resolve().parents[3] / "streamer/web"
FIRST_PAGE = 300_000
"""Bytes of what the first page needs, packed (the issue's figure is 300 kB)."""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    (tmp_path / "web").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>" + "trang " * 100)
    (tmp_path / "web/index-abc.js").write_text("console.log(1)\n" * 50)
    (tmp_path / "secret.txt").write_text("not a page")
    return tmp_path


async def client(folder: Path) -> TestClient[web.Request, web.Application]:
    app = web.Application()
    Site(folder).add_routes(app.router)
    made = TestClient(TestServer(app), auto_decompress=False)
    await made.start_server()
    return made


async def test_every_address_of_a_page_answers_the_one_page(folder: Path) -> None:
    browser = await client(folder)
    try:
        for path in ("/", *(f"/{section}" for section in SECTIONS), f"/{SECTIONS[0]}/a/b"):
            answer = await browser.get(path, headers={"Accept-Encoding": "gzip"})
            assert answer.status == 200 and answer.content_type == "text/html"
            assert answer.headers["Cache-Control"] == "no-cache"
            assert b"trang" in gzip.decompress(await answer.read())
        assert (await browser.get("/secret.txt")).status == 404
        assert (await browser.get("/web/../secret.txt")).status == 404
    finally:
        await browser.close()


async def test_scripts_are_kept_for_ever_and_asked_for_once(folder: Path) -> None:
    browser = await client(folder)
    try:
        answer = await browser.get("/web/index-abc.js", headers={"Accept-Encoding": "identity"})
        assert "immutable" in answer.headers["Cache-Control"]
        assert "Content-Encoding" not in answer.headers
        again = await browser.get(
            "/web/index-abc.js", headers={"If-None-Match": answer.headers["ETag"]}
        )
        assert again.status == 304
        # A tab left open over an update asks for what is no more: no page in a script's place.
        assert (await browser.get("/web/index-old.js")).status == 404
    finally:
        await browser.close()


async def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(folder: Path) -> None:
    browser = await client(folder)
    try:
        for path in ("/", "/web/index-abc.js"):
            policy = (await browser.get(path)).headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    finally:
        await browser.close()


async def test_pages_that_are_not_built_say_how_to(tmp_path: Path) -> None:
    browser = await client(tmp_path / "nothing")
    try:
        answer = await browser.get("/")
        assert answer.status == 503 and "make web" in await answer.text()
    finally:
        await browser.close()


def test_the_server_knows_every_address_that_the_pages_have() -> None:
    """An address that only the pages knew could not be loaded again, nor sent to somebody."""
    routes = (WEB / "src/routes.ts").read_text()
    first = {path.split("/")[1] for path in re.findall(r"^\s+'(/[^']*)':", routes, re.MULTILINE)}
    assert first - {""} == set(SECTIONS)


def test_the_first_page_is_small() -> None:
    """What ``index.html`` itself names, and everything that is imported at once from there."""
    site = Site(WEB / "dist")
    wanted, seen = ["index.html"], set[str]()
    while wanted:
        path = wanted.pop()
        if path in seen:
            continue
        seen.add(path)
        text = site.files[path].body.decode()
        if path.endswith(".html"):
            wanted += re.findall(r'(?:src|href)="/(web/[^"]+)"', text)
        else:
            wanted += ["web/" + name for name in re.findall(r'from"\./([^"]+\.js)"', text)]
    assert len(seen) > 2
    assert sum(len(site.files[p].packed or site.files[p].body) for p in seen) < FIRST_PAGE
