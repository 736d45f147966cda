"""How areas want things, as the desk knows and sets it; ``core/policy.py`` says what there is."""

from __future__ import annotations

from loa.streamer.core.areas import Area
from loa.streamer.core.policy import Policy, to_settings
from loa.streamer.desk.desk import Actor, Desk
from loa.streamer.desk.errors import Stale
from loa.streamer.store.tables.areas import AreaEventRow, AreaPolicyRow


def effective_policy(desk: Desk, area: Area) -> Policy:
    """Return what holds in an area by all that was committed: nothing in it is None.

    Cheap: from memory, for use on every decision.
    """
    return desk.policies.effective(area)


async def policy_version(desk: Desk, area: Area) -> int:
    """Return the version of what an area says; 0 when it never said anything."""
    async with desk.store.read() as db:
        row = await db.get(AreaPolicyRow, area.id)
    return 0 if row is None else row.version


async def set_policy(desk: Desk, actor: Actor, area: Area, policy: Policy, version: int) -> int:
    """Have an area say all this, and nothing else; return the new version. Raises ``Stale``."""
    settings = to_settings(policy)
    async with desk.reorganising, desk.work(actor) as work:
        row = await work.db.get(AreaPolicyRow, area.id, with_for_update=True)
        there = 0 if row is None else row.version
        if version != there:
            raise Stale(there)
        before = {} if row is None else row.settings
        if row is None:
            row = AreaPolicyRow(area_id=area.id, settings=settings, version=1)
            work.db.add(row)
        else:
            row.settings = settings
            row.version = there + 1
        changed = sorted(
            name for name in {*before, *settings} if before.get(name) != settings.get(name)
        )
        details = {
            "before": {name: before.get(name) for name in changed},
            "after": {name: settings.get(name) for name in changed},
        }
        work.db.add(
            AreaEventRow(
                area_id=area.id, at=work.now, who=actor.who, kind="policy", details=details
            )
        )
        work.record("area.policy", area=area.id, subject=f"area/{area.id}", **details)
        work.policies_changed = True
        return row.version
