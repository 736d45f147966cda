"""Somebody who is live on a server over TLS, and boxes that hear it, while a browser looks on."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from support.audio import ogg_opus, tone
from support.browser import Office
from support.process import LOA, put_head, surroundings


@contextlib.contextmanager
def on_air(office: Office, path: str, title: str, seconds: float = 60.0) -> Iterator[None]:
    """Be live on an area as an Icecast client; the server takes the sound as fast as it plays."""
    raw = socket.create_connection(("127.0.0.1", office.server.port), 10)
    assert office.api.trusted is not None
    line = office.api.trusted.wrap_socket(raw, server_hostname="127.0.0.1")
    head = put_head(office.server.password, f"{path}.ogg")
    body = ogg_opus(tone(seconds), title=title)

    def send() -> None:
        with contextlib.suppress(OSError):
            line.sendall(head + body)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ssl.SSLError):
            raw.shutdown(socket.SHUT_RDWR)
            line.shutdown(socket.SHUT_RDWR)
        sender.join(5)
        line.close()


@contextlib.contextmanager
def boxes(office: Office, path: str, count: int, folder: Path) -> Iterator[None]:
    """Have simulated boxes enrolled on an area, connected and playing what they are sent."""
    environment = {
        **surroundings(), "SSL_CERT_FILE": str(office.server.folder / "tls.crt"),
        "LOA_TOKEN": office.api.token,
    }  # fmt: skip
    with (folder / "boxes.log").open("ab") as log:
        fleet = subprocess.Popen(
            [*LOA, "fleet", "--receivers", str(count), "--server", office.server.url, "--area",
             path, "--seconds", "120", "--join-seconds", "0.5", "--state", str(folder / "boxes")],
            stdout=log, stderr=log, env={**os.environ, **environment},
        )  # fmt: skip
    try:
        yield
    finally:
        fleet.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            fleet.wait(10)
        if fleet.poll() is None:
            fleet.kill()
            fleet.wait()
