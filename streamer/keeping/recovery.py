"""``loa users recover``: a way in where nobody can sign in, for whoever has the machine."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from loa.streamer.config import Config, ConfigError, load
from loa.streamer.counters import Counters
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.people import recover as make_code
from loa.streamer.store.lock import DataLock
from loa.streamer.store.store import COPIES, Store, StoreError, database_url

OK, FAILED, MISCONFIGURED = 0, 1, 2


def recover(data: Path | None, file: Path | None, as_json: bool) -> int:
    """Make a code, print it, and return the exit code."""
    try:
        config = load(file, {"data": data})
    except ConfigError as error:
        for problem in error.problems:
            print(f"loa: {problem}", file=sys.stderr)
        return MISCONFIGURED
    if not config.data.is_dir():
        print(f"loa: there is no data directory {config.data} (--data DIR)", file=sys.stderr)
        return FAILED
    try:
        code = asyncio.run(_recover(config))
    except (StoreError, OSError) as error:
        print(f"loa: {error}", file=sys.stderr)
        return FAILED
    if as_json:
        print(json.dumps({"setup_code": code}))
    else:
        print(
            f"set-up code: {code}\n"
            "Good for a day and for one new administrator. Start the server, then:\n"
            f"  loa users setup {code}"
        )
    return OK


async def _recover(config: Config) -> str:
    url = config.database.url.get_secret_value() if config.database.url is not None else None
    # A running server would be written behind its back.
    lock = DataLock.take(config.data)
    try:
        store = await Store.open(database_url(url, config.data), copies=config.data / COPIES)
        try:
            desk = Desk(store, config.data, Counters())
            await desk.load()
            return await make_code(desk)
        finally:
            await store.close()
    finally:
        lock.release()
