"""Commands on their way to receivers: signed for a session, sent, sent again, followed to the end.

What is open is kept in memory beside the database, so that thousands of boxes that return at once
cost no query each. What became of commands is written in batches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from sqlalchemy import Table, bindparam, select, update

from loa.codecs.control.messages import Ack, Command, FromBox, Message
from loa.codecs.control.orders import Actions, Order, Play, Set, encode_order
from loa.codecs.control.signing import Purpose
from loa.streamer import logs
from loa.streamer.core.timeline import TICKS_A_SECOND
from loa.streamer.desk.desk import Desk, Happening, server_actor
from loa.streamer.desk.receiver_orders import OPEN, ORDERED
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.store.tables.receiver_orders import ReceiverOrderRow
from loa.streamer.store.tables.receivers import ReceiverRow
from loa.streamer.tasks import Tasks

WRITE_EVERY = 0.5
SWEEP_EVERY = 30.0
ENDS_WITHIN = 3600.0
"""Seconds after its time for which the end of a command that a box has taken is waited for."""
A_TURN = 10
"""Commands that are signed in one go; then others have their turn."""
MOST_TOLD = 5
"""Refusals of one session that are put on record; the rest is counted."""
MOST_COUNTED = 1 << 40
"""A box that says it took more commands than that is not believed."""
FINAL = frozenset({"finished", "failed", "refused"})

log = logs.get("orders")

Sign = Callable[[Session, Purpose, bytes], bytes]
"""Signs by the key that this box trusts."""


@dataclass(slots=True)
class Open:
    """A command that is not over."""

    id: int
    receiver: int
    number: int
    action: Actions
    issued: float
    expires: float
    state: str


class Orders:
    """A topic of the hub; ``load`` before the first session, ``run`` as a task."""

    takes: Sequence[type[Message]] = (Ack,)

    def __init__(self, desk: Desk, hub: Hub, sign: Sign) -> None:
        self._desk = desk
        self._hub = hub
        self._sign = sign
        self._open: dict[int, dict[int, Open]] = {}
        self._newest_id = 0
        self._changed: dict[int, dict[str, Any]] = {}
        self._told: dict[Session, int] = {}
        self._wake = asyncio.Event()
        self._fresh = False
        self._tasks = Tasks(desk.counters, log)
        self._numbering = asyncio.Lock()
        self._numbers: dict[int, int] = {}
        """Up to where commands are numbered, by receiver: it may be further, never less."""
        self._ahead: dict[int, int] = {}
        """Receivers that counted further than we did, and how far."""
        self._refusals: list[tuple[int, str]] = []
        self._unsubscribe = desk.bus.subscribe(self._happened)

    # --- what there is

    async def load(self) -> None:
        """Read what is open."""
        async with self._desk.store.read() as db:
            rows = await db.execute(select(ReceiverRow.id, ReceiverRow.orders))
        self._numbers = {row.id: row.orders for row in rows}
        await self._read()

    async def run(self) -> None:
        """Send what is new, write what became of what; until cancelled."""
        swept = self._desk.clock()
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP_EVERY):
                        await self._wake.wait()
                self._wake.clear()
                if self._fresh:
                    self._fresh = False
                    await self._send_new(await self._read())
                now = self._desk.clock()
                if now - swept > SWEEP_EVERY:
                    swept = now
                    self._sweep(now)
                await self.write()
        finally:
            self._unsubscribe()
            await self._tasks.stop()

    def _happened(self, happening: Happening) -> None:
        if happening.kind == ORDERED:
            self._fresh = True
            self._wake.set()

    async def _read(self) -> list[Open]:
        """Read commands that are not known yet; newer settings replace older ones."""
        async with self._desk.store.read() as db:
            rows = list(
                await db.scalars(
                    select(ReceiverOrderRow)
                    .where(ReceiverOrderRow.id > self._newest_id, ReceiverOrderRow.state.in_(OPEN))
                    .order_by(ReceiverOrderRow.id)
                )
            )
        new = []
        for row in rows:
            self._counted(row.receiver_id, row.number)
            self._newest_id = max(self._newest_id, row.id)
            try:
                action = msgspec.convert(row.action, Actions)
            except msgspec.ValidationError:
                # Written by another version of the server: nobody can obey it any more.
                self._changed[row.id] = {"state": "expired", "reason": "unknown to this version"}
                continue
            one = Open(
                row.id, row.receiver_id, row.number, action, row.issued_at, row.expires_at,
                row.state,
            )  # fmt: skip
            known = self._open.setdefault(one.receiver, {})
            if row.action.get("do") == "settings":
                for other in [o for o in known.values() if type(o.action) is type(action)]:
                    del known[other.number]
            known[one.number] = one
            new.append(one)
        return new

    async def _send_new(self, new: Iterable[Open]) -> None:
        used: set[Session] = set()
        for count, one in enumerate(new):
            session = self._hub.of(one.receiver)
            if session is not None and self._open.get(one.receiver, {}).get(one.number) is one:
                if self._used(session, one):
                    used.add(session)
                else:
                    self._send(session, one)
            if count % A_TURN == A_TURN - 1:
                await asyncio.sleep(0)
        for session in used:
            self._tasks.spawn(self._renumber(session))

    def _sweep(self, now: float) -> None:
        for known in list(self._open.values()):
            for one in list(known.values()):
                # What a box has taken is its own to end, for a while.
                taken = one.state in ("received", "started")
                if one.expires + (_longest(one.action) if taken else 0.0) <= now:
                    self._over(one, "expired", "")

    def open_of(self, receiver: int) -> list[Open]:
        """Return a receiver's commands that are not over, by number."""
        known = self._open.get(receiver, {})
        return sorted(known.values(), key=lambda one: one.number)

    def to_play(self, receiver: int, audio: bytes) -> bool:
        """Whether a receiver was ordered to play this audio, and may be about to fetch it."""
        return any(
            isinstance(one.action, Play) and one.action.audio == audio
            for one in self._open.get(receiver, {}).values()
        )

    def settings_open(self, receiver: int) -> bool:
        """Whether a receiver was ordered to take settings, and has not said that it did."""
        return any(isinstance(one.action, Set) for one in self._open.get(receiver, {}).values())

    # --- the hub's side

    def joined(self, session: Session) -> None:
        """Send what is open for this receiver."""
        newest = self._taken(session)
        if newest > self._numbers.get(session.receiver, 0):
            # Its box counted further than we did: we are a backup that was restored.
            self._ahead[session.receiver] = newest
            self._wake.set()
        known = self.open_of(session.receiver)
        if any(self._used(session, one) for one in known):
            self._tasks.spawn(self._renumber(session))
            return
        for one in known:
            self._send(session, one)

    def _used(self, session: Session, one: Open) -> bool:
        """Whether this was never sent, and its number is one that the box has seen already."""
        return one.state == "waiting" and one.number <= self._taken(session)

    def _taken(self, session: Session) -> int:
        """Return the number of the newest command that the box took, before this session."""
        if session.hello.commands <= MOST_COUNTED:
            return session.hello.commands
        self._desk.counters.add("fleet.orders.not_believed")
        return 0

    def _counted(self, receiver: int, number: int) -> None:
        self._numbers[receiver] = max(number, self._numbers.get(receiver, 0))

    def left(self, session: Session) -> None:
        """What was sent is sent again in the next session, unless it is over."""
        self._told.pop(session, None)

    async def take(self, session: Session, message: FromBox) -> None:
        """Take what became of a command."""
        assert isinstance(message, Ack)
        one = self._open.get(session.receiver, {}).get(message.number)
        if message.state == "refused":
            self._refused(session, message)
        if one is None:
            self._desk.counters.add("fleet.orders.unknown_acks")
            return
        if message.state in FINAL:
            self._over(one, message.state, message.reason, message.result)
        elif one.state != message.state:
            one.state = message.state
            self._note(one, message.state, message.reason)

    def _refused(self, session: Session, ack: Ack) -> None:
        self._desk.counters.add(f"fleet.orders.refused.{_word(ack.reason)}")
        told = self._told.get(session, 0)
        if told < MOST_TOLD:
            self._told[session] = told + 1
            log.warning(
                "a receiver refused a command",
                receiver=session.receiver, number=ack.number, reason=ack.reason,
            )  # fmt: skip
            self._refusals.append((session.receiver, ack.reason))

    def _send(self, session: Session, one: Open) -> None:
        now = self._desk.clock()
        if one.expires <= now:
            self._over(one, "expired", "")
            return
        body = encode_order(
            Order(
                receiver=one.receiver, session=session.hello.nonce, number=one.number,
                issued=one.issued, expires=one.expires, action=one.action,
            )
        )  # fmt: skip
        session.send(Command(body=body, signature=self._sign(session, Purpose.COMMAND, body)))
        if one.state == "waiting":
            one.state = "sent"
            self._note(one, "sent")

    async def _renumber(self, session: Session) -> None:
        """Give what was never sent greater numbers than the box has seen, and send it."""
        async with self._numbering:
            known = self._open.get(session.receiver, {})
            if any(self._used(session, one) for one in known.values()):
                await self._number_anew(session)
        if not session.ended:
            for one in self.open_of(session.receiver):
                self._send(session, one)

    async def _number_anew(self, session: Session) -> None:
        self._desk.counters.add("fleet.orders.renumbered")
        moved: list[tuple[Open, int]] = []
        async with self._desk.store.write() as db:
            row = await db.get(ReceiverRow, session.receiver, with_for_update=True)
            if row is None:
                return
            row.orders = max(row.orders, self._taken(session))
            for one in self.open_of(session.receiver):
                if self._used(session, one):
                    row.orders += 1
                    moved.append((one, row.orders))
            # From above, for numbers are unique.
            for one, number in reversed(moved):
                await db.execute(
                    update(ReceiverOrderRow)
                    .where(ReceiverOrderRow.id == one.id)
                    .values(number=number)
                )
        known = self._open.get(session.receiver, {})
        # (One may have been replaced meanwhile.)
        still = [(one, number) for one, number in moved if known.get(one.number) is one]
        for one, _ in still:
            del known[one.number]
        for one, number in still:
            one.number = number
            known[number] = one
            self._counted(session.receiver, number)

    async def _count_on(self) -> None:
        """Number on from where boxes are: what is ordered next is to be new to them."""
        ahead, self._ahead = self._ahead, {}
        if not ahead:
            return
        table = cast(Table, ReceiverRow.__table__)
        statement = (
            update(table)
            .where(table.c.id == bindparam("box"), table.c.orders < bindparam("newest"))
            .values(orders=bindparam("newest"))
        )
        try:
            async with self._desk.store.write() as db:
                connection = await db.connection()
                await connection.execute(
                    statement, [{"box": id, "newest": newest} for id, newest in ahead.items()]
                )
        except Exception:
            self._ahead = {**ahead, **self._ahead}
            self._desk.counters.add("fleet.orders.write_failed")
            log.exception("commands could not be numbered on from where boxes are")
            return
        self._desk.counters.add("fleet.orders.counted_on", len(ahead))
        for id, newest in ahead.items():
            self._counted(id, newest)

    # --- what became of them

    def _over(self, one: Open, state: str, reason: str, result: str = "") -> None:
        known = self._open.get(one.receiver, {})
        known.pop(one.number, None)
        if not known:
            self._open.pop(one.receiver, None)
        self._note(one, state, reason, result)

    def _note(self, one: Open, state: str, reason: str = "", result: str = "") -> None:
        self._changed[one.id] = {"state": state, "reason": reason, "result": result}
        if len(self._changed) == 1:
            asyncio.get_running_loop().call_later(WRITE_EVERY, self._wake.set)

    async def write(self) -> None:
        """Write what became of commands, and how far boxes have counted."""
        await self._count_on()
        changed, self._changed = self._changed, {}
        if changed:
            now = self._desk.clock()
            table = cast(Table, ReceiverOrderRow.__table__)
            statement = (
                update(table)
                .where(table.c.id == bindparam("order_id"))
                .values(
                    state=bindparam("new_state"), reason=bindparam("new_reason"),
                    result=bindparam("new_result"), changed_at=bindparam("at"),
                )
            )  # fmt: skip
            try:
                async with self._desk.store.write() as db:
                    connection = await db.connection()
                    await connection.execute(
                        statement,
                        [
                            {
                                "order_id": id, "new_state": v["state"], "at": now,
                                "new_reason": v.get("reason", ""),
                                "new_result": v.get("result", ""),
                            }
                            for id, v in changed.items()
                        ],
                    )  # fmt: skip
            except Exception:
                self._changed = {**changed, **self._changed}
                self._desk.counters.add("fleet.orders.write_failed")
                log.exception("what became of commands could not be written")
                return
        refusals, self._refusals = self._refusals, []
        if refusals:
            await self._record(refusals)

    async def _record(self, refusals: Sequence[tuple[int, str]]) -> None:
        """Put refusals on record: somebody may be trying something."""
        async with self._desk.work(server_actor(self._desk.tree)) as work:
            for receiver, reason in refusals:
                row = await work.db.get(ReceiverRow, receiver)
                work.record(
                    "receiver.order_refused",
                    area=None if row is None else row.area_id,
                    subject=f"receiver/{receiver}",
                    reason=reason,
                )


def _longest(action: Actions) -> float:
    """Return the seconds that a box may take for it."""
    return ENDS_WITHIN + (action.ticks / TICKS_A_SECOND if isinstance(action, Play) else 0.0)


def _word(reason: str) -> str:
    known = ("unsigned", "unreadable", "mistargeted", "stale", "replayed", "expired", "disk")
    word = reason.partition(":")[0]
    return word if word in known else "other"
