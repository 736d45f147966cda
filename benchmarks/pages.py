"""The pages in a browser, on a province's database: when can one begin to work?

The whole server with the database of ``province.py`` (2,000 areas, 4,000 bulletins, half a year of
as-run log) and 2,000 receivers; a headless Chromium on the same two cores. Each load is a first
visit: a context of its own with an empty cache, signed in by the API. A page is *ready* when its
heading is there and nothing in it says that it is still busy (``aria-busy``), for good; it is
*interactive* when the last long task (over 50 ms) until then is over. The figure is the median of
some loads, the row is the slowest page's, and the note has all of them.

*Press to sound* is the public page: from the click on "Listen" until the page's own analyser hears
something.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from argon2 import PasswordHasher
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from sqlalchemy import insert

from benchmarks import province
from benchmarks.rows import Missing, Row
from benchmarks.server import LoaServer
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.receivers import ReceiverRow

PAGES = {
    "on air": "/", "studio": "/studio", "bulletins": "/bulletins", "schedule": "/schedule",
    "receivers": "/receivers", "emergency": "/emergency", "reports": "/reports",
    "audit": "/audit", "settings": "/settings", "listen": "/listen",
}  # fmt: skip
RECEIVERS = 2000
INTERACTIVE_S = 1.0
FIRST_PAGE_KB = 300.0
SOUND_S = 1.0
LOADS = 3
QUIET_MS = 1500
LOGIN, PASSWORD = "can-bo-1", "đo thời gian mở trang"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions", "--mute-audio",
         "--disable-dev-shm-usage", "--no-proxy-server",
         "--autoplay-policy=no-user-gesture-required")  # fmt: skip
PROBE = """
(() => {
  const seen = (window.loaSeen = { ready: 0, task: 0, changed: 0 })
  const look = () => {
    seen.changed = performance.now()
    const there = document.querySelector('main h1')?.textContent.trim()
    if (!there || document.querySelector('[aria-busy="true"]')) seen.ready = 0
    else seen.ready ||= performance.now()
  }
  new MutationObserver(look).observe(document, {
    subtree: true, childList: true, characterData: true, attributeFilter: ['aria-busy'],
  })
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      seen.task = Math.max(seen.task, startTime + duration)
  }).observe({ type: 'longtask', buffered: true })
})()
"""
# A function, not words: the policy lets nobody evaluate words.
READY = (
    f"() => loaSeen.ready && performance.now() - Math.max(loaSeen.ready, loaSeen.task) > {QUIET_MS}"
)
BYTES = """
performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource'))
  .filter((entry) => !entry.name.includes('/api/'))
  .reduce((sum, entry) => sum + entry.encodedBodySize, 0)
"""
HEARD = """
async () => {
  const pressed = performance.now()
  document.querySelector('.play').click()
  while (loaPlayer.level() < 0.003) {
    if (performance.now() - pressed > 20000) return NaN
    await new Promise((done) => setTimeout(done, 5))
  }
  return (performance.now() - pressed) / 1000
}
"""


def run(quick: bool) -> list[Row]:
    if not Path(CHROMIUM).exists():
        raise Missing("chromium")
    loads = 1 if quick else LOADS
    with LoaServer(data=build) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), chromium_sandbox=False
        )
        try:
            visit(browser, server.url, "/")  # The server's first answer and the disk's cache.
            took = {
                name: median(visit(browser, server.url, path)["seconds"] for _ in range(loads))
                for name, path in PAGES.items()
            }
            first = visit(browser, server.url, "/")["bytes"] / 1000
            sound = [press(browser, server) for _ in range(loads)]
        finally:
            browser.close()
    name = max(took, key=took.__getitem__)
    note = f"{name}; " + ", ".join(f"{page} {seconds:.2f}" for page, seconds in took.items())
    return [
        Row("the slowest page, until one can work", took[name], "s", INTERACTIVE_S, note=note),
        Row("first page, all that is fetched but data", first, "kB", FIRST_PAGE_KB),
        Row("public page: press to sound", median(sound), "s", SOUND_S),
    ]


def build(data: Path) -> None:
    """Write a province with receivers and somebody who can sign in."""
    province.build(data)
    asyncio.run(_receivers(data))
    with closing(sqlite3.connect(data / "loa.db")) as db, db:
        secret = PasswordHasher().hash(PASSWORD)
        db.execute("update account set password = ? where login = ?", (secret, LOGIN))


async def _receivers(data: Path) -> None:
    now = time.time()
    first = 2 + province.DISTRICTS + province.COMMUNES
    rows = [
        {"area_id": first + number % province.VILLAGES, "name": f"Cụm thu {number} (dữ liệu mẫu)",
         "state": "enrolled", "key": os.urandom(32), "settings": {}, "created_at": now,
         "created_by": "benchmark", "enrolled_at": now,
         "seen_at": now - number}
        for number in range(RECEIVERS)
    ]  # fmt: skip
    store = await Store.open(database_url(None, data))
    try:
        async with store.write() as db:
            await db.execute(insert(ReceiverRow), rows)
    finally:
        await store.close()


def signed_in(browser: Browser, url: str) -> BrowserContext:
    context = browser.new_context(locale="vi-VN")
    answer = context.request.post(
        f"{url}/api/v1/sign-in", data={"login": LOGIN, "password": PASSWORD}
    )
    if not answer.ok:
        raise RuntimeError(f"signing in: {answer.status} {answer.text()}")
    return context


def visit(browser: Browser, url: str, path: str) -> dict[str, Any]:
    """Open a page for the first time; return the seconds until it is interactive, and its bytes."""
    context = signed_in(browser, url)
    try:
        page = context.new_page()
        page.add_init_script(PROBE)
        page.goto(url.rstrip("/") + path)
        page.wait_for_function(READY, timeout=30_000, polling=50)
        seconds = page.evaluate("Math.max(loaSeen.ready, loaSeen.task) / 1000")
        return {"seconds": seconds, "bytes": page.evaluate(BYTES)}
    finally:
        context.close()


def press(browser: Browser, server: LoaServer) -> float:
    """Open the public page of a station that sounds, press, and wait until it is heard."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"{server.url.rstrip('/')}/listen{server.FILE}")
        page.locator(".play:not([disabled])").wait_for()
        return float(page.evaluate(HEARD))
    finally:
        context.close()
