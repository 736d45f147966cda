"""Hours and limits of sessions: what is allowed, what comes next, how far it is overrun."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from loa.streamer.core.hours import (
    Limit,
    allowed,
    closing,
    next_opening,
    obstacle,
    standing,
)
from loa.streamer.core.policy import Hours, Policy

# Monday 2026-09-21.
EVERY_DAY = tuple(range(7))
MORNING, EVENING = Hours(EVERY_DAY, 5 * 60, 6 * 60), Hours((0, 1, 2, 3, 4), 17 * 60, 18 * 60)
POLICY = Policy(hours=(MORNING, EVENING))
NIGHT = Policy(hours=(Hours(EVERY_DAY, 22 * 60, 1440), Hours(EVERY_DAY, 0, 60)))
ALWAYS = Policy(hours=(Hours(EVERY_DAY, 0, 1440),))


def at(day: int, clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-09-{day}T{clock}")


@pytest.mark.parametrize(
    ("policy", "local", "ok", "opens", "closes"),
    [
        (Policy(hours=()), at(21, "03:00"), True, at(21, "03:00"), None),
        (Policy(), at(21, "03:00"), True, at(21, "03:00"), None),
        (POLICY, at(21, "04:59:59"), False, at(21, "05:00"), at(21, "04:59:59")),
        (POLICY, at(21, "05:00"), True, at(21, "05:00"), at(21, "06:00")),
        (POLICY, at(21, "05:59:59"), True, at(21, "05:59:59"), at(21, "06:00")),
        (POLICY, at(21, "06:00"), False, at(21, "17:00"), at(21, "06:00")),
        (POLICY, at(26, "12:00"), False, at(27, "05:00"), at(26, "12:00")),  # a Saturday
        (NIGHT, at(21, "23:30"), True, at(21, "23:30"), at(22, "01:00")),  # over midnight
        (NIGHT, at(22, "00:30"), True, at(22, "00:30"), at(22, "01:00")),
        (ALWAYS, at(21, "12:00"), True, at(21, "12:00"), None),
        (Policy(hours=(Hours((0,), 300, 360),)), at(21, "07:00"), False, at(28, "05:00"),
         at(21, "07:00")),
        (Policy(hours=(Hours((), 300, 360),)), at(21, "07:00"), False, None, at(21, "07:00")),
    ],
)  # fmt: skip
def test_hours(policy, local, ok, opens, closes):
    assert allowed(policy, local) == ok
    assert next_opening(policy, local) == opens
    assert closing(policy, local) == closes


def test_hours_that_touch_are_one():
    policy = Policy(hours=(Hours((0,), 300, 360), Hours((0,), 360, 400), Hours((0,), 330, 380)))
    assert closing(policy, at(21, "05:10")) == at(21, "06:40")


def test_what_stands_against_a_session():
    policy = Policy(hours=(MORNING,), sessions_a_day=2)
    assert obstacle(policy, at(21, "04:00"), 0) is Limit.HOURS
    assert obstacle(policy, at(21, "05:00"), 1) is None
    assert obstacle(policy, at(21, "05:00"), 2) is Limit.SESSIONS
    assert obstacle(Policy(hours=(), sessions_a_day=0), at(21, "05:00"), 99) is None


def test_a_session_is_warned_two_minutes_before_and_its_overrun_is_known():
    policy = Policy(hours=(MORNING,), session_minutes=45)
    early = standing(policy, at(21, "05:00"), at(21, "05:42:59"))
    assert early is not None and (early.limit, early.warn) == (Limit.LENGTH, False)
    late = standing(policy, at(21, "05:30"), at(21, "05:58"))
    assert late is not None and (late.limit, late.warn) == (Limit.HOURS, True)
    assert late.overrun == timedelta()
    over = standing(policy, at(21, "05:30"), at(21, "06:03"))
    assert over is not None and (over.limit, over.overrun) == (Limit.HOURS, timedelta(minutes=3))


def test_whoever_overrode_the_hours_has_only_the_length_to_keep():
    began = at(21, "20:00")
    assert standing(Policy(hours=(MORNING,)), began, at(21, "21:00")) is None
    limit = standing(Policy(hours=(MORNING,), session_minutes=30), began, at(21, "20:29"))
    assert limit is not None and (limit.limit, limit.warn) == (Limit.LENGTH, True)
    assert standing(Policy(hours=(), session_minutes=0), began, at(21, "23:00")) is None
