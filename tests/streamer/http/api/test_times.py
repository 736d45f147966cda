"""Times: read with an offset, written in UTC, the same moment both ways."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.http.api.times import LATEST, iso, parse


@given(st.integers(0, int(LATEST) * 1000))
@settings(deadline=None, derandomize=True)
def test_what_is_written_is_read_as_the_same_moment(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert abs(parse(iso(seconds)) - seconds) < 0.0006


@given(st.text(max_size=40))
@settings(deadline=None, derandomize=True)
def test_anything_else_has_a_code(text: str) -> None:
    said = ""
    try:
        assert 0 <= parse(text) <= LATEST
    except ValueError as error:
        said = str(error)
    assert said in ("", "time.invalid", "time.offset", "time.range")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-09-21", "time.offset"),
        ("2026-09-21T21:13:20", "time.offset"),
        ("0001-01-01T00:00:00+14:00", "time.range"),
        ("9999-12-31T23:59:59-14:00", "time.range"),
        ("gestern", "time.invalid"),
    ],
)
def test_what_is_no_time_of_ours(text: str, code: str) -> None:
    with pytest.raises(ValueError, match=code):
        parse(text)
