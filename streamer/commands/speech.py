"""``loa speech``: what a text is spoken as, the words of areas, bulletins from text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Client, Refused, Server, talk

app = typer.Typer(
    no_args_is_help=True,
    help="Text that is spoken: previews, abbreviations of areas, voices, bulletins from text.",
)

AreaName = Annotated[str, typer.Argument(metavar="AREA", help="A path (/ha-giang) or an id.")]
Written = Annotated[str, typer.Argument(metavar="WRITTEN", help="As it is written: BQLDA.")]
Spoken = Annotated[str, typer.Argument(metavar="SPOKEN", help="As it is said.")]
Text = Annotated[
    str | None, typer.Argument(metavar="TEXT", help="The text; - or nothing: standard input.")
]
File = Annotated[Path | None, typer.Option(help="A text file (UTF-8) instead.")]
Language = Annotated[str, typer.Option(help="A language, as `GET /languages` lists them.")]


@app.command()
def preview(
    area: AreaName,
    text: Text = None,
    file: File = None,
    language: Language = "vi",
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Show how a text will be said in an area; nothing is kept.

    What is listed as "letters" is an abbreviation that no table knows: `loa speech add` teaches it.
    """
    written = _text(text, file)
    with talk(server, as_json) as client:
        body = {"text": written, "language": language}
        said = client.post(f"/areas/{client.area(area)}/speech/preview", body)
        if as_json:
            client.show(said)
            return
        print(said["spoken"])
        if said["replacements"]:
            print()
            client.table(said["replacements"], ("written", "spoken", "kind"))


@app.command()
def voices(server: Server = None, as_json: AsJson = False) -> None:
    """List the voices that the server has."""
    with talk(server, as_json) as client:
        client.table(client.get("/speech/voices")["items"], ("name", "language"))


@app.command()
def words(
    area: AreaName,
    inherited: Annotated[bool, typer.Option(help="Those of the areas above as well.")] = False,
    language: Annotated[str | None, typer.Option(help="Only this language.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List the words that an area has spoken otherwise (the built-in ones are not among them)."""
    with talk(server, as_json) as client:
        client.table(
            _entries(client, area, inherited=inherited, language=language),
            ("written", "spoken", "language", "area", "id"),
        )


@app.command()
def add(
    area: AreaName,
    written: Written,
    spoken: Spoken,
    language: Language = "vi",
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Teach a word: loa speech add /ha-giang BQLDA "ban quản lý dự án" """
    with talk(server, as_json) as client:
        body = {"language": language, "written": written, "spoken": spoken}
        made = client.post(f"/areas/{client.area(area)}/spelling", body)
        client.show(made, done=f"{made['written']} is said {made['spoken']}")


@app.command()
def change(
    area: AreaName,
    written: Written,
    spoken: Spoken,
    language: Language = "vi",
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Have a word of an area's own table said otherwise."""
    with talk(server, as_json) as client:
        entry = _entry(client, area, written, language)
        made = client.call(
            "PATCH", f"/spelling/{entry['id']}", {"spoken": spoken}, version=entry["version"]
        ).json()
        client.show(made, done=f"{made['written']} is said {made['spoken']}")


@app.command()
def remove(
    area: AreaName,
    written: Written,
    language: Language = "vi",
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Take a word out of an area's own table: it is said as above it again."""
    with talk(server, as_json) as client:
        entry = _entry(client, area, written, language)
        client.call("DELETE", f"/spelling/{entry['id']}", version=entry["version"])
        client.show({}, done=f"{entry['written']} is removed")


@app.command()
def say(
    bulletin: Annotated[int, typer.Argument(metavar="BULLETIN", help="The id of a draft.")],
    text: Text = None,
    file: File = None,
    voice: Annotated[str | None, typer.Option(help="Which voice; else the preferred one.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Have a text spoken as the audio of a draft; its author then has to hear it."""
    written = _text(text, file)
    with talk(server, as_json) as client:
        path = f"/bulletins/{bulletin}"
        version = client.call("GET", path).version
        body = {"text": written, "voice": voice}
        said = client.call("POST", f"{path}/speech", body, version=version).json()
        client.show(said, done=said["spoken"])


def _text(text: str | None, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "is not UTF-8"
            raise typer.BadParameter(f"{file}: {why}", param_hint="--file") from None
    return sys.stdin.read() if text in (None, "-") else str(text)


def _entries(client: Client, area: str, **query: Any) -> Iterator[dict[str, Any]]:
    return client.pages(f"/areas/{client.area(area)}/spelling", **query)


def _entry(client: Client, area: str, written: str, language: str) -> dict[str, Any]:
    for entry in _entries(client, area, language=language):
        if entry["written"].lower() == written.lower():
            return entry
    message = f"{area} has no line of its own for {written}"
    raise Refused(404, {"code": "spelling.unknown", "message": message})
