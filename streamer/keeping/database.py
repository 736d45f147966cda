"""The doctor on the store: the database, the audit log's chain, and the files that are named."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import select, text

from loa.streamer.config import Config
from loa.streamer.desk import audit
from loa.streamer.keeping.findings import Finding, note, some, wrong
from loa.streamer.store import migrate
from loa.streamer.store.store import FILE, Store
from loa.streamer.store.tables.airing import ArchiveRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow

ORPHAN_AGE = 86_400.0
MONTH = 30.44 * 86_400
QUICK_ABOVE = 1_000_000_000
"""A database larger than this is looked at without comparing its indexes with its tables."""


async def sound(store: Store, data: Path) -> AsyncIterator[Finding]:
    """The database is whole, and of this version."""
    revision = await migrate.revision(store.engine)
    known = migrate.revisions()
    if store.embedded:
        file = data / FILE
        pragma = "quick_check" if file.stat().st_size > QUICK_ABOVE else "integrity_check"
        async with store.engine.connect() as connection:
            said = [r[0] for r in await connection.exec_driver_sql(f"PRAGMA {pragma}(5)")]
            dangling = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).first()
        if said != ["ok"]:
            yield wrong(
                "database", f"{file} is damaged: {said[0]}",
                "stop the server, move the data directory away, restore the newest backup",
            )  # fmt: skip
        if dangling is not None:
            yield wrong(
                "database", f"rows of {dangling[0]} refer to rows that are not there",
                "restore a backup, and report this",
            )  # fmt: skip
    if revision is None:
        yield wrong("database", "there is nothing in the database", "start `loa serve` once")
    elif revision not in known:
        yield wrong(
            "database", f"the database was made by a newer Loa (revision {revision})",
            "install that version",
        )  # fmt: skip
    elif revision != known[-1]:
        yield note(
            "database", f"the database is of revision {revision}, this version has {known[-1]}",
            "the next start upgrades it, and makes a copy of a file before",
        )  # fmt: skip


async def chained(store: Store) -> AsyncIterator[Finding]:
    """Nobody has been at the audit log."""
    problems = await audit.verify(store)
    if problems:
        yield wrong(
            "audit", some(problems),
            "find out who can write to the database; a backup from before has the log as it was",
        )  # fmt: skip


async def files(store: Store, config: Config, now: float) -> AsyncIterator[Finding]:
    """What the database names is there, and is what it says."""
    data = config.data
    async with store.read() as db:
        audio = set(await db.scalars(select(AudioRow.sha256)))
        titles = await db.execute(
            select(BulletinRow.audio_sha256, sa.func.min(BulletinRow.title))
            .where(BulletinRow.audio_sha256.is_not(None))
            .group_by(BulletinRow.audio_sha256)
        )
        used = {row[0]: row[1] for row in titles}
        sources = set(await db.scalars(select(BulletinRow.source).where(BulletinRow.source != "")))
        kept = list(
            await db.scalars(select(ArchiveRow.file).where(ArchiveRow.removed_at.is_(None)))
        )
    missing, changed = [], []
    for sha256 in sorted(audio):
        title = used.get(sha256) or sha256[:12]
        try:
            with (data / "audio" / f"{sha256}.opus").open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != sha256:
                    changed.append(title)
        except OSError:
            missing.append(title)
    todo = "restore them from a backup (the folder audio/ in it), or upload those bulletins again"
    if missing:
        yield wrong("audio", f"the audio of {some(missing)} is not there or not readable", todo)
    if changed:
        yield wrong("audio", f"the audio of {some(changed)} is damaged", todo)
    gone = [name for name in sorted(sources) if not (data / "sources" / name).is_file()]
    if gone:
        yield wrong(
            "audio", f"{len(gone)} uploads that wait to be prepared are not there",
            "upload those bulletins again",
        )  # fmt: skip
    lost = [name for name in kept if not (data / "archive" / name).is_file()]
    if lost:
        yield note(
            "archive", f"of what was aired, the audio of {some(lost)} is not there",
            "it was not in the backup that was restored, or somebody removed it",
        )  # fmt: skip
    for finding in orphans(data, audio, now):
        yield finding
    for finding in room(config, now):
        yield finding


def orphans(data: Path, audio: set[str], now: float) -> Iterator[Finding]:
    """Files that nothing names: they only take room."""
    left = [
        path for path in (data / "audio").glob("*.opus")
        if path.stem not in audio and path.stat().st_mtime < now - ORPHAN_AGE
    ] if (data / "audio").is_dir() else []  # fmt: skip
    if left:
        size = sum(path.stat().st_size for path in left) / 1e6
        yield note(
            "audio", f"{len(left)} files in {data / 'audio'} ({size:.0f} MB) belong to no bulletin",
            "recordings that the configuration names are kept there, too; others may be removed",
        )  # fmt: skip


def room(config: Config, now: float) -> Iterator[Finding]:
    """The disk will hold the archive for as long as it is to be kept, at the pace of last week."""
    folder, months = config.data / "archive", config.archive.months
    if not folder.is_dir() or not months:
        return
    week = 7 * 86_400
    recent, total, oldest = 0, 0, now
    for path in folder.rglob("*"):
        if path.is_file():
            status = path.stat()
            total += status.st_size
            oldest = min(oldest, status.st_mtime)
            recent += status.st_size if status.st_mtime > now - week else 0
    days = min(7.0, max(1.0, (now - oldest) / 86_400))
    coming = recent / days * months * 30.44 - total
    free = shutil.disk_usage(folder).free
    if coming > free:
        full = time.strftime(
            "%Y-%m-%d", time.localtime(now + free / max(recent / days, 1) * 86_400)
        )
        yield wrong(
            "archive",
            f"what is aired takes {recent / days / 1e6:.0f} MB a day; kept for {months:g} months "
            f"it fills the disk around {full}",
            "a larger disk, or fewer archive.months",
        )


async def stuck(store: Store, now: float) -> AsyncIterator[Finding]:
    """Nothing waits that should not."""
    async with store.read() as db:
        failed = list(
            await db.scalars(
                select(BulletinRow.title)
                .where(BulletinRow.audio_state == "failed", BulletinRow.state != "withdrawn")
                .order_by(BulletinRow.id)
            )
        )
        given_up = await db.scalar(
            text(
                "SELECT count(*) FROM webhook_delivery WHERE state = 'given_up' "
                "AND answer <> 'restored' AND created_at > :since"
            ),
            {"since": now - 7 * 86_400},
        )
    if failed:
        yield note(
            "bulletins", f"the recordings of {some(failed)} could not be prepared",
            "the bulletin says why; upload another recording, or withdraw it",
        )  # fmt: skip
    if given_up:
        yield note(
            "webhooks", f"{given_up:,} messages of webhooks were given up in the last week",
            "loa webhooks deliveries ID --state given_up says why",
        )  # fmt: skip
