"""How loud: classes, hours over midnight, ceilings, emergencies' own rule."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.settings import Settings, VolumeRule
from loa.receivers.volume import gain, minute_of_day, minute_of_week, volume

NIGHT = VolumeRule(begin=21 * 60, end=6 * 60, ceiling=30)
GIVEN = Settings(volume=(70, 80, 100), quiet=(NIGHT,))


def test_by_class_and_hour() -> None:
    noon, night, morning = 12 * 60, 23 * 60, 5 * 60
    assert [volume(GIVEN, cls, noon) for cls in range(3)] == [70, 80, 100]
    assert [volume(GIVEN, cls, night) for cls in range(3)] == [30, 30, 100]
    assert [volume(GIVEN, cls, morning) for cls in range(3)] == [30, 30, 100]
    assert volume(GIVEN, 0, 21 * 60 - 1) == 70 and volume(GIVEN, 0, 6 * 60) == 70


def test_an_order_counts_below_the_ceilings_and_lowers_no_emergency() -> None:
    assert volume(GIVEN, 0, 12 * 60, 95) == 95
    assert volume(GIVEN, 0, 23 * 60, 95) == 30
    assert volume(GIVEN, 2, 12 * 60, 5) == 100


def test_a_rule_of_one_class_is_that_classs_alone() -> None:
    given = Settings(quiet=(VolumeRule(begin=0, end=1440, ceiling=60, cls=2),))
    assert [volume(given, cls, 600) for cls in range(3)] == [80, 80, 60]


def test_where_nobody_knows_the_hour_all_ceilings_hold() -> None:
    assert [volume(GIVEN, cls, None) for cls in range(3)] == [30, 30, 100]


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 2), st.integers(0, 1439), st.none() | st.integers(0, 100),
       st.lists(st.tuples(st.integers(0, 1440), st.integers(0, 1440), st.integers(0, 100)),
                max_size=4))  # fmt: skip
def test_no_ceiling_is_ever_exceeded(
    cls: int, minute: int, ordered: int | None, rules: list[tuple[int, int, int]]
) -> None:
    quiet = tuple(VolumeRule(begin=b, end=e, ceiling=c, cls=cls) for b, e, c in rules)
    found = volume(Settings(quiet=quiet), cls, minute, ordered)
    for begin, end, ceiling in rules:
        within = begin <= minute < end if begin <= end else not end <= minute < begin
        assert not within or found <= ceiling


def test_the_hour_is_the_places_own() -> None:
    # 2026-09-21 (a Monday) 17:30 UTC is Tuesday 00:30 in Vietnam.
    unix = 1_790_011_800.0
    assert minute_of_day(unix, "Asia/Ho_Chi_Minh") == 30
    assert minute_of_week(unix, "Asia/Ho_Chi_Minh") == 1440 + 30
    assert minute_of_day(unix, "UTC") == 17 * 60 + 30
    assert minute_of_day(unix, "No/Where") == 30, "Vietnam's, where the zone is not known"


def test_percent_as_heard() -> None:
    assert gain(0) == 0.0 and gain(100) == 1.0 and gain(50) == 0.25
