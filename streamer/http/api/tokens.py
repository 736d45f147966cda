"""Calls about tokens: those of programs, and those of sources."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from loa.streamer.core.areas import AreaTree
from loa.streamer.core.rights import BulletinClass, Permission
from loa.streamer.desk import tokens
from loa.streamer.http.api.paging import Id, Page, Paging, page
from loa.streamer.http.api.people import where_it_counts
from loa.streamer.http.api.route import Access, Call, Model, Route, area_in_body, area_of
from loa.streamer.http.api.times import Time
from loa.streamer.store.tables.people import ApiTokenRow, SourceTokenRow

TokenName = Annotated[str, Field(min_length=1, max_length=50)]
ClassName = Literal["routine", "priority", "emergency"]


class NewToken(Model):
    """A token for a program. ``scopes``: the permissions that it may use of yours; ``area``: only
    there and below. ``expires_at``: at most two years away; left out, 90 days."""

    name: TokenName
    scopes: Annotated[tuple[Permission, ...], Field(min_length=1, max_length=len(Permission))]
    area: Id | None = None
    expires_at: Time | None = None


class Token(Model):
    """A token. ``used_at`` is exact to a minute."""

    id: Id
    name: str
    scopes: tuple[Permission, ...]
    area: Id | None
    created_at: Time
    expires_at: Time
    used_at: Time | None
    revoked_at: Time | None


class MadeToken(Token):
    """A token that was made. ``token`` is shown this once."""

    token: str


def _fields(row: ApiTokenRow) -> dict[str, object]:
    known = set(Permission)
    return {
        "id": row.id, "name": row.name, "scopes": [s for s in row.scopes if s in known],
        "area": row.area_id, "created_at": row.created_at, "expires_at": row.expires_at,
        "used_at": row.used_at, "revoked_at": row.revoked_at,
    }  # fmt: skip


async def my_tokens(call: Call) -> tuple[Token, ...]:
    """List one's tokens."""
    assert call.actor.account is not None
    rows = await tokens.tokens_of(call.desk, call.actor.account)
    return tuple(Token.model_validate(_fields(row)) for row in rows)


async def make_token(call: Call) -> MadeToken:
    """Make a token."""
    body: NewToken = call.body
    row, secret = await tokens.make(
        call.desk, call.actor, name=body.name, scopes=body.scopes, area=body.area,
        expires_at=body.expires_at,
    )  # fmt: skip
    return MadeToken.model_validate({**_fields(row), "token": secret})


async def revoke_my_token(call: Call) -> None:
    """Revoke a token of one's own."""
    assert call.actor.account is not None
    await tokens.revoke(call.desk, call.actor, call.actor.account, call.params["token"])


async def tokens_of_account(call: Call) -> tuple[Token, ...]:
    """List somebody's tokens."""
    rows = await tokens.tokens_of(call.desk, call.params["account"])
    return tuple(Token.model_validate(_fields(row)) for row in rows)


async def revoke_token(call: Call) -> None:
    """Revoke somebody's token."""
    await tokens.revoke(call.desk, call.actor, call.params["account"], call.params["token"])


class NewSourceToken(Model):
    """A token with which a source (butt, an encoder, a studio) goes live on ``area``. ``targets``:
    areas at or below it that its lives are for; left out, all of it. ``expires_at`` left out:
    until it is revoked."""

    area: Id
    name: TokenName
    cls: Annotated[ClassName, Field(alias="class")] = "routine"
    targets: Annotated[tuple[Id, ...], Field(min_length=1, max_length=1000)] | None = None
    expires_at: Time | None = None


class SourceToken(Model):
    """A source's token."""

    id: Id
    area: Id
    path: str | None
    name: str
    cls: Annotated[ClassName, Field(alias="class")]
    targets: tuple[Id, ...] | None
    created_at: Time
    created_by: str
    expires_at: Time | None
    revoked_at: Time | None


class MadeSourceToken(SourceToken):
    """A source's token that was made. ``token``, the password of the source, is shown this once."""

    token: str


def _source_fields(row: SourceTokenRow, tree: AreaTree) -> dict[str, object]:
    area = tree.get(row.area_id)
    return {
        "id": row.id, "area": row.area_id, "path": area.path if area is not None else None,
        "name": row.name, "class": BulletinClass(row.cls).name.lower(), "targets": row.targets,
        "created_at": row.created_at, "created_by": row.created_by,
        "expires_at": row.expires_at, "revoked_at": row.revoked_at,
    }  # fmt: skip


class SourceTokenQuery(Paging):
    """``area``: only those of it and of what is below."""

    area: Id | None = None


async def list_source_tokens(call: Call) -> Page[SourceToken]:
    """List source tokens."""
    asked: SourceTokenQuery = call.query
    tree = call.desk.tree
    seen = call.actor.rights.areas(Permission.PEOPLE, tree)
    if asked.area is not None:
        below = {area.id for area in tree.below(call.desk.area(asked.area))}
        seen = [area for area in seen if area.id in below]
    everywhere = len(seen) == len(tree)
    rows = await tokens.source_tokens(
        call.desk, None if everywhere else seen, after=asked.after, limit=asked.limit
    )
    return page(
        Page[SourceToken], rows, asked.limit,
        lambda row: SourceToken.model_validate(_source_fields(row, tree)), lambda row: row.id,
    )  # fmt: skip


async def make_source_token(call: Call) -> MadeSourceToken:
    """Make a source token."""
    body: NewSourceToken = call.body
    row, secret = await tokens.make_source_token(
        call.desk, call.actor, area=call.desk.area(body.area), name=body.name,
        cls=BulletinClass[body.cls.upper()], targets=body.targets, expires_at=body.expires_at,
    )  # fmt: skip
    fields = _source_fields(row, call.desk.tree)
    return MadeSourceToken.model_validate({**fields, "token": secret})


async def revoke_source_token(call: Call) -> None:
    """Revoke a source token."""
    await tokens.revoke_source_token(call.desk, call.actor, call.params["token"])


_P, _IN_PERSON = Permission.PEOPLE, Access.IN_PERSON
ROUTES: tuple[Route, ...] = (
    Route(
        "GET", "/me/tokens", my_tokens, "List my API tokens", _IN_PERSON, answer=tuple[Token, ...]
    ),
    Route(
        "POST", "/me/tokens", make_token, "Make an API token of mine", _IN_PERSON,
        body=NewToken, answer=MadeToken, status=201,
    ),
    Route("DELETE", "/me/tokens/{token}", revoke_my_token, "Revoke a token of mine", _IN_PERSON),
    Route(
        "GET", "/accounts/{account}/tokens", tokens_of_account, "List somebody's API tokens", _P,
        on=where_it_counts, answer=tuple[Token, ...],
    ),
    Route(
        "DELETE", "/accounts/{account}/tokens/{token}", revoke_token, "Revoke somebody's token",
        _P, on=where_it_counts,
    ),
    Route(
        "GET", "/source-tokens", list_source_tokens, "List the tokens of sources", _P,
        query=SourceTokenQuery, answer=Page[SourceToken],
    ),
    Route(
        "POST", "/source-tokens", make_source_token, "Make a token for a source", _P,
        on=area_in_body, body=NewSourceToken, answer=MadeSourceToken, status=201,
    ),
    Route(
        "DELETE", "/source-tokens/{token}", revoke_source_token, "Revoke a source's token", _P,
        on=area_of(SourceTokenRow, "token", "source_token"),
    ),
)  # fmt: skip
