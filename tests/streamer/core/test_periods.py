"""Periods: local days, months cut at their edges, halves of a year."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.periods import Period, half


def test_half_a_year() -> None:
    assert half("2026-1") == (date(2026, 1, 1), date(2026, 6, 30))
    assert half("2026-2") == (date(2026, 7, 1), date(2026, 12, 31))
    for wrong in ("2026", "2026-3", "26-1", "2026-01", ""):
        with pytest.raises(ValueError):
            half(wrong)


def test_local_days() -> None:
    period = Period(date(2026, 8, 31), date(2026, 9, 1), "Asia/Ho_Chi_Minh")
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    assert period.start == datetime(2026, 8, 31, tzinfo=zone).timestamp()
    assert period.end == datetime(2026, 9, 2, tzinfo=zone).timestamp()
    assert [m.name for m in period.months] == ["2026-08", "2026-09"] and period.days == 2


@settings(deadline=None, derandomize=True)
@given(
    st.dates(date(2000, 1, 1), date(2099, 1, 1)),
    st.integers(0, 1000),
    st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin", "UTC"]),
)
def test_months_are_the_period(first: date, days: int, zone: str) -> None:
    period = Period(first, date.fromordinal(first.toordinal() + days), zone)
    months = period.months
    assert months[0].start == period.start and months[-1].end == period.end
    assert all(a.end == b.start for a, b in pairwise(months))
    assert all(m.start < m.end for m in months)
    assert len({m.name for m in months}) == len(months)
