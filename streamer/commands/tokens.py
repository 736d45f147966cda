"""``loa users tokens`` and ``loa users source-tokens``: secrets of programs and of sources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from loa.streamer.commands.client import AsJson, Server, talk

api = typer.Typer(
    no_args_is_help=True,
    help="API tokens: for programs, to do some of what you may (LOA_TOKEN for these commands).",
)
sources = typer.Typer(
    no_args_is_help=True,
    help="Tokens of sources (butt, an encoder, loa live): to go live on an area with one class.",
)
SCOPES = (
    "read, bulletin.edit, bulletin.approve, queue, schedule, live, emergency, areas, policy, "
    "people, audit or system; can be given several times."
)
Name = Annotated[str, typer.Argument(help="What it is for.")]
TokenId = Annotated[int, typer.Argument(metavar="TOKEN", help="Its id, as `list` shows it.")]
_SHOWN = ("id", "name", "scopes", "area", "expires_at", "used_at", "revoked_at")


@api.command("list")
def list_tokens(
    user: Annotated[int | None, typer.Option(help="Somebody else's: an account's id.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List your tokens."""
    with talk(server, as_json) as client:
        path = "/me/tokens" if user is None else f"/accounts/{user}/tokens"
        client.table(client.get(path), _SHOWN)


@api.command("add")
def add_token(
    name: Name,
    scope: Annotated[list[str], typer.Option(help=SCOPES)],
    area: Annotated[str | None, typer.Option(help="Only there and below: a path.")] = None,
    days: Annotated[float | None, typer.Option(help="How long it is good; 90.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a token: loa users tokens add "monitor" --scope read --days 365"""
    with talk(server, as_json) as client:
        within = client.area(area) if area is not None else None
        body = {"name": name, "scopes": scope, "area": within, "expires_at": _until(days)}
        made = client.post("/me/tokens", body)
        client.show(made, done=_shown_once(made["token"], made["expires_at"]))


@api.command("revoke")
def revoke_token(
    token: TokenId,
    user: Annotated[int | None, typer.Option(help="Somebody else's: an account's id.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a token good for nothing."""
    with talk(server, as_json) as client:
        whose = "/me" if user is None else f"/accounts/{user}"
        client.call("DELETE", f"{whose}/tokens/{token}")
        client.show({}, done=f"token {token} is revoked")


@sources.command("list")
def list_sources(
    area: Annotated[str | None, typer.Option(help="Only there and below: a path.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List the tokens of sources."""
    with talk(server, as_json) as client:
        inside = client.area(area) if area is not None else None
        client.table(
            client.pages("/source-tokens", area=inside),
            ("id", "path", "name", "class", "targets", "expires_at", "revoked_at"),
        )


@sources.command("add")
def add_source(
    area: Annotated[str, typer.Argument(metavar="AREA", help="Where it goes live: a path.")],
    name: Name,
    cls: Annotated[
        str, typer.Option("--class", help="routine, priority or emergency.")
    ] = "routine",
    target: Annotated[
        list[str] | None, typer.Option(help="Only for these areas below AREA: paths.")
    ] = None,
    days: Annotated[float | None, typer.Option(help="How long it is good; for ever.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a source's password: loa users source-tokens add /ha-giang "butt in the studio" """
    with talk(server, as_json) as client:
        body = {
            "area": client.area(area),
            "name": name,
            "class": cls,
            "targets": [client.area(one) for one in target] if target else None,
            "expires_at": _until(days),
        }
        made = client.post("/source-tokens", body)
        client.show(made, done=_shown_once(made["token"], made["expires_at"]))


@sources.command("revoke")
def revoke_source(token: TokenId, server: Server = None, as_json: AsJson = False) -> None:
    """Make a source's password good for nothing."""
    with talk(server, as_json) as client:
        client.call("DELETE", f"/source-tokens/{token}")
        client.show({}, done=f"source token {token} is revoked")


def _until(days: float | None) -> str | None:
    if days is None:
        return None
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


def _shown_once(token: str, expires_at: str | None) -> str:
    until = f"until {expires_at}" if expires_at else "until it is revoked"
    return f"{token}\n(shown this once; good {until})"
