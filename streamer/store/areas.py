"""Areas in the database: read as a tree, changed as a reorganisation says, with their history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area, AreaTree, sibling_order
from loa.streamer.core.policy import Policy, from_settings
from loa.streamer.core.reorganise import Change
from loa.streamer.store.tables.areas import (
    AreaAliasRow,
    AreaEventRow,
    AreaPolicyRow,
    AreaRow,
)

AT_ONCE = 500
"""So many values are named in one statement."""


async def read_tree(db: AsyncSession) -> AreaTree:
    """Return all living areas as a tree, siblings by rank and then by name."""
    aliases: dict[int, list[str]] = {}
    named = select(AreaAliasRow.path, AreaAliasRow.area_id).order_by(AreaAliasRow.path)
    for path, area_id in await db.execute(named):
        aliases.setdefault(area_id, []).append(path)
    columns = (AreaRow.path, AreaRow.name, AreaRow.station, AreaRow.id, AreaRow.code)
    rows = await db.execute(
        select(*columns, AreaRow.rank, AreaRow.version).where(AreaRow.removed_at.is_(None))
    )
    areas = [
        Area(path, name, station, tuple(aliases.get(id, ())), id, code, rank, version)
        for path, name, station, id, code, rank, version in rows
    ]
    areas.sort(key=sibling_order)
    return AreaTree(areas)


async def read_removed_paths(db: AsyncSession) -> set[str]:
    """Return the paths that removed areas had."""
    gone = select(AreaRow.path).where(AreaRow.removed_at.is_not(None))
    before = (
        select(AreaAliasRow.path)
        .join(AreaRow, AreaRow.id == AreaAliasRow.area_id)
        .where(AreaRow.removed_at.is_not(None))
    )
    return {*(await db.scalars(gone)), *(await db.scalars(before))}


async def read_policies(db: AsyncSession) -> dict[int, Policy]:
    """Return what each area says, by its id; those that say nothing are left out."""
    rows = await db.execute(select(AreaPolicyRow.area_id, AreaPolicyRow.settings))
    return {area_id: from_settings(settings) for area_id, settings in rows if settings}


async def write_changes(
    db: AsyncSession, changes: Sequence[Change], who: str, now: float
) -> dict[int, int]:
    """Store what a reorganisation changed, and its history; return the new areas' ids by theirs.

    The area that was changed gets a new version; those that only follow it do not.
    """
    await _write_removed(db, changes, now)
    await _step_aside(db, changes)
    ids = await _write_new(db, changes, now)
    await _write_changed(db, changes, ids)
    await _write_aliases(db, changes, ids, now)
    events = [
        {"area_id": ids.get(c.id, c.id), "at": now, "who": who, "kind": kind, "details": details}
        for c in changes
        for kind, details in history(c)
    ]
    if events:
        await db.execute(insert(AreaEventRow), events)
    return ids


def history(change: Change) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a change is in the history of its area: kinds and details."""
    before, after = change.before, change.after
    for kind in change.kinds:
        if before is None or after is None:
            area = after or before
            assert area is not None
            details = {"name": area.name, "path": area.path, "successor": change.successor}
            yield kind, {key: value for key, value in details.items() if value is not None}
        elif kind in ("renamed", "moved"):
            yield (
                kind,
                {
                    "before": {"name": before.name, "path": before.path},
                    "after": {"name": after.name, "path": after.path},
                },
            )
        elif kind == "station":
            yield kind, {"station": after.station}
        elif kind == "code":
            yield kind, {"before": before.code, "after": after.code}


async def write_event(
    db: AsyncSession, area: int, who: str, now: float, kind: str, details: dict[str, Any]
) -> None:
    """Add something else to the history of an area."""
    row = {"area_id": area, "at": now, "who": who, "kind": kind, "details": details}
    await db.execute(insert(AreaEventRow), [row])


async def _write_removed(db: AsyncSession, changes: Sequence[Change], now: float) -> None:
    removed = [
        {"id": c.id, "removed_at": now, "successor_id": c.successor}
        for c in changes
        if c.after is None
    ]
    if removed:
        await db.execute(update(AreaRow), removed)


async def _step_aside(db: AsyncSession, changes: Sequence[Change]) -> None:
    """Free the paths that others are to have, of areas that get another one themselves."""
    wanted = {
        c.after.path
        for c in changes
        if c.after is not None and (c.before is None or c.before.path != c.after.path)
    }
    aside = [
        {"id": c.id, "path": f"~{c.id}"}
        for c in changes
        if c.before is not None and c.after is not None and c.before.path in wanted
    ]
    if aside:
        await db.execute(update(AreaRow), aside)


async def _write_new(db: AsyncSession, changes: Sequence[Change], now: float) -> dict[int, int]:
    ids: dict[int, int] = {}
    # Parents come before children: all of one depth are made at once.
    new = sorted(
        (
            (c.after.path.count("/"), c.after, c.parent)
            for c in changes
            if c.before is None and c.after
        ),
        key=lambda found: found[0],
    )
    made = insert(AreaRow).returning(AreaRow.id, sort_by_parameter_order=True)
    for _, level in groupby(new, key=lambda found: found[0]):
        areas = [(area, parent) for _, area, parent in level]
        rows = [
            {
                "parent_id": None if parent is None else ids.get(parent, parent),
                "name": area.name,
                "path": area.path,
                "code": area.code,
                "station": area.station,
                "rank": area.rank,
                "created_at": now,
                "version": 1,
            }
            for area, parent in areas
        ]
        found = list(await db.scalars(made, rows))
        ids.update((area.id, id) for (area, _), id in zip(areas, found, strict=True))
    return ids


async def _write_changed(db: AsyncSession, changes: Sequence[Change], ids: dict[int, int]) -> None:
    both = [(c, c.before, c.after) for c in changes if c.before is not None and c.after is not None]
    following = [{"id": c.id, "path": after.path} for c, _, after in both if not c.kinds]
    if following:
        await db.execute(update(AreaRow), following)
    changed = [
        {
            "id": c.id,
            "parent_id": None if c.parent is None else ids.get(c.parent, c.parent),
            "name": after.name,
            "path": after.path,
            "code": after.code,
            "station": after.station,
            "rank": after.rank,
            "version": after.version + 1,
        }
        for c, _, after in both
        if c.kinds
    ]
    if changed:
        await db.execute(update(AreaRow), changed)


async def _write_aliases(
    db: AsyncSession, changes: Sequence[Change], ids: dict[int, int], now: float
) -> None:
    claimed: dict[str, int] = {}
    given_up: set[str] = set()
    for change in changes:
        if change.after is None:
            continue  # its aliases find nothing any more, or are claimed by what took its place
        before = set(change.before.aliases) if change.before is not None else set()
        after = set(change.after.aliases)
        given_up |= before - after
        claimed.update((path, ids.get(change.id, change.id)) for path in after - before)
    paths = sorted(given_up | claimed.keys())
    for start in range(0, len(paths), AT_ONCE):
        some = paths[start : start + AT_ONCE]
        await db.execute(delete(AreaAliasRow).where(AreaAliasRow.path.in_(some)))
    rows = [{"path": path, "area_id": id, "since": now} for path, id in claimed.items()]
    if rows:
        await db.execute(insert(AreaAliasRow), rows)
