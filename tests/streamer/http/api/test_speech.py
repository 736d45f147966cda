"""How areas have words spoken: own tables, inherited ones, and what a text becomes."""

from __future__ import annotations

from pathlib import Path

from support.desk import Office, desk_with_sample

EDITOR = "editor@/ha-giang/quang-binh/na-khuong"


async def spoken(office: Office, path: str, text: str, language: str = "vi") -> str:
    answer = await office.call(
        "POST", f"/areas/{office.area(path).id}/speech/preview",
        json={"text": text, "language": language},
    )  # fmt: skip
    said: str = answer["spoken"]
    return said


async def test_the_nearest_table_wins(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        for path, said in (
            ("/ha-giang", "ủy ban tỉnh"),
            ("/ha-giang/quang-binh/na-khuong", "ủy ban xã"),
        ):
            await office.call(
                "POST", f"/areas/{office.area(path).id}/spelling",
                json={"written": "UBND", "spoken": said}, status=201,
            )  # fmt: skip
        assert await spoken(office, "/ha-giang/quang-binh", "UBND") == "ủy ban tỉnh"
        assert await spoken(office, "/ha-giang/quang-binh/na-khuong/ban-mac", "UBND") == "ủy ban xã"
        assert await spoken(office, "/ha-giang/quang-binh", "HĐND") == "hội đồng nhân dân"
        assert [h.kind for h in office.happened] == ["spelling.added"] * 2


async def test_an_entry_lives(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        here = office.area("/ha-giang/quang-binh/na-khuong").id
        made = await office.call(
            "POST", f"/areas/{here}/spelling", as_=EDITOR,
            json={"written": " BQLDA ", "spoken": "ban quản lý dự án 2"}, status=201,
        )  # fmt: skip
        assert made["written"] == "BQLDA" and made["area"] == here and made["version"] == 1
        # Numbers in a table are spelled, too.
        path = "/ha-giang/quang-binh/na-khuong"
        assert await spoken(office, path, "BQLDA") == "ban quản lý dự án hai"
        taken = await office.call(
            "POST", f"/areas/{here}/spelling", json={"written": "bqlda", "spoken": "x"}, status=409
        )
        assert taken["error"]["conflicts"] == [
            {"kind": "spelling", "id": made["id"], "name": "BQLDA"}
        ]
        entry = f"/spelling/{made['id']}"
        changed = await office.call(
            "PATCH", entry, json={"spoken": "ban quản lý"}, headers={"If-Match": '"1"'}
        )
        assert changed == {**made, "spoken": "ban quản lý", "version": 2}
        for method in ("PATCH", "DELETE"):
            stale = await office.call(
                method, entry, json={} if method == "PATCH" else None,
                headers={"If-Match": '"1"'}, status=412,
            )  # fmt: skip
            assert stale["error"]["version"] == 2
        listed = await office.call("GET", f"/areas/{here}/spelling")
        assert listed == {"items": [changed], "next": None}
        await office.call("DELETE", entry, headers={"If-Match": '"2"'})
        await office.call("DELETE", entry, headers={"If-Match": '"2"'}, status=404)
        assert (await office.call("GET", f"/areas/{here}/spelling"))["items"] == []


async def test_what_makes_no_sense_is_named(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        here = office.area("/ha-giang").id
        for entry, field, code in (
            ({"written": "bản", "spoken": "bản làng"}, "spoken", "spelling.again"),
            ({"written": "UBND", "spoken": "..."}, "spoken", "spelling.no_words"),
            ({"written": "x", "spoken": "y", "language": "xx"}, "language", "speech.language"),
            ({"written": "x" * 61, "spoken": "y"}, "written", "field.too_long"),
        ):
            answer = await office.call("POST", f"/areas/{here}/spelling", json=entry, status=422)
            assert [(f["field"], f["code"]) for f in answer["error"]["fields"]] == [(field, code)]


async def test_a_preview_shows_what_was_replaced(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        answer = await office.call(
            "POST", f"/areas/{office.area('/ha-giang').id}/speech/preview",
            as_="editor@/ha-giang", json={"text": "Họp lúc 7h30 ở BCK"},
        )  # fmt: skip
        assert answer == {
            "text": "Họp lúc 7h30 ở BCK",
            "spoken": "Họp lúc bảy giờ ba mươi phút ở bê xê ca",
            "replacements": [
                {"start": 8, "end": 12, "written": "7h30", "kind": "time",
                 "spoken": "bảy giờ ba mươi phút"},
                {"start": 15, "end": 18, "written": "BCK", "kind": "letters",
                 "spoken": "bê xê ca"},
            ],
            "voice": "hum-vi",
        }  # fmt: skip
        assert await spoken(office, "/ha-giang", "UBND 5", "hmn") == "UBND 5"
        too_long = await office.call(
            "POST", f"/areas/{office.area('/ha-giang').id}/speech/preview",
            json={"text": "a" * 20_001}, status=422,
        )  # fmt: skip
        assert too_long["error"]["fields"][0]["field"] == "text"


async def test_inherited_entries_are_listed_in_pages(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        above, here = office.area("/ha-giang").id, office.area("/ha-giang/quang-binh").id
        for area, word in ((above, "AAB"), (here, "AAC"), (above, "AAD")):
            await office.call(
                "POST", f"/areas/{area}/spelling", json={"written": word, "spoken": "từ"}
            )
        first = await office.call("GET", f"/areas/{here}/spelling?inherited=true&limit=2")
        assert [e["written"] for e in first["items"]] == ["AAB", "AAC"]
        rest = await office.call(
            "GET", f"/areas/{here}/spelling?inherited=true&limit=2&after={first['next']}"
        )
        assert [e["written"] for e in rest["items"]] == ["AAD"] and rest["next"] is None
