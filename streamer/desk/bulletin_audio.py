"""The audio of bulletins: recordings that are handed in, what was heard, what nobody needs."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import delete, func, select

from loa.streamer.core.bulletins import Audio
from loa.streamer.desk.bulletins import editable, locked, retouched, told
from loa.streamer.desk.desk import Actor, Desk, server_actor
from loa.streamer.desk.errors import Conflict, NotFound
from loa.streamer.desk.preparer import Preparer, audio_file
from loa.streamer.desk.uploads import Uploads
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.bulletins import AudioRow, BulletinRow, PreparedRow, UploadRow
from loa.streamer.store.tables.cues import CueRow

YOUNG = 86_400.0
"""Seconds for which audio is kept in any case: somebody may be about to use it."""
SWEEP_EVERY = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Recording:
    """A file in ``uploads/`` that is to become a bulletin's audio.

    For one that a voice made: ``text`` as it was written, ``spoken`` as the voice had it.
    """

    file: str
    filename: str = ""
    text: str = ""
    spoken: str = ""
    voice: str = ""


async def give(
    desk: Desk,
    preparer: Preparer,
    actor: Actor,
    id: int,
    recording: Recording,
    version: int | None = None,
) -> None:
    """Make a recording the audio of a draft, in place of what it had; it is prepared from now on.

    The file belongs to the bulletin when this returns, and to whoever called when it raises.
    """
    async with desk.work(actor) as work:
        row = await locked(work, id, version)
        editable(row)
        before = row.source
        row.source, row.filename = recording.file, recording.filename[:255]
        row.text, row.spoken, row.voice = recording.text, recording.spoken, recording.voice
        _empty(row, Audio.PREPARING)
        upload = await work.db.get(UploadRow, recording.file)
        if upload is not None:
            await work.db.delete(upload)
        retouched(row)
        told(work, row, "recorded", filename=row.filename, voice=row.voice)
        cls = row.cls
    await forget(preparer, id, before)
    preparer.add(id, cls)


async def give_upload(
    desk: Desk,
    preparer: Preparer,
    uploads: Uploads,
    actor: Actor,
    id: int,
    upload: str,
    version: int | None = None,
) -> None:
    """Make a finished upload of one's own the audio of a draft."""
    row = await uploads.find(actor, upload)
    offset = await asyncio.to_thread(uploads.files.offset, upload)
    if offset != row.size or uploads.files.busy(upload):
        raise Conflict("upload.unfinished", [{"kind": "upload", "id": upload, "offset": offset}])
    await give(desk, preparer, actor, id, Recording(upload, row.filename), version)


async def clear(
    desk: Desk, preparer: Preparer, actor: Actor, id: int, version: int | None = None
) -> None:
    """Take the audio of a draft away; where it is being prepared, that ends."""
    async with desk.work(actor) as work:
        row = await locked(work, id, version)
        editable(row)
        before, row.source, row.filename = row.source, "", ""
        row.text = row.spoken = row.voice = ""
        _empty(row, Audio.NONE)
        retouched(row)
        told(work, row, "emptied")
    await forget(preparer, id, before)


def _empty(row: BulletinRow, state: Audio) -> None:
    row.audio_state, row.audio_sha256, row.audio_error = state, None, ""
    row.source_sha256 = row.heard_sha256 = ""


async def forget(preparer: Preparer, id: int, source: str) -> None:
    """End the preparing of a source that a bulletin no longer has, and remove it; "" is none."""
    if source:
        await preparer.cancel(id)
        await asyncio.to_thread(preparer.files.remove, source)


async def peaks(desk: Desk, id: int) -> tuple[AudioRow, bytes]:
    """Return the audio of a bulletin, and its waveform. Raises ``NotFound`` without any."""
    async with desk.store.read() as db:
        row = await db.get(BulletinRow, id)
        audio = None
        if row is not None and row.audio_sha256 is not None:
            audio = await db.get(AudioRow, row.audio_sha256)
    if audio is None:
        raise NotFound("bulletin.no_audio", id=id)
    return audio, audio.peaks


# --- what was heard


class Hearings:
    """What of which audio was sent to whom, from its beginning without a gap; bounded.

    That all of it was sent is the most that can be known of whether somebody listened.
    """

    MOST = 1000

    def __init__(self) -> None:
        self._until: OrderedDict[tuple[int, int, str], int] = OrderedDict()

    def sent(
        self, account: int, bulletin: int, sha256: str, first: int, end: int, size: int
    ) -> bool:
        """Note that bytes ``first`` … ``end - 1`` of ``size`` were sent; True when that was all."""
        key = account, bulletin, sha256
        until = self._until.pop(key, 0)
        if first <= until:
            until = max(until, end)
        if until >= size:
            return True
        self._until[key] = until
        while len(self._until) > self.MOST:
            self._until.popitem(last=False)
        return False


async def heard(desk: Desk, actor: Actor, id: int, sha256: str) -> None:
    """Note that its author has heard a bulletin, if that is who it is and what it sounds like."""
    async with desk.store.read() as db:
        row = await db.get(BulletinRow, id)
    if row is None or not _news(row, actor, sha256):
        return
    async with desk.work(actor) as work:
        row = await locked(work, id)
        if _news(row, actor, sha256):
            row.heard_sha256 = sha256
            told(work, row, "heard")


def _news(row: BulletinRow, actor: Actor, sha256: str) -> bool:
    author = actor.account is not None and row.created_by == actor.account
    return author and row.audio_sha256 == sha256 and row.heard_sha256 != sha256


# --- what nobody needs


async def sweep(desk: Desk, kept: float) -> int:
    """Remove audio that no bulletin and no emergency has, and that was not aired for ``kept`` s.

    Returns how many.
    """
    now = desk.clock()
    used = select(BulletinRow.audio_sha256).where(BulletinRow.audio_sha256.is_not(None))
    called = select(CueRow.audio_sha256)
    made = (
        select(PreparedRow.audio_sha256, func.max(PreparedRow.made_at).label("at"))
        .group_by(PreparedRow.audio_sha256)
        .subquery()
    )
    candidates = (
        select(AudioRow.sha256)
        .outerjoin(made, made.c.audio_sha256 == AudioRow.sha256)
        .where(
            AudioRow.created_at < now - YOUNG,
            func.coalesce(made.c.at, 0.0) < now - YOUNG,
            AudioRow.sha256.not_in(used),
            AudioRow.sha256.not_in(called),
        )
        .limit(1000)
    )
    async with desk.store.read() as db:
        if not list(await db.scalars(candidates)):
            return 0
    async with desk.work(server_actor(desk.tree)) as work:
        found = list(await work.db.scalars(candidates))
        aired = select(AiredRow.audio).where(
            AiredRow.audio.in_(found), AiredRow.from_unix >= now - kept
        )
        gone = sorted(set(found) - set(await work.db.scalars(aired.distinct())))
        await work.db.execute(delete(PreparedRow).where(PreparedRow.audio_sha256.in_(gone)))
        await work.db.execute(delete(AudioRow).where(AudioRow.sha256.in_(gone)))
        if gone:
            work.record("audio.swept", count=len(gone))
    for sha256 in gone:
        await asyncio.to_thread(audio_file(desk.data, sha256).unlink, missing_ok=True)
    return len(gone)


async def run_sweep(desk: Desk, kept: float) -> None:
    """Sweep now and then, for ever."""
    while True:
        await sweep(desk, kept)
        await asyncio.sleep(SWEEP_EVERY)
