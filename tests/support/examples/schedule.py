"""Examples of the calls about schedule: slots, days off, queues, days."""

from __future__ import annotations

import itertools

from sqlalchemy import update

from loa.streamer.core.areas import Area
from loa.streamer.desk.queue_list import read_queue
from loa.streamer.store.tables.schedule import EntryRow, HolidayRow
from support.desk import Office
from support.examples import HERE, Asked, Example, here
from support.schedule import add_bulletin, add_entry, add_slot

_NUMBER = itertools.count()
CSV = "date,name\n2027-01-01,Tết Dương lịch\n2027-02-06,Tết Nguyên đán\n"


def station(office: Office) -> Area:
    return office.area(HERE)


async def of_area(office: Office) -> Asked:
    return Asked(params={"area": here(office)})


async def new_slot(office: Office) -> Asked:
    hour = next(_NUMBER) % 24
    return Asked(
        params={"area": here(office)},
        json={
            "name": "Buổi sáng",
            "first": f"2026-09-22T{hour:02}:00",
            "minutes": 45,
            "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            "exceptions": ["2027-02-06"],
            "on_holidays": False,
        },
    )


async def a_slot(office: Office) -> Asked:
    day = 1 + next(_NUMBER) % 28
    id = await add_slot(office, station(office), f"2035-03-{day:02}T05:00", 45)
    return Asked(params={"slot": id})


async def change_slot(office: Office) -> Asked:
    asked = await a_slot(office)
    asked.json, asked.version = {"minutes": 30, "name": "Buổi sớm"}, 1
    return asked


async def remove_slot(office: Office) -> Asked:
    asked = await a_slot(office)
    asked.version = 1
    return asked


async def add_holiday(office: Office) -> Asked:
    day = 1 + next(_NUMBER) % 28
    return Asked(
        params={"area": here(office)}, json={"date": f"2028-04-{day:02}", "name": "Giỗ Tổ"}
    )


async def import_holidays(office: Office) -> Asked:
    return Asked(
        params={"area": here(office)}, query={"year": 2027}, data=CSV.encode(),
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip


async def remove_holiday(office: Office) -> Asked:
    day = 1 + next(_NUMBER) % 28
    async with office.desk.store.write() as db:
        row = HolidayRow(area_id=here(office), date=f"2029-04-{day:02}", name="Giỗ Tổ")
        db.add(row)
        await db.flush()
        return Asked(params={"holiday": row.id})


async def to_queue(office: Office) -> Asked:
    bulletin = await add_bulletin(office, station(office))
    return Asked(
        params={"area": here(office)},
        json={
            "bulletin": bulletin,
            "per_day": 3,
            "days": 7,
            "not_before": "2026-09-22T00:00:00+07:00",
            "expires_at": "2026-10-22T00:00:00+07:00",
        },
    )


async def an_entry(office: Office) -> Asked:
    area = station(office)
    return Asked(params={"entry": await add_entry(office, area, await add_bulletin(office, area))})


async def change_entry(office: Office) -> Asked:
    asked = await an_entry(office)
    asked.json, asked.version = {"per_day": 2, "expires_at": None}, 1
    return asked


async def remove_entry(office: Office) -> Asked:
    asked = await an_entry(office)
    asked.version = 1
    return asked


async def sent(office: Office) -> Asked:
    bulletin = await add_bulletin(office, office.area("/ha-giang"))
    entry = await add_entry(office, station(office), bulletin, origin="upper", state="offered")
    return Asked(params={"entry": entry})


async def order(office: Office) -> Asked:
    async with office.desk.store.write() as db:
        await db.execute(update(EntryRow).values(state="done"))
    first = (await an_entry(office)).params["entry"]
    second = (await an_entry(office)).params["entry"]
    queue = await read_queue(office.desk, station(office), office.clock.now)
    return Asked(
        params={"area": here(office)}, json={"entries": [second, first]}, version=queue.version
    )


async def day(office: Office) -> Asked:
    area = station(office)
    await an_entry(office)
    await add_slot(office, area, "2026-09-22T05:00", 45)
    return Asked(params={"area": area.id}, query={"date": "2026-09-22"})


EXAMPLES: dict[str, Example] = {
    "GET /areas/{area}/slots": of_area,
    "POST /areas/{area}/slots": new_slot,
    "GET /slots/{slot}": a_slot,
    "PATCH /slots/{slot}": change_slot,
    "DELETE /slots/{slot}": remove_slot,
    "GET /areas/{area}/holidays": of_area,
    "POST /areas/{area}/holidays": add_holiday,
    "POST /areas/{area}/holidays/import": import_holidays,
    "DELETE /holidays/{holiday}": remove_holiday,
    "GET /areas/{area}/queue": of_area,
    "POST /areas/{area}/queue": to_queue,
    "PUT /areas/{area}/queue/order": order,
    "GET /queue/{entry}": an_entry,
    "PATCH /queue/{entry}": change_entry,
    "DELETE /queue/{entry}": remove_entry,
    "POST /queue/{entry}/accept": sent,
    "POST /queue/{entry}/decline": sent,
    "GET /areas/{area}/day": day,
}
