"""The air as staff see it, beside the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from loa.streamer.air.archive import Archive
from loa.streamer.air.staff import StaffAir
from loa.streamer.core.rights import BulletinClass
from loa.streamer.ingest.session import Admitted, AreaBusy, AreaUnknown, SourceKind
from support.desk import empty_store
from support.onair import TONE, C, Item, P, Stage, V


@pytest.fixture
async def seen(tmp_path: Path) -> AsyncIterator[tuple[Stage, StaffAir]]:
    store = await empty_store(tmp_path)
    stage = Stage(tmp_path, store=store)
    archive = Archive(stage.engine, store, tmp_path, stage.clock, stage.counters)
    yield stage, StaffAir(stage.director, stage.clock, stage.asrun, archive)
    await stage.close()
    await store.close()


async def test_an_item_is_shown_foreseen_and_skipped(seen: tuple[Stage, StaffAir]):
    stage, air = seen
    stage.plan([Item(5, 100, 400)])
    await stage.load()
    await stage.run(200)
    province, commune = air.now([P, C])
    assert province.kind == "silence"
    assert (commune.kind, commune.entry, commune.why) == ("bulletin", 5, "slot")
    assert commune.since == pytest.approx(stage.unix(100), abs=0.03)
    assert commune.until == pytest.approx(stage.unix(500), abs=0.03)
    effects = {e.area: e for e in air.foresee(C, BulletinClass.ROUTINE, None)}
    assert set(effects) == {C, V, 4} and all(e.when == "now" for e in effects.values())
    above = {e.area: e for e in air.foresee(P, BulletinClass.PRIORITY, None)}
    assert above[C].when == "after" and above[C].reason == "item"
    assert above[C].at == pytest.approx(stage.unix(500), abs=0.03)
    skipped = air.skip_item(C, "skipped by Lan")
    assert skipped is not None and skipped.entry == 5
    await stage.run(10)
    assert [now.kind for now in air.now([C, V])] == ["silence", "silence"]
    assert air.skip_item(C, "again") is None


async def test_a_live_is_shown_and_stopped(seen: tuple[Stage, StaffAir]):
    stage, air = seen
    session = stage.director.open("/p/c", "all", kind=SourceKind.STUDIO, name="Lan", peer="")
    told: list[str] = []
    session.on_close = told.append
    await stage.run(20, lambda: session.write(TONE, True))
    (now,) = air.now([V])
    assert (now.kind, now.title, now.why, now.origin) == ("live", "Lan", "own_live", C)
    assert air.lives() == {now.live: C}
    assert now.live is not None and air.stop_live(now.live, "Mai")
    assert session.closed_by == "Mai" and not air.stop_live(now.live, "Mai")
    await stage.run(10)
    assert told == ["stopped"] and air.now([C])[0].kind == "silence"


LAN = Admitted(C, 7, "Lan (lan)", "Lan", "k" * 22, BulletinClass.PRIORITY, frozenset({V}))


async def test_who_goes_live_in_person_takes_over_only_from_himself(seen: tuple[Stage, StaffAir]):
    stage, air = seen
    first = stage.director.open_for(LAN, peer="")
    told: list[str] = []
    first.on_close = told.append
    await stage.run(20, lambda: first.write(TONE, True))
    commune, village = air.now([C, V])
    assert commune.kind == "silence" and (village.kind, village.live) == ("live", first.live)
    assert stage.director.knows(LAN.key) and not stage.director.knows("another")
    for other in (replace(LAN, key="n" * 22), replace(LAN, account=8)):
        with pytest.raises(AreaBusy) as caught:
            stage.director.open_for(other, peer="")
        assert caught.value.by == "Lan (lan)"
    # Tokens have nothing to do with it, and it still writes: the same page is let in at once.
    stage.director.sources.check_tokens()
    second = stage.director.open_for(LAN, peer="")
    assert told == ["replaced"] and second.returned and second.live == first.live
    second.drop("the connection was lost")
    await stage.run(100)
    assert air.now([V])[0].live == first.live  # held
    third = stage.director.open_for(LAN, peer="")
    assert third.returned
    await stage.run(20, lambda: third.write(TONE, True))
    assert air.now([V])[0].live == first.live
    # Of another class it is another broadcast.
    fourth = stage.director.open_for(replace(LAN, cls=BulletinClass.ROUTINE), peer="")
    assert not fourth.returned and fourth.live != first.live
    with pytest.raises(AreaUnknown):
        stage.director.open_for(replace(LAN, area=99), peer="")
