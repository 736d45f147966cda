"""``loa receivers heard|journal|proof``: what the boxes say that they played."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Client, Server, talk

ENDINGS = (".xlsx", ".csv", ".json")
HEARD = ("receiver", "name", "outcome_text", "why_text", "late", "device", "sounded", "online")
JOURNAL = ("number", "at", "kind", "what")
STATES = ("delivered", "decoded", "device", "sounded")
WORDS = {"delivered": "delivered", "decoded": "decoded", "device": "played to the device",
         "sounded": "sound measured"}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Hang these into ``loa receivers``."""
    app.command("heard")(heard)
    app.command("journal")(journal)
    app.command("proof")(proof)


def heard(
    bulletin: Annotated[
        int | None, typer.Argument(help="A bulletin's number: `loa bulletins list`.")
    ] = None,
    emergency: Annotated[int | None, typer.Option(help="An emergency's number instead.")] = None,
    outcome: Annotated[
        str | None,
        typer.Option(help="Only whole, late, part, begun, unmeasured, pending, unreported or not."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="Of a bulletin: since this time (ISO 8601).")
    ] = None,
    last: Annotated[str | None, typer.Option("--until", help="And until this one.")] = None,
    play: Annotated[
        str | None, typer.Option(help="Of a bulletin: only this playing of it.")
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Which receivers played a bulletin or an emergency, and which did not, and why.

    loa receivers heard --emergency 7 --outcome unreported
    """
    if (bulletin is None) == (emergency is None):
        raise typer.BadParameter("a bulletin's number, or --emergency")
    if emergency is not None and (first or last or play):
        raise typer.BadParameter("--from, --until and --play are for bulletins")
    path = f"/bulletins/{bulletin}/heard"
    query: dict[str, Any] = {"outcome": outcome, "from": first, "to": last, "play": play}
    if emergency is not None:
        path, query = f"/emergencies/{emergency}/heard", {"outcome": outcome}
    with talk(server, as_json) as client:
        told = client.get(path, limit=1000, **query)
        following = told["next"]
        while following is not None:
            more = client.get(path, limit=1000, after=following, **query)
            told["receivers"] += more["receivers"]
            following = more["next"]
        told["next"] = None
        if as_json:
            client.show(told)
        else:
            _print(client, told)


def _print(client: Client, told: dict[str, Any]) -> None:
    counts = told["counts"]
    print(
        f"{counts['reached']} of {counts['expected']} receivers played it; "
        f"{counts['online']} are online, {counts['silent_online']} of these say nothing"
    )
    for name in STATES:
        of = told["states"][name]
        print(
            f"  {WORDS[name]}: {of['some']} yes, {of['none']} no, {of['not_measured']} not measured"
        )
    client.table([_line(one) for one in told["receivers"]], HEARD)


def _line(one: dict[str, Any]) -> dict[str, Any]:
    report = one["report"]
    late = "" if not one["late_ms"] else f"{one['late_ms'] / 1000:.1f} s"
    return {**one, "late": late, **{name: _seconds(report, name) for name in STATES}}


def _seconds(report: dict[str, Any] | None, name: str) -> str:
    if report is None:
        return ""
    ticks = report[name]
    return "not measured" if ticks is None else f"{ticks / 50:.1f} s"


def journal(
    receiver: Annotated[
        int, typer.Argument(metavar="RECEIVER", help="Its id, as `list` shows it.")
    ],
    count: Annotated[int, typer.Option(min=1, max=1000, help="So many of the newest.")] = 50,
    raw: Annotated[bool, typer.Option("--raw", help="The lines as the box signed them.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Check all that is kept: signatures, nothing left out.")
    ] = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """What a box wrote down: what it played and could not play, starts, power cuts, faults."""
    with talk(server, as_json) as client:
        if check:
            _check(client, client.get(f"/receivers/{receiver}/journal/check"))
            return
        told = client.get(f"/receivers/{receiver}/journal", limit=count)
        if as_json:
            client.show(told)
            return
        _findings(told)
        if raw:
            for item in reversed(told["items"]):
                print(item["line"])
            return
        client.table([_entry(item) for item in reversed(told["items"])], JOURNAL)


def _findings(told: dict[str, Any]) -> None:
    for finding in told["findings"]:
        numbers = f" ({finding['first']} to {finding['last']})" if finding["last"] else ""
        print(f"! {finding['at']}: {finding['text']}{numbers} {finding['why']}".rstrip())


def _check(client: Client, told: dict[str, Any]) -> None:
    if client.as_json:
        client.show(told)
    else:
        print(f"{told['lines']} entries in {told['messages']} messages are as the box signed them")
        _findings(told)
    if any(f["kind"] != "missing" for f in told["findings"]):
        raise typer.Exit(1)


def _entry(item: dict[str, Any]) -> dict[str, Any]:
    entry = dict(item["entry"] or {})
    details = entry.pop("details", None) or {
        key: value for key, value in entry.items() if key not in ("k", "at", "up", "what", "audio")
    }
    at = item["at"] and datetime.fromisoformat(item["at"]).astimezone().strftime("%d %b %H:%M:%S")
    what = ", ".join(f"{key} {value}" for key, value in details.items())
    return {"number": item["number"], "at": at, "kind": item["kind"], "what": what}


def proof(
    area: Annotated[str, typer.Argument(help="The area: its path or its id.")],
    first: Annotated[
        str | None, typer.Option("--from", help="The first day: 2026-09-01; today if not given.")
    ] = None,
    last: Annotated[str | None, typer.Option("--until", help="The last day.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="Write a file: .xlsx, .csv or .json.", show_default=False)
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """What the receivers of an area and below it were to play in up to 31 days, and played.

    loa receivers proof /ha-giang --from 2026-09-01 --until 2026-09-30 --to minh-chung.xlsx
    """
    if to is not None and to.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(f"a name that ends in {', '.join(ENDINGS)}", param_hint="--to")
    if (first is None) != (last is None):
        raise typer.BadParameter("--from and --until belong together")
    query: dict[str, Any] = {"from": first, "to": last}
    with talk(server, as_json) as client:
        path = f"/areas/{client.area(area)}/proof"
        if to is not None:
            ending = to.suffix.lower().replace(".json", "")
            body = client.call("GET", path + ending, **query).body
            try:
                to.write_bytes(body)
            except OSError as error:
                print(f"loa: {to}: {error.strerror}", file=sys.stderr)
                raise typer.Exit(1) from None
            client.show({"file": str(to), "bytes": len(body)}, done=str(to))
            return
        told = client.get(path, **query)
        if as_json:
            client.show(told)
            return
        print(f"{told['area']['name']}, {told['from']} to {told['to']} ({told['timezone']})")
        total = dict(told["total"])
        if total["sounded"] is None:
            total["sounded"] = "not measured"
        client.show({"receivers": told["receivers"], **total})
        if told["silent"]:
            print("\nNothing reported:")
            silent = [{**s, "area": s["area"]["path"]} for s in told["silent"]]
            client.table(silent, ("receiver", "name", "area", "due", "seen_at"))
