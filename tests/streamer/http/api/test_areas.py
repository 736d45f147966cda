"""The calls about areas, as programs and pages see them."""

from __future__ import annotations

import ast
from pathlib import Path

from sqlalchemy import select

from loa.streamer.core import area_words, reorganise
from loa.streamer.http.api.texts import TEXTS
from loa.streamer.store.tables.people import GrantRow
from support.desk import desk_with_sample

XUAN_MINH = "/ha-giang/quang-binh/xuan-minh"
NA_KHUONG = "/ha-giang/quang-binh/na-khuong"
DISTRICT = "/ha-giang/quang-binh"


async def test_the_tree_shows_what_one_may_see(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        tree = await office.call("GET", "/areas/tree", as_=f"viewer@{DISTRICT}")
        paths = [area["path"] for area in tree["items"]]
        assert paths[0] == DISTRICT
        assert len(paths) == 6
        assert tree["items"][1]["parent"] == tree["items"][0]["id"]
        inside = await office.call("GET", f"/areas/tree?under={office.area(NA_KHUONG).id}")
        assert [a["path"].rpartition("/")[2] for a in inside["items"]] == [
            "na-khuong", "ban-mac", "ban-rua",
        ]  # fmt: skip


async def test_areas_are_found_without_marks(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:

        async def found(query: str) -> list[str]:
            page = await office.call("GET", f"/areas?{query}")
            return [area["path"] for area in page["items"]]

        assert await found("q=XUAN minh") == [XUAN_MINH]
        assert await found("q=Nà Khương") == [
            NA_KHUONG,
            NA_KHUONG + "/ban-rua",
            NA_KHUONG + "/ban-mac",
        ]
        assert await found("q=bản&station=false&limit=1") == [NA_KHUONG + "/ban-rua"]
        assert await found("q=tuyen") == []
        assert await found(f"path={XUAN_MINH}/") == [XUAN_MINH]
        first = await office.call("GET", "/areas?limit=2")
        rest = await office.call("GET", f"/areas?limit=100&after={first['next']}")
        assert len(first["items"]) + len(rest["items"]) == 7
        assert rest["next"] is None


async def test_a_renamed_area_is_found_by_what_it_was(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = office.area(DISTRICT).id
        renamed = await office.call(
            "PATCH", f"/areas/{id}", json={"name": "Quang Bình mới"}, headers={"If-Match": '"1"'}
        )
        assert renamed["path"] == "/ha-giang/quang-binh-moi"
        [found] = (await office.call("GET", f"/areas?path={XUAN_MINH}"))["items"]
        one = await office.call("GET", f"/areas/{found['id']}")
        assert one["aliases"] == [XUAN_MINH]
        assert [a["name"] for a in one["lineage"]] == ["Quang Bình mới", "Hà Giang (dữ liệu mẫu)"]
        assert one["own_station"]["path"] == one["path"]
        history = await office.call("GET", f"/areas/{id}/history")
        assert [e["kind"] for e in history["items"]] == ["renamed"]
        assert history["items"][0]["details"]["before"]["path"] == DISTRICT


async def test_the_second_of_two_is_told(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = office.area(DISTRICT).id
        headers = {"If-Match": '"1"'}
        await office.call("PATCH", f"/areas/{id}", json={"name": "A"}, headers=headers)
        error = await office.call(
            "PATCH", f"/areas/{id}", json={"name": "B"}, headers=headers, status=412
        )
        assert error["error"]["version"] == 2


async def test_a_level_and_a_commune_less(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        district, gone = office.area(DISTRICT).id, office.area(XUAN_MINH).id
        headers = {"If-Match": '"1"'}
        merged = await office.call(
            "POST",
            f"/areas/{gone}/merge",
            json={"into": office.area(NA_KHUONG).id},
            headers=headers,
        )
        assert merged["changes"][0]["kinds"] == ["merged"]
        assert merged["area"]["path"] == NA_KHUONG
        removed = await office.call("POST", f"/areas/{district}/remove-level", headers=headers)
        assert {c["path"] for c in removed["changes"]} == {
            None, "/ha-giang/na-khuong", "/ha-giang/tien-nguyen",
        }  # fmt: skip
        assert removed["following"] == 2

        past = await office.call("GET", "/areas/removed")
        assert {(a["id"], a["path"]) for a in past["items"]} == {
            (gone, XUAN_MINH), (district, DISTRICT),
        }  # fmt: skip
        one = await office.call("GET", f"/areas/{gone}")
        assert one["successor"]["name"] == "Nà Khương (dữ liệu mẫu)"
        assert one["removed_at"].endswith("Z")
        await office.call("GET", f"/areas/{gone}/history")
        await office.call("GET", f"/areas/{gone}", as_="viewer@/tuyen-quang", status=403)
        elsewhere = await office.call("GET", "/areas/removed", as_="viewer@/tuyen-quang")
        assert elsewhere["items"] == []
        await office.call("PATCH", f"/areas/{gone}", json={}, headers=headers, status=404)


async def test_what_a_merged_area_made_is_its_heirs_business(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area(XUAN_MINH)
        body = {"area": area.id, "title": "Bản tin", "language": "vi"}
        made = await office.call("POST", "/bulletins", json=body)
        await office.call(
            "POST", f"/areas/{area.id}/merge", json={"into": office.area(NA_KHUONG).id},
            headers={"If-Match": '"1"'},
        )  # fmt: skip
        found = await office.call("GET", f"/bulletins/{made['id']}", as_=f"viewer@{NA_KHUONG}")
        assert found["title"] == "Bản tin"
        await office.call("GET", f"/bulletins/{made['id']}", as_="viewer@/tuyen-quang", status=403)


async def test_the_top_belongs_to_those_who_administer_an_area_there(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        body = {"name": "Tỉnh mới", "parent": None}
        await office.call("POST", "/areas", json=body, as_=f"administrator@{DISTRICT}", status=403)
        made = await office.call("POST", "/areas", json=body)
        assert made["path"] == "/tinh-moi"
        async with office.desk.store.read() as db:
            grants = await db.scalars(select(GrantRow).where(GrantRow.area_id == made["id"]))
        assert [(g.role, g.created_by) for g in grants] == [
            ("administrator", "administrator@/ha-giang")
        ]
        down = office.area(DISTRICT)
        await office.call(
            "POST", f"/areas/{down.id}/move", json={"parent": None}, headers={"If-Match": '"1"'},
            as_=f"administrator@{DISTRICT}", status=403,
        )  # fmt: skip
        order = {
            "parent": None,
            "areas": [
                made["id"],
                *(a.id for a in office.desk.tree if a.parent is None and a.id != made["id"]),
            ],
        }
        await office.call("POST", "/areas/order", json=order, status=403)


async def test_policies_say_where_each_value_comes_from(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        province, commune = office.area("/ha-giang"), office.area(XUAN_MINH)
        hours = [{"weekdays": [4, 0, 0], "start": "05:00", "end": "24:00"}]
        headers = {"If-Match": '"0"'}
        said = await office.call(
            "PUT", f"/areas/{province.id}/policy", json={"hours": hours, "sessions_a_day": 3},
            headers=headers,
        )  # fmt: skip
        assert said["version"] == 1
        below = await office.call("GET", f"/areas/{commune.id}/policy")
        assert below["said"]["hours"] is None
        assert below["effective"]["hours"] == [
            {"weekdays": [0, 4], "start": "05:00", "end": "24:00"}
        ]
        assert below["sources"]["hours"]["path"] == "/ha-giang"
        assert below["sources"]["timezone"] is None
        one = await office.call("GET", f"/areas/{commune.id}")
        assert one["policy"] == below
        await office.call(
            "PUT", f"/areas/{province.id}/policy", json={}, headers=headers, status=412
        )


async def test_every_wrong_field_is_named_in_both_languages(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = office.area(DISTRICT).id
        wrong = {
            "timezone": "Asia/Hanoi",
            "hours": [
                {"weekdays": [7, 1], "start": "05:00", "end": "06:00"},
                {"weekdays": [1], "start": "06:00", "end": "05:00"},
                {"weekdays": [1], "start": "25:00", "end": "5:00"},
            ],
            "sessions_a_day": -1,
        }
        for language, word in (("vi", "múi giờ"), ("en", "time zone")):
            error = await office.call(
                "PUT", f"/areas/{id}/policy", json=wrong, headers={"If-Match": '"0"'}, status=422,
                language=language,
            )  # fmt: skip
            fields = {f["field"]: f["message"] for f in error["error"]["fields"]}
            assert set(fields) == {
                "timezone", "hours.0.weekdays.0", "hours.1", "hours.2.start", "hours.2.end",
                "sessions_a_day",
            }  # fmt: skip
            assert word in fields["timezone"]
        for zone in ("../../etc/passwd", "/etc/localtime", ""):
            await office.call(
                "PUT", f"/areas/{id}/policy", json={"timezone": zone},
                headers={"If-Match": '"0"'}, status=422,
            )  # fmt: skip
        error = await office.call(
            "POST", "/areas", json={"name": "a\u202eb", "parent": id}, status=422
        )
        assert error["error"]["fields"][0]["code"] == "area.name_unseen"


def test_whatever_the_core_refuses_has_words() -> None:
    for module in (area_words, reorganise):
        tree = ast.parse(Path(module.__file__ or "").read_text())
        codes = {
            node.args[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and getattr(node.func, "id", "") in ("WordRefused", "ReorganiseError")
            and isinstance(node.args[0], ast.Constant)
        }
        assert codes
        assert codes <= set(TEXTS)
