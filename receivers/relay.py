"""What switches the amplifier (or keys the transmitter): a GPIO line, two commands, or nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

from loa.receivers import config

COMMAND_SECONDS = 5.0
"""A command that takes longer is ended, and has failed."""
MOST_SAID = 200


class RelayError(Exception):
    """It could not be switched; the message says why, for people."""


class Relay(Protocol):
    """A relay. ``name`` says which, for people."""

    name: str

    async def switch(self, on: bool) -> None:
        """Switch it. Raises ``RelayError``: nobody knows then how it stands."""

    def close(self) -> None:
        """Let go of it."""


class NoRelay:
    """The amplifier is always on, or switches itself."""

    name = "none"

    async def switch(self, on: bool) -> None:
        """There is nothing to switch."""

    def close(self) -> None:
        """There is nothing to let go."""


class GpioRelay:
    """A line of a GPIO chip, by libgpiod 2; it is asked for when it is first switched."""

    def __init__(self, chip: str, line: int, active_low: bool) -> None:
        self.name = f"{chip} line {line}"
        self._chip, self._line, self._active_low = chip, line, active_low
        self._request: Any = None

    async def switch(self, on: bool) -> None:
        try:
            import gpiod
            from gpiod.line import Direction, Value
        except ImportError as error:
            raise RelayError(f"gpiod cannot be used ({error}); pip install gpiod") from error
        value = Value.ACTIVE if on else Value.INACTIVE
        try:
            if self._request is None:
                self._request = gpiod.request_lines(
                    self._chip,
                    consumer="loa",
                    config={
                        self._line: gpiod.LineSettings(
                            direction=Direction.OUTPUT,
                            active_low=self._active_low,
                            output_value=value,
                        )
                    },
                )
            self._request.set_value(self._line, value)
        except (OSError, ValueError, gpiod.ChipClosedError, gpiod.RequestReleasedError) as error:
            self.close()
            raise RelayError(f"{self.name}: {error}") from error

    def close(self) -> None:
        request, self._request = self._request, None
        if request is not None:
            with contextlib.suppress(Exception):
                request.release()


class CommandRelay:
    """Two commands; a status other than 0 is a failure."""

    def __init__(
        self, on: Sequence[str], off: Sequence[str], seconds: float = COMMAND_SECONDS
    ) -> None:
        self.name = on[0]
        self._on, self._off, self._seconds = tuple(on), tuple(off), seconds

    async def switch(self, on: bool) -> None:
        try:
            await run(self._on if on else self._off, b"", self._seconds)
        except CommandError as error:
            raise RelayError(str(error)) from None

    def close(self) -> None:
        """Nothing is held."""


def relay_of(given: config.Relay) -> Relay:
    """Return the relay that a configuration describes."""
    if given.kind == "gpio":
        assert given.line is not None
        return GpioRelay(str(given.chip), given.line, given.active_low)
    if given.kind == "command":
        return CommandRelay(given.on, given.off)
    return NoRelay()


class CommandError(Exception):
    """A command of the configuration failed; the message says how, for people."""


async def run(words: Sequence[str], given: bytes, seconds: float) -> bytes:
    """Run a command with ``given`` on its standard input; return what it prints (at most 64 KiB).

    It and what it started are killed when it takes longer than ``seconds``, or this is cancelled.
    Raises ``CommandError``.
    """
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise CommandError(f"{words[0]} cannot be run: {error}") from None
    try:
        async with asyncio.timeout(seconds):
            said = await _talk(process, given)
            status = await process.wait()
    except TimeoutError:
        raise CommandError(f"{words[0]} took longer than {seconds:g} s") from None
    finally:
        await _end(process)
    if status != 0:
        text = " ".join(said.decode("utf-8", "replace").split())[:MOST_SAID]
        raise CommandError(f"{words[0]} ended with {status}" + (f": {text}" if text else ""))
    return said


async def _talk(process: asyncio.subprocess.Process, given: bytes) -> bytes:
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(given)
        await process.stdin.drain()
    process.stdin.close()
    said = b""
    while data := await process.stdout.read(65_536):
        said = (said + data)[:65_536]
    return said


async def _end(process: asyncio.subprocess.Process) -> None:
    import os
    import signal

    # Its group, too: a shell script's children would keep the pipe open.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    transport: Any = process._transport  # type: ignore[attr-defined]
    transport.close()
