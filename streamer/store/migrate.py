"""Bringing a database up to date at start, by Alembic, with a copy of it made before.

All migrations that are missing run in one transaction: a database is upgraded whole or stays as it
was. Servers that start at the same time on one PostgreSQL do it one after the other.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from loa.streamer import logs

log = logs.get("store")
# What it did is said by us, in one line.
logging.getLogger("alembic").setLevel(logging.WARNING)

SCRIPTS = "loa.streamer.store:migrations"
UPGRADERS = 0x4C6F62
"""PostgreSQL's advisory lock that is held while a database is upgraded."""
KEPT_COPIES = 3


class MigrationError(Exception):
    """The database cannot be brought up to date; the text says what to do."""


def _config(scripts: str, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", scripts)
    config.attributes["connection"] = connection
    return config


def revisions(scripts: str = SCRIPTS) -> list[str]:
    """Return the revisions that this version of Loa knows, oldest first."""
    walked = ScriptDirectory.from_config(_config(scripts)).walk_revisions()
    return [script.revision for script in walked][::-1]


def newest(scripts: str = SCRIPTS) -> str:
    """Return the revision that this version of Loa wants."""
    return revisions(scripts)[-1]


async def revision(engine: AsyncEngine) -> str | None:
    """Return the revision of a database, None for an empty one. Raises ``MigrationError``."""
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_revision)
    except (SQLAlchemyError, OSError) as error:
        raise MigrationError(_unreachable(engine, error)) from None


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


async def upgrade(
    engine: AsyncEngine, copies: Path | None, scripts: str = SCRIPTS, *, to: str = "head"
) -> None:
    """Run what migrations are missing. Raises ``MigrationError``; the database is then as before.

    An SQLite file that has anything in it is copied to ``copies`` first (None: it is not). ``to``:
    a revision to stop at, for what was made by an older version.
    """
    if engine.dialect.name == "sqlite" and engine.url.database:
        look_at(Path(engine.url.database))
    now = await revision(engine)
    known = revisions(scripts)
    if now == known[-1]:
        return
    if now is not None and now not in known:
        raise MigrationError(
            f"the database was made by a newer Loa (revision {now}; this one knows {known[-1]}): "
            "install that one, or restore a backup, or the copy that was made before the upgrade"
        )
    copy = None
    file = engine.url.database
    if now is not None and copies is not None and engine.dialect.name == "sqlite" and file:
        copy = copies / f"before-{now}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.db"
        try:
            _copy(Path(file), copy)
        except (OSError, sqlite3.Error) as error:
            with contextlib.suppress(OSError):
                copy.unlink(missing_ok=True)
            raise MigrationError(
                f"the database is to be upgraded, and cannot be copied to {copy} before: "
                f"{_reason(error)}. Make room there, then start again"
            ) from None
        log.info("the database was copied", to=str(copy))
    try:
        async with engine.connect() as connection:
            await connection.execution_options(loa_write=True)
            async with _tables_apart(connection), connection.begin():
                await connection.run_sync(_upgrade, scripts, to)
    except Exception as error:
        if copy is not None and file:
            _put_back(copy, Path(file), now)
        raise MigrationError(
            f"the database cannot be upgraded from {now or 'nothing'} to {known[-1]}: "
            f"{_reason(error)}. It is as it was before; go on with the version of Loa that you "
            "had, and report this" + ("" if copy is None else f". A copy of it is {copy}")
        ) from error
    if copy is not None:
        _forget_old(copy.parent)
    if to == "head":
        log.info("the database is up to date", revision=known[-1], was=now)


@contextlib.asynccontextmanager
async def _tables_apart(connection: AsyncConnection) -> AsyncIterator[None]:
    """Let SQLite make a table anew under its name without touching what refers to it."""
    if connection.dialect.name != "sqlite":
        yield
        return
    # Past SQLAlchemy, which would begin a transaction, in which this does nothing.
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        await driver.execute("PRAGMA foreign_keys = ON")


def _upgrade(connection: Connection, scripts: str, to: str) -> None:
    embedded = connection.dialect.name == "sqlite"
    if not embedded:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({UPGRADERS})"))
    # Another server may have done it while this one waited: Alembic looks again.
    command.upgrade(_config(scripts, connection), to)
    if embedded:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise MigrationError(f"rows of {broken[0][0]} refer to rows that are not there")


def look_at(file: Path) -> None:
    """Open a database's file once, past SQLAlchemy, which does not wait for the end of a connection
    that it could not make. Raises ``MigrationError``."""
    try:
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        reason = _reason(error)
        if "not a database" in reason or "malformed" in reason:
            raise MigrationError(
                f"the database {file} is damaged ({reason}): move it away and restore a backup "
                "(loa restore)"
            ) from None
        raise MigrationError(f"the database {file} cannot be opened: {reason}") from None


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    to.touch(0o600)
    source, target = sqlite3.connect(file), sqlite3.connect(to)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()


def _put_back(copy: Path, file: Path, was: str | None) -> None:
    """Make sure that a file is what it was: by rule it is, since nothing was committed."""
    try:
        connection = sqlite3.connect(file)
        try:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        finally:
            connection.close()
        if sound and found == [(was,)]:
            return
    except sqlite3.Error:
        pass
    for beside in ("-wal", "-shm"):
        file.with_name(file.name + beside).unlink(missing_ok=True)
    back = file.with_name(file.name + ".back")
    _copy(copy, back)
    back.rename(file)
    log.error("the database was put back from its copy", copy=str(copy))


def _forget_old(copies: Path) -> None:
    """Keep the newest few copies: each is as large as the database."""
    found = sorted(copies.glob("before-*.db"), key=lambda path: path.stat().st_mtime)
    for old in found[:-KEPT_COPIES]:
        old.unlink(missing_ok=True)


def _unreachable(engine: AsyncEngine, error: Exception) -> str:
    reason = _reason(error)
    if engine.dialect.name == "sqlite":
        return f"the database {engine.url.database} cannot be read: {reason}"
    return (
        f"the database at {engine.url.host or engine.url.query.get('host', 'its host')} cannot be "
        f"reached: {reason}"
    )


def _reason(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    return said.splitlines()[0]
