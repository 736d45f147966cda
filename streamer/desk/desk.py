"""The desk: where staff's work is done, each piece in one transaction that is on record.

    async with desk.work(actor) as work:
        work.db.add(…)
        work.record("bulletin.approved", area=area.id, subject="bulletin/7", title="…")

``record`` writes the audit log and what webhooks are to tell, in the same transaction, and tells
the bus when it is committed. Everything of one topic is a module of functions beside this one; they
check what makes sense, while rights are checked before, by ``http/api``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer import logs
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.audit import FIRST, Entry, seal
from loa.streamer.core.policy import AreaPolicies
from loa.streamer.core.rights import Grant, Rights, Role
from loa.streamer.counters import Counters
from loa.streamer.desk.errors import NotFound
from loa.streamer.store import areas as stored_areas
from loa.streamer.store.store import Store
from loa.streamer.store.tables.audit import AuditRow, ValueRow

AUDIT_HEAD = "audit.head"

log = logs.get("desk")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something. ``account``: None for the server itself.

    ``session`` and ``token``: the ids of what he came by; a token is not he in person.
    ``must_change``: he has a password that somebody else chose, and has to change it first.
    """

    account: int | None
    who: str
    rights: Rights = field(default_factory=Rights)
    session: int | None = None
    token: int | None = None
    must_change: bool = False


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that was committed. ``kind`` is the audit log's action (``bulletin.approved``)."""

    kind: str
    at: float
    who: str
    area: int | None
    subject: str
    details: dict[str, Any]


class Bus:
    """Tells everyone who wants to know what happened, on the loop, after it was committed."""

    def __init__(self) -> None:
        self._hearers: list[Callable[[Happening], None]] = []

    def subscribe(self, hearer: Callable[[Happening], None]) -> Callable[[], None]:
        """Call ``hearer`` for everything from now on; it must not block. Returns how to stop."""
        self._hearers.append(hearer)
        return lambda: self._hearers.remove(hearer)

    def tell(self, happening: Happening) -> None:
        """Tell everyone; what goes wrong with one does not keep it from the others."""
        for hearer in list(self._hearers):
            try:
                hearer(happening)
            except Exception:
                log.exception("something that happened could not be followed up", of=happening.kind)


@dataclass(slots=True)
class Work:
    """One piece of work: a transaction and what it will have done."""

    db: AsyncSession
    actor: Actor
    now: float
    happened: list[Happening] = field(default_factory=list)
    tree_changed: bool = False
    """Set it when areas were changed: the desk reads its tree again."""
    policies_changed: bool = False
    """Set it when policies of areas were: the desk reads those again."""

    def record(
        self, action: str, *, area: int | None = None, subject: str = "", **details: Any
    ) -> None:
        """Put on record what is done. ``details`` must be JSON, and hold no secret."""
        self.happened.append(Happening(action, self.now, self.actor.who, area, subject, details))


Outbox = Callable[[AsyncSession, AreaTree, list[Happening]], Any]
"""Awaited within the transaction: writes down what webhooks are to tell."""


class Desk:
    """See the module. ``tree`` and ``policies`` are always the newest committed ones."""

    def __init__(
        self, store: Store, data: Path, counters: Counters, clock: Callable[[], float] = time.time
    ) -> None:
        self.store = store
        self.data = data
        self.counters = counters
        self.clock = clock
        self.bus = Bus()
        self.outbox: Outbox | None = None
        self.reorganising = asyncio.Lock()
        """Held around work that changes the tree or policies: each sees what the last one left."""
        self.tree = AreaTree([])
        self.policies = AreaPolicies(self.tree, {})

    async def load(self) -> None:
        """Read the tree and the policies; before anything else."""
        async with self.store.read() as db:
            self.tree = await stored_areas.read_tree(db)
            said = await stored_areas.read_policies(db)
        self.policies = AreaPolicies(self.tree, said)

    def area(self, id: int) -> Area:
        """Return an area that is there, or raise ``NotFound``."""
        area = self.tree.get(id)
        if area is None:
            raise NotFound("area.unknown", area=id)
        return area

    @asynccontextmanager
    async def work(self, actor: Actor) -> AsyncIterator[Work]:
        """One transaction; see the module. The time in it is ``work.now``."""
        async with self.store.write() as db:
            work = Work(db, actor, self.clock())
            yield work
            await db.flush()
            tree, policies = self.tree, self.policies
            if work.tree_changed:
                tree = await stored_areas.read_tree(db)
            if work.tree_changed or work.policies_changed:
                policies = AreaPolicies(tree, await stored_areas.read_policies(db))
            if self.outbox is not None and work.happened:
                await self.outbox(db, tree, work.happened)
            await self._write_audit(work)
        if work.tree_changed:
            self.tree = tree
        if work.tree_changed or work.policies_changed:
            self.policies = policies
        for happening in work.happened:
            self.bus.tell(happening)

    async def _write_audit(self, work: Work) -> None:
        if not work.happened:
            return
        # The newest hash is a row of its own, locked: two who write are sealed one after the other.
        head = await work.db.scalar(
            select(ValueRow).where(ValueRow.name == AUDIT_HEAD).with_for_update()
        )
        if head is None:
            head = ValueRow(name=AUDIT_HEAD, value=FIRST)
            work.db.add(head)
        for happening in work.happened:
            entry = Entry(
                happening.at,
                work.actor.account,
                happening.who,
                happening.kind,
                happening.area,
                happening.subject,
                json.dumps(happening.details, ensure_ascii=False, sort_keys=True),
            )
            hash = seal(entry, head.value)
            work.db.add(
                AuditRow(
                    at=entry.at,
                    account_id=entry.account,
                    who=entry.who,
                    action=entry.action,
                    area_id=entry.area,
                    subject=entry.subject,
                    details=entry.details,
                    previous=head.value,
                    hash=hash,
                )
            )
            head.value = hash
            await work.db.flush()


def server_actor(tree: AreaTree) -> Actor:
    """Return the server itself as who does something: it may everything."""
    tops = tuple(Grant(a.id, Role.ADMINISTRATOR) for a in tree if a.parent is None)
    return Actor(None, "loa", Rights(tops))
