"""Migrations: they lead to what the tables say, keep what is there, and fail without a trace."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine

from loa.streamer.store import migrate
from loa.streamer.store.store import Store, StoreError, connect, database_url
from loa.streamer.store.tables import Base

REVISIONS = migrate.revisions()


@contextlib.asynccontextmanager
async def nothing(data: Path) -> AsyncIterator[AsyncEngine]:
    """A database in which nothing is at all."""
    engine = connect(database_url(os.environ.get("LOA_TEST_DATABASE"), data))
    if engine.dialect.name == "postgresql":
        async with engine.begin() as connection:
            await connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            await connection.execute(sa.text("CREATE SCHEMA public"))
    try:
        yield engine
    finally:
        await engine.dispose()


async def upgrade_to(engine: AsyncEngine, revision: str) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(
            lambda sync: command.upgrade(migrate._config(migrate.SCRIPTS, sync), revision)
        )


def some(column: sa.Column[Any]) -> Any:
    """Any value that fits."""
    if column.foreign_keys:
        return None if column.nullable else some(next(iter(column.foreign_keys)).column)
    values = {int: 1, float: 1.5, bool: True, bytes: b"\x00\xff", object: {"a": [1]}}
    kind = column.type.python_type
    if kind is str:
        return column.name[: getattr(column.type, "length", None) or 60]
    if kind is datetime.date:
        return datetime.date(2026, 1, 1)
    return values[kind]


def fill(connection: sa.Connection) -> sa.MetaData:
    """Put one row into every table that is there."""
    there = sa.MetaData()
    there.reflect(connection)
    for table in there.sorted_tables:
        if table.name != "alembic_version":
            row = {column.name: some(column) for column in table.columns}
            connection.execute(table.insert().values(row))
    return there


def contents(connection: sa.Connection, tables: sa.MetaData) -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: [dict(row) for row in connection.execute(table.select()).mappings()]
        for table in tables.sorted_tables
        if table.name != "alembic_version"
    }


async def test_migrations_lead_to_what_the_tables_say(tmp_path: Path) -> None:
    async with nothing(tmp_path) as engine:
        await migrate.upgrade(engine, None)
        async with engine.connect() as connection:

            def compare(sync: sa.Connection) -> Any:
                options = {"compare_type": True, "compare_server_default": True}
                return compare_metadata(
                    MigrationContext.configure(sync, opts=options), Base.metadata
                )

            assert await connection.run_sync(compare) == []


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_database_of_each_revision_is_upgraded_with_what_is_in_it(
    revision: str, tmp_path: Path
) -> None:
    async with nothing(tmp_path) as engine:
        await upgrade_to(engine, revision)
        async with engine.begin() as connection:
            tables = await connection.run_sync(fill)
            before = await connection.run_sync(contents, tables)
        store = await Store.open(engine.url, copies=tmp_path / "copies")
        async with store.engine.connect() as connection:
            assert await connection.run_sync(contents, tables) == before
            if revision != REVISIONS[-1] and store.embedded:
                assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1
        assert await migrate.revision(store.engine) == REVISIONS[-1]
        await store.close()
        copies = list((tmp_path / "copies").glob("*.db"))
        if engine.dialect.name == "sqlite" and revision != REVISIONS[-1]:
            assert [copy.name.split("-")[1] for copy in copies] == [revision]
            assert copies[0].stat().st_mode & 0o777 == 0o600
            with contextlib.closing(sqlite3.connect(copies[0])) as copy:
                assert copy.execute("SELECT count(*) FROM area").fetchone() == (1,)
        else:
            assert copies == []


async def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    async with nothing(tmp_path) as engine:
        await migrate.upgrade(engine, None)
        async with engine.begin() as connection:
            await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StoreError, match=r"newer Loa .revision 9999; .*install that one"):
            await Store.open(engine.url, copies=tmp_path / "copies")
        assert await migrate.revision(engine) == "9999"
        assert not (tmp_path / "copies").exists()


def scripts(folder: Path, body: str) -> str:
    """Our migrations and one more after them."""
    (folder / "versions").mkdir(parents=True)
    ours = Path(migrate.__file__).parent / "migrations"
    (folder / "env.py").write_text((ours / "env.py").read_text())
    for file in (ours / "versions").glob("0*.py"):
        (folder / "versions" / file.name).write_text(file.read_text())
    (folder / "versions" / "9000_next.py").write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9000'\ndown_revision = '{REVISIONS[-1]}'\n\ndef upgrade() -> None:\n{body}"
    )
    return str(folder)


@pytest.mark.parametrize(
    "failure",
    [
        "    op.execute('INSERT INTO nowhere VALUES (1)')\n",
        "    raise KeyError('a mistake')\n",
        "    raise sa.exc.InvalidRequestError('another')\n",
    ],
)
async def test_a_broken_migration_leaves_the_database_as_it_was(
    failure: str, tmp_path: Path
) -> None:
    broken = scripts(
        tmp_path / "scripts",
        "    op.execute('DELETE FROM value')\n    op.drop_table('webhook_delivery')\n" + failure,
    )
    async with nothing(tmp_path) as engine:
        await migrate.upgrade(engine, None)
        async with engine.begin() as connection:
            tables = await connection.run_sync(fill)
            before = await connection.run_sync(contents, tables)
        with pytest.raises(migrate.MigrationError, match=r"as it was before; go on with"):
            await migrate.upgrade(engine, tmp_path / "copies", broken)
        assert await migrate.revision(engine) == REVISIONS[-1]
        async with engine.connect() as connection:
            assert await connection.run_sync(contents, tables) == before
        await engine.dispose()
        await (await Store.open(engine.url)).close()


async def test_a_table_that_is_made_anew_keeps_what_refers_to_it(tmp_path: Path) -> None:
    more = scripts(
        tmp_path / "scripts",
        "    with op.batch_alter_table('area') as batch:\n"
        "        batch.alter_column('name', type_=sa.Text())\n",
    )
    async with nothing(tmp_path) as engine:
        await migrate.upgrade(engine, None)
        async with engine.begin() as connection:
            tables = await connection.run_sync(fill)
            before = await connection.run_sync(contents, tables)
        await migrate.upgrade(engine, tmp_path / "copies", more)
        async with engine.connect() as connection:
            assert await connection.run_sync(contents, tables) == before
            if engine.dialect.name == "sqlite":
                assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1


async def test_rows_that_refer_to_nothing_afterwards_are_a_failure(tmp_path: Path) -> None:
    broken = scripts(tmp_path / "scripts", "    op.execute('DELETE FROM area')\n")
    async with nothing(tmp_path) as engine:
        await migrate.upgrade(engine, None)
        async with engine.begin() as connection:
            tables = await connection.run_sync(fill)
            before = await connection.run_sync(contents, tables)
        with pytest.raises(migrate.MigrationError, match="cannot be upgraded"):
            await migrate.upgrade(engine, tmp_path / "copies", broken)
        async with engine.connect() as connection:
            assert await connection.run_sync(contents, tables) == before


async def test_what_cannot_be_copied_is_not_upgraded(tmp_path: Path) -> None:
    async with nothing(tmp_path) as engine:
        if engine.dialect.name != "sqlite":
            pytest.skip("only a file is copied")
        await upgrade_to(engine, REVISIONS[0])
        (tmp_path / "copies").write_text("in the way")
        with pytest.raises(StoreError, match="cannot be copied"):
            await Store.open(engine.url, copies=tmp_path / "copies")
        assert await migrate.revision(engine) == REVISIONS[0]


async def test_a_file_that_a_failure_damaged_is_put_back(tmp_path: Path) -> None:
    file, copy = tmp_path / "loa.db", tmp_path / "before.db"
    store = await Store.open(database_url(None, tmp_path))
    await store.close()
    migrate._copy(file, copy)
    file.write_bytes(b"damaged" * 1000)
    migrate._put_back(copy, file, REVISIONS[-1])
    store = await Store.open(database_url(None, tmp_path))
    assert await migrate.revision(store.engine) == REVISIONS[-1]
    await store.close()


async def test_only_the_newest_copies_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        copy = tmp_path / f"before-000{number}-2026.db"
        copy.touch()
        os.utime(copy, (number, number))
    (tmp_path / "of-somebody-else.db").touch()
    migrate._forget_old(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "before-0002-2026.db", "before-0003-2026.db", "before-0004-2026.db", "of-somebody-else.db",
    ]  # fmt: skip


async def test_starts_at_the_same_time_upgrade_once(tmp_path: Path) -> None:
    async with nothing(tmp_path) as engine:
        if engine.dialect.name != "postgresql":
            pytest.skip("a data directory has one server: the lock on it sees to that")
        stores = await asyncio.gather(*(Store.open(engine.url) for _ in range(4)))
        assert await migrate.revision(engine) == REVISIONS[-1]
        for store in stores:
            await store.close()
