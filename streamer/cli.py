"""The ``loa`` command. Each command imports what it runs only when it runs."""

from __future__ import annotations

import typer

app = typer.Typer(
    help="Loa: Internet broadcast radio for commune loudspeakers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def root() -> None:
    """Loa: Internet broadcast radio for commune loudspeakers."""


def main() -> None:
    """Run the command line."""
    app()
