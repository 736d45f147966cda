"""Emergencies at the desk: who may let go out what, and what becomes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loa.streamer.core.cues import Emergency
from loa.streamer.core.policy import Policy
from loa.streamer.core.timeline import tick_of
from loa.streamer.desk import emergencies
from loa.streamer.desk.desk import Actor
from loa.streamer.desk.emergencies import State, Wanted, state_of
from loa.streamer.desk.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from loa.streamer.desk.policies import set_policy
from loa.streamer.store.cues import read_emergencies
from loa.streamer.store.handover import standing_emergencies
from loa.streamer.store.tables.cues import CueRow
from support.desk import NOW, Office, desk_with_sample
from support.schedule import add_bulletin

PROVINCE, DISTRICT = "/ha-giang", "/ha-giang/quang-binh"
COMMUNE, VILLAGE = f"{DISTRICT}/na-khuong", f"{DISTRICT}/na-khuong/ban-rua"
ELSEWHERE = "/tuyen-quang"


async def bulletin(office: Office, path: str = DISTRICT, **more: Any) -> int:
    return await add_bulletin(office, office.area(path), **{"cls": 2, "seconds": 20.0, **more})


async def caller(office: Office, path: str = DISTRICT) -> Actor:
    return await office.actor(f"emergency@{path}")


async def called(office: Office, path: str = DISTRICT, **wanted: Any) -> CueRow:
    wanted = {"bulletin": await bulletin(office), **wanted}
    actor = await caller(office, path)
    return await emergencies.call(office.desk, actor, office.area(path), Wanted(**wanted))


async def standing(office: Office) -> dict[int, Emergency]:
    async with office.desk.store.read() as db:
        rows = await read_emergencies(db, office.clock.now)
    return {row.id: row.on_timeline(tick_of, tick_of(office.clock.now)) for row in rows}


async def second_person(office: Office, path: str = DISTRICT) -> None:
    await set_policy(office.desk, office.server, office.area(path), Policy(second_person=True), 0)
    office.happened.clear()


def told(office: Office) -> list[str]:
    return [h.kind for h in office.happened if h.kind.startswith("emergency.")]


async def refused(office: Office, path: str = DISTRICT, **wanted: Any) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        await called(office, path, **wanted)
    assert told(office) == [] and await standing(office) == {}
    return {(f.field, f.code) for f in error.value.fields}


async def test_what_is_called_stands_at_once_as_the_arbiter_takes_it(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        row = await called(
            office, targets=[office.area(COMMUNE).id], excluded=[office.area(VILLAGE).id],
            severity=5, every=1200.0, repeat_until=NOW + 7200, reason="lũ",
        )  # fmt: skip
        emergency = (await standing(office))[row.id]
        start = tick_of(NOW)
        assert (emergency.start, emergency.called, emergency.severity) == (start, start, 5)
        assert emergency.targets == {office.area(COMMUNE).id}
        assert emergency.excluded == {office.area(VILLAGE).id}
        assert (emergency.every, emergency.repeat_until) == (1200 * 50, tick_of(NOW + 7200))
        assert emergency.expires == tick_of(NOW + 7200 + 20 + emergencies.MARGIN)
        assert emergency.play.ticks == 1000 and emergency.play.cue == row.id
        (happening,) = office.happened
        assert happening.kind == "emergency.called" and happening.details["reason"] == "lũ"
        office.clock.now = row.expires_at
        assert await standing(office) == {}
        assert state_of(row, office.clock.now) is State.OVER


async def test_a_clock_that_is_set_back_silences_nothing(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        row = await called(office)
        office.clock.now -= 3600
        emergency = (await standing(office))[row.id]
        assert emergency.start == tick_of(NOW - 3600) and emergency.expires > tick_of(NOW)


async def test_only_approved_emergency_bulletins_but_for_drills(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        draft = await bulletin(office, state="draft")
        assert await refused(office, bulletin=draft) == {("bulletin", "emergency.not_approved")}
        routine = await bulletin(office, cls=0)
        assert await refused(office, bulletin=routine) == {("bulletin", "emergency.not_emergency")}
        old = await bulletin(office, expires_at=NOW - 1)
        assert await refused(office, bulletin=old) == {("bulletin", "emergency.bulletin_expired")}
        foreign = await bulletin(office, ELSEWHERE)
        assert await refused(office, bulletin=foreign) == {("bulletin", "emergency.no_bulletin")}
        assert await refused(office, bulletin=999) == {("bulletin", "emergency.no_bulletin")}
        # A drill may be of any class, and what an upper level has ready is for those below.
        row = await called(office, bulletin=routine, drill=True)
        assert (await standing(office))[row.id].drill
        await called(office, COMMUNE, bulletin=await bulletin(office, PROVINCE))


async def test_every_field_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        commune, village = office.area(COMMUNE).id, office.area(VILLAGE).id
        wrong = await refused(
            office, targets=[office.area(PROVINCE).id, commune],
            excluded=[office.area(ELSEWHERE).id],
            every=600.0, repeat_until=NOW - 1, override=True,
        )  # fmt: skip
        assert wrong == {
            ("targets.0", "emergency.outside"),
            ("excluded.0", "emergency.not_reached"),
            ("repeat_until", "emergency.past"),
            ("reason", "emergency.reason"),
        }
        nobody = await refused(office, targets=[village], excluded=[village])
        assert nobody == {("excluded", "emergency.nobody")}
        assert await refused(office, every=600.0) == {("repeat_until", "emergency.until")}
        assert await refused(office, repeat_until=NOW + 60) == {
            ("every_minutes", "emergency.every")
        }
        early = await refused(office, every=60.0, repeat_until=NOW + 600, expires=NOW + 610)
        assert early == {("expires_at", "emergency.expires_early")}
        long = await refused(office, expires=NOW + 8 * 86_400)
        assert long == {("expires_at", "emergency.too_long")}


async def test_pressed_twice_is_called_once(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        id = await bulletin(office)
        row = await called(office, bulletin=id)
        with pytest.raises(Conflict, match="twice") as error:
            await called(office, bulletin=id)
        assert error.value.others[0]["id"] == row.id
        await called(office, bulletin=id, targets=[office.area(COMMUNE).id])
        office.clock.now += 61
        await called(office, bulletin=id)


async def test_a_second_person_lets_it_out(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await second_person(office)
        row = await called(office, repeat_until=NOW + 600, every=60.0)
        assert row.state == State.WAITING and await standing(office) == {}
        with pytest.raises(Forbidden, match="same_person"):
            await emergencies.confirm(office.desk, await caller(office), row.id, 1)
        other = await office.actor(f"administrator@{PROVINCE}")
        by_token = await office.actor(f"administrator@{PROVINCE}#emergency@{PROVINCE}")
        with pytest.raises(Forbidden, match="in_person"):
            await emergencies.confirm(office.desk, by_token, row.id, 1)
        with pytest.raises(Stale):
            await emergencies.confirm(office.desk, other, row.id, 7)
        office.clock.now += 300
        row = await emergencies.confirm(office.desk, other, row.id, 1)
        assert told(office) == ["emergency.waiting", "emergency.confirmed"]
        emergency = (await standing(office))[row.id]
        assert emergency.start == tick_of(NOW + 300), "it goes out when it is confirmed"
        assert emergency.repeat_until == tick_of(NOW + 900)
        assert row.confirmer == other.who
        with pytest.raises(Conflict, match="not_waiting"):
            await emergencies.confirm(office.desk, other, row.id, row.version)


async def test_one_that_nobody_confirms_lapses(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await second_person(office)
        row = await called(office)
        async with office.desk.store.read() as db:
            assert await standing_emergencies(db, office.clock.now, lambda _: True) == [row.id]
        office.clock.now += emergencies.WAITING
        other = await office.actor(f"administrator@{PROVINCE}")
        with pytest.raises(Conflict, match="not_waiting"):
            await emergencies.confirm(office.desk, other, row.id, 1)
        assert await standing(office) == {}
        async with office.desk.store.read() as db:
            nothing = await standing_emergencies(db, office.clock.now, lambda _: True)
        assert nothing == [], "it keeps nobody from changing areas"
        with pytest.raises(Conflict, match="not_standing"):
            await emergencies.stop(office.desk, other, row.id)


async def test_one_that_waits_is_taken_back(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await second_person(office)
        row = await called(office)
        actor = await caller(office)
        row = await emergencies.stop(office.desk, actor, row.id, "nhầm")
        assert told(office) == ["emergency.waiting", "emergency.stopped"]
        assert row.state == State.CANCELLED
        # Else the second person would be got round: call, take back, correct.
        wanted = Wanted(await bulletin(office))
        with pytest.raises(Conflict, match="not_standing"):
            await emergencies.correct(office.desk, actor, row.id, row.version, wanted)


async def test_an_override_goes_out_without_a_second_person_and_is_on_record(
    tmp_path: Path,
) -> None:
    async with desk_with_sample(tmp_path) as office:
        await second_person(office)
        row = await called(office, override=True, reason="không gọi được ai")
        assert list(await standing(office)) == [row.id]
        assert told(office) == ["emergency.called", "emergency.override"]
        assert office.happened[-1].details["reason"] == "không gọi được ai"


async def test_stopped_it_stands_no_more(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        row = await called(office)
        actor = await caller(office)
        stopped = await emergencies.stop(office.desk, actor, row.id, "an toàn")
        assert (stopped.state, stopped.stopped_by) == ("stopped", actor.who)
        assert await standing(office) == {}
        with pytest.raises(Conflict, match="not_standing") as error:
            await emergencies.stop(office.desk, actor, row.id)
        assert error.value.others[0]["who"] == actor.who, "told who was first"
        with pytest.raises(NotFound):
            await emergencies.stop(office.desk, actor, 999)


async def test_a_correction_takes_its_place_in_one_step(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await second_person(office)
        village = office.area(VILLAGE).id
        old = await called(
            office, targets=[office.area(COMMUNE).id], excluded=[village], severity=5,
            override=True, reason="gấp",
        )  # fmt: skip
        office.happened.clear()
        actor = await caller(office)
        wanted = Wanted(await bulletin(office), reason="đính chính")
        new = await emergencies.correct(office.desk, actor, old.id, 1, wanted)
        assert told(office) == ["emergency.corrected", "emergency.called"], "nobody is waited for"
        assert (new.targets, new.excluded, new.severity) == (old.targets, [village], 5)
        assert list(await standing(office)) == [new.id]
        async with office.desk.store.read() as db:
            row = await db.get_one(CueRow, old.id)
        assert (row.state, row.corrected_by) == ("corrected", new.id)
        with pytest.raises(Conflict) as error:
            await emergencies.correct(office.desk, actor, old.id, 2, wanted)
        assert new.id in [other["id"] for other in error.value.others]
        with pytest.raises(Stale):
            await emergencies.correct(office.desk, actor, new.id, 9, wanted)
        targets = [office.area(DISTRICT).id]
        with pytest.raises(Invalid) as wider:
            await emergencies.correct(office.desk, actor, new.id, 1, wanted, targets)
        assert [f.code for f in wider.value.fields] == ["emergency.wider"]
        assert list(await standing(office)) == [new.id], "what was refused changed nothing"


async def test_what_has_run_out_can_still_be_corrected(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        old = await called(office, drill=True)
        office.clock.now = old.expires_at + 60
        wanted = Wanted(await bulletin(office))
        new = await emergencies.correct(
            office.desk, await caller(office), old.id, 1, wanted, severity=1, drill=False
        )
        assert (new.drill, new.severity) == (False, 1)
        assert list(await standing(office)) == [new.id]


async def test_what_was_stopped_can_still_be_corrected(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        old, actor = await called(office), await caller(office)
        await emergencies.stop(office.desk, await office.actor(f"emergency@{PROVINCE}"), old.id)
        office.clock.now += 60
        wanted = Wanted(await bulletin(office))
        new = await emergencies.correct(office.desk, actor, old.id, 2, wanted)
        assert list(await standing(office)) == [new.id]
        async with office.desk.store.read() as db:
            row = await db.get_one(CueRow, old.id)
        assert (row.state, row.corrected_by, row.stopped_at) == ("corrected", new.id, NOW)
        assert row.stopped_by != actor.who, "who stopped it stays"


async def test_a_correction_is_no_way_round_the_second_person(tmp_path: Path) -> None:
    async with desk_with_sample(tmp_path) as office:
        await second_person(office)
        actor = await caller(office)
        drill = await called(office, drill=True, override=True, reason="gấp")
        wanted = Wanted(await bulletin(office), reason="đính chính")

        async def codes(id: int, **more: Any) -> list[str]:
            with pytest.raises(Invalid) as error:
                await emergencies.correct(office.desk, actor, id, 2, wanted, **more)
            return [f.code for f in error.value.fields]

        await emergencies.stop(office.desk, actor, drill.id)
        assert await codes(drill.id, drill=False) == ["emergency.drill_made_real"]
        office.clock.now += emergencies.CORRECTED_WITHIN + 1
        assert await codes(drill.id) == ["emergency.late"]
        by_override = replace(wanted, override=True)
        await emergencies.correct(office.desk, actor, drill.id, 2, by_override)
        assert told(office)[-1] == "emergency.override"
