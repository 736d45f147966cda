"""Proof of play: boxes' journals come in, are checked, and kept before they are receipted.

What many boxes say at the same time is one transaction. A box sends a message and waits for its
receipt, and sends it again when there is none; so nothing is kept here but what waits to be
written, and of that there is a bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from loa.codecs.control.journal import JournalError, Lost, read_line
from loa.codecs.control.messages import FromBox, Journal, Message, Receipt, Sounding
from loa.codecs.control.signing import PublicKey
from loa.streamer import logs
from loa.streamer.desk.desk import Desk
from loa.streamer.fleet.hub import Session
from loa.streamer.fleet.journals import Finding, Head, Place, Sealed, place
from loa.streamer.fleet.play_reports import Ready, check_all
from loa.streamer.store import proof as kept
from loa.streamer.store.store import StoreError
from loa.streamer.store.tables.proof import JournalChainRow

GATHER = 0.1
"""Seconds in which what others say, too, comes into the same transaction."""
AT_ONCE = 100
"""Messages of one transaction."""
MOST_WAITING = 5000
"""Messages that wait to be written; then boxes are not read until there is room."""
MOST_OF_ONE = 4
"""Messages of one session that may wait: a box sends one at a time."""
MOST_FINDINGS = 10
"""What is wrong with the journal of one session that is put on record; the rest is counted."""
MOST_SOUNDINGS = 500
"""Of one session."""
SWEEP_EVERY = 3600.0
MONTH = 30.44 * 86_400

Keys = Callable[[Sequence[int]], Awaitable[Mapping[int, Sequence[PublicKey]]]]
"""Returns which keys receivers may sign with."""

log = logs.get("proof")


@dataclass(slots=True, eq=False)
class _Said:
    """A message that waits."""

    session: Session
    message: Journal | Sounding


@dataclass(slots=True)
class _Manners:
    """How one session behaves."""

    waiting: int = 0
    findings: int = 0
    soundings: int = 0


@dataclass(slots=True)
class _Written:
    """What one transaction writes, and what is answered once it is committed."""

    receipts: list[tuple[Session, Receipt]] = field(default_factory=list)
    heads: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    lost: list[tuple[int, Lost]] = field(default_factory=list)
    soundings: list[dict[str, Any]] = field(default_factory=list)


class Proof:
    """A topic of the hub; ``load`` before the first session, ``run`` as a task.

    ``months``: how long what boxes said is kept.
    """

    takes: Sequence[type[Message]] = (Journal, Sounding)

    def __init__(self, desk: Desk, keys: Keys, months: float = 12.0) -> None:
        self._desk = desk
        self._keys = keys
        self._months = months
        self._counters = desk.counters
        self._queue: asyncio.Queue[_Said] = asyncio.Queue(MOST_WAITING)
        self._newest: dict[int, tuple[bytes, int]] = {}
        self._manners: dict[Session, _Manners] = {}
        self._failing = False

    async def load(self) -> None:
        """Read what is kept of each receiver's journal."""
        async with self._desk.store.read() as db:
            self._newest = await kept.newest_chains(db)

    # --- the hub's

    def joined(self, session: Session) -> None:
        """A session began: say what is kept of its journal."""
        self._manners[session] = _Manners()
        chain, number = self._newest.get(session.receiver, (b"", 0))
        session.send(Receipt(chain=chain, journal=number))

    def left(self, session: Session) -> None:
        """It ended; what it said is kept all the same."""
        self._manners.pop(session, None)

    async def take(self, session: Session, message: FromBox) -> None:
        """Have a message written down, with others."""
        if not isinstance(message, Journal | Sounding):
            return
        manners = self._manners.setdefault(session, _Manners())
        if isinstance(message, Sounding):
            if message.device:
                session.sounding = True
            manners.soundings += 1
            if manners.soundings > MOST_SOUNDINGS:
                self._counters.add("proof.too_many_soundings")
                return
        if manners.waiting >= MOST_OF_ONE:
            self._counters.add("proof.too_fast")
            return
        manners.waiting += 1
        await self._queue.put(_Said(session, message))

    async def run(self) -> None:
        """Write down what comes, and remove what is old, for ever."""
        loop = asyncio.get_running_loop()
        swept = loop.time()
        while True:
            left = max(0.0, swept + SWEEP_EVERY - loop.time())
            try:
                first = await asyncio.wait_for(self._queue.get(), left)
            except TimeoutError:
                swept = loop.time()
                await self.sweep()
                continue
            if self._queue.qsize() < AT_ONCE:
                await asyncio.sleep(GATHER)
            await self.keep([first])

    async def keep(self, said: list[_Said] | None = None) -> None:
        """Write down what waits, as much as goes into one transaction."""
        said = [] if said is None else said
        while len(said) < AT_ONCE and not self._queue.empty():
            said.append(self._queue.get_nowait())
        for one in said:
            if (manners := self._manners.get(one.session)) is not None:
                manners.waiting -= 1
        if not said:
            return
        try:
            written = await self._keep(said)
        except (SQLAlchemyError, StoreError, OSError) as error:
            # Not receipted: it comes again.
            self._counters.add("proof.write_failed", len(said))
            if not self._failing:
                log.error("what receivers say cannot be written", why=str(error))
            self._failing = True
            return
        self._failing = False
        self._newest.update(written.heads)
        self._counters.add("proof.reports", len(written.reports))
        for session, receipt in written.receipts:
            session.send(receipt)

    async def sweep(self) -> None:
        """Remove what is older than it is to be kept."""
        before = self._desk.clock() - self._months * MONTH
        try:
            while True:
                async with self._desk.store.write() as db:
                    gone = await kept.sweep(db, before)
                if not gone:
                    return
                await asyncio.sleep(0)
        except (SQLAlchemyError, StoreError, OSError) as error:
            log.error("old reports of receivers cannot be removed", why=str(error))

    # --- within

    async def _keep(self, said: Sequence[_Said]) -> _Written:
        now = self._desk.clock()
        written = _Written()
        journals = [(s.session, s.message) for s in said if isinstance(s.message, Journal)]
        keys = await self._keys(sorted({session.receiver for session, _ in journals}))
        said_by = [(session.receiver, message) for session, message in journals]
        checked = await asyncio.to_thread(check_all, said_by, keys, now)
        good: list[tuple[Session, Ready]] = []
        for (session, _), found in zip(journals, checked, strict=True):
            if isinstance(found, Ready):
                good.append((session, found))
            else:
                self._counters.add(f"proof.refused.{found}")
                self._find(written, session, Finding(found), now)
        written.soundings = [
            {
                "receiver_id": s.session.receiver, "emergency_id": s.message.emergency,
                "play": s.message.play, "tick": s.message.tick,
                "late_ms": _within(s.message.late_ms), "device": s.message.device, "at": now,
            }
            for s in said if isinstance(s.message, Sounding)
        ]  # fmt: skip
        async with self._desk.store.write() as db:
            await self._write(db, good, written, now)
        return written

    async def _write(
        self,
        db: AsyncSession,
        good: Sequence[tuple[Session, Ready]],
        written: _Written,
        now: float,
    ) -> None:
        chains, having = await _chains(db, good, now)
        for session, ready in good:
            receiver, sealed = session.receiver, ready.sealed
            row = chains.get((receiver, sealed.chain))
            head = None if row is None or not row.number else Head(row.number, bytes(row.hash))
            where = place(head, sealed, receiver in having)
            if where.known and row is not None and not await _is_kept(db, row.id, sealed):
                where = Place(findings=(Finding("fork", sealed.first, row.number),), fork=True)
            for finding in where.findings:
                self._find(written, session, finding, now)
            if where.fork:
                self._counters.add("proof.forks")
                number = 0 if row is None else row.number
                answer = Receipt(chain=sealed.chain, journal=number, anew=True)
                written.receipts.append((session, answer))
                continue
            assert row is not None, "what follows has a chain"
            having.add(receiver)
            if where.fresh:
                row.number, row.hash = sealed.last.number, sealed.last.hash
                self._collect(written, session, row.id, ready, where, now)
            else:
                self._counters.add("proof.known_already")
            row.heard_at = now
            written.heads[receiver] = (sealed.chain, row.number)
            written.receipts.append((session, Receipt(chain=sealed.chain, journal=row.number)))
        await db.flush()
        await kept.add_batches(db, written.batches)
        await kept.add_reports(db, written.reports)
        await kept.add_findings(db, written.findings)
        await kept.add_soundings(db, written.soundings)
        for receiver, lost in written.lost:
            await kept.explain(db, receiver, lost.first, lost.last, lost.why[:40])

    def _collect(
        self, written: _Written, session: Session, chain: int, ready: Ready, where: Place,
        now: float,
    ) -> None:  # fmt: skip
        receiver, sealed = session.receiver, ready.sealed
        written.batches.append(
            {
                "receiver_id": receiver, "chain_id": chain, "first": sealed.first,
                "last": sealed.last.number, "fresh": where.fresh[0].line.number,
                "before": sealed.before, "signature": sealed.signature, "key": sealed.key,
                "received_at": now, "lines": ready.lines,
            }
        )  # fmt: skip
        for told in where.fresh:
            if (row := ready.reports.get(told.line.number)) is not None:
                written.reports.append(
                    {"receiver_id": receiver, "area_id": session.area, "received_at": now, **row}
                )
            if isinstance(told.entry, Lost) and told.entry.last:
                written.lost.append((receiver, told.entry))

    def _find(self, written: _Written, session: Session, finding: Finding, now: float) -> None:
        manners = self._manners.get(session)
        if manners is not None:
            manners.findings += 1
            if manners.findings > MOST_FINDINGS:
                self._counters.add("proof.findings_dropped")
                return
        log.warning(
            "a receiver's journal is not as it should be", receiver=session.receiver,
            what=finding.kind, first=finding.first, last=finding.last, why=finding.why,
        )  # fmt: skip
        written.findings.append(
            {
                "receiver_id": session.receiver, "at": now, "kind": finding.kind,
                "first": finding.first, "last": finding.last, "why": finding.why,
            }
        )  # fmt: skip


async def _chains(
    db: AsyncSession, good: Sequence[tuple[Session, Ready]], now: float
) -> tuple[dict[tuple[int, bytes], JournalChainRow], set[int]]:
    """Return the chains of these receivers, new ones (whose number is 0) among them, and which
    receivers had any before."""
    rows = await kept.chains_of(db, {session.receiver for session, _ in good}) if good else []
    chains = {(row.receiver_id, bytes(row.chain)): row for row in rows}
    having = {row.receiver_id for row in rows}
    new: dict[tuple[int, bytes], JournalChainRow] = {}
    for session, ready in good:
        key = (session.receiver, ready.sealed.chain)
        if key not in chains and key not in new and not place(None, ready.sealed).fork:
            new[key] = JournalChainRow(
                receiver_id=key[0], chain=key[1], number=0, hash=b"", began_at=now, heard_at=now
            )
    db.add_all(new.values())
    await db.flush()
    return chains | new, having


async def _is_kept(db: AsyncSession, chain: int, sealed: Sealed) -> bool:
    """Say whether the last line of a message is the one that is kept under its number."""
    for text in await kept.lines_with(db, chain, sealed.last.number):
        try:
            line = read_line(text)
        except JournalError:
            continue
        if line.number == sealed.last.number:
            return line.hash == sealed.last.hash
    return True  # it was removed, being old


def _within(value: int) -> int:
    return max(-(1 << 31), min(value, (1 << 31) - 1))
