"""What staff change reaches the air: from the desk's own tables, without a restart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, update

from loa.streamer.air.watch import Watch
from loa.streamer.core.policy import Hours, Policy
from loa.streamer.core.rights import digest
from loa.streamer.desk import emergencies
from loa.streamer.desk.emergencies import Wanted
from loa.streamer.desk.policies import policy_version, set_policy
from loa.streamer.desk.slots import change_slot
from loa.streamer.ingest.session import NotAllowed, SourceKind
from loa.streamer.store.tables.airing import AiredRow
from loa.streamer.store.tables.areas import AreaRow
from loa.streamer.store.tables.people import SourceTokenRow
from support.desk import NOW, Office, desk_with_sample
from support.onair import TONE, Stage
from support.schedule import add_bulletin, add_entry, add_slot

HERE = "/ha-giang/quang-binh/na-khuong"


class Pulled:
    def __init__(self) -> None:
        self.wanted: set[str] = set()

    def want(self, alternatives: object) -> None:
        self.wanted = set(alternatives)  # type: ignore[call-overload]


@asynccontextmanager
async def air(path: Path) -> AsyncIterator[tuple[Office, Stage, Watch, Pulled]]:
    async with desk_with_sample(path) as office:
        stage = Stage(path, tree=office.desk.tree, max_mounts=32, store=office.desk.store)
        pulled = Pulled()
        watch = Watch(office.desk, stage.director, stage.tokens, pulled)
        await watch.load()
        try:
            yield office, stage, watch, pulled
        finally:
            watch.close()
            await stage.asrun.write()
            await stage.close()


async def run(office: Office, stage: Stage, ticks: int, **how: object) -> None:
    await stage.load()
    await stage.run(ticks, **how)  # type: ignore[arg-type]
    office.clock.now = stage.unix(stage.now)


async def test_a_queue_is_played_in_its_slot_and_counts_as_played(tmp_path: Path):
    async with air(tmp_path) as (office, stage, watch, _):
        area = office.area(HERE)
        # 21:13:20 in Vietnam; a slot from 21:14.
        slot = await add_slot(office, area, "2026-09-21T21:14", 10)
        first = await add_bulletin(office, area, seconds=10)
        second = await add_bulletin(office, area, seconds=8)
        entries = [await add_entry(office, area, b) for b in (first, second)]
        stage.add_audio(500, 500), stage.add_audio(400, 400)
        for ticks in (500, 400):
            source = tmp_path / "audio" / f"{ticks:064x}.opus"
            assert source.exists()
        async with office.desk.work(office.server) as work:
            work.record("slot.created", area=area.id, subject=f"slot/{slot}")
        await watch.read()
        await run(office, stage, 40 * 50 + 1000)
        assert [row[:2] for row in stage.aired(area.id)] == [(2000, 2500), (2500, 2900)]
        await stage.asrun.write()
        async with office.desk.store.read() as db:
            rows = list(await db.scalars(select(AiredRow).where(AiredRow.area_id == area.id)))
        assert [(r.entry_id, r.complete, r.who, r.why) for r in rows] == [
            (entries[0], True, "test", "slot"), (entries[1], True, "test", "slot"),
        ]  # fmt: skip
        assert rows[0].from_unix == pytest.approx(NOW + 40, abs=0.05)


async def test_an_emergency_is_called_and_stopped(tmp_path: Path):
    async with air(tmp_path) as (office, stage, watch, _):
        area = office.area(HERE)
        bulletin = await add_bulletin(office, area, seconds=20, cls=2)
        stage.add_audio(1000, 1000)
        actor = await office.actor(f"emergency@{HERE}")
        row = await emergencies.call(office.desk, actor, area, Wanted(bulletin))
        await watch.read()
        await run(office, stage, 60)
        (stretch,) = stage.aired(area.id)
        assert stretch[0] <= 10 and stretch[1] is None
        assert stage.director.sounding() == {row.id: 3}
        await emergencies.stop(office.desk, actor, row.id, "hết")
        await watch.read()
        await run(office, stage, 20)
        (stretch,) = stage.aired(area.id)
        assert stretch[1] is not None and stretch[1] <= 70


async def test_a_source_token_is_given_and_revoked(tmp_path: Path):
    async with air(tmp_path) as (office, stage, watch, _):
        area = office.area(HERE)

        def go_live():  # type: ignore[no-untyped-def]
            return stage.director.open(HERE, "secret", kind=SourceKind.STUDIO, name="butt", peer="")

        with pytest.raises(NotAllowed):
            go_live()
        async with office.desk.work(office.server) as work:
            work.db.add(
                SourceTokenRow(
                    sha256=digest("secret"), area_id=area.id, name="Phòng thu", cls=0,
                    created_at=NOW, created_by="Lan",
                )
            )  # fmt: skip
            work.record("source_token.made", area=area.id, subject="source_token/1")
        await watch.read()
        session = go_live()
        told: list[str] = []
        session.on_close = told.append
        await run(office, stage, 20, each=lambda: session.write(TONE, True))
        async with office.desk.work(office.server) as work:
            await work.db.execute(update(SourceTokenRow).values(revoked_at=NOW))
            work.record("source_token.revoked", area=area.id, subject="source_token/1")
        await watch.read()
        assert told == ["revoked"]


async def test_a_new_area_gets_a_mount_and_one_that_is_merged_follows(tmp_path: Path):
    async with air(tmp_path) as (office, stage, watch, _):
        xuan_minh = office.area("/ha-giang/quang-binh/xuan-minh")
        heir = office.area("/ha-giang/quang-binh/tien-nguyen")
        async with office.desk.work(office.server) as work:
            work.db.add(
                AreaRow(parent_id=heir.id, name="Thôn mới", path=f"{heir.path}/moi", created_at=NOW)
            )
            row = await work.db.get(AreaRow, xuan_minh.id)
            assert row is not None
            row.removed_at, row.successor_id = NOW, heir.id
            work.tree_changed = True
            work.record("area.merged", area=heir.id, subject=f"area/{xuan_minh.id}")
        await watch.read()
        assert stage.director.find(f"{heir.path}/moi") is not None
        assert len(stage.director.mounts.of(heir.id)) == 2


async def test_a_relay_is_pulled_around_its_slot(tmp_path: Path):
    async with air(tmp_path) as (office, _, watch, pulled):
        area = office.area(HERE)
        url = "http://radio.example/vov"
        await add_slot(office, area, "2026-09-21T21:15", 10, content="relay", relay=url)
        async with office.desk.work(office.server) as work:
            work.record("slot.created", area=area.id, subject="slot/1")
        await watch.read()
        assert pulled.wanted == set()
        office.clock.now = NOW + 80  # 21:14:40
        await watch.read()
        assert pulled.wanted == {url}
        office.clock.now = NOW + 100 + 600 - 3
        await watch.read()
        office.clock.now = NOW + 100 + 600 + 20
        await watch.read()
        assert pulled.wanted == {url}
        office.clock.now = NOW + 100 + 600 + 40
        await watch.read()
        assert pulled.wanted == set()


async def test_a_slot_that_is_left_out_today_stops_its_relay_while_it_is_on(tmp_path: Path):
    async with air(tmp_path) as (office, stage, watch, _):
        area = office.area(HERE)
        url = "http://radio.example/vov"
        # It is 21:13:20 there.
        slot = await add_slot(
            office, area, "2026-09-21T21:10", 10, "FREQ=DAILY", content="relay", relay=url
        )
        async with office.desk.work(office.server) as work:
            work.record("slot.created", area=area.id, subject=f"slot/{slot}")
        await watch.read()
        session = stage.director.open_relay(url)
        await run(office, stage, 50, each=lambda: session.write(TONE, True))
        number = stage.director.mounts.own[area.id].info.number
        assert stage.director.on_air(number).kind == "relay"
        await change_slot(office.desk, office.server, slot, 1, {"exceptions": ("2026-09-21",)})
        await watch.read()
        await run(office, stage, 20, each=lambda: session.write(TONE, True))
        assert stage.director.on_air(number).kind == "silence"


async def test_whoever_speaks_is_told_when_the_hours_end_and_never_cut(tmp_path: Path):
    async with air(tmp_path) as (office, stage, watch, _):
        area = office.area(HERE)
        hours = (Hours((0, 1, 2, 3, 4, 5, 6), 5 * 60, 21 * 60 + 16),)
        version = await policy_version(office.desk, area)
        await set_policy(office.desk, office.server, area, Policy(hours=hours), version)
        await watch.read()
        session = stage.director.open(HERE, "all", kind=SourceKind.STUDIO, name="Lan", peer="")
        await run(office, stage, 20, each=lambda: session.write(TONE, True))
        (feed,) = stage.director.sources.lives.values()
        feed.since_unix = NOW
        kinds = []
        for seconds in (10, 50, 60, 150, 170, 300):
            office.clock.now = NOW + seconds
            await watch.read()
            kinds.append([h.kind for h in office.happened if h.kind.startswith("air.")])
        assert kinds == [
            [], ["air.limit_near"], ["air.limit_near"], ["air.limit_near"],
            ["air.limit_near", "air.overrun"], ["air.limit_near", "air.overrun"],
        ]  # fmt: skip
        assert stage.director.sources.carrying(feed)


async def test_what_cannot_be_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with air(tmp_path) as (office, stage, watch, _):

        async def broken(*_: object) -> dict[int, object]:
            raise OSError("the store is away")

        with monkeypatch.context() as patch:
            patch.setattr(watch, "_planner", broken)
            async with office.desk.work(office.server) as work:
                work.record("queue.added", area=office.area(HERE).id, subject="entry/1")
            with pytest.raises(OSError, match="away"):
                await watch.read()
        assert watch.pending
        await watch.read()
        assert not watch.pending
        assert office.area(HERE).id in stage.director.room.knowledge.plans
