"""Alerts: within two minutes, one for an area instead of forty, none for a restart, no flapping."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.alerts import Alert, Kind, Presence, Rules, Watch

PROVINCE, NORTH, SOUTH = 1, 2, 3
"""A province with two communes of forty receivers each: 100 … 139 and 200 … 239."""
ABOVE = {PROVINCE: (1,), NORTH: (2, 1), SOUTH: (3, 1), 4: (4, 2, 1)}
HEARTBEAT = 50.0
STEP = 5.0
NORTHERN, SOUTHERN = range(100, 140), range(200, 240)


def lineage(area: int) -> Sequence[int]:
    return ABOVE[area]


def area_of(receiver: int) -> int:
    return NORTH if receiver < 200 else SOUTH


@dataclass
class Province:
    """Receivers that say something every 50 s, each at its own time, unless they are away."""

    receivers: Sequence[int] = (*NORTHERN, *SOUTHERN)
    presence: Presence = field(default_factory=Presence)
    now: float = 10_000.0
    away: set[int] = field(default_factory=set)
    told: list[tuple[float, Alert]] = field(default_factory=list)
    heartbeat: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        chance = random.Random(7)
        for receiver in self.receivers:
            self.presence.hear(receiver, area_of(receiver), self.now)
            self.heartbeat[receiver] = self.now + chance.uniform(0, HEARTBEAT)

    def run(self, seconds: float) -> list[Alert]:
        before, end = len(self.told), self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + STEP)
            for receiver in self.receivers:
                while self.heartbeat[receiver] <= self.now:
                    if receiver not in self.away:
                        heard = self.heartbeat[receiver]
                        self.presence.hear(receiver, area_of(receiver), heard)
                    self.heartbeat[receiver] += HEARTBEAT
            self.told += ((self.now, alert) for alert in self.presence.step(self.now, lineage))
        return [alert for _, alert in self.told[before:]]

    def come_back(self, receivers: Sequence[int]) -> None:
        self.away.difference_update(receivers)
        for receiver in receivers:
            self.presence.hear(receiver, area_of(receiver), self.now)


def announced(alerts: Sequence[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.kind is not Kind.MORE]


def test_one_that_goes_is_announced_within_two_minutes_and_once() -> None:
    province = Province()
    assert province.run(3600) == []
    went = province.now
    province.away = {100}
    (alert,) = province.run(7200)
    assert (alert.kind, alert.area, alert.receivers, alert.group) == (
        Kind.BAD,
        NORTH,
        (100,),
        False,
    )
    assert province.told[0][0] - went <= 120 and province.presence.watch.is_bad(100)
    province.come_back([100])
    (alert,) = province.run(3600)
    assert (alert.kind, alert.receivers, alert.missing, alert.over) == (Kind.BACK, (100,), (), True)
    assert not province.presence.watch.open


@pytest.mark.parametrize("spread", [0.0, 20.0, 60.0])
@pytest.mark.parametrize("left", [0, 5])
def test_a_commune_that_goes_is_one_alert_and_one_when_it_is_back(spread: float, left: int) -> None:
    province, chance = Province(), random.Random(3)
    province.run(600)
    went = province.now
    lost = sorted(NORTHERN[left:], key=lambda _: chance.random())
    for number, receiver in enumerate(lost):
        province.away.add(receiver)
        if spread and number % 5 == 4:
            province.run(spread / 8)
    province.run(1800)
    (alert,) = announced([alert for _, alert in province.told])
    assert (alert.kind, alert.area, alert.group) == (Kind.BAD, NORTH, True)
    assert province.told[0][0] - went <= 120
    assert sorted(r for _, a in province.told for r in a.receivers) == list(NORTHERN[left:])
    province.told.clear()
    for number in range(0, len(lost), 5):
        province.come_back(lost[number : number + 5])
        province.run(30)
    province.run(600)
    ((_, back),) = province.told
    assert back.kind is Kind.BACK and back.receivers == tuple(NORTHERN[left:])
    assert not province.presence.watch.open


def test_what_most_of_the_province_loses_is_one_alert_of_the_province() -> None:
    province = Province()
    province.run(600)
    province.away = {*NORTHERN[4:], *SOUTHERN[4:]}
    (alert,) = announced(province.run(1800))
    assert (alert.area, alert.group) == (PROVINCE, True)
    province.come_back([*NORTHERN, *SOUTHERN])
    (alert,) = announced(province.run(1800))
    assert (alert.kind, alert.area, alert.missing) == (Kind.BACK, PROVINCE, ())


def test_some_of_many_are_announced_each_for_itself() -> None:
    province = Province()
    province.away = {100, 101, 200}
    assert sorted(a.receivers for a in province.run(600)) == [(100,), (101,), (200,)]


def test_who_does_not_come_back_with_the_others_is_named_and_told_later() -> None:
    province = Province()
    province.away = set(NORTHERN)
    province.run(600)
    province.come_back(NORTHERN[3:])
    (back,) = announced(province.run(1800))
    assert back.kind is Kind.BACK and back.missing == (100, 101, 102) and not back.over
    province.come_back([101])
    (late,) = province.run(600)
    assert (late.kind, late.receivers, late.missing) == (Kind.BACK, (101,), (100, 102))
    province.come_back([100, 102])
    (last,) = province.run(600)
    assert last.over and not province.presence.watch.open


def test_half_of_an_area_is_announced_as_back_when_no_more_come() -> None:
    province = Province()
    province.away = set(NORTHERN)
    province.run(600)
    province.come_back(NORTHERN[20:])
    assert province.run(300) == []
    (back,) = province.run(600)
    assert len(back.receivers) == 20 and len(back.missing) == 20


def test_a_short_absence_is_no_alert() -> None:
    province = Province()
    for _ in range(10):
        province.away = set(NORTHERN)
        province.run(55)
        province.come_back(NORTHERN)
        province.run(60)
    assert province.told == []


def test_a_restart_alarms_nobody_but_those_who_do_not_come_back() -> None:
    presence = Presence()
    for receiver in NORTHERN:
        presence.expect(receiver, NORTH, 10_300.0)
    presence.watch.place(200, SOUTH)
    assert presence.watch.restore(7, SOUTH, False, (200,), now=10_000.0)
    now, told = 10_000.0, []
    while now < 11_000:
        now += STEP
        if now > 10_200:
            for receiver in NORTHERN[1:]:
                presence.hear(receiver, NORTH, now)
        told += presence.step(now, lineage)
    assert [(a.kind, a.receivers) for a in told] == [(Kind.BAD, (100,))]
    presence.hear(200, SOUTH, now)
    back = [alert for n in range(10) for alert in presence.step(now + n * STEP, lineage)]
    assert [(a.kind, a.incident) for a in back] == [(Kind.BACK, 7)]


def test_a_server_that_slept_takes_nothing_of_it_for_silence() -> None:
    province = Province()
    province.run(600)
    province.now += 3600
    for receiver in province.receivers:
        province.heartbeat[receiver] = province.now + 40
    assert province.run(1200) == []


def test_a_group_goes_on_after_a_restart() -> None:
    watch = Watch()
    for receiver in NORTHERN:
        watch.place(receiver, NORTH)
    watch.restore(3, NORTH, True, NORTHERN, now=0.0)
    for receiver in NORTHERN[:38]:
        watch.good(receiver, 10.0)
    told = [alert for now in range(11, 300, 5) for alert in watch.step(now, lineage)]
    assert [(a.kind, a.incident, a.group, a.missing) for a in told] == [
        (Kind.BACK, 3, True, (138, 139))
    ]
    assert not watch.restore(4, NORTH, True, [999], now=0.0)


def test_a_receiver_that_is_no_more_leaves_nothing_behind() -> None:
    province = Province()
    province.away = {100}
    province.run(600)
    province.presence.forget(100)
    assert not province.presence.watch.open and 100 not in province.presence.watch
    assert len(province.run(600)) == 0


Events = st.lists(
    st.tuples(
        st.floats(1, 400),
        st.sets(st.sampled_from([*NORTHERN[:6], *SOUTHERN[:4]]), max_size=10),
        st.booleans(),
    ),
    max_size=25,
)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(Events)
def test_whatever_happens_everything_is_told_once_and_in_turn(
    events: list[tuple[float, set[int], bool]],
) -> None:
    province = Province((*NORTHERN[:6], *SOUTHERN[:4]))
    for seconds, receivers, away in events:
        if away:
            province.away |= receivers
        else:
            province.come_back(sorted(receivers))
        province.run(seconds)
    bad: dict[int, int] = {}
    when: dict[int, list[float]] = {}
    for at, alert in province.told:
        for receiver in alert.receivers:
            if alert.kind is Kind.BACK:
                assert bad.pop(receiver) == alert.incident
            else:
                # One of a group may fall ill again before the group is back.
                assert bad.setdefault(receiver, alert.incident) == alert.incident
                if alert.kind is Kind.BAD:
                    when.setdefault(receiver, []).append(at)
        assert not set(alert.receivers) & set(alert.missing)
    for times in when.values():
        for first in times:
            assert sum(first <= at < first + 3600 for at in times) <= 6
    # Left alone, the world and what was told of it agree.
    province.run(3 * 3600)
    now_bad = {r for r in province.receivers if province.presence.watch.is_bad(r)}
    assert now_bad == province.away


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.integers(5, 300), st.integers(5, 300), st.integers(10, 40))
def test_nothing_flaps(up: int, down: int, times: int) -> None:
    province = Province(range(100, 103), Presence(Rules(least=99)))
    for _ in range(times):
        province.away = {100}
        province.run(down)
        province.come_back([100])
        province.run(up)
    hours = times * (up + down) / 3600
    assert len([a for _, a in province.told if a.kind is Kind.BAD]) <= 7 * (hours + 1)
