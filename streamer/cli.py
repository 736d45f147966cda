"""The ``loa`` command. Each command imports what it runs only when it runs."""

from __future__ import annotations

import contextlib
import os
import sys
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
    from loa.streamer import logs

    # Standard output belongs to what a command prints; the server sets its own level later.
    logs.configure("warning")


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
    """A sample province on air: areas, accounts, a spoken bulletin, a box that plays it.

    All of it is labelled as sample data; a second start goes on with it, with new passwords.
    """
    from loa.streamer.demo import demo as run

    raise typer.Exit(run({"data": data, "host": host, "port": port}, json))


@app.command()
def live(
    area: Annotated[str, typer.Argument(help="Where to go live: an area's path.")] = "",
    server: Annotated[
        str, typer.Option(envvar="LOA_SERVER", help="The server's address.")
    ] = "http://127.0.0.1:8000",
    mic: Annotated[
        str | None, typer.Option(help="A microphone's number or name; the default one.")
    ] = None,
    file: Annotated[
        list[Path] | None, typer.Option(help="Files instead of a microphone, in this order.")
    ] = None,
    more_files: Annotated[
        list[Path] | None, typer.Argument(help="More files, after --file.", show_default=False)
    ] = None,
    cls: Annotated[
        str,
        typer.Option("--class", help="routine, priority or emergency; what the token is for."),
    ] = "",
    user: Annotated[str, typer.Option(help="The user's name.")] = "source",
    password: Annotated[
        str | None,
        typer.Option(envvar="LOA_SOURCE_PASSWORD", help="The source token; asked if not given."),
    ] = None,
    name: Annotated[str, typer.Option(help="What others see as the source's name.")] = "",
    list_devices: Annotated[
        bool, typer.Option("--list-devices", help="Show the microphones and end.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print what happens as lines of JSON, for scripts.")
    ] = False,
) -> None:
    """Go live from a microphone or files; Ctrl-C says goodbye."""
    from loa.codecs.studio import CLASSES
    from loa.streamer.ingest import live_console
    from loa.streamer.ingest.live import Settings

    if list_devices:
        raise typer.Exit(live_console.list_devices())
    if not area:
        raise typer.BadParameter("an area is needed, such as /ha-giang/quang-binh/na-khuong")
    if cls and cls not in CLASSES:
        raise typer.BadParameter(f"--class is one of {', '.join(CLASSES)}")
    files = [*(file or []), *(more_files or [])]
    if mic is not None and files:
        raise typer.BadParameter("either --mic or --file")
    if password is None:
        password = typer.prompt("Password (source token)", hide_input=True)
    settings = Settings(server, area, password, user, name, cls)
    raise typer.Exit(live_console.go_live(settings, mic, files, as_json=json))


receiver_app = typer.Typer(help="The box on the pole.", no_args_is_help=True)
app.add_typer(receiver_app, name="receiver")

Config = Annotated[
    Path | None,
    typer.Option(help="The box's configuration; /etc/loa/receiver.toml if there is one."),
]


@receiver_app.command("enrol")
def receiver_enrol(
    server: Annotated[str, typer.Argument(help="The server: its name, name:port or wss://….")],
    code: Annotated[str, typer.Argument(help="The one-time code, as `loa receivers add` gave it.")],
    state: Annotated[
        Path | None,
        typer.Option(
            help="Where the box keeps its state; what its configuration says, else "
            "/var/lib/loa-receiver for root, else ~/.local/state/loa-receiver."
        ),
    ] = None,
    config: Config = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Make this box a receiver of a server; what it was before, it is no more."""
    from loa.receivers.enrolling import run

    raise typer.Exit(run(server, code, state or _folders(config)[0], as_json=json))


def _folders(file: Path | None) -> tuple[Path, Path]:
    """Return the box's state and runtime directories; end with its configuration's mistakes."""
    from loa.receivers.config import ConfigError, load

    try:
        config = load(file)
    except ConfigError as error:
        print(f"loa: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    return config.state, config.runtime


@receiver_app.command("run")
def receiver_run(
    config: Config = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="INSECURE: play this mount (http://host:8000/area/path.opus) instead, believing "
            "whoever answers. For listening and tests; no box, no reports, no emergencies."
        ),
    ] = None,
    out: Annotated[
        str, typer.Option(help="With --url: device, wav:FILE, raw:FILE (float32), raw:- or null.")
    ] = "device",
    cadence: Annotated[
        str,
        typer.Option(help="With --url: low (40 ms pages) or thrifty (200 ms, for SIM cards)."),
    ] = "low",
    device: Annotated[
        str | None, typer.Option(help="With --url: the sound card, by number or part of its name.")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(help="With --url: trust only certificates signed by this one (PEM)."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0, help="With --url: stop after so long; 0: never.")
    ] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="With --url: one line of JSON a second, for scripts.")
    ] = False,
) -> None:
    """Run this box, once it is enrolled; `loa receiver status` says how it is."""
    if url is None:
        # A process of its own without the command line's packages: a box has little memory.
        words = [sys.executable, "-m", "loa.receivers", "run"]
        words += [] if config is None else ["--config", str(config)]
        os.execv(sys.executable, words)
    from loa.receivers.listen.hearing import DEPTHS
    from loa.receivers.listen.run import Options, main

    if cadence not in DEPTHS:
        raise typer.BadParameter(f"one of {', '.join(DEPTHS)}", param_hint="--cadence")
    if not json:
        print("loa: a plain mount by --url: nobody is authenticated, nothing is reported",
              file=sys.stderr)  # fmt: skip
    raise typer.Exit(main(Options(url, out, cadence, device, seconds, json, ca)))


@receiver_app.command("status")
def receiver_status(
    config: Config = None,
    language: Annotated[
        str | None, typer.Option(help="vi or en; by default what LANG says.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False,
) -> None:
    """Say how this box is, in plain words. The exit status is 3 when it does not run."""
    from loa.receivers.status import show
    from loa.receivers.status_words import WORDS, language_of

    language = language or language_of()
    if language not in WORDS:
        raise typer.BadParameter(f"one of {', '.join(WORDS)}", param_hint="--language")
    state, runtime = _folders(config)
    raise typer.Exit(show(runtime, state, language, json))


@receiver_app.command("silence")
def receiver_silence(config: Config = None) -> None:
    """Switch the amplifier's relay off: for the service manager, behind whatever ended the box."""
    from loa.receivers.running import silence

    raise typer.Exit(silence(config))


@app.command()
def fleet(
    receivers: Annotated[int, typer.Option(min=1, max=20_000, help="How many there are.")],
    server: Annotated[
        str | None,
        typer.Option(envvar="LOA_SERVER", help="The server's address; where sign-in went last."),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(help="What they have to bear: TOML, as deploy/profiles/3g.toml."),
    ] = None,
    connect: Annotated[
        str, typer.Option(help="Where receivers connect: wss://host:port; as the server is.")
    ] = "",
    area: Annotated[str, typer.Option(help="They are added below this area; everywhere.")] = "",
    codes: Annotated[
        Path | None, typer.Option(help="Enrolment codes, one a line, instead of adding any.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Keep who they are here, for another time.")
    ] = None,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Spread over so many.")] = 1,
    seconds: Annotated[float, typer.Option(min=5, help="End after so long.")] = 60.0,
    join_seconds: Annotated[
        float, typer.Option(min=0, help="They are switched on within so long.")
    ] = 5.0,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Simulated receivers against a server: what each heard, and what it should have.

    Ends with 0 when all was well, 1 when not. An administrator's token (loa sign-in, LOA_TOKEN) is
    needed to add receivers and to read the as-run log.
    """
    from loa.receivers.fleet.run import Options, main
    from loa.streamer.commands.client import DEFAULT_SERVER, read_kept

    kept = read_kept()
    where = (server or kept.get("server") or DEFAULT_SERVER).rstrip("/")
    token = os.environ.get("LOA_TOKEN") or (
        kept.get("token", "") if kept.get("server") == where else ""
    )
    raise typer.Exit(
        main(
            Options(
                receivers, where, token, profile, connect, area, codes, state, processes, seconds,
                join_seconds, json,
            )
        )
    )  # fmt: skip


@app.command()
def measure(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print a list for scripts.")] = False,
) -> None:
    """Measure loudness and true peak of files, as they are and as they would go out."""
    from loa.codecs.measure import run

    raise typer.Exit(run(files, as_json=json))


def main() -> None:
    """Run the command line."""
    from loa.streamer import commands

    commands.register(app)
    try:
        app()
    finally:
        _give_up_broken_streams()


def _give_up_broken_streams() -> None:
    """Keep Python from ending with 120 because nobody reads us any more, or the disk is full."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
