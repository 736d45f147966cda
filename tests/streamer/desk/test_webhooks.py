"""Webhooks: who is told what, signed, again and again for a day, and nobody waits for another."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from loa.streamer.core.addresses import networks
from loa.streamer.core.webhooks import TRY_FOR, signature
from loa.streamer.desk import deliveries, webhooks
from loa.streamer.desk.deliveries import Deliveries
from loa.streamer.desk.errors import Conflict, Invalid, Stale
from loa.streamer.desk.webhooks import MAX_AN_AREA, MAX_WAITING, Wishes
from loa.streamer.store.tables.webhooks import DeliveryRow, WebhookRow
from support.desk import Office, desk_with_sample

LOOPBACK = networks(["127.0.0.0/8", "::1"])
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """Somebody who is told, on loopback; ``answers`` by path, 204 else."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, Handler | int] = {}
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._take)
        self.server = TestServer(app)

    async def _take(self, request: web.Request) -> web.StreamResponse:
        self.told.append((request.path, dict(request.headers), await request.read()))
        answer = self.answers.get(request.path, 204)
        if isinstance(answer, int):
            return web.Response(status=answer)
        return await answer(request)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    def kinds(self, path: str) -> list[str]:
        return [json.loads(body)["kind"] for where, _, body in self.told if where == path]


@contextlib.asynccontextmanager
async def telling(tmp_path: Path) -> AsyncIterator[tuple[Office, Deliveries, Receiver]]:
    async with desk_with_sample(tmp_path) as office:
        receiver = Receiver()
        await receiver.server.start_server()
        sender = Deliveries(office.desk, LOOPBACK, timeout=0.5)
        sender.listen()
        try:
            yield office, sender, receiver
        finally:
            await sender.stop()
            await receiver.server.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def hook(office: Office, url: str, path: str = "/ha-giang", *kinds: str) -> WebhookRow:
    return await webhooks.make(
        office.desk, office.server, office.area(path), Wishes(url, kinds), LOOPBACK
    )


async def happen(office: Office, kind: str, path: str = "/ha-giang", **details: object) -> None:
    async with office.desk.work(office.server) as work:
        work.record(kind, area=office.area(path).id, subject="thing/1", **details)


async def rows(office: Office) -> list[DeliveryRow]:
    async with office.desk.store.read() as db:
        return list(await db.scalars(select(DeliveryRow).order_by(DeliveryRow.id)))


async def test_what_happens_on_an_area_and_below_is_told_signed(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):
        row = await hook(office, receiver.url("/a"), "/ha-giang", "bulletin.", "emergency.called")
        below = "/ha-giang/quang-binh/na-khuong"
        await happen(office, "bulletin.approved", below, title="Bản tin sáng")
        await happen(office, "area.renamed", below)
        await happen(office, "emergency.called")
        await happen(office, "emergency.stopped")
        await happen(office, "bulletin.approved", "/tuyen-quang")
        async with office.desk.work(office.server) as work:
            work.record("bulletin.counted")  # of no area
        await sender.round()
        assert receiver.kinds("/a") == ["bulletin.approved", "emergency.called"]
        _, headers, body = receiver.told[0]
        said = json.loads(body)
        assert len(said.pop("id")) == 32
        assert said == {
            "kind": "bulletin.approved",
            "at": "2026-09-21T14:13:20.000Z",
            "who": "loa",
            "area": {
                "id": office.area(below).id, "path": below, "name": office.area(below).name,
            },
            "subject": "thing/1",
            "details": {"title": "Bản tin sáng"},
        }  # fmt: skip
        assert headers["Loa-Signature"] == signature(row.secret, int(office.clock.now), body)
        assert headers["Content-Type"] == "application/json"
        assert [(r.state, r.answer, r.attempts) for r in await rows(office)] == [
            ("delivered", "204", 1)
        ] * 2
        assert office.desk.counters.snapshot()["webhooks.delivered"] == 2


async def test_what_did_not_happen_is_not_told(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):
        await hook(office, receiver.url("/a"))

        async def fail() -> None:
            async with office.desk.work(office.server) as work:
                work.record("bulletin.approved", area=office.area("/ha-giang").id)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        await sender.round()
        assert receiver.told == []


async def test_a_receiver_that_is_not_there_gets_everything_later_in_order(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):
        receiver.answers["/a"] = 503
        await hook(office, receiver.url("/a"))
        for number in range(3):
            await happen(office, f"thing.{'abc'[number]}")
        await sender.round()
        await sender.round()
        assert receiver.kinds("/a") == ["thing.a"]  # the others need not find that out, too
        office.clock.now += 10
        await sender.round()
        assert receiver.kinds("/a") == ["thing.a"] * 2
        receiver.answers["/a"] = 200
        office.clock.now += 29
        await sender.round()
        assert len(receiver.told) == 2
        office.clock.now += 1
        await sender.round()
        assert receiver.kinds("/a") == ["thing.a"] * 3 + ["thing.b", "thing.c"]
        ids = [json.loads(body)["id"] for _, _, body in receiver.told]
        assert len(set(ids[:3])) == 1 and len(set(ids)) == 3  # whoever got it twice can tell


async def test_a_message_that_is_refused_holds_nothing_up(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):

        async def picky(request: web.Request) -> web.StreamResponse:
            bad = (await request.json())["kind"] == "thing.bad"
            return web.Response(status=400 if bad else 200)

        receiver.answers["/a"] = picky
        await hook(office, receiver.url("/a"))
        await happen(office, "thing.bad")
        await happen(office, "thing.good")
        await sender.round()
        assert [(r.kind, r.state, r.answer) for r in await rows(office)] == [
            ("thing.bad", "waiting", "400"), ("thing.good", "delivered", "200"),
        ]  # fmt: skip


async def test_after_a_day_it_is_given_up(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, _):
        await hook(office, "http://127.0.0.1:1024/nobody")
        await happen(office, "thing.done")
        began = office.clock.now
        attempts = 0
        while (await rows(office))[0].state == "waiting":
            assert office.clock.now < began + TRY_FOR + 3601
            await sender.round()
            attempts += 1
            office.clock.now += 3600
        row = (await rows(office))[0]
        assert row.state == "given_up" and row.attempts == 24 and "127.0.0.1" in row.answer
        office.clock.now += deliveries.KEPT
        await sender.round()
        assert await rows(office) == []


async def test_a_slow_one_delays_nobody(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):
        there = asyncio.Event()

        async def slow(_: web.Request) -> web.StreamResponse:
            await there.wait()
            return web.Response()

        receiver.answers["/slow"] = slow
        await hook(office, receiver.url("/slow"))
        await hook(office, receiver.url("/quick"))
        await happen(office, "thing.done")
        sending = asyncio.create_task(sender.round())
        await until(lambda: bool(receiver.kinds("/quick")))
        await sending  # its time runs out
        there.set()
        states = {r.webhook_id: (r.state, r.answer) for r in await rows(office)}
        assert sorted(states.values()) == [("delivered", "204"), ("waiting", "no answer in time")]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(status: int, tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):

        async def elsewhere(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": "/b"})

        receiver.answers["/a"] = elsewhere
        await hook(office, receiver.url("/a"))
        await happen(office, "thing.done")
        await sender.round()
        assert [path for path, _, _ in receiver.told] == ["/a"]
        assert [(r.state, r.answer) for r in await rows(office)] == [("waiting", str(status))]


async def test_an_answer_without_end_is_not_read(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):

        async def endless(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(ConnectionError):
                while True:
                    await response.write(b"x" * 65536)
            return response

        receiver.answers["/a"] = endless
        await hook(office, receiver.url("/a"))
        await happen(office, "thing.done")
        await sender.round()
        assert [r.state for r in await rows(office)] == ["delivered"]


async def test_private_addresses_are_refused_when_it_is_sent(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, _, receiver):
        await hook(office, receiver.url("/a"))
        strict = Deliveries(office.desk)
        await happen(office, "thing.done")
        await strict.round()
        await strict.stop()
        assert receiver.told == []
        assert "is loopback; webhooks go to public addresses only" in (await rows(office))[0].answer


async def test_what_waits_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_WAITING == 1000
    monkeypatch.setattr(webhooks, "MAX_WAITING", 5)
    async with telling(tmp_path) as (office, _, _receiver):
        await hook(office, "https://example.org/a")
        for _ in range(8):
            await happen(office, "thing.done")
        states = [r.state for r in await rows(office)]
        assert states == ["given_up"] * 3 + ["waiting"] * 5
        assert office.desk.counters.snapshot()["webhooks.given_up"] == 3


async def test_it_runs_by_itself_and_a_test_is_sent_at_once(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):
        receiver.answers["/a"] = 500
        row = await hook(office, receiver.url("/a"))
        sender.start()
        await happen(office, "thing.done")
        await until(lambda: "webhooks.failed" in office.desk.counters.snapshot())
        await until(lambda: not sender._sending)
        receiver.answers["/a"] = 200
        await webhooks.test(office.desk, office.server, row.id)
        await until(lambda: "webhook.test" in receiver.kinds("/a"))


async def test_switched_off_it_is_told_nothing(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, sender, receiver):
        row = await hook(office, receiver.url("/a"))
        await happen(office, "thing.before")
        await webhooks.change(office.desk, office.server, row.id, 1, Wishes(enabled=False))
        await happen(office, "thing.meanwhile")
        await sender.round()
        assert receiver.told == []
        with pytest.raises(Conflict):
            await webhooks.test(office.desk, office.server, row.id)
        await webhooks.change(office.desk, office.server, row.id, 2, Wishes(enabled=True))
        await sender.round()
        assert "thing.before" in receiver.kinds("/a")
        assert "thing.meanwhile" not in receiver.kinds("/a")


async def test_changes_know_their_version_and_their_limits(tmp_path: Path) -> None:
    async with telling(tmp_path) as (office, _, _receiver):
        row = await hook(office, "https://example.org/a")
        await webhooks.change(office.desk, office.server, row.id, 1, Wishes(kinds=("area.",)))
        with pytest.raises(Stale):
            await webhooks.change(office.desk, office.server, row.id, 1, Wishes(kinds=()))
        for url in ("ftp://example.org/", "http://10.0.0.1/", "http://a:b@example.org/", "x"):
            with pytest.raises(Invalid) as caught:
                webhooks.check(Wishes(url, ("Bad Kind",)), LOOPBACK)
            assert [f.field for f in caught.value.fields] == ["url", "kinds.0"]
        for _ in range(MAX_AN_AREA - 1):
            await hook(office, "https://example.org/a")
        with pytest.raises(Conflict):
            await hook(office, "https://example.org/a")
        await webhooks.remove(office.desk, office.server, row.id)
        await hook(office, "https://example.org/a")


async def test_by_the_api(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area("/ha-giang/quang-binh").id
        made = await office.call(
            "POST", "/webhooks", status=201,
            json={"area": area, "url": "https://example.org/x", "kinds": ["bulletin."]},
        )  # fmt: skip
        assert len(made["secret"]) == 43
        shown = await office.call("GET", f"/webhooks/{made['id']}")
        assert "secret" not in shown
        listed = await office.call("GET", "/webhooks", as_="administrator@/ha-giang/quang-binh")
        assert listed == {"items": [shown], "next": None}
        nothing = await office.call("GET", "/webhooks", as_="administrator@/tuyen-quang")
        assert nothing["items"] == []
        renewed = await office.call("POST", f"/webhooks/{made['id']}/secret")
        assert renewed["secret"] != made["secret"] and renewed["version"] == 2
        await office.call("POST", f"/webhooks/{made['id']}/test", status=202)
        await office.call("POST", f"/webhooks/{made['id']}/test", status=202)
        first = await office.call("GET", f"/webhooks/{made['id']}/deliveries?limit=1")
        second = await office.call(
            "GET", f"/webhooks/{made['id']}/deliveries?limit=1&after={first['next']}"
        )
        assert first["items"][0]["id"] > second["items"][0]["id"] and second["next"] is None
        refused = await office.call(
            "POST", "/webhooks", status=422,
            json={"area": area, "url": "http://127.0.0.1/x", "kinds": ["Nope"]},
        )  # fmt: skip
        assert [f["field"] for f in refused["error"]["fields"]] == ["url", "kinds.0"]
        await office.call("DELETE", f"/webhooks/{made['id']}")
        await office.call("GET", f"/webhooks/{made['id']}", status=404)
