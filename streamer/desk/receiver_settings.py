"""How receivers are to behave, as the desk sets it for areas and for single ones.

What holds for a receiver is numbered; a change raises the number and orders the box to take it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.codecs.control.orders import Set
from loa.codecs.control.settings import Settings
from loa.streamer.core.areas import Area
from loa.streamer.core.receiver_settings import OWN, SETTABLE, checked, digest, effective
from loa.streamer.desk import receiver_orders
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import NotFound, Stale
from loa.streamer.store.tables.receiver_orders import AreaReceiversRow
from loa.streamer.store.tables.receivers import ReceiverRow

CHANGED = "receiver.settings"
AREA_CHANGED = "area.receivers"
A_TURN = 50
"""Receivers whose settings are worked out in one go; then others have their turn."""

Said = Mapping[int, Mapping[str, Any]]
"""What areas say, by id."""


async def read_said(db: AsyncSession) -> Said:
    """Return what areas say."""
    return {row.area_id: row.settings for row in await db.scalars(select(AreaReceiversRow))}


def settings_of(desk: Desk, row: ReceiverRow, said: Said) -> Settings:
    """Return what holds for a receiver."""
    return _settings(desk, desk.tree.get(row.area_id), said, row)


def settings_in(desk: Desk, area: Area, said: Said) -> Settings:
    """Return what holds for the receivers of an area that differ in nothing."""
    return _settings(desk, area, said, None)


def _settings(desk: Desk, area: Area | None, said: Said, row: ReceiverRow | None) -> Settings:
    about: dict[str, Any] = {}
    own: list[Mapping[str, Any]] = []
    if row is not None:
        about = {"version": row.settings_version, "name": row.name}
        own = [row.settings]
    if area is not None:
        about |= {
            "area": area.id, "area_path": area.path, "area_name": area.name,
            "timezone": str(desk.policies.effective(area).timezone),
        }  # fmt: skip
        own += [said.get(above.id, {}) for above in desk.tree.lineage(area)]
    return effective(own, **about)


async def set_area(
    desk: Desk, actor: Actor, area: Area, settings: Mapping[str, Any], version: int
) -> int:
    """Have an area say this of its receivers, and nothing else; return the new version.

    Raises ``SettingsRefused`` and ``Stale``.
    """
    wanted = checked(settings)
    async with desk.work(actor) as work:
        row = await work.db.get(AreaReceiversRow, area.id, with_for_update=True)
        there = 0 if row is None else row.version
        if version != there:
            raise Stale(there)
        if row is None:
            row = AreaReceiversRow(area_id=area.id, settings=wanted, version=1)
            work.db.add(row)
        else:
            row.settings, row.version = wanted, there + 1
        await work.db.flush()
        work.record(AREA_CHANGED, area=area.id, subject=f"area/{area.id}", settings=wanted)
        await renew(desk, work, [a.id for a in desk.tree.below(area)])
        return row.version


async def set_receiver(
    desk: Desk, actor: Actor, receiver: int, settings: Mapping[str, Any], version: int
) -> int:
    """Have a receiver differ in this, and in nothing else; return its new version.

    Raises ``SettingsRefused``, ``NotFound`` and ``Stale``.
    """
    wanted = checked(settings, (*SETTABLE, *OWN))
    async with desk.work(actor) as work:
        row = await work.db.get(ReceiverRow, receiver, with_for_update=True)
        if row is None:
            raise NotFound("receiver.unknown", id=receiver)
        if row.version != version:
            raise Stale(row.version)
        if row.settings.get("cached_only"):
            wanted["cached_only"] = True
        row.settings, row.version = wanted, version + 1
        work.record(CHANGED, area=row.area_id, subject=f"receiver/{row.id}", settings=wanted)
        await _renew(desk, work, [row])
        return row.version


async def set_cached_only(desk: Desk, work: Work, receivers: Collection[int], yes: bool) -> None:
    """Have receivers use their cache only, or no longer: their data is (nearly) used up."""
    rows = list(
        await work.db.scalars(
            select(ReceiverRow).where(ReceiverRow.id.in_(receivers)).with_for_update()
        )
    )
    for row in rows:
        rest = {name: value for name, value in row.settings.items() if name != "cached_only"}
        row.settings = {**rest, "cached_only": True} if yes else rest
    await _renew(desk, work, rows)


async def renew(desk: Desk, work: Work, areas: Collection[int] | None = None) -> int:
    """Order every enrolled receiver of these areas (None: of all) whose settings are different now
    to take them; return how many those were."""
    chosen = select(ReceiverRow).where(ReceiverRow.state == "enrolled").with_for_update()
    if areas is not None:
        chosen = chosen.where(ReceiverRow.area_id.in_(areas))
    return await _renew(desk, work, list(await work.db.scalars(chosen)))


async def renew_some(desk: Desk, work: Work, receivers: Collection[int]) -> int:
    """As ``renew``, for these receivers."""
    chosen = select(ReceiverRow).where(
        ReceiverRow.id.in_(receivers), ReceiverRow.state == "enrolled"
    )
    return await _renew(desk, work, list(await work.db.scalars(chosen.with_for_update())))


async def give(desk: Desk, work: Work, receivers: Collection[int]) -> None:
    """Order receivers to take the settings that hold, unless they have been ordered to already."""
    rows = list(
        await work.db.scalars(
            select(ReceiverRow)
            .where(ReceiverRow.id.in_(receivers), ReceiverRow.state == "enrolled")
            .with_for_update()
        )
    )
    waiting = await receiver_orders.with_open_settings(work, [row.id for row in rows])
    said = await read_said(work.db)
    behind = [
        (row, Set(settings=settings_of(desk, row, said))) for row in rows if row.id not in waiting
    ]
    if behind:
        await receiver_orders.add_each(work, behind)


async def outdo(desk: Desk, work: Work, there: Mapping[int, tuple[int, str]]) -> None:
    """Order receivers to take the settings that hold instead of those that they have; ``there``:
    their version and mark, by receiver. What is the same, or older anyway, stays."""
    chosen = select(ReceiverRow).where(ReceiverRow.id.in_(there), ReceiverRow.state == "enrolled")
    said = await read_said(work.db)
    changed = []
    rows = list(await work.db.scalars(chosen.with_for_update()))
    async for row in _in_turns(rows):
        version, mark = there[row.id]
        now = settings_of(desk, row, said)
        if row.settings_version > version or (row.settings_version == version and now.mark == mark):
            continue
        row.settings_version = version + 1
        changed.append((row, Set(settings=settings_of(desk, row, said))))
    if changed:
        await receiver_orders.add_each(work, changed)


async def _in_turns(rows: Iterable[ReceiverRow]) -> AsyncIterator[ReceiverRow]:
    """Go through rows; thousands of them must not hold up what else the loop has to do."""
    for count, row in enumerate(rows, 1):
        yield row
        if count % A_TURN == 0:
            await asyncio.sleep(0)


async def _renew(desk: Desk, work: Work, rows: Collection[ReceiverRow]) -> int:
    said = await read_said(work.db)
    changed = []
    async for row in _in_turns(rows):
        if row.state != "enrolled":
            continue
        now = digest(settings_of(desk, row, said))
        if now == row.settings_digest:
            continue
        row.settings_digest = now
        row.settings_version += 1
        changed.append((row, Set(settings=settings_of(desk, row, said))))
    if changed:
        await receiver_orders.add_each(work, changed)
    return len(changed)
