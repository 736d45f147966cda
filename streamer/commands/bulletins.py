"""``loa bulletins``: recordings handed in, approved and withdrawn, from the command line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from loa.streamer.commands import uploading
from loa.streamer.commands.client import AsJson, Client, Server, print_json, talk

LOOK_EVERY = 0.3

app = typer.Typer(
    no_args_is_help=True,
    help="Bulletins: hand recordings in, submit, approve, reject, withdraw, hear them.",
)

Id = Annotated[int, typer.Argument(metavar="BULLETIN", help="Its id, as `list` shows it.")]
State = Annotated[
    str | None, typer.Option(help="draft, submitted, approved, rejected or withdrawn.")
]
Class = Annotated[str | None, typer.Option("--class", help="routine, priority or emergency.")]
Language = Annotated[str | None, typer.Option(help="vi, hmn, …; GET /api/v1/languages has all.")]


@app.command("list")
def list_bulletins(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words that occur; marks do not matter.")
    ] = None,
    area: Annotated[str | None, typer.Option(help="Only of this area and below it.")] = None,
    heard_in: Annotated[
        str | None, typer.Option("--for", metavar="AREA", help="Approved ones for this area.")
    ] = None,
    state: State = None,
    cls: Class = None,
    language: Language = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List bulletins, newest first: `loa bulletins list lu quet --state submitted`."""
    with talk(server, as_json) as client:
        query = {
            "q": " ".join(words) if words else None,
            "area": None if area is None else client.area(area),
            "for": None if heard_in is None else client.area(heard_in),
            "state": state,
            "class": cls,
            "language": language,
        }
        items = client.pages("/bulletins", **query)
        if as_json:
            client.table(items, ())
            return
        columns = ("id", "title", "class", "language", "state", "length", "audio", "made_by")
        client.table(map(_line, items), columns)


@app.command()
def add(
    area: Annotated[str, typer.Option(help="The area it belongs to: a path or an id.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE…", help="Recordings of any format.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="The file's name, if not given.")] = None,
    text: Annotated[
        str | None, typer.Option(help="Instead of a file: a text that a voice is to speak.")
    ] = None,
    cls: Class = None,
    language: Language = None,
    sign_text: Annotated[str | None, typer.Option(help="For LED signs, ≤ 200 characters.")] = None,
    notes: Annotated[str | None, typer.Option(help="For colleagues.")] = None,
    targets: Annotated[
        list[str] | None,
        typer.Option("--for", metavar="AREA", help="Whom it is for; several times for several."),
    ] = None,
    begins: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Not before this date or time.")
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="It expires: a date (its end).")
    ] = None,
    per_day: Annotated[int | None, typer.Option(help="Times a day.")] = None,
    days: Annotated[int | None, typer.Option(help="On so many days; 0: until it expires.")] = None,
    submit: Annotated[bool, typer.Option("--submit", help="Submit it as soon as ready.")] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a bulletin of each file: uploaded (given again, it goes on), prepared, measured."""
    if bool(files) == (text is not None):
        raise typer.BadParameter("give files, or --text")
    if text is not None and title is None:
        raise typer.BadParameter("a text needs --title")
    if title is not None and files is not None and len(files) > 1:
        raise typer.BadParameter("--title is for one file")
    for there in files or ():
        if not there.is_file():
            raise typer.BadParameter(f"{there} is no file")
    given = {
        "class": cls, "language": language, "sign_text": sign_text, "notes": notes,
        "starts_at": _moment(begins, False), "expires_at": _moment(ends, True),
        "per_day": per_day, "days": days,
    }  # fmt: skip
    with talk(server, as_json) as client:
        body: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
        body["area"] = client.area(area)
        if targets:
            body["targets"] = [client.area(target) for target in targets]
        made = []
        for file in files or (None,):
            named = title if title is not None or file is None else file.stem
            bulletin = _hand_in(client, file, text, {**body, "title": named})
            if submit and bulletin["audio"]["state"] == "ready":
                bulletin = client.change(
                    "POST", f"/bulletins/{bulletin['id']}/submit", of=f"/bulletins/{bulletin['id']}"
                )
            made.append(bulletin)
            if not as_json:
                _report(bulletin)
        if as_json:
            print_json(made)
    if any(bulletin["audio"]["state"] != "ready" for bulletin in made):
        raise typer.Exit(1)


def _hand_in(
    client: Client, file: Path | None, text: str | None, body: dict[str, Any]
) -> dict[str, Any]:
    """Make one bulletin, and wait until its audio is ready or cannot be used."""
    name = body["title"] if file is None else file.name
    with _bar(name) as show:
        if file is None:
            made = client.post("/bulletins", body)
            path = f"/bulletins/{made['id']}"
            client.call("POST", f"{path}/speech", {"text": text}, version=made["version"])
        else:
            upload = uploading.send(client, file, body["area"], lambda at, size: show(at / size))
            made = client.post("/bulletins", body)
            path = f"/bulletins/{made['id']}"
            client.post(f"{path}/audio", {"upload": upload})
            uploading.forget(client, file)
        while True:
            bulletin: dict[str, Any] = client.get(path)
            if bulletin["audio"]["state"] != "preparing":
                return bulletin
            show(bulletin["audio"]["progress"] or 0.0, "preparing")
            time.sleep(LOOK_EVERY)


@app.command()
def show(bulletin: Id, server: Server = None, as_json: AsJson = False) -> None:
    """Show a bulletin: what it says, how loud it is, what happened to it and what comes next."""
    with talk(server, as_json) as client:
        found = client.get(f"/bulletins/{bulletin}")
        if as_json:
            client.show(found)
            return
        audio = found.pop("audio")
        events, steps = found.pop("events"), found.pop("steps")
        client.show(found)
        print(f"audio       {_audio(audio)}")
        for event in events:
            note = f": {event['note']}" if event["note"] else ""
            print(f"{_local(event['at'])}  {event['kind']} by {event['who']}{note}")
        for step in steps:
            lacks = "; ".join(lack["message"] for lack in step["lacks"])
            may = lacks or ("possible" if step["permitted"] else "not for you")
            print(f"next: {step['step']}: {may}")


@app.command()
def submit(bulletin: Id, server: Server = None, as_json: AsJson = False) -> None:
    """Submit a draft for approval."""
    _step(bulletin, "submit", server, as_json)


@app.command()
def approve(bulletin: Id, server: Server = None, as_json: AsJson = False) -> None:
    """Approve a bulletin: it goes into the queues of the stations that it is for."""
    _step(bulletin, "approve", server, as_json)


@app.command()
def reject(
    bulletin: Id,
    reason: Annotated[str, typer.Option(help="Why; its author reads it.", prompt=True)],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Reject a bulletin, saying why."""
    _step(bulletin, "reject", server, as_json, {"reason": reason})


@app.command()
def revise(bulletin: Id, server: Server = None, as_json: AsJson = False) -> None:
    """Take back what was submitted or rejected, as a draft."""
    _step(bulletin, "revise", server, as_json)


@app.command()
def withdraw(bulletin: Id, server: Server = None, as_json: AsJson = False) -> None:
    """Withdraw a bulletin: it leaves the queues, and goes off the air at once."""
    _step(bulletin, "withdraw", server, as_json)


@app.command()
def copy(
    bulletin: Id,
    area: Annotated[str | None, typer.Option(help="Where; where it is, if not given.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a draft like this one, with its audio."""
    with talk(server, as_json) as client:
        body = {} if area is None else {"area": client.area(area)}
        made = client.post(f"/bulletins/{bulletin}/copy", body)
        client.show(made, done=f"bulletin {made['id']}: a draft like {bulletin}")


@app.command()
def download(
    bulletin: Id,
    out: Annotated[Path | None, typer.Option(help="A file, or - for a player to read.")] = None,
    server: Server = None,
) -> None:
    """Get what listeners hear (Ogg Opus): `loa bulletins download 7 --out - | mpv -`."""
    with talk(server) as client:
        audio = client.call("GET", f"/bulletins/{bulletin}/audio").body
        if out == Path("-"):
            sys.stdout.buffer.write(audio)
            return
        place = out or Path(f"bulletin-{bulletin}.opus")
        try:
            place.write_bytes(audio)
        except OSError as error:
            print(f"loa: {place}: {error.strerror}", file=sys.stderr)
            raise typer.Exit(1) from None
        print(f"{place}: {len(audio)} bytes")


def _step(bulletin: int, step: str, server: str | None, as_json: bool, body: Any = None) -> None:
    path = f"/bulletins/{bulletin}"
    with talk(server, as_json) as client:
        answer = client.change("POST", f"{path}/{step}", body, of=path)
        client.show(answer, done=f"bulletin {bulletin} is {answer['state']}: {answer['title']}")


@contextmanager
def _bar(name: str) -> Iterator[Any]:
    """Show progress on standard error, if somebody is looking."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(f"{name}: uploading", total=1.0)

        def show(part: float, doing: str = "uploading") -> None:
            progress.update(task, completed=part, description=f"{name}: {doing}")

        yield show


def _report(bulletin: dict[str, Any]) -> None:
    print(f"bulletin {bulletin['id']} ({bulletin['state']}): {bulletin['title']}")
    print(f"  {_audio(bulletin['audio'])}")


def _audio(audio: dict[str, Any]) -> str:
    if audio["error"] is not None:
        return f"cannot be used: {audio['error']['message']}"
    if audio["state"] != "ready":
        return str(audio["state"])
    words = [_length(audio["seconds"])]
    source, result = audio["source"], audio["result"]
    if source["integrated_lufs"] is not None and result["integrated_lufs"] is not None:
        words.append(f"{source['integrated_lufs']:.1f} → {result['integrated_lufs']:.1f} LUFS")
    if result["true_peak_dbtp"] is not None:
        words.append(f"peaks at {result['true_peak_dbtp']:.1f} dBTP")
    return ", ".join([*words, *(remark["message"] for remark in audio["remarks"])])


def _line(bulletin: dict[str, Any]) -> dict[str, Any]:
    audio, author = bulletin["audio"], bulletin["created_by"]
    return {
        **bulletin,
        "length": None if audio["seconds"] is None else _length(audio["seconds"]),
        "audio": audio["state"],
        "made_by": None if author is None else author["name"],
    }


def _length(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _moment(text: str | None, end: bool) -> str | None:
    """Return what was given as ISO 8601 with an offset: a time without one is this machine's."""
    if text is None:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=end)
            return datetime.combine(day, time_of_day()).astimezone().isoformat()
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is neither 2026-10-01 nor 2026-10-01T17:00") from None
    return (moment if moment.tzinfo is not None else moment.astimezone()).isoformat()


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
