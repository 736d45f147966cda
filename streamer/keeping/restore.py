"""``loa restore``: a backup into an empty data directory, and into an empty PostgreSQL if asked.

Everything is first written to a hidden folder in the directory and compared with the backup's own
list; only what is whole is put in place. Nobody who signed in before the backup is signed in
afterwards, and what webhooks were still to be told then is not told now.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from loa.streamer.counters import Counters
from loa.streamer.desk.desk import Desk, server_actor
from loa.streamer.files import keep_names
from loa.streamer.keeping import backup, rows
from loa.streamer.keeping.backup import Progress, silent
from loa.streamer.keeping.manifest import DATABASE, MANIFEST, BackupError, Manifest
from loa.streamer.store import migrate
from loa.streamer.store.lock import FILE as LOCK
from loa.streamer.store.lock import DataLock
from loa.streamer.store.store import FILE, Store, connect, database_url

STAGE = ".restoring"
CONFIG = "loa.toml.restored"
SPARE = 64 * 1024 * 1024
"""Bytes of the disk that are left free."""
_FORGOTTEN = (
    "DELETE FROM session",
    "UPDATE webhook_delivery SET state = 'given_up', answer = 'restored' WHERE state = 'waiting'",
)


async def restore(
    file: Path, data: Path, *, url: str | None = None, progress: Progress = silent
) -> Manifest:
    """Restore a backup into ``data``, and its database into ``url`` where that is given.

    Raises ``BackupError`` or ``StoreError``; the data directory is then empty again. The other
    database is, too, unless it failed at the very last, when everything was in place.
    """
    if not file.is_file():
        raise BackupError(f"there is no file {file}")
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = sorted(path.name for path in data.iterdir())
    except OSError as error:
        raise BackupError(f"{data} cannot be used: {error.strerror}") from None
    if set(there) - {LOCK, STAGE, "lost+found"}:
        raise BackupError(
            f"{data} is not empty ({', '.join(there[:5])}): a backup is restored into an empty "
            "directory only. Choose another one with --data, or move away what is there"
        )
    lock = DataLock.take(data)
    stage = data / STAGE
    placed: list[Path] = []
    try:
        shutil.rmtree(stage, ignore_errors=True)  # of an attempt before that was cut off
        stage.mkdir(mode=0o700)
        made = backup.check(file, progress, lambda info: _place(stage, info))
        _look_at(stage / DATABASE, made)
        await _forget(stage)
        if url is not None:
            await _into(url, stage / DATABASE, made.revision, progress)
            (stage / DATABASE).unlink()
        _settle(stage, data, placed)
        await _open_once(data, url, file, made)
    except (OSError, sqlite3.Error) as error:
        _undo(placed)
        why = getattr(error, "strerror", None) or error
        raise BackupError(f"the backup cannot be restored to {data}: {why}") from None
    except BaseException:
        _undo(placed)
        raise
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        lock.release()
    return made


@contextlib.contextmanager
def _place(stage: Path, info: tarfile.TarInfo) -> Iterator[IO[bytes]]:
    """Open the new file for a member, whose name was checked against the list."""
    free = shutil.disk_usage(stage).free
    if info.size + SPARE > free:
        raise BackupError(
            f"there is no room for {info.name}: {info.size} bytes, and {free} are free"
        )
    to = stage / info.name
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(to, flags, 0o600), "wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())


def _look_at(database: Path, made: Manifest) -> None:
    known = migrate.revisions()
    if made.revision not in known:
        raise BackupError(
            f"the backup was made by a newer Loa ({made.version}, revision {made.revision}; this "
            f"one knows {known[-1]}): install that one and restore with it"
        )
    try:
        with contextlib.closing(sqlite3.connect(database)) as opened:
            found = opened.execute("PRAGMA integrity_check(3)").fetchall()
            revision = opened.execute("SELECT version_num FROM alembic_version").fetchone()
            dangling = opened.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"the database in the backup is damaged ({error})") from None
    if found != [("ok",)] or revision != (made.revision,) or dangling is not None:
        raise BackupError("the database in the backup is damaged")


async def _forget(stage: Path) -> None:
    with contextlib.closing(sqlite3.connect(stage / DATABASE)) as opened:
        for statement in _FORGOTTEN:
            with contextlib.suppress(sqlite3.OperationalError):  # older, without that table
                opened.execute(statement)
        opened.commit()


async def _into(url: str, database: Path, revision: str, progress: Progress) -> None:
    """Copy the restored file's rows into an empty PostgreSQL, in one transaction."""
    target = connect(database_url(url, database.parent))
    source = connect(database_url(None, database.parent))
    try:
        now = await migrate.revision(target)
        if now is not None:
            async with target.connect() as connection:
                if now != revision or not await rows.is_empty(connection):
                    raise BackupError(
                        "the database that is configured is not empty: make a new one (createdb), "
                        "and name that in the configuration"
                    )
        else:
            await migrate.upgrade(target, None, to=revision)
        async with source.connect() as reading, target.begin() as writing:
            await rows.copy(reading, writing, lambda table, n: progress(f"rows of {table}", n, 0))
    except migrate.MigrationError as error:
        raise BackupError(str(error)) from None
    finally:
        await target.dispose()
        await source.dispose()


def _settle(stage: Path, data: Path, placed: list[Path]) -> None:
    """Move what is whole to where the server looks for it."""
    (stage / MANIFEST).unlink(missing_ok=True)
    moves = [(path, data / path.name) for path in sorted(stage.iterdir())]
    for folder in ("state", "config"):
        moves = [move for move in moves if move[0].name != folder]
        if (stage / folder).is_dir():
            moves += [
                (path, data / (CONFIG if folder == "config" else path.name))
                for path in sorted((stage / folder).iterdir())
            ]
    owner = data.stat()
    for source, target in moves:
        if target.exists():
            raise BackupError(f"{target} is there already")
        if os.getuid() == 0 and owner.st_uid != 0:
            # Root restores for the server's own user.
            for path in (source, *source.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        source.rename(target)
        placed.append(target)
    keep_names(data)


def _undo(placed: list[Path]) -> None:
    for path in placed:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)


async def _open_once(data: Path, url: str | None, file: Path, made: Manifest) -> None:
    """Open it as the server will, upgraded if it is older, and put on record what was done."""
    store = await Store.open(database_url(url, data))
    try:
        desk = Desk(store, data, Counters())
        await desk.load()
        async with desk.work(server_actor(desk.tree)) as work:
            work.record("data.restored", made_at=made.made_at, version=made.version, file=file.name)
    finally:
        await store.close()
    owner = data.stat()
    if os.getuid() == 0 and owner.st_uid != 0:
        for path in data.glob(FILE + "*"):
            os.chown(path, owner.st_uid, owner.st_gid)
        os.chown(data / LOCK, owner.st_uid, owner.st_gid)
