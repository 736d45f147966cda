"""systemd's notifications (sd_notify(3)): ready, stopping, status, watchdog; nothing without it.

The watchdog is fed only while the engine's ticks are made, so a server that answers but is silent
is restarted as well as one that hangs.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol


class Clockwork(Protocol):
    """What of the engine tells whether it runs; ``loa.native.engine.Engine`` is one."""

    @property
    def tick(self) -> int:
        """The newest complete tick."""

    def deadline(self, tick: int) -> float:
        """Return the ``time.monotonic()`` at which ``tick`` is due."""


def lateness(engine: Clockwork, now: float) -> float:
    """Return by how many seconds the engine's next tick is overdue; ≤ 0 when it is on time."""
    return now - engine.deadline(engine.tick + 1)


class Notifier:
    """Messages to the service manager, if there is one.

    A datagram a call, never blocking: when the manager's socket is full or gone, the message is
    lost and ``lost`` counts it. ``close`` when done.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """Read ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``."""
        environment = os.environ if environment is None else environment
        address = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the leading zero byte of an abstract socket's name.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if address.startswith(("/", "@")):
            self._socket = socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            )
        self.lost = 0
        """Messages that could not be sent."""
        self.watchdog_seconds = self._watchdog(environment)
        """How often the watchdog must be fed at least; None when there is none for this process."""

    @staticmethod
    def _watchdog(environment: Mapping[str, str]) -> float | None:
        try:
            wait = int(environment.get("WATCHDOG_USEC", "0")) / 1e6
            process = int(environment.get("WATCHDOG_PID") or os.getpid())
        except ValueError:
            return None
        return wait if wait > 0 and process == os.getpid() else None

    def _send(self, message: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            self.lost += 1

    def ready(self, status: str = "") -> None:
        """Say that the service is up."""
        self._send("READY=1" + (f"\nSTATUS={_line(status)}" if status else ""))

    def status(self, text: str) -> None:
        """Say in one line what it is doing; ``systemctl status`` shows it."""
        self._send(f"STATUS={_line(text)}")

    def stopping(self) -> None:
        """Say that it is ending on purpose."""
        self._send("STOPPING=1")

    def feed(self) -> None:
        """Say that it is alive."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Let the socket go; later messages go nowhere."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _line(text: str) -> str:
    return " ".join(text.split())


async def keep_watchdog(
    notifier: Notifier,
    engine: Clockwork,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Feed the watchdog three times a period, while the engine is less than half a period late.

    Returns at once when there is no watchdog; otherwise it runs until it is cancelled.
    """
    period = notifier.watchdog_seconds
    if period is None:
        return
    while True:
        if lateness(engine, clock()) < period / 2:
            notifier.feed()
        await sleep(period / 3)
