"""Going live from a page: who may, from which page, for whom; and who may no longer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, make_mocked_request
from sqlalchemy import delete

from loa.codecs import studio
from loa.codecs.studio import Audio, Closed, Hello, Ready
from loa.streamer.http.studio import StudioStaff, own_page
from loa.streamer.ingest.studio import StudioDoor
from loa.streamer.store.tables.people import GrantRow
from support.audio import opus_packets, tone
from support.desk import Office, desk_with_sample
from support.ingest import EverySecondBlock, FakeSources
from support.people import PASSWORD, add_account

COMMUNE = "/ha-giang/quang-binh/na-khuong"
KEY = "k" * 22


@dataclass
class Studio:
    """The studios' door beside a desk, and a browser that signed in."""

    office: Office
    door: StudioDoor
    sources: FakeSources
    server: TestServer
    browser: aiohttp.ClientSession
    csrf: str = ""
    open: list[aiohttp.ClientWebSocketResponse] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    async def connect(
        self, path: str = COMMUNE, *, origin: str | None = None, **hello: Any
    ) -> aiohttp.ClientWebSocketResponse:
        ws = await self.browser.ws_connect(
            f"{self.origin}/api/v1/live{path}",
            headers={"Origin": self.origin if origin is None else origin},
        )
        self.open.append(ws)
        said = {"csrf": self.csrf, "key": KEY, "language": "en", "klass": "routine", **hello}
        await ws.send_str(studio.encode(Hello("Lan", **said)))
        return ws

    async def until(self, what: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not what():  # noqa: ASYNC110 - nobody tells a test
                await asyncio.sleep(0.01)

    async def told(self, path: str = COMMUNE, **hello: Any) -> Ready | Closed:
        ws = await self.connect(path, **hello)
        return await answer(ws)


async def answer(ws: aiohttp.ClientWebSocketResponse) -> Any:
    """Return the next word that is a Ready or a Closed."""
    async with asyncio.timeout(10):
        while True:
            message = studio.parse((await ws.receive()).data)
            if isinstance(message, Ready | Closed):
                return message


@contextlib.asynccontextmanager
async def beside(office: Office, role: str, path: str) -> AsyncIterator[Studio]:
    await add_account(office, role=role, path=path)
    sources = FakeSources()
    staff = StudioStaff(office.desk, office.services.identity)
    door = StudioDoor(sources, office.desk.counters, EverySecondBlock, staff)
    app = web.Application()
    door.add_routes(app.router)
    server = TestServer(app)
    await server.start_server()
    signed_in = await office.call(
        "POST", "/sign-in", as_="nobody",
        json={"login": "lan", "password": PASSWORD, "cookie": True},
    )  # fmt: skip
    cookies = {c.key: c.value for c in office.client.session.cookie_jar}
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookies=cookies, cookie_jar=jar) as browser:
        made = Studio(office, door, sources, server, browser, signed_in["csrf"])
        try:
            yield made
        finally:
            for ws in made.open:
                await ws.close()
            await door.close()
            await server.close()


@pytest.fixture
async def at_commune(tmp_path: Path) -> AsyncIterator[Studio]:
    async with (
        desk_with_sample(tmp_path) as office,
        beside(office, "broadcaster", COMMUNE) as made,
    ):
        yield made


async def test_a_broadcaster_goes_live_from_the_page_and_it_is_on_record(
    at_commune: Studio,
) -> None:
    here = at_commune.office
    below = here.area(COMMUNE + "/ban-rua").id
    ready = await at_commune.told(klass="priority", targets=(below, below))
    assert isinstance(ready, Ready) and (ready.live, ready.returned) == ("1.2.3", False)
    (admitted,) = at_commune.sources.admitted
    assert (admitted.area, admitted.who) == (here.area(COMMUNE).id, "Lan (lan)")
    assert admitted.cls.name == "PRIORITY" and admitted.targets == {below}
    await at_commune.until(lambda: "live.began" in [h.kind for h in here.happened])
    began = [h for h in here.happened if h.kind == "live.began"]
    assert began[0].details == {"class": "priority", "targets": [below], "reason": ""}
    again = await at_commune.told()
    assert isinstance(again, Ready) and again.returned
    assert [h.kind for h in here.happened].count("live.began") == 1


@pytest.mark.parametrize(
    ("path", "hello", "reason"),
    [
        ("/ha-giang", {}, "not_allowed"),
        ("/ha-giang/quang-binh/tien-nguyen", {}, "not_allowed"),
        ("/nowhere", {}, "unknown_area"),
        (COMMUNE, {"klass": "emergency"}, "not_allowed"),
        (COMMUNE, {"targets": (1,)}, "not_allowed"),
        (COMMUNE, {"targets": (10**9,)}, "not_allowed"),
        (COMMUNE, {"csrf": ""}, "signed_out"),
        (COMMUNE, {"csrf": "guessed"}, "signed_out"),
        (COMMUNE, {"key": "short"}, "protocol"),
    ],
)
async def test_who_may_not_is_told_why(
    at_commune: Studio, path: str, hello: dict[str, Any], reason: str
) -> None:
    closed = await at_commune.told(path, **hello)
    assert isinstance(closed, Closed) and closed.reason == reason and closed.text
    assert not at_commune.sources.opened


async def test_who_comes_back_goes_on_where_he_was(at_commune: Studio) -> None:
    first = await at_commune.connect()
    assert isinstance(await answer(first), Ready)
    packets = opus_packets(tone(0.2))
    await first.send_bytes(studio.encode_audio(Audio(5, 0, tuple(packets[:6]))))
    session = await at_commune.sources.session()
    await at_commune.until(lambda: session.samples == 6 * 960)
    # It does not know yet that it lost the connection, and has sent three that have come already.
    second = await at_commune.connect()
    ready = await answer(second)
    assert isinstance(ready, Ready) and ready.returned and ready.next == 11
    session = await at_commune.sources.session()
    await second.send_bytes(studio.encode_audio(Audio(8, 0, tuple(packets[3:]))))
    await at_commune.until(lambda: session.samples == 4 * 960)


async def test_pages_of_other_sites_get_no_websocket(at_commune: Studio) -> None:
    for origin in ("https://evil.example", "null", at_commune.origin + "0", "http://127.0.0.1"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await at_commune.connect(origin=origin)
        assert caught.value.status == 403
    assert at_commune.office.desk.counters.snapshot()["studios.refused.origin"] == 4


async def test_without_a_session_one_is_asked_to_sign_in(at_commune: Studio) -> None:
    at_commune.browser.cookie_jar.clear()
    closed = await at_commune.told()
    assert isinstance(closed, Closed) and closed.reason == "signed_out"


async def test_a_busy_area_says_who_has_it(at_commune: Studio) -> None:
    at_commune.sources.busy = True
    closed = await at_commune.told()
    assert isinstance(closed, Closed)
    assert (closed.reason, closed.by, closed.again) == ("busy", "Mai (mai)", True)


async def test_who_loses_the_right_is_taken_off_the_air(at_commune: Studio) -> None:
    ws = await at_commune.connect()
    assert isinstance(await answer(ws), Ready)
    await ws.send_bytes(studio.encode_audio(Audio(0, 0, tuple(opus_packets(tone(0.1))))))
    session = await at_commune.sources.session()
    at_commune.door.recheck()  # something else changed: nothing happens
    await at_commune.until(lambda: session.blocks)
    assert session.outcome is None
    at_commune.office.desk.bus.subscribe(lambda _: at_commune.door.recheck())
    async with at_commune.office.desk.work(at_commune.office.server) as work:
        await work.db.execute(delete(GrantRow))
        work.record("grant.taken", area=None)
    assert (await answer(ws)).reason == "revoked"
    assert session.outcome == "ended"


async def test_outside_the_hours_a_reason_is_needed(tmp_path: Path) -> None:
    async with (
        desk_with_sample(tmp_path) as office,
        beside(office, "administrator", "/ha-giang") as at,
    ):
        area = office.area(COMMUNE)
        place = f"/areas/{area.id}/policy"
        hours = [{"weekdays": [0, 1, 2, 3, 4, 5, 6], "start": "05:00", "end": "06:00"}]
        policy = await office.call("GET", place)
        version = {"If-Match": f'"{policy["version"]}"'}
        await office.call("PUT", place, json={"hours": hours}, headers=version)
        closed = await at.told()
        assert isinstance(closed, Closed)
        assert (closed.reason, closed.final) == ("outside_hours", False)
        ready = await at.told(reason="bão số 3")
        assert isinstance(ready, Ready)
        policy = await office.call("GET", place)
        version = {"If-Match": f'"{policy["version"]}"'}
        await office.call(
            "PUT", place, json={"hours": hours, "override_hours": False}, headers=version
        )
        # Who is on air comes back all the same; somebody new does not begin.
        assert isinstance(await at.told(), Ready)
        closed = await at.told(key="n" * 22, reason="bão số 3")
        assert isinstance(closed, Closed) and closed.final


async def test_a_second_person_is_not_waited_for_but_asks_for_a_reason(tmp_path: Path) -> None:
    async with (
        desk_with_sample(tmp_path) as office,
        beside(office, "administrator", "/ha-giang") as at,
    ):
        place = f"/areas/{office.area(COMMUNE).id}/policy"
        policy = await office.call("GET", place)
        version = {"If-Match": f'"{policy["version"]}"'}
        await office.call("PUT", place, json={"second_person": True}, headers=version)
        closed = await at.told(klass="emergency")
        assert isinstance(closed, Closed) and closed.reason == "second_person"
        assert isinstance(await at.told(klass="emergency", reason="vỡ đập"), Ready)


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://loa.test:8000", "loa.test:8000", True),
        ("https://loa.test", "loa.test", True),
        ("https://LOA.test", "loa.TEST", True),
        ("https://loa.test:444", "loa.test", False),
        ("https://loa.test.evil.example", "loa.test", False),
        ("https://evil.example", "loa.test", False),
        ("null", "loa.test", False),
        ("", "loa.test", False),
        ("file://loa.test", "loa.test", False),
        ("https://", "", False),
    ],
)
def test_only_a_page_of_this_host_is_our_own(origin: str, host: str, own: bool) -> None:
    headers = {"Origin": origin, "Host": host}
    for tls in (False, True):
        request = make_mocked_request("GET", "/", headers=headers)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("loa.streamer.http.studio.secure", lambda _, tls=tls: tls)
            assert own_page(request) is (own and (not tls or origin.startswith("https:")))
