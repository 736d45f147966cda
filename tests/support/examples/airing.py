"""Examples of the calls about what is on air and what was."""

from __future__ import annotations

from loa.streamer.store.tables.airing import AiredRow
from support.boxes import real_opus
from support.desk import Office
from support.examples import HERE, Asked, Example, always, here
from support.schedule import add_bulletin, add_entry, aired

SPAN = {"from": "2026-09-21T14:00:00Z", "to": "2026-09-21T14:10:00Z"}


async def area(office: Office) -> Asked:
    return Asked(params={"area": here(office)})


async def everywhere(office: Office) -> Asked:
    return Asked(query={"area": here(office)})


async def snapshot(_: Office) -> Asked:
    return Asked(query={"once": "true"})


async def preview(office: Office) -> Asked:
    return Asked(params={"area": here(office)}, json={"class": "priority"})


async def stop(office: Office) -> Asked:
    office.services.air.on = {"7.1": here(office)}
    return Asked(params={"live": "7.1"})


async def span(office: Office) -> Asked:
    async with office.desk.store.write() as db:
        db.add(
            AiredRow(
                area_id=here(office), from_tick=2_715_000_000, to_tick=2_715_000_500,
                from_unix=1_789_999_300.0, to_unix=1_789_999_310.0, kind="live", cls=1,
                title="Buổi phát (dữ liệu mẫu)", who="Lan", why="own_live", complete=True,
            )
        )  # fmt: skip
    return Asked(params={"area": here(office)}, query=SPAN)


async def again(office: Office) -> Asked:
    station = office.area(HERE)
    bulletin = await add_bulletin(office, station, seconds=1)
    await aired(office, station, await add_entry(office, station, bulletin), office.clock.now - 60)
    folder = office.desk.data / "audio"
    folder.mkdir(exist_ok=True)
    (folder / f"{50:064x}.opus").write_bytes(real_opus(1))
    return Asked(params={"bulletin": bulletin})


EXAMPLES: dict[str, Example] = {
    "GET /on-air": everywhere,
    "GET /events": snapshot,
    "GET /areas/{area}/on-air": area,
    "POST /areas/{area}/preview": preview,
    "POST /lives/{live:text}/stop": stop,
    "POST /areas/{area}/skip": area,
    "GET /again": always(Asked(query={"path": HERE})),
    "GET /again/{bulletin}": again,
    "GET /areas/{area}/aired": span,
    "GET /areas/{area}/recording.opus": span,
}
