"""The areas that the configuration names, in the store: what is missing is made, the rest is left.

The configuration is where a small installation begins; from then on areas are edited by staff, so
that nothing which is there is changed by it, whatever it says.
"""

from __future__ import annotations

from collections.abc import Sequence

from loa.streamer.config import SAMPLE_AREA, AreaSetting
from loa.streamer.core.areas import AreaDraft, AreaTree, place
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.store.tables.areas import AreaAliasRow, AreaRow


async def seed(desk: Desk, settings: Sequence[AreaSetting]) -> None:
    """Make the areas that no path or alias finds. Raises ``AreaError`` when they are no tree."""
    if tuple(settings) == (SAMPLE_AREA,) and len(desk.tree):
        return
    wanted = place([AreaDraft(a.name, a.path, a.parent, a.station, a.aliases) for a in settings])
    missing = [area for area in wanted if desk.tree.find(area.path) is None]
    if not missing:
        return
    # Parents first, and all of it or nothing: a tree that does not hold together is refused here.
    ordered = [a for a in AreaTree([*desk.tree, *missing]) if a in missing]
    async with desk.work(Actor(None, "loa.toml")) as work:
        ids = {area.path: area.id for area in desk.tree}
        taken = {alias for area in desk.tree for alias in area.aliases}
        for rank, area in enumerate(ordered):
            row = AreaRow(
                parent_id=ids[area.parent] if area.parent is not None else None,
                name=area.name,
                path=area.path,
                station=area.station,
                rank=rank,  # in the order in which they are written down
                created_at=work.now,
            )
            work.db.add(row)
            await work.db.flush()
            ids[area.path] = row.id
            for alias in area.aliases:
                if alias not in taken:
                    taken.add(alias)
                    work.db.add(AreaAliasRow(path=alias, area_id=row.id, since=work.now))
            work.record("area.created", area=row.id, subject=f"area/{row.id}", path=area.path)
        work.tree_changed = True
