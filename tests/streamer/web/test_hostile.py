"""Names that are scripts, in every field that people fill: pages show them as what was typed.

The policy of the server would stop most of what got through; here nothing may even get so far as to
be stopped: no element comes of a name, and the browser has nothing to complain of.
"""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog, expect

from loa.streamer.web.site import SECTIONS
from support.audio import ogg_opus, tone
from support.browser import DISTRICT, PROVINCE, Desk, Office, axe

NAME = '"><img src=x onerror=alert(1)><svg/onload=alert(2)>{{7*7}}${alert(3)}<b class=xss>'
PAGES = ("/", *(f"/{section}" for section in SECTIONS if section not in ("sign-in", "set-up")))
SHORT = '"><img src=x onerror=alert(1)><b class=xss>'
TODAY = time.strftime("%Y-%m-%d")
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


@pytest.fixture(name="corners")
def _corners(office: Office) -> tuple[str, ...]:
    """Put it also where few people look; return the pages and parts of pages that show it there."""
    api = office.api
    area = api.call("GET", f"/areas?path={quote(f'{DISTRICT}/xau')}")["items"][0]["id"]
    api.call(
        "POST", f"/areas/{area}/slots",
        {"name": SHORT, "first": f"{TODAY}T11:00", "minutes": 30, "rrule": "FREQ=DAILY",
         "content": "relay", "relay": f"http://vov.example/{quote('<b>')}"},
    )  # fmt: skip
    api.call("POST", f"/areas/{area}/holidays", {"date": TODAY, "name": SHORT})
    api.call("POST", "/source-tokens", {"area": area, "name": SHORT, "class": "routine"})
    api.call("POST", "/me/tokens", {"name": SHORT, "scopes": ["read"]})
    api.call(
        "POST", "/webhooks",
        {"area": area, "url": "https://nobody.example/?<b+class=xss>", "kinds": ["bulletin."]},
    )  # fmt: skip
    api.call(
        "POST", f"/areas/{area}/spelling", {"language": "vi", "written": SHORT, "spoken": SHORT}
    )
    tariff = api.call(
        "POST", "/tariffs", {"area": area, "name": NAME, "operator": SHORT, "package_bytes": 10**9}
    )["id"]
    box = api.call(
        "POST", "/receivers",
        {"area": area, "name": f"{NAME} 2", "latitude": 22.4, "longitude": 104.6},
    )["receiver"]["id"]  # fmt: skip
    sim = api.call(
        "POST", "/sims",
        {"area": area, "iccid": "8984048000000000001", "operator": SHORT, "tariff": tariff,
         "number": "<b class=xss>1</b>", "notes": NAME},
    )  # fmt: skip
    api.call("PUT", f"/sims/{sim['id']}/receiver", {"receiver": box}, version=sim["version"])
    made = api.call("POST", "/bulletins", {"area": area, "title": NAME, "sign_text": SHORT})["id"]
    api.call("POST", f"/bulletins/{made}/audio", ogg_opus(tone(1)))
    ready = api.until(f"/bulletins/{made}", lambda one: one["audio"]["state"] == "ready")
    sent = api.call("POST", f"/bulletins/{made}/submit", version=ready["version"])
    api.call("POST", f"/bulletins/{made}/reject", {"reason": NAME}, version=sent["version"])
    queued = api.approved(area, NAME, ogg_opus(tone(1)))
    api.call("POST", f"/areas/{area}/queue", {"bulletin": queued, "per_day": 1, "days": 1})
    with closing(sqlite3.connect(office.server.folder / "data/loa.db", timeout=20)) as db, db:
        db.execute(
            "insert into alert (id, trouble, area_id, together, receivers, missing, began_at,"
            " told_at) values (1, 'heat', ?, 0, ?, ?, ?, ?)",
            (area, f"[{box}]", f"[{box}]", time.time() - 60, time.time() - 60),
        )
    parts = ("areas", "rules", "people", "sources", "spelling", "webhooks")
    return (
        *(f"/settings/{part}?area={area}" for part in parts),
        *(f"/reports/{kind}?area={area}" for kind in ("aired", "proof", "coverage", "data")),
        *(f"/schedule{part}?area={area}" for part in ("", "/queue", "/holidays")),
        *(f"/receivers/{box}?tab={tab}" for tab in ("data", "orders", "settings", "manage")),
        "/receivers/map", "/receivers/alerts", "/sims", f"/bulletins/{made}", "/account", "/audit",
    )  # fmt: skip


@pytest.mark.slow
def test_nor_is_it_one_where_few_people_look(
    desk: Desk, office: Office, corners: tuple[str, ...]
) -> None:
    desk.allowed.append("401")
    page = desk.sign_in()
    asked: list[Dialog] = []
    page.on("dialog", lambda dialog: asked.append(dialog))  # noqa: PLW0108
    unseen = []
    for path in corners:
        page.goto(office.url + path)
        expect(page.locator("h1").first).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        said = page.locator("body").filter(has_text=re.compile("onerror=alert|class=xss"))
        try:
            expect(said).to_have_count(1, timeout=3000)
        except AssertionError:
            unseen.append(path)
        assert page.evaluate(FOUND) == 0, path
        if path in ("/sims", "/receivers/alerts"):
            axe(page)
    assert not asked
    assert not unseen, unseen


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
