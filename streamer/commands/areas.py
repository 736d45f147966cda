"""``loa areas``: the administrative tree, from the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from loa.streamer.commands.client import AsJson, Client, Server, draw, print_json, talk

AREA = "An area: its path (also a former one) or its id."
Area = Annotated[str, typer.Argument(help=AREA, show_default=False)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show what would be done; nothing is changed.")
]
MEDIA = {".csv": "text/csv", ".json": "application/json"}

app = typer.Typer(
    help="The tree of areas: who hangs where, what is a station, how each wants things.",
    no_args_is_help=True,
)


@app.command("list")
def list_areas(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Words of the name (marks do not matter), the code or the path."),
    ] = None,
    under: Annotated[str | None, typer.Option(help="Only this area and below it.")] = None,
    stations: Annotated[bool, typer.Option("--stations", help="Only stations.")] = False,
    removed: Annotated[bool, typer.Option("--removed", help="Areas that are no more.")] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List areas, or search: `loa areas list na khuong`."""
    with talk(server, as_json) as client:
        if removed:
            items = client.pages("/areas/removed")
            client.table(items, ("id", "path", "name", "removed_at", "successor.path"))
            return
        items = client.pages(
            "/areas",
            q=" ".join(words) if words else None,
            under=None if under is None else client.area(under),
            station=True if stations else None,
        )
        client.table(items, ("id", "code", "path", "name", "station"))


@app.command("tree")
def show_areas(
    under: Annotated[str | None, typer.Option(help="Only this area and below it.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Draw the tree; stations are marked with *."""
    with talk(server, as_json) as client:
        found = client.get("/areas/tree", under=None if under is None else client.area(under))
        if as_json:
            print_json(found["items"])
            return
        root = Tree(Text(client.server))
        branches: dict[int, Tree] = {}
        for area in found["items"]:
            label = Text(f"{area['name']}{' *' if area['station'] else ''}  ")
            label.append(area["path"], style="dim")
            branches[area["id"]] = branches.get(area["parent"], root).add(label)
        draw(root)


@app.command("show")
def show(area: Area, server: Server = None, as_json: AsJson = False) -> None:
    """Show one area: what is above it, former paths, what holds there, what was done to it."""
    with talk(server, as_json) as client:
        id = client.area(area)
        found = client.get(f"/areas/{id}")
        found["history"] = list(client.pages(f"/areas/{id}/history"))
        if as_json:
            print_json(found)
            return
        policy, history = found.pop("policy"), found.pop("history")
        client.show({**found, **{f"policy {k}": _said(policy, k) for k in policy["effective"]}})
        client.table(history, ("at", "who", "kind", "details"))


def _said(policy: Mapping[str, Any], key: str) -> str:
    source = policy["sources"][key]
    value = policy["effective"][key]
    if key == "hours":
        words = [f"{_days(h['weekdays'])} {h['start']}-{h['end']}" for h in value]
        value = ", ".join(words) or "at any time"
    if isinstance(value, bool):
        value = "yes" if value else "no"
    return f"{value}  ({source['path'] if source else 'not set'})"


def _days(weekdays: list[int]) -> str:
    names = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
    return "+".join(names[day] for day in weekdays)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help='Its name, with its marks: "Nà Khương".')],
    parent: Annotated[
        str | None, typer.Option(help="The area above it; --top for none.", show_default=False)
    ] = None,
    top: Annotated[bool, typer.Option("--top", help="At the top: a province.")] = False,
    word: Annotated[
        str | None,
        typer.Option(help="The last word of its path; else made of the name.", show_default=False),
    ] = None,
    code: Annotated[str, typer.Option(help="Its official code.")] = "",
    station: Annotated[
        bool, typer.Option("--station", help="It may put something on air.")
    ] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make an area: `loa areas add "Nà Khương" --parent /ha-giang/quang-binh --station`."""
    if (parent is None) is not top:
        raise typer.BadParameter("either --parent AREA or --top")
    with talk(server, as_json) as client:
        body = {
            "name": name, "parent": None if parent is None else client.area(parent),
            "word": word, "code": code, "station": station,
        }  # fmt: skip
        made = client.post("/areas", body)
        client.show(made, done=f"{made['path']} is there, with the id {made['id']}")


@app.command("rename")
def rename(
    area: Area,
    name: Annotated[str, typer.Argument(help="The new name.")],
    word: Annotated[
        str | None,
        typer.Option(help="The last word of the path; else made of the name.", show_default=False),
    ] = None,
    keep_path: Annotated[bool, typer.Option("--keep-path", help="Leave the path.")] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Give an area another name. Its path follows; the old one still finds it."""
    with talk(server, as_json) as client:
        body = {"name": name, "word": word, "keep_path": keep_path}
        _edit(client, area, body)


@app.command("station")
def station(
    area: Area,
    off: Annotated[bool, typer.Option("--off", help="It is a station no more.")] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Mark an area as a station: it may put something on air. `--off`: it may not."""
    with talk(server, as_json) as client:
        _edit(client, area, {"station": not off})


@app.command("code")
def code(
    area: Area,
    code: Annotated[str, typer.Argument(help='The official code; "" for none.')],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Give an area its official code."""
    with talk(server, as_json) as client:
        _edit(client, area, {"code": code})


def _edit(client: Client, area: str, body: Mapping[str, Any]) -> None:
    path = f"/areas/{client.area(area)}"
    done = client.change("PATCH", path, body)
    words = "a station" if done["station"] else "no station"
    client.show(done, done=f"{done['path']} ({done['name']}), {words}, code {done['code'] or '-'}")


@app.command("order")
def order(
    names: Annotated[
        list[str], typer.Argument(metavar="AREA…", help="All areas below one, in the order wanted.")
    ],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Put all areas that hang below one into an order."""
    with talk(server, as_json) as client:
        ids = [client.area(name) for name in names]
        parent = client.get(f"/areas/{ids[0]}")["parent"]
        client.post("/areas/order", {"parent": parent, "areas": ids})
        client.show({}, done="done")


@app.command("move")
def move(
    area: Area,
    to: Annotated[
        str | None,
        typer.Option(help="The area to hang it below; --top for none.", show_default=False),
    ] = None,
    top: Annotated[bool, typer.Option("--top", help="To the top.")] = False,
    dry_run: DryRun = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Hang an area, with everything below it, somewhere else."""
    if (to is None) is not top:
        raise typer.BadParameter("either --to AREA or --top")
    with talk(server, as_json) as client:
        body = {"parent": None if to is None else client.area(to)}
        _reorganise(client, "POST", area, "/move", body, dry_run)


@app.command("merge")
def merge(
    area: Area,
    into: Annotated[str, typer.Argument(help="The area that takes it in.", show_default=False)],
    dry_run: DryRun = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Have an area taken in by another: `loa areas merge /old /new --dry-run`.

    What is below it, its paths, what is still to come (slots, queue) and rights go over; what was
    aired and done stays with it.
    """
    with talk(server, as_json) as client:
        _reorganise(client, "POST", area, "/merge", {"into": client.area(into)}, dry_run)


@app.command("remove")
def remove(
    area: Area,
    subtree: Annotated[
        bool, typer.Option("--subtree", help="Together with everything below it.")
    ] = False,
    dry_run: DryRun = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Remove an area that has nothing below it. What was aired there stays in the records."""
    with talk(server, as_json) as client:
        _reorganise(client, "DELETE", area, "", None, dry_run, subtree=subtree)


@app.command("remove-level")
def remove_level(
    area: Area, dry_run: DryRun = False, server: Server = None, as_json: AsJson = False
) -> None:
    """Remove an area between others: what is below it goes up to the one above."""
    with talk(server, as_json) as client:
        _reorganise(client, "POST", area, "/remove-level", None, dry_run)


def _reorganise(
    client: Client,
    method: str,
    area: str,
    what: str,
    body: Any,
    dry_run: bool,
    **query: Any,
) -> None:
    path = f"/areas/{client.area(area)}"
    version = client.call("GET", path).version
    answer = client.call(method, path + what, body, version=version, dry_run=dry_run, **query)
    outcome = answer.json()
    if client.as_json:
        print_json(outcome)
        return
    client.table(outcome["changes"], ("kinds", "former_path", "path", "name"))
    if outcome["more"]:
        print(f"… and {outcome['more']} more")
    if outcome["following"]:
        print(f"{outcome['following']} more areas get another path by it")
    for title, counts in (("handed over", "handed_over"), ("ended", "ended")):
        words = ", ".join(f"{count} {kind}" for kind, count in outcome[counts].items() if count)
        if words:
            print(f"{title}: {words}")
    print("nothing was changed (dry run)" if dry_run else "done")


@app.command("policy")
def policy(
    area: Area,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="What the area is to say; may be given several times. Nothing after = means: as "
            "the area above.",
            show_default=False,
        ),
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Show how an area wants things, and where each value comes from; or set some of it.

    `loa areas policy /ha-giang --set hours=0-4@05:00-06:30,5-6@06:00-07:00 --set sessions_a_day=3`:
    days are 0 (Monday) to 6. `hours=always` is no limit at all. Other keys: timezone,
    session_minutes, approve_own, routine_live (idle, always, slots, never), upper_routine (accept,
    ask), override_hours, second_person.
    """
    with talk(server, as_json) as client:
        path = f"/areas/{client.area(area)}/policy"
        answer = client.call("GET", path)
        found = answer.json()
        if set_:
            said = {**found["said"], **dict(_setting(word) for word in set_)}
            found = client.call("PUT", path, said, version=answer.version).json()
        if as_json:
            print_json(found)
            return
        client.show({key: _said(found, key) for key in found["effective"]})


def _setting(word: str) -> tuple[str, Any]:
    key, equals, value = word.partition("=")
    if not equals:
        raise typer.BadParameter(f"{word}: must be KEY=VALUE", param_hint="--set")
    if not value:
        return key, None
    if key == "hours":
        return key, [] if value == "always" else [_hours(part) for part in value.split(",")]
    if value in ("true", "yes", "false", "no"):
        return key, value in ("true", "yes")
    return key, int(value) if value.isascii() and value.isdigit() else value


def _hours(word: str) -> dict[str, Any]:
    """Read ``0-4@05:00-06:30``."""
    days, _, times = word.partition("@")
    first, _, last = days.partition("-")
    start, _, end = times.partition("-")
    try:
        weekdays = list(range(int(first), int(last or first) + 1))
    except ValueError:
        raise typer.BadParameter(
            f"{word}: hours look like 0-4@05:00-06:30", param_hint="--set"
        ) from None
    return {"weekdays": weekdays, "start": start, "end": end}


@app.command("export")
def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; .json for JSON. Else standard output, as CSV.")
    ] = None,
    under: Annotated[str | None, typer.Option(help="Only this area and below it.")] = None,
    semicolon: Annotated[
        bool, typer.Option("--semicolon", help="Semicolons, where spreadsheets want those.")
    ] = False,
    server: Server = None,
) -> None:
    """Write areas as a table, for a spreadsheet: `loa areas export tree.csv`."""
    with talk(server) as client:
        answer = client.call(
            "GET",
            "/areas/export",
            format="json" if file is not None and file.suffix.lower() == ".json" else "csv",
            separator="semicolon" if semicolon else "comma",
            under=None if under is None else client.area(under),
        )
        if file is None:
            sys.stdout.buffer.write(answer.body)
            sys.stdout.flush()
            return
        try:
            file.write_bytes(answer.body)
        except OSError as error:
            print(f"loa: {file} cannot be written: {error.strerror}", file=sys.stderr)
            raise typer.Exit(1) from None
        print(f"{file}: {len(answer.body)} bytes")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="The table: .csv or .json.", show_default=False)],
    dry_run: DryRun = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change the tree as a table says, all of it or nothing. Look first: `--dry-run`.

    A line is about the area with its id, else its code, else its path; without one it makes a new
    area. Empty cells change nothing, and areas that the table does not have stay.
    """
    media = MEDIA.get(file.suffix.lower())
    if media is None:
        raise typer.BadParameter("must be a .csv or .json file", param_hint="FILE")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error.strerror}", param_hint="FILE") from None
    with talk(server, as_json) as client:
        headers = {"Content-Type": media}
        answer = client.call("POST", "/areas/import", data=data, headers=headers, dry_run=dry_run)
        done = answer.json()
        if as_json:
            print_json(done)
        else:
            _show_import(client, done, dry_run)
        if done["problems"]:
            raise typer.Exit(1)


def _show_import(client: Client, done: Mapping[str, Any], dry_run: bool) -> None:
    for problem in done["problems"]:
        where = f"line {problem['line']}" + f", {problem['column']}" * bool(problem["column"])
        print(f"{where}: {problem['message']}", file=sys.stderr)
    if done["problems"]:
        print("nothing would be changed until this is right", file=sys.stderr)
        return
    if dry_run and done["changes"]:
        client.table(done["changes"], ("kinds", "former_path", "path", "name"))
        if done["more"]:
            print(f"… and {done['more']} more")
    counts = ", ".join(f"{count} {kind}" for kind, count in done["counts"].items() if count)
    print(f"{counts or 'no changes'}; {done['untouched']} untouched")
    print("nothing was changed (dry run)" if dry_run else "done")
