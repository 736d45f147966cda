"""``loa audit``: who did what."""

from __future__ import annotations

import itertools
import json
from typing import Annotated, Any

import typer

from loa.streamer.commands.client import AsJson, Server, talk


def register(app: typer.Typer) -> None:
    """Hang it into ``loa``."""
    app.command()(audit)


def audit(
    area: Annotated[str | None, typer.Option(help="There and below: a path.")] = None,
    action: Annotated[
        str | None, typer.Option(help="One action (grant.given), or a kind (grant.*).")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="ISO 8601 with offset.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Read the audit log, the newest entries first. `loa doctor` verifies its chain."""
    with talk(server, as_json) as client:
        inside = client.area(area) if area is not None else None
        found = client.pages("/audit", area=inside, action=action, since=since, until=until)
        entries = itertools.islice(found, limit)
        client.table(
            entries if as_json else (_line(entry) for entry in entries),
            ("at", "who", "action", "path", "subject", "details"),
        )


def _line(entry: dict[str, Any]) -> dict[str, Any]:
    return {**entry, "details": json.dumps(entry["details"], ensure_ascii=False)}
