"""``loa slots``: a station's slots, its days off, and what a day brings."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Client, Server, talk, there
from loa.streamer.commands.when import NotUnderstood, understand

app = typer.Typer(
    no_args_is_help=True,
    help="Slots of stations: when what is played, and what a day brings.",
)

AreaName = Annotated[str, typer.Argument(metavar="AREA", help="A path (/ha-giang) or an id.")]
SlotId = Annotated[int, typer.Argument(metavar="SLOT", help="Its id, as `list` shows it.")]
WHEN = (
    'As "daily 05:00 45 min": then daily, weekdays, weekends, mon,wed,fri, monthly 1,15, '
    "once 2026-10-01 or a rule of RFC 5545 (FREQ=MONTHLY;BYDAY=1MO), before a time and a length."
)
Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="The first day that counts.")]


@app.command("list")
def list_slots(area: AreaName, server: Server = None, as_json: AsJson = False) -> None:
    """List the slots of a station."""
    with talk(server, as_json) as client:
        slots = client.pages(f"/areas/{client.area(area)}/slots")
        client.table(
            (s if as_json else {**s, "next": _coming(s)[:1]} for s in slots),
            ("id", "name", "first", "minutes", "rrule", "content", "relay", "enabled", "next"),
        )


@app.command()
def add(
    area: AreaName,
    when: Annotated[str, typer.Argument(metavar="WHEN", help=WHEN)],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    relay: Annotated[str, typer.Option(metavar="URL", help="It is a relay of this.")] = "",
    alternative: Annotated[
        str, typer.Option(metavar="URL", help="Of a relay: what is tried second.")
    ] = "",
    upper: Annotated[bool, typer.Option(help="It carries the level above.")] = False,
    begins: Day = None,
    not_on: Annotated[
        list[str] | None, typer.Option(metavar="YYYY-MM-DD", help="Days without it.")
    ] = None,
    on_holidays: Annotated[bool, typer.Option(help="Also on days off.")] = True,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a slot: loa slots add /ha-giang "weekdays 05:00 45 min" """
    meant = _when(when, begins)
    content = "relay" if relay else "upper" if upper else "queue"
    with talk(server, as_json) as client:
        made = client.post(
            f"/areas/{client.area(area)}/slots",
            {
                "name": name or when,
                **meant,
                "content": content,
                "relay": relay,
                "relay_alternative": alternative,
                "exceptions": not_on or [],
                "on_holidays": on_holidays,
            },
        )
        client.show(made, done=_made(made))


@app.command()
def change(
    slot: SlotId,
    when: Annotated[str | None, typer.Option(metavar="WHEN", help=WHEN)] = None,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    relay: Annotated[str | None, typer.Option(metavar="URL", help="A relay of this.")] = None,
    begins: Day = None,
    not_on: Annotated[
        list[str] | None, typer.Option(metavar="YYYY-MM-DD", help="Days without it, all of them.")
    ] = None,
    on_holidays: Annotated[bool | None, typer.Option(help="Also on days off.")] = None,
    on: Annotated[
        bool | None, typer.Option("--on/--off", help="Switch it on, or off for a while.")
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change what is given of a slot, and leave the rest."""
    changes: dict[str, Any] = {}
    if relay is not None:
        changes |= {"content": "relay", "relay": relay}
    given = {"name": name, "exceptions": not_on, "on_holidays": on_holidays, "enabled": on}
    changes |= {key: value for key, value in given.items() if value is not None}
    if when is None and not changes:
        raise typer.BadParameter("say what to change: --when, --name, --relay, --off …")
    with talk(server, as_json) as client:
        if when is not None:
            # It still counts from the day that it counted from.
            began = client.get(f"/slots/{slot}")["first"][:10]
            changes |= _when(when, begins or began)
        made = client.change("PATCH", f"/slots/{slot}", changes)
        client.show(made, done=_made(made))


@app.command()
def remove(slot: SlotId, server: Server = None, as_json: AsJson = False) -> None:
    """Remove a slot; what was planned into it is planned into others."""
    with talk(server, as_json) as client:
        client.change("DELETE", f"/slots/{slot}")
        client.show({"removed": slot}, done=f"slot {slot} is removed")


@app.command()
def day(
    area: AreaName,
    day: Annotated[
        str | None, typer.Argument(metavar="[YYYY-MM-DD]", help="Without one: today.")
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Show a day: its slots, what was on air, what is planned, what does not fit and why."""
    with talk(server, as_json) as client:
        found = client.get(f"/areas/{client.area(area)}/day", date=day)
        if as_json:
            client.show(found)
            return
        print(f"{found['area']['name']}, {found['date']}", *(h["name"] for h in found["holidays"]))
        client.table(_lines(found), ("time", "length", "what", "title", "class", "id"))
        if found["unplaced"]:
            print("Not placed:")
            client.table(found["unplaced"], ("entry", "title", "times", "message"))


@app.command()
def holidays(
    area: AreaName,
    year: Annotated[int | None, typer.Option(help="Without one: from today on.")] = None,
    add: Annotated[
        str | None, typer.Option(metavar="YYYY-MM-DD", help="Make this a day off, with --name.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the day off that is made.")] = "",
    remove: Annotated[int | None, typer.Option(metavar="ID", help="Remove this one.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--import", metavar="CSV", exists=True, dir_okay=False,
            help="date,name lines: the area's own days off of --year, in place of others.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Of --import: only say what would change.")] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """List the days off of an area, inherited ones too; make, remove, import them."""
    with talk(server, as_json) as client:
        path = f"/areas/{client.area(area)}/holidays"
        if file is not None:
            _import(client, path, file, year, dry_run)
        elif add is not None:
            made = client.post(path, {"date": add, "name": name})
            client.show(made, done=f"{made['date']} {made['name']} is a day off")
        elif remove is not None:
            client.call("DELETE", f"/holidays/{remove}")
            client.show({"removed": remove}, done="it is an ordinary day again")
        else:
            client.table(
                client.pages(path, year=year), ("id", "date", "name", "area_name", "inherited")
            )


def _import(client: Client, path: str, file: Path, year: int | None, dry_run: bool) -> None:
    if year is None:
        raise typer.BadParameter("--import needs --year")
    done = client.call(
        "POST", path + "/import", data=file.read_bytes(), headers={"Content-Type": "text/csv"},
        year=year, dry_run=dry_run,
    ).json()  # fmt: skip
    words = ", ".join(f"{done[key]} {key}" for key in ("added", "renamed", "removed", "kept"))
    client.show(done, done=("would be: " if dry_run else "") + words)


def _when(words: str, begins: str | None) -> dict[str, Any]:
    try:
        day = date.today() if begins is None else date.fromisoformat(begins)
    except ValueError:
        raise typer.BadParameter(f"{begins} is no date such as 2026-10-01") from None
    try:
        meant = understand(words, day)
    except NotUnderstood as error:
        raise typer.BadParameter(str(error)) from None
    return {"first": meant.first, "minutes": meant.minutes, "rrule": meant.rrule}


def _made(slot: dict[str, Any]) -> str:
    following = ", ".join(_coming(slot)[:3])
    return f"slot {slot['id']}: {slot['name']}" + (f"; next {following}" if following else "")


def _coming(slot: dict[str, Any]) -> list[str]:
    return [there(moment, slot["timezone"]) for moment in slot["next"]]


def _lines(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Make one list of a day, by time: slots, and what is in them."""
    lines: list[tuple[int, int, dict[str, Any]]] = []

    def clock(time: str | None) -> str:
        if time is None:
            return ""
        moment = datetime.fromisoformat(time)
        minutes = int((moment.timestamp() + 0.5) // 60) + found["offset_minutes"]
        return f"{minutes // 60 % 24:02}:{minutes % 60:02}"

    def put(what: str, one: dict[str, Any], rank: int, **more: Any) -> None:
        start = datetime.fromisoformat(one["start"]).timestamp()
        line = {"time": f"{clock(one['start'])}–{clock(one['end'])}", "what": what, **more}
        if rank and one["end"] is not None:
            seconds = round(datetime.fromisoformat(one["end"]).timestamp() - start)
            line["length"] = f"{seconds // 60}:{seconds % 60:02}"
        lines.append((round(start), rank, line))

    for window in found["windows"]:
        put("slot", window, 0, title=window["name"], id=window["content"])
    for part in (found, *found["windows"]):
        for one in part["aired"]:
            what = "aired drill" if one["drill"] else f"aired {one['kind']}"
            put(what, one, 1, title=one["title"], **{"class": one["class"]})
        for one in part["planned"]:
            put(
                "planned", one, 2, title=one["title"], id=f"entry {one['entry']}",
                **{"class": one["class"]},
            )  # fmt: skip
    return [line for *_, line in sorted(lines, key=lambda line: line[:2])]
