"""The SIM ledger: bytes of every receiver from both sides, put to SIMs and days; quotas watched.

The modem's counters come with the reports of health and are counted once (``core/billing.py``);
with them, in one transaction, it is written down how far they were counted. What the server sent
and received is read off the sessions. A SIM that a box names by its ICCID is that box's from then
on, whatever was written down before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, bindparam, insert, select, update

from loa.codecs.control.messages import FromBox, Message
from loa.streamer import logs
from loa.streamer.core.billing import (
    ModemCounters,
    cached_only,
    day_of,
    grown,
    overhead,
    passed,
    plausible,
    spread,
    warnings,
)
from loa.streamer.desk import data_usage, sims
from loa.streamer.desk.data_usage import UNKNOWN_SIM, Key, zone_of
from loa.streamer.desk.desk import Desk, Happening, server_actor
from loa.streamer.desk.receiver_settings import set_cached_only
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.store.tables.sims import DataCounterRow, SimRow

WRITE_EVERY = 300.0
SETTLE_EVERY = 900.0
DAY = 86_400.0
MOST_KEYS = 50_000
"""Receivers, SIMs and days whose bytes wait to be written."""

log = logs.get("ledger")


@dataclass(slots=True)
class _Seen:
    """How far a session's bytes were counted."""

    sent: int = 0
    received: int = 0
    begun: bool = False


@dataclass(slots=True)
class _Counted:
    """How far a modem's counters were counted, and when."""

    counters: ModemCounters
    at: float
    texts: dict[str, str]


class Ledger:
    """A topic of the hub without messages of its own: ``reported`` is told of reports of health.

    ``load`` before the first session, ``run`` as a task, ``close`` at the end.
    """

    takes: Sequence[type[Message]] = ()

    def __init__(self, desk: Desk, hub: Hub, sleep: Callable[[float], Any] = asyncio.sleep) -> None:
        self._desk, self._hub, self._sleep = desk, hub, sleep
        self._sims: dict[int, int] = {}
        """By receiver the SIM that it has."""
        self._iccids: dict[str, int] = {}
        self._told: dict[int, str] = {}
        """By receiver the ICCID that it told."""
        self._news: set[int] = set()
        """Receivers that told another one than before."""
        self._counted: dict[int, _Counted] = {}
        self._stored: set[int] = set()
        self._changed: set[int] = set()
        self._seen: dict[Session, _Seen] = {}
        self._amounts: dict[Key, dict[str, int]] = {}
        self._stale = False
        self._settled = float("-inf")
        self._unsubscribe = desk.bus.subscribe(self._happened)

    async def load(self) -> None:
        """Learn which SIM is where, and how far was counted."""
        await self._read_sims()
        async with self._desk.store.read() as db:
            for row in await db.scalars(select(DataCounterRow)):
                counters = ModemCounters(row.epoch, row.received, row.sent, row.before)
                self._counted[row.receiver_id] = _Counted(counters, row.at, dict(row.texts))
                self._stored.add(row.receiver_id)
                if iccid := row.texts.get("iccid"):
                    self._told[row.receiver_id] = str(iccid)

    async def _read_sims(self) -> None:
        async with self._desk.store.read() as db:
            rows = list(await db.execute(select(SimRow.id, SimRow.iccid, SimRow.receiver_id)))
        self._sims = {receiver: id for id, _, receiver in rows if receiver is not None}
        self._iccids = {iccid: id for id, iccid, _ in rows}
        self._stale = False

    def _happened(self, happening: Happening) -> None:
        if happening.kind.startswith("sim."):
            self._stale = True

    def iccid(self, receiver: int) -> str | None:
        """Return the ICCID that a box told last."""
        return self._told.get(receiver)

    # --- the hub's side

    def joined(self, session: Session) -> None:
        """Its bytes count from now on."""
        self._seen[session] = _Seen()

    def left(self, session: Session) -> None:
        """Count the last of them."""
        self._count(session)
        self._seen.pop(session, None)

    async def take(self, session: Session, message: FromBox) -> None:
        """There are no messages for it."""

    def reported(self, session: Session, values: dict[str, float], texts: dict[str, str]) -> None:
        """Take what a report of health says of the modem."""
        receiver, now = session.receiver, self._desk.clock()
        if (iccid := texts.get("iccid")) and iccid.isascii() and iccid.isdigit():
            if self._told.get(receiver) != iccid:
                # What was used until now is the other SIM's.
                self._count(session)
                self._news.add(receiver)
            self._told[receiver] = iccid
        try:
            counters = ModemCounters(
                int(values["modem_epoch"]), int(values["modem_received"]),
                int(values["modem_sent"]), int(values["modem_before"]),
            )  # fmt: skip
        except KeyError:
            return
        last = self._counted.get(receiver)
        received, sent = grown(None if last is None else last.counters, counters)
        if last is None and values.get("up_s", DAY) >= DAY:
            # A machine that did other things for long before it came here: it counts from now on.
            received = sent = 0
        since = now if last is None else last.at
        if last is not None and not plausible(received, sent, now - since):
            self._desk.counters.add("ledger.implausible")
            received = sent = 0
        zone = zone_of(self._desk, session.area)
        for field, amount in (("modem_received", received), ("modem_sent", sent)):
            for day, part in spread(amount, zone, since, now).items():
                self._add(receiver, day.isoformat(), field, part)
        self._counted[receiver] = _Counted(counters, now, {"iccid": self._told.get(receiver, "")})
        self._changed.add(receiver)

    def _count(self, session: Session) -> None:
        seen = self._seen.get(session)
        if seen is None:
            return
        sent = session.wire.bytes_sent - seen.sent
        received = session.wire.bytes_received - seen.received
        if seen.begun and not sent and not received:
            return
        day = day_of(zone_of(self._desk, session.area), self._desk.clock()).isoformat()
        around = overhead(sent, received, int(not seen.begun))
        for field, amount in (("sent", sent), ("received", received), ("overhead", around)):
            self._add(session.receiver, day, field, amount)
        seen.sent, seen.received, seen.begun = seen.sent + sent, seen.received + received, True

    def _add(self, receiver: int, day: str, field: str, amount: int) -> None:
        if amount <= 0:
            return
        sim = self._iccids.get(self._told.get(receiver, ""), UNKNOWN_SIM)
        sim = sim or self._sims.get(receiver, UNKNOWN_SIM)
        key = receiver, sim, day
        fields = self._amounts.get(key)
        if fields is None:
            if len(self._amounts) >= MOST_KEYS:
                self._desk.counters.add("ledger.dropped")
                return
            fields = self._amounts[key] = {}
        fields[field] = fields.get(field, 0) + amount

    # --- its own work

    async def run(self) -> None:
        """Write and watch, until cancelled."""
        try:
            while True:
                await self._sleep(WRITE_EVERY)
                try:
                    await self.step()
                except Exception:
                    # A database that is away for a while: what is counted stays here.
                    self._desk.counters.add("ledger.failed")
                    log.exception("the data of receivers cannot be written down")
        finally:
            self._unsubscribe()

    async def close(self) -> None:
        """Write what waits; after ``run`` was cancelled."""
        for session in self._hub:
            self._count(session)
        with suppress(Exception):
            await self.write()

    async def step(self) -> None:
        """Do what is due."""
        if self._stale:
            await self._read_sims()
        for session in self._hub:
            self._count(session)
        await self._follow_boxes()
        await self.write()
        now = self._desk.clock()
        if now - self._settled >= SETTLE_EVERY:
            self._settled = now
            await self.settle()

    async def _follow_boxes(self) -> None:
        """Put SIMs where boxes newly say that they are; then staff may say otherwise."""
        moved = {}
        for receiver in self._news:
            sim = self._iccids.get(self._told[receiver])
            if sim is not None and self._sims.get(receiver) != sim:
                moved[sim] = receiver
        if moved:
            await sims.found_in(self._desk, moved)
            await self._read_sims()
        self._news.clear()

    async def write(self) -> None:
        """Write bytes and counters in one transaction: after a crash nothing is counted twice."""
        amounts, self._amounts = self._amounts, {}
        changed, self._changed = self._changed, set()
        if not amounts and not changed:
            return
        rows = [_row(receiver, self._counted[receiver]) for receiver in sorted(changed)]
        try:
            async with self._desk.store.write() as db:
                await data_usage.add(db, amounts)
                new = [row for row in rows if row["receiver_id"] not in self._stored]
                old = [row for row in rows if row["receiver_id"] in self._stored]
                if new:
                    await db.execute(insert(DataCounterRow), new)
                if old:
                    table = cast(Table, DataCounterRow.__table__)
                    await db.execute(
                        update(table).where(table.c.receiver_id == bindparam("of")),
                        [{"of": row["receiver_id"], **row} for row in old],
                    )
        except BaseException:
            for key, fields in self._amounts.items():
                mine = amounts.setdefault(key, {})
                for field, amount in fields.items():
                    mine[field] = mine.get(field, 0) + amount
            self._amounts = amounts
            self._changed |= changed
            raise
        self._stored.update(changed)

    # --- quotas

    async def settle(self) -> None:
        """Warn of what is nearly used up, and have boxes use their cache only, or no longer."""
        now = self._desk.clock()
        async with self._desk.store.read() as db:
            rows = list(await db.scalars(select(SimRow).where(SimRow.receiver_id.is_not(None))))
            stands = await data_usage.standings(self._desk, db, rows, now)
        due = []
        for sim in rows:
            stand = stands[sim.id]
            cycle = stand.cycle.first.isoformat()
            told = sim.warned if sim.warned_cycle == cycle else []
            new = warnings(stand, told)
            only = cached_only(stand, sim.cached_only)
            all_told = sorted({*told, *passed(stand)}) if new else told
            if new or only is not sim.cached_only or (sim.warned and sim.warned_cycle != cycle):
                due.append((sim.id, stand, cycle, new, all_told, only))
        if not due:
            return
        switched: dict[bool, list[int]] = {True: [], False: []}
        async with self._desk.work(server_actor(self._desk.tree)) as work:
            for id, stand, cycle, new, all_told, only in due:
                row = await work.db.get(SimRow, id, with_for_update=True)
                if row is None or row.receiver_id is None:
                    continue
                area = self._desk.tree.get(row.area_id)
                said: dict[str, Any] = {
                    "sim": row.id, "iccid": row.iccid, "number": row.number,
                    "used": stand.used, "quota": stand.quota, "forecast": stand.forecast,
                    "cycle_ends": stand.cycle.last.isoformat(),
                }  # fmt: skip
                where = None if area is None else area.id
                subject = f"receiver/{row.receiver_id}"
                row.warned_cycle, row.warned = cycle, list(all_told)
                for level in new:
                    work.record(
                        "receiver.data_warning", area=where, subject=subject, level=level, **said
                    )
                if only is not row.cached_only:
                    row.cached_only = only
                    switched[only].append(row.receiver_id)
                    kind = "receiver.data_cached_only" if only else "receiver.data_renewed"
                    work.record(kind, area=where, subject=subject, **said)
            await work.db.flush()
            for only, receivers in switched.items():
                if receivers:
                    await set_cached_only(self._desk, work, receivers, only)


def _row(receiver: int, counted: _Counted) -> dict[str, Any]:
    counters = counted.counters
    return {
        "receiver_id": receiver, "epoch": counters.epoch, "received": counters.received,
        "sent": counters.sent, "before": counters.before, "at": counted.at,
        "texts": counted.texts,
    }  # fmt: skip
