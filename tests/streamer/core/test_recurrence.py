"""Recurrence: the same days as python-dateutil finds, and an end of work whatever the rule says."""

from __future__ import annotations

import contextlib
import itertools
import time
from datetime import date, datetime
from unittest import mock

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.core.recurrence import DAYS, RuleError, days, parse

FIRST = date(2026, 1, 5).toordinal()


@st.composite
def rules(draw: st.DrawFn) -> str:
    freq = draw(st.sampled_from(("DAILY", "WEEKLY", "MONTHLY", "YEARLY")))
    parts = [f"FREQ={freq}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.integers(1, 5))}")
    if draw(st.booleans()):
        weekday = st.sampled_from(DAYS)
        if freq in ("MONTHLY", "YEARLY") and draw(st.booleans()):
            weekday = st.tuples(st.sampled_from((1, 2, 5, -1, -2)), weekday).map(
                lambda p: f"{p[0]}{p[1]}"
            )
        parts.append("BYDAY=" + ",".join(draw(st.lists(weekday, min_size=1, max_size=3))))
    if freq != "WEEKLY" and draw(st.booleans()):
        day = st.integers(-31, 31).filter(bool)
        parts.append(
            "BYMONTHDAY=" + ",".join(map(str, draw(st.lists(day, min_size=1, max_size=4))))
        )
    if draw(st.integers(0, 3)) == 0:
        months = draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
        parts.append("BYMONTH=" + ",".join(map(str, months)))
    if len(parts) > 2 and any(p.startswith("BY") for p in parts) and draw(st.integers(0, 3)) == 0:
        parts.append(f"BYSETPOS={draw(st.sampled_from((1, 2, -1)))}")
    if draw(st.integers(0, 3)) == 0:
        parts.append(f"WKST={draw(st.sampled_from(DAYS))}")
    end = draw(st.integers(0, 5))
    if end == 0:
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    elif end == 1:
        parts.append(f"UNTIL={draw(st.dates(date(2026, 1, 1), date(2028, 1, 1))):%Y%m%d}")
    return ";".join(parts)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(
    rules(),
    st.dates(date(2024, 1, 1), date(2026, 12, 31)),
    st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    st.integers(1, 400),
)
def test_finds_the_days_that_dateutil_finds(rule: str, first: date, start: date, span: int) -> None:
    low, high = start.toordinal(), start.toordinal() + span
    found = list(days(rule, first.toordinal(), low, high))
    peer = rrulestr(rule, dtstart=datetime(first.year, first.month, first.day))
    # Where nothing fits, dateutil goes on to the year 9999: here it is told of an earlier end.
    with mock.patch("datetime.MAXYEAR", 2029):
        expected = [
            d.toordinal()
            for d in itertools.takewhile(lambda d: d.toordinal() < high, peer)
            if low <= d.toordinal()
        ]
    assert found == expected


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=DAILY;BYMONTHDAY=1;BYSETPOS=2;COUNT=5000",
        "FREQ=WEEKLY;INTERVAL=999;BYDAY=MO;BYSETPOS=366",
        "FREQ=DAILY;COUNT=5000",
    ],
)
def test_a_rule_that_never_fits_costs_little(rule: str) -> None:
    before = time.process_time()
    first = date(2000, 1, 1).toordinal()
    list(days(rule, first, date(2199, 1, 1).toordinal(), date(2199, 2, 1).toordinal()))
    # No timing: only that it ends at all. dateutil needs minutes for some of these.
    assert time.process_time() - before < 30


def test_no_rule_is_once() -> None:
    assert list(days("", FIRST, FIRST - 5, FIRST + 5)) == [FIRST]
    assert list(days("", FIRST, FIRST + 1, FIRST + 5)) == []


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("FREQ=HOURLY", "rule.freq"),
        ("FREQ=SECONDLY;INTERVAL=1", "rule.freq"),
        ("INTERVAL=1", "rule.freq"),
        ("FREQ=DAILY;BYHOUR=1,2,3", "rule.part"),
        ("FREQ=DAILY;FREQ=WEEKLY", "rule.twice"),
        ("FREQ=DAILY;INTERVAL=0", "rule.number"),
        ("FREQ=DAILY;INTERVAL=99999999999999999999", "rule.number"),
        ("FREQ=DAILY;COUNT=1000000", "rule.number"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "rule.count_until"),
        ("FREQ=DAILY;UNTIL=20270231", "rule.until"),
        ("FREQ=DAILY;BYDAY=1MO", "rule.ordinal"),
        ("FREQ=MONTHLY;BYDAY=XX", "rule.day"),
        ("FREQ=MONTHLY;BYDAY=99MO", "rule.day"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "rule.number"),
        ("FREQ=MONTHLY;BYSETPOS=1", "rule.setpos"),
        ("FREQ=DAILY;" + "BYMONTH=1," * 60, "rule.too_long"),
        ("hằng ngày", "rule.form"),
        ("FREQ=DAILY\nDTSTART=20260101", "rule.freq"),
    ],
)
def test_refuses_what_is_no_rule_of_days(rule: str, code: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse(rule)
    assert refused.value.code == code


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.text(max_size=80))
def test_any_text_is_a_rule_or_a_named_error(text: str) -> None:
    with contextlib.suppress(RuleError):
        assert parse(text).freq
