"""Packs: what an area plays in the next days, for a stick."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from loa.codecs.control.agenda import DAY_TICKS, Schedule
from loa.codecs.control.signing import Purpose
from loa.streamer.core.areas import Area
from loa.streamer.desk.desk import Desk
from loa.streamer.desk.errors import Conflict, NotFound
from loa.streamer.desk.preparer import audio_file
from loa.streamer.fleet.agendas import Agendas
from loa.streamer.ingest.mp3 import Mp3Failed, make_mp3
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.cues import CueRow
from loa.streamer.store.tables.schedule import EntryRow

MP3_FOLDER = "mp3"
MOST_MP3 = 2_000_000_000
"""Bytes of MP3 files that are kept; what was used longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A bulletin of a pack: ``audio`` is its SHA-256, ``times`` when it is played (Unix time)."""

    bulletin: int
    audio: str
    size: int
    seconds: float
    cls: int
    title: str
    language: str
    times: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """``items`` in the order in which they are first played; ``manifest`` is signed, for a box."""

    area: Area
    schedule: Schedule
    items: tuple[Packed, ...]
    manifest: bytes


class Packs:
    """Makes packs, and MP3 files of prepared audio, each once."""

    def __init__(self, desk: Desk, agendas: Agendas, data: Path, most: int = MOST_MP3) -> None:
        self._desk = desk
        self._agendas = agendas
        self._data = data
        self._most = most
        self._making: dict[str, asyncio.Lock] = {}
        self._turn = asyncio.Semaphore(1)

    async def make(self, area: Area, days: int) -> Pack:
        """Return the pack of an area, as things stand. Raises ``NotFound`` without a station."""
        station = self._desk.tree.station_of(area)
        if station is None:
            raise NotFound("pack.no_station", area=area.name)
        schedule = await self._agendas.pack(station, area, days)
        manifest = await asyncio.to_thread(self._agendas.seal, schedule, Purpose.PACK)
        return Pack(area, schedule, items_of(schedule), manifest)

    async def may_have(self, area: Area, sha256: str) -> bool:
        """Say whether this audio is in a queue that is heard in the area, or an emergency's."""
        stations = [a.id for a in self._desk.tree.lineage(area) if a.station]
        async with self._desk.store.read() as db:
            found = await db.scalar(
                select(EntryRow.id)
                .join(BulletinRow, BulletinRow.id == EntryRow.bulletin_id)
                .where(
                    BulletinRow.audio_sha256 == sha256, BulletinRow.state == "approved",
                    EntryRow.state == "accepted", EntryRow.area_id.in_(stations),
                )
                .limit(1)
            )  # fmt: skip
            if found is None:
                found = await db.scalar(
                    select(CueRow.id)
                    .where(CueRow.audio_sha256 == sha256, CueRow.state == "standing")
                    .limit(1)
                )
        return found is not None

    async def opus(self, area: Area, sha256: str) -> Path:
        """Return the prepared audio. Raises ``NotFound``."""
        path = audio_file(self._data, sha256)
        if not await self.may_have(area, sha256) or not await asyncio.to_thread(path.is_file):
            raise NotFound("pack.no_audio")
        return path

    async def mp3(self, area: Area, sha256: str) -> Path:
        """Return it as MP3. Raises ``NotFound``, and ``Conflict`` where it cannot be made."""
        source = await self.opus(area, sha256)
        path = self._data / MP3_FOLDER / f"{sha256}.mp3"
        lock = self._making.setdefault(sha256, asyncio.Lock())
        try:
            async with lock:
                if not await asyncio.to_thread(_used, path):
                    await asyncio.to_thread(path.parent.mkdir, exist_ok=True)
                    async with self._turn:
                        await make_mp3(source, path)
                    await asyncio.to_thread(self._tidy, path)
        except Mp3Failed as error:
            raise Conflict("pack.no_mp3", reason=str(error)) from None
        finally:
            if not lock.locked():
                self._making.pop(sha256, None)
        return path

    def _tidy(self, newest: Path) -> None:
        files = sorted(newest.parent.glob("*.mp3"), key=lambda p: p.stat().st_mtime, reverse=True)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > self._most and file != newest:
                file.unlink(missing_ok=True)


def items_of(schedule: Schedule) -> tuple[Packed, ...]:
    """Return what a schedule plays, each bulletin once, by its first time."""
    times: dict[tuple[int, int], list[int]] = {}
    for station in schedule.stations:
        for turn in (*station.priority, *station.plays):
            times.setdefault((turn.bulletin, turn.audio), []).append(turn.start)
    for call in schedule.calls:
        times.setdefault((call.bulletin, call.audio), []).append(call.start)
    found = []
    for (id, number), starts in times.items():
        audio, bulletin = schedule.audios[number], schedule.bulletin(id)
        found.append(
            Packed(
                id, audio.hash.hex(), audio.size, audio.ticks / DAY_TICKS, bulletin.cls,
                bulletin.title, bulletin.language, tuple(s / DAY_TICKS for s in sorted(starts)),
            )
        )  # fmt: skip
    # Emergencies that stand are for now, whenever they were called.
    return tuple(sorted(found, key=lambda p: (p.cls < 2, p.times[0], p.bulletin)))


def _used(path: Path) -> bool:
    with suppress(FileNotFoundError):
        os.utime(path)
        return True
    return False
