"""``loa report``: what was put on air in a period, as a table, or as a file for spreadsheets."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Client, Server, talk

ENDINGS = (".xlsx", ".csv", ".json")


def register(app: typer.Typer) -> None:
    """Hang it into ``loa``."""
    app.command("report")(report)


def report(
    area: Annotated[str, typer.Argument(help="The area: its path or its id.")],
    half: Annotated[
        str | None,
        typer.Option(help="Half a year: 2026-1 (January to June); this one if not given."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="The first day instead: 2026-01-01.")
    ] = None,
    last: Annotated[str | None, typer.Option("--until", help="The last day: 2026-06-30.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write a file: .xlsx, .csv or .json.", show_default=False)
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """What an area and everything below it put on air, for half a year or any days.

    loa report /ha-giang --half 2026-1 --to bao-cao.xlsx

    Headings are in the language of LANG. Whoever may read the area may have its report.
    """
    if to is not None and to.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"a name that ends in {', '.join(ENDINGS)}", param_hint="--to")
    if half is None and (first is None) != (last is None):
        raise typer.BadParameter("--from and --until belong together")
    if half is None and first is None:
        today = date.today()
        half = f"{today.year}-{1 if today.month <= 6 else 2}"
    query: dict[str, Any] = {"half": half, "from": first, "to": last}
    with talk(server, as_json) as client:
        path = f"/areas/{client.area(area)}/report"
        if to is not None:
            ending = to.suffix.lower().replace(".json", "")
            body = client.call("GET", path + ending, **query).body
            try:
                to.write_bytes(body)
            except OSError as error:
                print(f"loa: {to}: {error.strerror}", file=sys.stderr)
                raise typer.Exit(1) from None
            client.show({"file": str(to), "bytes": len(body)}, done=str(to))
        else:
            _print(client, client.get(path, **query))


def _print(client: Client, told: dict[str, Any]) -> None:
    if client.as_json:
        client.show(told)
        return
    total = told["total"]
    hours = sum(total["hours_on_air"].values())
    print(f"{told['area']['name']}, {told['from']} to {told['to']} ({told['timezone']})")
    client.show({
        "items": total["items"],
        "minutes": total["minutes"],
        "hours on air": round(hours, 2),
        "emergencies": total["emergencies"],
        "drills": total["drills"],
        "failures": total["failures"],
        "missed": total["missed"],
        "stations": f"{total['active_stations']} of {total['stations']} put something on air",
    })  # fmt: skip
    areas = [
        {"area": of["area"]["name"], "path": of["area"]["path"], **of["total"]}
        for of in told["by_area"]
    ]
    for rows, columns in (
        (told["by_class"], ("class", "language", "drill", "items", "minutes", "hours_on_air")),
        (told["by_month"], ("month", "items", "minutes", "failures", "missed")),
        (areas, ("area", "path", "items", "minutes", "active_stations", "stations")),
    ):
        if rows:
            print()
            client.table(rows, columns)
