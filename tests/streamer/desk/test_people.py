"""The first administrator, accounts, roles: what is refused, and what follows of what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loa.streamer.core.rights import Role
from loa.streamer.desk import grants, people
from loa.streamer.desk.errors import Conflict
from support.desk import Office, desk_with_sample
from support.people import PASSWORD, add_account

TOP = "administrator@/ha-giang"
COMMUNE = "administrator@/ha-giang/quang-binh/na-khuong"
NEW = "một mật khẩu mới"


async def raw(office: Office, method: str, path: str, **request: Any) -> tuple[int, Any]:
    """Ask without a test's identity."""
    async with office.client.request(method, "/api/v1" + path, **request) as answer:
        return answer.status, await answer.json() if answer.content_length else None


async def bearer(office: Office, login: str, password: str = PASSWORD) -> dict[str, str]:
    body = {"login": login, "password": password, "cookie": False}
    status, made = await raw(office, "POST", "/sign-in", json=body)
    assert status == 200, made
    return {"Authorization": f"Bearer {made['token']}"}


def new(office: Office, login: str, *given: tuple[str, str]) -> dict[str, Any]:
    roles = [{"area": office.area(path).id, "role": role} for role, path in given]
    return {"login": login, "name": "Lan", "password": PASSWORD, "grants": roles}


# --- the first start


async def test_the_first_administrator_is_made_with_the_code_of_the_newest_start(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office:
        first = await people.ensure_setup_code(office.desk)
        code = await people.ensure_setup_code(office.desk)
        assert first and code and first != code
        body = {"login": "Lan", "name": "Lan", "password": PASSWORD, "cookie": False}
        status, answer = await raw(office, "POST", "/setup", json={**body, "code": first})
        assert (status, answer["error"]["fields"][0]["code"]) == (422, "setup.code_wrong")
        assert (await raw(office, "GET", "/setup"))[1] == {"awaited": True, "first": True}
        typed = code.lower().replace("-", " ")
        status, made = await raw(office, "POST", "/setup", json={**body, "code": typed})
        assert status == 200 and made["login"] == "lan"
        headers = {"Authorization": f"Bearer {made['token']}"}
        me = (await raw(office, "GET", "/me", headers=headers))[1]
        assert {(g["path"], g["role"]) for g in me["grants"]} == {
            ("/ha-giang", "administrator"),
            ("/tuyen-quang", "administrator"),
        }
        assert await people.ensure_setup_code(office.desk) is None
        assert (await raw(office, "GET", "/setup"))[1] == {"awaited": False, "first": False}
        body["login"] = "nam"
        status, answer = await raw(office, "POST", "/setup", json={**body, "code": code})
        assert (status, answer["error"]["code"]) == (409, "setup.done")


async def test_codes_cannot_be_guessed_quickly(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await people.ensure_setup_code(office.desk)
        body = {"login": "lan", "name": "Lan", "password": PASSWORD, "code": "AAAAA"}
        statuses = [(await raw(office, "POST", "/setup", json=body))[0] for _ in range(25)]
        assert statuses == [422] * 20 + [429] * 5


async def test_a_recovery_code_is_good_for_a_day_and_on_record(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office)
        code = await people.recover(office.desk)
        assert office.happened[-1].kind == "setup.code_made"
        assert office.happened[-1].who == "loa users recover"
        body = {"login": "nam", "name": "Nam", "password": PASSWORD, "code": code}
        office.clock.now += 24 * 3600
        assert (await raw(office, "POST", "/setup", json=body))[0] == 409
        body["code"] = await people.recover(office.desk)
        assert (await raw(office, "POST", "/setup", json=body))[0] == 200


# --- accounts


async def test_a_new_account_has_to_choose_its_own_password_first(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = await office.call(
            "POST", "/accounts", json=new(office, "Hoa", ("administrator", "/ha-giang"))
        )
        assert made["login"] == "hoa" and made["must_change"]
        headers = await bearer(office, "hoa")
        status, answer = await raw(office, "GET", "/accounts", headers=headers)
        assert (status, answer["error"]["code"]) == (403, "password.must_change")
        change = {"current": PASSWORD, "password": NEW}
        other = await bearer(office, "hoa")
        assert (await raw(office, "PUT", "/me/password", headers=headers, json=change))[0] == 204
        assert (await raw(office, "GET", "/accounts", headers=headers))[0] == 200
        assert (await raw(office, "GET", "/accounts", headers=other))[0] == 401
        body = {"login": "hoa", "password": PASSWORD}
        assert (await raw(office, "POST", "/sign-in", json=body))[0] == 401


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("ngắn", "password.short"),
        ("hoa.nguyen@xa", "password.is_login"),
        ("HOA.nguyen@xa", "password.is_login"),
        ("matkhau123", "password.common"),
        ("aaaaaaaaaaaa", "password.common"),
        ("x" * 150 + "yzw" * 20, "password.long"),
    ],
)
async def test_easy_passwords_are_refused(tmp_path: Path, password: str, code: str) -> None:
    async with desk_with_sample(tmp_path) as office:
        body = new(office, "hoa.nguyen@xa", ("viewer", "/ha-giang"))
        answer = await office.call(
            "POST", "/accounts", json={**body, "password": password}, status=422
        )
        assert [(f["field"], f["code"]) for f in answer["error"]["fields"]] == [("password", code)]


async def test_a_login_is_one_person(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        body = new(office, "hoa", ("viewer", "/ha-giang"))
        made = await office.call("POST", "/accounts", json=body)
        answer = await office.call("POST", "/accounts", json={**body, "login": "HOA"}, status=409)
        assert answer["error"]["conflicts"] == [
            {"kind": "account", "id": made["id"], "name": "hoa"}
        ]
        other = await office.call("POST", "/accounts", json={**body, "login": "nam"})
        renamed = {"path": f"/accounts/{other['id']}", "headers": {"If-Match": '"1"'}}
        await office.call("PATCH", **renamed, json={"login": "hoa"}, status=409)
        now = await office.call("PATCH", **renamed, json={"login": "nam2", "name": "Nam"})
        assert (now["login"], now["name"], now["version"]) == ("nam2", "Nam", 2)
        stale = await office.call("PATCH", **renamed, json={"name": "N"}, status=412)
        assert stale["error"]["version"] == 2


async def test_who_is_disabled_is_out_at_once(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        account = await add_account(office, "hoa", "editor")
        headers = await bearer(office, "hoa")
        token = await raw(
            office, "POST", "/me/tokens", headers=headers, json={"name": "x", "scopes": ["read"]}
        )
        by_token = {"Authorization": f"Bearer {token[1]['token']}"}
        assert (await raw(office, "GET", "/me", headers=by_token))[0] == 200
        path = f"/accounts/{account}"
        await office.call("PATCH", path, json={"disabled": True}, headers={"If-Match": '"1"'})
        for who in (headers, by_token):
            assert (await raw(office, "GET", "/me", headers=who))[0] == 401
        body = {"login": "hoa", "password": PASSWORD}
        assert (await raw(office, "POST", "/sign-in", json=body))[0] == 401
        await office.call("PATCH", path, json={"disabled": False}, headers={"If-Match": '"2"'})
        assert (await raw(office, "GET", "/me", headers=by_token))[0] == 200
        assert (await raw(office, "GET", "/me", headers=headers))[0] == 401


async def test_an_administrator_signs_somebody_out_everywhere(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        account = await add_account(office, "hoa", "editor", "/ha-giang/quang-binh/na-khuong")
        sessions = [await bearer(office, "hoa") for _ in range(3)]
        path = f"/accounts/{account}/sign-out"
        assert await office.call("POST", path, as_=COMMUNE) == {"sessions": 3}
        for headers in sessions:
            assert (await raw(office, "GET", "/me", headers=headers))[0] == 401
        headers = await bearer(office, "hoa")
        await office.call(
            "PUT", f"/accounts/{account}/password", json={"password": NEW}, as_=COMMUNE
        )
        assert (await raw(office, "GET", "/me", headers=headers))[0] == 401


async def test_one_sees_and_ends_ones_sessions(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await add_account(office, "hoa", "editor")
        here, there, gone = [await bearer(office, "hoa") for _ in range(3)]
        listed = (await raw(office, "GET", "/me/sessions", headers=here))[1]
        assert [s["current"] for s in listed] == [False, False, True]
        path = f"/me/sessions/{listed[0]['id']}"
        assert (await raw(office, "DELETE", path, headers=here))[0] == 204
        assert (await raw(office, "GET", "/me", headers=gone))[0] == 401
        await add_account(office, "nam", "editor")
        other = await bearer(office, "nam")
        path = f"/me/sessions/{listed[1]['id']}"
        assert (await raw(office, "DELETE", path, headers=other))[0] == 404
        assert await raw(
            office, "POST", "/me/sign-out-everywhere", headers=here, json={"but_here": True}
        ) == (200, {"sessions": 1})
        assert (await raw(office, "GET", "/me", headers=there))[0] == 401
        assert (await raw(office, "GET", "/me", headers=here))[0] == 200


# --- who sees whom


async def test_one_sees_those_with_a_role_where_one_is_administrator(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        top = await add_account(office, "tinh", "viewer", "/ha-giang")
        district = await add_account(office, "huyen", "viewer", "/ha-giang/quang-binh")
        commune = await add_account(office, "xa", "editor", "/ha-giang/quang-binh/na-khuong")
        other = await add_account(office, "khac", "viewer", "/tuyen-quang")

        async def seen(as_: str, **query: str) -> set[int]:
            listed = await office.call("GET", "/accounts", as_=as_, params=query)
            return {a["id"] for a in listed["items"]} & {top, district, commune, other}

        assert await seen(TOP) == {top, district, commune}
        assert await seen(COMMUNE) == {commune}
        assert await seen("administrator@/tuyen-quang") == {other}
        inside = str(office.area("/ha-giang/quang-binh").id)
        assert await seen(TOP, area=inside) == {district, commune}
        assert await seen(TOP, search="XA") == {commune}
        await office.call("GET", f"/accounts/{top}", as_=COMMUNE, status=403)
        await office.call("GET", f"/accounts/{commune}", as_=COMMUNE)
        one = await office.call("GET", "/accounts", as_=TOP, params={"limit": "1"})
        rest = await office.call("GET", "/accounts", as_=TOP, params={"after": str(one["next"])})
        assert one["items"][0]["id"] < rest["items"][0]["id"] and rest["next"] is None


async def test_nobody_changes_who_is_above_him(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        person = await add_account(office, "hoa", "viewer", "/ha-giang/quang-binh/na-khuong")
        district = office.area("/ha-giang/quang-binh")
        await grants.give(office.desk, office.server, person, district, Role.VIEWER)
        for method, path, body in (
            ("PATCH", "", {"name": "x"}),
            ("PUT", "/password", {"password": NEW}),
            ("POST", "/sign-out", None),
        ):
            where = f"/accounts/{person}{path}"
            headers = {"If-Match": '"1"'}
            await office.call(method, where, json=body, headers=headers, as_=COMMUNE, status=403)
            await office.call(method, where, json=body, headers=headers, as_=TOP)


# --- roles


async def test_nobody_gives_a_right_that_he_has_not(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        person = await add_account(office, "hoa", "viewer", "/ha-giang/quang-binh/na-khuong")
        commune = office.area("/ha-giang/quang-binh/na-khuong").id
        path = f"/accounts/{person}/grants"
        body = {"area": commune, "role": "emergency"}
        made = await office.call("POST", path, json=body, as_=COMMUNE)
        assert made == await office.call("POST", path, json=body, as_=COMMUNE)
        narrow = f"{COMMUNE}#people@/ha-giang"
        answer = await office.call("POST", path, json=body, as_=narrow, status=403)
        assert answer["error"]["code"] == "grant.beyond"
        await office.call("DELETE", f"/grants/{made['id']}", as_=narrow, status=403)
        above = {"area": office.area("/ha-giang").id, "role": "viewer"}
        await office.call("POST", path, json=above, as_=COMMUNE, status=403)
        stranger = await add_account(office, "la", "viewer", "/tuyen-quang")
        await office.call(
            "POST", f"/accounts/{stranger}/grants", json=body, as_=COMMUNE, status=404
        )
        await office.call("DELETE", f"/grants/{made['id']}", as_=COMMUNE)
        await office.call("DELETE", f"/grants/{made['id']}", as_=COMMUNE, status=404)


async def test_a_top_level_area_keeps_an_administrator(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        me = await office.actor(TOP)
        mine = (await office.call("GET", f"/accounts/{me.account}"))["grants"][0]["id"]
        answer = await office.call("DELETE", f"/grants/{mine}", status=409)
        assert answer["error"]["code"] == "grant.last_administrator"
        disable = {"json": {"disabled": True}, "headers": {"If-Match": '"1"'}}
        await office.call("PATCH", f"/accounts/{me.account}", **disable, status=409)
        other = await add_account(office, "hoa", "administrator", "/ha-giang")
        await office.call("PATCH", f"/accounts/{other}", **disable)
        await office.call("DELETE", f"/grants/{mine}", status=409)
        enable = {"json": {"disabled": False}, "headers": {"If-Match": '"2"'}}
        await office.call("PATCH", f"/accounts/{other}", **enable)
        await office.call("DELETE", f"/grants/{mine}")


async def test_who_makes_a_top_level_area_is_its_administrator(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        me = await office.actor("administrator@/ha-giang")
        area = office.area("/tuyen-quang")
        async with office.desk.work(me) as work:
            await grants.administer(work, area.id)
        async with office.desk.store.read() as db:
            assert me.account is not None
            rows = (await grants.grants_of(db, [me.account]))[me.account]
        assert [(r.area_id, r.role) for r in rows][-1] == (area.id, "administrator")
        async with office.desk.work(office.server) as work:
            await grants.administer(work, area.id)


async def test_an_account_without_any_role_is_the_top_levels_business(tmp_path: Path) -> None:
    areas = [(path, path, True) for path in ("/ha-giang", "/ha-giang/quang-binh")]
    async with desk_with_sample(tmp_path, areas=areas) as office:
        person = await add_account(office, "hoa", "viewer", "/ha-giang")
        shown = await office.call("GET", f"/accounts/{person}")
        await office.call("DELETE", f"/grants/{shown['grants'][0]['id']}")
        assert (await office.call("GET", f"/accounts/{person}"))["grants"] == []
        listed = (await office.call("GET", "/accounts"))["items"]
        assert person in [a["id"] for a in listed]
        await office.call("PATCH", f"/accounts/{person}", json={}, headers={"If-Match": '"1"'})


async def test_disabling_leaves_an_administrator_even_when_two_do_it_at_once(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office:
        one = await add_account(office, "mot", "administrator", "/tuyen-quang")
        two = await add_account(office, "hai", "administrator", "/tuyen-quang")
        from loa.streamer.desk import accounts

        await accounts.change(office.desk, office.server, one, 1, disabled=True)
        with pytest.raises(Conflict):
            await accounts.change(office.desk, office.server, two, 1, disabled=True)


async def test_each_top_levels_administrator_sees_an_account_without_any_role(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office:
        person = await add_account(office, "hoa", "viewer", "/tuyen-quang")
        shown = await office.call("GET", f"/accounts/{person}", as_="administrator@/tuyen-quang")
        await grants.take(office.desk, office.server, shown["grants"][0]["id"])
        for as_, seen in ((TOP, True), ("administrator@/tuyen-quang", True), (COMMUNE, False)):
            listed = (await office.call("GET", "/accounts", as_=as_))["items"]
            assert (person in [a["id"] for a in listed]) is seen
            await office.call("GET", f"/accounts/{person}", as_=as_, status=200 if seen else 403)
