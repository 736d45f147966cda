"""Whoever has older settings is ordered to take the newest."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from loa.streamer.desk import areas, receiver_settings
from loa.streamer.desk.areas import Edit
from loa.streamer.desk.desk import Desk
from loa.streamer.fleet.hub import Hub
from loa.streamer.fleet.settings import SettingsTopic
from loa.streamer.store.tables.receiver_orders import ReceiverOrderRow
from support.desk import desk_with_sample
from support.examples.receiver_orders import enrolled
from support.fleet import connected


async def ordered(desk: Desk) -> list[tuple[int, dict[str, object]]]:
    async with desk.store.read() as db:
        rows = await db.scalars(
            select(ReceiverOrderRow)
            .where(ReceiverOrderRow.state == "waiting")
            .order_by(ReceiverOrderRow.id)
        )
        return [(row.receiver_id, row.action["settings"]) for row in rows]


async def test_a_box_without_settings_gets_them_once(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        hub, topic = Hub(office.desk.counters), SettingsTopic(office.desk)
        hub.add(topic)
        id = await enrolled(office)
        await topic.load()
        await topic.catch_up()
        ((receiver, settings),) = await ordered(office.desk)
        assert (receiver, settings["version"]) == (id, 1)
        connected(hub, id)
        await topic.catch_up()
        assert len(await ordered(office.desk)) == 1


async def test_a_box_that_lost_them_gets_them_again(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        hub, topic = Hub(office.desk.counters), SettingsTopic(office.desk)
        hub.add(topic)
        id = await enrolled(office)
        await topic.catch_up()
        async with office.desk.store.write() as db:
            for row in await db.scalars(select(ReceiverOrderRow)):
                row.state = "finished"
        session, _ = connected(hub, id, settings=1)
        await topic.catch_up()
        assert await ordered(office.desk) == []
        hub.leave(session)
        connected(hub, id, settings=0)
        await topic.catch_up()
        ((_, settings),) = await ordered(office.desk)
        assert settings["version"] == 1


async def test_a_backup_outdoes_what_its_boxes_were_given_later(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        hub, topic = Hub(office.desk.counters), SettingsTopic(office.desk)
        hub.add(topic)
        there = [await enrolled(office) for _ in range(4)]
        await topic.catch_up()
        mark = topic.of(there[3]).mark
        said = ((12, "a"), (1, "what else was number 1"), (1, ""), (1, mark))
        for id, (version, mark) in zip(there, said, strict=True):
            connected(hub, id, settings=version, mark=mark)
        connected(hub, 99, settings=1 << 47)
        await topic.catch_up()
        # (An earlier version of the box says no mark; its number is believed.)
        new = {id: s["version"] for id, s in await ordered(office.desk) if s["version"] != 1}
        assert new == {there[0]: 13, there[1]: 2}
        assert topic.of(there[0]).version == 13
        session = hub.of(there[0])
        assert session is not None
        hub.leave(session)
        connected(hub, there[0], settings=13, mark=topic.of(there[0]).mark)
        await topic.catch_up()
        assert topic.of(there[0]).version == 13
        await receiver_settings.set_receiver(
            office.desk, office.server, there[0], {"trim_ms": 20}, 1
        )
        assert (await ordered(office.desk))[-1][1]["version"] == 14


async def test_a_renamed_area_is_told_to_its_boxes(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        topic = SettingsTopic(office.desk)
        await enrolled(office)
        await topic.catch_up()
        area = office.area("/ha-giang/quang-binh")
        await areas.edit(office.desk, office.server, area, 1, Edit(name="Quang Bình mới"))
        assert topic._all
        await topic.catch_up()
        ((_, settings),) = await ordered(office.desk)
        assert settings["area_path"] == "/ha-giang/quang-binh-moi"
        assert settings["version"] == 2
