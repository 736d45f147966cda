"""The demo's sample data: a tree, people with roles, a bulletin spoken, approved and queued.

It is made before the server starts, by the same calls that staff use; what is there already stays,
so a second start doubles nothing. Only passwords are made anew each time, for nobody keeps them. A
data directory that is not a demo's is left alone.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from loa.streamer.config import Config
from loa.streamer.core.areas import Area
from loa.streamer.core.bulletins import Audio, Step
from loa.streamer.core.languages import LANGUAGES
from loa.streamer.core.rights import Grant, Rights, Role
from loa.streamer.counters import Counters
from loa.streamer.desk import accounts, bulletin_audio, bulletins, grants, sample, slots, speaking
from loa.streamer.desk.desk import Actor, Desk, server_actor
from loa.streamer.desk.identity import Identity, named
from loa.streamer.desk.preparer import Preparer
from loa.streamer.ingest.apart import Preparation
from loa.streamer.ingest.uploads import UploadFiles
from loa.streamer.speech.voices import Settings, Voices, probe
from loa.streamer.store.lock import DataLock
from loa.streamer.store.store import FILE, Store, StoreError, database_url
from loa.streamer.store.tables.bulletins import BulletinRow
from loa.streamer.store.tables.people import AccountRow
from loa.streamer.store.tables.schedule import SlotRow

MARK = "demo"
"""A file in the data directory that says that it is a demo's."""
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Of passwords: what cannot be taken for each other."""
PATIENCE = 120.0
STATION = sample.NA_KHUONG
ADMIN = "admin"
PEOPLE: tuple[tuple[str, str, str, Role], ...] = (
    (ADMIN, "Quản trị", sample.PROVINCE, Role.ADMINISTRATOR),
    ("phatthanh", "Phát thanh viên huyện", sample.DISTRICT, Role.BROADCASTER),
    ("bientap", "Biên tập viên xã", STATION, Role.EDITOR),
    ("duyet", "Người duyệt tin xã", STATION, Role.APPROVER),
    ("xem", "Người xem", sample.PROVINCE, Role.VIEWER),
)
"""Login, name, where, which role."""
TITLE = f"Lịch tiêm chủng{sample.LABEL}"
TEXT = (
    "Đây là dữ liệu mẫu. UBND xã thông báo: từ 7h30 ngày 15/3, trạm y tế tiêm chủng cho trẻ em "
    "dưới 5 tuổi. Bà con nhớ mang theo sổ tiêm chủng và thẻ BHYT. Điện thoại: 0912 345 678."
)
SLOT = f"Cả ngày{sample.LABEL}"


@dataclass(frozen=True, slots=True)
class Sample:
    """What the demo tells: each sample account's login, name and password of this start."""

    accounts: tuple[tuple[str, str, str], ...]

    @property
    def admin(self) -> dict[str, str]:
        """The administrator, as ``--json`` says it."""
        login, _, password = self.accounts[0]
        return {"user": login, "password": password}


def guard(data: Path) -> None:
    """Raise ``StoreError`` where somebody keeps data that is no demo's; else mark it as one's."""
    if (data / FILE).exists() and not (data / MARK).exists():
        raise StoreError(
            f"{data} is the data of a server, and loa demo would add sample data to it: choose "
            "another directory with --data"
        )
    (data / MARK).touch()


async def make(config: Config) -> Sample:
    """Make what is missing in ``config.data``. Raises ``StoreError``, ``OSError`` with advice."""
    lock = DataLock.take(config.data)
    try:
        store = await Store.open(database_url(None, config.data), copies=config.data / "copies")
        try:
            desk = Desk(store, config.data, Counters())
            await desk.load()
            return await _make(desk, config)
        finally:
            await store.close()
    finally:
        lock.release()


async def _make(desk: Desk, config: Config) -> Sample:
    if not len(desk.tree):
        await sample.load(desk, server_actor(desk.tree))
    identity = Identity(desk)
    told, admin = [], None
    for login, name, path, role in PEOPLE:
        password = "".join(secrets.choice(LETTERS) for _ in range(14))
        actor = await _person(desk, identity, login, name, path, role, password)
        told.append((login, name, password))
        admin = admin or actor
    assert admin is not None
    station = desk.tree.find(STATION)
    if station is not None and station.station:
        await _slot(desk, admin, station)
        await _bulletin(desk, admin, station, config)
    return Sample(tuple(told))


async def _person(
    desk: Desk, identity: Identity, login: str, name: str, path: str, role: Role, password: str
) -> Actor:
    """Make an account, or give the one that is there another password; return its actor."""
    async with desk.store.read() as db:
        row = await db.scalar(select(AccountRow).where(AccountRow.login == login))
    # With all rights on the sample: whoever was taken a role gets his password all the same.
    tops = tuple(Grant(a.id, Role.ADMINISTRATOR) for a in desk.tree if a.parent is None)
    if row is not None:
        actor = Actor(row.id, named(row), Rights(tops))
        await accounts.set_password(desk, identity, actor, row.id, password)
        return actor
    area = desk.tree.find(path)
    kept = await identity.passwords.hash(password)
    async with desk.work(Actor(None, "loa demo")) as work:
        row = await accounts.add(
            work, login, name + sample.LABEL, kept, "vi",
            area=0 if area is None else area.id, must_change=False,
        )  # fmt: skip
        if area is not None:
            await grants.add(work, row, area.id, role)
    return Actor(row.id, named(row), Rights(tops))


async def _slot(desk: Desk, actor: Actor, station: Area) -> None:
    """Give the station a slot that is open around the clock, if it has none at all."""
    async with desk.store.read() as db:
        there = await db.scalar(select(SlotRow.id).where(SlotRow.area_id == station.id).limit(1))
    if there is None:
        zone = desk.policies.effective(station).timezone or "UTC"
        today = datetime.fromtimestamp(desk.clock(), ZoneInfo(zone)).date()
        wish = slots.SlotWish(name=SLOT, first=f"{today}T00:00", minutes=1440, rrule="FREQ=DAILY")
        await slots.add_slot(desk, actor, station, wish)


async def _bulletin(desk: Desk, actor: Actor, station: Area, config: Config) -> None:
    """Have a text spoken, heard, submitted and approved, which puts it into the queue."""
    async with desk.store.read() as db:
        there = await db.scalar(
            select(BulletinRow.id).where(
                BulletinRow.title == TITLE, BulletinRow.state.in_(("approved", "withdrawn"))
            )
        )
    if there is not None:
        return
    voices = await probe(Settings(**config.speech.model_dump()))
    if "vi" not in voices.languages:
        raise OSError(f"there is no voice for {LANGUAGES['vi'].en}: install espeak-ng")
    wish = bulletins.Wish(TITLE, sign_text="TIÊM CHỦNG: 7H30 NGÀY 15/3", per_day=3, days=30)
    id = await bulletins.create(desk, actor, station, wish)
    version, sha256 = await _spoken(desk, actor, id, voices, config)
    await bulletin_audio.heard(desk, actor, id, sha256)
    await bulletins.take(desk, actor, id, Step.SUBMIT, version)
    await bulletins.take(desk, actor, id, Step.APPROVE, version + 1)


async def _spoken(
    desk: Desk, actor: Actor, id: int, voices: Voices, config: Config
) -> tuple[int, str]:
    """Have the text spoken and prepared; return the bulletin's version, and its audio's name."""
    given = config.bulletins
    preparer = Preparer(
        desk,
        UploadFiles(config.data / "uploads", given.disk_reserve_mb * 1_000_000, desk.counters),
        Preparation(config.sound.target_lufs, config.sound.bitrate, config.sound.complexity),
    )
    done = asyncio.Event()
    forget = desk.bus.subscribe(
        lambda h: done.set() if h.kind in ("bulletin.prepared", "bulletin.unusable") else None
    )
    await preparer.start()
    try:
        await speaking.speak(desk, voices, preparer, actor, id, TEXT, None, 1)
        async with asyncio.timeout(PATIENCE):
            await done.wait()
    except TimeoutError:
        raise OSError("the sample bulletin could not be prepared in time") from None
    finally:
        forget()
        await preparer.close()
    async with desk.store.read() as db:
        row = await db.get_one(BulletinRow, id)
    if row.audio_state != Audio.READY or row.audio_sha256 is None:
        raise OSError(f"the sample bulletin could not be prepared: {row.audio_error}")
    return row.version, row.audio_sha256
