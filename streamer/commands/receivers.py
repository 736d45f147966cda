"""``loa receivers``: the boxes on the poles, as the server knows them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from loa.streamer.commands import (
    receiver_orders,
    receiver_pack,
    receiver_proof,
    receiver_reports,
)
from loa.streamer.commands.client import AsJson, Client, Refused, Server, talk
from loa.streamer.commands.receiver_table import TableError, read_table, write_codes

app = typer.Typer(
    no_args_is_help=True,
    help="Receivers: added, enrolled by one-time codes, moved, revoked, ordered.",
)
receiver_orders.register(app)
receiver_pack.register(app)
receiver_proof.register(app)
receiver_reports.register(app)

Receiver = Annotated[int, typer.Argument(metavar="RECEIVER", help="Its id, as `list` shows it.")]
COLUMNS = ("id", "area", "name", "state", "connected", "on_air", "seen_at", "software")


@app.command("list")
def list_receivers(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words of the name or the serial number.")
    ] = None,
    under: Annotated[str | None, typer.Option(help="Only this area and below it.")] = None,
    state: Annotated[str | None, typer.Option(help="new, enrolled or revoked.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List receivers."""
    with talk(server, as_json) as client:
        items = list(
            client.pages(
                "/receivers",
                q=" ".join(words) if words else None,
                under=None if under is None else client.area(under),
                state=state,
            )
        )
        if not as_json:
            _name_areas(client, items)
        client.table(items, COLUMNS)


def _name_areas(client: Client, items: list[dict[str, Any]]) -> None:
    """Put the areas' paths where their ids are."""
    if items:
        paths = {area["id"]: area["path"] for area in client.get("/areas/tree")["items"]}
        for item in items:
            item["area"] = paths.get(item["area"], item["area"])


@app.command()
def show(receiver: Receiver, server: Server = None, as_json: AsJson = False) -> None:
    """Show one."""
    with talk(server, as_json) as client:
        client.show(client.get(f"/receivers/{receiver}"))


@app.command()
def add(
    area: Annotated[
        str | None, typer.Argument(metavar="[AREA]", help="A path (/ha-giang/…) or an id.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What it is called: where it hangs.")] = None,
    horns: Annotated[int | None, typer.Option(min=0, max=100, help="How many horns.")] = None,
    serial: Annotated[str | None, typer.Option(help="The box's serial number.")] = None,
    table: Annotated[
        Path | None,
        typer.Option("--csv", help="Many: columns area, name, horns, serial, latitude, longitude…"),
    ] = None,
    codes: Annotated[
        Path | None,
        typer.Option(help="With --csv: where the codes go; by default FILE-codes.csv."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --csv: only look whether that can be done.")
    ] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Add a receiver, or many from a table. Codes are shown this once."""
    if table is not None:
        if area is not None or name is not None:
            raise typer.BadParameter("either AREA and --name, or --csv FILE")
        _add_table(table, codes, dry_run, server, as_json)
        return
    if area is None or name is None:
        raise typer.BadParameter("AREA and --name are needed, or --csv FILE")
    with talk(server, as_json) as client:
        body = {"area": client.area(area), "name": name, "horns": horns, "serial": serial}
        made = client.post("/receivers", {k: v for k, v in body.items() if v is not None})
        client.show(made, done=_said(made))


def _said(made: dict[str, Any]) -> str:
    receiver = made["receiver"]
    return (
        f"receiver {receiver['id']} ({receiver['name']}): its code, good until "
        f"{made['expires_at']}, is shown this once:\n\n    {made['code']}\n\n"
        f"on the box: loa receiver enrol SERVER {made['code']}"
    )


def _add_table(
    table: Path, codes: Path | None, dry_run: bool, server: str | None, as_json: bool
) -> None:
    to = codes or table.with_name(f"{table.stem}-codes.csv")
    try:
        lines = read_table(table.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{table} cannot be read: {error.strerror}") from None
    except TableError as error:
        print(f"loa: {table}: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    if not dry_run and to.exists():
        raise typer.BadParameter(f"{to} exists already: give another name with --codes")
    with talk(server, as_json) as client:
        body = {"items": [fields for _, fields in lines], "dry_run": dry_run}
        try:
            if dry_run:
                client.post("/receivers/list", body)
                client.show({"receivers": len(lines)}, done=f"{len(lines)} could be added")
                return
            # The codes are shown once, so there must be a place for them before they are made.
            with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
                try:
                    made = client.post("/receivers/list", body)["items"]
                except BaseException:
                    to.unlink(missing_ok=True)
                    raise
                out.write(write_codes([fields["area"] for _, fields in lines], made))
        except Refused as error:
            raise Refused(error.status, _by_line(error.error, [n for n, _ in lines])) from None
        except OSError as error:
            raise typer.BadParameter(f"{to} cannot be written: {error.strerror}") from None
        client.show(
            {"receivers": len(made), "codes": str(to)},
            done=f"{len(made)} receivers are added; their codes are in {to}",
        )


def _by_line(error: Any, numbers: list[int]) -> dict[str, Any]:
    """Name the table's lines instead of the request's items."""
    fields = []
    for field in error.get("fields", ()):
        kind, _, rest = field["field"].partition(".")
        at, _, column = rest.partition(".")
        if kind == "items" and at.isdigit() and int(at) < len(numbers):
            field = {**field, "field": f"line {numbers[int(at)]}, {column}"}
        fields.append(field)
    return {**error, "fields": fields}


@app.command()
def rename(
    receiver: Receiver,
    name: Annotated[str, typer.Argument(help="Its new name.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Give it another name."""
    with talk(server, as_json) as client:
        done = client.change("PATCH", f"/receivers/{receiver}", {"name": name})
        client.show(done, done=f"receiver {receiver} is called {done['name']}")


@app.command()
def move(
    receiver: Receiver,
    area: Annotated[str, typer.Argument(help="Where it belongs from now on: a path or an id.")],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Move it to another area."""
    with talk(server, as_json) as client:
        done = client.change(
            "POST", f"/receivers/{receiver}/move", {"area": client.area(area)},
            of=f"/receivers/{receiver}",
        )  # fmt: skip
        client.show(done, done=f"receiver {receiver} belongs to {area}")


@app.command()
def code(receiver: Receiver, server: Server = None, as_json: AsJson = False) -> None:
    """Make a new code, for a box that takes the place of the one that is there."""
    with talk(server, as_json) as client:
        made = client.post(f"/receivers/{receiver}/code")
        client.show(made, done=_said(made))


@app.command()
def revoke(receiver: Receiver, server: Server = None, as_json: AsJson = False) -> None:
    """Cut its box off at once: it was stolen, or is not to be trusted."""
    with talk(server, as_json) as client:
        done = client.post(f"/receivers/{receiver}/revoke")
        client.show(done, done=f"receiver {receiver} is cut off; `code` makes a new code for it")


@app.command()
def remove(receiver: Receiver, server: Server = None, as_json: AsJson = False) -> None:
    """Remove it, and cut off its box. What it played stays on record."""
    with talk(server, as_json) as client:
        client.call("DELETE", f"/receivers/{receiver}")
        client.show({"removed": receiver}, done=f"receiver {receiver} is removed")


@app.command("new-identity")
def new_identity(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Give the server a new identity: prepare it, then, after a backup, go over to it.

    Boxes are told; the former one is good for a while. A box that does not connect meanwhile has to
    be enrolled anew.
    """
    with talk(server, as_json) as client:
        over = client.get("/receivers/identity")["prepared"] is not None
        if over and not yes:
            typer.confirm(
                "Boxes that do not connect in time must be enrolled anew. Go on?", abort=True
            )
        done = client.post("/receivers/identity")
        client.show(
            done,
            done=f"the server's identity is {done['key']}"
            if over
            else f"{done['prepared']} is prepared: run loa backup, then this command again",
        )
