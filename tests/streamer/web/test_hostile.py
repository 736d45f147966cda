"""Names that are scripts, in every field that people fill: pages show them as what was typed.

The policy of the server would stop most of what got through; here nothing may even get so far as to
be stopped: no element comes of a name, and the browser has nothing to complain of.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest
from playwright.sync_api import Dialog, expect

from loa.streamer.web.site import SECTIONS
from support.audio import ogg_opus, tone
from support.browser import DISTRICT, PROVINCE, Desk, Office

NAME = '"><img src=x onerror=alert(1)><svg/onload=alert(2)>{{7*7}}${alert(3)}<b class=xss>'
PAGES = ("/", *(f"/{section}" for section in SECTIONS if section not in ("sign-in", "set-up")))
FOUND = "document.querySelectorAll('.xss, img[src=x], svg[onload]').length"


@pytest.fixture(scope="module", name="places", autouse=True)
def _places(office: Office) -> tuple[str, ...]:
    """Put the name wherever the API takes one; return the pages that show one thing alone."""
    api = office.api
    area = api.call(
        "POST", "/areas",
        {"name": NAME, "parent": office.ids[DISTRICT], "word": "xau", "station": True},
    )["id"]  # fmt: skip
    bulletin = api.call(
        "POST", "/bulletins",
        {"area": area, "title": NAME, "notes": NAME, "sign_text": NAME[:200], "targets": [area]},
    )["id"]  # fmt: skip
    api.call(
        "POST", f"/bulletins/{bulletin}/audio?filename=%3Cimg%20src=x%3E.wav", ogg_opus(tone(1))
    )
    receiver = api.call(
        "POST", "/receivers",
        {"area": area, "name": NAME, "notes": NAME, "serial": NAME, "hardware": NAME},
    )["receiver"]["id"]  # fmt: skip
    grant = {"area": office.ids[DISTRICT], "role": "viewer"}
    api.call(
        "POST", "/accounts",
        {"login": "ke-xau", "name": NAME[:80], "password": NAME, "grants": [grant]},
    )  # fmt: skip
    now = time.time()
    with closing(sqlite3.connect(office.server.folder / "data/loa.db", timeout=20)) as db, db:
        db.execute(
            "insert into aired (area_id, from_tick, to_tick, from_unix, to_unix, kind, cls, title,"
            " language, play, complete, audio, skipped, drill, who, why, failure, bulletin_id)"
            " values (?, 2700000000, 2700003000, ?, ?, 'bulletin', 0, ?, 'vi', 'x', 1, '', 0, 0,"
            " ?, 'own', ?, ?)",
            (area, now - 600, now - 540, NAME, NAME, NAME, bulletin),
        )
    return (f"/bulletins/{bulletin}", f"/receivers/{receiver}", "/listen", f"/listen{DISTRICT}/xau")


def test_a_name_that_is_a_script_is_a_name(desk: Desk, office: Office, places: tuple[str, ...]):
    desk.allowed.append("401")
    page = desk.sign_in()
    asked: list[Dialog] = []
    page.on("dialog", lambda dialog: asked.append(dialog))  # noqa: PLW0108
    seen = 0
    for path in (*PAGES, *places):
        page.goto(office.url + path)
        expect(page.locator("h1").first).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert page.evaluate(FOUND) == 0, path
        seen += "onerror=alert" in page.locator("body").inner_text()
    assert not asked
    # It was there to be seen, as it was typed.
    assert seen >= 4
    assert office.ids[PROVINCE]
