"""Calls about signing in and out, and oneself."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from pydantic import AfterValidator, Field
from sqlalchemy import select

from loa.streamer.core.rights import PERMISSIONS, Permission, Role
from loa.streamer.desk import accounts, people, sessions
from loa.streamer.desk.errors import SignedOut
from loa.streamer.http.api.identify import give_cookie, take_cookie
from loa.streamer.http.api.paging import Id
from loa.streamer.http.api.route import Access, Call, Model, Route
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.people import AccountRow, GrantRow, SessionRow

SMALL = 8 * 1024
"""Bytes that are taken from somebody of whom nothing is known."""

Login = Annotated[
    str,
    Field(min_length=2, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]*$"),
    AfterValidator(str.lower),
]
NewPassword = Annotated[str, Field(min_length=1, max_length=1000)]
"""How good it is, is looked at where the login is known."""
Name = Annotated[str, Field(min_length=1, max_length=80)]
Language = Literal["vi", "en"]


class SignIn(Model):
    """Who signs in. ``cookie`` false, for programs: the answer has the session's secret."""

    login: Annotated[str, Field(min_length=1, max_length=60)]
    password: Annotated[str, Field(min_length=1, max_length=1000)]
    cookie: bool = True


class SetUp(Model):
    """The first administrator, made with the code that the server printed when it started."""

    code: Annotated[str, Field(min_length=1, max_length=60)]
    login: Login
    name: Name
    password: NewPassword
    language: Language = "vi"
    cookie: bool = True


class SetupState(Model):
    """Whether an account can be made with a set-up code. ``first``: there is no account yet, so
    nobody can sign in before that."""

    awaited: bool
    first: bool


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


def _signed_in(call: Call, made: sessions.SignedIn, cookie: bool) -> web.Response:
    answer = SignedIn(
        account=made.account.id, login=made.account.login, name=made.account.name,
        language=made.account.language, must_change=made.account.must_change,
        csrf=made.csrf if cookie else None, token=None if cookie else made.secret,
        expires_at=made.expires_at,
    )  # fmt: skip
    body = answer.model_dump_json().encode()
    response = web.Response(body=body, content_type="application/json")
    if cookie:
        give_cookie(call.request, response, made.secret)
    return response


async def sign_in(call: Call) -> web.Response:
    """Begin a session."""
    body: SignIn = call.body
    request = call.request
    made = await sessions.sign_in(
        call.desk, call.services.identity, body.login, body.password,
        peer=request.remote or "", agent=request.headers.get("User-Agent", ""),
    )  # fmt: skip
    return _signed_in(call, made, body.cookie)


async def setup_state(call: Call) -> SetupState:
    """Say whether a set-up code is awaited."""
    awaited, first = await people.setup_awaited(call.desk)
    return SetupState(awaited=awaited, first=first)


async def set_up(call: Call) -> web.Response:
    """Make the first administrator, and sign him in."""
    body: SetUp = call.body
    request = call.request
    made = await people.set_up(
        call.desk, call.services.identity, code=body.code, login=body.login, name=body.name,
        password=body.password, language=body.language,
        peer=request.remote or "", agent=request.headers.get("User-Agent", ""),
    )  # fmt: skip
    return _signed_in(call, made, body.cookie)


async def sign_out(call: Call) -> web.Response:
    """End the session that the request came by."""
    if call.actor.session is not None:
        await sessions.end(call.desk, call.actor, call.actor.session)
    response = web.Response(status=204)
    take_cookie(call.request, response)
    return response


class MyRole(Model):
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
    grants: tuple[MyRole, ...]
    scopes: tuple[Permission, ...]
    within: Id | None
    csrf: str | None


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
            MyRole(
                area=area.id, path=area.path, name=area.name, role=Role(row.role),
                permissions=tuple(sorted(PERMISSIONS[Role(row.role)] & rights.scopes)),
            )
            for row, area in areas if area is not None
        ),
        scopes=tuple(sorted(rights.scopes)), within=rights.within,
        csrf=session.csrf if session is not None else None,
    )  # fmt: skip


class ChangePassword(Model):
    """A new password, and the one that it takes the place of."""

    current: Annotated[str, Field(min_length=1, max_length=1000)]
    password: NewPassword


async def change_password(call: Call) -> None:
    """Change one's password."""
    body: ChangePassword = call.body
    await accounts.change_own_password(
        call.desk, call.services.identity, call.actor, body.current, body.password
    )


class ChooseLanguage(Model):
    """The language one wants to be spoken to in."""

    language: Language


async def choose_language(call: Call) -> None:
    """Choose one's language."""
    await accounts.set_language(call.desk, call.actor, call.body.language)


class Session(Model):
    """Somebody signed in: from where, with what, and whether it is the one that asks."""

    id: Id
    created_at: Time
    seen_at: Time
    expires_at: Time
    peer: str
    agent: str
    current: bool


async def my_sessions(call: Call) -> tuple[Session, ...]:
    """List one's sessions."""
    assert call.actor.account is not None
    async with call.desk.store.read() as db:
        rows = await sessions.standing(db, call.actor.account, call.desk.clock())
    return tuple(
        Session(
            id=row.id, created_at=row.created_at, seen_at=row.seen_at, expires_at=row.expires_at,
            peer=row.peer, agent=row.agent, current=row.id == call.actor.session,
        )
        for row in rows
    )  # fmt: skip


async def end_session(call: Call) -> None:
    """End one of one's sessions."""
    await sessions.end(call.desk, call.actor, call.params["session"])


class Everywhere(Model):
    """``but_here``: the session that asks goes on."""

    but_here: bool = False


class Ended(Model):
    """How many sessions were ended."""

    sessions: int


async def sign_out_everywhere(call: Call) -> Ended:
    """End all of one's sessions."""
    assert call.actor.account is not None
    but = call.actor.session if call.body.but_here else None
    ended = await accounts.sign_out(call.desk, call.actor, call.actor.account, but=but)
    return Ended(sessions=ended)


_ANYONE, _SIGNED_IN, _IN_PERSON = Access.ANYONE, Access.SIGNED_IN, Access.IN_PERSON
ROUTES: tuple[Route, ...] = (
    Route("GET", "/setup", setup_state, "Is a set-up code awaited", _ANYONE, answer=SetupState),
    Route(
        "POST", "/setup", set_up, "Make the first administrator", _ANYONE,
        body=SetUp, answer=SignedIn, max_body=SMALL,
    ),
    Route(
        "POST", "/sign-in", sign_in, "Sign in", _ANYONE,
        body=SignIn, answer=SignedIn, max_body=SMALL,
    ),
    Route("POST", "/sign-out", sign_out, "Sign out", _SIGNED_IN),
    Route("GET", "/me", me, "Who am I, and what may I do", _SIGNED_IN, answer=Me),
    Route(
        "PUT", "/me/password", change_password, "Change my password", _IN_PERSON,
        body=ChangePassword,
    ),
    Route(
        "PUT", "/me/language", choose_language, "Choose my language", _IN_PERSON,
        body=ChooseLanguage,
    ),
    Route(
        "GET", "/me/sessions", my_sessions, "Where am I signed in", _IN_PERSON,
        answer=tuple[Session, ...],
    ),
    Route("DELETE", "/me/sessions/{session}", end_session, "End a session of mine", _IN_PERSON),
    Route(
        "POST", "/me/sign-out-everywhere", sign_out_everywhere, "Sign out everywhere", _IN_PERSON,
        body=Everywhere, answer=Ended,
    ),
)  # fmt: skip
