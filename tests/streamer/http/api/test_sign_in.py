"""Signing in: sessions, the cookie and its word against forgery, tries that are limited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from argon2 import PasswordHasher

from loa.streamer.core.rights import Role
from loa.streamer.desk import grants, sessions
from loa.streamer.desk.identity import Identity
from loa.streamer.desk.passwords import Passwords
from loa.streamer.http.api.identify import give_cookie
from loa.streamer.ingest.frontdoor import Peer
from loa.streamer.store.tables.people import AccountRow, SessionRow
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account


async def sign_in(office: Office, **body: Any) -> tuple[int, dict[str, Any]]:
    asked = {"login": "lan", "password": PASSWORD, **body}
    async with office.client.post("/api/v1/sign-in", json=asked) as answer:
        return answer.status, await answer.json()


async def test_a_browser_keeps_a_cookie_and_repeats_the_word(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        async with office.client.post(
            "/api/v1/sign-in", json={"login": "LAN", "password": PASSWORD}
        ) as answer:
            assert answer.status == 200
            cookie = answer.cookies["loa_session"]
            assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/"
            made = await answer.json()
        assert made["token"] is None
        async with office.client.get("/api/v1/me") as answer:
            me = await answer.json()
        assert me["login"] == "lan" and me["csrf"] == made["csrf"]
        assert [(g["path"], g["role"]) for g in me["grants"]] == [("/ha-giang", "administrator")]
        for headers in ({}, {"X-CSRF-Token": "something"}):
            async with office.client.post("/api/v1/sign-out", headers=headers) as answer:
                assert answer.status == 403
                assert (await answer.json())["error"]["code"] == "csrf"
        async with office.client.post(
            "/api/v1/sign-out", headers={"X-CSRF-Token": made["csrf"]}
        ) as answer:
            assert answer.status == 204
        async with office.client.get("/api/v1/me") as answer:
            assert answer.status == 401


async def test_a_session_ends_when_it_is_idle_and_after_a_week(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        _, made = await sign_in(office, cookie=False)
        bearer = {"Authorization": f"Bearer {made['token']}"}

        async def status() -> int:
            async with office.client.get("/api/v1/me", headers=bearer) as answer:
                return answer.status

        for _ in range(14):  # used every 11.9 hours
            assert await status() == 200
            office.clock.now += 11.9 * 3600
        assert await status() == 200
        office.clock.now += 2 * 3600
        assert await status() == 401
        _, made = await sign_in(office, cookie=False)
        bearer = {"Authorization": f"Bearer {made['token']}"}
        office.clock.now += 12 * 3600 - 1
        assert await status() == 200
        office.clock.now += 12 * 3600
        assert await status() == 401


async def test_wrong_passwords_are_limited_and_on_record(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        answers = [await sign_in(office, password="sai sai sai") for _ in range(12)]
        assert [status for status, _ in answers] == [401] * 10 + [429] * 2
        assert answers[0][1] == (await sign_in(office, login="khongco"))[1]
        assert (await sign_in(office))[0] == 429
        office.clock.now += 31
        assert (await sign_in(office))[0] == 200
        kinds = [h.kind for h in office.happened]
        assert kinds == ["sign_in.failed"] * 11 + ["sign_in"]
        async with office.desk.store.read() as db:
            assert await db.get(SessionRow, 1) is not None


async def test_a_stale_cookie_keeps_nobody_from_signing_in(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        assert (await sign_in(office))[0] == 200
        assert (await sign_in(office))[0] == 200
        office.clock.now += 8 * 86_400
        assert (await sign_in(office))[0] == 200


async def test_what_changes_counts_at_once_for_who_is_signed_in(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        account = await add_account(office, role="viewer")
        _, made = await sign_in(office, cookie=False)
        bearer = {"Authorization": f"Bearer {made['token']}"}

        async def status() -> int:
            async with office.client.get("/api/v1/accounts", headers=bearer) as answer:
                return answer.status

        assert await status() == 403
        area = office.area("/ha-giang")
        given = await grants.give(office.desk, office.server, account, area, Role.ADMINISTRATOR)
        assert await status() == 200
        await office.actor("administrator@/ha-giang")
        await grants.take(office.desk, office.server, given.id)
        assert await status() == 403


def test_over_tls_the_cookie_is_secure_and_nobody_elses() -> None:
    request = make_mocked_request("POST", "/api/v1/sign-in")
    for secure, name in ((False, "loa_session"), (True, "__Host-loa_session")):
        request.protocol.peer = Peer("10.0.0.1", 1, secure)  # type: ignore[attr-defined]
        response = web.Response()
        give_cookie(request, response, "x")
        assert list(response.cookies) == [name]
        cookie = response.cookies[name]
        assert bool(cookie["secure"]) is secure
        assert cookie["httponly"] and cookie["samesite"] == "Strict"
        assert cookie["path"] == "/" and not cookie["domain"]


async def test_what_only_looks_like_a_token(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        for said in ("Bearer", "Bearer x", "Bearer loa_x", "Basic eDp5", "Bearer loas_é", ""):
            headers = {"Authorization": said}
            async with office.client.get("/api/v1/me", headers=headers) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["code"] == "token.not_valid"
            async with office.client.get("/api/v1/setup", headers=headers) as answer:
                assert answer.status == 200


async def test_a_password_is_hashed_again_when_hashing_is_made_dearer(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        account = await add_account(office)
        dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
        await sessions.sign_in(
            office.desk, Identity(office.desk, dearer), "lan", PASSWORD, peer="", agent=""
        )
        async with office.desk.store.read() as db:
            row = await db.get(AccountRow, account)
        assert row is not None and "m=16,t=2,p=1" in row.password
        assert (await sign_in(office))[0] == 200


async def test_sessions_are_bounded(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        account = await add_account(office)
        async with office.desk.work(office.server) as work:
            row = await work.db.get(AccountRow, account)
            assert row is not None
            for _ in range(sessions.MOST + 5):
                await sessions.begin(work, row, "", "")
                await work.db.flush()
        async with office.desk.store.read() as db:
            left = await sessions.standing(db, account, office.clock.now)
        assert len(left) == sessions.MOST
