"""The commands that manage a server, one typer app a topic; they speak HTTP by ``client``.

Nothing here needs the server's packages.
"""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Hang the topics' commands into ``loa``."""
    from loa.streamer.commands import (
        areas,
        audit,
        bulletins,
        emergencies,
        https,
        keeping,
        queue,
        receivers,
        reports,
        sign_in,
        slots,
        speech,
        users,
        webhooks,
    )

    sign_in.register(app)
    app.add_typer(users.app, name="users")
    app.add_typer(areas.app, name="areas")
    app.add_typer(bulletins.app, name="bulletins")
    app.add_typer(speech.app, name="speech")
    app.add_typer(slots.app, name="slots")
    app.add_typer(queue.app, name="queue")
    emergencies.register(app)
    audit.register(app)
    reports.register(app)
    app.add_typer(receivers.app, name="receivers")
    app.add_typer(webhooks.app, name="webhooks")
    keeping.register(app)
    https.register(app)
