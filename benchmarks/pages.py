"""The pages in a browser, on a province's database: when can one begin to work?

The whole server with the database of ``province.py`` (2,000 areas, 4,000 bulletins, half a year of
as-run log), 2,000 receivers with what they told last, and some alerts; a headless Chromium on the
same two cores, over TLS as people have it. Each load is a first visit: a context of its own with an
empty cache, signed in by the API. A page is *ready* when its
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
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from playwright.sync_api import Browser, StorageState, sync_playwright
from sqlalchemy import insert

from benchmarks import province
from benchmarks.pace import pace, slack, told
from benchmarks.rows import Missing, Row
from benchmarks.server import LoaServer
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.receiver_health import AlertRow, HealthHourRow, ReceiverHealthRow
from loa.streamer.store.tables.receivers import ReceiverRow

PAGES = {
    "on air": "/", "studio": "/studio", "bulletins": "/bulletins", "a bulletin": "/bulletins/100",
    "schedule": "/schedule", "queue": "/schedule/queue", "receivers": "/receivers",
    "a receiver": "/receivers/100", "map": "/receivers/map", "alerts": "/receivers/alerts",
    "SIMs": "/sims", "emergency": "/emergency", "time on air": "/reports/aired",
    "proof of play": "/reports/proof", "coverage": "/reports/coverage", "data": "/reports/data",
    "audit": "/audit", "rules": "/settings/rules", "areas": "/settings/areas",
    "people": "/settings/people", "listen": "/listen",
}  # fmt: skip
RECEIVERS = 2000
ALERTS = 40
INTERACTIVE_S = 1.0
FIRST_PAGE_KB = 300.0
SOUND_S = 1.0
LOADS = 3
QUIET_MS = 1500
QUICK_AIRED, QUICK_QUIET_MS = 20_000, 500
"""Of a run that only shows that it works."""
LOGIN, PASSWORD = "can-bo-1", "đo thời gian mở trang"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions", "--mute-audio",
         "--disable-dev-shm-usage", "--no-proxy-server",
         "--autoplay-policy=no-user-gesture-required",
         # The server's certificate is its own, which nobody was told to trust here.
         "--ignore-certificate-errors")  # fmt: skip
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
READY = """
(quiet) => loaSeen.ready && performance.now() - Math.max(loaSeen.ready, loaSeen.task) > quiet
"""
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
    quiet = QUICK_QUIET_MS if quick else QUIET_MS
    aired = QUICK_AIRED if quick else province.AIRED
    with LoaServer(data=lambda data: build(data, aired)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), chromium_sandbox=False
        )
        try:
            url = f"https://{urlsplit(server.receivers).netloc}"
            who = sign_in(browser, url)
            visit(browser, url, "/", who, quiet)  # The server's first answer and the disk's cache.
            took: dict[str, float] = {}
            paces = []
            for name, path in PAGES.items():
                paces.append(pace())
                seen = [visit(browser, url, path, who, quiet)["seconds"] for _ in range(loads)]
                if len(seen) < LOADS and max(seen) > INTERACTIVE_S:
                    # One load may have met with anything: a page is judged by the middle of some.
                    more = range(LOADS - len(seen))
                    seen += [visit(browser, url, path, who, quiet)["seconds"] for _ in more]
                took[name] = median(seen)
            first = visit(browser, url, "/", who, quiet)["bytes"] / 1000
            sound = [press(browser, url, server.FILE) for _ in range(loads)]
        finally:
            browser.close()
    name = max(took, key=took.__getitem__)
    note = f"{name}; " + ", ".join(f"{page} {seconds:.2f}" for page, seconds in took.items())
    note += f"; {told(paces)}"
    return [
        Row("the slowest page, until one can work", took[name], "s", INTERACTIVE_S,
            slack=slack(INTERACTIVE_S, paces), note=note),
        Row("first page, all that is fetched but data", first, "kB", FIRST_PAGE_KB),
        Row("public page: press to sound", median(sound), "s", SOUND_S),
    ]  # fmt: skip


def build(data: Path, aired: int) -> None:
    """Write a province with receivers and somebody who can sign in."""
    province.build(data, aired)
    asyncio.run(_receivers(data))
    with closing(sqlite3.connect(data / "loa.db")) as db, db:
        secret = PasswordHasher().hash(PASSWORD)
        db.execute("update account set password = ? where login = ?", (secret, LOGIN))


async def _receivers(data: Path) -> None:
    now = time.time()
    first = 2 + province.DISTRICTS + province.COMMUNES
    numbers = range(1, RECEIVERS + 1)
    rows = [
        {"id": number, "area_id": first + number % province.VILLAGES,
         "name": f"Cụm thu {number} (dữ liệu mẫu)", "state": "enrolled", "key": os.urandom(32),
         "settings": {}, "created_at": now, "created_by": "benchmark", "enrolled_at": now,
         "seen_at": now - number}
        for number in numbers
    ]  # fmt: skip
    told = [
        {"receiver_id": number, "seen_at": now - number, "reported_at": now - number,
         "values": {"temperature_c": 40 + number % 45, "signal_percent": number % 100,
                    "mains": 1, "battery_percent": 90, "storage_free_mb": 3000,
                    "memory_free_mb": 200},
         "texts": {"version": "0.1.0"}, "troubles": ["heat"] if number % 45 > 40 else []}
        for number in numbers
    ]  # fmt: skip
    hours = [
        {"receiver_id": 100, "hour": int(now / 3600) - hour,
         "values": {"temperature_c": [38, 41.5, 47], "signal_percent": [50, 62, 71]}}
        for hour in range(60 * 24)
    ]  # fmt: skip
    alerts = [
        {"id": number, "trouble": "offline", "area_id": first + number, "together": False,
         "receivers": [number], "missing": [number] if number % 2 else [],
         "began_at": now - 3600 * number, "told_at": now - 3600 * number + 120, "back_at": None,
         "ended_at": None if number % 2 else now - 60}
        for number in range(1, ALERTS + 1)
    ]  # fmt: skip
    store = await Store.open(database_url(None, data))
    try:
        async with store.write() as db:
            for table, some in (
                (ReceiverRow, rows), (ReceiverHealthRow, told), (HealthHourRow, hours),
                (AlertRow, alerts),
            ):  # fmt: skip
                await db.execute(insert(table), some)
    finally:
        await store.close()


def sign_in(browser: Browser, url: str) -> StorageState:
    """Return what a browser has of somebody who has signed in."""
    context = browser.new_context(ignore_https_errors=True)
    try:
        answer = context.request.post(
            f"{url}/api/v1/sign-in", data={"login": LOGIN, "password": PASSWORD}
        )
        if not answer.ok:
            raise RuntimeError(f"signing in: {answer.status} {answer.text()}")
        return context.storage_state()
    finally:
        context.close()


def visit(browser: Browser, url: str, path: str, who: StorageState, quiet: int) -> dict[str, Any]:
    """Open a page for the first time; return the seconds until it is interactive, and its bytes."""
    context = browser.new_context(locale="vi-VN", storage_state=who)
    try:
        page = context.new_page()
        page.add_init_script(PROBE)
        page.goto(url + path)
        page.wait_for_function(READY, arg=quiet, timeout=30_000, polling=50)
        seconds = page.evaluate("Math.max(loaSeen.ready, loaSeen.task) / 1000")
        return {"seconds": seconds, "bytes": page.evaluate(BYTES)}
    finally:
        context.close()


def press(browser: Browser, url: str, station: str) -> float:
    """Open the public page of a station that sounds, press, and wait until it is heard."""
    context = browser.new_context()
    try:
        page = context.new_page()
        page.goto(f"{url}/listen{station}")
        page.locator(".play:not([disabled])").wait_for()
        return float(page.evaluate(HEARD))
    finally:
        context.close()
