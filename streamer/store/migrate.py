"""Bringing a database up to date at start, by Alembic, with a copy of it made before."""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from loa.streamer import logs

log = logs.get("store")
# What it did is said by us, in one line.
logging.getLogger("alembic").setLevel(logging.WARNING)


class MigrationError(Exception):
    """The database cannot be brought up to date; the text says what to do."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "loa.streamer.store:migrations")
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """Return the revision that this version of Loa wants."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def upgrade(engine: AsyncEngine, copies: Path | None) -> None:
    """Run what migrations are missing. Raises ``MigrationError``."""
    try:
        async with engine.connect() as connection:
            now = await connection.run_sync(
                lambda sync: MigrationContext.configure(sync).get_current_revision()
            )
    except (SQLAlchemyError, OSError) as error:
        raise MigrationError(f"the database cannot be reached: {_reason(error)}") from None
    if now == newest():
        return
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if now is not None and now not in known:
        raise MigrationError(
            f"the database was made by a newer Loa (revision {now}): install that one, or restore "
            "the copy that was made before it was upgraded"
        )
    copy = None
    file = engine.url.database
    if now is not None and copies is not None and engine.dialect.name == "sqlite" and file:
        copy = copies / f"before-{now}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.db"
        _copy(Path(file), copy)
        log.info("the database was copied", to=str(copy))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(lambda sync: command.upgrade(_config(sync), "head"))
    except SQLAlchemyError as error:
        advice = "" if copy is None else f"; a copy of it as it was is {copy}"
        raise MigrationError(f"the database cannot be upgraded: {_reason(error)}{advice}") from None
    log.info("the database is up to date", revision=newest(), was=now)


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source, target = sqlite3.connect(file), sqlite3.connect(to)
    try:
        source.backup(target)
    finally:
        source.close()
        target.close()
    to.chmod(0o600)


def _reason(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
