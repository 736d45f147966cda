"""The commands that manage a server, one typer app a topic; they speak HTTP by ``client``.

Nothing here needs the server's packages.
"""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Hang the topics' commands into ``loa``."""
    from loa.streamer.commands import emergencies, sign_in

    sign_in.register(app)
    emergencies.register(app)
