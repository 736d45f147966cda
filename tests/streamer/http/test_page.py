"""The listening page in a real Chromium: what it shows, and that what it plays is audible."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from aiohttp import web
from chromium import chromium
from serving import START_TICK, Serving, serving

from loa.streamer.http.pages import Pages

AREA = "li[data-path='/ha-giang/na-khuong']"


def pages(app: web.Application, server: Serving) -> None:
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
        await browser.open(f"http://{host}:{server.port}/listen")
        await browser.until(f'!!document.querySelector("{AREA} .play")')
        assert await browser.run("loaPlayer.way") == way
        text = await browser.run(f'document.querySelector("{AREA}").innerText')
        assert "Nà Khương" in text and "Bản tin sáng" in text
        words = await browser.run("document.body.innerText")
        assert not any(word in words for word in ("mount", "tick", "carriage"))

        await browser.run(f'document.querySelector("{AREA} .play").click()')
        await browser.until("loaPlayer.state === 'playing'")
        await browser.until("loaPlayer.level() > 0.05")
        assert 0.1 < await heard(browser) < 0.3
        if folder := os.environ.get("LOA_TEST_SCREENSHOTS"):
            await browser.screenshot(Path(folder) / f"page-{way}.png")
        assert server.listeners.on(0) == 1

        # It comes back by itself, and stops when told.
        await browser.run("document.getElementById('language').click()")
        assert "Listening" in await browser.run(f'document.querySelector("{AREA}").innerText')
        await browser.run(f'document.querySelector("{AREA} .play").click()')
        assert await browser.run("loaPlayer.state") == "stopped"
        await server.until(lambda: server.listeners.count == 0)
        await browser.until("loaPlayer.level() === 0")
        assert not browser.log


async def test_it_comes_back_by_itself() -> None:
    async with chromium() as browser:
        async with serving(routes=pages) as server:
            port = server.port
            await browser.open(f"{server.url}/listen")
            await browser.until(f'!!document.querySelector("{AREA} .play")')
            await browser.run(f'document.querySelector("{AREA} .play").click()')
            await browser.until("loaPlayer.level() > 0.05")
        await browser.until("loaPlayer.state === 'waiting'")
        await browser.until("loaPlayer.level() === 0")
        async with serving(routes=pages, port=port):
            await browser.until("loaPlayer.state === 'playing'")
            await browser.until("loaPlayer.level() > 0.05")
            await browser.until("document.getElementById('notice').textContent === ''")


@pytest.mark.slow
async def test_the_browsers_own_player_starts() -> None:
    """An ``<audio>`` element plays nothing before it has some 30 KB, so it gets 12 s at once."""
    async with serving(routes=pages) as server, chromium() as browser:
        await server.until(lambda: server.engine.tick > START_TICK + 14 * 50, 30)
        await browser.open(f"{server.url}/listen?way=element")
        await browser.until(f'!!document.querySelector("{AREA} .play")')
        await browser.run(f'document.querySelector("{AREA} .play").click()')
        await browser.until("loaPlayer.level() > 0.05")
