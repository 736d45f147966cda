"""Reading areas from the database."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area, AreaTree, sibling_order
from loa.streamer.core.policy import Policy, from_settings
from loa.streamer.store.tables.areas import AreaAliasRow, AreaPolicyRow, AreaRow


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


async def read_policies(db: AsyncSession) -> dict[int, Policy]:
    """Return what each area says, by its id; those that say nothing are left out."""
    rows = await db.execute(select(AreaPolicyRow.area_id, AreaPolicyRow.settings))
    return {area_id: from_settings(settings) for area_id, settings in rows if settings}
