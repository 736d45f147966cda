"""Slots, days off, queues and days by the API, as staff work with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import select

from loa.streamer.core.policy import Hours, Policy, UpperRoutine
from loa.streamer.desk import distribution
from loa.streamer.desk.policies import set_policy
from loa.streamer.desk.queue_list import settle
from loa.streamer.store.tables.bulletins import BulletinRow, BulletinTargetRow
from loa.streamer.store.tables.schedule import EntryRow
from support.desk import Office, desk_with_sample
from support.schedule import add_bulletin, add_entry, add_slot, aired

COMMUNE = "/ha-giang/quang-binh/na-khuong"
VILLAGE = COMMUNE + "/ban-rua"
FIVE = 1_790_028_000.0
DAY = 86_400.0
MORNING = {
    "name": "Buổi sáng", "first": "2026-01-05T05:00", "minutes": 45, "rrule": "FREQ=DAILY",
}  # fmt: skip


def fields(answer: Any) -> list[tuple[str, str]]:
    return [(f["field"], f["code"]) for f in answer["error"]["fields"]]


async def new_slot(office: Office, status: int = 201, **more: Any) -> Any:
    area = office.area(COMMUNE).id
    return await office.call(
        "POST", f"/areas/{area}/slots", json={**MORNING, **more}, status=status
    )


# --- slots


async def test_a_slot_is_made_changed_and_removed(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        slot = await new_slot(office)
        assert slot["next"][0] == "2026-09-21T22:00:00Z"
        listed = await office.call("GET", f"/areas/{slot['area']}/slots")
        assert listed["items"] == [slot]
        path = f"/slots/{slot['id']}"
        changed = await office.call(
            "PATCH", path, json={"first": "2026-01-05T06:00"}, headers={"If-Match": '"1"'}
        )
        assert changed["next"][0] == "2026-09-21T23:00:00Z" and changed["version"] == 2
        # Somebody who has not seen that is told.
        stale = await office.call(
            "PATCH", path, json={"minutes": 10}, headers={"If-Match": '"1"'}, status=412
        )
        assert stale["error"]["version"] == 2
        await office.call("DELETE", path, headers={"If-Match": '"2"'})
        await office.call("GET", path, status=404)
        assert [h.kind for h in office.happened] == [
            "slot.created", "slot.changed", "slot.removed",
        ]  # fmt: skip
        assert office.happened[1].details["changed"] == {"first": "2026-01-05T06:00"}


async def test_slots_that_collide_are_refused_with_what_they_collide_with(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        first = await new_slot(office)
        sunday = {"name": "Chủ nhật", "first": "2026-01-04T05:30", "rrule": "FREQ=WEEKLY;BYDAY=SU"}
        refused = await new_slot(office, 409, **sunday)
        assert refused["error"]["conflicts"] == [
            {"kind": "slot", "id": first["id"], "name": "Buổi sáng", "first": "2026-09-27T05:30"}
        ]
        assert "Buổi sáng" in refused["error"]["message"]
        # Over midnight, too; what only touches does not collide.
        late = await new_slot(office, 409, name="Đêm", first="2026-01-05T23:30", minutes=331)
        assert late["error"]["conflicts"][0]["id"] == first["id"]
        await new_slot(office, name="Đêm", first="2026-01-05T23:30", minutes=330)
        # One that is switched off is in nobody's way, until it is switched on.
        off = await new_slot(office, enabled=False, name="Dự phòng")
        on = await office.call(
            "PATCH", f"/slots/{off['id']}", json={"enabled": True}, headers={"If-Match": '"1"'},
            status=409,
        )  # fmt: skip
        assert on["error"]["conflicts"][0]["name"] == "Buổi sáng"
        # Another station's slots are its own.
        other = office.area("/ha-giang/quang-binh/xuan-minh").id
        await office.call("POST", f"/areas/{other}/slots", json=MORNING)


async def test_every_wrong_field_of_a_slot_is_named(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        wrong = await new_slot(
            office, 422, first="2026-02-30T05:00", rrule="FREQ=SECONDLY", content="relay",
            exceptions=["2026-02-30"],
        )  # fmt: skip
        assert fields(wrong) == [
            ("first", "slot.first"), ("rrule", "rule.freq"), ("exceptions.0", "slot.date"),
            ("relay", "slot.relay_missing"),
        ]  # fmt: skip
        wrong = await new_slot(office, 422, content="relay", relay="ftp://vov.example/")
        assert [f["field"] for f in wrong["error"]["fields"]] == ["relay"]
        never = await new_slot(office, 422, rrule="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
        assert fields(never) == [("rrule", "slot.never")]
        village = office.area(VILLAGE).id
        refused = await office.call("POST", f"/areas/{village}/slots", json=MORNING, status=409)
        assert refused["error"]["conflicts"][0]["path"] == COMMUNE


# --- days off


async def test_days_off_are_inherited_and_slots_may_keep_them(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        top, commune = office.area("/ha-giang").id, office.area(COMMUNE).id
        await office.call(
            "POST", f"/areas/{top}/holidays", json={"date": "2026-09-22", "name": "Lễ"}
        )
        twice = await office.call(
            "POST", f"/areas/{top}/holidays", json={"date": "2026-09-22", "name": "Lễ"}, status=409
        )
        assert twice["error"]["conflicts"][0]["date"] == "2026-09-22"
        listed = await office.call("GET", f"/areas/{commune}/holidays")
        assert [(h["date"], h["inherited"], h["area"]) for h in listed["items"]] == [
            ("2026-09-22", True, top)
        ]
        kept = await new_slot(office, on_holidays=False)
        assert kept["next"][0] == "2026-09-22T22:00:00Z"  # a day later
        await office.call("DELETE", f"/holidays/{listed['items'][0]['id']}")
        assert (await office.call("GET", f"/slots/{kept['id']}"))["next"][0].startswith(
            "2026-09-21"
        )


async def test_a_year_of_days_off_comes_as_a_file(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        area = office.area("/ha-giang").id

        async def send(text: str, status: int = 200, **query: Any) -> Any:
            return await office.call(
                "POST", f"/areas/{area}/holidays/import", params={"year": 2027, **query},
                data=("\ufeff" + text).encode(), headers={"Content-Type": "text/csv"},
                status=status,
            )  # fmt: skip

        tet = "Ngày;Tên\n1/1/2027;Tết Dương lịch\n2027-02-06;Tết Nguyên đán\n"
        would = await send(tet, dry_run="true")
        assert (would["added"], would["dry_run"]) == (2, True)
        assert (await send(tet))["added"] == 2
        again = await send("2027-02-06,Tết\n2027-04-30,Giải phóng")
        assert (again["added"], again["renamed"], again["removed"]) == (1, 1, 1)
        wrong = await send(
            "2027-02-30,X\n2026-01-01,Y\n2027-05-01\n2027-05-02,A\n2027-05-02,B", 422
        )
        assert fields(wrong) == [
            ("line 1", "slot.date"), ("line 2", "holiday.year"), ("line 3", "holiday.name"),
            ("line 5", "holiday.twice"),
        ]  # fmt: skip
        listed = await office.call("GET", f"/areas/{area}/holidays", params={"year": 2027})
        assert [h["name"] for h in listed["items"]] == ["Tết", "Giải phóng"]


# --- queues


async def queue_of(office: Office, path: str = COMMUNE) -> Any:
    return await office.call("GET", f"/areas/{office.area(path).id}/queue")


async def test_a_queue_says_what_is_played_next_and_what_does_not_fit(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area(COMMUNE)
        await new_slot(office)
        path = f"/areas/{commune.id}/queue"
        short = await add_bulletin(office, commune, seconds=600)
        long = await add_bulletin(office, commune, seconds=3600)
        draft = await add_bulletin(office, commune, state="draft")
        for bulletin in (short, long, draft):
            await office.call("POST", path, json={"bulletin": bulletin, "days": 2})
        queue = await queue_of(office)
        assert [[n["start"] for n in e["next"]] for e in queue["items"]] == [
            ["2026-09-21T22:00:00Z", "2026-09-22T22:00:00Z"], [], [],
        ]  # fmt: skip
        assert [[(k["reason"], k["times"]) for k in e["lacks"]] for e in queue["items"]] == [
            [], [("too_long", 2)], [("not_approved", 2)],
        ]  # fmt: skip
        entry = queue["items"][0]
        assert entry["bulletin"]["class"] == "routine" and entry["bulletin"]["seconds"] == 600
        await aired(office, commune, entry["id"], FIVE)
        office.clock.now = FIVE + 1000
        entry = await office.call("GET", f"/queue/{entry['id']}")
        assert (entry["played"], entry["last_played"]) == (1, "2026-09-21T22:00:00Z")
        assert [n["start"] for n in entry["next"]] == ["2026-09-22T22:00:00Z"]
        await aired(office, commune, entry["id"], FIVE + DAY)
        assert await settle(office.desk) == 1
        assert len((await queue_of(office))["items"]) == 2
        done = await office.call("GET", f"/queue/{entry['id']}")
        assert (done["state"], done["played"]) == ("done", 2)


async def test_what_makes_no_sense_in_a_queue_is_named(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area(COMMUNE)
        path = f"/areas/{commune.id}/queue"
        bulletin = await add_bulletin(office, commune, expires_at=FIVE)
        mac, elsewhere = office.area(COMMUNE + "/ban-mac").id, office.area("/tuyen-quang").id

        async def refused(status: int = 422, **body: Any) -> list[tuple[str, str]]:
            return fields(await office.call("POST", path, json=body, status=status))

        assert await refused(bulletin=bulletin, expires_at="2026-09-20T00:00:00Z") == [
            ("expires_at", "queue.past")
        ]
        assert await refused(
            bulletin=bulletin, not_before="2026-09-21T18:00:00Z", expires_at="2026-09-21T17:00:00Z"
        ) == [("expires_at", "queue.ends_before")]
        assert await refused(bulletin=bulletin, not_before="2026-09-23T18:00:00Z") == [
            ("not_before", "queue.ends_before")
        ]
        assert await refused(bulletin=bulletin, targets=[mac, elsewhere, 9999]) == [
            ("targets.1", "queue.target"), ("targets.2", "area.unknown"),
        ]  # fmt: skip
        endless = await add_bulletin(office, commune)
        assert await refused(bulletin=endless, days=0) == [("expires_at", "queue.endless")]
        foreign = await add_bulletin(office, office.area("/tuyen-quang"))
        assert await refused(bulletin=foreign) == [("bulletin", "queue.not_for")]
        urgent = await add_bulletin(office, commune, cls=2)
        assert await refused(bulletin=urgent) == [("bulletin", "queue.emergency")]
        gone = await add_bulletin(office, commune, state="withdrawn")
        assert await refused(bulletin=gone) == [("bulletin", "queue.thrown_away")]
        assert await refused(bulletin=99_999) == [("bulletin", "queue.no_bulletin")]


async def test_the_second_who_orders_a_queue_is_told(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area(COMMUNE)
        bulletin = await add_bulletin(office, commune)
        a, b, c = [await add_entry(office, commune, bulletin) for _ in range(3)]
        path = f"/areas/{commune.id}/queue/order"

        async def order(version: int, status: int | None = None, *entries: int) -> Any:
            return await office.call(
                "PUT", path, json={"entries": entries}, headers={"If-Match": f'"{version}"'},
                status=status,
            )  # fmt: skip

        seen = (await queue_of(office))["version"]
        after = await order(seen, None, c, a, b)
        queue = await queue_of(office)
        assert [e["id"] for e in queue["items"]] == [c, a, b]
        assert queue["version"] == after["version"] != seen
        assert (await order(seen, 412, a, b, c))["error"]["version"] == queue["version"]
        now = queue["version"]
        assert fields(await order(now, 422, a, b)) == [("entries", "queue.missing")]
        assert fields(await order(now, 422, a, b, c, c)) == [("entries", "queue.twice")]
        assert fields(await order(now, 422, a, b, 999)) == [("entries.2", "queue.not_in")]
        # Something new in the queue is something that was not seen.
        await add_entry(office, commune, bulletin)
        await order(now, 412, a, b, c)


async def test_an_entry_is_changed_and_removed(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area(COMMUNE)
        entry = await add_entry(office, commune, await add_bulletin(office, commune))
        path = f"/queue/{entry}"
        village = office.area(VILLAGE).id
        changed = await office.call(
            "PATCH", path, json={"per_day": 3, "days": 7, "targets": [village]},
            headers={"If-Match": '"1"'},
        )  # fmt: skip
        assert (changed["per_day"], changed["days"], changed["targets"]) == (3, 7, [village])
        everyone = await office.call(
            "PATCH", path, json={"targets": None}, headers={"If-Match": '"2"'}
        )
        assert everyone["targets"] is None and everyone["per_day"] == 3
        await office.call("DELETE", path, headers={"If-Match": '"2"'}, status=412)
        await office.call("DELETE", path, headers={"If-Match": '"3"'})
        assert (await queue_of(office))["items"] == []
        assert (await office.call("GET", path))["state"] == "removed"
        await office.call("DELETE", path, headers={"If-Match": '"4"'}, status=409)
        assert [h.kind for h in office.happened] == [
            "queue.changed", "queue.changed", "queue.removed",
        ]  # fmt: skip


# --- from upper levels


async def distribute(office: Office, path: str, *targets: str, cls: int = 0) -> BulletinRow:
    area = office.area(path)
    id = await add_bulletin(office, area, cls=cls, per_day=2, days=3, starts_at=FIVE)
    async with office.desk.work(office.server) as work:
        for target in targets:
            work.db.add(BulletinTargetRow(bulletin_id=id, area_id=office.area(target).id))
        row = await work.db.get(BulletinRow, id)
        assert row is not None
        await work.db.flush()
        await distribution.distribute(office.desk, work, row)
        return row


async def entries(office: Office) -> dict[str, tuple[str, str, Any]]:
    async with office.desk.store.read() as db:
        rows = await db.scalars(select(EntryRow).order_by(EntryRow.id))
        return {office.desk.area(r.area_id).path: (r.origin, r.state, r.targets) for r in rows}


async def test_an_approved_bulletin_goes_to_every_station_it_is_for(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        ask = office.area("/ha-giang/quang-binh/xuan-minh")
        await set_policy(office.desk, office.server, ask, Policy(upper_routine=UpperRoutine.ASK), 0)
        row = await distribute(office, "/ha-giang/quang-binh", "/ha-giang/quang-binh")
        assert await entries(office) == {
            "/ha-giang/quang-binh": ("own", "accepted", None),
            COMMUNE: ("upper", "accepted", None),
            "/ha-giang/quang-binh/tien-nguyen": ("upper", "accepted", None),
            "/ha-giang/quang-binh/xuan-minh": ("upper", "offered", None),
        }
        async with office.desk.work(office.server) as work:
            assert await distribution.distribute(office.desk, work, row) == 0
            assert await distribution.withdraw(work, row) == 4
        assert {state for _, state, _ in (await entries(office)).values()} == {"removed"}


async def test_what_is_for_villages_goes_into_their_stations_queue(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await distribute(office, "/ha-giang", VILLAGE, "/ha-giang/quang-binh/tien-nguyen")
        assert await entries(office) == {
            COMMUNE: ("upper", "accepted", [office.area(VILLAGE).id]),
            "/ha-giang/quang-binh/tien-nguyen": ("upper", "accepted", None),
        }


async def test_the_commune_decides_on_routine_and_only_orders_priority(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area(COMMUNE)
        await set_policy(
            office.desk, office.server, commune, Policy(upper_routine=UpperRoutine.ASK), 0
        )
        await distribute(office, "/ha-giang", COMMUNE)
        await distribute(office, "/ha-giang", COMMUNE, cls=1)
        urgent, offered = (await queue_of(office))["items"]
        assert (urgent["state"], urgent["bulletin"]["class"]) == ("accepted", "priority")
        assert offered["lacks"][0]["reason"] == "not_accepted"
        assert (offered["per_day"], offered["days"]) == (2, 3)
        by = f"editor@{COMMUNE}"
        taken = await office.call("POST", f"/queue/{offered['id']}/accept", as_=by)
        assert taken["state"] == "accepted"
        gone = await office.call("POST", f"/queue/{offered['id']}/decline", as_=by)
        assert gone["state"] == "declined"
        refused = await office.call("POST", f"/queue/{urgent['id']}/decline", as_=by, status=409)
        assert refused["error"]["code"] == "queue.priority"
        await office.call(
            "DELETE", f"/queue/{urgent['id']}", headers={"If-Match": '"1"'}, as_=by, status=409
        )
        own = await add_entry(office, commune, await add_bulletin(office, commune, cls=1))
        version = (await queue_of(office))["version"]
        await office.call(
            "PUT", f"/areas/{commune.id}/queue/order", json={"entries": [own, urgent["id"]]},
            headers={"If-Match": f'"{version}"'}, as_=by,
        )  # fmt: skip
        assert [e["id"] for e in (await queue_of(office))["items"]] == [own, urgent["id"]]
        assert "queue.accepted" in [h.kind for h in office.happened]


# --- days


async def test_a_day_shows_slots_what_was_on_and_what_is_planned(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune, top = office.area(COMMUNE), office.area("/ha-giang")
        hours = Policy(hours=(Hours(tuple(range(7)), 300, 330),))
        await set_policy(office.desk, office.server, top, hours, 0)
        await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY")
        first = await add_entry(office, commune, await add_bulletin(office, commune, seconds=600))
        second = await add_entry(office, commune, await add_bulletin(office, commune, seconds=900))
        too_long = await add_entry(
            office, commune, await add_bulletin(office, commune, seconds=2000)
        )
        path = f"/areas/{commune.id}/day"
        day = await office.call("GET", path, params={"date": "2026-09-22"})
        window = day["windows"][0]
        assert (window["start"], window["end"]) == ("2026-09-21T22:00:00Z", "2026-09-21T22:45:00Z")
        assert window["allowed"] == [
            {"start": "2026-09-21T22:00:00Z", "end": "2026-09-21T22:30:00Z"}
        ]
        assert day["limits"]["hours_from"]["path"] == "/ha-giang"
        assert [(p["entry"], p["start"]) for p in window["planned"]] == [
            (first, "2026-09-21T22:00:00Z"), (second, "2026-09-21T22:10:00Z"),
        ]  # fmt: skip
        assert [(u["entry"], u["reason"]) for u in day["unplaced"]] == [(too_long, "limit")]
        assert "hours" in day["unplaced"][0]["message"]
        await aired(office, commune, first, FIVE, goes_on=True)
        office.clock.now = FIVE + 300
        window = (await office.call("GET", path))["windows"][0]
        assert [(a["entry"], a["end"]) for a in window["aired"]] == [(first, None)]
        assert [p["entry"] for p in window["planned"]] == [second]
        await aired(office, commune, first, FIVE)
        office.clock.now = FIVE + 600
        window = (await office.call("GET", path))["windows"][0]
        assert {a["entry"] for a in window["aired"]} == {first}
        assert [p["entry"] for p in window["planned"]] == [second]
        await office.call("GET", path, params={"date": "2029-01-01"}, status=422)


async def test_a_slot_for_the_level_above_shows_what_that_has_planned(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune, district = office.area(COMMUNE), office.area("/ha-giang/quang-binh")
        await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY", content="upper")
        await add_slot(office, district, "2026-01-05T05:30", 45, "FREQ=DAILY")
        bulletin = await add_bulletin(office, district, seconds=600)
        entry = await add_entry(office, district, bulletin)
        await add_entry(office, commune, bulletin)
        day = await office.call("GET", f"/areas/{commune.id}/day", params={"date": "2026-09-22"})
        window = day["windows"][0]
        assert window["upper"]["path"] == "/ha-giang/quang-binh"
        assert [p["entry"] for p in window["planned"]] == [entry]
        assert [u["reason"] for u in day["unplaced"]] == ["no_slot"]


async def test_a_village_sees_what_it_hears_of_its_station(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune, village = office.area(COMMUNE), office.area(VILLAGE)
        other = office.area(COMMUNE + "/ban-mac")
        await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY")
        bulletin = await add_bulletin(office, commune, seconds=600)
        mine = await add_entry(office, commune, bulletin, targets=[village.id])
        await add_entry(office, commune, bulletin, targets=[other.id])
        everyone = await add_entry(office, commune, bulletin)
        day = await office.call("GET", f"/areas/{village.id}/day", params={"date": "2026-09-22"})
        assert day["station"]["path"] == COMMUNE
        assert [p["entry"] for p in day["windows"][0]["planned"]] == [mine, everyone]
