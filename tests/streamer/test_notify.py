"""sd_notify against a socket that plays the service manager, and the watchdog on a passed clock."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from loa.streamer.notify import Notifier, keep_watchdog, lateness


class FakeEngine:
    """Ticks of 20 ms from 0 s on; ``tick`` is set by hand."""

    def __init__(self) -> None:
        self.tick = 0

    def deadline(self, tick: int) -> float:
        return tick * 0.02


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(5)
        yield path, receiver


def test_messages(manager: tuple[str, socket.socket]) -> None:
    path, receiver = manager
    notifier = Notifier({"NOTIFY_SOCKET": path})
    notifier.ready("3 mounts\non air")
    notifier.status("1 listener")
    notifier.feed()
    notifier.stopping()
    notifier.close()
    assert [receiver.recv(1024) for _ in range(4)] == [
        b"READY=1\nSTATUS=3 mounts on air",
        b"STATUS=1 listener",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]
    notifier.feed()
    assert notifier.lost == 0


def test_an_abstract_socket() -> None:
    name = f"loa-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + name)
        notifier = Notifier({"NOTIFY_SOCKET": "@" + name})
        notifier.ready()
        notifier.close()
        assert receiver.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_without_systemd_nothing_happens(environment: dict[str, str]) -> None:
    notifier = Notifier(environment)
    notifier.ready()
    notifier.close()
    assert notifier.lost == 0 and notifier.watchdog_seconds is None


def test_a_manager_that_is_gone_or_full_costs_a_count(manager: tuple[str, socket.socket]) -> None:
    path, _ = manager
    notifier = Notifier({"NOTIFY_SOCKET": path})
    for _ in range(10_000):
        notifier.feed()
    assert notifier.lost > 0
    notifier.close()
    gone = Notifier({"NOTIFY_SOCKET": path + "-gone"})
    gone.ready()
    assert gone.lost == 1
    gone.close()


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_asked_for(environment: dict[str, str], seconds: float | None) -> None:
    assert Notifier(environment).watchdog_seconds == seconds


def test_lateness() -> None:
    engine = FakeEngine()
    engine.tick = 50
    assert lateness(engine, 1.02) == pytest.approx(0)
    assert lateness(engine, 1.01) < 0
    assert lateness(engine, 6.02) == pytest.approx(5)


async def test_the_watchdog_is_fed_only_while_ticks_are_made(
    manager: tuple[str, socket.socket],
) -> None:
    path, receiver = manager
    receiver.setblocking(False)
    notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000000"})
    engine = FakeEngine()
    now = 0.0
    fed: list[bool] = []

    async def sleep(seconds: float) -> None:
        nonlocal now
        try:
            fed.append(receiver.recv(100) == b"WATCHDOG=1")
        except BlockingIOError:
            fed.append(False)
        now += seconds
        if len(fed) < 4:
            engine.tick = round(now / 0.02)
        if len(fed) == 8:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await keep_watchdog(notifier, engine, clock=lambda: now, sleep=sleep)
    # Ticks stop at 30 s; at 40 s it is 10 s late, from 50 s on too late.
    assert fed == [True, True, True, True, True, False, False, False]
    notifier.close()


async def test_no_watchdog_no_task() -> None:
    await keep_watchdog(Notifier({}), FakeEngine())
