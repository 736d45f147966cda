"""What is planned and called is heard at its very tick, whatever the loop is doing meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loa.native.engine import Engine
from loa.streamer.air import director as director_module
from loa.streamer.air.tokens import Given
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.rights import BulletinClass
from loa.streamer.ingest.session import NotAllowed, SourceKind
from support.onair import START, TONE, TREE, C, Item, P, Stage, V, W


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    await stage.close()


async def test_items_join_exactly_while_the_loop_sleeps(stage: Stage):
    stage.plan([Item(5, 100, 50), Item(6, 150, 60), Item(7, 210, 40)])
    await stage.load()
    await stage.run(90)
    stage.stall(200)
    assert stage.aired(C) == [
        (100, 150, "5", 0), (150, 210, "6", 0), (210, 250, "7", 0),
    ]  # fmt: skip
    assert stage.aired(V) == stage.aired(W) == stage.aired(C)
    assert stage.aired(P) == []
    assert len({handle for _, _, handle in stage.changes if handle}) == 3, "one programme for all"


async def test_what_was_handed_over_is_taken_back(stage: Stage):
    stage.plan([Item(5, 100, 50), Item(6, 150, 60)])
    await stage.load()
    await stage.run(95)
    stage.plan([Item(5, 100, 50), Item(7, 150, 20), Item(6, 170, 60)])
    await stage.load()
    await stage.run(1)
    stage.plan([Item(5, 100, 50), Item(6, 180, 60)])
    await stage.load()
    await stage.run(1)
    stage.stall(200)
    assert stage.aired(C) == [(100, 150, "5", 0), (180, 240, "6", 0)]
    stage.director.carrier.sweep()
    assert not stage.director.carrier.audios(), "what nobody carries is given back"


async def test_an_emergency_interrupts_at_once_and_what_it_cut_goes_on_after_it(stage: Stage):
    stage.plan([Item(5, 100, 400), Item(6, 500, 50)])
    await stage.load()
    await stage.run(200)
    stage.call(9, 80)
    await stage.load()
    await stage.run(10)
    stage.stall(100)
    await stage.run(500)
    rows = stage.aired(C)
    called = rows[1][0]
    # The tick of silence takes the click out of each splice.
    assert called - 200 < 12
    assert rows == [
        (100, called - 1, "5", 0),
        (called, called + 79, "9", 1),
        (called + 80, called + 80 + 400 - (called - 1 - 100) - 1, "5", called - 100),
        (called + 479 - (called - 101), called + 529 - (called - 101), "6", 0),
    ]
    assert rows[2][0] - rows[1][1] <= 150, "within three seconds"
    assert stage.aired(P) == [(called - 1, called + 79, "9", 0)]


async def test_an_emergency_that_is_stopped_is_silent_within_ticks(stage: Stage):
    stage.call(9, 500)
    await stage.load()
    await stage.run(50)
    stage.know(emergencies=())
    await stage.run(10)
    rows = stage.aired(V)
    assert len(rows) == 1 and rows[0][1] is not None and rows[0][1] < 60


async def test_a_missing_file_fails_its_item_and_nothing_else(stage: Stage):
    stage.plan([Item(5, 100, 50), Item(6, 150, 60)])
    (stage.data / "audio" / f"{5:064x}.opus").unlink()
    await stage.load()
    await stage.run(140)
    stage.stall(100)
    assert stage.aired(C) == [(150, 210, "6", 0)]
    failed = [row for row in stage.asrun._begun if row.failure]
    assert {row.area for row in failed} == {C, V, W}
    assert failed[0].airing.entry == 5 and failed[0].to_tick == failed[0].from_tick
    assert "No such file" in failed[0].failure
    assert stage.counters.snapshot()["clips.failed"] == 1


async def test_a_damaged_file_is_no_different(stage: Stage):
    stage.plan([Item(5, 100, 50), Item(6, 150, 60)])
    path = stage.data / "audio" / f"{5:064x}.opus"
    path.write_bytes(path.read_bytes()[:-30])
    await stage.load()
    await stage.run(240)
    assert stage.aired(C) == [(150, 210, "6", 0)]


async def test_an_item_that_is_skipped_is_over_and_the_next_one_is_on(stage: Stage):
    stage.plan([Item(5, 100, 400), Item(6, 500, 50)])
    await stage.load()
    await stage.run(200)
    choice = stage.director.skip(C, "skipped by Lan")
    assert choice is not None and choice.play is not None and choice.play.entry == 5
    await stage.run(20)
    rows = stage.aired(C)
    assert rows[0][:2] == (100, 202)
    row = next(r for r in stage.over if r.area == C)
    assert row.failure == "skipped by Lan" and row.complete
    assert stage.director.skip(C, "") is None
    await stage.run(400)
    assert stage.aired(C)[1:] == [(500, 550, "6", 0)]


async def test_a_bulletin_that_is_withdrawn_is_heard_no_further(stage: Stage):
    stage.plan([Item(5, 100, 400)])
    await stage.load()
    await stage.run(200)
    stage.know(withdrawn=frozenset([5]))
    await stage.run(10)
    assert stage.aired(C) == [(100, 202, "5", 0)]


async def test_standing_files_make_room_for_items_and_come_back(tmp_path: Path):
    stage = Stage(tmp_path, p="spot.mp3")
    stage.add_file("spot.mp3", 70)
    stage.plan([Item(5, 500, 50), Item(6, 550, 60)])
    await stage.load()
    await stage.run(505)
    stage.stall(95)
    await stage.run(1)
    rows = stage.aired(C)
    assert rows[0][1:3] == (500, "file")
    # A file that is cut in its middle costs the tick of silence.
    assert rows[1:3] == [(501, 550, "5", 1), (550, None, "6", 0)]
    await stage.run(100)
    stage.stall(200)
    rows = stage.aired(C)
    assert rows[3] == (610, None, "file", 0)
    await stage.close()


async def test_a_change_to_a_file_that_was_handed_over_can_be_taken_back(tmp_path: Path):
    stage = Stage(tmp_path, p="spot.mp3")
    stage.add_file("spot.mp3", 30)
    stage.plan([Item(5, 300, 50)])
    await stage.load()
    await stage.run(200)
    stage.plan([])
    await stage.run(1)
    stage.plan([Item(6, 340, 50)])
    await stage.load()
    await stage.run(260)
    assert [row[2] for row in stage.aired(C)] == ["file", "6", "file"]
    assert stage.aired(C)[1][:2] == (341, 390)
    assert len(stage.aired(P)) == 1
    await stage.close()


# --- the tree


def moved(*areas: Area) -> AreaTree:
    return AreaTree(areas)


async def test_a_renamed_or_moved_area_keeps_its_mount(stage: Stage):
    number = stage.director.find("/p/c").number
    await stage.run(5)
    tree = moved(
        Area("/p", "Province", True, id=P),
        Area("/p/x", "Renamed", True, aliases=("/p/c",), id=C),
        Area("/p/x/v", "Village", False, id=V),
        Area("/p/w", "Moved", False, id=W),
        Area("/p/new", "New", False, id=9),
    )
    stage.director.follow(tree, {})
    assert stage.director.find("/p/x").number == stage.director.find("/p/c").number == number
    assert stage.director.find("/p/c/v") is None
    stage.plan([Item(5, 100, 50)])
    await stage.load()
    await stage.run(160)
    assert stage.aired(C) == stage.aired(V) == [(100, 150, "5", 0)]
    assert stage.aired(W) == [], "it is the province's now"
    assert stage.director.find("/p/new") is not None


async def test_the_mount_of_a_merged_area_follows_its_successor_and_keeps_no_log(stage: Stage):
    old = stage.director.find("/p/c/w").number
    tree = moved(
        Area("/p", "Province", True, id=P),
        Area("/p/c", "Commune", True, id=C),
        Area("/p/c/v", "Village", False, aliases=("/p/c/w",), id=V),
    )
    stage.plan([Item(5, 100, 50)])
    await stage.load()
    stage.director.follow(tree, {W: V})
    await stage.run(160)
    assert {m for t, m, h in stage.changes if h and t == 100} == {1, 2, old}
    assert {row.area for row in stage.over} == {C, V}
    assert stage.director.find("/p/c/w").number == stage.director.find("/p/c/v").number != old


async def test_the_mount_of_an_area_that_is_gone_is_silent(stage: Stage):
    stage.plan([Item(5, 100, 500)])
    await stage.load()
    await stage.run(160)
    gone = stage.director.find("/p/c/w").number
    stage.director.follow(moved(*(a for a in TREE if a.id != W)), {W: None})
    await stage.run(10)
    assert [h for _, m, h in stage.changes if m == gone][-1] == 0
    assert stage.director.find("/p/c/w") is None


async def test_when_there_is_no_room_for_mounts_it_is_said_and_the_rest_goes_on(tmp_path: Path):
    stage = Stage(tmp_path, max_mounts=4)
    tree = moved(*TREE, Area("/p/n", "New", id=8), Area("/p/m", "Newer", id=9))
    stage.director.follow(tree, {})
    assert stage.counters.snapshot()["mounts.refused"] == 2
    assert stage.director.find("/p/n") is None
    stage.plan([Item(5, 100, 50)])
    await stage.load()
    await stage.run(160)
    assert stage.aired(C) == [(100, 150, "5", 0)]
    assert len(stage.director.all()) == 4
    await stage.close()


# --- tokens of the store


def give(stage: Stage, **how: object) -> Given:
    from loa.streamer.core.rights import digest

    given = Given(7, digest("secret"), C, "Phòng thu", BulletinClass.ROUTINE)
    given = replace(given, **how)  # type: ignore[arg-type]
    stage.tokens.give([given])
    return given


def go_live(stage: Stage, token: str = "secret"):
    return stage.director.open("/p/c", token, kind=SourceKind.STUDIO, name="butt", peer="")


async def test_a_token_that_is_revoked_ends_its_live_at_once(stage: Stage):
    give(stage)
    session = go_live(stage)
    told: list[str] = []
    session.on_close = told.append
    await stage.run(20, lambda: session.write(TONE, True))
    assert stage.director.on_air(1).kind == "live"
    stage.tokens.give([])
    stage.director.sources.check_tokens()
    await stage.run(5)
    assert told == ["revoked"] and stage.director.on_air(1).kind == "silence"
    with pytest.raises(NotAllowed):
        go_live(stage)
    (row,) = [r for r in stage.over if r.area == C]
    assert row.airing.who == "Phòng thu"


async def test_a_token_expires_and_is_for_its_targets_only(stage: Stage):
    give(stage, targets=frozenset([V]), expires=stage.unix(100))
    session = go_live(stage)
    await stage.run(50, lambda: session.write(TONE, True))
    assert [stage.director.on_air(n).kind for n in (1, 2, 3)] == ["silence", "live", "silence"]
    await stage.run(60)
    stage.director.sources.check_tokens()
    await stage.run(5)
    assert stage.director.on_air(2).kind == "silence"
    with pytest.raises(NotAllowed):
        go_live(stage)


# --- whether it looks ahead or not must make no difference


async def script(stage: Stage, random: Random) -> None:
    """Do things at random ticks: the same ones for the same seed."""
    ticks = {number: random.choice([8, 30, 90, 200]) for number in range(1, 8)}
    calls = 0
    for _ in range(random.randint(4, 14)):
        what = random.random()
        if what < 0.5:
            at = stage.now + random.randint(-20, 160)
            items = []
            for number in random.sample(range(1, 8), random.randint(0, 4)):
                cls = random.choice([BulletinClass.ROUTINE] * 3 + [BulletinClass.PRIORITY])
                slot = 0 if cls else 1
                expires = at + random.randint(5, 300) if random.random() < 0.2 else None
                items.append(Item(number, at, ticks[number], slot, cls, expires))
                at += ticks[number] + random.choice([0, 0, 0, 25])
            stage.plan(items, station=random.choice([C, C, P]))
        elif what < 0.65:
            calls += 1
            every = random.choice([0.0, 1.5])
            stage.call(20 + calls, random.choice([20, 70]), every=every,
                       severity=random.randint(1, 3),
                       expires=stage.unix(stage.now + random.randint(50, 400)))  # fmt: skip
        elif what < 0.8:
            known = stage.director.room.knowledge.emergencies
            stage.know(emergencies=known[: random.randint(0, len(known))])
        elif what < 0.9:
            stage.director.skip(random.choice([C, V]), "skipped")
        else:
            stage.know(withdrawn=frozenset([random.randint(1, 7)]))
        await stage.load()
        await stage.run(random.choice([1, 10, 60, 150]))
    await stage.run(300)


@settings(
    max_examples=25, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(seed=st.integers(0, 2**32), file=st.booleans())
def test_looking_ahead_changes_nothing(
    seed: int, file: bool, tmp_path_factory: pytest.TempPathFactory
):
    heard = []

    async def main(ahead: int) -> None:
        director_module.AHEAD_TICKS = ahead
        stage = Stage(tmp_path_factory.mktemp("onair"), **({"p_c": "spot"} if file else {}))
        if file:
            stage.add_file("spot", 45)
        await script(stage, Random(seed))
        heard.append([stage.aired(area) for area in (P, C, V, W)])
        await stage.close()

    before = director_module.AHEAD_TICKS
    # Nothing may depend on how fast this machine is.
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(director_module, "MOST_LEAD", director_module.LEAD_TICKS)
    monkeypatch.setattr(director_module, "SLICE", 1e9)
    try:
        asyncio.run(main(125))
        asyncio.run(main(0))
    finally:
        director_module.AHEAD_TICKS = before
        monkeypatch.undo()
    assert heard[0] == heard[1], seed


def test_the_first_tick_is_the_engines() -> None:
    with Engine(START, virtual=True) as engine:
        assert engine.tick == START - 1
