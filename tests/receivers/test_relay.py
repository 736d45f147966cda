"""Relays: commands that hang or fail are said to, a GPIO line is set as libgpiod wants it."""

from __future__ import annotations

import asyncio
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from loa.receivers import config
from loa.receivers.relay import (
    CommandError,
    CommandRelay,
    GpioRelay,
    NoRelay,
    RelayError,
    relay_of,
    run,
)


async def test_commands_switch_it(tmp_path: Path) -> None:
    file = tmp_path / "relay"
    relay = CommandRelay(
        ["sh", "-c", 'echo on > "$0"', str(file)], ["sh", "-c", 'echo off > "$0"', str(file)]
    )
    await relay.switch(True)
    assert file.read_text() == "on\n"
    await relay.switch(False)
    assert file.read_text() == "off\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["sh", "-c", "echo no such line >&2; exit 3"], r"sh ended with 3: no such line"),
        (["/no/such/program"], "cannot be run"),
        (["sleep", "60"], "took longer than 0.2 s"),
    ],
)
async def test_a_command_that_fails_is_said(words: list[str], why: str) -> None:
    with pytest.raises(RelayError, match=why):
        await CommandRelay(words, words, seconds=0.2).switch(True)


async def test_what_a_command_started_ends_with_it(tmp_path: Path) -> None:
    # The child holds the pipe: without the group's end this would wait for it.
    with pytest.raises(CommandError, match="longer"):
        await run(["sh", "-c", "sleep 60 & wait"], b"", 0.2)


async def test_a_command_gets_its_input_and_says_no_more_than_fits() -> None:
    assert await run(["cat"], "Bản tin\n".encode(), 5) == "Bản tin\n".encode()
    assert await run(["true"], b"x" * 200_000, 5) == b"", "it need not read it"
    assert len(await run(["head", "-c", "200000", "/dev/zero"], b"", 5)) == 65_536


async def test_a_cancelled_command_is_ended(tmp_path: Path) -> None:
    task = asyncio.create_task(run(["sleep", "60"], b"", 60))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class FakeLines:
    """libgpiod 2 as far as it is used; there is no GPIO chip on a test machine."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.broken = False
        gpiod = types.ModuleType("gpiod")
        line = types.ModuleType("gpiod.line")
        line.Direction = types.SimpleNamespace(OUTPUT="out")  # type: ignore[attr-defined]
        line.Value = types.SimpleNamespace(ACTIVE=1, INACTIVE=0)  # type: ignore[attr-defined]
        gpiod.LineSettings = dict  # type: ignore[attr-defined]
        gpiod.ChipClosedError = gpiod.RequestReleasedError = RuntimeError  # type: ignore[attr-defined]
        gpiod.request_lines = self.request_lines  # type: ignore[attr-defined]
        self.modules = {"gpiod": gpiod, "gpiod.line": line}

    def request_lines(self, chip: str, consumer: str, config: Any) -> FakeLines:
        if self.broken:
            raise FileNotFoundError(2, "No such file or directory")
        self.calls.append(("request", chip, consumer, config))
        return self

    def set_value(self, line: int, value: int) -> None:
        if self.broken:
            raise OSError(19, "No such device")
        self.calls.append(("set", line, value))

    def release(self) -> None:
        self.calls.append(("release",))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> FakeLines:
    fake = FakeLines()
    for name, module in fake.modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return fake


async def test_a_gpio_line_is_asked_for_in_the_state_it_is_to_have(lines: FakeLines) -> None:
    relay = GpioRelay("/dev/gpiochip0", 17, True)
    await relay.switch(False)
    await relay.switch(True)
    relay.close()
    settings = {17: {"direction": "out", "active_low": True, "output_value": 0}}
    assert lines.calls == [
        ("request", "/dev/gpiochip0", "loa", settings),
        ("set", 17, 0), ("set", 17, 1), ("release",),
    ]  # fmt: skip


async def test_a_chip_that_vanishes_is_asked_for_again(lines: FakeLines) -> None:
    relay = GpioRelay("/dev/gpiochip0", 17, False)
    await relay.switch(True)
    lines.broken = True
    for _ in range(2):
        with pytest.raises(RelayError, match="gpiochip0 line 17"):
            await relay.switch(False)
    lines.broken = False
    await relay.switch(False)
    assert [call[0] for call in lines.calls] == [
        "request", "set", "release", "request", "set",
    ]  # fmt: skip


async def test_without_gpiod_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(RelayError, match="pip install gpiod"):
        await GpioRelay("/dev/gpiochip0", 17, False).switch(True)


def test_the_real_gpiod_has_what_is_used() -> None:
    gpiod = pytest.importorskip("gpiod")
    from gpiod.line import Direction, Value

    assert gpiod.api_version.startswith("2.")
    gpiod.LineSettings(direction=Direction.OUTPUT, active_low=True, output_value=Value.INACTIVE)
    assert issubclass(gpiod.ChipClosedError, Exception)
    assert issubclass(gpiod.RequestReleasedError, Exception)
    with pytest.raises(OSError):
        gpiod.request_lines("/no/such/chip", config={1: gpiod.LineSettings()})


def test_the_configuration_says_which() -> None:
    assert isinstance(relay_of(config.Relay()), NoRelay)
    assert isinstance(relay_of(config.Relay(kind="gpio", line=3)), GpioRelay)
    assert isinstance(relay_of(config.Relay(kind="command", on=("a",), off=("b",))), CommandRelay)
