"""Tokens of programs and of sources: what they may, how long, and that they are shown once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from loa.streamer.core.rights import digest
from loa.streamer.store.tables.people import ApiTokenRow, SourceTokenRow
from support.desk import NOW, Office, desk_with_sample
from support.people import PASSWORD, add_account

TOP = "administrator@/ha-giang"
COMMUNE = "administrator@/ha-giang/quang-binh/na-khuong"
DAY = 86_400.0


async def raw(office: Office, method: str, path: str, **request: Any) -> tuple[int, Any]:
    async with office.client.request(method, "/api/v1" + path, **request) as answer:
        return answer.status, await answer.json() if answer.content_length else None


async def signed_in(office: Office) -> dict[str, str]:
    await add_account(office, "hoa", "administrator", "/ha-giang/quang-binh")
    body = {"login": "hoa", "password": PASSWORD, "cookie": False}
    made = (await raw(office, "POST", "/sign-in", json=body))[1]
    return {"Authorization": f"Bearer {made['token']}"}


async def make(office: Office, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    body = {"name": "máy", "scopes": ["read", "people"], **body}
    status, made = await raw(office, "POST", "/me/tokens", headers=headers, json=body)
    assert status == 201, made
    found: dict[str, Any] = made
    return found


async def test_a_token_acts_as_its_owner_within_limits(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        headers = await signed_in(office)
        commune = office.area("/ha-giang/quang-binh/na-khuong").id
        made = await make(office, headers, area=commune)
        assert made["token"].startswith("loa_")
        by_token = {"Authorization": f"Bearer {made['token']}"}
        me = (await raw(office, "GET", "/me", headers=by_token))[1]
        assert (me["scopes"], me["within"]) == (["people", "read"], commune)
        assert (await raw(office, "GET", "/accounts", headers=by_token))[0] == 200
        assert (await raw(office, "GET", "/audit", headers=by_token))[0] == 403
        # It neither makes nor ends what its owner came by in person.
        for method, path in (("GET", "/me/tokens"), ("POST", "/me/sign-out-everywhere")):
            assert (await raw(office, method, path, headers=by_token))[0] == 403
        async with office.desk.store.read() as db:
            row = await db.scalar(select(ApiTokenRow))
            assert row is not None and row.sha256 == digest(made["token"])
            assert row.used_at == NOW
            for table in ("api_token", "audit", "value"):
                everything = (await db.execute(text(f"SELECT * FROM {table}"))).all()
                assert made["token"] not in str(everything)


async def test_a_token_expires_and_can_be_revoked(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        headers = await signed_in(office)
        usual = await make(office, headers)
        assert usual["expires_at"] == "2026-12-20T14:13:20Z"
        short = await make(office, headers, expires_at="2026-09-21T22:13:20+07:00")
        by_short = {"Authorization": f"Bearer {short['token']}"}
        by_usual = {"Authorization": f"Bearer {usual['token']}"}
        office.clock.now += 3599
        assert (await raw(office, "GET", "/me", headers=by_short))[0] == 200
        office.clock.now += 1
        status, answer = await raw(office, "GET", "/me", headers=by_short)
        assert (status, answer["error"]["code"]) == (401, "token.not_valid")
        assert (await raw(office, "GET", "/me", headers=by_usual))[0] == 200
        path = f"/me/tokens/{usual['id']}"
        assert (await raw(office, "DELETE", path, headers=headers))[0] == 204
        assert (await raw(office, "DELETE", path, headers=headers))[0] == 204
        assert (await raw(office, "GET", "/me", headers=by_usual))[0] == 401
        listed = (await raw(office, "GET", "/me/tokens", headers=headers))[1]
        assert [t["revoked_at"] is not None for t in listed] == [False, True]
        assert all("token" not in t for t in listed)


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"expires_at": "2026-09-21T14:13:20Z"}, "expires_at", "token.expiry"),
        ({"expires_at": "2029-01-01T00:00:00Z"}, "expires_at", "token.expiry"),
        ({"expires_at": "2027-01-01T00:00:00"}, "expires_at", "time.offset"),
        ({"expires_at": 1_800_000_000}, "expires_at", "time.invalid"),
        ({"scopes": []}, "scopes", "field.too_few"),
        ({"scopes": ["everything"]}, "scopes.0", "field.choice"),
        ({"name": ""}, "name", "field.too_short"),
    ],
)
async def test_a_token_that_makes_no_sense(
    tmp_path: Path, body: dict[str, Any], field: str, code: str
) -> None:
    async with desk_with_sample(tmp_path) as office:
        asked = {"name": "máy", "scopes": ["read"], **body}
        answer = await office.call("POST", "/me/tokens", json=asked, status=422)
        assert [(f["field"], f["code"]) for f in answer["error"]["fields"]] == [(field, code)]


async def test_when_a_token_was_used_is_written_once_a_minute(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = await make(office, await signed_in(office))
        by_token = {"Authorization": f"Bearer {made['token']}"}
        written = []
        for _ in range(10):
            await raw(office, "GET", "/me", headers=by_token)
            async with office.desk.store.read() as db:
                written.append(await db.scalar(select(ApiTokenRow.used_at)))
            office.clock.now += 20
        assert written == [NOW + 60 * (n // 3) for n in range(10)]


async def test_the_administrator_sees_and_revokes_tokens_of_others(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = await make(office, await signed_in(office))
        person = (await office.call("GET", "/accounts", params={"search": "hoa"}))["items"][0]
        path = f"/accounts/{person['id']}/tokens"
        assert [t["id"] for t in await office.call("GET", path)] == [made["id"]]
        await office.call("GET", path, as_=COMMUNE, status=403)
        await office.call("DELETE", f"{path}/{made['id']}")
        await office.call("DELETE", f"{path}/{made['id'] + 1}", status=404)
        by_token = {"Authorization": f"Bearer {made['token']}"}
        assert (await raw(office, "GET", "/me", headers=by_token))[0] == 401


# --- sources


async def test_a_source_token_is_shown_once(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area, village = office.area("/ha-giang/quang-binh").id, "/ha-giang/quang-binh/na-khuong"
        body = {
            "area": area,
            "name": "butt",
            "class": "emergency",
            "targets": [office.area(village).id],
            "expires_at": "2027-01-01T07:00:00+07:00",
        }
        made = await office.call("POST", "/source-tokens", json=body)
        assert made["class"] == "emergency" and made["expires_at"] == "2027-01-01T00:00:00Z"
        listed = (await office.call("GET", "/source-tokens"))["items"]
        assert listed == [{k: v for k, v in made.items() if k != "token"}]
        async with office.desk.store.read() as db:
            row = await db.scalar(select(SourceTokenRow))
            assert row is not None and row.sha256 == digest(made["token"]) and row.cls == 2
        await office.call("DELETE", f"/source-tokens/{made['id']}")
        kinds = [h.kind for h in office.happened if h.kind.startswith("source_token")]
        assert kinds == ["source_token.made", "source_token.revoked"]
        assert made["token"] not in str(office.happened)


async def test_a_source_token_stays_within_what_its_maker_may(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area("/ha-giang/quang-binh/na-khuong")
        body = {"area": area.id, "name": "butt", "class": "emergency"}
        narrow = "administrator@/ha-giang#people@/ha-giang"
        answer = await office.call("POST", "/source-tokens", json=body, as_=narrow, status=403)
        assert answer["error"]["code"] == "grant.beyond"
        outside = [area.id, office.area("/ha-giang/quang-binh").id, 99]
        answer = await office.call(
            "POST", "/source-tokens", json={**body, "targets": outside}, status=422
        )
        assert [(f["field"], f["code"]) for f in answer["error"]["fields"]] == [
            ("targets.1", "source_token.target_outside"),
            ("targets.2", "area.unknown"),
        ]
        made = await office.call("POST", "/source-tokens", json=body)
        elsewhere = "administrator@/tuyen-quang"
        assert (await office.call("GET", "/source-tokens", as_=elsewhere))["items"] == []
        query = {"area": str(office.area("/ha-giang").id)}
        listed = await office.call("GET", "/source-tokens", as_=COMMUNE, params=query)
        assert [t["id"] for t in listed["items"]] == [made["id"]]
