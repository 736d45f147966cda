"""The listening page in a real Chromium: what it shows, and that what it plays is audible."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aiohttp import web
from chromium import chromium
from serving import START_TICK, Serving, serving

from loa.streamer.http.pages import Pages
from loa.streamer.web.site import Site

READY = "!!document.querySelector('.play:not(:disabled)')"
PRESS = "document.querySelector('.play').click()"
STATION = "/listen/ha-giang/na-khuong"


def pages(app: web.Application, server: Serving) -> None:
    async def again(_: web.Request) -> web.Response:
        return web.json_response({"name": "Nà Khương", "items": []})

    app.router.add_get("/api/v1/again", again)
    Site().add_routes(app.router)
    Pages(server.mounts, server.listeners, "1.2.3", 1_700_000_000).add_routes(app.router)


async def heard(browser: object) -> float:
    """The loudest of some looks at what sounds now."""
    return await browser.run(  # type: ignore[attr-defined, no-any-return]
        "new Promise(done => { let best = 0, n = 0; const look = () => {"
        " best = Math.max(best, loaPlayer.level());"
        " if (++n < 20) setTimeout(look, 50); else done(best); }; look(); })"
    )


@pytest.mark.parametrize("way", ["webcodecs", "mse"])
async def test_a_press_of_play_is_heard(way: str, tmp_path: Path) -> None:
    """A 440 Hz tone of level 0.25 (RMS 0.18) comes out of the page's own analyser.

    Chromium has WebCodecs only where the page is secure: 127.0.0.1 is, loa.example is not.
    """
    async with (
        serving(routes=pages) as server,
        chromium("--host-resolver-rules=MAP loa.example 127.0.0.1") as browser,
    ):
        host = "127.0.0.1" if way == "webcodecs" else "loa.example"
        await browser.open(f"http://{host}:{server.port}{STATION}")
        await browser.until(READY)
        assert await browser.run("loaPlayer.way") == way
        text = await browser.run("document.body.innerText")
        assert "Nà Khương" in text and "Bản tin sáng" in text
        words = await browser.run("document.body.innerText")
        assert not any(word in words for word in ("mount", "tick", "carriage"))

        await browser.run(PRESS)
        await browser.until("loaPlayer.state === 'playing'")
        await browser.until("loaPlayer.level() > 0.05")
        assert 0.1 < await heard(browser) < 0.3
        if folder := os.environ.get("LOA_TEST_SCREENSHOTS"):
            await browser.screenshot(Path(folder) / f"page-{way}.png")
        assert server.listeners.on(0) == 1

        # It comes back by itself, and stops when told.
        await browser.run("document.querySelector('header button').click()")
        assert "Listening" in await browser.run("document.body.innerText")
        await browser.run(PRESS)
        assert await browser.run("loaPlayer.state") == "stopped"
        await server.until(lambda: server.listeners.count == 0)
        await browser.until("loaPlayer.level() === 0")
        assert not browser.log


async def test_it_comes_back_by_itself() -> None:
    async with chromium() as browser:
        async with serving(routes=pages) as server:
            port = server.port
            await browser.open(f"{server.url}{STATION}")
            await browser.until(READY)
            await browser.run(PRESS)
            await browser.until("loaPlayer.level() > 0.05")
        await browser.until("loaPlayer.state === 'waiting'")
        await browser.until("loaPlayer.level() === 0")
        async with serving(routes=pages, port=port):
            await browser.until("loaPlayer.state === 'playing'")
            await browser.until("loaPlayer.level() > 0.05")
            await browser.until("document.querySelector('.state').textContent === 'Đang nghe'")


@pytest.mark.slow
async def test_the_browsers_own_player_starts() -> None:
    """An ``<audio>`` element plays nothing before it has some 30 KB, so it gets 12 s at once."""
    async with serving(routes=pages) as server, chromium() as browser:
        await server.until(lambda: server.engine.tick > START_TICK + 14 * 50, 30)
        await browser.open(f"{server.url}{STATION}?way=element")
        await browser.until(READY)
        await browser.run(PRESS)
        await browser.until("loaPlayer.level() > 0.05")


async def test_stations_are_found_without_marks_and_each_has_a_page() -> None:
    async with serving(routes=pages) as server, chromium() as browser:
        await browser.open(f"{server.url}/listen")
        link = "document.querySelector(`a[data-path='/ha-giang/na-khuong']`)"
        await browser.until(f"!!{link}")
        for typed, found in (("na KHUONG", True), ("khong co", False)):
            await browser.run(
                "(() => { const box = document.querySelector('input[type=search]');"
                f" box.value = '{typed}'; box.dispatchEvent(new Event('input')); }})()"
            )
            await browser.until(f"!!{link} === {str(found).lower()}")
        assert await browser.run("document.querySelector('[role=status]').textContent") != ""
        assert not browser.log


async def test_what_is_no_station_says_so() -> None:
    async with serving(routes=pages) as server, chromium() as browser:
        await browser.open(f"{server.url}/listen/khong-co")
        await browser.until("document.querySelector('h1')?.textContent.includes('Không có')")
