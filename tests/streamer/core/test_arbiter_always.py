"""What always holds of who is on air, whatever happens: random evenings, tick by tick."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.arbiter import advance, arbitrate, next_look
from loa.streamer.core.cues import (
    Choice,
    Content,
    Emergency,
    Live,
    MountState,
    OpenSlot,
    Play,
    Policies,
    Presence,
    Situation,
    Station,
    Why,
)
from loa.streamer.core.planner import SlotContent
from loa.streamer.core.policy import RoutineLive
from loa.streamer.core.rights import BulletinClass
from support.airtime import NAMES, TREE, C, D, E, P

UNTIL = 120
AREAS = sorted(NAMES.values())
LINEAGE = {area.id: {a.id for a in TREE.lineage(area)} for area in TREE}
POLICIES = Policies(hold=6, take_back=4)
RELAY = "http://vov"

times = st.integers(0, UNTIL)
lengths = st.integers(1, 25)
some_areas = st.sets(st.sampled_from(AREAS), min_size=1, max_size=2).map(frozenset)


@dataclass(frozen=True)
class Evening:
    """Situations by the tick they begin with, one behind the other until ``UNTIL``."""

    situations: dict[int, Situation]

    def at(self, tick: int) -> Situation:
        return self.situations[max(start for start in self.situations if start <= tick)]


@st.composite
def plays(draw: st.DrawFn, key: str, cls: BulletinClass, area: int) -> Play:
    at = draw(times)
    return Play(
        key, key, draw(lengths), cls, 1, area, not_before=at,
        last_start=draw(st.none() | st.integers(at, at + 30)),
        expires=draw(st.none() | st.integers(at, at + 50)),
        targets=draw(st.none() | some_areas),
    )  # fmt: skip


@st.composite
def stations(draw: st.DrawFn, area: int) -> Station:
    listed = [
        draw(plays(f"{area}:{i}", BulletinClass.ROUTINE, area))
        for i in range(draw(st.integers(1, 4)))
    ]
    first = [
        draw(plays(f"{area}!{i}", BulletinClass.PRIORITY, area))
        for i in range(draw(st.integers(0, 2)))
    ]
    slots = [
        OpenSlot(i, start, start + draw(lengths), draw(st.sampled_from(SlotContent)), RELAY)
        for i, start in enumerate(draw(st.lists(times, max_size=2)))
    ]
    listed.sort(key=lambda play: play.not_before)
    return Station(draw(st.sampled_from(RoutineLive)), tuple(first), tuple(listed), tuple(slots))


@st.composite
def emergencies(draw: st.DrawFn, id: int) -> Emergency:
    start = draw(times)
    every = draw(st.sampled_from([0, 7, 20]))
    return Emergency(
        id, Play(f"cue/{id}", "e", draw(lengths), BulletinClass.EMERGENCY, id, P, cue=id),
        draw(some_areas), draw(st.just(frozenset()) | some_areas), draw(st.integers(1, 3)),
        draw(st.booleans()), start, start, start + draw(st.integers(1, 80)), every,
        draw(st.none() | st.just(start + 2 * every)),
    )  # fmt: skip


@st.composite
def lives(draw: st.DrawFn, id: str, since: int) -> Live:
    presence = draw(
        st.just(Presence())
        | times.map(lambda at: Presence(lost=at))
        | times.map(lambda at: Presence(returned=at))
    )
    return Live(
        id, draw(st.sampled_from(AREAS)), draw(st.sampled_from(BulletinClass)), since, presence,
        draw(st.none() | some_areas), draw(st.integers(1, 3)), draw(st.booleans()),
    )  # fmt: skip


@st.composite
def evenings(draw: st.DrawFn) -> Evening:
    """Something is changed a few times: calls and stops, studios that come and go, new plans."""
    known = {area: draw(stations(area)) for area in (D, C, *draw(st.sets(st.sampled_from([P, E]))))}
    called = [draw(emergencies(i)) for i in range(draw(st.integers(0, 3)))]
    on_air = [draw(lives(f"live{i}", i)) for i in range(draw(st.integers(0, 2)))]
    relays = draw(st.sampled_from([{}, {RELAY: Presence()}, {RELAY: Presence(lost=50)}]))
    situation = Situation(
        TREE, tuple(called), tuple(on_air), known, {D: Content(file="d"), C: Content(relay=RELAY)},
        relays, POLICIES,
    )  # fmt: skip
    situations = {0: situation}
    for at in sorted(draw(st.sets(st.integers(1, UNTIL), max_size=4))):
        what = draw(st.sampled_from(["plan", "live", "off", "stop"]))
        if what == "stop":
            situation = replace(situation, emergencies=situation.emergencies[1:])
        elif what == "live":
            new = draw(lives(f"new{at}", at))
            situation = replace(situation, lives=(*situation.lives, new))
        elif what == "off":
            situation = replace(situation, lives=situation.lives[1:])
        elif what == "plan":
            kept = {area: s for area, s in situation.stations.items() if draw(st.booleans())}
            situation = replace(situation, stations=kept)
        situations[at] = situation
    return Evening(situations)


@dataclass
class Heard:
    """One tick of an evening: the situation, and what each mount carried."""

    tick: int
    situation: Situation
    choices: dict[int, Choice]
    states: dict[int, MountState]


def every_tick(evening: Evening) -> list[Heard]:
    """Ask at every tick, like a director that trusts no ``next_look``."""
    states = {area: MountState() for area in AREAS}
    heard = []
    for tick in range(UNTIL):
        situation = evening.at(tick)
        choices = arbitrate(situation, states, tick)
        states = {area: advance(states[area], choices[area], tick) for area in AREAS}
        heard.append(Heard(tick, situation, choices, states))
    return heard


def packet(choice: Choice, tick: int) -> int:
    return choice.offset + tick - choice.start


def covers(emergency: Emergency, area: int) -> bool:
    lineage = LINEAGE[area]
    return bool(lineage & emergency.targets) and not lineage & emergency.excluded


always = settings(deadline=None, derandomize=True, max_examples=120)


@always
@given(evenings())
def test_each_mount_carries_one_programme_and_each_packet_in_its_place(evening: Evening):
    for moment in every_tick(evening):
        assert set(moment.choices) == set(AREAS)
        for choice in moment.choices.values():
            if choice.play is not None:
                assert 0 <= packet(choice, moment.tick) < choice.play.ticks
            else:
                assert (choice.kind == "silence") == (choice.id == "")


@always
@given(evenings())
def test_what_has_expired_never_sounds(evening: Evening):
    for moment in every_tick(evening):
        called = {e.id: e for e in moment.situation.emergencies}
        for area, choice in moment.choices.items():
            assert choice.play is None or not choice.play.over(moment.tick)
            if choice.cue is not None:
                emergency = called[choice.cue]
                assert emergency.start <= moment.tick < emergency.expires
                assert covers(emergency, area), "only where it is called"


@always
@given(evenings())
def test_an_emergency_is_never_delayed_by_anything_lower(evening: Evening):
    finished: dict[int, set[str]] = defaultdict(set)
    said: dict[int, set[int]] = defaultdict(set)
    for moment in every_tick(evening):
        tick = moment.tick
        ranks = {e.id: e.rank for e in moment.situation.emergencies}
        live_ranks = {x.id: x.rank for x in moment.situation.lives}
        for area, choice in moment.choices.items():
            emergency_on = choice.why is Why.EMERGENCY
            on = ranks[choice.cue] if choice.cue is not None else live_ranks.get(choice.id)
            for emergency in moment.situation.emergencies:
                if not (covers(emergency, area) and emergency.start <= tick < emergency.expires):
                    continue
                due = f"{emergency.play.key}#{emergency.due(tick)}"
                if due in finished[area]:
                    continue
                assert emergency_on, f"{due} is due on {area} at {tick}"
                if emergency.id not in said[area]:
                    assert on is not None and on >= emergency.rank
            for x in moment.situation.lives:
                reach = LINEAGE[area] & (x.targets or {x.area})
                holds = x.presence.holds_air(tick, POLICIES)
                if x.cls is BulletinClass.EMERGENCY and reach and holds:
                    assert emergency_on and on is not None and on >= x.rank
            if choice.cue is not None:
                said[area].add(choice.cue)
                assert choice.play is not None
                if packet(choice, tick) == choice.play.ticks - 1:
                    finished[area].add(choice.id)


@always
@given(evenings())
def test_what_is_interrupted_is_taken_up_again_and_every_packet_sounds_once(evening: Evening):
    sounded: dict[tuple[int, str], int] = defaultdict(int)
    begun: dict[int, Play] = {}
    for moment in every_tick(evening):
        for area, choice in moment.choices.items():
            play = choice.play
            if choice.why is Why.UPPER:
                continue  # joined at its present, wherever that is
            unfinished = begun.get(area)
            if unfinished is not None and not unfinished.over(moment.tick):
                done = sounded[area, unfinished.key] == unfinished.ticks
                above = choice.why in (Why.EMERGENCY, Why.OWN_LIVE)
                assert done or above or choice.id == unfinished.key, "finished before what is lower"
            if play is not None:
                assert packet(choice, moment.tick) == sounded[area, play.key], "once each"
                sounded[area, play.key] += 1
                if choice.why in (Why.SLOT, Why.PRIORITY):
                    begun[area] = play


@always
@given(evenings())
def test_nothing_changes_before_the_next_look(evening: Evening):
    states = {area: MountState() for area in AREAS}
    look: int | None = 0
    carried: dict[int, Choice] = {}
    for tick in range(UNTIL):
        situation = evening.at(tick)
        choices = arbitrate(situation, states, tick)
        if tick in evening.situations or tick == look:
            # Asked ahead, with the states of before, it is the same.
            carried = choices
            states = {area: advance(states[area], choices[area], tick) for area in AREAS}
            look = next_look(situation, states, choices, tick)
            assert look is None or look > tick
        else:
            assert choices == carried, f"it changed at {tick}, the next look was {look}"


@always
@given(evenings(), st.randoms(use_true_random=False))
def test_the_same_inputs_give_the_same_answer(evening: Evening, random):
    for moment in every_tick(evening)[::7]:
        situation = moment.situation
        calls, on_air = list(situation.emergencies), list(situation.lives)
        random.shuffle(calls)
        random.shuffle(on_air)
        other = replace(situation, emergencies=tuple(calls), lives=tuple(on_air))
        again = arbitrate(other, moment.states, moment.tick)
        assert again == arbitrate(situation, moment.states, moment.tick) == moment.choices


@always
@given(evenings())
def test_an_upper_slot_carries_what_the_upper_station_does(evening: Evening):
    for moment in every_tick(evening):
        for area, choice in moment.choices.items():
            if choice.why is Why.UPPER and choice.kind != "live":
                sharing = [a for a in LINEAGE[area] - {area} if a in moment.choices]
                programmes = {moment.choices[a].programme for a in sharing}
                assert choice.programme in programmes, "the same packets at the same ticks"
