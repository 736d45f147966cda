"""What people are told before they go live, and that it then comes true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as sampled
from hypothesis import settings
from hypothesis import strategies as st

from loa.streamer.core.arbiter import advance, arbitrate, next_look
from loa.streamer.core.cues import MountState, Presence, Situation
from loa.streamer.core.preview import When, preview
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
    emergency,
    given,
    live,
    play,
    slot,
    station,
    ticks,
)

URL = "http://vov"
A, B = play("A", 10, 10), play("B", 20, 10)

CASES: list[tuple[str, Situation, Any, dict[str, str]]] = [
    # name, what there is, the live that is to start at second 15, what C and others are told
    ("nothing is on", given(), live("L", D), {"D": "now", "CVWE": "now"}),
    ("only for what it is for", given(), live("L", D, targets=[C]), {"CVW": "now", "DE": "-"}),
    ("an item is on, and another follows", given(C=station(A, B)), live("L", D),
     {"D": "now", "CVW": "after 30 item"}),
    ("with policy always it waits for the one item", given(C=station(A, B, policy="always")),
     live("L", D), {"C": "after 20 item"}),
    ("of class priority, too", given(C=station(A, B)), live("L", D, PRIORITY),
     {"C": "after 20 item"}),
    ("an item goes after own live", given(C=station(A, B)), live("L", C), {"C": "now"}),
    ("a relay has its slot", given(C=station(slots=[slot("relay", 0, 60, URL)]),
                                   relays={URL: Presence()}), live("L", D), {"C": "after 60 slot"}),
    ("not in this area", given(C=station(policy="never")), live("L", P), {"C": "not policy"}),
    ("only in its slots for that",
     given(C=station(policy="slots", slots=[slot("upper", 90, 99)])), live("L", P),
     {"C": "after 90 policy"}),
    ("another live is on", given(live("M", C)), live("L", D), {"C": "not live", "D": "now"}),
    ("an emergency is on", given(emergency("Q", 10, 20, on=[C])), live("L", D),
     {"C": "after 30 emergency", "E": "now"}),
    ("a live emergency is on", given(live("M", P, EMERGENCY)), live("L", D),
     {"D": "not emergency"}),
    ("an emergency of its own", given(live("M", P, EMERGENCY), C=station(A)),
     live("L", D, EMERGENCY, 15), {"C": "now"}),
    ("a programme of an hour", given(C=station(play("A", 10, 3600))), live("L", D),
     {"C": "not item"}),
]  # fmt: skip


def until(situation: Situation, tick: int) -> dict[int, MountState]:
    """Return what mounts did up to ``tick``, that tick not included."""
    states = {area: MountState() for area in NAMES.values()}
    at: int | None = 0
    while at is not None and at < tick:
        choices = arbitrate(situation, states, at)
        states = {area: advance(states[area], choices[area], at) for area in states}
        at = next_look(situation, states, choices, at)
    return states


@pytest.mark.parametrize(
    ("situation", "new", "told"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_is_told(situation, new, told):
    now = ticks(15)
    found = preview(situation, until(situation, now), replace(new, since=now), now)
    for names, words in told.items():
        for name in names:
            one = found.get(NAMES[name])
            if one is None:
                assert words == "-", name
                continue
            at = "" if one.tick is None or one.when is When.NOW else f"{one.tick / 50:g}"
            assert " ".join(filter(None, (one.when, at, one.reason))) == words, name


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    numbers = st.integers(0, 40)

    def some_station(key: str) -> Any:
        plays = [
            play(f"{key}{i}", draw(numbers), draw(st.integers(1, 20)))
            for i in range(draw(st.integers(0, 3)))
        ]
        start = draw(numbers)
        return station(
            *plays,
            policy=draw(st.sampled_from(["idle", "always", "slots", "never"])),
            slots=[
                slot(draw(st.sampled_from(["queue", "relay", "upper"])), start, start + 20, URL)
            ],
        )

    calls = [emergency("Q", draw(numbers), 8, on=[C], every=draw(st.sampled_from([0, 15])))]
    return given(
        *calls[: draw(st.integers(0, 1))], C=some_station("c"), E=some_station("e"),
        relays={URL: Presence()},
    )  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=150)
@sampled(situations(), st.integers(0, 50), st.sampled_from([C, D, P]), st.booleans())
def test_what_is_told_comes_true(situation: Situation, second: int, area: int, priority: bool):
    now = ticks(second)
    states = until(situation, now)
    new = replace(live("L", area), since=now)
    new = replace(new, cls=PRIORITY) if priority else new
    told = preview(situation, states, new, now)
    heard = replace(situation, lives=(new,))
    first: dict[int, int] = {}
    at: int | None = now
    while at is not None and at < now + ticks(1700):
        choices = arbitrate(heard, states, at)
        states = {a: advance(states[a], choices[a], at) for a in states}
        for mount, choice in choices.items():
            if choice.id == "L":
                first.setdefault(mount, at)
        at = next_look(heard, states, choices, at)
    assert {mount: one.tick for mount, one in told.items() if one.tick is not None} == first
    below = {a.id for a in TREE.below(next(a for a in TREE if a.id == area))}
    assert set(told) == below


def test_a_village_is_told_for_itself():
    situation = given(C=station(play("A", 0, 60, targets=[V])))
    states = until(situation, ticks(15))
    told = preview(situation, states, live("L", D, since=15), ticks(15))
    assert (told[C].when, told[V].when) == (When.NOW, When.AFTER)
    assert told[V].on.id == "A"
    assert E in told
