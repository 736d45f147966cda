"""``loa https``: on the server's own machine, not over HTTP."""

from __future__ import annotations

from typing import Annotated

import typer

from loa.streamer.commands.keeping import AsJson, ConfigFile, Data


def register(app: typer.Typer) -> None:
    """Hang it into ``loa``."""
    app.command("https")(https)


def https(
    name: Annotated[
        list[str] | None,
        typer.Option(help="What the office calls the server; the machine's name. May be repeated."),
    ] = None,
    address: Annotated[
        list[str] | None, typer.Option(help="Its address, where there are no names. Repeatable.")
    ] = None,
    new_authority: Annotated[
        bool,
        typer.Option("--new-authority", help="Begin anew: all devices must be told to trust it."),
    ] = False,
    language: Annotated[
        str | None, typer.Option(help="vi or en; by default what LANG says.")
    ] = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make HTTPS work in an office without Internet: an authority, a certificate, what to do next.

    Run it again to see that again, or with other names. The server renews the certificate itself.
    """
    from loa.streamer.https.console import run
    from loa.streamer.https.words import LANGUAGES, language_of

    language = language or language_of()
    if language not in LANGUAGES:
        raise typer.BadParameter(f"one of {', '.join(LANGUAGES)}", param_hint="--language")
    raise typer.Exit(
        run(
            name or [], address or [], data, config,
            anew=new_authority, language=language, as_json=as_json,
        )
    )  # fmt: skip
