"""Backup and restore: all is there again, elsewhere; what is damaged or hostile is refused."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import os
import sqlite3
import tarfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select, text

from loa.streamer.air import state
from loa.streamer.counters import Counters
from loa.streamer.desk.desk import Desk, server_actor
from loa.streamer.keeping import backup
from loa.streamer.keeping.manifest import BackupError
from loa.streamer.keeping.restore import CONFIG, restore
from loa.streamer.store.lock import DataInUse, DataLock
from loa.streamer.store.store import Store, database_url
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.people import AccountRow
from support.data import TICK, Filled, everything, fill
from support.desk import empty_store
from support.people import PASSWORD, WEAK

URL = os.environ.get("LOA_TEST_DATABASE")


@contextlib.asynccontextmanager
async def desk_at(data: Path, url: str | None) -> AsyncIterator[Desk]:
    store = await Store.open(database_url(url, data))
    try:
        desk = Desk(store, data, Counters())
        await desk.load()
        yield desk
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def filled(data: Path) -> AsyncIterator[tuple[Desk, Filled]]:
    """A data directory in use, on whichever database is tested."""
    data.mkdir()
    await (await empty_store(data)).close()
    async with desk_at(data, URL) as desk:
        yield desk, await fill(desk)


async def emptied() -> None:
    """Make the PostgreSQL that is tested one in which nothing is at all."""
    if URL is not None:
        store = await Store.open(database_url(URL, Path()))
        async with store.engine.begin() as connection:
            await connection.execute(text("DROP SCHEMA public CASCADE"))
            await connection.execute(text("CREATE SCHEMA public"))
        await store.close()


@pytest.mark.parametrize("onto", ["the same kind", "a file"])
async def test_everything_is_there_on_an_empty_machine(onto: str, tmp_path: Path) -> None:
    url = URL if onto == "the same kind" else None
    data, elsewhere, file = tmp_path / "data", tmp_path / "elsewhere", tmp_path / "b.tar.gz"
    config = tmp_path / "loa.toml"
    config.write_text("port = 1234\n")
    async with filled(data) as (desk, there):
        written = await backup.write(data, file, url=URL, config=config)  # while it is in use
        before = await everything(desk)
    assert file.stat().st_mode & 0o777 == 0o600
    assert written.size == file.stat().st_size and written.manifest.missing == ()
    await emptied()
    made = await restore(file, elsewhere, url=url)
    assert made == written.manifest
    async with desk_at(elsewhere, url) as desk:
        after = await everything(desk)
        differ = {name for name in before if before[name] != after[name]}
        assert differ == {"audit", "value", "session", "webhook_delivery"}
        assert after["session"] == []
        assert [row[-1] for row in after["webhook_delivery"]] == ["restored"]
        assert after["audit"][:-1] == before["audit"]
        assert after["audit"][-1][4] == "data.restored"
        async with desk.store.read() as db:
            account = await db.scalar(select(AccountRow))
        assert account is not None and WEAK.verify(account.password, PASSWORD)
        # Keys go on after what was restored.
        async with desk.work(server_actor(desk.tree)) as work:
            work.db.add(AreaRow(name="Mới", path="/moi", created_at=0.0))
    assert (elsewhere / "audio" / f"{there.audio}.opus").read_bytes().startswith(b"OggS")
    assert (elsewhere / "sources" / "abc123").read_bytes() == b"RIFF"
    assert not (elsewhere / "archive").exists()
    assert state.read_high_water(elsewhere) == TICK
    assert state.read_or_make_token(elsewhere) == (state.read_or_make_token(data)[0], None)
    assert (elsewhere / CONFIG).read_text() == "port = 1234\n"
    assert len(list((elsewhere / "audio").iterdir())) == 1  # what nobody names stays behind
    modes = {path.stat().st_mode & 0o077 for path in elsewhere.rglob("*") if path.is_file()}
    assert modes == {0}
    assert not list(elsewhere.glob(".*"))


async def test_the_archive_is_in_it_where_it_is_asked_for(tmp_path: Path) -> None:
    async with filled(tmp_path / "data"):
        await backup.write(tmp_path / "data", tmp_path / "b", url=URL, archive=True)
    await emptied()
    await restore(tmp_path / "b", tmp_path / "new", url=URL)
    assert (tmp_path / "new" / "archive" / "2026-09" / "7.pkt").read_bytes() == b"packets" * 1000


async def test_it_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    async with filled(tmp_path / "data") as (desk, _):
        over = asyncio.Event()

        async def write() -> int:
            done = 0
            while not over.is_set():
                async with desk.work(server_actor(desk.tree)) as work:
                    work.db.add(AreaRow(name="x", path=f"/x{done}", created_at=0.0))
                    work.record("area.created", subject=f"x{done}")
                done += 1
            return done

        writer = asyncio.create_task(write())
        files = []
        for number in range(3):
            files.append(tmp_path / f"{number}.tar.gz")
            copying = backup.write(tmp_path / "data", files[-1], url=URL)
            await asyncio.to_thread(asyncio.run, copying)  # as a process of its own would
        over.set()
        assert await writer > 0
    counts = []
    for number, file in enumerate(files):
        await restore(file, tmp_path / f"new{number}")
        with contextlib.closing(sqlite3.connect(tmp_path / f"new{number}" / "loa.db")) as db:
            areas = db.execute("SELECT count(*) FROM area WHERE name = 'x'").fetchone()[0]
            entries = db.execute(
                "SELECT count(*) FROM audit WHERE action = 'area.created'"
            ).fetchone()[0]
        assert areas == entries
        counts.append(areas)
    assert counts == sorted(counts)


async def test_names_and_places_that_will_not_do(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is this the data directory"):
        await backup.write(tmp_path, tmp_path / "b")
    async with filled(tmp_path / "data"):
        (tmp_path / "taken").write_text("something else")
        with pytest.raises(BackupError, match="exists already"):
            await backup.write(tmp_path / "data", tmp_path / "taken", url=URL)
        assert (tmp_path / "taken").read_text() == "something else"
        with pytest.raises(BackupError, match="No such file"):
            await backup.write(tmp_path / "data", tmp_path / "no" / "where", url=URL)
        written = await backup.write(tmp_path / "data", tmp_path, url=URL, now=1_790_000_000)
        assert written.file == tmp_path / "loa-20260921-141320.tar.gz"
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(BackupError, match=r"not empty .notes\.txt"):
        await restore(written.file, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["notes.txt"]
    (tmp_path / "busy").mkdir()
    lock = DataLock.take(tmp_path / "busy")
    with pytest.raises(DataInUse):
        await restore(written.file, tmp_path / "busy")
    lock.release()
    with pytest.raises(BackupError, match="there is no file"):
        await restore(tmp_path / "none", tmp_path / "new")
    if URL is not None:
        with pytest.raises(BackupError, match="not empty: make a new one"):
            await restore(written.file, tmp_path / "new", url=URL)


async def test_what_the_database_names_and_is_not_there_is_said(tmp_path: Path) -> None:
    async with filled(tmp_path / "data") as (_, there):
        (tmp_path / "data" / "audio" / f"{there.audio}.opus").unlink()
        written = await backup.write(tmp_path / "data", tmp_path / "b", url=URL)
    assert written.manifest.missing == (f"audio/{there.audio}.opus",)
    await restore(tmp_path / "b", tmp_path / "new")


# --- damaged and hostile files


@pytest.fixture
async def good(tmp_path: Path) -> Path:
    async with filled(tmp_path / "data"):
        return (await backup.write(tmp_path / "data", tmp_path / "good.tar.gz", url=URL)).file


async def refused(file: Path, data: Path, words: str) -> None:
    with pytest.raises(BackupError, match=words):
        await restore(file, data)
    assert not data.exists() or {p.name for p in data.iterdir()} <= {"lock"}


async def test_damage_is_found_wherever_it_is(good: Path, tmp_path: Path) -> None:
    whole = good.read_bytes()
    bad = tmp_path / "bad.tar.gz"
    for cut in (0, 1, 100, len(whole) // 2, len(whole) - 20, len(whole) - 1):
        bad.write_bytes(whole[:cut])
        await refused(bad, tmp_path / "new", "damaged|cut off|cannot be read")
    for at in range(5, len(whole), max(1, len(whole) // 40)):
        bad.write_bytes(whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :])
        with contextlib.suppress(BackupError):
            backup.check(bad)
            # Some bits of gzip's say nothing of the content.
            assert gzip.decompress(bad.read_bytes()) == gzip.decompress(whole)


def rewritten(
    good: Path, to: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]
) -> Path:
    with tarfile.open(good) as tar:
        members = []
        for info in tar.getmembers():
            content = tar.extractfile(info)
            members.append((info, content.read() if content is not None else b""))
    change(members)
    with tarfile.open(to, "w:gz") as tar:
        for info, content in members:
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content))
    return to


def plain(name: str) -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), b"hostile"


def odd(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b""


@pytest.mark.parametrize(
    "member",
    [
        plain("../outside"),
        plain("/tmp/outside"),
        plain("audio/../../outside"),
        plain("audio/..%2f"),
        plain("archive/a/../b"),
        plain("archive/./b"),
        plain("state/.hidden"),
        plain("loa.db-wal"),
        plain("other/file"),
        plain("audio/a\nb"),
        plain("loa.db"),
        odd("state/link.json", tarfile.SYMTYPE, "/etc/passwd"),
        odd("state/link.json", tarfile.LNKTYPE, "loa.db"),
        odd("audio", tarfile.DIRTYPE),
        odd("state/fifo", tarfile.FIFOTYPE),
        odd("state/device", tarfile.CHRTYPE),
    ],
    ids=lambda member: f"{member[0].name}-{member[0].type.decode()}",
)
async def test_what_no_backup_holds_is_refused(
    member: tuple[tarfile.TarInfo, bytes], good: Path, tmp_path: Path
) -> None:
    bad = rewritten(good, tmp_path / "bad.tar.gz", lambda members: members.insert(1, member))
    await refused(bad, tmp_path / "new", "not restored|damaged")
    assert not (tmp_path / "outside").exists() and not Path("/tmp/outside").exists()


async def test_the_list_of_contents_must_be_true(good: Path, tmp_path: Path) -> None:
    def changed(change: Callable[[dict[str, object]], object]) -> Path:
        def edit(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
            said = json.loads(members[-1][1])
            change(said)
            members[-1] = (members[-1][0], json.dumps(said).encode())

        return rewritten(good, tmp_path / "bad.tar.gz", edit)

    new = tmp_path / "new"
    await refused(changed(lambda said: said.pop("members")), new, "damaged")
    await refused(changed(lambda said: said["members"].clear()), new, "damaged")  # type: ignore[attr-defined]
    await refused(changed(lambda said: said.update(format=99)), new, "form 99")
    await refused(changed(lambda said: said.update(revision="9999")), new, "newer Loa")
    await refused(changed(lambda said: said.update(revision="0001")), new, "damaged")
    bad = rewritten(good, tmp_path / "bad.tar.gz", lambda members: members.pop(0) and None)
    await refused(bad, new, "damaged")
    bad = rewritten(good, tmp_path / "bad.tar.gz", lambda members: members.pop() and None)
    await refused(bad, new, "cut off")
    bad = rewritten(good, tmp_path / "bad.tar.gz", lambda m: m.append(plain("state/more.json")))
    await refused(bad, new, "goes on after its end")


async def test_no_room_is_an_error_before_the_disk_is_full(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loa.streamer.keeping.restore.SPARE", 1 << 60)
    await refused(good, tmp_path / "new", "no room")


async def test_what_is_no_backup_at_all(tmp_path: Path) -> None:
    for content in (b"", b"hello", gzip.compress(b"hello"), gzip.compress(b"\x00" * 10240)):
        (tmp_path / "bad").write_bytes(content)
        await refused(tmp_path / "bad", tmp_path / "new", "damaged|cut off|no backup")
