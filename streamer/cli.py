"""The ``loa`` command. Each command imports what it runs only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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


@app.command()
def serve(
    config: Annotated[
        Path | None, typer.Option(help="The configuration file; ./loa.toml if there is one.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data directory; ./loa-data.")] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 8000. 0: a free one.")] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Speak TLS on the port: PEM certificate with its chain.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its PEM key.")] = None,
    plain_port: Annotated[
        int | None, typer.Option(help="Beside TLS: a second port without, for old boxes.")
    ] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    log_format: Annotated[str | None, typer.Option(help="auto, console or json.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when ready, for scripts.")
    ] = False,
) -> None:
    """Run the server. Without any configuration it has one sample area and makes a source token."""
    from loa.streamer.run import serve as run

    options = {
        "data": data,
        "host": host,
        "port": port,
        "plain_port": plain_port,
        "tls.cert": tls_cert,
        "tls.key": tls_key,
        "log.level": log_level,
        "log.format": log_format,
    }
    raise typer.Exit(run(config, options, json))


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option(help="Where it keeps its files; ./loa-demo.")] = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on; 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; 8000. 0: a free one.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when ready, for scripts.")
    ] = False,
) -> None:
    """A sample province on air: a few areas, a spoken recording, one receiver that plays it."""
    from loa.streamer.demo import demo as run

    raise typer.Exit(run({"data": data, "host": host, "port": port}, json))


def main() -> None:
    """Run the command line."""
    app()
