"""Receivers by the API: who may do what, what is refused, what is on record."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from loa.streamer.desk import areas
from loa.streamer.desk.errors import Conflict
from loa.streamer.store.tables.audit import AuditRow
from loa.streamer.store.tables.receivers import EnrolmentRow
from support.desk import Office, desk_with_sample
from support.examples.bulletins import bulletin
from support.examples.receiver_orders import enrolled

DISTRICT = "/ha-giang/quang-binh"
COMMUNE = "/ha-giang/quang-binh/na-khuong"
OTHER = "/ha-giang/quang-binh/xuan-minh"


async def made(office: Office, area: str = COMMUNE, name: str = "Cột 1", **more: Any) -> Any:
    return await office.call(
        "POST", "/receivers", json={"area": office.area(area).id, "name": name, **more}
    )


async def test_one_sees_the_receivers_of_ones_own_areas(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        for area in (COMMUNE, OTHER, DISTRICT):
            await made(office, area)

        async def seen(who: str, **query: Any) -> list[int]:
            said = await office.call("GET", "/receivers", as_=who, params=query)
            return [item["area"] for item in said["items"]]

        commune, other, district = (office.area(p).id for p in (COMMUNE, OTHER, DISTRICT))
        assert await seen(f"viewer@{DISTRICT}") == [commune, other, district]
        assert await seen(f"viewer@{COMMUNE}") == [commune]
        assert await seen("viewer@/tuyen-quang") == []
        assert await seen("viewer@/ha-giang", under=office.area(OTHER).id) == [other]
        await office.call("POST", "/receivers", as_=f"viewer@{COMMUNE}", status=403,
                          json={"area": commune, "name": "x"})  # fmt: skip
        await office.call("POST", "/receivers", as_=f"technician@{COMMUNE}",
                          json={"area": commune, "name": "của kỹ thuật viên"})  # fmt: skip


async def test_lists_come_in_parts(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        items = [{"area": COMMUNE, "name": f"Cột {n}", "serial": f"B%{n}"} for n in range(7)]
        said = await office.call("POST", "/receivers/list", json={"items": items})
        assert len({item["code"] for item in said["items"]}) == 7
        found, after = [], 0
        while after is not None:
            part = await office.call("GET", "/receivers", params={"limit": 3, "after": after})
            found += [item["name"] for item in part["items"]]
            after = part["next"]
        assert found == [item["name"] for item in items]
        said = await office.call("GET", "/receivers", params={"q": "b%3"})
        assert [item["name"] for item in said["items"]] == ["Cột 3"]


async def test_what_one_was_not_told_of_is_not_overwritten(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = (await made(office))["receiver"]["id"]
        done = await office.call("PATCH", f"/receivers/{id}", json={"horns": 4, "notes": "cột sắt"},
                                 headers={"If-Match": '"1"'})  # fmt: skip
        assert (done["horns"], done["notes"], done["version"]) == (4, "cột sắt", 2)
        await office.call("PATCH", f"/receivers/{id}", json={"horns": 1}, status=412,
                          headers={"If-Match": '"1"'})  # fmt: skip
        await office.call("PATCH", f"/receivers/{id}", json={"horns": 1}, status=428)


async def test_two_of_one_name_or_serial_number_are_refused(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await made(office, serial="B-1")
        second = (await made(office, name="Cột 2"))["receiver"]["id"]
        here = office.area(COMMUNE).id

        async def refused(method: str, path: str, body: Any, **more: Any) -> list[str]:
            said = await office.call(method, path, json=body, status=422, **more)
            return [f"{field['field']}: {field['code']}" for field in said["error"]["fields"]]

        name, serial = "name: receiver.name_taken", "serial: receiver.serial_taken"
        assert await refused("POST", "/receivers", {"area": here, "name": "Cột 1"}) == [name]
        body = {"area": here, "name": "Cột 3", "serial": "B-1"}
        assert await refused("POST", "/receivers", body) == [serial]
        items = [{"area": COMMUNE, "name": "Cột 4"}, {"area": COMMUNE, "name": "Cột 4"}]
        assert await refused("POST", "/receivers/list", {"items": items}) == [f"items.1.{name}"]
        assert await refused(
            "PATCH", f"/receivers/{second}", {"name": "Cột 1"}, headers={"If-Match": '"1"'}
        ) == [name]
        said = await office.call("GET", "/receivers")
        assert len(said["items"]) == 2
        # What is removed makes room.
        await office.call("DELETE", f"/receivers/{second}")
        await made(office, name="Cột 2")


async def test_a_dry_run_changes_nothing_and_makes_no_code(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        items = [{"area": COMMUNE, "name": "Cột 1"}]
        said = await office.call("POST", "/receivers/list", json={"items": items, "dry_run": True})
        assert said == {"items": []}
        assert not (await office.call("GET", "/receivers"))["items"]
        assert not [h for h in office.happened if h.kind.startswith("receiver.")]


async def test_one_needs_the_right_on_the_area_that_it_goes_to(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = (await made(office))["receiver"]["id"]
        body, match = {"area": office.area(OTHER).id}, {"If-Match": '"1"'}
        await office.call("POST", f"/receivers/{id}/move", json=body, headers=match, status=403,
                          as_=f"technician@{COMMUNE}")  # fmt: skip
        done = await office.call("POST", f"/receivers/{id}/move", json=body, headers=match,
                                 as_=f"technician@{DISTRICT}")  # fmt: skip
        assert done["area"] == office.area(OTHER).id
        items = [{"area": COMMUNE, "name": "a"}, {"area": OTHER, "name": "b"}]
        await office.call("POST", "/receivers/list", json={"items": items}, status=403,
                          as_=f"technician@{COMMUNE}")  # fmt: skip


async def test_no_secret_is_kept_or_on_record(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        said = await made(office)
        await office.call("POST", f"/receivers/{said['receiver']['id']}/code")
        await office.call("POST", f"/receivers/{said['receiver']['id']}/revoke")
        async with office.desk.store.read() as db:
            assert not list(await db.scalars(select(EnrolmentRow)))  # revoked: codes, too
            rows = list(await db.scalars(select(AuditRow)))
        text = json.dumps([[row.action, row.details] for row in rows])
        assert "receiver.code_made" in text and "receiver.revoked" in text
        assert said["code"][5:14] not in text


async def test_receivers_follow_their_areas(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        desk, me = office.desk, office.server
        one = (await made(office))["receiver"]["id"]
        two = (await made(office, OTHER))["receiver"]["id"]
        done = await areas.merge(desk, me, office.area(COMMUNE), 1, office.area(OTHER))
        assert done.over["receivers"] == 1
        shown = await office.call("GET", f"/receivers/{one}", as_=f"viewer@{OTHER}")
        assert shown["area"] == office.area(OTHER).id and shown["name"] == "Cột 1"
        await areas.remove(desk, me, office.area(OTHER), office.area(OTHER).version, subtree=True)
        district = office.area(DISTRICT).id
        for id in (one, two):
            assert (await office.call("GET", f"/receivers/{id}"))["area"] == district


async def test_a_top_that_has_receivers_is_not_removed_from_under_them(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = (await made_elsewhere(office))["receiver"]["id"]
        top = office.area("/tuyen-quang")
        with pytest.raises(Conflict, match=r"area\.receivers"):
            await areas.remove(office.desk, office.server, top, 1)
        await office.call("DELETE", f"/receivers/{id}", as_="server")
        await areas.remove(office.desk, office.server, top, 1)


async def made_elsewhere(office: Office) -> Any:
    body = {"area": office.area("/tuyen-quang").id, "name": "Cột 1"}
    return await office.call("POST", "/receivers", json=body, as_="server")


async def test_what_is_to_be_played_is_so_within_a_day(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await bulletin(office, state="approved")
        path = f"/receivers/{await enrolled(office)}/play"
        for hours, status, code in ((23, 202, None), (25, 409, "receiver.play_too_far")):
            at = datetime.fromtimestamp(office.clock.now + hours * 3600, UTC).isoformat()
            said = await office.call("POST", path, status=status, json={"bulletin": id, "at": at})
            assert code is None or said["error"]["code"] == code
