"""The table of cases of who is on air, and what always holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.arbiter_first import (
    SILENCE,
    Choice,
    Content,
    Live,
    Policies,
    Presence,
    arbitrate,
    next_look,
)
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.rights import BulletinClass

P, D, C, V = "/p", "/p/d", "/p/d/c", "/p/d/c/v"
TREE = AreaTree([Area(path, path) for path in (P, D, C, V)])
POLICIES = Policies(hold=250, take_back=150)
ROUTINE, EMERGENCY = BulletinClass.ROUTINE, BulletinClass.EMERGENCY


def live(area: str, cls: BulletinClass = ROUTINE, since: int = 0, **presence: int) -> Live:
    return Live(f"live@{area}", area, cls, since, Presence(**presence))


def L(area: str) -> Choice:
    return Choice("live", f"live@{area}", area)


FILE_P, FILE_C = Choice("file", "p.mp3", P), Choice("file", "c.mp3", C)
FILES = {P: Content(file="p.mp3"), C: Content(file="c.mp3")}
RELAY_C = {P: Content(file="p.mp3"), C: Content(relay="http://vov", file="c.mp3")}

CASES = [
    # what, lives, contents, relays, expected on P, D, C, V
    ("nothing at all", [], {}, {}, [SILENCE] * 4),
    ("files, nearest first", [], FILES, {}, [FILE_P, FILE_P, FILE_C, FILE_C]),
    ("a live goes down the tree", [live(D)], FILES, {}, [FILE_P, L(D), L(D), L(D)]),
    ("own live before the upper's", [live(P), live(C)], {}, {}, [L(P), L(P), L(C), L(C)]),
    (
        "an emergency before own live",
        [live(P, EMERGENCY), live(C)],
        {},
        {},
        [L(P)] * 4,
    ),
    (
        "own emergency before the upper's",
        [live(P, EMERGENCY), live(C, EMERGENCY)],
        {},
        {},
        [L(P), L(P), L(C), L(C)],
    ),
    ("a relay that delivers", [], RELAY_C, {"http://vov": Presence()},
     [FILE_P, FILE_P, Choice("relay", "http://vov", C), Choice("relay", "http://vov", C)]),
    ("a relay that never did", [], RELAY_C, {}, [FILE_P, FILE_P, FILE_C, FILE_C]),
    ("a relay on hold", [], RELAY_C, {"http://vov": Presence(lost=800)},
     [FILE_P, FILE_P, Choice("relay", "http://vov", C), Choice("relay", "http://vov", C)]),
    ("a relay given up", [], RELAY_C, {"http://vov": Presence(lost=700)},
     [FILE_P, FILE_P, FILE_C, FILE_C]),
    ("lost and held", [live(C, lost=751)], FILES, {}, [FILE_P, FILE_P, L(C), L(C)]),
    ("lost for too long", [live(C, lost=750)], FILES, {}, [FILE_P, FILE_P, FILE_C, FILE_C]),
    ("back, not yet steady", [live(C, returned=851)], FILES, {}, [FILE_P, FILE_P, FILE_C, FILE_C]),
    ("back and steady", [live(C, returned=850)], FILES, {}, [FILE_P, FILE_P, L(C), L(C)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lives", "contents", "relays", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_who_is_on_air(lives, contents, relays, expected):
    choices = arbitrate(TREE, lives, contents, relays, POLICIES, 1000)
    assert [choices[path] for path in (P, D, C, V)] == expected


def test_a_source_that_is_lost_and_comes_back_in_time_keeps_the_air():
    presence = Presence().lose(100, POLICIES)
    assert presence.holds_air(349, POLICIES)
    assert presence.come_back(349, POLICIES) == Presence()


def test_one_that_comes_back_late_must_be_steady():
    presence = Presence().lose(100, POLICIES).come_back(400, POLICIES)
    assert not presence.holds_air(549, POLICIES)
    assert presence.holds_air(550, POLICIES)


def test_one_that_is_lost_again_before_it_was_steady_is_not_held():
    presence = Presence().lose(100, POLICIES).come_back(400, POLICIES).lose(500, POLICIES)
    assert not presence.holds_air(500, POLICIES)
    again = presence.come_back(510, POLICIES)
    assert not again.holds_air(659, POLICIES)
    assert again.holds_air(660, POLICIES)


@st.composite
def presences(draw: st.DrawFn) -> Presence:
    presence, tick = Presence(), 0
    for lost in draw(st.lists(st.booleans(), max_size=6)):
        tick += draw(st.integers(0, 400))
        step = presence.lose if lost else presence.come_back
        presence = step(tick, POLICIES)
    return presence


@settings(deadline=None, derandomize=True)
@given(presences(), st.integers(0, 3000))
def test_air_changes_only_when_next_change_said_so(presence: Presence, tick: int):
    due = presence.next_change(tick, POLICIES)
    now = presence.holds_air(tick, POLICIES)
    last = due - 1 if due is not None else tick + 5000
    assert presence.holds_air(last, POLICIES) == now
    if due is not None:
        assert presence.holds_air(due, POLICIES) != now


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from([P, D, C, V]), st.sampled_from(BulletinClass), presences()),
             max_size=6),
    st.integers(0, 3000),
)  # fmt: skip
def test_what_always_holds(sources, tick: int):
    lives = [Live(str(i), area, cls, i, p) for i, (area, cls, p) in enumerate(sources)]
    choices = arbitrate(TREE, lives, FILES, {}, POLICIES, tick)
    assert choices == arbitrate(TREE, reversed(lives), FILES, {}, POLICIES, tick)
    by_id = {live.id: live for live in lives}
    for path, choice in choices.items():
        lineage = {a.path for a in TREE.lineage(TREE.find(path))}
        can = [x for x in lives if x.area in lineage and x.presence.holds_air(tick, POLICIES)]
        assert (choice.kind == "live") == bool(can)
        if can:
            chosen = by_id[choice.id]
            assert chosen in can
            assert not (chosen.cls is not EMERGENCY and any(x.cls is EMERGENCY for x in can)), (
                "nothing lower delays an emergency"
            )
    due = next_look(lives, {}, POLICIES, tick)
    if due is not None:
        assert arbitrate(TREE, lives, FILES, {}, POLICIES, due - 1) == choices


def test_two_thousand_areas_are_decided_by_looking_at_each_once():
    areas = [Area("/p", "p")]
    areas += [Area(f"/p/d{i}", "d") for i in range(20)]
    areas += [Area(f"/p/d{i}/c{k}", "c") for i in range(20) for k in range(100)]
    choices = arbitrate(AreaTree(areas), [live("/p/d3"), live("/p/d3/c7")], {}, {}, POLICIES, 1000)
    assert len(choices) == 2021
    assert sum(c.id == "live@/p/d3" for c in choices.values()) == 100
    assert sum(c.id == "live@/p/d3/c7" for c in choices.values()) == 1
