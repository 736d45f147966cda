"""Commands over a real connection: obeyed, and every kind of forgery refused and reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import delete, select

from loa.codecs.control.frames import Audio, Piece
from loa.codecs.control.messages import Command, FromServer, Welcome
from loa.codecs.control.orders import Action, Order, Set, Volume, decode_order, encode_order
from loa.codecs.control.signing import Purpose, SigningKey
from loa.receivers.keeping import KeptSettings
from loa.receivers.link import Link
from loa.receivers.obeying import Obeying
from loa.receivers.orders import OrderBook
from loa.receivers.parts import Played
from loa.streamer.desk import receiver_orders, receiver_settings
from loa.streamer.store.tables.receiver_orders import ReceiverOrderRow
from loa.streamer.store.tables.receivers import ReceiverRow
from support.link import FleetDoorHere, fleet_door


@dataclass
class Quiet:
    """A journal that only counts."""

    kinds: list[str] = field(default_factory=list)

    def record(self, kind: str, /, **details: object) -> None:
        self.kinds.append(kind)

    def played(self, played: Played) -> None:
        raise AssertionError


class Overheard:
    """A part that keeps the commands that pass."""

    takes = (Command,)

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def welcomed(self, welcome: Welcome) -> None:
        pass

    def parted(self) -> None:
        pass

    def take(self, message: FromServer | Audio | Piece, now: float) -> None:
        assert isinstance(message, Command)
        self.commands.append(message)


class Box:
    """What of a box obeys, on a real link."""

    def __init__(self, there: FleetDoorHere, state: Path) -> None:
        state.mkdir()
        self.there = there
        self.book = OrderBook(state / "orders")
        self.settings = KeptSettings(state / "settings")
        self.volumes: list[int] = []
        self.journal = Quiet()
        self.heard = Overheard()

    async def connect(self) -> Link:
        there = self.there
        link = await there.link(parts=[self.heard], greeting=self._greeting, wait=False)
        self.obeying = Obeying(
            self.book, link, link, lambda now: there.office.clock.now, self.journal,
            {Volume: self._volume, Set: self._set},
        )  # fmt: skip
        link.add(self.obeying)
        await there.until(lambda: link.up)
        return link

    def _greeting(self) -> dict[str, object]:
        now = self.settings.now
        return {"commands": self.book.newest, "settings": now.version, "mark": now.mark}

    async def _volume(self, action: Action, order: Order) -> str:
        assert isinstance(action, Volume)
        self.volumes.append(action.percent)
        return "done"

    async def _set(self, action: Action, order: Order) -> str:
        assert isinstance(action, Set)
        return str(self.settings.replace(action.settings))


async def order_volume(there: FleetDoorHere, receiver: int) -> None:
    office = there.office
    await receiver_orders.order(office.desk, office.server, [receiver], Volume(percent=40))


async def states(there: FleetDoorHere, do: str) -> list[tuple[str, str]]:
    await there.fleet.orders.write()
    async with there.office.desk.store.read() as db:
        rows = await db.scalars(select(ReceiverOrderRow).order_by(ReceiverOrderRow.id))
        return [(row.state, row.reason) for row in rows if row.action["do"] == do]


async def test_a_command_is_obeyed_and_its_end_is_known(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = Box(there, tmp_path / "box")
        link = await box.connect()
        await there.until(lambda: box.settings.now.version == 1)
        assert box.settings.now.area_path == "/ha-giang/quang-binh/na-khuong"
        id = link.identity.kept.receiver
        desk, server = there.office.desk, there.office.server
        await order_volume(there, id)
        await there.until(lambda: box.volumes == [40])
        await there.until(lambda: not there.fleet.orders.open_of(id))
        assert await states(there, "volume") == [("finished", "")]
        await receiver_settings.set_receiver(desk, server, id, {"days": 3}, 2)
        await there.until(lambda: box.settings.now.days == 3)


async def test_a_restored_backup_is_obeyed_and_its_settings_are_taken(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = Box(there, tmp_path / "box")
        link = await box.connect()
        desk, server, id = there.office.desk, there.office.server, link.identity.kept.receiver
        await there.until(lambda: box.settings.now.version == 1 and box.book.newest == 1)
        for days in (3, 4):
            await receiver_settings.set_receiver(desk, server, id, {"days": days}, days - 1)
            await order_volume(there, id)
        await there.until(lambda: box.settings.now.days == 4 and box.book.newest == 5)
        await there.until(lambda: not there.fleet.orders.open_of(id))
        await there.unlink(link)
        # As it was before: the server knows the first command only, and the first settings.
        async with desk.store.write() as db:
            await db.execute(delete(ReceiverOrderRow).where(ReceiverOrderRow.number > 1))
            row = await db.get_one(ReceiverRow, id)
            row.orders, row.settings, row.settings_version, row.version = 1, {}, 1, 2
            row.settings_digest = ""
        for topic in (there.fleet.orders, there.fleet.box_settings):
            await topic.load()
        there.fleet.orders._newest_id = 0
        done = list(box.volumes)
        link = await there.link(
            identity=link.identity, parts=[box.heard, box.obeying], greeting=box._greeting
        )
        box.obeying._line = box.obeying._session = link
        await order_volume(there, id)
        await there.until(lambda: box.volumes == [*done, 40])
        await there.until(lambda: box.settings.now.version > 3 and box.settings.now.days == 7)
        await there.until(lambda: not there.fleet.orders.open_of(id))
        assert set(await states(there, "volume")) == {("finished", "")}
        await order_volume(there, id)
        await there.until(lambda: box.volumes == [*done, 40, 40])


async def test_forged_commands_are_refused_reported_and_nothing_is_done(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = Box(there, tmp_path / "box")
        link = await box.connect()
        id = link.identity.kept.receiver
        await there.until(lambda: not there.fleet.orders.open_of(id) and box.heard.commands != [])
        await receiver_orders.order(
            there.office.desk, there.office.server, [id], Volume(percent=40)
        )
        await there.until(lambda: box.volumes == [40] and not there.fleet.orders.open_of(id))
        session = there.fleet.hub.of(id)
        assert session is not None
        key, now = there.fleet.identity.key, there.office.clock.now
        good = box.heard.commands[-1]

        def forged(by: SigningKey = key, **changed: object) -> Command:
            fields = {
                "receiver": id, "session": link.nonce, "number": 99, "issued": now,
                "expires": now + 60, "action": Volume(percent=1), **changed,
            }  # fmt: skip
            body = encode_order(Order(**fields))  # type: ignore[arg-type]
            return Command(body=body, signature=by.sign(Purpose.COMMAND, body))

        session.send(forged(SigningKey.generate()))  # by somebody else
        session.send(Command(body=good.body.replace(b"40", b"99"), signature=good.signature))
        session.send(forged(receiver=id + 1))  # for another box
        session.send(forged(session=bytes(32)))  # of another session
        session.send(forged(expires=now))  # too late
        session.send(forged(number=decode_order(good.body).number - 1))  # an older one
        await there.until(lambda: box.obeying.refused == 6)
        session.send(good)  # recorded and played back: answered with what became of it
        await there.until(lambda: there.count("fleet.orders.unknown_acks") >= 7)
        assert box.volumes == [40]
        counted = there.office.desk.counters.snapshot()
        refused = {
            name.rpartition(".")[2]: n
            for name, n in counted.items()
            if name.startswith("fleet.orders.refused.")
        }
        assert refused == {
            "unsigned": 2, "mistargeted": 1, "stale": 1, "expired": 1, "replayed": 1,
        }  # fmt: skip
        assert box.journal.kinds.count("order_refused") == 6
        await there.fleet.orders.write()
        assert [h.kind for h in there.office.happened].count("receiver.order_refused") == 5


async def test_a_recorded_command_is_worth_nothing_in_the_next_session(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        box = Box(there, tmp_path / "box")
        link = await box.connect()
        id = link.identity.kept.receiver
        await receiver_orders.order(
            there.office.desk, there.office.server, [id], Volume(percent=40)
        )
        await there.until(lambda: box.volumes == [40])
        recorded = box.heard.commands[-1]
        await there.unlink(link)
        # The box lost everything that it had written down about commands, too.
        box.book = OrderBook(tmp_path / "other")
        again = await there.link(identity=link.identity, parts=[box.heard], wait=False)
        box.obeying = Obeying(
            box.book, again, again, lambda now: there.office.clock.now, box.journal,
            {Volume: box._volume},
        )  # fmt: skip
        again.add(box.obeying)
        await there.until(lambda: again.up and there.fleet.hub.of(id) is not None)
        session = there.fleet.hub.of(id)
        assert session is not None
        session.send(recorded)
        await there.until(lambda: there.count("fleet.orders.refused.stale") == 1)
        assert box.volumes == [40]
