"""A real box on a real door: it is enrolled, has a session, and is cut off."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from loa.codecs.control.messages import Ping
from loa.receivers import backoff
from loa.receivers.link import Link
from loa.receivers.wire import Opened
from loa.streamer.desk import receivers
from support.link import fleet_door


async def test_a_box_is_enrolled_and_has_a_session(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        session = there.fleet.hub.of(link.identity.kept.receiver)
        assert session is not None and session.name == "Cụm loa 1"
        assert link.nonce == session.hello.nonce
        assert there.count("fleet.welcomed") == 1


async def test_a_revoked_box_is_cut_off_at_once(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()
        id = link.identity.kept.receiver
        await receivers.revoke(there.office.desk, there.office.server, id)
        await there.until(lambda: not link.up)
        assert there.fleet.hub.of(id) is None
        assert "revoked" in link.why


async def test_a_try_that_hangs_is_given_up_and_another_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backoff, "TRY", 0.3)
    tried: list[float] = []

    async with fleet_door(tmp_path) as there:
        box = await there.enrol()
        real = Link(box)._dial

        @contextlib.asynccontextmanager
        async def dial(*to: object) -> AsyncIterator[Opened]:
            tried.append(asyncio.get_running_loop().time())
            if len(tried) < 3:  # what was sent goes nowhere, and nobody says so
                await asyncio.Event().wait()
            async with real(*to) as connection:  # type: ignore[arg-type]
                yield connection

        link = Link(box, dial=dial)
        work = asyncio.ensure_future(link.run())
        await there.until(lambda: link.up)
        assert len(tried) == 3 and link.counters["link.failed.silent"] == 2
        # A session has no such end.
        await asyncio.sleep(0.5)
        assert link.up and link.counters["link.sessions"] == 1
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_the_list_says_who_is_on_air_as_the_boxes_told(tmp_path: Path) -> None:
    async with fleet_door(tmp_path) as there:
        link = await there.link()

        async def on_air() -> object:
            (shown,) = (await there.office.call("GET", "/receivers"))["items"]
            return shown["on_air"]

        assert await on_air() is None
        session = there.fleet.hub.of(link.identity.kept.receiver)
        assert session is not None
        for said in (True, False):
            assert link.send(Ping(sent=0.0, on=said))
            await there.until(lambda: session.sounding is said)  # noqa: B023
            assert await on_air() is said
        await there.unlink(link)
        await there.until(lambda: len(there.fleet.hub) == 0)
        assert await on_air() is None
