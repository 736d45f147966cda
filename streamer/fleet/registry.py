"""What the door must know of each receiver, in memory: 2,000 come back within seconds.

Read once at the start; whatever is changed is read again, one by one, when it is next needed. What
sessions tell (when a box was seen, from where, with what software) is written in batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update

from loa.codecs.control.signing import PublicKey
from loa.streamer.desk.desk import Desk, Happening
from loa.streamer.store.tables.receivers import ReceiverRow

MOST_SEEN = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """A receiver. ``keys``: those that it may sign with, the present one first."""

    id: int
    area: int
    name: str
    state: str
    keys: tuple[PublicKey, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a session told."""

    at: float
    peer: str
    software: str


class Registry:
    """See the module. Tell it what happened by ``hear`` (``desk.bus``)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[int, Known] = {}
        self._met: set[int] = set()
        self._generation = 0
        self._seen: dict[int, Seen] = {}

    async def load(self) -> None:
        """Read all of them."""
        generation = self._generation
        async with self._desk.store.read() as db:
            rows = await db.execute(select(*_COLUMNS))
        known = {row.id: _known(row) for row in rows}
        self._met |= known.keys()
        if generation == self._generation:
            self._known = known

    def may_know(self, id: int) -> bool:
        """Say without reading anything whether there may be such a receiver."""
        return id in self._met

    async def get(self, id: int) -> Known | None:
        """Return a receiver as it is now, None when there is none."""
        while (known := self._known.get(id)) is None:
            generation = self._generation
            async with self._desk.store.read() as db:
                row = (await db.execute(select(*_COLUMNS).where(ReceiverRow.id == id))).first()
            if generation != self._generation:
                continue  # what was read may have been changed since
            if row is None:
                return None
            self._known[id] = _known(row)
            self._met.add(id)
        return known

    async def some(self, ids: Sequence[int]) -> dict[int, Known]:
        """Return those of these that there are, as they are now."""
        missing = [id for id in ids if id not in self._known]
        generation = self._generation
        found: dict[int, Known] = {}
        async with self._desk.store.read() as db:
            for at in range(0, len(missing), 500):
                chosen = select(*_COLUMNS).where(ReceiverRow.id.in_(missing[at : at + 500]))
                found.update((row.id, _known(row)) for row in await db.execute(chosen))
        if generation == self._generation:
            self._known.update(found)
        return {id: k for id in ids if (k := found.get(id) or self._known.get(id)) is not None}

    def forget(self, id: int | None = None) -> None:
        """Read a receiver (None: every one) again before it is used."""
        self._generation += 1
        if id is None:
            self._known.clear()
        else:
            self._known.pop(id, None)
            self._met.add(id)

    def seen(self, id: int, seen: Seen) -> None:
        """Keep what a session told until ``write_seen``."""
        if len(self._seen) < MOST_SEEN:
            self._seen[id] = seen

    async def write_seen(self) -> None:
        """Write it down, all in one transaction."""
        seen, self._seen = self._seen, {}
        if not seen:
            return
        values = [
            {"id": id, "seen_at": s.at, "peer": s.peer[:100], "software": s.software[:200]}
            for id, s in seen.items()
        ]
        async with self._desk.store.write() as db:
            await db.execute(update(ReceiverRow), values)


_COLUMNS = (
    ReceiverRow.id, ReceiverRow.area_id, ReceiverRow.name, ReceiverRow.state, ReceiverRow.key,
    ReceiverRow.next_key,
)  # fmt: skip


def _known(row: object) -> Known:
    keys = (row.key, row.next_key)  # type: ignore[attr-defined]
    return Known(
        row.id, row.area_id, row.name, row.state,  # type: ignore[attr-defined]
        tuple(PublicKey(key) for key in keys if key is not None),
    )  # fmt: skip


def receiver_of(happening: Happening) -> int | None:
    """Return the receiver that something that happened is about."""
    kind, _, id = happening.subject.partition("/")
    return int(id) if kind == "receiver" and id.isdigit() else None
