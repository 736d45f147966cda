"""The box as a process: its configuration, its lock, signals, the service manager."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loa.receivers.alone import AnotherRuns, only_one
from loa.receivers.box import Box
from loa.receivers.config import Config, ConfigError, load
from loa.receivers.horn import SilentHorn
from loa.receivers.identity import BoxIdentity, IdentityError
from loa.receivers.relay import RelayError, relay_of
from loa.receivers.service import Service

THREADS = 4
MUTE = 600.0
"""Seconds without a device after which the watchdog starves, so that a fresh process tries."""
TRIES = 90.0
"""Seconds within which a lost device is tried again at least."""
NOT_CONFIGURED = 78
"""Exit status (EX_CONFIG): starting it again is of no use before somebody has done something."""
AGAIN = 75
"""Exit status (EX_TEMPFAIL): start it again."""

log = logging.getLogger("loa.box")


def main(file: Path | None) -> int:
    """Run the enrolled box until it is told to end; return the exit status."""
    try:
        config = load(file)
        BoxIdentity.load(config.state)
    except (ConfigError, IdentityError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return NOT_CONFIGURED
    logging.basicConfig(
        level=config.log.level.upper(), format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )  # fmt: skip
    try:
        with only_one(config.state):
            # Read by whoever has the lock: it may have been enrolled anew just now.
            return asyncio.run(_run(config, BoxIdentity.load(config.state)))
    except (AnotherRuns, IdentityError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return NOT_CONFIGURED
    except SilentHorn as error:
        print(f"loa: {error}", file=sys.stderr)
        return AGAIN
    except OSError as error:
        print(f"loa: {error.filename or config.state}: {error.strerror}", file=sys.stderr)
        return 1


def silence(file: Path | None) -> int:
    """Switch the relay off: what the service manager does behind whatever ended the box.

    Where it keys a transmitter it is left as it is: a carrier without sound is what is silent.
    """
    try:
        config = load(file)
    except ConfigError as error:
        print(f"loa: {error}", file=sys.stderr)
        return NOT_CONFIGURED
    if config.transmitter:
        return 0
    relay = relay_of(config.relay)
    try:
        asyncio.run(relay.switch(False))
    except RelayError as error:
        print(f"loa: {error}", file=sys.stderr)
        return 1
    finally:
        relay.close()
    return 0


async def _run(config: Config, identity: BoxIdentity) -> int:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, "box"))
    service = Service()
    box = Box(config, identity)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, box.end)
    # What was made until here stays: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    service.ready("runs")
    watch = loop.create_task(_watch(box, service, box.clock))
    try:
        await box.run()
    finally:
        service.stopping()
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        service.close()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    if box.ending != "restart":
        return 0
    if service.watchdog is None and "INVOCATION_ID" not in os.environ:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    return AGAIN


async def _watch(box: Box, service: Service, clock: Callable[[], float]) -> None:
    """Feed the watchdog while the loop runs and the device takes samples, or is being sought."""
    took_at = clock()
    while True:
        now = clock()
        if box.horn.consuming:
            took_at = now
        if now - took_at < MUTE and (box.horn.consuming or now - box.horn.tried_at < TRIES):
            service.feed()
        service.status(_line(box))
        await asyncio.sleep((service.watchdog or 15.0) / 3)


def _line(box: Box) -> str:
    line = "online" if box.link.up else f"offline: {box.link.why}"
    horn = box.horn.state()
    sound = "on air" if horn.sounding else "silent"
    return f"{line}; {sound}" + (f"; {horn.trouble}" if horn.trouble else "")
