"""Hours and limits of sessions: when it is open, and until when somebody may speak."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from loa.streamer.core.limits import Limits, allowed_until, is_open
from loa.streamer.core.policy import Hours

ZONE = "Asia/Ho_Chi_Minh"
EVERY_DAY = tuple(range(7))
MORNING, EVENING = Hours(EVERY_DAY, 5 * 60, 6 * 60), Hours((0, 1, 2, 3, 4), 17 * 60, 18 * 60)
TWICE = (MORNING, EVENING)
NIGHT = (Hours(EVERY_DAY, 22 * 60, 1440), Hours(EVERY_DAY, 0, 60))


def at(day: int, clock: str) -> float:
    """Return a moment of September 2026, the 21st being a Monday."""
    return (
        datetime.fromisoformat(f"2026-09-{day}T{clock}").replace(tzinfo=ZoneInfo(ZONE)).timestamp()
    )


@pytest.mark.parametrize(
    ("hours", "moment", "open_then"),
    [
        ((), at(21, "03:00"), True),
        (TWICE, at(21, "04:59:59.5"), False),
        (TWICE, at(21, "05:00"), True),
        (TWICE, at(21, "05:59:59"), True),
        (TWICE, at(21, "06:00"), False),
        (TWICE, at(26, "17:30"), False),  # a Saturday
        (NIGHT, at(21, "23:30"), True),
        (NIGHT, at(22, "00:00"), True),
        (NIGHT, at(22, "01:00"), False),
        ((Hours((), 300, 360),), at(21, "05:30"), False),
    ],
)
def test_when_it_is_open(hours: tuple[Hours, ...], moment: float, open_then: bool) -> None:
    assert is_open(hours, ZONE, moment) == open_then


@pytest.mark.parametrize(
    ("limits", "since", "until"),
    [
        (Limits(), at(21, "05:30"), None),
        (Limits(TWICE), at(21, "05:30"), at(21, "06:00")),
        (Limits(NIGHT), at(21, "23:30"), at(22, "01:00")),  # over midnight it is one
        (Limits(TWICE, session_minutes=45), at(21, "05:00"), at(21, "05:45")),
        (Limits(TWICE, session_minutes=45), at(21, "05:30"), at(21, "06:00")),
        # Begun outside the hours it is over its time from the beginning.
        (Limits(TWICE), at(21, "20:00"), at(21, "20:00")),
        (Limits((Hours((0,), 300, 360), Hours((0,), 360, 400), Hours((0,), 330, 380))),
         at(21, "05:10"), at(21, "06:40")),
        (Limits(TWICE, sessions_a_day=2), at(21, "05:10"), at(21, "06:00")),
    ],
)  # fmt: skip
def test_until_when_somebody_may_speak(limits: Limits, since: float, until: float | None) -> None:
    assert allowed_until(limits, ZONE, since, since + 60) == until
