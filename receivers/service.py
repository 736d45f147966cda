"""The service manager: ready, status, watchdog (sd_notify(3)); nothing without one."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class Service:
    """A datagram a call, never waiting; one that cannot be sent is lost."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Read ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``."""
        environment = os.environ if environment is None else environment
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if address.startswith(("/", "@")):
            kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            self._socket = socket.socket(socket.AF_UNIX, kind)
        self.watchdog: float | None = None
        """Seconds within which the watchdog must be fed; None: there is none for this process."""
        try:
            wait = int(environment.get("WATCHDOG_USEC", "0")) / 1e6
            process = int(environment.get("WATCHDOG_PID") or os.getpid())
        except ValueError:
            return
        if wait > 0 and process == os.getpid():
            self.watchdog = wait

    @property
    def there(self) -> bool:
        """Whether a manager started this, who will start it again."""
        return self._socket is not None

    def ready(self, status: str) -> None:
        """Say that it is up."""
        self._send(f"READY=1\nSTATUS={' '.join(status.split())}")

    def status(self, text: str) -> None:
        """Say in one line what it does."""
        self._send(f"STATUS={' '.join(text.split())}")

    def feed(self) -> None:
        """Say that it is alive."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that it ends on purpose."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is not None:
            try:
                self._socket.sendto(message.encode(), self._address)
            except OSError:
                return
