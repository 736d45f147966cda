"""Commands to receivers, as the desk gives them: numbered, on record, until they expire.

``fleet/orders.py`` signs and sends them, and writes down what became of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import select, update

from loa.codecs.control.orders import Action, Set
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import Conflict, DeskError, NotFound
from loa.streamer.store.tables.receiver_orders import ReceiverOrderRow
from loa.streamer.store.tables.receivers import ReceiverRow

OPEN = ("waiting", "sent", "received", "started")
ORDERED = "receiver.ordered"
AT_ONCE = 500
A_TURN = 50
"""Commands that are written in one go; then others have their turn."""
MOST_OPEN = 50
"""Commands of one receiver that may be open."""
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
LASTS = {
    "play": 5 * MINUTE, "stop": MINUTE, "volume": DAY, "reboot": HOUR, "sync": DAY,
    "self_test": DAY, "settings": 90 * DAY, "sign": DAY, "new_key": DAY,
}  # fmt: skip
"""Seconds for which a command of each kind is worth obeying."""


def name_of(action: Action) -> str:
    """Return the name of an action: ``volume``."""
    return str(type(action).__struct_config__.tag)


async def order(
    desk: Desk,
    actor: Actor,
    receivers: Collection[int],
    action: Action,
    at: float | None = None,
) -> list[int]:
    """Order enrolled receivers to do something; return the ids of the commands.

    ``at``: when it is to be done, if not at once; it is worth obeying until then and a while after.
    Raises ``NotFound`` for one that is not there, ``Conflict`` for one that is not enrolled or has
    too many open commands.
    """
    async with desk.work(actor) as work:
        rows = await _rows(work, receivers)
        missing = set(receivers) - {row.id for row in rows}
        if missing:
            raise NotFound("receiver.unknown", id=min(missing))
        for row in rows:
            if row.state != "enrolled":
                raise Conflict("receiver.not_enrolled", name=row.name)
        await _check_room(work, rows)
        return await add_each(work, [(row, action) for row in rows], at)


@dataclass(frozen=True, slots=True)
class Given:
    """What came of a command for one of many: its id, or why there is none."""

    receiver: int
    order: int | None = None
    refused: DeskError | None = None


async def order_each(
    desk: Desk, actor: Actor, receivers: Collection[int], action: Action
) -> list[Given]:
    """Order those of these that can be ordered; return what came of each, in their order."""
    async with desk.work(actor) as work:
        rows = {row.id: row for row in await _rows(work, receivers)}
        refused: dict[int, DeskError] = {
            id: NotFound("receiver.unknown", id=id) for id in receivers if id not in rows
        }
        for row in rows.values():
            if row.state != "enrolled":
                refused[row.id] = Conflict("receiver.not_enrolled", name=row.name)
        for id in await _without_room(work, rows):
            refused[id] = Conflict("receiver.too_many_orders", name=rows[id].name, limit=MOST_OPEN)
        chosen = [row for row in rows.values() if row.id not in refused]
        made = dict(zip((row.id for row in chosen), await add(work, chosen, action), strict=True))
    return [Given(id, made.get(id), refused.get(id)) for id in receivers]


async def order_all(desk: Desk, actor: Actor, areas: Collection[int], action: Action) -> list[int]:
    """Order all enrolled receivers of these areas; return the ids of the commands."""
    async with desk.work(actor) as work:
        rows = list(
            await work.db.scalars(
                select(ReceiverRow)
                .where(ReceiverRow.area_id.in_(areas), ReceiverRow.state == "enrolled")
                .order_by(ReceiverRow.id)
                .with_for_update()
            )
        )
        if not rows:
            raise Conflict("receiver.none_enrolled")
        return await add(work, rows, action)


async def add(work: Work, rows: Iterable[ReceiverRow], action: Action) -> list[int]:
    """Add a command for each of these rows, which are locked; the newest settings replace others.

    ``action`` is the same for all.
    """
    return await add_each(work, [(row, action) for row in rows])


async def add_each(
    work: Work, wanted: Collection[tuple[ReceiverRow, Action]], at: float | None = None
) -> list[int]:
    """Add a command of its own, of one kind, for each of these rows, which are locked."""
    since = work.now if at is None else max(work.now, at)
    renewed = [row.id for row, action in wanted if isinstance(action, Set)]
    for first in range(0, len(renewed), AT_ONCE):
        await work.db.execute(
            update(ReceiverOrderRow)
            .where(
                ReceiverOrderRow.receiver_id.in_(renewed[first : first + AT_ONCE]),
                ReceiverOrderRow.state.in_(OPEN),
                ReceiverOrderRow.action["do"].as_string() == "settings",
            )
            .values(state="replaced", changed_at=work.now)
            .execution_options(synchronize_session=False)
        )
    made = []
    for count, (row, action) in enumerate(wanted, 1):
        row.orders += 1
        made.append(
            ReceiverOrderRow(
                receiver_id=row.id, number=row.orders, action=msgspec.to_builtins(action),
                issued_at=work.now, issued_by=work.actor.who,
                expires_at=since + LASTS[name_of(action)], state="waiting",
                changed_at=work.now,
            )
        )  # fmt: skip
        if count % A_TURN == 0:
            work.db.add_all(made[-A_TURN:])
            await work.db.flush()
    work.db.add_all(made)
    await work.db.flush()
    by_area: dict[int, list[ReceiverRow]] = {}
    names: dict[int, str] = {}
    for row, action in wanted:
        by_area.setdefault(row.area_id, []).append(row)
        names[row.area_id] = name_of(action)
    for area, rows in by_area.items():
        details: dict[str, Any] = {"do": names[area], "receivers": len(rows)}
        subject = f"receiver/{rows[0].id}" if len(rows) == 1 else f"area/{area}"
        work.record(ORDERED, area=area, subject=subject, **details)
    return [row.id for row in made]


async def with_open_settings(work: Work, receivers: Collection[int]) -> set[int]:
    """Return which of these have a command with settings that is still open."""
    found = await work.db.scalars(
        select(ReceiverOrderRow.receiver_id).where(
            ReceiverOrderRow.receiver_id.in_(receivers),
            ReceiverOrderRow.state.in_(OPEN),
            ReceiverOrderRow.expires_at > work.now,
            ReceiverOrderRow.action["do"].as_string() == "settings",
        )
    )
    return set(found)


async def _rows(work: Work, receivers: Collection[int]) -> list[ReceiverRow]:
    return list(
        await work.db.scalars(
            select(ReceiverRow)
            .where(ReceiverRow.id.in_(receivers))
            .order_by(ReceiverRow.id)
            .with_for_update()
        )
    )


async def _check_room(work: Work, rows: Iterable[ReceiverRow]) -> None:
    names = {row.id: row.name for row in rows}
    for id in await _without_room(work, names):
        raise Conflict("receiver.too_many_orders", name=names[id], limit=MOST_OPEN)


async def _without_room(work: Work, receivers: Collection[int]) -> list[int]:
    counts: dict[int, int] = {}
    open_ones = await work.db.scalars(
        select(ReceiverOrderRow.receiver_id).where(
            ReceiverOrderRow.receiver_id.in_(receivers),
            ReceiverOrderRow.state.in_(OPEN),
            ReceiverOrderRow.expires_at > work.now,
        )
    )
    for id in open_ones:
        counts[id] = counts.get(id, 0) + 1
    return sorted(id for id, count in counts.items() if count >= MOST_OPEN)
