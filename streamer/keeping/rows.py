"""Copying all rows of one database into another that has the same tables and nothing in them.

Both are taken as they are, by reflection: what is copied may be older than this version's tables.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

BATCH = 1000
_OWN = "alembic_version"


async def reflect(connection: AsyncConnection) -> sa.MetaData:
    """Return the tables that are there."""
    metadata = sa.MetaData()
    await connection.run_sync(metadata.reflect)
    return metadata


async def is_empty(connection: AsyncConnection) -> bool:
    """Say whether no table has a row in it."""
    for table in (await reflect(connection)).sorted_tables:
        if table.name == _OWN:
            continue
        if (await connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1))).first():
            return False
    return True


async def copy(
    source: AsyncConnection,
    target: AsyncConnection,
    progress: Callable[[str, int], None] = lambda table, rows: None,
) -> None:
    """Copy every row; ``target`` is to be committed by the caller. ``progress`` is told now and
    then how many rows of a table are copied."""
    theirs, ours = await reflect(source), await reflect(target)
    for table in ours.sorted_tables:
        if table.name == _OWN:
            continue
        await _copy_table(source, target, theirs.tables[table.name], table, progress)
    if target.dialect.name == "postgresql":
        for table in ours.sorted_tables:
            await _go_on_after(target, table)


async def _copy_table(
    source: AsyncConnection,
    target: AsyncConnection,
    theirs: sa.Table,
    ours: sa.Table,
    progress: Callable[[str, int], None],
) -> None:
    # A row may refer to one of its own table that comes later: such columns are filled in at last.
    own = [
        c.name for c in ours.columns
        if c.nullable and any(key.column.table is ours for key in c.foreign_keys)
    ]  # fmt: skip
    keys = [c.name for c in ours.primary_key.columns]
    later = []
    done = 0
    columns = [theirs.c[c.name] for c in ours.columns]
    # In an order of its own, so that two backups of the same are the same.
    chosen = sa.select(*columns).order_by(*(theirs.c[key] for key in keys))
    result = await source.stream(chosen)
    async for part in result.mappings().partitions(BATCH):
        rows = [dict(row) for row in part]
        for row in rows:
            if any(row[name] is not None for name in own):
                later.append({f"_{name}": row[name] for name in (*keys, *own)})
                row.update(dict.fromkeys(own))
        await target.execute(ours.insert(), rows)
        done += len(rows)
        progress(ours.name, done)
    if later:
        change = (
            ours.update()
            .where(*(ours.c[key] == sa.bindparam(f"_{key}") for key in keys))
            .values({name: sa.bindparam(f"_{name}") for name in own})
        )
        await target.execute(change, later)


async def _go_on_after(target: AsyncConnection, table: sa.Table) -> None:
    """Let PostgreSQL make the next key after the highest that was copied."""
    if "id" not in table.c or not isinstance(table.c.id.type, sa.Integer):
        return
    sequence = await target.scalar(sa.select(sa.func.pg_get_serial_sequence(table.name, "id")))
    highest = await target.scalar(sa.select(sa.func.max(table.c.id)))
    if sequence is not None and highest is not None:
        await target.execute(sa.select(sa.func.setval(sequence, highest)))
