"""The store: one database, opened, brought up to date, and used in whole transactions.

    async with store.read() as db: …     sees one state of things, changes nothing
    async with store.write() as db: …    commits at the end, or nothing of it happens

One transaction writes at a time, on both databases: who looks whether a thing is still as he knew
it, and then changes it, is not overtaken in between. SQLite (in WAL mode, each commit flushed to
the disk) can do no other; on PostgreSQL a lock that all writers take first does the same. Readers
wait for nobody.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

from loa.streamer.store import migrate

FILE = "loa.db"
COPIES = "copies"
"""The folder in the data directory for what the database was before it was upgraded."""
DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
BUSY_MS = 10_000
WRITERS = 0x4C6F61
"""PostgreSQL's advisory lock that writers take, one after the other."""
CONNECT_SECONDS = 10


class StoreError(Exception):
    """The database cannot be used; the text says what to do."""


class NoRoom(StoreError):
    """The disk is full or broken: nothing of the transaction was kept, all before it was."""


def database_url(url: str | None, data: Path) -> URL:
    """Return where the database is: ``url``, or the file in the data directory.

    Raises ``StoreError`` when the URL is none or of a database that we do not know.
    """
    if url is None:
        return URL.create("sqlite+aiosqlite", database=str(data / FILE))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError(
            "the database must be a URL like postgresql://loa:password@host/loa"
        ) from None
    base = parsed.get_backend_name()
    if base not in DRIVERS:
        raise StoreError(f"there is no support for {base}: use postgresql:// or leave it out")
    return parsed.set(drivername=DRIVERS[base])


class Store:
    """One open database; ``await Store.open(url)``, later ``await store.close()``."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.embedded = engine.dialect.name == "sqlite"
        """Whether it is the SQLite file rather than a server."""
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[Any] | None = None

    @classmethod
    async def open(cls, url: URL, *, copies: Path | None = None) -> Store:
        """Open a database and bring it up to date; what it was before is copied to ``copies``.

        Raises ``StoreError`` when it cannot be reached, is newer than this version, or a migration
        fails (the database is then as it was).
        """
        engine = connect(url)
        try:
            await migrate.upgrade(engine, copies)
        except migrate.MigrationError as error:
            await engine.dispose()
            raise StoreError(str(error)) from None
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine)

    async def close(self) -> None:
        """Close every connection; nothing may be under way."""
        await self.engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One consistent view; nothing that is changed in it is kept."""
        async with AsyncSession(self.engine, expire_on_commit=False) as db:
            if not self.embedded:
                await db.connection(
                    execution_options={
                        "isolation_level": "REPEATABLE READ",
                        "postgresql_readonly": True,
                    }
                )
            yield db

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed when the block ends, undone when it raises.

        What it committed outlives a crash of the process and of the machine. Must not be used
        inside itself: ``RuntimeError``, rather than to wait for oneself for ever.
        """
        task = asyncio.current_task()
        if task is not None and task is self._writer:
            raise RuntimeError("a transaction that writes was begun inside another one")
        async with self._turn:
            self._writer = task
            try:
                async with AsyncSession(self.engine, expire_on_commit=False) as db:
                    await db.connection(execution_options={"loa_write": True})
                    if not self.embedded:
                        await db.execute(text(f"SELECT pg_advisory_xact_lock({WRITERS})"))
                    yield db
                    await db.commit()
            except DBAPIError as error:
                if _no_room(error):
                    raise NoRoom(f"the database cannot be written: {error.orig}") from error
                raise
            finally:
                self._writer = None


def _no_room(error: DBAPIError) -> bool:
    """Say whether it is the disk's fault (SQLite by its words, PostgreSQL by its code)."""
    words = str(error.orig)
    code = getattr(error.orig, "sqlstate", None)
    return "disk is full" in words or "disk I/O error" in words or code in ("53100", "58030")


def connect(url: URL) -> AsyncEngine:
    """Return the engine for a database that is used as it is, whatever its revision."""
    engine = create_async_engine(url, **_options(url))
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    return engine


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        # Readers do not wait for the writer; a connection is a thread, so there are few.
        return {"pool_size": 5, "max_overflow": 5}
    return {
        "pool_size": 10,
        "max_overflow": 10,
        "pool_pre_ping": True,
        "connect_args": {
            "timeout": CONNECT_SECONDS,
            "server_settings": {"application_name": "loa"},
        },
    }


def _prepare_sqlite(engine: AsyncEngine) -> None:
    file = engine.url.database
    if file and file != ":memory:":
        # Nobody but its owner reads it; what SQLite puts beside it gets the same rights.
        with suppress(OSError):
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        # We say BEGIN ourselves: Python's driver would leave it out before reads.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {BUSY_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Any) -> None:
        write = connection.get_execution_options().get("loa_write")
        # Straight to the driver: by way of a cursor it would be three turns of its thread, not one.
        driver = connection.connection.driver_connection
        await_only(driver.execute("BEGIN IMMEDIATE" if write else "BEGIN"))

    @event.listens_for(engine.sync_engine, "invalidate")
    def invalidated(connection: Any, _record: Any, _error: Any) -> None:
        # A task was cancelled in the middle of a statement. That statement is not finished yet, and
        # until it is SQLite keeps a connection that was closed, with all that it has locked.
        if connection is not None and in_greenlet():
            with suppress(sqlite3.Error, ValueError):
                await_only(connection.driver_connection.rollback())
