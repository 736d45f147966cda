"""``loa backup``: everything into one file, while the server runs.

The database comes first, as of one moment; then the files that it names, which are named by their
content and so do not change. What is written is read again and compared before it gets its name.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO

from loa.streamer.files import keep_names
from loa.streamer.fleet import identity
from loa.streamer.keeping import manifest, rows
from loa.streamer.keeping.manifest import DATABASE, MANIFEST, BackupError, Manifest, Member
from loa.streamer.store import migrate
from loa.streamer.store.store import FILE, connect, database_url

CHUNK = 1024 * 1024
COMPRESSION = 3
"""Audio does not shrink; the database does, and quickly."""

Progress = Callable[[str, int, int], None]
"""Told what is done, how many bytes of it, of how many."""


def silent(what: str, done: int, of: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True)
class Written:
    """A backup that is there and was read again."""

    file: Path
    size: int
    manifest: Manifest
    noted: bool = True
    """Whether the server can see that its keys are in a backup."""


async def write(
    data: Path,
    to: Path,
    *,
    url: str | None = None,
    config: Path | None = None,
    archive: bool = False,
    now: float | None = None,
    progress: Progress = silent,
) -> Written:
    """Write a backup of a data directory to the file ``to``, or into it if it is a folder.

    ``url``: the database where it is not in the data directory; ``config``: the file to put in;
    ``archive``: with the packets of what was aired. Raises ``BackupError``.
    """
    now = time.time() if now is None else now
    if to.is_dir():
        to = to / time.strftime("loa-%Y%m%d-%H%M%S.tar.gz", time.gmtime(now))
    if to.exists():
        raise BackupError(f"{to} exists already: give another name")
    if url is None and not (data / FILE).exists():
        raise BackupError(f"there is no {FILE} in {data}: is this the data directory (--data)?")
    part = to.with_name(f".{to.name}.{os.getpid()}.part")
    try:
        with tempfile.TemporaryDirectory(dir=to.parent, prefix=".loa-backup-") as folder:
            copied = Path(folder) / DATABASE
            kind = await copy_database(data, url, copied, progress)
            made = _write(part, data, copied, kind, config, archive, now, progress)
        check(part, progress)
        _name(part, to)
        noted = _note(data, to, made)
    except FileExistsError:
        raise BackupError(f"{to} exists already: give another name") from None
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise BackupError(f"the backup cannot be written to {to}: {why}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return Written(to, to.stat().st_size, made, noted)


def _note(data: Path, to: Path, made: Manifest) -> bool:
    """Tell the server which identity is safe now; it goes over to no other."""
    member = made.members.get(f"keys/{identity.FILE.name}")
    if member is None:
        return True
    try:
        identity.note_backup(data, member.sha256, to.name, made.made_at)
    except OSError:
        return False
    return True


def _name(part: Path, to: Path) -> None:
    """Give what was written its name, never over something that came meanwhile."""
    try:
        os.link(part, to)
    except FileExistsError:
        raise
    except OSError:
        # A memory stick's file system knows no links.
        if to.exists():
            raise FileExistsError(to) from None
        part.rename(to)
    keep_names(to.parent)


# --- the database


async def copy_database(data: Path, url: str | None, to: Path, progress: Progress = silent) -> str:
    """Copy the database as of one moment into the new SQLite file ``to``; return its kind."""
    if url is None:
        with (
            contextlib.closing(sqlite3.connect(f"file:{data / FILE}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(to)) as target,
        ):
            # All pages in one step: as of one moment, and no writer waits for it.
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE").fetchall()
        return "sqlite"
    source_engine = connect(database_url(url, data))
    target_engine = connect(database_url(None, to.parent))
    try:
        revision = await migrate.revision(source_engine)
        if revision is None:
            raise BackupError("there is nothing in the database")
        await migrate.upgrade(target_engine, None, to=revision)
        async with source_engine.connect() as source, target_engine.connect() as target:
            await source.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            await rows.copy(source, target, lambda table, n: progress(f"rows of {table}", n, 0))
            await target.commit()
    except migrate.MigrationError as error:
        raise BackupError(str(error)) from None
    finally:
        await source_engine.dispose()
        await target_engine.dispose()
    with contextlib.closing(sqlite3.connect(to)) as copied:
        copied.execute("PRAGMA journal_mode = DELETE").fetchall()
    return "postgresql"


def named_files(database: Path, archive: bool) -> list[str]:
    """Return what files of the data directory a database names, sorted; ``audio/…`` and so on.

    A database that is older than this version may lack some of the tables.
    """
    wanted = [
        ("SELECT 'audio/' || sha256 || '.opus' FROM audio"),
        ("SELECT 'sources/' || source FROM bulletin WHERE source <> ''"),
    ]
    if archive:
        wanted.append("SELECT 'archive/' || file FROM archive WHERE removed_at IS NULL")
    found: set[str] = set()
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        for query in wanted:
            with contextlib.suppress(sqlite3.OperationalError):
                found.update(name for (name,) in opened.execute(query) if name)
    return sorted(found)


def _revision(database: Path) -> str:
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        return str(opened.execute("SELECT version_num FROM alembic_version").fetchone()[0])


# --- the file


def _state_files(data: Path) -> list[Path]:
    """Return the small files of the data directory."""
    return sorted(
        path for path in data.glob("*.json")
        if path.is_file() and not path.is_symlink() and manifest.allowed(f"state/{path.name}")
    )  # fmt: skip


def _write(
    part: Path,
    data: Path,
    database: Path,
    kind: str,
    config: Path | None,
    archive: bool,
    now: float,
    progress: Progress,
) -> Manifest:
    members: dict[str, Member] = {}
    missing: list[str] = []
    files = [(DATABASE, database)]
    files += [(f"state/{path.name}", path) for path in _state_files(data)]
    if (data / "keys").is_dir():
        files += [(f"keys/{path.name}", path) for path in sorted((data / "keys").iterdir())]
    if config is not None and config.is_file():
        files.append(("config/loa.toml", config))
    names = named_files(database, archive)
    files += [(name, data / name) for name in names if manifest.allowed(name)]
    total = sum(path.stat().st_size for _, path in files if path.is_file())
    done = 0
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as out:
        with (
            gzip.GzipFile("", "wb", COMPRESSION, out, mtime=now) as packed,
            tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for name, path in files:
                try:
                    opened = path.open("rb")
                except FileNotFoundError:
                    missing.append(name)
                    continue
                with opened:
                    size = os.fstat(opened.fileno()).st_size
                    reader = _Hashing(opened, size)
                    tar.addfile(_info(name, size, now), reader)
                members[name] = Member(size, reader.digest())
                done += size
                progress("written", done, total)
            revision = _revision(database)
            made = Manifest(version("loa"), revision, now, kind, members, tuple(missing))
            said = made.as_json()
            tar.addfile(_info(MANIFEST, len(said), now), io.BytesIO(said))
        out.flush()
        os.fsync(out.fileno())
    return made


def _info(name: str, size: int, now: float) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(now), 0o600
    return info


class _Hashing(io.RawIOBase):
    """A file that is read once, up to the size that it had, and hashed on the way."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self._hash.update(data)
        return data

    def digest(self) -> str:
        return self._hash.hexdigest()


# --- reading it again


@contextlib.contextmanager
def _damage(file: Path) -> Iterator[None]:
    """Say in our words what goes wrong with a file's content."""
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise BackupError(f"{file} is damaged, or no backup of Loa's ({error})") from None


def _members(file: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield every member of a backup and its content, in order.

    Only plain files with the names of ``manifest.py``, each once; nothing is written anywhere.
    """
    seen: set[str] = set()
    with gzip.open(file) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        for info in tar:
            if not info.isreg() or not manifest.allowed(info.name):
                raise BackupError(
                    f"{file} holds {info.name[:200]!r}, which no backup of Loa's does: it is "
                    "not restored"
                )
            if info.name in seen:
                raise BackupError(f"{file} holds {info.name!r} twice: it is not restored")
            seen.add(info.name)
            content = tar.extractfile(info)
            assert content is not None
            yield info, content
        # To the very end, for there is gzip's checksum; what tar pads with is less than this.
        if len(packed.read(CHUNK)) == CHUNK:
            raise BackupError(f"{file} goes on after its end: it is not restored")


def check(
    file: Path,
    progress: Progress = silent,
    keep: Callable[[tarfile.TarInfo], contextlib.AbstractContextManager[IO[bytes]]] | None = None,
) -> Manifest:
    """Read a backup to its end and compare everything with its manifest, which is returned.

    ``keep`` opens what a member's content is to be written to. Raises ``BackupError``.
    """
    found: dict[str, Member] = {}
    made = None
    done = 0
    with _damage(file):
        for info, content in _members(file):
            if made is not None:
                raise BackupError(f"{file} goes on after its end: it is not restored")
            if info.name == MANIFEST:
                if info.size > manifest.MAX_MANIFEST:
                    raise BackupError(f"{file} is damaged: its list of contents is too long")
                made = manifest.read(content.read())
                continue
            with contextlib.nullcontext() if keep is None else keep(info) as out:
                found[info.name] = _take(content, out)
            done += info.size
            progress("read", done, 0)
    if made is None:
        raise BackupError(f"{file} was cut off: its end is missing")
    for name in found.keys() | made.members.keys():
        if found.get(name) != made.members.get(name):
            raise BackupError(f"{file} is damaged: {name} is not what was put in")
    if DATABASE not in found:
        raise BackupError(f"{file} is damaged: there is no database in it")
    return made


def _take(content: IO[bytes], out: IO[bytes] | None) -> Member:
    digest = hashlib.sha256()
    size = 0
    while data := content.read(CHUNK):
        digest.update(data)
        size += len(data)
        if out is not None:
            out.write(data)
    return Member(size, digest.hexdigest())
