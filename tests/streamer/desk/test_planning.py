"""Plans of stations, as they come out of the store."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import event

from loa.streamer.desk.distribution import distribute
from loa.streamer.desk.planning import station_plans
from loa.streamer.store.airing import INTERRUPTED
from loa.streamer.store.tables.bulletins import BulletinRow, BulletinTargetRow
from support.desk import NOW, Office, desk_with_sample
from support.schedule import add_bulletin, add_entry, add_slot, aired

FIVE = 1_790_028_000.0
"""The morning after ``NOW``: 05:00 in Vietnam."""
DAY = 86_400.0


async def planned(
    office: Office, path: str, now: float = NOW, days: float = 2
) -> list[tuple[int, float]]:
    area = office.area(path)
    plans = await station_plans(office.desk, [area.id], now, now + days * DAY)
    return [(p.entry, p.start) for p in plans[area.id].plan.planned]


async def test_the_queue_goes_into_the_slots_of_its_own_station(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area("/ha-giang/quang-binh/na-khuong")
        other = office.area("/ha-giang/quang-binh/xuan-minh")
        slot = await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY")
        await add_slot(office, other, "2026-01-05T06:00", 45, "FREQ=DAILY")
        bulletin = await add_bulletin(office, commune, seconds=600)
        first = await add_entry(office, commune, bulletin)
        second = await add_entry(office, commune, bulletin)
        foreign = await add_entry(office, other, bulletin)
        plans = await station_plans(office.desk, None, NOW, NOW + DAY)
        assert {office.desk.area(id).path for id in plans} >= {commune.path, other.path}
        mine = plans[commune.id]
        assert [(p.entry, p.slot, p.start, p.number) for p in mine.plan.planned] == [
            (first, slot, FIVE, 0), (second, slot, FIVE + 600, 0),
        ]  # fmt: skip
        assert [w.start for w in mine.windows] == [FIVE]
        assert mine.bulletins[bulletin].title == "Bản tin"
        assert [p.entry for p in plans[other.id].plays] == [foreign]


async def test_what_was_missed_is_planned_again_until_it_expires(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area("/ha-giang/quang-binh/na-khuong")
        await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY")
        await add_slot(office, commune, "2026-01-05T17:00", 45, "FREQ=DAILY")
        bulletin = await add_bulletin(office, commune, seconds=600)
        entry = await add_entry(office, commune, bulletin, expires_at=FIVE + 2 * DAY)
        evening = FIVE + DAY / 2
        assert await planned(office, commune.path) == [(entry, FIVE)]
        # Nothing was on at five, the server was down: so in the evening.
        assert await planned(office, commune.path, FIVE + 3600) == [(entry, evening)]
        # It began in the evening and broke off.
        await aired(office, commune, entry, evening, complete=False)
        assert await planned(office, commune.path, evening + 3600) == [(entry, FIVE + DAY)]
        assert await planned(office, commune.path, FIVE + 2 * DAY) == []
        await aired(office, commune, entry, FIVE + DAY)
        assert await planned(office, commune.path, FIVE + DAY + 700) == []


async def test_what_is_sounding_stays_in_the_plan_and_in_its_place(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area("/ha-giang/quang-binh/na-khuong")
        await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY")
        bulletin = await add_bulletin(office, commune, seconds=600)
        first = await add_entry(office, commune, bulletin)
        second = await add_entry(office, commune, bulletin)
        before = await planned(office, commune.path)
        await aired(office, commune, first, FIVE, goes_on=True)
        assert await planned(office, commune.path, FIVE + 60) == before
        # A log that was never closed does not keep the item from being played for ever.
        later = await planned(office, commune.path, FIVE + 1500)
        assert later == [(first, FIVE + 1500), (second, FIVE + 2100)]


async def test_villages_hear_their_own_at_the_same_time(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area("/ha-giang/quang-binh/na-khuong")
        rua = office.area("/ha-giang/quang-binh/na-khuong/ban-rua")
        mac = office.area("/ha-giang/quang-binh/na-khuong/ban-mac")
        await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY")
        bulletin = await add_bulletin(office, commune, seconds=600)
        one = await add_entry(office, commune, bulletin, targets=[rua.id])
        two = await add_entry(office, commune, bulletin, targets=[mac.id])
        all_ = await add_entry(office, commune, bulletin)
        assert await planned(office, commune.path) == [
            (one, FIVE), (two, FIVE), (all_, FIVE + 600),
        ]  # fmt: skip
        # A village's own mount tells that it was played there.
        await aired(office, rua, one, FIVE)
        assert (one, FIVE) not in await planned(office, commune.path, FIVE + 1)


async def test_priority_is_due_at_once_and_only_what_is_approved_is_planned(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area("/ha-giang/quang-binh/na-khuong")
        await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY")
        draft = await add_bulletin(office, commune, state="submitted")
        urgent = await add_bulletin(office, commune, cls=1, seconds=60)
        await add_entry(office, commune, draft)
        entry = await add_entry(office, commune, urgent, per_day=2)
        plan = (await station_plans(office.desk, [commune.id], NOW, NOW + DAY))[commune.id]
        assert [(p.entry, p.start, p.number) for p in plan.priority] == [(entry, NOW, 0)]
        assert [(p.entry, p.start, p.number) for p in plan.plays] == [(entry, FIVE, 1)]


async def test_priority_that_sounds_stays_what_it_is_and_what_fails_is_over(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune = office.area("/ha-giang/quang-binh/na-khuong")
        await add_slot(office, commune, "2026-01-05T05:00", 45, "FREQ=DAILY")
        urgent = await add_entry(
            office, commune, await add_bulletin(office, commune, cls=1, seconds=60), per_day=2
        )
        broken = await add_entry(office, commune, await add_bulletin(office, commune))
        await aired(office, commune, urgent, FIVE + 60, goes_on=True)
        now = FIVE + 90
        plan = (await station_plans(office.desk, [commune.id], now, now + DAY))[commune.id]
        assert [(p.entry, p.start, p.number) for p in plan.priority] == [(urgent, FIVE + 60, 0)]
        assert [p.entry for p in plan.plays] == [broken, urgent]
        await aired(office, commune, broken, FIVE + 120, failure="no such file")
        await aired(office, commune, urgent, FIVE + 60)
        later = await planned(office, commune.path, FIVE + 180)
        assert later == [(urgent, FIVE + 1350)]
        # What a restart cut off before its first packet did not fail.
        again = await add_entry(office, commune, await add_bulletin(office, commune))
        await aired(office, commune, again, FIVE + 180, failure=INTERRUPTED)
        assert (again, FIVE + 240) in await planned(office, commune.path, FIVE + 240)


async def test_many_stations_take_no_more_queries_than_one(tmp_path: Path) -> None:
    communes = [(f"/p/c{n}", f"Xã {n}", True) for n in range(600)]
    async with desk_with_sample(tmp_path, areas=[("/p", "Tỉnh", True), *communes]) as office:
        top = office.area("/p")
        await add_slot(office, office.area("/p/c7"), "2026-01-05T05:00", 45, "FREQ=DAILY")
        asked: list[str] = []
        event.listen(
            office.desk.store.engine.sync_engine,
            "before_cursor_execute",
            lambda *given: asked.append(given[2]),
        )
        id = await add_bulletin(office, top, seconds=600)
        counts = []
        for targets in ((office.area("/p/c0").id,), (top.id,)):
            async with office.desk.work(office.server) as work:
                row = await work.db.get(BulletinRow, id)
                assert row is not None
                work.db.add_all(BulletinTargetRow(bulletin_id=id, area_id=a) for a in targets)
                await work.db.flush()
                asked.clear()
                sent = await distribute(office.desk, work, row)
                counts.append((sent, len(asked)))
        assert [sent for sent, _ in counts] == [1, 600]
        assert counts[1][1] <= counts[0][1] + 2  # rows are put in by batches
        asked.clear()
        await station_plans(office.desk, [office.area("/p/c7").id], NOW, NOW + DAY)
        one = len(asked)
        asked.clear()
        plans = await station_plans(office.desk, None, NOW, NOW + DAY)
        assert len(asked) == one
        assert sum(len(p.plan.planned) for p in plans.values()) == 1
        assert sum(len(p.plan.unplaced) for p in plans.values()) == 600
