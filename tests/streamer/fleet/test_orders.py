"""Commands from the desk to a session and back, without a network."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from loa.codecs.control.messages import Ack, Command
from loa.codecs.control.orders import Play, Reboot, SelfTest, Set, Volume, decode_order
from loa.codecs.control.signing import Purpose, SigningKey
from loa.streamer.desk import receiver_orders, receiver_settings
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.fleet.orders import Orders
from loa.streamer.store.tables.receiver_orders import ReceiverOrderRow
from loa.streamer.store.tables.receivers import ReceiverRow
from support.desk import Office, desk_with_sample
from support.fleet import NONCE, RecordingWire, connected

KEY = SigningKey(bytes(range(32)))
COMMUNE = "/ha-giang/quang-binh/na-khuong"


async def receiver(office: Office, path: str = COMMUNE, state: str = "enrolled") -> int:
    async with office.desk.store.write() as db:
        row = ReceiverRow(
            area_id=office.area(path).id, name="Cụm loa", state=state, settings={},
            created_at=office.clock.now, created_by="test",
        )  # fmt: skip
        db.add(row)
        await db.flush()
        return row.id


async def states(office: Office) -> list[str]:
    async with office.desk.store.read() as db:
        rows = await db.scalars(select(ReceiverOrderRow).order_by(ReceiverOrderRow.id))
        return [row.state for row in rows]


@asynccontextmanager
async def orders_of(office: Office) -> AsyncIterator[tuple[Orders, Hub]]:
    hub = Hub(office.desk.counters)
    orders = Orders(office.desk, hub, lambda session, purpose, data: KEY.sign(purpose, data))
    hub.add(orders)
    await orders.load()
    yield orders, hub


async def deliver(orders: Orders) -> None:
    await orders._send_new(await orders._read())


def commands(wire: RecordingWire) -> list[Command]:
    return [m for m in wire.sent if isinstance(m, Command)]


async def test_of_many_those_that_cannot_be_ordered_hinder_no_other(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        good, new = await receiver(office), await receiver(office, state="new")
        full = await receiver(office)
        for _ in range(receiver_orders.MOST_OPEN):
            await receiver_orders.order(office.desk, office.server, [full], Volume(percent=1))
        given = await receiver_orders.order_each(
            office.desk, office.server, [new, good, 999, full], Volume(percent=7)
        )
        assert [(one.receiver, one.refused and one.refused.code) for one in given] == [
            (new, "receiver.not_enrolled"), (good, None), (999, "receiver.unknown"),
            (full, "receiver.too_many_orders"),
        ]  # fmt: skip
        assert [one.order is None for one in given] == [True, False, True, True]
        async with office.desk.store.read() as db:
            row = await db.get(ReceiverOrderRow, given[1].order)
        assert row is not None and (row.receiver_id, row.action["percent"]) == (good, 7)


async def ack(hub: Hub, session: Session, number: int, state: str, **more: str) -> None:
    await hub.take(session, Ack(number=number, state=state, **more))  # type: ignore[arg-type]


async def test_a_command_is_signed_for_its_receiver_and_session(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        _, wire = connected(hub, id)
        await receiver_orders.order(office.desk, office.server, [id], Volume(percent=30))
        await deliver(orders)
        (command,) = commands(wire)
        assert KEY.public.verifies(Purpose.COMMAND, command.body, command.signature)
        order = decode_order(command.body)
        assert (order.receiver, order.session, order.number) == (id, NONCE, 1)
        assert order.action == Volume(percent=30)
        assert order.expires == office.clock.now + receiver_orders.LASTS["volume"]


async def test_it_waits_for_a_receiver_that_is_away_and_comes_again_until_it_is_over(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        await receiver_orders.order(office.desk, office.server, [id], Reboot())
        await deliver(orders)
        first, wire = connected(hub, id)
        assert len(commands(wire)) == 1
        await ack(hub, first, 1, "started")
        hub.leave(first)
        second, wire = connected(hub, id, nonce=bytes([7]) * 32)
        again = decode_order(commands(wire)[0].body)
        assert (again.number, again.session) == (1, bytes([7]) * 32)
        await ack(hub, second, 1, "finished", result="up again")
        await orders.write()
        assert await states(office) == ["finished"]
        hub.leave(second)
        _, wire = connected(hub, id)
        assert commands(wire) == []


async def test_what_expired_is_not_sent(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        await receiver_orders.order(office.desk, office.server, [id], Reboot())
        await deliver(orders)
        office.clock.now += receiver_orders.LASTS["reboot"]
        _, wire = connected(hub, id)
        assert commands(wire) == []
        await orders.write()
        assert await states(office) == ["expired"]


async def test_what_is_to_be_played_later_is_worth_obeying_until_then(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id, now, hour = await receiver(office), office.clock.now, 3600.0
        play = Play(audio=bytes(32), size=1, ticks=50 * 7200, start=0, play="o")
        await receiver_orders.order(office.desk, office.server, [id], play, now + 2 * hour)
        await deliver(orders)
        office.clock.now += 2 * hour
        session, wire = connected(hub, id)
        assert decode_order(commands(wire)[0].body).expires == now + 2 * hour + 300
        # Its end is waited for as long as it takes.
        await ack(hub, session, 1, "started")
        office.clock.now += 3 * hour
        orders._sweep(office.clock.now)
        assert orders.open_of(id)
        office.clock.now += hour
        orders._sweep(office.clock.now)
        assert not orders.open_of(id)


async def test_open_commands_outlive_a_restart_of_the_server(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        async with orders_of(office):
            id = await receiver(office)
            await receiver_orders.order(office.desk, office.server, [id], SelfTest())
        async with orders_of(office) as (_, hub):
            _, wire = connected(hub, id)
            assert len(commands(wire)) == 1


async def test_a_backup_that_counted_less_than_the_box_numbers_anew(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        for _ in range(2):
            await receiver_orders.order(office.desk, office.server, [id], SelfTest())
        await deliver(orders)
        _, wire = connected(hub, id, commands=40)
        await orders._tasks.join()
        assert [decode_order(c.body).number for c in commands(wire)] == [41, 42]
        async with office.desk.store.read() as db:
            row = await db.get(ReceiverRow, id)
            assert row is not None and row.orders == 42


async def test_a_backup_numbers_on_from_where_its_boxes_are(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        there = [await receiver(office) for _ in range(3)]
        async with office.desk.store.write() as db:
            for id in there:
                (await db.get_one(ReceiverRow, id)).orders = 10
        async with orders_of(office) as (orders, hub):
            wires = [
                connected(hub, id, commands=taken)[1]
                for id, taken in zip(there, (40, 10, 1 << 47), strict=True)
            ]
            await orders.write()
            await receiver_orders.order(office.desk, office.server, there, Volume(percent=20))
            await deliver(orders)
            numbers = [[decode_order(c.body).number for c in commands(wire)] for wire in wires]
            # (The third box cannot have counted so far.)
            assert numbers == [[41], [11], [11]]
            assert office.desk.counters.snapshot()["fleet.orders.counted_on"] == 1


async def test_what_is_ordered_before_that_was_written_is_new_to_the_box_too(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        _, wire = connected(hub, id, commands=40)
        for percent in (20, 30):
            await receiver_orders.order(office.desk, office.server, [id], Volume(percent=percent))
        await deliver(orders)
        await orders._tasks.join()
        await orders.write()
        sent = [decode_order(c.body) for c in commands(wire)]
        assert [(o.number, o.action) for o in sent] == [
            (41, Volume(percent=20)), (42, Volume(percent=30)),
        ]  # fmt: skip
        await receiver_orders.order(office.desk, office.server, [id], Reboot())
        await deliver(orders)
        assert decode_order(commands(wire)[-1].body).number == 43


async def test_a_command_that_was_sent_keeps_its_number_and_is_not_done_twice(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        first, _ = connected(hub, id)
        await receiver_orders.order(office.desk, office.server, [id], Reboot())
        await deliver(orders)
        hub.leave(first)
        await receiver_orders.order(office.desk, office.server, [id], SelfTest())
        await deliver(orders)
        _, wire = connected(hub, id, commands=40)
        await orders._tasks.join()
        sent = [decode_order(c.body) for c in commands(wire)]
        assert [(o.number, o.action) for o in sent] == [(1, Reboot()), (41, SelfTest())]


async def test_commands_that_cannot_be_numbered_anew_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        await receiver_orders.order(office.desk, office.server, [id], SelfTest())
        await deliver(orders)
        with monkeypatch.context() as broken:
            broken.setattr(office.desk.store, "write", None)
            session, wire = connected(hub, id, commands=40)
            await orders._tasks.join()
        assert office.desk.counters.snapshot()["tasks.failed"] == 1
        assert commands(wire) == []
        hub.leave(session)
        _, wire = connected(hub, id, commands=40)
        await orders._tasks.join()
        assert [decode_order(c.body).number for c in commands(wire)] == [41]


async def test_a_refusal_is_on_record_and_a_flood_of_them_is_counted(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        session, _ = connected(hub, id)
        for _ in range(100):
            await ack(hub, session, 0, "refused", reason="unsigned")
        await orders.write()
        told = [h for h in office.happened if h.kind == "receiver.order_refused"]
        assert len(told) == 5
        assert told[0].details == {"reason": "unsigned"}
        assert office.desk.counters.snapshot()["fleet.orders.refused.unsigned"] == 100


async def test_newer_settings_replace_those_that_nobody_took(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, hub):
        id = await receiver(office)
        area = office.area("/ha-giang")
        version = await receiver_settings.set_area(
            office.desk, office.server, area, {"volume": [50, 60, 90]}, 0
        )
        await receiver_settings.set_area(
            office.desk, office.server, area, {"volume": [40, 60, 90]}, version
        )
        await deliver(orders)
        _, wire = connected(hub, id)
        (command,) = commands(wire)
        action = decode_order(command.body).action
        assert isinstance(action, Set)
        assert action.settings.volume == (40, 60, 90)
        assert action.settings.version == 2
        assert action.settings.area_path == COMMUNE
        assert await states(office) == ["replaced", "waiting"]


async def test_settings_that_stay_the_same_are_not_sent(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office) as (orders, _):
        id = await receiver(office)
        await receiver_settings.set_receiver(office.desk, office.server, id, {"trim_ms": 20}, 1)
        area = office.area("/ha-giang")
        await receiver_settings.set_area(office.desk, office.server, area, {"days": 7}, 0)
        assert len(await orders._read()) == 1


async def test_cached_only_is_kept_beside_what_staff_say(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, orders_of(office):
        desk, id = office.desk, await receiver(office)
        async with desk.work(office.server) as work:
            await receiver_settings.set_cached_only(desk, work, [id], True)
        await receiver_settings.set_receiver(desk, office.server, id, {"days": 3}, 1)
        async with desk.store.read() as db:
            row = await db.get(ReceiverRow, id)
            assert row is not None
            now = receiver_settings.settings_of(desk, row, await receiver_settings.read_said(db))
        assert (now.cached_only, now.days, now.version) == (True, 3, 2)
        async with desk.work(office.server) as work:
            await receiver_settings.set_cached_only(desk, work, [id], False)
        async with desk.store.read() as db:
            row = await db.get(ReceiverRow, id)
            assert row is not None and row.settings == {"days": 3}
