"""Calls about people: signing in and out, oneself."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field
from sqlalchemy import select

from loa.streamer.core.rights import PERMISSIONS, Permission, Role
from loa.streamer.desk import sessions
from loa.streamer.desk.errors import SignedOut
from loa.streamer.http.api.identify import give_cookie, take_cookie
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.route import Access, Call, Model, Route
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.people import AccountRow, GrantRow, SessionRow

Login = Annotated[str, Field(min_length=1, max_length=60)]
Password = Annotated[str, Field(min_length=1, max_length=200)]


class SignIn(Model):
    """Who signs in. ``cookie`` false, for programs: the answer has the session's secret."""

    login: Login
    password: Password
    cookie: bool = True


class SignedIn(Model):
    """A session: ``csrf`` goes into ``X-CSRF-Token`` when something is changed with the cookie;
    ``token``, only without cookie, into ``Authorization: Bearer``."""

    account: Id
    login: str
    name: str
    language: str
    must_change: bool
    csrf: str | None
    token: str | None
    expires_at: Time


async def sign_in(call: Call) -> web.StreamResponse:
    """Begin a session."""
    body: SignIn = call.body
    request = call.request
    made = await sessions.sign_in(
        call.desk, call.services.identity, body.login, body.password,
        peer=request.remote or "", agent=request.headers.get("User-Agent", ""),
    )  # fmt: skip
    answer = SignedIn(
        account=made.account.id, login=made.account.login, name=made.account.name,
        language=made.account.language, must_change=made.account.must_change,
        csrf=made.csrf if body.cookie else None, token=None if body.cookie else made.secret,
        expires_at=made.expires_at,
    )  # fmt: skip
    response = web.json_response(body=answer.model_dump_json().encode())
    if body.cookie:
        give_cookie(request, response, made.secret)
    return response


async def sign_out(call: Call) -> web.StreamResponse:
    """End the session that the request came by."""
    if call.actor.session is not None:
        await sessions.end(call.desk, call.actor, call.actor.session)
    response = web.Response(status=204)
    take_cookie(call.request, response)
    return response


class Granted(Model):
    """A role on an area (and everything below it), and what that allows."""

    area: Id
    path: str
    name: str
    role: Role
    permissions: tuple[Permission, ...]


class Me(Model):
    """Oneself. ``csrf``: the word that changes with a cookie need; ``scopes``: what is left of all
    permissions, and ``within`` the area, when one came by an API token."""

    account: Id
    login: str
    name: str
    language: str
    must_change: bool
    grants: tuple[Granted, ...]
    scopes: tuple[Permission, ...]
    within: Id | None
    csrf: str | None
    version: int


async def me(call: Call) -> Me:
    """Tell who one is and what one may do where."""
    actor = call.actor
    async with call.desk.store.read() as db:
        account = await db.get(AccountRow, actor.account)
        if account is None:
            raise SignedOut("signed_out")
        session = await db.get(SessionRow, actor.session) if actor.session is not None else None
        rows = await db.scalars(select(GrantRow).where(GrantRow.account_id == account.id))
    areas = ((row, call.desk.tree.get(row.area_id)) for row in rows)
    rights = actor.rights
    return Me(
        account=account.id, login=account.login, name=account.name, language=account.language,
        must_change=account.must_change,
        grants=tuple(
            Granted(
                area=area.id, path=area.path, name=area.name, role=Role(row.role),
                permissions=tuple(sorted(PERMISSIONS[Role(row.role)] & rights.scopes)),
            )
            for row, area in areas if area is not None
        ),
        scopes=tuple(sorted(rights.scopes)), within=rights.within,
        csrf=session.csrf if session is not None else None, version=account.version,
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/sign-in", sign_in, "Sign in", Access.ANYONE, body=SignIn, answer=SignedIn,
    ),
    Route("POST", "/sign-out", sign_out, "Sign out", Access.SIGNED_IN),
    Route("GET", "/me", me, "Who am I, and what may I do", Access.SIGNED_IN, answer=Me),
)  # fmt: skip
