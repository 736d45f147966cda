"""``loa webhooks``: who is told what happens."""

from __future__ import annotations

from typing import Annotated

import typer

from loa.streamer.commands.client import AsJson, Server, talk

app = typer.Typer(
    no_args_is_help=True,
    help="Webhooks: addresses that are told what happens on an area and below it.",
)

WebhookId = Annotated[int, typer.Argument(metavar="WEBHOOK", help="Its id, as `list` shows it.")]
Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        help="Only this: emergency.called, or bulletin. for all that begin so. May be repeated.",
    ),
]


@app.command("list")
def list_webhooks(server: Server = None, as_json: AsJson = False) -> None:
    """List the webhooks of the areas that you manage."""
    with talk(server, as_json) as client:
        client.table(client.pages("/webhooks"), ("id", "area", "url", "kinds", "enabled"))


@app.command()
def add(
    area: Annotated[str, typer.Argument(metavar="AREA", help="A path (/ha-giang) or an id.")],
    url: Annotated[str, typer.Argument(metavar="URL", help="http:// or https://, public.")],
    kind: Kinds = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Make a webhook. Its secret, which messages are signed with, is shown this once."""
    with talk(server, as_json) as client:
        made = client.post(
            "/webhooks", {"area": client.area(area), "url": url, "kinds": kind or []}
        )
        client.show(made, done=f"webhook {made['id']} is made; its secret is {made['secret']}")


@app.command()
def change(
    webhook: WebhookId,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    kind: Kinds = None,
    everything: Annotated[bool, typer.Option("--everything", help="Of every kind.")] = False,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Switch it.")] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Change a webhook, or switch it off and on."""
    wishes = {"url": url, "kinds": [] if everything else kind, "enabled": enabled}
    with talk(server, as_json) as client:
        changed = client.change(
            "PATCH",
            f"/webhooks/{webhook}",
            {key: value for key, value in wishes.items() if value is not None},
        )
        client.show(changed, done=f"webhook {webhook} is changed")


@app.command()
def secret(webhook: WebhookId, server: Server = None, as_json: AsJson = False) -> None:
    """Give a webhook a new secret, shown this once; the old one is no longer used."""
    with talk(server, as_json) as client:
        made = client.post(f"/webhooks/{webhook}/secret")
        client.show(made, done=made["secret"])


@app.command()
def remove(webhook: WebhookId, server: Server = None, as_json: AsJson = False) -> None:
    """Remove a webhook, and what it was still to be told."""
    with talk(server, as_json) as client:
        client.call("DELETE", f"/webhooks/{webhook}")
        client.show({}, done=f"webhook {webhook} is removed")


@app.command("test")
def send_test(webhook: WebhookId, server: Server = None, as_json: AsJson = False) -> None:
    """Send a message of kind webhook.test, once; `deliveries` says what came of it."""
    with talk(server, as_json) as client:
        sent = client.post(f"/webhooks/{webhook}/test")
        client.show(sent, done=f"on its way: loa webhooks deliveries {webhook}")


@app.command()
def deliveries(
    webhook: WebhookId,
    state: Annotated[
        str | None, typer.Option(help="Only those waiting, delivered or given_up.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many of the newest.")] = 20,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """List what a webhook was told and is to be told, newest first."""
    with talk(server, as_json) as client:
        part = client.get(f"/webhooks/{webhook}/deliveries", state=state, limit=limit)
        client.table(
            part["items"], ("id", "kind", "state", "attempts", "answer", "created_at", "tried_at")
        )
