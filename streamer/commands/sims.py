"""``loa receivers sims|tariffs``: the SIM cards, who has which, and what their data costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Client, Refused, Server, talk
from loa.streamer.commands.sim_table import TableError, read_table
from loa.streamer.core.billing import MB

sims = typer.Typer(no_args_is_help=True, help="SIMs: the inventory, and which box has which.")
tariffs = typer.Typer(no_args_is_help=True, help="Tariffs: what data costs.")

SimId = Annotated[str, typer.Argument(metavar="SIM", help="Its id, or its ICCID.")]
TariffId = Annotated[int, typer.Argument(metavar="TARIFF", help="Its id, as `list` shows it.")]
AreaArg = Annotated[str, typer.Argument(metavar="AREA", help="A path (/ha-giang/…) or an id.")]
Under = Annotated[str | None, typer.Argument(metavar="[AREA]", help="Only there and below.")]
Operator = Annotated[str | None, typer.Option(help="Whose network: Viettel.")]
Number = Annotated[str | None, typer.Option(help="Its telephone number.")]
TariffOption = Annotated[int | None, typer.Option("--tariff", help="The id of its tariff.")]
Quota = Annotated[float | None, typer.Option("--quota", help="MB of a cycle; 0: none.")]
Day = Annotated[int | None, typer.Option("--day", help="Its month begins on this day.")]
Package = Annotated[
    str | None,
    typer.Option("--package", help="Or: packages of 30 days, one of which began 2026-09-10."),
]
Days = Annotated[int | None, typer.Option("--days", help="With --package: of so many days.")]
State = Annotated[str | None, typer.Option(help="stock, active, suspended or retired.")]
Notes = Annotated[str | None, typer.Option(help="Whatever there is to say.")]


def _body(**given: Any) -> dict[str, Any]:
    body = {key: value for key, value in given.items() if value is not None}
    if "quota" in body:
        body["quota_bytes"] = round(body.pop("quota") * MB)
    if "day" in body:
        body |= {"cycle": "month", "cycle_day": body.pop("day")}
    if "package" in body:
        body |= {"cycle": "package", "cycle_from": body.pop("package")}
    if "days" in body:
        body["cycle_days"] = body.pop("days")
    return body


def _find(client: Client, sim: str) -> int:
    """Return the id of a SIM that is named by it or by its ICCID."""
    if not sim.isdigit() or len(sim) < 10:
        return int(sim) if sim.isdigit() else _unknown(sim)
    found = client.get("/sims", q=sim)["items"]
    return next((int(s["id"]) for s in found if s["iccid"] == sim), 0) or _unknown(sim)


def _unknown(sim: str) -> int:
    raise Refused(404, {"code": "sim.unknown", "message": f"there is no SIM {sim}"})


def flat(sim: dict[str, Any]) -> dict[str, Any]:
    """Return a SIM as a line for people: megabytes, percent."""
    stand = sim["stand"]
    share, forecast = stand["share"], stand["forecast"]
    return {
        **sim,
        "used_mb": round(stand["used"] / MB, 1),
        "quota_mb": None if stand["quota"] is None else round(stand["quota"] / MB),
        "used": "" if share is None else f"{share:.0%}",
        "forecast_mb": None if forecast is None else round(forecast / MB),
        "cycle_ends": stand["last"],
        "warnings": ", ".join(stand["warnings"]),
    }


COLUMNS = (
    "id", "iccid", "operator", "number", "state", "receiver", "used_mb", "quota_mb", "used",
    "forecast_mb", "cycle_ends", "warnings",
)  # fmt: skip


@sims.command("list")
def list_sims(
    area: Under = None, state: State = None, server: Server = None, as_json: AsJson = False
) -> None:
    """List SIMs, and how each stands in its billing cycle."""
    with talk(server, as_json) as client:
        under = None if area is None else client.area(area)
        items = client.pages("/sims", area=under, state=state)
        client.table(items if as_json else [flat(sim) for sim in items], COLUMNS)


@sims.command()
def show(sim: SimId, server: Server = None, as_json: AsJson = False) -> None:
    """Show one, and where it was."""
    with talk(server, as_json) as client:
        client.show(client.get(f"/sims/{_find(client, sim)}"))


@sims.command()
def add(
    area: AreaArg,
    iccid: Annotated[str, typer.Argument(help="The number that is printed on it.")],
    operator: Operator = None,
    number: Number = None,
    tariff: TariffOption = None,
    quota: Quota = None,
    day: Day = None,
    package: Package = None,
    days: Days = None,
    notes: Notes = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Put a SIM into the inventory."""
    with talk(server, as_json) as client:
        body = _body(
            iccid=iccid, operator=operator, number=number, tariff=tariff, quota=quota, day=day,
            package=package, days=days, notes=notes,
        )  # fmt: skip
        made = client.post("/sims", {"area": client.area(area), **body})
        client.show(made, done=f"SIM {made['id']} is in the inventory")


@sims.command()
def change(
    sim: SimId,
    operator: Operator = None,
    number: Number = None,
    tariff: TariffOption = None,
    quota: Quota = None,
    day: Day = None,
    package: Package = None,
    days: Days = None,
    state: State = None,
    installed: Annotated[str | None, typer.Option(help="When: 2026-09-21.")] = None,
    handed_over: Annotated[str | None, typer.Option(help="When: 2026-09-21.")] = None,
    notes: Notes = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change what is said of a SIM."""
    with talk(server, as_json) as client:
        id = _find(client, sim)
        body = _body(
            operator=operator, number=number, tariff=tariff, quota=quota, day=day, package=package,
            days=days, state=state, installed_on=installed, handed_over_on=handed_over, notes=notes,
        )  # fmt: skip
        client.show(client.change("PATCH", f"/sims/{id}", body), done=f"SIM {id} is changed")


@sims.command()
def put(
    sim: SimId,
    receiver: Annotated[
        int | None, typer.Argument(metavar="[RECEIVER]", help="The box; nothing: out of its box.")
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Put a SIM into a receiver, or take it out. (A box that tells its ICCID does it by itself.)"""
    with talk(server, as_json) as client:
        id = _find(client, sim)
        done = client.change(
            "PUT", f"/sims/{id}/receiver", {"receiver": receiver}, of=f"/sims/{id}"
        )
        where = "in no receiver" if receiver is None else f"in receiver {receiver}"
        client.show(done, done=f"SIM {id} is {where}")


@sims.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: columns iccid, area, operator, number, tariff, quota_mb, cycle, cycle_day, "
            "cycle_days, cycle_from, state, receiver, installed_on, handed_over_on, notes."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look whether that can be done.")
    ] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Add SIMs from a table, and change those that are there; all or none. Empty cells change
    nothing."""
    try:
        lines = read_table(file.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
    except TableError as error:
        print(f"loa: {file}: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    with talk(server, as_json) as client:
        body = {"items": [fields for _, fields in lines], "dry_run": dry_run}
        try:
            done = client.post("/sims/list", body)
        except Refused as error:
            raise Refused(error.status, _by_line(error.error, [n for n, _ in lines])) from None
        would = "would be " if dry_run else ""
        client.show(
            done,
            done=f"{would}added: {done['added']}, changed: {done['changed']}, "
            f"put into receivers: {done['assigned']}",
        )


def _by_line(error: Any, numbers: list[int]) -> dict[str, Any]:
    """Name the table's lines instead of the request's items."""
    fields = []
    for field in error.get("fields", ()):
        kind, _, rest = field["field"].partition(".")
        at, _, column = rest.partition(".")
        if kind == "items" and at.isdigit() and int(at) < len(numbers):
            place = f"line {numbers[int(at)]}" + (f", {column}" if column else "")
            field = {**field, "field": place}
        fields.append(field)
    return {**error, "fields": fields}


# --- tariffs


@tariffs.command("list")
def list_tariffs(area: Under = None, server: Server = None, as_json: AsJson = False) -> None:
    """List tariffs."""
    with talk(server, as_json) as client:
        under = None if area is None else client.area(area)
        client.table(
            client.pages("/tariffs", area=under),
            ("id", "area", "name", "operator", "package_bytes", "package_price", "megabyte_price",
             "currency"),
        )  # fmt: skip


@tariffs.command("add")
def add_tariff(
    area: AreaArg,
    name: Annotated[str, typer.Argument(help="What it is called: V90.")],
    package: Annotated[float, typer.Option(help="MB that a cycle's package has.")] = 0,
    price: Annotated[float, typer.Option(help="What the package costs.")] = 0,
    per_mb: Annotated[float, typer.Option(help="What each MB beyond it costs.")] = 0,
    operator: Operator = None,
    currency: Annotated[str, typer.Option(help="Three letters.")] = "VND",
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a tariff, for the SIMs of an area and those below."""
    with talk(server, as_json) as client:
        made = client.post("/tariffs", {
            "area": client.area(area), "name": name, "package_bytes": round(package * MB),
            "package_price": price, "megabyte_price": per_mb, "currency": currency,
            "operator": operator or "",
        })  # fmt: skip
        client.show(made, done=f"tariff {made['id']} is made")


@tariffs.command("change")
def change_tariff(
    tariff: TariffId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    package: Annotated[float | None, typer.Option(help="MB of its package.")] = None,
    price: Annotated[float | None, typer.Option(help="What the package costs.")] = None,
    per_mb: Annotated[float | None, typer.Option(help="What each MB beyond it costs.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change a tariff; cycles of the past cost by it, too."""
    wishes = {
        "name": name, "package_bytes": None if package is None else round(package * MB),
        "package_price": price, "megabyte_price": per_mb,
    }  # fmt: skip
    with talk(server, as_json) as client:
        body = {key: value for key, value in wishes.items() if value is not None}
        changed = client.change("PATCH", f"/tariffs/{tariff}", body)
        client.show(changed, done=f"tariff {tariff} is changed")


@tariffs.command("remove")
def remove_tariff(tariff: TariffId, server: Server = None, as_json: AsJson = False) -> None:
    """Remove a tariff that no SIM has."""
    with talk(server, as_json) as client:
        client.call("DELETE", f"/tariffs/{tariff}")
        client.show({"removed": tariff}, done=f"tariff {tariff} is removed")
