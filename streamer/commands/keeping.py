"""``loa backup``, ``loa restore``, ``loa doctor``: on the server's own machine, not over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[Path | None, typer.Option(help="The data directory; ./loa-data.")]
ConfigFile = Annotated[
    Path | None, typer.Option(help="The server's configuration; ./loa.toml if there is one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the outcome as JSON, for scripts.")]


def register(app: typer.Typer) -> None:
    """Hang them into ``loa``."""
    app.command()(backup)
    app.command()(restore)
    app.command()(doctor)


def backup(
    to: Annotated[Path, typer.Argument(help="The new file, or a folder to put it into.")],
    data: Data = None,
    config: ConfigFile = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="With the audio of what was aired: this can be long.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write database, audio and keys to one file, while the server runs.

    There are secrets in it: it is readable by you alone, and should stay so.
    """
    from loa.streamer.keeping.console import backup as run

    raise typer.Exit(run(to, data, config, archive, as_json))


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `loa backup` wrote.")],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty data directory (and an empty PostgreSQL, if one is configured).

    Start the server afterwards with `loa serve --data DIR`. Everybody has to sign in again.
    """
    from loa.streamer.keeping.console import restore as run

    raise typer.Exit(run(file, data, config, as_json))


def doctor(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Say what is missing or misconfigured, and what to do about it. Ends with 1 if anything is.

    Nothing is changed; the server may run or not.
    """
    from loa.streamer.keeping.console import doctor as run

    raise typer.Exit(run(data, config, as_json))
