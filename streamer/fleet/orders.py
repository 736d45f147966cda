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
from loa.streamer.desk.desk import Desk, Happening, server_actor
from loa.streamer.desk.receiver_orders import OPEN, ORDERED
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.store.tables.receiver_orders import ReceiverOrderRow
from loa.streamer.store.tables.receivers import ReceiverRow

WRITE_EVERY = 0.5
SWEEP_EVERY = 30.0
ENDS_WITHIN = 3600.0
"""Seconds after its time for which the end of a command that a box has taken is waited for."""
A_TURN = 50
"""Commands that are signed in one go; then others have their turn."""
MOST_TOLD = 5
"""Refusals of one session that are put on record; the rest is counted."""
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
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusals: list[tuple[int, str]] = []
        self._unsubscribe = desk.bus.subscribe(self._happened)

    # --- what there is

    async def load(self) -> None:
        """Read what is open."""
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
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

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
        for count, one in enumerate(new):
            session = self._hub.of(one.receiver)
            if session is not None and self._open.get(one.receiver, {}).get(one.number) is one:
                self._send(session, one)
            if count % A_TURN == A_TURN - 1:
                await asyncio.sleep(0)

    def _sweep(self, now: float) -> None:
        for known in list(self._open.values()):
            for one in list(known.values()):
                # What a box has taken is its own to end, for a while.
                taken = one.state in ("received", "started")
                if one.expires + (ENDS_WITHIN if taken else 0.0) <= now:
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
        known = self._open.get(session.receiver)
        if not known:
            return
        newest = session.hello.commands
        if any(one.number <= newest and one.state == "waiting" for one in known.values()):
            # Its box counted further than we did: we are a backup that was restored.
            self._desk.counters.add("fleet.orders.renumbered")
            task = asyncio.get_running_loop().create_task(self._renumber(session, newest))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        for one in self.open_of(session.receiver):
            self._send(session, one)

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

    async def _renumber(self, session: Session, newest: int) -> None:
        """Give what was never sent greater numbers than the box has seen, and send it."""
        try:
            async with self._desk.store.write() as db:
                row = await db.get(ReceiverRow, session.receiver, with_for_update=True)
                if row is None:
                    return
                row.orders = max(row.orders, newest)
                known = self._open.get(session.receiver, {})
                moved = []
                for one in self.open_of(session.receiver):
                    if one.number <= newest:
                        row.orders += 1
                        moved.append((one, row.orders))
                # From above, for numbers are unique.
                for one, number in reversed(moved):
                    await db.execute(
                        update(ReceiverOrderRow)
                        .where(ReceiverOrderRow.id == one.id)
                        .values(number=number)
                    )
            for one, number in moved:
                del known[one.number]
                one.number = number
            known.update({one.number: one for one, _ in moved})
        except Exception:
            log.exception("commands could not be numbered anew", receiver=session.receiver)
            return
        for one in self.open_of(session.receiver):
            self._send(session, one)

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
        """Write what became of commands."""
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


def _word(reason: str) -> str:
    known = ("unsigned", "unreadable", "mistargeted", "stale", "replayed", "expired", "disk")
    word = reason.partition(":")[0]
    return word if word in known else "other"
