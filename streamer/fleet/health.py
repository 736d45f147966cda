"""How the boxes are: who is there, what they tell of themselves, and who is alarmed about it.

The newest of each is kept in memory (``HealthBook``); what is written down is ``health_store``'s.
What is announced is decided by ``core/alerts.py``; it goes on record as ``receiver.offline``,
``receiver.online``, ``receiver.ailing`` and ``receiver.well``, which webhooks tell.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from loa.codecs.control import vitals
from loa.codecs.control.messages import FromBox, Health, Message
from loa.streamer import logs
from loa.streamer.core.alerts import Alert, Kind, Presence, Rules, Watch
from loa.streamer.core.condition import TROUBLES, troubles
from loa.streamer.core.webhooks import moment
from loa.streamer.desk.desk import Desk, Happening, Work, server_actor
from loa.streamer.desk.receiver_health import HOUR, HealthBook, Known, limits_of
from loa.streamer.fleet.health_store import HealthStore, Keep
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.store.tables.receiver_health import (
    AlertRow,
)

STEP = 5.0
WRITE_EVERY = 30.0
REFRESH_EVERY = 10.0
SLACK = 10.0
"""Seconds that a heartbeat may be late before its box is suspected."""
GRACE = 300.0
"""Boxes that were connected when the server ended have so long to come back."""
MOST_ALERTS = 5000
NAMED = 200
"""So many receivers are named in what is told; the rest is counted."""
AILING_RULES = Rules(confirm=30.0)
OFFLINE = "offline"
_KINDS = {
    (OFFLINE, Kind.BAD): "receiver.offline",
    (OFFLINE, Kind.BACK): "receiver.online",
}
OWN = frozenset({"receiver.offline", "receiver.online", "receiver.ailing", "receiver.well"})

log = logs.get("health")
Reported = Callable[[Session, dict[str, float], dict[str, str]], None]


class HealthTopic:
    """A topic of the hub; ``load`` before the first session, ``run`` as a task.

    ``reported`` is told of every report (the ledger listens). ``heartbeat``: a box that is there
    says something so often. ``clock`` must not jump.
    """

    takes: Sequence[type[Message]] = (Health,)

    def __init__(
        self, desk: Desk, hub: Hub, *, keep: Keep | None = None, heartbeat: float = 50.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.book = HealthBook(self._connected)
        self.reported: list[Reported] = []
        self._desk, self._hub, self._clock = desk, hub, clock
        self._store = HealthStore(desk, keep or Keep())
        self._ids = itertools.count(1)
        self._suspect = heartbeat + SLACK
        self.presence = Presence(ids=self._ids, suspect=self._suspect)
        self._watches: dict[str, Watch] = {}
        self._bytes: dict[Session, int] = {}
        self._waiting: list[tuple[str, Alert]] = []
        self._stale = False
        self._refreshed = self._written = self._swept = float("-inf")
        self._unsubscribe = desk.bus.subscribe(self._happened)

    # --- a start

    async def load(self) -> None:
        """Learn which receivers there are, how they were, and what was announced."""
        now = self._clock()
        async with self._desk.store.read() as db:
            await self.book.read(db)
            newest = await db.scalar(select(func.max(AlertRow.id)))
            rows = list(await db.scalars(select(AlertRow).where(AlertRow.ended_at.is_(None))))
        self._ids = itertools.count((newest or 0) + 1)
        self.presence = Presence(ids=self._ids, suspect=self._suspect)
        self._watches = {name: Watch(AILING_RULES, self._ids) for name in TROUBLES}
        away = {r for row in rows if row.trouble == OFFLINE for r in row.missing}
        for one in self.book.known.values():
            if one.id in away:
                self.presence.watch.place(one.id, one.area)
            elif one.seen is not None:
                self.presence.expect(one.id, one.area, now + GRACE)
            for trouble in one.troubles:
                if trouble in self._watches:
                    self._watches[trouble].place(one.id, one.area)
        over = []
        for row in rows:
            watch = self._watch(row.trouble)
            told_back = row.back_at is not None
            if watch is not None and row.trouble != OFFLINE:
                for receiver in row.missing:
                    if receiver in self.book.known:
                        watch.place(receiver, self.book.known[receiver].area)
            if watch is None or not watch.restore(
                row.id, row.area_id, row.together, row.missing, told_back=told_back, now=now
            ):
                over.append(row.id)
        if over:
            async with self._desk.store.write() as db:
                await db.execute(
                    update(AlertRow)
                    .where(AlertRow.id.in_(over))
                    .values(ended_at=self._desk.clock(), missing=[])
                )

    def _watch(self, trouble: str) -> Watch | None:
        return self.presence.watch if trouble == OFFLINE else self._watches.get(trouble)

    # --- the hub's side

    def joined(self, session: Session) -> None:
        """It is there."""
        self._bytes[session] = -1
        known = self.book.known.get(session.receiver)
        if known is None:
            known = Known(session.receiver, session.area, session.name)
            self.book.known[session.receiver] = known
            self._stale = True
        known.area, known.name = session.area, session.name
        known.seen, known.changed = self._desk.clock(), True
        self.presence.hear(session.receiver, session.area, self._clock())

    def left(self, session: Session) -> None:
        """It is gone, for now."""
        self._bytes.pop(session, None)
        known = self.book.known.get(session.receiver)
        if known is not None:
            known.seen, known.changed = self._desk.clock(), True

    async def take(self, session: Session, message: FromBox) -> None:
        """Take a report."""
        if isinstance(message, Health):
            self.report(session, message)

    def report(self, session: Session, message: Health) -> None:
        """Keep what a report says, and judge it."""
        values, texts, unknown = vitals.read(message)
        if unknown:
            self._desk.counters.add("health.unknown", unknown)
        known = self.book.known.get(session.receiver)
        if known is None:
            self._desk.counters.add("health.nobody")
            return
        now = self._desk.clock()
        if texts:
            known.texts = texts
        if values:
            known.values = values
            self._judge(known, values)
            if not self._store.add(known.id, now, values):
                self._desk.counters.add("health.dropped")
        known.seen = known.reported = now
        known.changed = True
        for told in self.reported:
            told(session, values, texts)

    def _judge(self, known: Known, values: dict[str, float]) -> None:
        found = troubles(values, known.troubles, limits_of(self._desk, known.area))
        now = self._clock()
        for name, threshold in TROUBLES.items():
            if threshold.name not in values:
                continue
            watch = self._watches.setdefault(name, Watch(AILING_RULES, self._ids))
            watch.place(known.id, known.area)
            if name in found:
                watch.bad(known.id, now, now)
            else:
                watch.good(known.id, now)
        known.troubles = found

    def _connected(self, receiver: int) -> bool:
        silent = self.presence.silent(receiver, self._clock())
        return not silent and self._hub.of(receiver) is not None

    def _happened(self, happening: Happening) -> None:
        kind = happening.kind
        if kind.startswith(("receiver.", "area.", "areas.")) and kind not in OWN:
            self._stale = True

    # --- every few seconds

    async def run(self) -> None:
        """Watch, write and thin, until cancelled."""
        try:
            while True:
                await asyncio.sleep(STEP)
                try:
                    await self.step()
                except Exception:
                    # A database that is away for a while: nothing of what waits is lost.
                    self._desk.counters.add("health.failed")
                    log.exception("the health of receivers cannot be looked after")
        finally:
            self._unsubscribe()

    async def close(self) -> None:
        """Write what waits; after ``run`` was cancelled."""
        for session in self._hub:
            known = self.book.known.get(session.receiver)
            if known is not None:
                known.seen, known.changed = self._desk.clock(), True
        with suppress(Exception):
            await self.write()

    async def step(self) -> None:
        """Look at everyone, and do what is due."""
        now = self._clock()
        if self._stale and now - self._refreshed >= REFRESH_EVERY:
            await self._refresh(now)
        self._listen(now)
        self._take_alerts(now)
        if self._waiting:
            await self._announce(now)
        if now - self._written >= WRITE_EVERY:
            self._written = now
            await self.write()
        if now - self._swept >= HOUR / 4:
            self._swept = now
            await self._store.thin()

    async def _refresh(self, now: float) -> None:
        self._stale, self._refreshed = False, now
        async with self._desk.store.read() as db:
            gone = await self.book.read(db)
        for receiver in gone:
            self.presence.forget(receiver)
            for watch in self._watches.values():
                watch.forget(receiver)
        for one in self.book.known.values():
            for watch in (self.presence.watch, *self._watches.values()):
                if one.id in watch:
                    watch.place(one.id, one.area)
        if gone:
            await self._end_what_is_over()

    async def _end_what_is_over(self) -> None:
        """End alerts of which nobody is left: their receivers are no more."""
        there = {id for w in (self.presence.watch, *self._watches.values()) for id in w.open}
        waiting = {alert.incident for _, alert in self._waiting}
        async with self._desk.store.write() as db:
            rows = await db.scalars(select(AlertRow).where(AlertRow.ended_at.is_(None)))
            for row in rows:
                left = [r for r in row.missing if r in self.book.known]
                if row.id not in there and row.id not in waiting:
                    row.ended_at, row.missing = self._desk.clock(), []
                elif len(left) != len(row.missing):
                    row.missing = left

    def _listen(self, now: float) -> None:
        # Whoever sent a byte since the last look is there, whatever it was.
        for session in self._hub:
            received = session.wire.bytes_received
            if received != self._bytes.get(session):
                self._bytes[session] = received
                self.presence.hear(session.receiver, session.area, now)
                known = self.book.known.get(session.receiver)
                if known is not None:
                    known.seen = self._desk.clock()

    def _take_alerts(self, now: float) -> None:
        alerts = [(OFFLINE, a) for a in self.presence.step(now, self._lineage)]
        for name, watch in self._watches.items():
            alerts += ((name, a) for a in watch.step(now, self._lineage))
        room = MOST_ALERTS - len(self._waiting)
        if len(alerts) > room:
            self._desk.counters.add("health.alerts_dropped", len(alerts) - room)
        self._waiting += alerts[:room]

    def _lineage(self, area: int) -> Sequence[int]:
        found = self._desk.tree.get(area)
        return [area] if found is None else [a.id for a in self._desk.tree.lineage(found)]

    # --- what is announced

    async def _announce(self, now: float) -> None:
        waiting = self._waiting
        try:
            await self._write_alerts(waiting, now)
        except IntegrityError:
            # One that cannot be written must not keep the others back.
            for one in waiting:
                try:
                    await self._write_alerts([one], now)
                except IntegrityError:
                    self._desk.counters.add("health.alerts_dropped")
                    log.exception("an alert cannot be written", what=one[0], area=one[1].area)
        self._waiting = []
        for trouble, alert in waiting:
            if alert.kind is not Kind.MORE:
                self._desk.counters.add("health.alerts")
                log.info(
                    "receivers", what=trouble, how=alert.kind.value, area=alert.area,
                    count=len(alert.receivers),
                )  # fmt: skip

    async def _write_alerts(self, alerts: Sequence[tuple[str, Alert]], now: float) -> None:
        async with self._desk.work(server_actor(self._desk.tree)) as work:
            for trouble, alert in alerts:
                await self._write_alert(work, trouble, alert, work.now - (now - alert.since))

    async def _write_alert(self, work: Work, trouble: str, alert: Alert, since: float) -> None:
        if alert.kind is Kind.BAD:
            work.db.add(
                AlertRow(
                    id=alert.incident, trouble=trouble, area_id=alert.area, together=alert.group,
                    receivers=list(alert.receivers), missing=list(alert.receivers),
                    began_at=since, told_at=work.now,
                )
            )  # fmt: skip
        else:
            row = await work.db.get(AlertRow, alert.incident)
            if row is None:
                return
            since = row.began_at
            if alert.kind is Kind.MORE:
                row.receivers = sorted({*row.receivers, *alert.receivers})
                row.missing = sorted({*row.missing, *alert.receivers})
                return
            row.missing = list(alert.missing)
            row.back_at = row.back_at or work.now
            if alert.over:
                row.ended_at = work.now
        await work.db.flush()
        kind = _KINDS.get((trouble, alert.kind))
        if kind is None:
            kind = "receiver.ailing" if alert.kind is Kind.BAD else "receiver.well"
        subject = f"area/{alert.area}" if alert.group else f"receiver/{alert.receivers[0]}"
        area = self._desk.tree.get(alert.area)
        work.record(
            kind, area=None if area is None else area.id, subject=subject,
            alert=alert.incident, trouble=trouble, since=moment(since),
            together=alert.group, count=len(alert.receivers),
            receivers=self._named(alert.receivers), missing=self._named(alert.missing),
            missing_count=len(alert.missing),
        )  # fmt: skip

    def _named(self, receivers: Iterable[int]) -> list[dict[str, Any]]:
        found = []
        for receiver in itertools.islice(receivers, NAMED):
            known = self.book.known.get(receiver)
            found.append({"id": receiver, "name": "" if known is None else known.name})
        return found

    # --- what is kept

    async def write(self) -> None:
        """Write what was reported since the last time; what cannot be is tried again."""
        await self._store.write(self.book.known.values())
