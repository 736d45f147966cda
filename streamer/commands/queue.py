"""``loa queue``: what waits to be played at a station, in which order, and what does not fit."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Server, talk, there

app = typer.Typer(
    no_args_is_help=True,
    help="Queues of stations: add bulletins, order them, accept what upper levels send.",
)

AreaName = Annotated[str, typer.Argument(metavar="AREA", help="A path (/ha-giang) or an id.")]
EntryId = Annotated[int, typer.Argument(metavar="ENTRY", help="Its id, as `list` shows it.")]
PerDay = Annotated[int | None, typer.Option(help="Times a day.")]
Days = Annotated[int | None, typer.Option(help="On how many days; 0: until it expires.")]
Begins = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help="Not before: a date, or date and time.")
]
Ends = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="It expires: a date (and its end).")
]
For = Annotated[
    list[str] | None,
    typer.Option("--for", metavar="AREA", help="Only for this village; several times for several."),
]


@app.command("list")
def list_queue(area: AreaName, server: Server = None, as_json: AsJson = False) -> None:
    """List a queue in its order: when each is played next, what does not fit and why."""
    with talk(server, as_json) as client:
        queue = client.get(f"/areas/{client.area(area)}/queue")
        if as_json:
            client.show(queue)
            return
        client.table(
            map(_line, queue["items"]),
            ("id", "title", "class", "length", "state", "times", "played", "next", "but"),
        )


@app.command()
def add(
    area: AreaName,
    bulletin: Annotated[int, typer.Argument(metavar="BULLETIN", help="Its id.")],
    per_day: PerDay = 1,
    days: Days = 1,
    begins: Begins = None,
    ends: Ends = None,
    only_for: For = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Put a bulletin at the end of a queue: loa queue add /ha-giang 7 --per-day 3 --days 7"""
    with talk(server, as_json) as client:
        wish = {"per_day": per_day, "days": days, **_times(begins, ends)}
        if only_for:
            wish["targets"] = [client.area(village) for village in only_for]
        made = client.post(f"/areas/{client.area(area)}/queue", {"bulletin": bulletin, **wish})
        client.show(made, done=_made(made))


@app.command()
def change(
    entry: EntryId,
    per_day: PerDay = None,
    days: Days = None,
    begins: Begins = None,
    ends: Ends = None,
    only_for: For = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of an entry, and leave the rest."""
    with talk(server, as_json) as client:
        given = {"per_day": per_day, "days": days}
        changes = {k: v for k, v in given.items() if v is not None} | _times(begins, ends)
        if only_for:
            changes["targets"] = [client.area(village) for village in only_for]
        if not changes:
            raise typer.BadParameter("say what to change: --per-day, --days, --from, --until …")
        made = client.change("PATCH", f"/queue/{entry}", changes)
        client.show(made, done=_made(made))


@app.command()
def order(
    area: AreaName,
    entries: Annotated[
        list[int], typer.Argument(metavar="ENTRY…", help="Ids; those left out stay behind them.")
    ],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Put entries first, in this order. Priority goes before routine in any case."""
    with talk(server, as_json) as client:
        path = f"/areas/{client.area(area)}/queue"
        queue = client.get(path)
        accepted = [e["id"] for e in queue["items"] if e["state"] == "accepted"]
        rest = [id for id in accepted if id not in entries]
        done = client.call(
            "PUT", path + "/order", {"entries": [*entries, *rest]}, version=queue["version"]
        ).json()
        client.show(done, done="the queue is in order")


@app.command()
def remove(entry: EntryId, server: Server = None, as_json: AsJson = False) -> None:
    """Take an entry out of its queue."""
    with talk(server, as_json) as client:
        client.change("DELETE", f"/queue/{entry}")
        client.show({"removed": entry}, done=f"entry {entry} is removed")


@app.command()
def accept(entry: EntryId, server: Server = None, as_json: AsJson = False) -> None:
    """Accept what an upper level sent."""
    with talk(server, as_json) as client:
        made = client.post(f"/queue/{entry}/accept")
        client.show(made, done=_made(made))


@app.command()
def decline(entry: EntryId, server: Server = None, as_json: AsJson = False) -> None:
    """Decline what an upper level sent; priority cannot be declined."""
    with talk(server, as_json) as client:
        made = client.post(f"/queue/{entry}/decline")
        client.show(made, done=f"entry {entry} is declined")


def _times(begins: str | None, ends: str | None) -> dict[str, Any]:
    found = {}
    if begins is not None:
        found["not_before"] = _moment(begins, False)
    if ends is not None:
        found["expires_at"] = _moment(ends, True)
    return found


def _moment(text: str, end: bool) -> str:
    """Return what was given as ISO 8601 with an offset: a time without one is this machine's."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=end)
            return datetime.combine(day, time()).astimezone().isoformat()
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is neither 2026-10-01 nor 2026-10-01T17:00") from None
    return (moment if moment.tzinfo is not None else moment.astimezone()).isoformat()


def _made(entry: dict[str, Any]) -> str:
    line = _line(entry)
    said = f"; next {line['next']}" if line["next"] else ""
    but = f"; {line['but']}" if line["but"] else ""
    return f"entry {entry['id']}: {line['title']}{said}{but}"


def _line(entry: dict[str, Any]) -> dict[str, Any]:
    bulletin, days = entry["bulletin"], entry["days"]
    seconds = bulletin["seconds"]
    return {
        "id": entry["id"],
        "title": bulletin["title"],
        "class": bulletin["class"],
        "length": None if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}",
        "state": entry["state"],
        "times": f"{entry['per_day']} × " + (f"{days} days" if days else "every day"),
        "played": entry["played"],
        "next": ", ".join(there(one["start"], entry["timezone"]) for one in entry["next"][:2]),
        "but": "; ".join(f"{lack['times']}: {lack['message']}" for lack in entry["lacks"]),
    }
