"""``loa users``: who may sign in, and what they may do where."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from loa.streamer.commands import tokens
from loa.streamer.commands.client import AsJson, Client, Refused, Server, keep, talk

app = typer.Typer(
    no_args_is_help=True,
    help="Accounts, their roles, and the tokens of programs and sources.",
)
app.add_typer(tokens.api, name="tokens")
app.add_typer(tokens.sources, name="source-tokens")

ROLES = "viewer, editor, approver, broadcaster, technician, administrator or emergency"
User = Annotated[str, typer.Argument(metavar="USER", help="A login, or an account's id.")]
AreaName = Annotated[str, typer.Argument(metavar="AREA", help="A path (/ha-giang) or an id.")]
RoleName = Annotated[str, typer.Argument(metavar="ROLE", help=f"One of {ROLES}.")]
Password = Annotated[
    str | None,
    typer.Option(
        envvar="LOA_NEW_PASSWORD", show_default=False, help="Asked if not given (others see it)."
    ),
]
_WORDS = 20


@app.command("list")
def list_users(
    area: Annotated[str | None, typer.Option(help="With a role there or below.")] = None,
    search: Annotated[str, typer.Option(help="Part of a login or a name.")] = "",
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List the accounts of areas where you are administrator."""
    with talk(server, as_json) as client:
        inside = client.area(area) if area is not None else None
        people = client.pages("/accounts", area=inside, search=search or None)
        client.table(
            people if as_json else ({**p, "roles": _roles(p)} for p in people),
            ("id", "login", "name", "roles", "disabled"),
        )


@app.command()
def show(user: User, server: Server = None, as_json: AsJson = False) -> None:
    """Show an account."""
    with talk(server, as_json) as client:
        found = client.get(f"/accounts/{account(client, user)}")
        client.show(found if as_json else {**found, "grants": _roles(found)})


@app.command()
def me(server: Server = None, as_json: AsJson = False) -> None:
    """Show who you are, and what you may do."""
    with talk(server, as_json) as client:
        found = client.get("/me")
        found.pop("csrf")
        client.show(found if as_json else {**found, "grants": _roles(found)})


@app.command()
def add(
    login: Annotated[str, typer.Argument(help="What to sign in with: a-z, 0-9, . _ @ -")],
    role: Annotated[
        list[str], typer.Option(metavar="ROLE@AREA", help=f"{ROLES}; can be given several times.")
    ],
    name: Annotated[str, typer.Option(help="The person's name; the login.")] = "",
    password: Password = None,
    language: Annotated[str, typer.Option(help="vi or en.")] = "vi",
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make an account: loa users add lan --name "Lan" --role editor@/ha-giang/quang-binh

    Without --password one is made and shown once. Its owner has to change it at first.
    """
    made_up = password is None
    with talk(server, as_json) as client:
        password = password or secrets.token_urlsafe(12)
        made = client.post(
            "/accounts",
            {
                "login": login,
                "name": name or login,
                "password": password,
                "language": language,
                "grants": [_role(client, one) for one in role],
            },
        )
        said = f"account {made['id']} is made: {made['login']}"
        if made_up:
            said += f"\npassword: {password}   (shown this once; to be changed at first)"
            made["password"] = password
        client.show(made, done=said)


@app.command()
def change(
    user: User,
    name: Annotated[str | None, typer.Option(help="The person's name.")] = None,
    login: Annotated[str | None, typer.Option(help="Another login.")] = None,
    language: Annotated[str | None, typer.Option(help="vi or en.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of an account, and leave the rest."""
    given = {"name": name, "login": login, "language": language}
    _change(user, {k: v for k, v in given.items() if v is not None}, server, as_json, "is changed")


@app.command()
def disable(user: User, server: Server = None, as_json: AsJson = False) -> None:
    """Keep somebody out, at once and everywhere; his tokens are good for nothing."""
    _change(user, {"disabled": True}, server, as_json, "is disabled")


@app.command()
def enable(user: User, server: Server = None, as_json: AsJson = False) -> None:
    """Let somebody in again."""
    _change(user, {"disabled": False}, server, as_json, "may sign in again")


@app.command()
def password(
    user: Annotated[
        str | None, typer.Argument(metavar="[USER]", help="Somebody else; you yourself.")
    ] = None,
    new: Password = None,
    current: Annotated[
        str | None, typer.Option(envvar="LOA_PASSWORD", help="Your own, as it is now.")
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change your password, or give somebody another one, which he has to change at first.

    All sessions of that account end (but the one that you do this with).
    """
    with talk(server, as_json) as client:
        if user is None and current is None:
            current = typer.prompt("Your password now", hide_input=True, err=True)
        if new is None:
            new = typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
        if user is None:
            client.call("PUT", "/me/password", {"current": current, "password": new})
        else:
            path = f"/accounts/{account(client, user)}/password"
            client.call("PUT", path, {"password": new})
        client.show({}, done="the password is changed")


@app.command()
def grant(
    user: User, role: RoleName, area: AreaName, server: Server = None, as_json: AsJson = False
) -> None:
    """Give somebody a role on an area and everything below it: loa users grant lan editor /x"""
    with talk(server, as_json) as client:
        body = {"area": client.area(area), "role": role}
        made = client.post(f"/accounts/{account(client, user)}/grants", body)
        client.show(made, done=f"{user} is {role} of {made['name']}")


@app.command()
def revoke(
    user: User, role: RoleName, area: AreaName, server: Server = None, as_json: AsJson = False
) -> None:
    """Take a role back that was given on an area."""
    with talk(server, as_json) as client:
        where = client.area(area)
        for given in client.get(f"/accounts/{account(client, user)}")["grants"]:
            if (given["area"], given["role"]) == (where, role):
                client.call("DELETE", f"/grants/{given['id']}")
                client.show(given, done=f"{user} is no longer {role} of {given['name']}")
                return
        message = f"{user} was not given the role {role} on {area} itself"
        raise Refused(404, {"code": "grant.unknown", "message": message})


@app.command("sign-out")
def sign_out(user: User, server: Server = None, as_json: AsJson = False) -> None:
    """Sign somebody out everywhere. (His tokens stay: `loa users tokens`.)"""
    with talk(server, as_json) as client:
        ended = client.post(f"/accounts/{account(client, user)}/sign-out")
        client.show(ended, done=f"{ended['sessions']} sessions were ended")


@app.command()
def setup(
    code: Annotated[str, typer.Argument(help="What the server printed when it started.")],
    login: Annotated[str, typer.Option(help="What to sign in with.", prompt=True)],
    name: Annotated[str, typer.Option(help="Your name; the login.")] = "",
    password: Password = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make the first administrator with the set-up code, and sign in."""
    with talk(server, as_json) as client:
        client.token = None
        if password is None:
            password = typer.prompt(
                "New password", hide_input=True, confirmation_prompt=True, err=True
            )
        body = {"code": code, "login": login, "name": name or login, "password": password}
        made = client.post("/setup", {**body, "cookie": False})
        file = keep(client.server, made.pop("token"))
        client.show(made, done=f"{made['login']} is administrator, and signed in ({file})")


@app.command()
def recover(
    data: Annotated[Path | None, typer.Option(help="The data directory; ./loa-data.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="The server's configuration; ./loa.toml if there is one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a set-up code although there are accounts, where nobody can sign in any more.

    On the server's own machine, while the server is stopped. The code is good for a day, for one
    new administrator, and its making is written to the audit log.
    """
    from loa.streamer.keeping.recovery import recover as run

    raise typer.Exit(run(data, config, as_json))


def account(client: Client, user: str) -> int:
    """Return the id of an account that is named by its login or its id."""
    if user.isdigit():
        return int(user)
    for found in client.pages("/accounts", search=user):
        if found["login"] == user.lower():
            return int(found["id"])
    message = f"there is no account {user} where you are administrator"
    raise Refused(404, {"code": "account.unknown", "message": message})


def _change(user: str, body: dict[str, Any], server: str | None, as_json: bool, said: str) -> None:
    if not body:
        raise typer.BadParameter("say what to change: --name, --login, --language")
    with talk(server, as_json) as client:
        changed = client.change("PATCH", f"/accounts/{account(client, user)}", body)
        client.show(changed, done=f"{changed['login']} {said}")


def _role(client: Client, given: str) -> dict[str, Any]:
    role, at, area = given.partition("@")
    if not at:
        raise typer.BadParameter(f"must look like editor@/ha-giang, not {given}")
    return {"area": client.area(area), "role": role}


def _roles(person: dict[str, Any]) -> list[str]:
    return [f"{g['role']}@{g['path'] or g['area']}" for g in person["grants"]]
