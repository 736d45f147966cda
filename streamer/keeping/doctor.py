"""``loa doctor``: everything is looked at, nothing is changed, and one failure hides no other."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import AsyncIterator

from sqlalchemy.exc import SQLAlchemyError

from loa.streamer.config import Config
from loa.streamer.counters import Counters
from loa.streamer.desk.desk import Desk
from loa.streamer.keeping import database, machine, practice, receivers
from loa.streamer.keeping.findings import Finding, wrong
from loa.streamer.store import migrate
from loa.streamer.store.store import FILE, Store, StoreError, connect, database_url


async def examine(config: Config, now: float | None = None) -> list[Finding]:
    """Return everything there is to say about a server with this configuration."""
    now = time.time() if now is None else now
    found = list(machine.check(config, now))
    url = None if config.database.url is None else config.database.url.get_secret_value()
    if url is None and not (config.data / FILE).is_file():
        if config.data.is_dir():
            found.append(
                wrong(
                    "database", f"there is no database in {config.data}",
                    "start `loa serve` once, or restore a backup",
                )
            )  # fmt: skip
        return found
    try:
        if url is None:
            migrate.look_at(config.data / FILE)
        store = Store(connect(database_url(url, config.data)))
    except StoreError as error:
        return [*found, wrong("database", str(error), "correct database.url")]
    except migrate.MigrationError as error:
        return [*found, wrong("database", str(error), "stop the server before you restore")]
    try:
        found += await _of_store(store, config, now)
    finally:
        await store.close()
    return found


async def _of_store(store: Store, config: Config, now: float) -> list[Finding]:
    found = await _all(database.sound(store, config.data))
    if any(finding.topic == "database" for finding in found):
        return found  # what follows reads it as this version has it
    desk = Desk(store, config.data, Counters())
    try:
        await desk.load()
    except (SQLAlchemyError, sqlite3.Error) as error:
        return [*found, _unreadable(error)]
    for look in (
        database.chained(store),
        database.files(store, config, now),
        practice.people(desk),
        practice.areas(desk),
        database.stuck(store, now),
        receivers.boxes(desk, config, now),
        receivers.sims(desk, now),
        receivers.alerts(desk, now),
    ):
        found += await _all(look)
    return found


async def _all(look: AsyncIterator[Finding]) -> list[Finding]:
    try:
        return [finding async for finding in look]
    except (SQLAlchemyError, sqlite3.Error, migrate.MigrationError) as error:
        return [_unreadable(error)]


def _unreadable(error: Exception) -> Finding:
    said = str(getattr(error, "orig", None) or error).splitlines()[0]
    return wrong(
        "database", f"the database cannot be read: {said}",
        "stop the server, move the data directory away, restore the newest backup",
    )  # fmt: skip
