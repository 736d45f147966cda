"""What every call has in common: how requests are read, refused, and dressed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from loa.streamer.core.areas import Area
from loa.streamer.core.rights import Permission
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.route import Access, Call, Model, Route
from loa.streamer.http.api.times import Time
from support.desk import Office, desk_with_sample


class Thing(Model):
    name: str = ""
    number: float = 0.0
    many: tuple[int, ...] = ()
    at: Time | None = None
    area: Id | None = None


class Asked(Model):
    word: str = ""
    many: tuple[int, ...] = ()


async def echo(call: Call) -> Thing:
    found: Thing = call.body
    return found


async def change(call: Call) -> Any:
    return {"version": call.version}


async def query(call: Call) -> Any:
    return call.query.model_dump()


async def word(call: Call) -> Any:
    return {"word": call.params["word"], "id": call.params["id"]}


async def broken(_: Call) -> None:
    raise RuntimeError("this is on purpose")


async def nowhere(_: Call) -> list[Area]:
    return []


async def whole(_: Call) -> web.Response:
    return web.Response(text="x", headers={"Cache-Control": "max-age=60"})


async def long(call: Call) -> list[str]:
    return ["x" * 100] * 100


ANYONE = Access.ANYONE
TOY = (
    Route("POST", "/echo", echo, "x", ANYONE, body=Thing, answer=Thing, max_body=5000),
    Route("PATCH", "/echo", change, "x", ANYONE, answer=Any, versioned=True),
    Route("GET", "/query", query, "x", ANYONE, query=Asked, answer=Any),
    Route("GET", "/words/{word:text}/{id}", word, "x", ANYONE, answer=Any),
    Route("GET", "/long", long, "x", ANYONE, answer=list[str]),
    Route("POST", "/long", long, "x", ANYONE, answer=list[str]),
    Route("GET", "/broken", broken, "x", ANYONE),
    Route("GET", "/nowhere", echo, "x", Permission.READ, on=nowhere),
    Route("GET", "/whole", whole, "x", ANYONE, answers=("text/plain",)),
)


@asynccontextmanager
async def toy(path: Path) -> AsyncIterator[Office]:
    async with desk_with_sample(path, routes=TOY) as office:
        yield office


async def refused(office: Office, method: str, path: str, **request: Any) -> tuple[int, Any]:
    async with await office.ask(method, path, **request) as answer:
        return answer.status, (await answer.json())["error"]


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"number": NaN}', "not_json"),
        (b'{"number": -Infinity}', "not_json"),
        (b'{"name": "\xff"}', "not_json"),
        (b"[" * 100_000, "too_large"),
        (b"[" * 4000, "not_json"),
        (b"[" * 40 + b"]" * 40, "too_deep"),
        (b'{"\\ud800": 1}', "not_json"),
        (b'{"name": "' + b"x" * 5000 + b'"}', "too_large"),
    ],
)
async def test_what_cannot_be_read(tmp_path: Path, body: bytes, code: str) -> None:
    async with toy(tmp_path) as office:
        status, error = await refused(office, "POST", "/echo", data=body, headers=JSON)
        assert (status, error["code"]) == (413 if code == "too_large" else 400, code)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("[]", {"": "field.not_object"}),
        ('{"number": 1e999}', {"number": "field.not_number"}),
        ('{"number": "viele"}', {"number": "field.not_number"}),
        ('{"name": "a\\u0000b"}', {"name": "field.character"}),
        ('{"name": "\\ud800"}', {"name": "field.character"}),
        ('{"many": [1, "x", 2.5]}', {"many.1": "field.not_integer", "many.2": "field.not_integer"}),
        ('{"many": [9223372036854775808]}', {"many.0": "field.too_large"}),
        ('{"many": 3}', {"many": "field.not_list"}),
        ('{"nmae": "x", "name": 3}', {"nmae": "field.unknown", "name": "field.not_text"}),
        ('{"area": 0}', {"area": "field.too_small"}),
        ('{"at": "2026-02-30T00:00:00Z"}', {"at": "time.invalid"}),
        ('{"at": "2026-02-03T00:00:00"}', {"at": "time.offset"}),
        ('{"at": "1950-02-03T00:00:00Z"}', {"at": "time.range"}),
        ('{"at": 1790000000}', {"at": "time.invalid"}),
    ],
)
async def test_each_field_that_is_wrong_is_named(
    tmp_path: Path, body: str, fields: dict[str, str]
) -> None:
    async with toy(tmp_path) as office:
        for language in ("vi", "en"):
            status, error = await refused(
                office, "POST", "/echo", data=body.encode(), headers=JSON, language=language
            )
            assert status == 422
            assert {f["field"]: f["code"] for f in error["fields"]} == fields
            assert all(f["message"] != f["code"] for f in error["fields"])


async def test_only_json_is_taken_as_json(tmp_path: Path) -> None:
    async with toy(tmp_path) as office:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            status, error = await refused(
                office, "POST", "/echo", data=b"{}", headers={"Content-Type": kind}
            )
            assert (status, error["code"]) == (415, "content_type")
        utf8 = {"Content-Type": "application/json; charset=utf-8"}
        assert await office.call("POST", "/echo", data=b"\xef\xbb\xbf{}", headers=utf8)


async def test_times_come_with_an_offset_and_go_in_utc(tmp_path: Path) -> None:
    async with toy(tmp_path) as office:
        for sent, said in (
            ("2026-09-21T21:13:20+07:00", "2026-09-21T14:13:20Z"),
            ("2026-09-21t14:13:20.25z", "2026-09-21T14:13:20.250Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ):
            assert (await office.call("POST", "/echo", json={"at": sent}))["at"] == said


@pytest.mark.parametrize(
    ("tag", "status"),
    [('"3"', 200), ("3", 200), ("", 428), ("*", 400), ('W/"3"', 400), ('"x"', 400), ('"3', 400)],
)
async def test_a_change_says_of_which_version(tmp_path: Path, tag: str, status: int) -> None:
    async with toy(tmp_path) as office:
        await office.call("PATCH", "/echo", headers={"If-Match": tag} if tag else {}, status=status)


async def test_the_query_is_read_as_strictly(tmp_path: Path) -> None:
    async with toy(tmp_path) as office:
        assert await office.call("GET", "/query?word=a&many=1&many=2") == {
            "word": "a",
            "many": [1, 2],
        }
        assert (await office.call("GET", "/query?many=1"))["many"] == [1]
        _, error = await refused(office, "GET", "/query?word=a&word=b&none=1&many=x")
        assert {f["field"] for f in error["fields"]} == {"word", "none", "many.0"}
        _, error = await refused(office, "GET", "/query?word=%00")
        assert error["fields"][0]["code"] == "field.character"
        status, error = await refused(office, "PATCH", "/echo?x=1", headers={"If-Match": '"1"'})
        assert (status, error["fields"][0]["field"]) == (422, "x")


async def test_ids_in_paths_are_plain_numbers(tmp_path: Path) -> None:
    async with toy(tmp_path) as office:
        assert await office.call("GET", "/words/%C4%91/12") == {"word": "đ", "id": 12}
        for path in ("/words/a/x", "/words/a/-1", "/words/a/%D9%A3", "/words/a/" + "1" * 16):
            await office.call("GET", path, status=404)
        await office.call("GET", "/words/%00/1", status=422)


async def test_what_is_not_there_and_what_is_not_for_this(tmp_path: Path) -> None:
    async with toy(tmp_path) as office:
        status, error = await refused(office, "GET", "/none", language="vi")
        assert (status, error["message"]) == (404, "Không có địa chỉ này.")
        async with await office.ask("DELETE", "/echo") as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "PATCH, POST")


async def test_no_area_is_no_permission(tmp_path: Path) -> None:
    async with toy(tmp_path) as office:
        assert (await refused(office, "GET", "/nowhere"))[0] == 403


async def test_every_answer_is_dressed(tmp_path: Path) -> None:
    async with toy(tmp_path) as office:
        for path, status in (("/words/a/1", 200), ("/none", 404), ("/broken", 500)):
            async with await office.ask("GET", path) as answer:
                assert answer.status == status
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert answer.headers["Cache-Control"] == "no-store"
                assert "on purpose" not in json.dumps(await answer.json())
        async with await office.ask("GET", "/whole") as answer:
            assert answer.headers["Cache-Control"] == "max-age=60"
        assert office.desk.counters.snapshot()["api.failed"] == 1


async def test_long_answers_to_readers_are_packed(tmp_path: Path) -> None:
    async with toy(tmp_path) as office:
        packed = {
            (method, path): await _sent(office, method, path)
            for method, path in (("GET", "/long"), ("POST", "/long"), ("GET", "/words/a/1"))
        }
        assert packed["GET", "/long"] < 1000
        assert packed["POST", "/long"] > 10_000 and packed["GET", "/words/a/1"] < 100


async def _sent(office: Office, method: str, path: str) -> int:
    """Return the length of an answer's body as it went over the line."""
    async with await office.ask(method, path) as answer:
        assert answer.status == 200 and await answer.json()
        return int(answer.headers["Content-Length"])
