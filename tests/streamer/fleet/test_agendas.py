"""Schedules for boxes: what stands in them, when they change, who is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import update

from loa.codecs.control import messages
from loa.codecs.control.agenda import DAY_TICKS, Schedule, open_schedule
from loa.codecs.control.signing import SigningKey
from loa.streamer.fleet.agendas import Agendas
from loa.streamer.fleet.hub import Hub
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.receivers import ReceiverRow
from support.desk import NOW, Office, desk_with_sample
from support.fleet import connected
from support.schedule import add_bulletin, add_entry, add_slot, aired

COMMUNE = "/ha-giang/quang-binh/na-khuong"
RUA, MAC = f"{COMMUNE}/ban-rua", f"{COMMUNE}/ban-mac"
HOUR = 3600.0
MORNING = NOW + 8 * HOUR - 800  # 05:00 of the next day in Vietnam


@dataclass
class Plant:
    """An office with receivers in both villages of a commune, and their schedules."""

    office: Office
    hub: Hub
    agendas: Agendas
    key: SigningKey

    def schedule(self, path: str) -> Schedule:
        filed = self.agendas.of(self.office.area(path).id)
        assert filed is not None
        return open_schedule(filed.data, [self.key.public])

    def hash(self, path: str) -> bytes:
        filed = self.agendas.of(self.office.area(path).id)
        assert filed is not None
        return filed.hash

    async def later(self, seconds: float) -> list[int]:
        self.office.clock.now += seconds
        return await self.agendas.refresh()

    def plays(self, path: str) -> list[tuple[str, float]]:
        return [
            (turn.key, turn.start / DAY_TICKS) for turn in self.schedule(path).stations[0].plays
        ]


@asynccontextmanager
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    async with desk_with_sample(tmp_path) as office:
        async with office.desk.store.write() as db:
            for number, path in enumerate((RUA, MAC)):
                db.add(
                    ReceiverRow(
                        area_id=office.area(path).id, name=f"Cụm {number}", settings={},
                        created_at=NOW, created_by="test", state="enrolled",
                    )
                )  # fmt: skip
        key = SigningKey(bytes(32))
        hub = Hub(office.desk.counters)
        agendas = Agendas(office.desk, hub, tmp_path, lambda: key, lambda: [key.public])
        hub.add(agendas)
        try:
            yield Plant(office, hub, agendas, key)
        finally:
            agendas.close()


async def test_what_stands_in_a_schedule(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        area = office.area(COMMUNE)
        await add_slot(office, area, "2026-09-22T05:00", 30, "FREQ=DAILY")
        bulletin = await add_bulletin(office, area, seconds=60, sign_text="Xin chào", title="Một")
        entry = await add_entry(office, area, bulletin, days=0)
        changed = await p.agendas.refresh()
        assert {office.area(path).id for path in (COMMUNE, RUA, MAC)} <= set(changed)
        schedule = p.schedule(RUA)
        assert schedule.areas == tuple(sorted(office.area(x).id for x in (COMMUNE, RUA, MAC)))
        assert schedule.timezone == "Asia/Ho_Chi_Minh"
        assert schedule.version == int(NOW) and schedule.made == round(NOW * DAY_TICKS)
        plays = p.plays(RUA)
        # To the end of the seventh day ahead.
        assert [start for _, start in plays] == [MORNING + 86_400 * day for day in range(7)]
        assert [key for key, _ in plays] == [f"entry/{entry}/{n}" for n in range(7)]
        assert all(
            turn.last == turn.start + (30 - 1) * 60 * 50 for turn in schedule.stations[0].plays
        )
        audio = schedule.audios[0]
        assert (audio.ticks, audio.size) == (3000, 3000 * 60)
        known = schedule.bulletin(bulletin)
        assert (known.title, known.sign, known.origin) == ("Một", "Xin chào", area.id)
        # An area without receivers has none.
        assert p.agendas.of(office.area("/ha-giang/quang-binh/xuan-minh").id) is None


async def test_a_receivers_own_days_count_where_they_are_more(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        area = office.area(COMMUNE)
        await add_slot(office, area, "2026-09-22T05:00", 30, "FREQ=DAILY")
        await add_entry(office, area, await add_bulletin(office, area, seconds=60), days=0)
        await p.agendas.refresh()
        assert len(p.plays(RUA)) == 7
        for path, says, days in (("/receivers/1", 10, 10), ("/receivers/1", 3, 7)):
            at = f"{path}/settings"
            shown = await office.call("GET", at)
            await office.call(
                "PUT", at, json={"days": says}, headers={"If-Match": f'"{shown["version"]}"'}
            )
            await p.later(1)
            assert len(p.plays(RUA)) == days
        # What a village says counts as well, and less is never less than the neighbours'.
        at = f"/areas/{office.area(MAC).id}/receivers/settings"
        await office.call("PUT", at, json={"days": 9}, headers={"If-Match": '"0"'})
        await p.later(1)
        assert len(p.plays(MAC)) == 9


async def test_villages_that_hear_different_things_have_different_schedules(
    tmp_path: Path,
) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        area, rua, mac = office.area(COMMUNE), office.area(RUA), office.area(MAC)
        await add_slot(office, area, "2026-09-22T05:00", 30, "FREQ=DAILY")
        for seconds, targets in ((60, [rua.id]), (70, [mac.id]), (80, None)):
            bulletin = await add_bulletin(office, area, seconds=seconds)
            await add_entry(office, area, bulletin, targets=targets)
        await p.agendas.refresh()
        heard = {
            path: [
                p.schedule(path).audios[t.audio].ticks for t in p.schedule(path).stations[0].plays
            ]
            for path in (COMMUNE, RUA, MAC)
        }
        assert heard == {COMMUNE: [4000], RUA: [3000, 4000], MAC: [3500, 4000]}
        # In one slot, at the same time.
        assert p.plays(RUA)[0][1] == p.plays(MAC)[0][1] == MORNING


async def test_a_slot_of_the_level_above(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        commune, district = office.area(COMMUNE), office.area("/ha-giang/quang-binh")
        await add_slot(office, commune, "2026-09-22T06:00", 30, "FREQ=DAILY", content="upper")
        await add_slot(
            office, commune, "2026-09-22T07:00", 30, "FREQ=DAILY", content="relay",
            relay="http://vov.example/",
        )  # fmt: skip
        await add_slot(office, district, "2026-09-22T06:00", 20, "FREQ=DAILY")
        bulletin = await add_bulletin(office, district, seconds=60)
        await add_entry(office, district, bulletin)
        await p.agendas.refresh()
        schedule = p.schedule(RUA)
        assert [s.area for s in schedule.stations] == [commune.id, district.id]
        assert [t.start / DAY_TICKS for t in schedule.stations[1].plays] == [MORNING + HOUR]
        assert [h.content for h in schedule.stations[0].hours[:2]] == ["upper", "relay"]
        assert "vov.example" not in repr(schedule)


async def test_it_changes_only_when_a_box_would_do_something_else(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        area = office.area(COMMUNE)
        await add_slot(office, area, "2026-09-22T05:00", 30, "FREQ=DAILY")
        entries = [
            await add_entry(office, area, await add_bulletin(office, area, seconds=60 + n), days=0)
            for n in range(3)
        ]
        _, wire = connected(p.hub, area=office.area(RUA).id)
        office.clock.now = MORNING - 1100
        await p.agendas.refresh()
        first = p.hash(RUA)
        assert wire.sent == [messages.Agenda(hash=first, size=len(p.agendas.of(
            office.area(RUA).id).data))]  # type: ignore[union-attr]  # fmt: skip
        # Time passes, and items are played as planned, a moment late each.
        p.agendas._wishes.open.everything = True
        assert await p.later(1000) == []
        office.clock.now = MORNING + 61
        await aired(office, area, entries[0], MORNING + 0.4)
        p.agendas._wishes.open.everything = True
        assert await p.later(1) == []
        await aired(office, area, entries[1], MORNING + 61, goes_on=True)
        p.agendas._wishes.open.everything = True
        assert await p.later(5) == []
        assert p.hash(RUA) == first and len(wire.sent) == 1
        # One that was to be played and was not is planned again: that a box must know.
        p.agendas._wishes.open.everything = True
        assert office.area(RUA).id in await p.later(2 * HOUR)
        assert p.hash(RUA) != first and len(wire.sent) == 2
        assert p.schedule(RUA).version > int(NOW)


async def test_a_withdrawn_bulletin_goes_at_once_even_if_its_time_was(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        area = office.area(COMMUNE)
        await add_slot(office, area, "2026-09-22T05:00", 30, "FREQ=DAILY")
        bulletin = await add_bulletin(office, area, seconds=60)
        entry = await add_entry(office, area, bulletin)
        await p.agendas.refresh()
        office.clock.now = MORNING + 70
        await aired(office, area, entry, MORNING)
        async with office.desk.work(office.server) as work:
            await work.db.execute(
                update(BulletinRow).where(BulletinRow.id == bulletin).values(state="withdrawn")
            )
            work.record("bulletin.withdrawn", area=area.id, subject=f"bulletin/{bulletin}")
        async with asyncio.timeout(10):
            await p.agendas._until_due()  # anything else would wait for minutes
        assert office.area(RUA).id in await p.agendas.refresh()
        assert p.plays(RUA) == []


async def test_emergencies_that_repeat_are_in_it_while_they_stand(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        area = office.area(COMMUNE)
        await add_slot(office, area, "2026-09-22T05:00", 30, "FREQ=DAILY")
        await add_entry(office, area, await add_bulletin(office, area, seconds=60), days=0)
        _, wire = connected(p.hub, area=office.area(RUA).id)
        await p.agendas.refresh()
        alarm = await add_bulletin(office, area, seconds=20, cls=2)
        ids = []
        async with office.desk.store.write() as db:
            for every, targets in ((1800.0, [office.area(RUA).id]), (0.0, [area.id])):
                row = CueRow(
                    area_id=area.id, bulletin_id=alarm, audio_sha256=f"{1000:064x}",
                    state="standing", severity=3, drill=False, targets=targets, excluded=[],
                    every=every, starts_at=NOW, expires_at=NOW + 6 * HOUR, caller="Chủ tịch",
                    reason="lũ", called_at=NOW,
                )  # fmt: skip
                db.add(row)
                await db.flush()
                ids.append(row.id)
        p.agendas._wishes.open.calls = True
        planned = p.plays(MAC)
        changed = await p.later(1)
        assert office.area(RUA).id in changed and len(wire.sent) == 2
        # Only what was called to be repeated, and only where it is heard.
        assert [c.id for c in p.schedule(RUA).calls] == [ids[0]]
        assert p.schedule(MAC).calls == ()
        assert p.plays(RUA) == planned == p.plays(MAC)
        call = p.schedule(RUA).calls[0]
        assert call.every == 1800 * 50 and p.schedule(RUA).audios[call.audio].ticks == 1000
        async with office.desk.store.write() as db:
            await db.execute(update(CueRow).values(state="stopped"))
        p.agendas._wishes.open.calls = True
        await p.later(1)
        assert p.schedule(RUA).calls == () and p.plays(RUA) == planned


async def test_they_are_the_same_after_a_restart_and_anew_by_another_key(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        area = office.area(COMMUNE)
        await add_slot(office, area, "2026-09-22T05:00", 30, "FREQ=DAILY")
        await add_entry(office, area, await add_bulletin(office, area, seconds=60), days=0)
        await p.agendas.refresh()
        first = p.schedule(RUA)
        hub = Hub(office.desk.counters)
        again = Agendas(office.desk, hub, tmp_path, lambda: p.key, lambda: [p.key.public])
        await again.load()
        try:
            _, wire = connected(hub, area=office.area(MAC).id)
            hub.add(again)
            again.joined(hub.of(1))  # type: ignore[arg-type]
            assert [m.hash for m in wire.sent] == [p.hash(MAC)]  # type: ignore[union-attr]
            assert await again.refresh() == []
            # Another identity: all are signed by that, and newer than those before.
            new = SigningKey(bytes([1] * 32))
            again._key = lambda: new
            again._good = lambda: [new.public, p.key.public]
            again._wishes.open.everything = True
            assert office.area(RUA).id in await again.refresh()
            filed = again.of(office.area(RUA).id)
            assert filed is not None
            assert open_schedule(filed.data, [new.public]).version == first.version + 1
        finally:
            again.close()


async def test_priority_keeps_to_the_hours_and_does_not_wander(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        office = p.office
        area = office.area(COMMUNE)
        await office.call(
            "PUT", f"/areas/{area.id}/policy",
            json={"hours": [{"weekdays": [0, 1, 2, 3, 4, 5, 6], "start": "05:00", "end": "22:00"}]},
            headers={"If-Match": '"0"'},
        )  # fmt: skip
        await add_entry(office, area, await add_bulletin(office, area, seconds=60, cls=1))
        await p.agendas.refresh()
        schedule = p.schedule(RUA)
        (turn,) = schedule.stations[0].priority
        assert turn.cls == 1 and turn.last is None and turn.start / DAY_TICKS == NOW
        assert schedule.stations[0].open is not None
        assert schedule.stations[0].open[0][1] / DAY_TICKS == MORNING - 7 * HOUR
        before = p.hash(RUA)
        p.agendas._wishes.open.everything = True
        assert await p.later(300) == [] and p.hash(RUA) == before
