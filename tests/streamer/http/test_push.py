"""Server-sent events: a snapshot, changes, who may see what, who is let go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse

from loa.streamer.http import push
from loa.streamer.http.push import Viewer
from support.desk import Office, desk_with_sample

PROVINCE, COMMUNE, OTHER = "/ha-giang", "/ha-giang/quang-binh/na-khuong", "/tuyen-quang"


class Stream:
    """What one viewer is told."""

    def __init__(self, response: ClientResponse) -> None:
        self.response = response

    async def next(self) -> tuple[str, Any]:
        name = ""
        async with asyncio.timeout(5):
            while True:
                line = (await self.response.content.readline()).decode().rstrip("\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    return name, json.loads(line[6:])
                elif not line and self.response.content.at_eof():
                    return "", None


@asynccontextmanager
async def watching(office: Office, as_: str) -> AsyncIterator[Stream]:
    async with await office.ask("GET", "/events", as_=as_) as response:
        assert response.status == 200, await response.text()
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in response.headers
        stream = Stream(response)
        assert (await stream.next())[0] == "snapshot"
        yield stream


async def happen(office: Office, kind: str, path: str) -> None:
    async with office.desk.work(office.server) as work:
        work.record(kind, area=office.area(path).id, subject="thing/1")


async def test_everyone_is_told_what_happened_to_areas_that_they_see(tmp_path: Path) -> None:
    async with (
        desk_with_sample(tmp_path) as office,
        watching(office, f"viewer@{PROVINCE}") as above,
        watching(office, f"viewer@{COMMUNE}") as below,
        watching(office, f"viewer@{OTHER}") as elsewhere,
    ):
        await happen(office, "bulletin.approved", PROVINCE)
        await happen(office, "session.begun", COMMUNE)
        await happen(office, "emergency.called", PROVINCE)
        await happen(office, "bulletin.submitted", COMMUNE)
        await happen(office, "bulletin.submitted", OTHER)

        def kinds(told: Any) -> list[str]:
            return [one["kind"] for one in told["happened"]]

        assert kinds((await above.next())[1]) == [
            "bulletin.approved", "emergency.called", "bulletin.submitted",
        ]  # fmt: skip
        assert kinds((await below.next())[1]) == ["emergency.called", "bulletin.submitted"]
        assert kinds((await elsewhere.next())[1]) == ["bulletin.submitted"]


async def test_who_may_see_more_begins_anew_and_who_may_see_nothing_is_let_go(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office:
        who = f"viewer@{COMMUNE}"
        seen = await office.actor(who)
        async with watching(office, who) as stream:
            office.accounts[f"viewer@{PROVINCE}"] = seen.account or 0
            actors = {who: await office.actor(f"viewer@{PROVINCE}")}

            async def other(name: str) -> Any:
                return actors[name]

            office.actor = other  # type: ignore[method-assign]
            await happen(office, "grant.given", COMMUNE)
            assert (await stream.next())[0] == "snapshot"
            actors[who] = None  # type: ignore[assignment]
            await happen(office, "session.ended", COMMUNE)
            assert await stream.next() == ("ended", {"why": "signed_out"})
            assert await stream.next() == ("", None)


async def test_one_that_takes_too_little_is_dropped_and_counted(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        pushing = office.services.push
        assert pushing is not None
        async with watching(office, f"viewer@{PROVINCE}") as stream:
            (viewer,) = pushing._viewers
            viewer.waiting.extend([b": .\n\n"] * push.MOST_WAITING)
            await happen(office, "bulletin.approved", PROVINCE)
            pushing._tell()
            assert office.desk.counters.snapshot()["push.slow"] == 1
            assert await stream.next() == ("ended", {"why": "slow"})


def test_what_waits_is_bounded() -> None:
    viewer = Viewer(1)
    given = [viewer.give(b"x") for _ in range(push.MOST_WAITING + 1)]
    assert given.count(False) == 1 and len(viewer.waiting) == push.MOST_WAITING


async def test_one_account_opens_only_so_many(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        push.MOST_OF_ONE, most = 1, push.MOST_OF_ONE
        try:
            async with watching(office, f"viewer@{PROVINCE}"):
                await office.call("GET", "/events", as_=f"viewer@{PROVINCE}", status=429)
            # Whoever went makes room, though nothing was written to him since.
            async with watching(office, f"viewer@{PROVINCE}"):
                pass
        finally:
            push.MOST_OF_ONE = most


async def test_closing_ends_all_streams(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office, watching(office, f"viewer@{PROVINCE}") as s:
        assert office.services.push is not None
        await office.services.push.close()
        assert await s.next() == ("ended", {"why": "stopping"})
