"""``loa emergencies``: call, confirm, stop and correct them, and what stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Client, Server, talk

HELP = """Emergencies: recorded messages that go out at once, on everything else's air.

An emergency needs an approved bulletin of class emergency; a drill (--drill) may use any that is
approved. Calling one is a right of its own.
"""
COLUMNS = (
    "id", "state", "drill", "severity", "title", "area_name", "reach", "sounding", "next_at",
    "expires_at", "caller",
)  # fmt: skip
UNITS = {"m": "minutes", "h": "hours", "d": "days"}

app = typer.Typer(help=HELP, no_args_is_help=True)

Id = Annotated[int, typer.Argument(help="The emergency's number: `loa emergencies list`.")]
Target = Annotated[
    list[str] | None,
    typer.Option("--target", help="Only this area and what is below it; may be given again."),
]
Except = Annotated[
    list[str] | None,
    typer.Option("--except", help="Not this area nor what is below it; may be given again."),
]
Every = Annotated[
    float | None, typer.Option(help="Say it again every so many minutes (1 to 1440).")
]
Until = Annotated[
    str | None,
    typer.Option(help="Until when it is repeated: 90m, 2h, 1d from now, or an ISO 8601 time."),
]
Expires = Annotated[
    str | None,
    typer.Option(help="After which nothing of it sounds any more, in the same form."),
]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit log.")]
Override = Annotated[
    bool,
    typer.Option(
        "--override", help="Without the second person that the area wants; needs --reason."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask back.")]


def register(parent: typer.Typer) -> None:
    """Hang them into ``loa``."""
    parent.add_typer(app, name="emergencies")


def moment(text: str | None) -> str | None:
    """Return a time as the API takes it, from an ISO 8601 time or a duration from now."""
    found = None if text is None else re.fullmatch(r"(\d{1,5})([mhd])", text)
    if found is None:
        return text
    ahead = timedelta(**{UNITS[found[2]]: int(found[1])})
    return (datetime.now(UTC) + ahead).isoformat(timespec="seconds")


@app.command("list")
def list_emergencies(
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    state: Annotated[
        str | None,
        typer.Option(help="waiting, lapsed, cancelled, standing, over, stopped or corrected."),
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List what stands and what waits for a second person, newest first."""
    with talk(server, as_json) as client:
        if every or state is not None:
            found = list(client.pages("/emergencies", state=state))
        else:
            found = [
                item
                for one in ("waiting", "standing")
                for item in client.pages("/emergencies", state=one)
            ]
        client.table(found if as_json else map(_line, found), COLUMNS)


def _line(emergency: dict[str, Any]) -> dict[str, Any]:
    """Show an emergency's times by this machine's clock."""
    times = {}
    for name in ("next_at", "expires_at"):
        at = emergency[name] and datetime.fromisoformat(emergency[name]).astimezone()
        times[name] = at and at.strftime("%d %b %H:%M:%S")
    return {**emergency, **times}


@app.command("call")
def call(
    area: Annotated[str, typer.Argument(help="Where: an area's path or number.")],
    bulletin: Annotated[int, typer.Argument(help="What: an approved bulletin's number.")],
    target: Target = None,
    excluded: Except = None,
    severity: Annotated[int, typer.Option(help="1 to 5; of two the higher sounds.")] = 3,
    drill: Annotated[bool, typer.Option("--drill", help="It is an exercise.")] = False,
    every: Every = None,
    until: Until = None,
    expires: Expires = None,
    reason: Reason = "",
    override: Override = False,
    yes: Yes = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Call an emergency: it goes out at once, or waits for a second person.

    loa emergencies call /ha-giang/quang-binh 12 --severity 4 --every 20 --until 3h
    """
    with talk(server, as_json) as client:
        body = {
            **_order(bulletin, every, until, expires, reason, override),
            "area": client.area(area),
            "severity": severity,
            "drill": drill,
            "targets": _areas(client, target),
            "excluded": _areas(client, excluded) or [],
        }
        what = "A DRILL" if drill else "AN EMERGENCY, NOT A DRILL"
        _ask(f"{what} on {', '.join(target or [area])}, at once", yes or as_json)
        made = client.post("/emergencies", body)
        client.show(made, done=_told(made))


@app.command("confirm")
def confirm(id: Id, yes: Yes = False, server: Server = None, as_json: AsJson = False) -> None:
    """Confirm what somebody else called: it goes out.

    You must be signed in by `loa sign-in`; a token is nobody's second person.
    """
    with talk(server, as_json) as client:
        waiting = client.get(f"/emergencies/{id}")
        _ask(f"{_name(waiting)}, called by {waiting['caller']}, at once", yes or as_json)
        path = f"/emergencies/{id}/confirm"
        made = client.call("POST", path, version=waiting["version"]).json()
        client.show(made, done=_told(made))


@app.command("stop")
def stop(id: Id, reason: Reason = "", server: Server = None, as_json: AsJson = False) -> None:
    """Stop one: what is on air of it is cut."""
    with talk(server, as_json) as client:
        made = client.post(f"/emergencies/{id}/stop", {"reason": reason})
        client.show(made, done=_told(made))


@app.command("correct")
def correct(
    id: Id,
    bulletin: Annotated[int, typer.Argument(help="What is said instead: a bulletin's number.")],
    target: Target = None,
    excluded: Except = None,
    severity: Annotated[int | None, typer.Option(help="1 to 5; else as before.")] = None,
    drill: Annotated[
        bool | None, typer.Option("--drill/--no-drill", help="An exercise or not; else as before.")
    ] = None,
    every: Every = None,
    until: Until = None,
    expires: Expires = None,
    reason: Reason = "",
    override: Override = False,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Stop one and call another in its place, at once: for the same areas, if no others are named.

    loa emergencies correct 7 13 --reason "nhầm địa bàn"
    """
    with talk(server, as_json) as client:
        body = {
            **_order(bulletin, every, until, expires, reason, override),
            "severity": severity,
            "drill": drill,
            "targets": _areas(client, target),
            "excluded": _areas(client, excluded),
        }
        path = f"/emergencies/{id}"
        made = client.change("POST", f"{path}/correct", body, of=path)
        client.show(made, done=_told(made))


def _order(
    bulletin: int,
    every: float | None,
    until: str | None,
    expires: str | None,
    reason: str,
    override: bool,
) -> dict[str, Any]:
    return {
        "bulletin": bulletin,
        "every_minutes": every,
        "repeat_until": moment(until),
        "expires_at": moment(expires),
        "reason": reason,
        "override": override,
    }


def _areas(client: Client, named: list[str] | None) -> list[int] | None:
    return [client.area(one) for one in named] if named else None


def _ask(what: str, yes: bool) -> None:
    if not yes:
        typer.confirm(f"{what}. Go on?", abort=True, err=True)


def _name(made: dict[str, Any]) -> str:
    kind = "drill" if made["drill"] else "emergency"
    return f"{kind} {made['id']} “{made['title']}” for {made['reach']} areas"


def _told(made: dict[str, Any]) -> str:
    if made["state"] == "waiting":
        return f"{_name(made)} waits for a second person: loa emergencies confirm {made['id']}"
    if made["state"] == "standing":
        return f"{_name(made)} is out; loa emergencies stop {made['id']} stops it"
    return f"{_name(made)} is {made['state']}"
