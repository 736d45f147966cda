"""``loa receivers order|play|stop|sign|orders|settings``: commands to the boxes on the poles."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Client, Server, talk

OVER = ("finished", "failed", "refused", "expired", "replaced")

Receiver = Annotated[int, typer.Argument(metavar="RECEIVER", help="Its id, as `list` shows it.")]
Wait = Annotated[
    float, typer.Option("--wait", min=0, max=3600, help="Wait so many seconds for the outcome.")
]


def register(app: typer.Typer) -> None:
    """Hang these into ``loa receivers``."""
    app.add_typer(order_app, name="order")
    app.command("play")(play)
    app.command("stop")(stop)
    app.command("sign")(sign)
    app.command("orders")(list_orders)
    app.add_typer(settings_app, name="settings")


order_app = typer.Typer(
    no_args_is_help=True,
    help="Order a receiver (its id), or all of an area and below it (its path), to do something. "
    "One that is away obeys when it is back, unless that is too late.",
)
To = Annotated[str, typer.Argument(metavar="RECEIVER|AREA", help="An id, or an area's path.")]


@order_app.command()
def volume(
    to: To,
    percent: Annotated[int, typer.Argument(min=0, max=100)],
    wait: Wait = 0,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Set the volume, until the box starts again; ceilings hold all the same."""
    _order(to, {"do": "volume", "percent": percent}, wait, server, as_json)


@order_app.command()
def reboot(
    to: To,
    machine: Annotated[bool, typer.Option("--machine", help="The whole machine.")] = False,
    wait: Wait = 0,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Start the box's program again, or the whole machine."""
    _order(to, {"do": "reboot", "machine": machine}, wait, server, as_json)


@order_app.command()
def sync(to: To, wait: Wait = 0, server: Server = None, as_json: AsJson = False) -> None:
    """Look for a new schedule, fetch what is missing, send what waits."""
    _order(to, {"do": "sync"}, wait, server, as_json)


@order_app.command("self-test")
def self_test(
    to: To,
    aloud: Annotated[bool, typer.Option("--aloud", help="With a short tone, too.")] = False,
    wait: Wait = 0,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Test everything that can be without a sound."""
    _order(to, {"do": "self_test", "aloud": aloud}, wait, server, as_json)


@order_app.command("new-key")
def new_key(to: To, wait: Wait = 0, server: Server = None, as_json: AsJson = False) -> None:
    """Make a new key and go over to it; both are good until the new one was used."""
    _order(to, {"do": "new_key"}, wait, server, as_json)


def play(
    receiver: Receiver,
    bulletin: Annotated[int, typer.Argument(help="The id of an approved bulletin.")],
    at: Annotated[
        str | None, typer.Option(help="Within a day: 2026-09-21T17:00+07:00; now.")
    ] = None,
    wait: Wait = 0,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Play an approved bulletin on this receiver only."""
    body = {"bulletin": bulletin} if at is None else {"bulletin": bulletin, "at": at}
    with talk(server, as_json) as client:
        _give(client, f"/receivers/{receiver}/play", body, wait)


def stop(
    receiver: Receiver, wait: Wait = 0, server: Server = None, as_json: AsJson = False
) -> None:
    """Silence this receiver until something else is on air."""
    with talk(server, as_json) as client:
        _give(client, f"/receivers/{receiver}/stop", {}, wait)


def sign(
    receiver: Receiver,
    text: Annotated[str, typer.Argument(help="At most 200 characters; '' clears it.")],
    until: Annotated[str | None, typer.Option(help="Until when; a day at most.")] = None,
    wait: Wait = 0,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Show a text on this receiver's LED sign."""
    body = {"text": text} if until is None else {"text": text, "until": until}
    with talk(server, as_json) as client:
        _give(client, f"/receivers/{receiver}/sign", body, wait)


def list_orders(
    receiver: Receiver,
    state: Annotated[str | None, typer.Option(help="waiting, sent, finished, failed …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many of the newest.")] = 20,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List what a receiver was ordered to do and what became of it, newest first."""
    with talk(server, as_json) as client:
        part = client.get(f"/receivers/{receiver}/orders", state=state, limit=limit)
        client.table(
            part["items"],
            ("id", "do", "state", "reason", "result", "issued_by", "issued_at", "changed_at"),
        )


settings_app = typer.Typer(
    no_args_is_help=True,
    help="How receivers are to behave: what an area says holds below it, a receiver may differ.",
)


@settings_app.command("show")
def show_settings(to: To, server: Server = None, as_json: AsJson = False) -> None:
    """Show what is said here, and what holds."""
    with talk(server, as_json) as client:
        found = client.get(_path(client, to) + "/settings")
        client.show(found, done=json.dumps(found["effective"], ensure_ascii=False, indent=1))


@settings_app.command("set")
def set_settings(
    to: To,
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=VALUE…",
            help="volume=[80,80,100] delay_ms=700 cadence=low days=7 …; NAME= leaves it open.",
        ),
    ],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change some settings; the others stay. Boxes take them when they are connected."""
    with talk(server, as_json) as client:
        path = _path(client, to) + "/settings"
        found = client.get(path)
        said = {name: value for name, value in found["said"].items() if value is not None}
        for change in changes:
            name, equals, value = change.partition("=")
            if not equals:
                raise typer.BadParameter(f"{change}: a setting is NAME=VALUE, or NAME=")
            said[name] = _value(value) if value else None
        said = {name: value for name, value in said.items() if value is not None}
        changed = client.change("PUT", path, said)
        client.show(changed, done=json.dumps(changed["effective"], ensure_ascii=False, indent=1))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _path(client: Client, to: str) -> str:
    if to.isdigit():
        return f"/receivers/{to}"
    return f"/areas/{client.area(to)}/receivers"


def _order(to: str, order: dict[str, Any], wait: float, server: str | None, as_json: bool) -> None:
    with talk(server, as_json) as client:
        _give(client, _path(client, to) + "/orders", {"order": order}, wait)


def _give(client: Client, path: str, body: dict[str, Any], wait: float) -> None:
    given = client.post(path, body)
    ids = given["orders"]
    if not wait or not path.startswith("/receivers/"):
        what = "is on its way" if len(ids) == 1 else "are on their way"
        client.show(given, done=f"{len(ids)} command(s) {what}; `loa receivers orders` follows one")
        return
    receiver = path.split("/")[2]
    until = time.monotonic() + wait
    while True:
        newest = client.get(f"/receivers/{receiver}/orders", limit=50)["items"]
        order = next(o for o in newest if o["id"] in ids)
        if order["state"] in OVER or time.monotonic() > until:
            break
        time.sleep(0.3)
    why = f" ({order['reason']})" if order["reason"] else ""
    client.show(order, done=f"{order['do']}: {order['state']}{why} {order['result']}".rstrip())
    if order["state"] != "finished":
        raise typer.Exit(1)
