"""Roles on areas: who gives and takes them, and whose account that makes whose business.

Nobody gives or takes a right that he has not himself, there. Every top-level area keeps an
administrator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.rights import PERMISSIONS, Permission, Role
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import Conflict, Forbidden, NotFound
from loa.streamer.store.tables.people import AccountRow, GrantRow


async def grants_of(db: AsyncSession, accounts: Iterable[int]) -> dict[int, list[GrantRow]]:
    """Return the grants of accounts, by account, in the order in which they were given."""
    found: dict[int, list[GrantRow]] = {account: [] for account in accounts}
    rows = await db.scalars(
        select(GrantRow).where(GrantRow.account_id.in_(found)).order_by(GrantRow.id)
    )
    for row in rows:
        found[row.account_id].append(row)
    return found


def places(tree: AreaTree, grants: Iterable[GrantRow]) -> list[Area]:
    """Return the areas whose administrators an account is the business of.

    One without any role on an area that is there is that of the top-level areas' administrators.
    """
    ids = dict.fromkeys(row.area_id for row in grants)
    areas = [area for id in ids if (area := tree.get(id)) is not None]
    return areas or tops(tree)


def tops(tree: AreaTree) -> list[Area]:
    """Return the top-level areas."""
    return [area for area in tree if area.parent is None]


def must_cover(actor: Actor, role: Role, area: Area, tree: AreaTree) -> None:
    """Raise ``Forbidden`` unless the actor may everything there that ``role`` may."""
    for permission in sorted(PERMISSIONS[role]):
        if not actor.rights.allow(permission, area, tree):
            raise Forbidden("grant.beyond", permission=permission.value, area=area.name)


def must_cover_all(actor: Actor, grants: Iterable[GrantRow], tree: AreaTree) -> None:
    """Raise ``Forbidden`` unless the actor may everything that an account may."""
    for row in grants:
        area = tree.get(row.area_id)
        if area is not None:
            must_cover(actor, Role(row.role), area, tree)


def is_seen(actor: Actor, account: int, grants: Sequence[GrantRow], tree: AreaTree) -> bool:
    """Say whether the actor may know of an account."""
    rights = actor.rights
    return account == actor.account or any(
        rights.allow(Permission.PEOPLE, area, tree) for area in places(tree, grants)
    )


async def give(desk: Desk, actor: Actor, account: int, area: Area, role: Role) -> GrantRow:
    """Give a role on an area; one that is there already is left as it is."""
    must_cover(actor, role, area, desk.tree)
    async with desk.work(actor) as work:
        row = await work.db.get(AccountRow, account)
        grants = (await grants_of(work.db, [account]))[account]
        if row is None or not is_seen(actor, account, grants, desk.tree):
            raise NotFound("account.unknown", id=account)
        for grant in grants:
            if (grant.area_id, grant.role) == (area.id, role):
                return grant
        return await add(work, row, area.id, role)


async def add(work: Work, account: AccountRow, area: int, role: Role) -> GrantRow:
    """Add a grant within ``work``, on record; the checks are the caller's."""
    row = GrantRow(
        account_id=account.id, area_id=area, role=role.value,
        created_at=work.now, created_by=work.actor.who,
    )  # fmt: skip
    work.db.add(row)
    await work.db.flush()
    work.record(
        "grant.given", area=area, subject=f"account/{account.id}",
        login=account.login, role=role.value,
    )  # fmt: skip
    return row


async def administer(work: Work, area: int) -> None:
    """Make whoever is at work the administrator of a new top-level area, within ``work``."""
    if work.actor.account is None:
        return
    account = await work.db.get(AccountRow, work.actor.account)
    assert account is not None
    await add(work, account, area, Role.ADMINISTRATOR)


async def take(desk: Desk, actor: Actor, grant: int) -> None:
    """Take a role back. Raises ``Conflict`` for a top-level area's last administrator."""
    async with desk.work(actor) as work:
        row = await work.db.get(GrantRow, grant)
        area = desk.tree.get(row.area_id) if row is not None else None
        if row is None or area is None:
            raise NotFound("grant.unknown", id=grant)
        must_cover(actor, Role(row.role), area, desk.tree)
        await must_leave_administrators(work.db, desk.tree, [row])
        account = await work.db.get(AccountRow, row.account_id)
        await work.db.delete(row)
        work.record(
            "grant.taken", area=row.area_id, subject=f"account/{row.account_id}",
            login=account.login if account is not None else "", role=row.role,
        )  # fmt: skip


async def must_leave_administrators(
    db: AsyncSession, tree: AreaTree, leaving: Sequence[GrantRow]
) -> None:
    """Raise ``Conflict`` if a top-level area had no administrator without these grants."""
    top = {area.id: area for area in tops(tree)}
    going = {row.area_id for row in leaving if row.role == Role.ADMINISTRATOR} & set(top)
    if not going:
        return
    staying = await db.scalars(
        select(GrantRow.area_id)
        .join(AccountRow, AccountRow.id == GrantRow.account_id)
        .where(GrantRow.role == Role.ADMINISTRATOR.value, GrantRow.area_id.in_(going))
        .where(GrantRow.id.not_in([row.id for row in leaving]), AccountRow.disabled.is_(False))
    )
    left = sorted(going - set(staying.all()))
    if left:
        others = [{"kind": "area", "id": id, "name": top[id].name} for id in left]
        raise Conflict("grant.last_administrator", others, area=top[left[0]].name)
