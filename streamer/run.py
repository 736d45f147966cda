"""``loa serve``: the server as a process, from its configuration to its exit code."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import ssl
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop

from loa.streamer import logs
from loa.streamer.air.state import StateError
from loa.streamer.config import Config, ConfigError, load
from loa.streamer.core.areas import AreaError
from loa.streamer.notify import Notifier, keep_watchdog
from loa.streamer.process import raise_descriptor_limit
from loa.streamer.ready import Ready
from loa.streamer.server import Server
from loa.streamer.store.lock import DataInUse
from loa.streamer.store.store import StoreError

FAILED = 1
MISCONFIGURED = 2
YOUNG = 10_000
"""Objects after which Python looks for garbage (its own 700 are for small programs): when 2,000
boxes come back, each of whose sessions stays, that was a twelfth of the work."""
MIDDLE, OLD = 3, 50
"""How many of those looks make one at what outlived them, and how many of these one at everything:
with 20 the middle look held 3,000 sessions' audio up by 90 ms every few seconds, with 3 by 22."""


def serve(file: Path | None, options: Mapping[str, Any], as_json: bool) -> int:
    """Run the server until it is told to stop (SIGINT, SIGTERM); return the exit code."""
    try:
        config = load(file, options)
    except ConfigError as error:
        for problem in error.problems:
            print(f"loa: {problem}", file=sys.stderr)
        return MISCONFIGURED

    async def announce(server: Server) -> None:
        if as_json:
            print(json.dumps(server.ready.as_json(), ensure_ascii=False), flush=True)
        else:
            say(server.ready)

    return run(config, announce)


def run(config: Config, announce: Callable[[Server], Awaitable[None]]) -> int:
    """Start a server, await ``announce``, and keep it until a signal; return the exit code."""
    logs.configure(config.log.level, config.log.format)
    raise_descriptor_limit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(config, announce))


async def _run(config: Config, announce: Callable[[Server], Awaitable[None]]) -> int:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    try:
        server = await Server.start(config, version("loa"))
    except DataInUse as error:
        print(f"loa: {error}", file=sys.stderr)
        return FAILED
    except (StateError, StoreError, AreaError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return MISCONFIGURED
    except ssl.SSLError as error:
        print(
            f"loa: the certificate {config.tls.cert} and the key {config.tls.key} cannot be used: "
            f"{error.reason or error} (both must be PEM, the key not encrypted, and fit together)",
            file=sys.stderr,
        )
        return MISCONFIGURED
    except OSError as error:
        where = f"{config.host}:{config.port}"
        print(f"loa: cannot listen on {where}: {error.strerror or error}", file=sys.stderr)
        return FAILED
    # What a start leaves stays: collecting garbage need not look through it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    notifier = Notifier()
    watchdog = loop.create_task(keep_watchdog(notifier, server.engine))
    announcing = asyncio.ensure_future(announce(server))
    try:
        notifier.ready(f"listening on {server.ready.url}")
        waiting = loop.create_task(told.wait())
        await asyncio.wait({waiting, announcing}, return_when=asyncio.FIRST_COMPLETED)
        # What is announced may be said and done, or go on for as long as the server (the demo).
        if not told.is_set() and announcing.done() and announcing.exception() is None:
            await waiting
        waiting.cancel()
    finally:
        notifier.stopping()
        # A second signal ends it at once.
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        announcing.cancel()
        watchdog.cancel()
        results = await asyncio.gather(announcing, watchdog, return_exceptions=True)
        await server.stop()
        notifier.close()
    for result in results:
        if isinstance(result, Exception):
            raise result
    return 0


def say(ready: Ready) -> None:
    """Tell a person where to listen and how to go live."""
    out = sys.stderr
    print(f"Loa {ready.version} is on: {ready.url}/", file=out)
    if ready.https:
        print(f"  in the office: {ready.https}/", file=out)
    for path in ready.mounts[:5]:
        print(f"  listen  {ready.url}{path}.opus", file=out)
    if len(ready.mounts) > 5:
        print(f"  … and {len(ready.mounts) - 5} more, listed on the page", file=out)
    if ready.password is not None:
        print(
            f"  go live with user {ready.user!r} and password {ready.password!r}\n"
            "  (made now and shown this once; only a digest of it is kept)\n"
            f"  loa live {ready.mounts[0]} --server {ready.url}",
            file=out,
        )
    if ready.setup_code is not None:
        print(
            "  nobody can sign in yet: make the first account in a browser at\n"
            f"  {ready.https or ready.url}/setup#{ready.setup_code}\n"
            f"  or with: loa users setup {ready.setup_code} --server {ready.url}",
            file=out,
        )
