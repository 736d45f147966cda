"""Numbers in words, against a reader of such words that was written apart from them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.speech.numbers import decimals, digits, number, roman, whole

ONES = {
    "không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5,
    "sáu": 6, "bảy": 7, "tám": 8, "chín": 9,
}  # fmt: skip


def group(words: list[str]) -> int:
    """Read what is below a thousand."""
    value = 0
    if "trăm" in words:
        place = words.index("trăm")
        value = 100 * ONES[words[place - 1]]
        words = words[place + 1 :]
    if "mười" in words:
        value += 10
        words = words[words.index("mười") + 1 :]
    elif "mươi" in words:
        place = words.index("mươi")
        value += 10 * ONES[words[place - 1]]
        words = words[place + 1 :]
    words = [word for word in words if word != "linh"]
    assert len(words) <= 1
    return value + (ONES[words[0]] if words else 0)


def understood(text: str) -> int:
    """Read a number in words."""

    def below_a_billion(words: list[str]) -> int:
        value = 0
        for name, worth in (("triệu", 10**6), ("nghìn", 1000)):
            if name in words:
                place = words.index(name)
                value += worth * group(words[:place])
                words = words[place + 1 :]
        return value + group(words)

    *high, low = [part.split() for part in text.split("tỷ")]
    value = 0
    for part in high:
        value = (value + below_a_billion(part)) * 10**9
    return value + below_a_billion(low)


@pytest.mark.parametrize(
    ("value", "spoken"),
    [
        (0, "không"),
        (4, "bốn"),
        (10, "mười"),
        (11, "mười một"),
        (14, "mười bốn"),
        (15, "mười lăm"),
        (20, "hai mươi"),
        (21, "hai mươi mốt"),
        (24, "hai mươi tư"),
        (55, "năm mươi lăm"),
        (100, "một trăm"),
        (101, "một trăm linh một"),
        (105, "một trăm linh năm"),
        (115, "một trăm mười lăm"),
        (1000, "một nghìn"),
        (1005, "một nghìn không trăm linh năm"),
        (2026, "hai nghìn không trăm hai mươi sáu"),
        (21_021, "hai mươi mốt nghìn không trăm hai mươi mốt"),
        (1_000_105, "một triệu một trăm linh năm"),
        (1_000_000_000, "một tỷ"),
        (2_500_000_000, "hai tỷ năm trăm triệu"),
        (10**18, "một tỷ tỷ"),
        (-5, "âm năm"),
    ],
)
def test_in_words(value: int, spoken: str) -> None:
    assert number(value) == spoken


@settings(deadline=None, derandomize=True)
@given(st.one_of(st.integers(0, 10**4), st.integers(0, 10**30)))
def test_words_mean_the_number(value: int) -> None:
    assert understood(number(value)) == value


def test_digits_and_decimals() -> None:
    assert digits("0912 345.678") == "không chín một hai, ba bốn năm, sáu bảy tám"
    assert decimals("05") == "không năm"
    assert decimals("25") == "hai mươi lăm"
    assert decimals("125") == "một hai năm"
    assert decimals("00") == "không không"
    assert whole("007") == "không không bảy"
    assert whole("9" * 40) == " ".join(["chín"] * 40)


def test_roman() -> None:
    assert [roman(t) for t in ("XV", "IV", "XIX", "MMXXVI")] == [15, 4, 19, 2026]
    assert [roman(t) for t in ("IIII", "VX", "", "IC", "ABC", "MMMMMMMMMMMMMMMM")] == [None] * 6
