"""The store: whole transactions, one writer at a time, and errors that say what to do."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path

import pytest
from sqlalchemy import text, update

from loa.streamer.store.store import Store, StoreError, database_url
from loa.streamer.store.tables.audit import ValueRow
from support.desk import empty_store


async def value(store: Store, name: str) -> str | None:
    async with store.read() as db:
        row = await db.get(ValueRow, name)
        return None if row is None else row.value


async def test_what_raises_leaves_nothing(tmp_path: Path) -> None:
    store = await empty_store(tmp_path)

    async def fail() -> None:
        async with store.write() as db:
            db.add(ValueRow(name="a", value="1"))
            await db.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await value(store, "a") is None
    async with store.write() as db:
        db.add(ValueRow(name="a", value="1"))
    assert await value(store, "a") == "1"
    await store.close()


async def test_a_reader_sees_one_state_and_waits_for_nobody(tmp_path: Path) -> None:
    store = await empty_store(tmp_path)
    async with store.write() as db:
        db.add(ValueRow(name="a", value="1"))
    async with store.read() as reader:
        assert await reader.scalar(text("SELECT value FROM value WHERE name = 'a'")) == "1"
        async with store.write() as db:
            await db.execute(update(ValueRow).values(value="2"))
        assert await reader.scalar(text("SELECT value FROM value WHERE name = 'a'")) == "1"
    assert await value(store, "a") == "2"
    await store.close()


async def test_nobody_is_overtaken_between_looking_and_changing(tmp_path: Path) -> None:
    first = await empty_store(tmp_path)
    second = await Store.open(first.engine.url)  # as a second process would
    async with first.write() as db:
        db.add(ValueRow(name="n", value="0"))

    async def count(store: Store) -> None:
        async with store.write() as db:
            row = await db.get(ValueRow, "n")
            assert row is not None
            await asyncio.sleep(0)
            row.value = str(int(row.value) + 1)

    await asyncio.gather(*(count(store) for store in (first, second) for _ in range(10)))
    assert await value(first, "n") == "20"
    await first.close()
    await second.close()


async def test_a_write_within_a_write_is_refused_instead_of_waiting_for_ever(
    tmp_path: Path,
) -> None:
    store = await empty_store(tmp_path)

    async def twice() -> None:
        async with store.write(), store.write():
            pass

    with pytest.raises(RuntimeError, match="inside another"):
        await twice()
    async with store.write() as db:
        db.add(ValueRow(name="a", value="still works"))
    await store.close()


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        store = await Store.open(database_url(None, tmp_path))
        async with store.write() as db:
            db.add(ValueRow(name="a", value="1"))
        modes = {p.name: p.stat().st_mode & 0o777 for p in tmp_path.glob("loa.db*")}
        await store.close()
    finally:
        os.umask(before)
    assert modes == {"loa.db": 0o600, "loa.db-wal": 0o600, "loa.db-shm": 0o600}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://host/loa", "no support for mysql"),
        ("what is this", "must be a URL"),
        ("postgresql://host:port/loa", "must be a URL"),
    ],
)
def test_a_url_that_is_none_is_refused(url: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=words):
        database_url(url, tmp_path)


async def test_a_server_that_is_not_there_is_an_error_without_the_password(tmp_path: Path) -> None:
    url = database_url("postgresql://loa:geheim@127.0.0.1:1/loa", tmp_path)
    with pytest.raises(StoreError, match=r"127\.0\.0\.1 cannot be reached") as caught:
        await Store.open(url)
    assert "geheim" not in str(caught.value)


async def test_a_file_that_is_no_database_is_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "loa.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="restore a backup"):
        await Store.open(database_url(None, tmp_path))
    (tmp_path / "loa.db").unlink()
    (tmp_path / "loa.db").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        await Store.open(database_url(None, tmp_path))


async def test_what_was_cancelled_in_the_middle_of_a_statement_leaves_nothing_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loa.streamer.store.store.BUSY_MS", 500)
    store = await Store.open(database_url(None, tmp_path))
    reached, go_on = threading.Event(), threading.Event()

    def slow(value: int) -> int:
        reached.set()
        go_on.wait(10)
        return value

    async def write() -> None:
        async with store.write() as db:
            await db.execute(text("DELETE FROM value"))
            raw = await (await db.connection()).get_raw_connection()
            assert raw.driver_connection is not None
            await raw.driver_connection.create_function("slow", 1, slow)
            await db.execute(text("SELECT slow(column1) FROM (VALUES (1), (2))"))

    gc.disable()  # what nobody frees is still there
    try:
        task = asyncio.get_running_loop().create_task(write())
        await asyncio.to_thread(reached.wait, 10)
        task.cancel()
        await asyncio.sleep(0.05)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with store.write() as db:
            await db.execute(text("DELETE FROM value"))
    finally:
        gc.enable()
        await store.close()
