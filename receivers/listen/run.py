"""``loa receiver run --url``: one mount to one output, assembled in one place."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.live import Live

from loa.receivers.listen.client import Client, tls_with
from loa.receivers.listen.hearing import Hearing, Samples
from loa.receivers.listen.report import Meter, Report, live_line, make_report
from loa.receivers.outputs import Opened, Output, OutputError, output_named

REOPEN_AFTER = 2.0
"""Seconds after which a sound card that stopped is tried again."""
CALM = 10
"""Seconds between lines where nobody watches."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; ``seconds`` 0 means for ever."""

    url: str
    out: str = "device"
    cadence: str = "low"
    device: str | None = None
    seconds: float = 0.0
    json: bool = False
    authority: Path | None = None


class Receiver:
    """A client, what it hears, and the output that plays it."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.hearing = Hearing(options.cadence)
        self.client = Client(
            options.url,
            self.hearing,
            options.cadence,
            tls=tls_with(options.authority) if options.authority else None,
        )
        self.output: Output = output_named(options.out, options.device)
        self.meter = Meter()
        self._started = time.monotonic()

    def read(self, block: Samples, _at: float) -> None:
        """Fill a block for the output's thread; silence on anything odd."""
        try:
            self.hearing.read_into(block)
        except Exception:
            block.fill(0.0)
        self.meter.add(block)

    def report(self) -> Report:
        """Return what it does now."""
        return make_report(
            str(self.client.url),
            time.monotonic() - self._started,
            self.hearing.heard(),
            self.client.state,
            self.meter.take(),
            self.output.underflows,
        )

    async def run(self) -> None:
        """Play until cancelled, or for ``seconds``. Raises ``FatalError`` and ``OutputError``."""
        deadline = self.options.seconds or None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline), asyncio.TaskGroup() as tasks:
                tasks.create_task(self._play())
                tasks.create_task(self.client.run())
                tasks.create_task(self._show())

    async def _play(self) -> None:
        """Keep the output open. One that never opened is the user's mistake; later it may heal."""
        opened = False
        while True:
            try:
                with Opened(self.output, self.read):
                    opened = True
                    while True:
                        await asyncio.sleep(0.2)
                        if self.output.trouble is not None:
                            break
            except OutputError:
                if not opened:
                    raise
            if not self.options.out.startswith("device"):
                raise OutputError(self.output.trouble or "the output ended")
            await asyncio.sleep(REOPEN_AFTER)

    async def _show(self) -> None:
        if self.options.json:
            await self._show_json()
        console = Console(stderr=self.options.out == "raw:-")
        if console.is_terminal:
            await self._show_live(console)
        while True:
            await asyncio.sleep(CALM)
            console.print(live_line(self.report()), soft_wrap=True)

    async def _show_json(self) -> None:
        to = sys.stderr if self.options.out == "raw:-" else sys.stdout
        while True:
            await asyncio.sleep(1.0)
            print(json.dumps(self.report().as_dict()), file=to, flush=True)

    async def _show_live(self, console: Console) -> None:
        with Live(console=console, auto_refresh=False, transient=False) as live:
            while True:
                await asyncio.sleep(0.25)
                live.update(live_line(self.report()), refresh=True)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what one task's failure was; it ended the others."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def receive(options: Options) -> None:
    """Run a receiver until SIGINT or SIGTERM. Raises ``FatalError`` and ``OutputError``."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(Receiver(options).run())
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass
    except BaseExceptionGroup as group:
        raise _first(group) from None
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def main(options: Options) -> int:
    """Run a receiver; return the exit status. What went wrong goes to standard error."""
    from loa.receivers.listen.client import FatalError

    np.seterr(all="ignore")
    try:
        asyncio.run(receive(options))
    except (FatalError, OutputError, OSError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return 1
    return 0
