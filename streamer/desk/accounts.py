"""Accounts: made by administrators with a first password and a role, changed, disabled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select

from loa.streamer.core.areas import Area
from loa.streamer.core.passwords import refusal
from loa.streamer.core.rights import Permission, Role
from loa.streamer.desk import grants as roles
from loa.streamer.desk import sessions
from loa.streamer.desk.desk import Actor, Desk, Work
from loa.streamer.desk.errors import Conflict, FieldProblem, Invalid, NotFound, Stale, TooMany
from loa.streamer.desk.identity import Identity
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.people import AccountRow, GrantRow


@dataclass(frozen=True, slots=True)
class Person:
    """An account with its roles."""

    account: AccountRow
    grants: Sequence[GrantRow]


def check_password(password: str, login: str, field: str = "password") -> None:
    """Raise ``Invalid`` for a password that is too easy."""
    code = refusal(password, login)
    if code is not None:
        raise Invalid(FieldProblem(field, code))


async def people(
    desk: Desk, actor: Actor, *, area: Area | None, search: str, after: int, limit: int
) -> list[Person]:
    """Return the accounts that the actor may see, by id; one more than ``limit`` if there is.

    ``area``: only those with a role there or below. ``search``: a part of login or name.
    """
    tree = desk.tree
    seen = actor.rights.areas(Permission.PEOPLE, tree)
    query = select(AccountRow).where(AccountRow.id > after).order_by(AccountRow.id)
    if len(seen) < len(tree):
        granted = select(GrantRow.account_id).where(GrantRow.area_id.in_([a.id for a in seen]))
        mine = or_(AccountRow.id == actor.account, AccountRow.id.in_(granted))
        if any(a.parent is None for a in seen):
            placed = (
                select(GrantRow.account_id)
                .join(AreaRow, AreaRow.id == GrantRow.area_id)
                .where(AreaRow.removed_at.is_(None))
            )
            mine = or_(mine, AccountRow.id.not_in(placed))
        query = query.where(mine)
    if area is not None:
        inside = [a.id for a in tree.below(area)]
        granted = select(GrantRow.account_id).where(GrantRow.area_id.in_(inside))
        query = query.where(AccountRow.id.in_(granted))
    if search:
        named = AccountRow.name.icontains(search, autoescape=True)
        query = query.where(or_(named, AccountRow.login.contains(search.lower(), autoescape=True)))
    async with desk.store.read() as db:
        rows = (await db.scalars(query.limit(limit + 1))).all()
        grants = await roles.grants_of(db, [row.id for row in rows])
    return [Person(row, grants[row.id]) for row in rows]


async def person(desk: Desk, account: int) -> Person:
    """Return an account. Raises ``NotFound``."""
    async with desk.store.read() as db:
        row = await db.get(AccountRow, account)
        if row is None:
            raise NotFound("account.unknown", id=account)
        return Person(row, (await roles.grants_of(db, [account]))[account])


async def create(
    desk: Desk,
    identity: Identity,
    actor: Actor,
    *,
    login: str,
    name: str,
    password: str,
    language: str,
    given: Sequence[tuple[Area, Role]],
) -> Person:
    """Make an account with roles. Its owner has to choose another password at first."""
    for area, role in given:
        roles.must_cover(actor, role, area, desk.tree)
    check_password(password, login)
    kept = await identity.passwords.hash(password)
    async with desk.work(actor) as work:
        row = await add(work, login, name, kept, language, area=given[0][0].id, must_change=True)
        rows = [await roles.add(work, row, area.id, role) for area, role in dict.fromkeys(given)]
    return Person(row, rows)


async def add(
    work: Work, login: str, name: str, kept: str, language: str, *, area: int, must_change: bool
) -> AccountRow:
    """Add an account within ``work``. Raises ``Conflict`` when the login is taken."""
    await _must_be_free(work, login)
    row = AccountRow(
        login=login, name=name, password=kept, language=language,
        must_change=must_change, created_at=work.now,
    )  # fmt: skip
    work.db.add(row)
    await work.db.flush()
    work.record("account.created", area=area, subject=f"account/{row.id}", login=login, name=name)
    return row


async def _must_be_free(work: Work, login: str) -> None:
    taken = await work.db.scalar(select(AccountRow.id).where(AccountRow.login == login))
    if taken is not None:
        others = [{"kind": "account", "id": taken, "name": login}]
        raise Conflict("account.login_taken", others, login=login)


async def _yielding(desk: Desk, work: Work, account: int) -> Person:
    """Return an account that is to be changed by the actor at work: nobody above him."""
    row = await work.db.get(AccountRow, account)
    if row is None:
        raise NotFound("account.unknown", id=account)
    grants = (await roles.grants_of(work.db, [account]))[account]
    roles.must_cover_all(work.actor, grants, desk.tree)
    return Person(row, grants)


async def change(
    desk: Desk,
    actor: Actor,
    account: int,
    version: int,
    *,
    login: str | None = None,
    name: str | None = None,
    language: str | None = None,
    disabled: bool | None = None,
) -> Person:
    """Change what is not None. Who is disabled is signed out everywhere, his tokens included."""
    async with desk.work(actor) as work:
        person = await _yielding(desk, work, account)
        row = person.account
        if row.version != version:
            raise Stale(row.version)
        if login is not None and login != row.login:
            await _must_be_free(work, login)
        if disabled and not row.disabled:
            await roles.must_leave_administrators(work.db, desk.tree, person.grants)
            await sessions.end_all(work, account)
        wanted = {"login": login, "name": name, "language": language, "disabled": disabled}
        changed = {k: v for k, v in wanted.items() if v is not None and v != getattr(row, k)}
        if changed:
            for key, value in changed.items():
                setattr(row, key, value)
            row.version += 1
            area = roles.places(desk.tree, person.grants)[0].id
            work.record("account.changed", area=area, subject=f"account/{account}", **changed)
    return person


async def set_password(
    desk: Desk, identity: Identity, actor: Actor, account: int, password: str
) -> None:
    """Give somebody another password, to be changed at his next sign-in; ends his sessions."""
    login = (await person(desk, account)).account.login
    check_password(password, login)
    kept = await identity.passwords.hash(password)
    async with desk.work(actor) as work:
        found = await _yielding(desk, work, account)
        await _put_password(work, found.account, kept, must_change=account != actor.account)
        await sessions.end_all(work, account)


async def change_own_password(
    desk: Desk, identity: Identity, actor: Actor, current: str, password: str
) -> None:
    """Change one's password; all one's sessions end but this one."""
    assert actor.account is not None
    row, now = (await person(desk, actor.account)).account, desk.clock()
    if identity.by_login.blocked(row.login, now):
        raise TooMany("sign_in.too_often", identity.by_login.wait(row.login, now))
    identity.by_login.failed(row.login, now)
    if not await identity.passwords.check(row.password, current):
        raise Invalid(FieldProblem("current", "password.wrong"))
    identity.by_login.forgive(row.login, now)
    check_password(password, row.login)
    kept = await identity.passwords.hash(password)
    async with desk.work(actor) as work:
        fresh = await work.db.get(AccountRow, actor.account)
        if fresh is None or fresh.password != row.password:
            raise Invalid(FieldProblem("current", "password.wrong"))
        await _put_password(work, fresh, kept, must_change=False)
        await sessions.end_all(work, actor.account, but=actor.session)


async def _put_password(work: Work, row: AccountRow, kept: str, *, must_change: bool) -> None:
    row.password, row.must_change = kept, must_change
    row.version += 1
    work.record("account.password", subject=f"account/{row.id}", login=row.login)


async def set_language(desk: Desk, actor: Actor, language: str) -> None:
    """Choose one's language."""
    async with desk.work(actor) as work:
        row = await work.db.get(AccountRow, actor.account)
        if row is None:
            raise NotFound("account.unknown", id=actor.account)
        if row.language != language:
            row.language = language
            row.version += 1
            work.record("account.changed", subject=f"account/{row.id}", language=language)


async def sign_out(desk: Desk, actor: Actor, account: int, *, but: int | None = None) -> int:
    """End somebody's sessions (``but`` one); return how many."""
    async with desk.work(actor) as work:
        if account != actor.account:
            await _yielding(desk, work, account)
        ended = await sessions.end_all(work, account, but=but)
        work.record("session.ended", subject=f"account/{account}", sessions=ended)
    return ended
