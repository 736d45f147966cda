"""Bulletins by the API: made, edited, looked for, and taken through their life."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from loa.streamer.desk.desk import Happening
from loa.streamer.store.tables.areas import AreaPolicyRow, AreaRow
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.schedule import EntryRow
from support.desk import Office, desk_with_sample
from support.examples.bulletins import SHA256, bulletin, give_audio

COMMUNE = "/ha-giang/quang-binh/na-khuong"
EDITOR = f"editor@{COMMUNE}"
APPROVER = f"approver@{COMMUNE}"


async def draft(office: Office, *, as_: str = EDITOR, at: str = COMMUNE, **fields: Any) -> Any:
    body = {"area": office.area(at).id, "title": "Lịch tiêm chủng", **fields}
    return await office.call("POST", "/bulletins", as_=as_, json=body)


async def step(
    office: Office, made: Any, name: str, *, as_: str = EDITOR, status: int | None = None,
    **more: Any,
) -> Any:  # fmt: skip
    now = await office.call("GET", f"/bulletins/{made['id']}")
    return await office.call(
        "POST", f"/bulletins/{made['id']}/{name}", as_=as_, status=status,
        headers={"If-Match": f'"{now["version"]}"'}, **more,
    )  # fmt: skip


def fields_of(answer: Any) -> dict[str, str]:
    return {f["field"]: f["code"] for f in answer["error"]["fields"]}


async def test_from_draft_to_withdrawn_with_who_and_when(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = await draft(office, sign_text="TIÊM CHỦNG 7H", days=7, per_day=3)
        assert made["state"] == "draft" and made["targets"] == [office.area(COMMUNE).id]
        assert made["created_by"]["name"] == EDITOR
        refused = await step(office, made, "submit", status=422)
        assert fields_of(refused) == {"audio": "bulletin.no_audio"}
        await give_audio(office, made["id"])
        office.clock.now += 60
        sent = await step(office, made, "submit")
        assert sent["state"] == "submitted" and sent["submitted_by"]["name"] == EDITOR
        assert {s["step"]: s["permitted"] for s in sent["steps"]} == {
            "revise": True, "approve": False, "reject": False, "withdraw": True,
        }  # fmt: skip
        await step(office, made, "approve", status=403)
        done = await step(office, made, "approve", as_=APPROVER)
        assert done["state"] == "approved"
        await step(office, made, "withdraw", status=403)
        gone = await step(office, made, "withdraw", as_=APPROVER)
        assert gone["steps"] == []
        assert [(e["kind"], e["who"]) for e in gone["events"]] == [
            ("created", EDITOR), ("submitted", EDITOR), ("approved", APPROVER),
            ("withdrawn", APPROVER),
        ]  # fmt: skip
        assert [h.kind for h in office.happened] == [
            "bulletin.created", "bulletin.submitted", "bulletin.approved", "queue.distributed",
            "bulletin.withdrawn", "queue.withdrawn",
        ]  # fmt: skip
        assert {h.subject for h in office.happened} == {f"bulletin/{made['id']}"}
        again = await step(office, made, "withdraw", as_=APPROVER, status=409)
        assert again["error"]["code"] == "bulletin.is_withdrawn"


async def test_rejected_with_a_reason_and_edited_into_a_draft(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = {"id": await bulletin(office, at=COMMUNE, state="submitted")}
        refused = await step(office, made, "reject", as_=APPROVER, status=422, json={})
        assert fields_of(refused) == {"reason": "bulletin.reason"}
        why = {"reason": "Sai ngày tiêm"}
        back = await step(office, made, "reject", as_=APPROVER, json=why)
        assert back["state"] == "rejected" and back["events"][-1]["note"] == "Sai ngày tiêm"
        edited = await office.call(
            "PATCH", f"/bulletins/{made['id']}", as_=EDITOR, json={"title": "Lịch tiêm mới"},
            headers={"If-Match": f'"{back["version"]}"'},
        )  # fmt: skip
        assert edited["state"] == "draft" and edited["title"] == "Lịch tiêm mới"


async def test_the_second_of_two_who_edit_is_told(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = await draft(office)
        path, first = f"/bulletins/{made['id']}", {"If-Match": '"1"'}
        one = await office.call("PATCH", path, as_=EDITOR, json={"title": "Một"}, headers=first)
        two = await office.call(
            "PATCH", path, as_=APPROVER, json={"title": "Hai"}, headers=first, status=412
        )
        assert one["version"] == two["error"]["version"] == 2
        await office.call("PATCH", path, as_=EDITOR, json={"title": "Ba"}, status=428)
        assert (await office.call("GET", path))["title"] == "Một"


@pytest.mark.parametrize("state", ["submitted", "approved", "withdrawn"])
async def test_what_is_no_draft_is_not_changed(state: str, tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await bulletin(office, at=COMMUNE, state=state)
        first = {"If-Match": '"1"'}
        for method, path, body in (
            ("PATCH", "", {"json": {"title": "Khác"}}),
            ("POST", "/audio", {"data": b"RIFF"}),
            ("DELETE", "/audio", {}),
        ):
            answer = await office.call(
                method, f"/bulletins/{id}{path}", as_=EDITOR, headers=first, status=409, **body
            )
            assert answer["error"]["code"] == f"bulletin.is_{state}"
            assert answer["error"]["conflicts"][0]["state"] == state
        assert list((tmp_path / "uploads").glob("*")) == []


async def test_own_ones_are_approved_where_the_area_allows_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        mine = await draft(office, as_=APPROVER)
        await give_audio(office, mine["id"])
        await step(office, mine, "submit", as_=APPROVER)
        async with office.desk.store.write() as db:
            db.add(
                AreaPolicyRow(area_id=office.area("/ha-giang").id, settings={"approve_own": False})
            )
        await office.desk.load()
        answer = await step(office, mine, "approve", as_=APPROVER, status=403)
        assert answer["error"]["code"] == "bulletin.own"
        shown = await office.call("GET", f"/bulletins/{mine['id']}", as_=APPROVER)
        approve = next(s for s in shown["steps"] if s["step"] == "approve")
        assert [x["code"] for x in approve["lacks"]] == ["bulletin.own"]
        async with office.desk.store.write() as db:
            db.add(AreaPolicyRow(area_id=office.area(COMMUNE).id, settings={"approve_own": True}))
        await office.desk.load()
        assert (await step(office, mine, "approve", as_=APPROVER))["state"] == "approved"


async def test_an_emergency_is_let_through_by_those_who_may_call_one(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = await draft(office, **{"class": "emergency"})
        await give_audio(office, made["id"])
        await step(office, made, "submit")
        await step(office, made, "approve", as_=APPROVER, status=403)
        await step(office, made, "approve", as_=f"administrator@{COMMUNE}")


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"title": "   "}, {"title": "field.too_short"}),
        ({"title": "x" * 201}, {"title": "field.too_long"}),
        ({"title": "a\u0007b"}, {"title": "field.character"}),
        ({"sign_text": "ă" * 201}, {"sign_text": "field.too_long"}),
        ({"language": "xx"}, {"language": "bulletin.language"}),
        ({"class": "loud"}, {"class": "field.choice"}),
        ({"expires_at": "2026-09-21T21:00:00+07:00"}, {"expires_at": "bulletin.expires_past"}),
        ({"expires_at": "2027-09-21T21:00:00"}, {"expires_at": "time.offset"}),
        (
            {"starts_at": "2027-01-02T00:00:00Z", "expires_at": "2027-01-01T00:00:00Z"},
            {"expires_at": "bulletin.expires_before_start"},
        ),
        ({"days": 0}, {"days": "bulletin.days_need_expiry"}),
        ({"per_day": 0, "days": 400}, {"per_day": "field.too_small", "days": "field.too_large"}),
        ({"colour": "red"}, {"colour": "field.unknown"}),
    ],
)
async def test_each_rejected_field_is_named(
    body: dict[str, Any], wrong: dict[str, str], tmp_path: Path
) -> None:
    async with desk_with_sample(tmp_path) as office:
        whole = {"area": office.area(COMMUNE).id, "title": "Tin", **body}
        for language in ("vi", "en"):
            answer = await office.call(
                "POST", "/bulletins", as_=EDITOR, json=whole, status=422, language=language
            )
            assert fields_of(answer) == wrong
            assert all("{" not in f["message"] for f in answer["error"]["fields"])


async def test_targets_lie_at_or_below_its_own_area(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        district = "/ha-giang/quang-binh"
        ids = {path: office.area(path).id for path in (COMMUNE, district, "/ha-giang")}
        body = {"area": ids[district], "title": "Tin huyện"}
        below = {**body, "targets": [ids[COMMUNE], ids[district]]}
        made = await office.call("POST", "/bulletins", as_=f"editor@{district}", json=below)
        assert made["targets"] == sorted(below["targets"])
        wrong = {**body, "targets": [ids[COMMUNE], ids["/ha-giang"], 999]}
        answer = await office.call(
            "POST", "/bulletins", as_=f"editor@{district}", json=wrong, status=422
        )
        assert fields_of(answer) == {
            "targets.1": "bulletin.target_outside", "targets.2": "area.unknown",
        }  # fmt: skip


async def test_lists_by_what_is_looked_for(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await draft(office, title="Phòng chống lũ quét", **{"class": "priority"})
        await draft(office, title="Lịch tiêm chủng", language="hmn")
        await draft(office, title="100% hộ dân", sign_text="Đường sạt lở")
        other = "/ha-giang/quang-binh/xuan-minh"
        await draft(office, as_=f"editor@{other}", at=other, title="Tin xã khác")

        async def titles(as_: str = EDITOR, **query: Any) -> list[str]:
            page = await office.call("GET", "/bulletins", as_=as_, params=query)
            return [item["title"] for item in page["items"]]

        assert await titles() == ["100% hộ dân", "Lịch tiêm chủng", "Phòng chống lũ quét"]
        assert await titles(q="LU phòng") == ["Phòng chống lũ quét"]
        assert await titles(q="duong") == ["100% hộ dân"]
        assert await titles(q="%") == ["100% hộ dân"]
        assert await titles(q="_") == []
        assert await titles(language="hmn") == ["Lịch tiêm chủng"]
        assert await titles(**{"class": "priority"}) == ["Phòng chống lũ quét"]
        assert await titles(state="approved") == []
        district = "viewer@/ha-giang/quang-binh"
        assert len(await titles(as_=district)) == 4
        assert await titles(as_=district, area=office.area(other).id) == ["Tin xã khác"]
        assert await titles(area=office.area(other).id) == []

        first = await office.call("GET", "/bulletins", as_=district, params={"limit": 3})
        rest = await office.call(
            "GET", "/bulletins", as_=district, params={"limit": 3, "after": first["next"]}
        )
        ids = [item["id"] for item in first["items"] + rest["items"]]
        assert ids == sorted(ids, reverse=True) and len(ids) == 4 and rest["next"] is None


async def test_a_commune_sees_what_its_district_approved_for_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await bulletin(office, at="/ha-giang/quang-binh", state="draft")
        here = office.area(COMMUNE).id
        path = f"/bulletins/{id}"
        await office.call("GET", path, as_=EDITOR, status=403)
        async with office.desk.store.write() as db:
            (await db.get_one(BulletinRow, id)).state = "approved"
        assert (await office.call("GET", path, as_=EDITOR))["id"] == id
        assert (await office.call("GET", path + "/peaks", as_=EDITOR))["seconds"] == 2.0
        await office.call("GET", path, as_="editor@/tuyen-quang", status=403)
        meant = await office.call("GET", "/bulletins", as_=EDITOR, params={"for": here})
        assert [item["id"] for item in meant["items"]] == [id]
        page = await office.call("GET", "/bulletins", as_=EDITOR)
        assert page["items"] == []
        # It is heard and copied there, but nothing is done with it.
        made = await office.call(
            "POST", path + "/copy", as_=EDITOR, json={"area": here}, status=201
        )
        copy = await office.call("GET", f"/bulletins/{made['id']}", as_=EDITOR)
        assert copy["targets"] == [here] and copy["audio"]["sha256"] == SHA256
        await office.call(
            "POST", path + "/withdraw", as_=APPROVER, headers={"If-Match": '"1"'}, status=403
        )


async def test_what_a_merged_commune_made_belongs_to_what_took_it_in(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        made = await draft(office)
        async with office.desk.work(office.server) as work:
            for area in office.desk.tree.below(office.area(COMMUNE)):
                row = await work.db.get_one(AreaRow, area.id)
                row.removed_at = work.now
                if area.path == COMMUNE:
                    row.successor_id = office.area("/ha-giang/quang-binh/xuan-minh").id
            work.tree_changed = True
        heir = "editor@/ha-giang/quang-binh/xuan-minh"
        page = await office.call("GET", "/bulletins", as_=heir)
        assert [item["id"] for item in page["items"]] == [made["id"]]
        path, first = f"/bulletins/{made['id']}", {"If-Match": '"1"'}
        assert (await office.call("GET", path, as_=heir))["area"] == made["area"]
        await office.call("GET", path, as_="editor@/tuyen-quang", status=403)
        here = office.area("/ha-giang/quang-binh/xuan-minh").id
        body = {"targets": [here]}
        edited = await office.call("PATCH", path, as_=heir, json=body, headers=first)
        assert edited["targets"] == [here]
        await office.call("POST", path + "/copy", as_=heir, json={})


async def test_a_copy_is_a_draft_of_its_own(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        soon = "2026-09-22T00:00:00Z"
        made = await draft(office, expires_at=soon, notes="ghi chú", sign_text="TIN")
        await give_audio(office, made["id"])
        office.clock.now += 10 * 86_400
        answer = await office.call("POST", f"/bulletins/{made['id']}/copy", as_=APPROVER, json={})
        copy = await office.call("GET", f"/bulletins/{answer['id']}")
        assert copy["expires_at"] is None and copy["notes"] == "ghi chú"
        assert copy["created_by"]["name"] == APPROVER and copy["state"] == "draft"
        assert copy["audio"]["state"] == "ready"


async def test_withdrawing_takes_it_out_of_queues(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await bulletin(office, at=COMMUNE, state="approved")
        async with office.desk.store.write() as db:
            for state in ("accepted", "offered", "declined"):
                db.add(
                    EntryRow(
                        area_id=office.area(COMMUNE).id, bulletin_id=id, state=state, position=1.0,
                        added_at=office.clock.now, added_by="test",
                    )
                )  # fmt: skip
        seen: list[Happening] = []
        office.desk.bus.subscribe(seen.append)
        await step(office, {"id": id}, "withdraw", as_=APPROVER)
        async with office.desk.store.read() as db:
            states = list(await db.scalars(select(EntryRow.state).order_by(EntryRow.id)))
        assert states == ["removed", "removed", "declined"]
        assert [h.kind for h in seen] == ["bulletin.withdrawn", "queue.withdrawn"]


# --- hearing


async def listen(office: Office, id: int, as_: str, span: str | None = None) -> bytes:
    headers = {} if span is None else {"Range": f"bytes={span}"}
    async with await office.ask(
        "GET", f"/bulletins/{id}/audio", as_=as_, headers=headers
    ) as answer:
        assert answer.status == (200 if span is None else 206)
        assert answer.content_type == "audio/ogg"
        return await answer.read()


async def heard(office: Office, id: int) -> bool:
    for _ in range(50):  # it is noted after the last byte was sent
        if (await office.call("GET", f"/bulletins/{id}"))["audio"]["heard"]:
            return True
        await asyncio.sleep(0.01)
    return False


async def spoken(office: Office) -> int:
    made = await draft(office)
    await give_audio(office, made["id"])
    async with office.desk.store.write() as db:
        (await db.get_one(BulletinRow, made["id"])).voice = "vi"
    return int(made["id"])


async def test_its_author_hears_a_spoken_one_before_it_is_submitted(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await spoken(office)
        refused = await step(office, {"id": id}, "submit", status=422)
        assert fields_of(refused) == {"audio": "bulletin.unheard"}
        whole = await listen(office, id, APPROVER)  # somebody else
        assert len(whole) == 10_240
        assert not await heard(office, id)
        assert await listen(office, id, EDITOR) == whole
        assert await heard(office, id)
        assert (await step(office, {"id": id}, "submit"))["state"] == "submitted"


async def test_hearing_in_parts_counts_when_nothing_is_left_out(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await spoken(office)
        await listen(office, id, EDITOR, "5000-")
        assert not await heard(office, id)
        first = await listen(office, id, EDITOR, "0-5999")
        assert not await heard(office, id)
        assert first + await listen(office, id, EDITOR, "6000-") == await listen(
            office, id, APPROVER
        )
        assert await heard(office, id)


async def test_a_waveform_comes_as_numbers_or_bytes(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await bulletin(office)
        wave = await office.call("GET", f"/bulletins/{id}/peaks")
        assert wave == {"seconds": 2.0, "peaks": [-127, 127] * 50}
        async with await office.ask(
            "GET", f"/bulletins/{id}/peaks", headers={"Accept": "application/octet-stream"}
        ) as answer:
            assert await answer.read() == b"\x81\x7f" * 50
        made = await draft(office)
        await office.call("GET", f"/bulletins/{made['id']}/peaks", status=404)
        await office.call("GET", f"/bulletins/{made['id']}/audio", status=404)
