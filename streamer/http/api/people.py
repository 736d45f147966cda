"""Calls about accounts and the roles they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.rights import Permission, Role
from loa.streamer.desk import accounts, grants
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.route import Call, Model, Route, area_in_body, area_of
from loa.streamer.http.api.sessions import Ended, Language, Login, Name, NewPassword
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.people import GrantRow


class Role_(Model):
    """A role to be given on an area, and so on everything below it."""

    area: Id
    role: Role


class Grant(Model):
    """A role that was given. ``path`` and ``name`` are the area's; null when it is no more."""

    id: Id
    area: Id
    path: str | None
    name: str | None
    role: Role
    created_at: Time
    created_by: str


class Account(Model):
    """Somebody who may sign in."""

    id: Id
    login: str
    name: str
    language: str
    disabled: bool
    must_change: bool
    created_at: Time
    version: int
    grants: tuple[Grant, ...]


def _grant(row: GrantRow, tree: AreaTree) -> Grant:
    area = tree.get(row.area_id)
    return Grant(
        id=row.id, area=row.area_id, path=area.path if area is not None else None,
        name=area.name if area is not None else None, role=Role(row.role),
        created_at=row.created_at, created_by=row.created_by,
    )  # fmt: skip


def _account(person: accounts.Person, tree: AreaTree) -> Account:
    row = person.account
    return Account(
        id=row.id, login=row.login, name=row.name, language=row.language, disabled=row.disabled,
        must_change=row.must_change, created_at=row.created_at, version=row.version,
        grants=tuple(_grant(grant, tree) for grant in person.grants),
    )  # fmt: skip


async def where_it_counts(call: Call) -> Sequence[Area]:
    """All areas on which an account has a role: who changes it is administrator of each."""
    person = await accounts.person(call.desk, call.params["account"])
    return grants.places(call.desk.tree, person.grants)


async def where_it_is_seen(call: Call) -> Sequence[Area]:
    """Those of them whose people one may see; all, if one may nowhere."""
    tree, rights = call.desk.tree, call.actor.rights
    areas = await where_it_counts(call)
    return [a for a in areas if rights.allow(Permission.PEOPLE, a, tree)] or areas


class AccountQuery(Paging):
    """``area``: only those with a role there or below; ``search``: part of a login or a name."""

    area: Id | None = None
    search: Annotated[str, Field(max_length=100)] = ""


async def list_accounts(call: Call) -> Page[Account]:
    """List accounts."""
    asked: AccountQuery = call.query
    area = call.desk.area(asked.area) if asked.area is not None else None
    found = await accounts.people(
        call.desk, call.actor, area=area, search=asked.search,
        after=asked.after, limit=asked.limit,
    )  # fmt: skip
    tree = call.desk.tree
    return page(
        Page[Account], found, asked.limit, lambda p: _account(p, tree), lambda p: p.account.id
    )


class NewAccount(Model):
    """An account, with a first password that its owner has to change, and at least one role."""

    login: Login
    name: Name
    password: NewPassword
    language: Language = "vi"
    grants: Annotated[tuple[Role_, ...], Field(min_length=1, max_length=100)]


async def where_roles_are(call: Call) -> Sequence[Area]:
    """The areas on which a new account is to have roles."""
    return [call.desk.area(given.area) for given in call.body.grants]


async def create_account(call: Call) -> Account:
    """Make an account."""
    body: NewAccount = call.body
    given = [(call.desk.area(one.area), one.role) for one in body.grants]
    person = await accounts.create(
        call.desk, call.services.identity, call.actor, login=body.login, name=body.name,
        password=body.password, language=body.language, given=given,
    )  # fmt: skip
    return _account(person, call.desk.tree)


async def show_account(call: Call) -> Account:
    """Show an account."""
    return _account(await accounts.person(call.desk, call.params["account"]), call.desk.tree)


class AccountChange(Model):
    """What is to be changed; what is left out stays. Who is disabled is signed out everywhere."""

    login: Login | None = None
    name: Name | None = None
    language: Language | None = None
    disabled: bool | None = None


async def change_account(call: Call) -> Account:
    """Change an account."""
    body: AccountChange = call.body
    person = await accounts.change(
        call.desk, call.actor, call.params["account"], call.version, login=body.login,
        name=body.name, language=body.language, disabled=body.disabled,
    )  # fmt: skip
    return _account(person, call.desk.tree)


class SetPassword(Model):
    """A password that its owner has to change when he signs in."""

    password: NewPassword


async def set_password(call: Call) -> None:
    """Give an account another password."""
    await accounts.set_password(
        call.desk, call.services.identity, call.actor, call.params["account"], call.body.password
    )


async def sign_out_account(call: Call) -> Ended:
    """End an account's sessions."""
    ended = await accounts.sign_out(call.desk, call.actor, call.params["account"])
    return Ended(sessions=ended)


async def give_role(call: Call) -> Grant:
    """Give a role."""
    body: Role_ = call.body
    area = call.desk.area(body.area)
    row = await grants.give(call.desk, call.actor, call.params["account"], area, body.role)
    return _grant(row, call.desk.tree)


async def take_role(call: Call) -> None:
    """Take a role back."""
    await grants.take(call.desk, call.actor, call.params["grant"])


_P = Permission.PEOPLE
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/accounts", list_accounts, "List accounts", _P,
        query=AccountQuery, answer=Page[Account],
    ),
    Route(
        "POST", "/accounts", create_account, "Make an account", _P, on=where_roles_are,
        body=NewAccount, answer=Account, status=201,
    ),
    Route(
        "GET", "/accounts/{account}", show_account, "Show an account", _P, on=where_it_is_seen,
        answer=Account,
    ),
    Route(
        "PATCH", "/accounts/{account}", change_account, "Change or disable an account", _P,
        on=where_it_counts, body=AccountChange, answer=Account, versioned=True,
    ),
    Route(
        "PUT", "/accounts/{account}/password", set_password, "Give an account another password",
        _P, on=where_it_counts, body=SetPassword,
    ),
    Route(
        "POST", "/accounts/{account}/sign-out", sign_out_account, "Sign somebody out everywhere",
        _P, on=where_it_counts, answer=Ended,
    ),
    Route(
        "POST", "/accounts/{account}/grants", give_role, "Give somebody a role on an area", _P,
        on=area_in_body, body=Role_, answer=Grant, status=201,
    ),
    Route(
        "DELETE", "/grants/{grant}", take_role, "Take a role back", _P,
        on=area_of(GrantRow, "grant", "grant"),
    ),
)  # fmt: skip
