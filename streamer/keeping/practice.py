"""The doctor on how the server is used: people, hours, slots. Always summed up, never a list."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import select

from loa.streamer.core.areas import Area
from loa.streamer.core.rights import PERMISSIONS, Permission, Role
from loa.streamer.desk.desk import Desk
from loa.streamer.keeping.findings import Finding, note, some, wrong
from loa.streamer.store.tables.people import AccountRow, GrantRow
from loa.streamer.store.tables.schedule import SlotRow
from loa.streamer.store.tables.webhooks import WebhookRow


def _names(areas: list[Area]) -> str:
    return some([area.path for area in areas])


async def people(desk: Desk) -> AsyncIterator[Finding]:
    """Somebody administers everything, and emergencies can be called as they must be."""
    async with desk.store.read() as db:
        rows = await db.execute(
            select(GrantRow.area_id, GrantRow.role, GrantRow.account_id)
            .join(AccountRow, AccountRow.id == GrantRow.account_id)
            .where(AccountRow.disabled.is_(False))
        )
        grants = [(area, Role(role), account) for area, role, account in rows]
    admins: dict[int, set[int]] = {}
    callers: dict[int, set[int]] = {}
    for id, role, account in grants:
        if role is Role.ADMINISTRATOR:
            admins.setdefault(id, set()).add(account)
        if Permission.EMERGENCY in PERMISSIONS[role]:
            callers.setdefault(id, set()).add(account)
    if not admins:
        yield wrong(
            "people", "nobody is an administrator",
            "`loa users setup` with the set-up code that the first start printed; where that is "
            "lost, `loa users recover` makes another",
        )  # fmt: skip
        return
    tops = [area for area in desk.tree if area.parent is None and area.id not in admins]
    if tops:
        yield wrong(
            "people", f"nobody administers {_names(tops)}",
            "an administrator's role must be granted there: loa users grant --help",
        )  # fmt: skip
    if len({account for accounts in admins.values() for account in accounts}) == 1:
        yield note(
            "people", "there is one administrator only",
            "make a second one: who forgets his password needs another to set it",
        )  # fmt: skip
    alone, none = [], []
    for area in desk.tree:
        if not area.station:
            continue
        able = set().union(*(callers.get(a.id, set()) for a in desk.tree.lineage(area)))
        if not able:
            none.append(area)
        elif desk.policies.effective(area).second_person and len(able) < 2:
            alone.append(area)
    if none:
        yield wrong(
            "emergencies", f"nobody may call an emergency in {_names(none)}",
            "grant the role emergency, or administrator, there or above",
        )  # fmt: skip
    if alone:
        yield wrong(
            "emergencies",
            f"an emergency in {_names(alone)} needs a second person, and only one has the right",
            "grant the role emergency to another person, or change that policy",
        )


async def areas(desk: Desk) -> AsyncIterator[Finding]:
    """Every station has hours and slots."""
    stations = [area for area in desk.tree if area.station]
    if not stations:
        yield wrong(
            "areas", "no area is a station: nothing can be put on air",
            "mark one: loa areas --help",
        )  # fmt: skip
        return
    without = [area for area in stations if not desk.policies.effective(area).hours]
    if without:
        yield note(
            "hours",
            f"{len(without):,} of {len(stations):,} stations have no broadcasting hours, so "
            f"anything may be on air at any time: {_names(without)}",
            "set them once at the top, and below only where they differ: loa areas --help",
        )
    async with desk.store.read() as db:
        slotted = set(await db.scalars(select(SlotRow.area_id).where(SlotRow.enabled).distinct()))
        hooked = list(await db.scalars(select(WebhookRow.area_id).distinct()))
    idle = [area for area in stations if area.id not in slotted]
    if idle:
        yield note(
            "slots",
            f"{len(idle):,} of {len(stations):,} stations have no slots, so nothing of their "
            f"queues is aired: {_names(idle)}",
            "loa slots --help",
        )
    gone = [id for id in hooked if desk.tree.get(id) is None]
    if gone:
        yield note(
            "webhooks", f"{len(gone)} areas that were removed had webhooks: they are told nothing",
            "make them anew on an area that is there",
        )  # fmt: skip
