"""What the door knows of receivers, while they are being changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from loa.streamer.fleet.registry import Registry
from loa.streamer.store.tables.receivers import ReceiverRow
from support.desk import desk_with_sample
from support.examples.receiver_orders import enrolled


async def test_what_was_read_before_a_revocation_is_not_what_is_known_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk_with_sample(tmp_path) as office:
        store, id = office.desk.store, await enrolled(office)
        registry = Registry(office.desk)
        reading, reads = store.read, 0

        @asynccontextmanager
        async def interrupted() -> AsyncIterator[AsyncSession]:
            nonlocal reads
            reads += 1
            async with reading() as db:
                yield db
            if reads == 1:
                async with store.write() as db:
                    (await db.get_one(ReceiverRow, id)).state = "revoked"
                registry.forget(id)

        monkeypatch.setattr(store, "read", interrupted)
        known = await registry.get(id)
        assert known is not None and known.state == "revoked"
        assert reads == 2
        assert await registry.get(id) is known and reads == 2


async def test_who_was_once_there_may_be_known_and_a_stranger_not(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await enrolled(office)
        registry = Registry(office.desk)
        await registry.load()
        registry.forget()
        assert registry.may_know(id) and not registry.may_know(id + 1)
        registry.forget(id + 1)  # something happened to it: it is there
        assert registry.may_know(id + 1)
