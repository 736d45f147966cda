"""The areas that the configuration names, in the store: what is missing is made, the rest is left.

The configuration is where a small installation begins; from then on areas are edited by staff, so
that nothing which is there is changed by it, whatever it says, and nothing comes back that staff
removed.
"""

from __future__ import annotations

from collections.abc import Sequence

from loa.streamer import logs
from loa.streamer.config_sections import SAMPLE_AREA, AreaSetting
from loa.streamer.core.area_words import WordRefused
from loa.streamer.core.areas import Area, AreaDraft, AreaError, place
from loa.streamer.core.reorganise import Place, Reorganisation
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.store import areas as stored

log = logs.get("areas")


async def seed(desk: Desk, settings: Sequence[AreaSetting]) -> None:
    """Make the areas that no path or alias finds. Raises ``AreaError`` when they are no tree."""
    drafts = place([AreaDraft(a.name, a.path, a.parent, a.station, a.aliases) for a in settings])
    async with desk.store.read() as db:
        removed = await stored.read_removed_paths(db)
    if tuple(settings) == (SAMPLE_AREA,) and (len(desk.tree) or removed):
        return
    plan = Reorganisation(desk.tree)
    ranks = {area.path: rank for rank, area in enumerate(drafts, start=1)}
    for area in sorted(drafts, key=lambda area: area.path.count("/")):
        if plan.find(area.path) is None:
            _make(plan, area, ranks[area.path], removed)
    changes = plan.changes()
    if not changes:
        return
    async with desk.reorganising, desk.work(Actor(None, "loa.toml")) as work:
        ids = await stored.write_changes(work.db, changes, work.actor.who, work.now)
        for change in changes:
            if change.before is None and change.after is not None:
                id, after = ids[change.id], change.after
                work.record(
                    "area.created", area=id, subject=f"area/{id}", name=after.name, path=after.path
                )
        work.tree_changed = True


def _make(plan: Reorganisation, area: Area, rank: int, removed: set[str]) -> None:
    parent = None
    if area.parent is not None:
        parent = plan.find(area.parent)
        if parent is None and area.parent not in removed:
            raise AreaError(f"{area.path}: there is no area {area.parent} above it")
    if area.path in removed or area.parent in removed:
        # What hangs below it is passed over in its turn.
        removed.add(area.path)
        log.info("an area of the configuration was removed by staff", path=area.path)
        return
    word = area.path.rpartition("/")[2]
    if plan.find(f"{plan.area(parent).path}/{word}" if parent is not None else area.path):
        return  # the area above has another path now
    try:
        id = plan.add(area.name, station=area.station)
    except WordRefused:
        raise AreaError(f"{area.path}: {area.name!r} cannot be a name") from None
    plan.arrange({id: Place(parent, word, chosen=True)})
    plan.set_rank(id, rank)
    plan.add_alias(id, area.path)
    for alias in area.aliases:
        if plan.find(alias) is None:
            plan.add_alias(id, alias)
