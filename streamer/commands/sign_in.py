"""``loa sign-in`` and ``loa sign-out``: who one is, kept for the commands that follow."""

from __future__ import annotations

from typing import Annotated

import typer

from loa.streamer.commands.client import AsJson, Refused, Server, keep, kept_file, read_kept, talk


def register(app: typer.Typer) -> None:
    """Hang both into ``loa``."""
    app.command("sign-in")(sign_in)
    app.command("sign-out")(sign_out)


def sign_in(
    login: Annotated[str, typer.Argument(help="Your login.")],
    server: Server = None,
    password: Annotated[
        str | None,
        typer.Option(
            envvar="LOA_PASSWORD", help="Asked if not given (others see it in ps).",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Sign in, for the commands that follow: until `loa sign-out`, 12 hours unused, or 7 days.

    The session is kept in a file that only you can read. Programs should use an API token instead,
    by LOA_TOKEN: `loa users tokens --help`.
    """
    with talk(server, as_json) as client:
        if password is None:
            password = typer.prompt("Password", hide_input=True, err=True)
        client.token = None
        made = client.post("/sign-in", {"login": login, "password": password, "cookie": False})
        file = keep(client.server, made.pop("token"))
        client.show(made, done=f"{made['name']} is signed in at {client.server} ({file})")


def sign_out(as_json: AsJson = False) -> None:
    """End the session that `loa sign-in` began."""
    kept = read_kept()
    if not kept:
        print("nobody is signed in")
        return
    with talk(kept.get("server"), as_json) as client:
        client.token = kept.get("token")
        try:
            client.post("/sign-out")
        except Refused as error:
            if error.status != 401:  # it is over already
                raise
        finally:
            kept_file().unlink(missing_ok=True)
        client.show({}, done="signed out")
