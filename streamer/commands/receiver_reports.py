"""``loa receivers health|alerts|data|coverage|inventory|dead-zone``: how the fleet is and what it
costs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from loa.codecs.control.vitals import vital
from loa.streamer.commands.client import AsJson, Client, Server, talk
from loa.streamer.commands.sims import sims, tariffs
from loa.streamer.core.billing import MB

ENDINGS = (".xlsx", ".csv", ".json")
AreaArg = Annotated[str, typer.Argument(metavar="AREA", help="A path (/ha-giang/…) or an id.")]
To = Annotated[
    Path | None, typer.Option(help="Write a file: .xlsx, .csv or .json.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Hang these into ``loa receivers``."""
    app.command("health")(health)
    app.command("alerts")(alerts)
    app.command("data")(data)
    app.command("coverage")(coverage)
    app.command("inventory")(inventory)
    app.command("dead-zone")(dead_zone)
    app.add_typer(sims, name="sims")
    app.add_typer(tariffs, name="tariffs")


# --- health


def health(
    area: Annotated[
        str | None, typer.Argument(metavar="[AREA|RECEIVER]", help="A path; or a receiver's id.")
    ] = None,
    state: Annotated[str | None, typer.Option(help="online, offline or ailing.")] = None,
    trouble: Annotated[str | None, typer.Option(help="Only with this: power, heat …")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """How receivers are: all that you may see, those of an area, or one with its last day."""
    with talk(server, as_json) as client:
        if area is not None and area.isdigit():
            _one(client, int(area))
            return
        under = None if area is None else client.area(area)
        items = client.pages("/receivers/status", area=under, state=state, trouble=trouble)
        client.table(items if as_json else [_status(one) for one in items], COLUMNS)


COLUMNS = (
    "id", "name", "area", "state", "seen_at", "troubles", "signal", "temperature", "buffer",
    "storage_free", "operator",
)  # fmt: skip


def _status(one: dict[str, Any]) -> dict[str, Any]:
    values = one["values"]
    return {
        **one,
        "area": one["area"]["path"] if one["area"] else "",
        "troubles": ", ".join(one["troubles"]),
        "signal": _unit(values.get("signal_percent"), "%"),
        "temperature": _unit(values.get("temperature_c"), " °C"),
        "buffer": _unit(values.get("buffer_ms"), " ms"),
        "storage_free": _unit(values.get("storage_free_mb"), " MB"),
        "operator": one["texts"].get("operator", ""),
    }


def _unit(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g}{unit}"


def _one(client: Client, receiver: int) -> None:
    told = client.get(f"/receivers/{receiver}/health")
    if client.as_json:
        client.show(told)
        return
    now = told["now"]
    client.show({
        "receiver": f"{now['id']} ({now['name']})",
        "state": now["state"] + (f": {', '.join(now['troubles'])}" if now["troubles"] else ""),
        "connected last": now["seen_at"], "told last": now["reported_at"],
        **now["texts"],
        **{name: _with_unit(name, value) for name, value in now["values"].items()},
    })  # fmt: skip
    names = ("temperature_c", "signal_percent", "buffer_ms", "lag_ms", "memory_free_mb")
    hours = [{"at": h["at"], **{n: h["values"].get(n) for n in names}} for h in told["hours"]]
    if hours:
        print()
        client.table(hours, ("at", *names))


def _with_unit(name: str, value: float) -> str:
    try:
        unit = vital(name).unit
    except KeyError:
        unit = ""
    number = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return f"{number} {unit}".strip() if not unit.startswith("0") else number


def alerts(
    area: Annotated[str | None, typer.Argument(metavar="[AREA]", help="There and below.")] = None,
    open_: Annotated[
        bool | None, typer.Option("--open/--over", help="Only those that are not over, or are.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many of the newest.")] = 50,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List what was announced of receivers, newest first."""
    with talk(server, as_json) as client:
        under = None if area is None else client.area(area)
        items = client.get("/alerts", area=under, open=open_, limit=limit)["items"]
        lines = [
            {
                **one,
                "area": one["area"]["path"] if one["area"] else "",
                "receivers": len(one["receivers"]) if one["together"] else one["receivers"][0],
                "about": "area" if one["together"] else "receiver",
                "missing": len(one["missing"]),
            }
            for one in items
        ]
        client.table(
            items if as_json else lines,
            ("id", "trouble", "area", "about", "receivers", "missing", "began_at", "ended_at"),
        )


# --- reports


def _written(
    client: Client, what: str, area: str, file: Path | None, query: dict[str, Any]
) -> dict[str, Any] | None:
    """Write a report to a file; or return it, to be printed."""
    if file is not None and file.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"a name that ends in {', '.join(ENDINGS)}", param_hint="--to")
    id = client.area(area)
    if file is None:
        found: dict[str, Any] = client.get(f"/reports/{what}", area=id, **query)
        if client.as_json:
            client.show(found)
            return None
        return found
    ending = file.suffix.lower().replace(".json", "")
    body = client.call("GET", f"/reports/{what}{ending}", area=id, **query).body
    try:
        file.write_bytes(body)
    except OSError as error:
        print(f"loa: {file}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from None
    client.show({"file": str(file), "bytes": len(body)}, done=str(file))
    return None


def data(
    area: AreaArg,
    month: Annotated[
        str | None, typer.Option(help="Billing cycles that begin in a month: 2026-09; this one.")
    ] = None,
    first: Annotated[str | None, typer.Option("--from", help="Or from this day on …")] = None,
    last: Annotated[str | None, typer.Option("--until", help="… until this one.")] = None,
    to: To = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """The data that SIMs used, by the modems and by the server, and what it costs.

    loa receivers data /ha-giang --month 2026-09 --to cuoc.xlsx
    """
    query = {"month": month, "from": first, "to": last}
    with talk(server, as_json) as client:
        found = _written(client, "data", area, to, query)
        if found is None:
            return
        used = found["used"]
        client.show({
            "billing cycles from": f"{found['from']} to {found['to']}",
            "MB by the modems": round(used["modem"] / MB, 1),
            "MB by the server": f"{used['server'] / MB:.1f} "
            f"({used['estimated'] / MB:.1f} of them estimated)",
            **{f"cost ({c})": f"{v:,.0f}" for c, v in found["costs"].items()},
        })  # fmt: skip
        print()
        client.table(
            [
                {
                    **line,
                    "receiver": line["receiver"]["name"] if line["receiver"] else "",
                    "modem_mb": round(line["used"]["modem"] / MB, 1),
                    "server_mb": round(line["used"]["server"] / MB, 1),
                    "used": "" if line["share"] is None else f"{line['share']:.0%}",
                }
                for line in found["lines"]
            ],
            ("iccid", "number", "receiver", "tariff", "from", "to", "modem_mb", "server_mb", "used",
             "cost"),
        )  # fmt: skip


def coverage(area: AreaArg, to: To = None, server: Server = None, as_json: AsJson = False) -> None:
    """Where receivers work: communes, villages, dead zones."""
    with talk(server, as_json) as client:
        found = _written(client, "coverage", area, to, {})
        if found is None:
            return
        total = found["total"]
        client.show({
            "communes with a working station": f"{total['communes_working']} of "
            f"{total['communes']}",
            "villages whose receiver played in 7 days": f"{total['villages_played']} of "
            f"{total['villages']}",
            "villages in a dead zone": total["villages_dead"],
            **{f"receivers {state}": count for state, count in total["receivers"].items()},
        })  # fmt: skip
        print()
        client.table(
            [{**of, "path": of["area"]["path"]} for of in found["by_area"]],
            ("path", "communes", "communes_working", "villages", "villages_with_receiver",
             "villages_played", "villages_dead"),
        )  # fmt: skip


def inventory(area: AreaArg, to: To = None, server: Server = None, as_json: AsJson = False) -> None:
    """The receivers and SIMs that there are, installed and handed over when."""
    with talk(server, as_json) as client:
        found = _written(client, "inventory", area, to, {})
        if found is None:
            return
        for kind, columns in (
            ("receivers", ("id", "name", "area.path", "state", "horns", "serial", "installed_at",
                           "handed_over_at", "iccid")),
            ("sims", ("id", "iccid", "operator", "number", "area.path", "state", "tariff",
                      "receiver")),
        ):  # fmt: skip
            client.table(found[kind], columns)
            print()


def dead_zone(
    area: AreaArg,
    dead: Annotated[bool, typer.Option("--yes/--no", help="It is one, or no longer.")] = True,
    note: Annotated[str, typer.Option(help="Who says so, and why.")] = "",
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Call an area, and what is below it, a dead zone: no mobile network reaches it."""
    with talk(server, as_json) as client:
        done = client.call(
            "PUT", f"/areas/{client.area(area)}/dead-zone", {"dead_zone": dead, "note": note}
        ).json()
        client.show(done, done=f"{area} is {'' if dead else 'no longer '}a dead zone")
