"""The table of cases of who is on air.

Each case: what there is, and what mounts hear from which second on. P is the province, D its
district, C a commune of that with the villages V and W, E another commune. All but the villages
are stations.
"""

from __future__ import annotations

import pytest

from loa.streamer.core.arbiter import KEPT_PLAYS, advance, arbitrate, next_look
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.cues import Choice, Content, MountState, Presence, Situation, Why
from support.airtime import (
    EMERGENCY,
    NAMES,
    PRIORITY,
    TREE,
    C,
    D,
    E,
    P,
    V,
    W,
    emergency,
    given,
    hear,
    live,
    play,
    slot,
    station,
    ticks,
)

A, B = play("A", 10, 10, late=40), play("B", 20, 10, late=60)
URL = "http://vov"
GONE = Presence(lost=-1000)

CASES = [
    # name, situation (or several, by the second they begin), what is heard
    ("nothing at all", given(), {"PDCVWE": "0 -"}),
    ("standing content, nearest first",
     given(files={P: "p", C: "c"}), {"PDE": "0 p", "CVW": "0 c"}),
    ("a standing relay while it delivers",
     given(standing={P: Content(file="p"), C: Content(relay=URL)}, relays={URL: Presence()}),
     {"P": "0 p", "CV": f"0 {URL}"}),
    ("a standing relay that is gone leaves the air to what is above",
     given(standing={P: Content(file="p"), C: Content(relay=URL)}, relays={URL: GONE}),
     {"CV": "0 p"}),

    # --- the slot
    ("plays follow one another without a gap",
     given(C=station(A, B)), {"CVW": "0 - · 10 A · 20 B · 30 -", "DE": "0 -"}),
    ("one that was delayed pushes the next",
     given(C=station(play("A", 10, 15), B)), {"C": "0 - · 10 A · 25 B · 35 -"}),
    ("one that can begin no longer is left out",
     given(C=station(play("A", 10, 30), play("B", 20, 10, late=30))), {"C": "0 - · 10 A · 40 -"}),
    ("villages hear what is for them",
     given(C=station(play("A", 10, 10, targets=[V]), play("B", 10, 10, targets=[W]),
                     play("X", 20, 10))),
     {"V": "0 - · 10 A · 20 X · 30 -", "W": "0 - · 10 B · 20 X · 30 -", "C": "0 - · 20 X · 30 -"}),
    ("what expires while it plays is cut",
     given(C=station(play("A", 10, 10, expires=15))), {"C": "0 - · 10 A · 15 -"}),
    ("what has expired does not begin",
     given(C=station(play("A", 10, 10), play("B", 10, 10, expires=20))),
     {"C": "0 - · 10 A · 20 -"}),
    ("an item that the plan has no longer is finished all the same",
     {0: given(C=station(A)), 12: given()}, {"C": "0 - · 10 A · 20 -"}),
    ("an item that is stopped is cut",
     {0: given(C=station(A, B)), 12: given(C=station(A, B), stopped=["A"])},
     {"C": "0 - · 10 A · 12 - · 20 B · 30 -"}),
    ("a bulletin that is withdrawn is cut",
     {0: given(C=station(A)), 12: given(withdrawn=[A.bulletin])}, {"C": "0 - · 10 A · 12 -"}),
    ("a relay in its slot",
     given(C=station(slots=[slot("relay", 10, 20, URL)]), relays={URL: Presence()}),
     {"CV": f"0 - · 10 {URL} · 20 -"}),
    ("a relay that delivers nothing gives way to its alternative",
     given(C=station(slots=[slot("relay", 10, 20, URL, "http://2")]),
           relays={URL: GONE, "http://2": Presence()}, files={C: "c"}),
     {"C": "0 c · 10 http://2 · 20 c"}),
    ("and that to whatever else there is",
     given(C=station(slots=[slot("relay", 10, 20, URL)]), relays={URL: GONE}, files={C: "c"}),
     {"C": "0 c"}),
    ("an upper slot joins the upper station's slot at its present",
     given(D=station(play("A", 10, 20, area=D)), C=station(slots=[slot("upper", 15, 60)])),
     {"D": "0 - · 10 A · 30 -", "CV": "0 - · 15 A · 30 -", "E": "0 -"}),
    ("what an upper slot carries is heard to its end",
     given(D=station(play("A", 10, 20, area=D), play("B", 30, 10, area=D)),
           C=station(play("X", 20, 5), slots=[slot("upper", 5, 20)])),
     {"C": "0 - · 10 A · 30 X · 35 -"}),
    ("… unless the upper station itself does not carry it",
     given(emergency("Q", 25, 15, on=[D], but=[C]), D=station(play("A", 10, 30, area=D)),
           C=station(slots=[slot("upper", 5, 20)]), files={C: "c"}),
     {"D": "0 - · 10 A · 25 Q#0 · 40 A+15 · 55 -", "C": "0 c · 10 A · 25 c"}),
    ("an upper slot hands down what the upper's own upper slot carries",
     given(P=station(play("A", 10, 10, area=P)), D=station(slots=[slot("upper", 0, 60)]),
           C=station(slots=[slot("upper", 0, 60)])),
     {"PDCV": "0 - · 10 A · 20 -", "E": "0 -"}),
    ("an upper slot does not take the upper station's priority items",
     given(D=station(priority=[play("A", 10, 10, area=D)]),
           C=station(slots=[slot("upper", 0, 60)]), files={C: "c"}),
     {"D": "0 - · 10 A · 20 -", "C": "0 c"}),

    # --- lives
    ("own live cuts an item, which is taken up again",
     {0: given(C=station(A)), 15: given(live("L", C)), 40: given()},
     {"CV": "0 - · 10 A · 15 L · 40 A+5 · 45 -", "E": "0 -"}),
    ("the nearest own live",
     given(live("L", C), live("M", V)), {"C": "0 L", "V": "0 M", "W": "0 L"}),
    ("of two on one area the higher class, then the first",
     given(live("L", C, since=-5), live("M", C, since=-9), live("N", C, PRIORITY)), {"C": "0 N"}),
    ("a live for one village only",
     given(live("L", C, targets=[V])), {"C": "0 -", "V": "0 L", "W": "0 -"}),
    ("an upper routine live when nothing else is on (idle)",
     given(live("L", D), C=station(A)),
     {"D": "0 L", "CV": "0 L · 10 A · 20 L", "E": "0 L", "P": "0 -"}),
    ("… and after the item that is on, before the plan (always)",
     {0: given(C=station(A, B, policy="always")),
      15: given(live("L", D), C=station(A, B, policy="always")),
      50: given(C=station(A, B, policy="always"))},
     {"C": "0 - · 10 A · 20 L · 50 B · 60 -"}),
    ("… only in upper slots (slots)",
     given(live("L", D), C=station(policy="slots", slots=[slot("upper", 10, 20)])),
     {"C": "0 - · 10 L · 20 -"}),
    ("… not at all (never)",
     given(live("L", D), C=station(policy="never", slots=[slot("upper", 10, 20)])), {"C": "0 -"}),
    ("an upper routine live does not go before a relay's slot (idle)",
     given(live("L", D), C=station(slots=[slot("relay", 10, 20, URL)]), relays={URL: Presence()}),
     {"C": f"0 L · 10 {URL} · 20 L"}),
    ("but it does before standing content", given(live("L", P), files={C: "c"}), {"PDCVWE": "0 L"}),
    ("own live before every upper live but an emergency's",
     given(live("L", C), live("M", D, PRIORITY)), {"C": "0 L", "D": "0 M", "E": "0 M"}),
    ("a studio that drops is held, and what comes next takes over",
     given(live("L", C, presence=Presence(lost=ticks(10))), files={C: "c"}), {"C": "0 L · 15 c"}),
    ("one that is back is steady for a while before it takes back",
     given(live("L", C, presence=Presence(returned=ticks(10))), files={C: "c"}),
     {"C": "0 c · 13 L"}),

    # --- priority
    ("a priority item waits for the end of the item that is on",
     {0: given(C=station(A, B)), 15: given(C=station(A, B, priority=[play("X", 15, 5)]))},
     {"C": "0 - · 10 A · 20 X · 25 B · 35 -"}),
    ("it cuts a relay, which goes on at its present",
     given(C=station(priority=[play("X", 15, 5)], slots=[slot("relay", 10, 30, URL)]),
           relays={URL: Presence()}),
     {"C": f"0 - · 10 {URL} · 15 X · 20 {URL} · 30 -"}),
    ("it cuts silence, standing content and an upper routine live",
     given(live("L", P), C=station(priority=[play("X", 5, 5)], policy="always"),
           E=station(priority=[play("Y", 5, 5)], policy="never"), files={E: "e"}),
     {"C": "0 L · 5 X · 10 L", "E": "0 e · 5 Y · 10 e"}),
    ("the commune orders its priority items",
     given(C=station(priority=[play("Y", 0, 5), play("X", 0, 5)])), {"C": "0 Y · 5 X · 10 -"}),
    ("it changes their order while one is on",
     {0: given(C=station(priority=[play("X", 0, 5), play("Y", 0, 5), play("Z", 0, 5)])),
      2: given(C=station(priority=[play("Z", 0, 5), play("Y", 0, 5), play("X", 0, 5)]))},
     {"C": "0 X · 5 Z · 10 Y · 15 -"}),
    ("an upper priority live waits for the item, and joins at its present",
     {0: given(C=station(A)), 12: given(live("L", D, PRIORITY, 12), C=station(A)),
      30: given(C=station(A))},
     {"D": "0 - · 12 L · 30 -", "C": "0 - · 10 A · 20 L · 30 -"}),
    ("it goes before priority items that have not begun",
     {0: given(C=station(priority=[play("X", 0, 5), play("Y", 0, 5)])),
      2: given(live("L", D, PRIORITY, 2), C=station(priority=[play("Y", 0, 5)])),
      20: given(C=station(priority=[play("Y", 0, 5)]))},
     {"C": "0 X · 5 L · 20 Y · 25 -"}),
    ("of two upper priority lives the first",
     given(live("L", D, PRIORITY, 2), live("M", P, PRIORITY, 1)), {"C": "0 M", "D": "0 L"}),
    ("own live goes above priority",
     {0: given(C=station(priority=[play("X", 0, 10)])),
      5: given(live("L", C), C=station(priority=[play("X", 0, 10)])), 20: given()},
     {"C": "0 X · 5 L · 20 X+5 · 25 -"}),

    # --- emergencies
    ("an emergency cuts an item, which resumes from where it was cut",
     given(emergency("Q", 15), C=station(A)), {"CV": "0 - · 10 A · 15 Q#0 · 20 A+5 · 25 -"}),
    ("an item that is interrupted past its last start still resumes",
     given(emergency("Q", 15, 50), C=station(A)), {"C": "0 - · 10 A · 15 Q#0 · 65 A+5 · 70 -"}),
    ("even if the plan has it no longer",
     {0: given(emergency("Q", 15), C=station(A)), 17: given(emergency("Q", 15), C=station(B))},
     {"C": "0 - · 10 A · 15 Q#0 · 20 A+5 · 25 B · 35 -"}),
    ("one that expires meanwhile does not",
     given(emergency("Q", 15, 50), C=station(play("A", 10, 10, expires=40))),
     {"C": "0 - · 10 A · 15 Q#0 · 65 -"}),
    ("the interrupted item goes before priority items",
     given(emergency("Q", 15), C=station(A, priority=[play("X", 12, 5)])),
     {"C": "0 - · 10 A · 15 Q#0 · 20 A+5 · 25 X · 30 -"}),
    ("it cuts lives and relays, which go on at their present",
     given(emergency("Q", 15), live("L", C), E=station(slots=[slot("relay", 0, 99, URL)]),
           relays={URL: Presence()}),
     {"CV": "0 L · 15 Q#0 · 20 L", "E": f"0 {URL} · 15 Q#0 · 20 {URL} · 99 -"}),
    ("it goes where it is called, and not where that is excluded",
     given(emergency("Q", 5, on=[D], but=[C]), live("L", V)),
     {"P": "0 -", "D": "0 - · 5 Q#0 · 10 -", "E": "0 - · 5 Q#0 · 10 -", "C": "0 -", "V": "0 L"}),
    ("what is excluded stays so, whatever else is named",
     given(emergency("Q", 5, on=[D, V], but=[C])), {"V": "0 -", "D": "0 - · 5 Q#0 · 10 -"}),
    ("repeats: at once, then every so often",
     given(emergency("Q", 5, every=60, until=130)),
     {"C": "0 - · 5 Q#0 · 10 - · 65 Q#1 · 70 - · 125 Q#2 · 130 -"}),
    ("nothing of it begins after its expiry",
     given(emergency("Q", 5, every=60, expires=100)),
     {"C": "0 - · 5 Q#0 · 10 - · 65 Q#1 · 70 -"}),
    ("nor goes on", given(emergency("Q", 5, 20, expires=15)), {"C": "0 - · 5 Q#0 · 15 -"}),
    ("one that is stopped is cut at once",
     {0: given(emergency("Q", 5, 20), C=station(play("A", 0, 10))), 8: given()},
     {"C": "0 A · 5 Q#0 · 8 A+5 · 13 -"}),
    ("a correction takes its place at once",
     {0: given(emergency("Q", 5, 20, every=60)), 8: given(emergency("R", 8, 3))},
     {"C": "0 - · 5 Q#0 · 8 R#0 · 11 -"}),
    ("a repeat goes before whatever is no emergency",
     given(emergency("Q", 0, every=10, until=10), C=station(play("A", 5, 10))),
     {"C": "0 Q#0 · 5 A · 10 Q#1 · 15 A+5 · 20 -"}),

    # --- several emergencies
    ("the higher severity cuts the lower, which resumes",
     given(emergency("Q", 0, 10, severity=2), emergency("R", 4, 5, severity=4)),
     {"C": "0 Q#0 · 4 R#0 · 9 Q#0+4 · 15 -"}),
    ("the lower waits for the higher",
     given(emergency("Q", 0, 10, severity=4), emergency("R", 4, 5, severity=2)),
     {"C": "0 Q#0 · 10 R#0 · 15 -"}),
    ("the later call of the same severity cuts",
     given(emergency("Q", 0, 10), emergency("R", 4, 5)), {"C": "0 Q#0 · 4 R#0 · 9 Q#0+4 · 15 -"}),
    ("real before drill, whatever its severity",
     given(emergency("Q", 0, 10, severity=5, drill=True), emergency("R", 4, 5, severity=1)),
     {"C": "0 Q#0 · 4 R#0 · 9 Q#0+4 · 15 -"}),
    ("a drill waits for the real one",
     given(emergency("Q", 0, 10, severity=1), emergency("R", 4, 5, severity=5, drill=True)),
     {"C": "0 Q#0 · 10 R#0 · 15 -"}),
    ("a repeat cuts no other emergency, it waits for its end",
     given(emergency("Q", 0, 5, severity=5, every=20, until=20),
           emergency("R", 15, 10, severity=1)),
     {"C": "0 Q#0 · 5 - · 15 R#0 · 25 Q#1 · 30 -"}),
    ("of repeats that had to wait only the newest is said",
     given(emergency("Q", 0, 5, severity=1, every=10, until=30), emergency("R", 8, 30, severity=5)),
     {"C": "0 Q#0 · 5 - · 8 R#0 · 38 Q#3 · 43 -"}),
    ("a saying that was cut is finished before the next repeat",
     given(emergency("Q", 0, 10, severity=1, every=20, until=20),
           emergency("R", 5, 20, severity=5)),
     {"C": "0 Q#0 · 5 R#0 · 25 Q#0+5 · 30 Q#1 · 40 -"}),
    ("each mount has its own history",
     given(emergency("Q", 0, 10, severity=1), emergency("R", 5, 5, on=[C], severity=5)),
     {"D": "0 Q#0 · 10 -", "CV": "0 Q#0 · 5 R#0 · 10 Q#0+5 · 15 -"}),

    # --- lives of class emergency
    ("a live emergency cuts everything below it",
     {0: given(live("M", C), E=station(A)),
      15: given(live("M", C), live("L", D, EMERGENCY, 15), E=station(A)),
      30: given(live("M", C), E=station(A))},
     {"C": "0 M · 15 L · 30 M", "D": "0 - · 15 L · 30 -",
      "E": "0 - · 10 A · 15 L · 30 A+5 · 35 -"}),
    ("of a live and a recorded emergency the more severe",
     given(live("L", D, EMERGENCY, 0, severity=3), emergency("Q", 10, 5, severity=4)),
     {"C": "0 L · 10 Q#0 · 15 L"}),
    ("a recorded one that is less severe waits for the live's end",
     {0: given(live("L", D, EMERGENCY, 0, severity=3), emergency("Q", 10, 5, severity=2)),
      40: given(emergency("Q", 10, 5, severity=2))},
     {"C": "0 L · 40 Q#0 · 45 -", "P": "0 - · 10 Q#0 · 15 -"}),
    ("a repeat waits for a live emergency's end, too",
     {0: given(emergency("Q", 0, 5, severity=5, every=10, until=10)),
      8: given(live("L", D, EMERGENCY, 8, severity=1),
               emergency("Q", 0, 5, severity=5, every=10, until=10)),
      30: given(emergency("Q", 0, 5, severity=5, every=10, until=10))},
     {"C": "0 Q#0 · 5 - · 8 L · 30 Q#1 · 35 -"}),
    ("a live emergency that dropped is given up after its hold",
     given(live("L", D, EMERGENCY, 0, presence=Presence(lost=ticks(10))), live("M", C)),
     {"C": "0 L · 15 M"}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "heard"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_who_is_on_air(changes, heard):
    lines = hear(changes)
    expected = {name: line for names, line in heard.items() for name in names}
    assert {name: lines[NAMES[name]] for name in expected} == expected


def test_without_stations_a_live_goes_down_the_tree_as_it_is():
    tree = AreaTree([Area("/a", "a", id=1), Area("/a/b", "b", id=2), Area("/a/b/c", "c", id=3)])
    lives = (live("L", 1), live("M", 2))
    choices = arbitrate(Situation(tree, lives=lives), {}, 0)
    assert [choices[area].id for area in (1, 2, 3)] == ["L", "M", "M"]


def test_why_is_told():
    situation = given(
        emergency("Q", 0, on=[W]), live("L", D), live("M", P, PRIORITY), live("O", V),
        C=station(priority=[play("X")]), E=station(play("Y"), slots=[slot("upper", 0, 60)]),
    )  # fmt: skip
    choices = arbitrate(situation, {}, 0)
    told = {name: (choices[id].why, choices[id].id) for name, id in NAMES.items()}
    assert told == {
        "P": (Why.OWN_LIVE, "M"),
        "D": (Why.OWN_LIVE, "L"),
        "C": (Why.PRIORITY, "M"),
        "V": (Why.OWN_LIVE, "O"),
        "W": (Why.EMERGENCY, "Q#0"),
        "E": (Why.PRIORITY, "M"),
    }
    assert (choices[W].cue, choices[W].drill) == (100 + ord("Q"), False)


def test_the_next_item_is_asked_for_ahead_and_joins_at_the_end_of_the_one_before():
    situation = given(C=station(A, B))
    states = {C: advance(MountState(), arbitrate(situation, {}, ticks(10))[C], ticks(10))}
    # At second 17, with the states of then, for second 20.
    choice = arbitrate(situation, states, ticks(20))[C]
    assert (choice.id, choice.start, choice.offset) == ("B", ticks(20), 0)
    # And had the plan nothing more, it would be silent.
    assert arbitrate(given(C=station(A)), states, ticks(20))[C] == Choice("silence")


def test_mounts_with_one_history_share_a_programme():
    situation = given(emergency("Q", 5), C=station(A))
    choices = arbitrate(situation, {}, ticks(5))
    assert len({choices[id].programme for id in NAMES.values()}) == 1
    joined = arbitrate(
        given(D=station(A), C=station(slots=[slot("upper", 0, 60)])), {}, ticks(15)
    )  # fmt: skip
    assert joined[C].programme == joined[D].programme
    assert (joined[D].why, joined[C].why, joined[V].why) == (Why.SLOT, Why.UPPER, Why.UPPER)


def test_what_a_mount_remembers_is_bounded():
    state = MountState()
    tick = 0
    for number in range(3 * KEPT_PLAYS):
        tick += 10
        item = play(f"k{number}", 0, 0.2)
        state = advance(state, Choice("bulletin", item.key, C, Why.SLOT, item, 0, tick), tick)
    assert len(state.played) <= KEPT_PLAYS
    assert state.played[f"k{3 * KEPT_PLAYS - 2}"] == 10, "the newest are remembered"
    for number in range(100):
        tick += 5
        item = play(f"cut{number}", 0, 10)
        state = advance(state, Choice("bulletin", item.key, C, Why.SLOT, item, 0, tick), tick)
    assert len(state.begun) <= 16


def test_a_state_does_not_change_when_nothing_changes():
    state = MountState(Choice("relay", "http://vov", C, Why.SLOT), 5)
    assert advance(state, Choice("relay", "http://vov", C, Why.SLOT), 99) is state
    other = advance(state, Choice("relay", "http://vov", P, Why.STANDING), 99)
    assert (other.choice.why, other.since) == (Why.STANDING, 5), "it goes on; only why is new"


def test_with_nothing_to_come_there_is_no_next_look():
    situation = given(live("L", C), files={E: "e"})
    choices = arbitrate(situation, {}, 0)
    assert next_look(situation, {}, choices, 0) is None


def test_ids_that_are_no_area_reach_nobody():
    situation = given(
        emergency("Q", 0, on=[99], but=[98]), live("L", 97), live("M", C, targets=[9])
    )
    assert set(arbitrate(situation, {}, 0).values()) == {Choice("silence")}
    assert set(arbitrate(situation, {}, 0)) == {area.id for area in TREE}
