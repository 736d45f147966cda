"""Receivers of the sample province with boxes' journals, and the server's topic that takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from loa.codecs.control.messages import Journal, Receipt, Sounding
from loa.codecs.control.signing import PublicKey, SigningKey
from loa.streamer.desk.desk import Desk
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.fleet.proof import Proof
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.proof import JournalFindingRow, PlayReportRow
from loa.streamer.store.tables.receivers import ReceiverRow
from support.desk import Office
from support.fleet import RecordingWire, connected
from support.journal import FIRST, START, Box, box

COMMUNE = "/ha-giang/quang-binh/na-khuong"
VILLAGES = (f"{COMMUNE}/ban-rua", f"{COMMUNE}/ban-mac")


def key_of(receiver: int) -> SigningKey:
    """Return the key of a box in tests."""
    return SigningKey(receiver.to_bytes(32))


async def add_receiver(desk: Desk, area: int, name: str = "Cụm loa mẫu", **more: object) -> int:
    """Put up an enrolled receiver; return its id."""
    told = {"state": "enrolled", "settings": {}, "created_at": desk.clock(), **more}
    async with desk.store.write() as db:
        row = ReceiverRow(area_id=area, name=name, created_by="test", **told)
        db.add(row)
        await db.flush()
        row.key = key_of(row.id).public.data
    return row.id


@dataclass
class Reporting:
    """A hub with nothing but the topic of journals."""

    desk: Desk
    hub: Hub
    proof: Proof

    @classmethod
    async def start(cls, desk: Desk) -> Reporting:
        """Make one as a server's start does."""

        async def keys(receivers: Sequence[int]) -> Mapping[int, Sequence[PublicKey]]:
            async with desk.store.read() as db:
                rows = await db.execute(
                    select(ReceiverRow.id, ReceiverRow.key).where(ReceiverRow.id.in_(receivers))
                )
            return {id: (PublicKey(bytes(key)),) for id, key in rows}

        hub = Hub(desk.counters)
        proof = Proof(desk, keys)
        hub.add(proof)
        await proof.load()
        return cls(desk, hub, proof)

    def connect(self, receiver: int, area: int = 1) -> tuple[Session, RecordingWire]:
        """Begin a receiver's session."""
        return connected(self.hub, receiver, area)

    async def say(self, session: Session, message: Journal | Sounding) -> None:
        """Have a message taken and written."""
        await self.hub.take(session, message)
        await self.proof.keep()

    async def exchange(self, of: Box, receiver: int, area: int = 1, rounds: int = 60) -> int:
        """Let a box tell everything in a session of its own; return how many messages it took."""
        session, wire = self.connect(receiver, area)
        of.line.up = True
        of.line.sent.clear()
        first = wire.sent.pop(0)
        assert isinstance(first, Receipt)
        of.welcome(first)
        done = 0
        for _ in range(rounds):
            of.run(1)
            new, of.line.sent = of.line.sent, []
            for message in new:
                if isinstance(message, Journal | Sounding):
                    done += 1
                    await self.say(session, message)
            receipts, wire.sent = wire.sent, []
            for receipt in receipts:
                assert isinstance(receipt, Receipt)
                of.journal.take(receipt, of.clock.now)
            if not of.journal.waiting:
                break
        self.hub.leave(session)
        of.journal.parted()
        of.line.up = False
        return done


def box_of(folder: Path, receiver: int, **more: object) -> Box:
    """Return the box of a receiver; each has a folder of its own."""
    return box(folder / f"box-{receiver}", receiver, key_of(receiver), **more)


async def reports(desk: Desk) -> list[PlayReportRow]:
    """Return all play reports."""
    async with desk.store.read() as db:
        return list(await db.scalars(select(PlayReportRow).order_by(PlayReportRow.id)))


async def findings(desk: Desk) -> list[tuple[int, str, int, int, str]]:
    """Return what was found to be wrong."""
    async with desk.store.read() as db:
        rows = await db.scalars(select(JournalFindingRow).order_by(JournalFindingRow.id))
        return [(r.receiver_id, r.kind, r.first, r.last, r.why) for r in rows]


async def aired(
    office: Office, path: str, number: int, seconds: float | None = 60.0, **more: Any
) -> None:
    """Put a playing of support.journal's stretches into the as-run log of one mount."""
    at = START + 100.0 * number
    tick = FIRST + 5000 * number
    given = {"kind": "bulletin", "cls": 0, "title": "Bản tin", "play": f"e5#{number}", **more}
    async with office.desk.store.write() as db:
        db.add(
            AiredRow(
                area_id=office.area(path).id, from_tick=tick, from_unix=at,
                to_tick=None if seconds is None else tick + round(50 * seconds),
                to_unix=None if seconds is None else at + seconds, complete=True, **given,
            )
        )  # fmt: skip
