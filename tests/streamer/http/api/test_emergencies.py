"""Emergencies by the API: who sees what, states, pages and refusals in words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

from loa.streamer.desk.services import Services
from support.desk import NOW, desk_with_sample
from support.schedule import add_bulletin

PROVINCE, DISTRICT, COMMUNE = "/ha-giang", "/ha-giang/quang-binh", "/ha-giang/quang-binh/na-khuong"
ELSEWHERE = "/tuyen-quang"
CALLER = f"emergency@{DISTRICT}"


async def test_from_the_call_to_the_correction(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area(DISTRICT)
        bulletin = await add_bulletin(office, area, cls=2, seconds=20, title="Lũ")
        made = await office.call(
            "POST", "/emergencies", as_=CALLER, status=201,
            json={
                "area": area.id, "bulletin": bulletin, "severity": 4, "every_minutes": 20,
                "repeat_until": "2026-09-21T22:13:20+07:00", "reason": "mực nước vượt báo động 3",
            },
        )  # fmt: skip
        assert (made["state"], made["title"], made["seconds"]) == ("standing", "Lũ", 20)
        assert made["targets"] == [area.id] and made["reach"] == 6
        assert made["next_at"] == "2026-09-21T14:33:20Z"
        assert made["repeat_until"] == "2026-09-21T15:13:20Z"

        path = f"/emergencies/{made['id']}"
        correction = {"bulletin": bulletin, "reason": "đính chính"}
        await office.call("POST", f"{path}/correct", as_=CALLER, status=428, json=correction)
        new = await office.call(
            "POST", f"{path}/correct", as_=CALLER, status=201, json=correction,
            headers={"If-Match": '"1"'},
        )  # fmt: skip
        assert new["severity"] == 4
        old = await office.call("GET", path, as_=CALLER)
        assert (old["state"], old["corrected_by"], old["next_at"]) == ("corrected", new["id"], None)
        stopped = await office.call(
            "POST", f"/emergencies/{new['id']}/stop", as_=CALLER, json={}
        )  # fmt: skip
        assert (stopped["state"], stopped["stopped_by"]) == ("stopped", CALLER)
        again = await office.call(
            "POST", f"/emergencies/{new['id']}/stop", as_=CALLER, json={}, status=409
        )
        assert again["error"]["conflicts"][0]["who"] == CALLER


class OnAir:
    """Stands for the air: the first emergency sounds on three areas."""

    def sounding(self) -> dict[int, int]:
        return {1: 3}


async def test_where_it_sounds_now_is_told(tmp_path: Path) -> None:
    services = cast(Services, SimpleNamespace(air=OnAir(), push=None))
    async with desk_with_sample(tmp_path, services=services) as office:
        area = office.area(DISTRICT)
        bulletin = await add_bulletin(office, area, cls=2)
        for drill in (False, True):
            made = {"area": area.id, "bulletin": bulletin, "drill": drill,
                    "targets": [office.area(COMMUNE if drill else DISTRICT).id]}  # fmt: skip
            await office.call("POST", "/emergencies", as_=CALLER, status=201, json=made)
        listed = await office.call("GET", "/emergencies", as_=CALLER)
        assert [(item["id"], item["sounding"]) for item in listed["items"]] == [(2, 0), (1, 3)]


async def test_whoever_is_reached_sees_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        district, commune = office.area(DISTRICT), office.area(COMMUNE)
        bulletin = await add_bulletin(office, district, cls=2)
        for drill, targets in ((True, [district.id]), (False, [commune.id])):
            await office.call(
                "POST", "/emergencies", as_=CALLER, status=201,
                json={"area": district.id, "bulletin": bulletin, "drill": drill,
                      "targets": targets},
            )  # fmt: skip

        async def seen(who: str, query: str = "") -> list[int]:
            answer = await office.call("GET", f"/emergencies{query}", as_=f"viewer@{who}")
            return [item["id"] for item in answer["items"]]

        assert await seen(PROVINCE) == [2, 1]
        assert await seen(COMMUNE) == [2, 1]
        assert await seen(f"{DISTRICT}/xuan-minh") == [1], "only what is for it"
        assert await seen(ELSEWHERE) == []
        assert await seen(PROVINCE, "?drill=true") == [1]
        assert await seen(PROVINCE, f"?area={commune.id}") == []
        assert await seen(PROVINCE, "?state=over") == []
        first = await office.call("GET", "/emergencies?limit=1")
        assert (first["next"], first["items"][0]["id"]) == (2, 2)
        rest = await office.call("GET", "/emergencies?limit=1&after=2")
        assert (rest["next"], rest["items"][0]["id"]) == (None, 1)
        office.clock.now = NOW + 86_400
        assert await seen(PROVINCE, "?state=over") == [2, 1]
        assert await seen(PROVINCE, "?state=standing") == []


async def test_what_is_refused_is_said_in_words(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area(DISTRICT)
        routine = await add_bulletin(office, area, cls=0, title="Lịch tiêm")
        body = {"area": area.id, "bulletin": routine, "severity": 6, "every_minutes": 0}
        answer = await office.call("POST", "/emergencies", as_=CALLER, status=422, json=body)
        assert {f["field"] for f in answer["error"]["fields"]} == {"severity", "every_minutes"}
        body = {"area": area.id, "bulletin": routine}
        answer = await office.call(
            "POST", "/emergencies", as_=CALLER, status=422, json=body, language="vi"
        )
        (field,) = answer["error"]["fields"]
        assert field["field"] == "bulletin" and "Lịch tiêm" in field["message"]
        # No role but administrator and its own has this right.
        broadcaster = f"broadcaster@{DISTRICT}"
        await office.call("POST", "/emergencies", as_=broadcaster, status=403, json=body)
