"""What begins with a digit: dates, times, telephone numbers, documents, amounts. Pure.

A rule looks at one place of a text and answers where what it knows ends, and how it is said. Every
pattern is bounded, or takes a run of one kind of character, so that a rule never costs more than
the text it takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from loa.streamer.speech import numbers, words

LETTER = r"(?:(?![²³¹½¼¾])[^\W\d_])"
DASH = "-–—−"
_GAP = "[ \u00a0]"
_END = rf"(?![0-9]|{LETTER})"
_YEAR = "([12][0-9]{3})"
_DASHED = rf"{_GAP}?[{DASH}]{_GAP}?"

_PHONE = re.compile(
    rf"(?:0[0-9]{{9,10}}|0[0-9]{{2,3}}[ .-][0-9]{{3,4}}[ .-]?[0-9]{{3,4}}"
    rf"|0[0-9]{{2,4}}[.) -]{{1,2}}[0-9]{{6,8}}|0[0-9]{{3}}[ .-][0-9][ .-][0-9]{{3}}[ .-][0-9]{{3}}"
    rf"|1[89]00[ .-]?[0-9]{{2,4}}(?:[ .-]?[0-9]{{2}})?){_END}"
)
_ABROAD = re.compile(rf"[1-9][0-9]{{0,2}}[ .-]?[0-9]{{2,4}}(?:[ .-]?[0-9]{{2,4}}){{1,3}}{_END}")
_HOTLINE = re.compile(rf"[0-9]{{3,6}}{_END}(?![.,:/%{DASH}][0-9])")
_CODE = rf"(?:[A-ZĐ]{LETTER}{{0,8}}[0-9]{{0,3}})"
_DOCUMENT = re.compile(
    rf"([0-9]{{1,6}})(?:/{_YEAR})?/({_CODE}(?:[-–]{_CODE}){{0,4}}){_END}"
)  # fmt: skip
_DAY = "(0?[1-9]|[12][0-9]|3[01])"
_MONTH = "(0?[1-9]|1[0-2])"
_DATE = re.compile(rf"{_DAY}([/.-]){_MONTH}\2{_YEAR}(?![0-9]|[/.-][0-9])")
_ISO = re.compile(rf"{_YEAR}-{_MONTH}-{_DAY}{_END}(?!-[0-9])")
_DAYS = re.compile(rf"{_DAY}{_DASHED}{_DAY}/{_MONTH}(?:/{_YEAR})?{_END}(?!/)")
_SHORT = re.compile(rf"{_DAY}([/-]){_MONTH}{_END}(?![/.,-][0-9])")
_TO_SHORT = re.compile(
    rf"(?:{_GAP}?[{DASH}]{_GAP}?|{_GAP}(?:đến|tới|và){_GAP})(?:ngày{_GAP})?{_DAY}/{_MONTH}(?![0-9])"
)
_MONTH_YEAR = re.compile(rf"([0-9]{{1,4}})([/-]){_YEAR}{_END}(?![/.,-][0-9])")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?(?![0-9]|:[0-9]|%)")
_HOUR = re.compile(rf"([0-9]{{1,3}})[hHg](?:([0-5][0-9])[']?)?{_END}")
_FRACTION = re.compile(r"([0-9]{1,6})/([0-9]{1,6})(?![0-9/]|[.,][0-9])")
_GROUPED = re.compile(
    r"[0-9]{1,3}(?:\.[0-9]{3}){1,11}(?![0-9]|\.[0-9])(?:,([0-9]{1,12})(?![0-9]))?"
)
_ENGLISH = re.compile(
    r"[0-9]{1,3}(?:(?:,[0-9]{3}){2,11}(?![0-9]|,[0-9])(?:\.([0-9]{1,12})(?![0-9]))?"
    r"|(?:,[0-9]{3}){1,11}\.([0-9]{1,2})(?![0-9]))"
)
_SPACED = re.compile(
    "[0-9]{1,3}(?:(?:[\u00a0\u202f][0-9]{3}){1,11}|(?: [0-9]{3}){2,11})(?![0-9]|[.,][0-9])"
)
_DECIMAL = re.compile(r"([0-9]{1,36}),([0-9]{1,12})(?![0-9]|,[0-9])")
_DOTTED = re.compile(r"[0-9]+(?:\.[0-9]+)*")


class Read(NamedTuple):
    """What a rule found: up to where, how it is said, and what it was."""

    end: int
    spoken: str
    kind: str


@dataclass(frozen=True, slots=True)
class Before:
    """The last words that were said, in small letters, nearest first; "" where there are none."""

    last: str
    earlier: str
    tail: str


Rule = Callable[[str, int, Before], Read | None]


def read(text: str, at: int, before: Before, unit: Callable[[int], Read | None]) -> Read:
    """Return how what begins with the digit at ``at`` is said.

    ``unit``: what unit stands somewhere, the area's own words left out. Never fails.
    """
    for rule in _RULES:
        found = rule(text, at, before)
        if found is not None:
            return found
    found = _amount(text, at, before)
    measured = unit(found.end)
    if measured is None:
        return found
    return Read(measured.end, f"{found.spoken} {measured.spoken}", measured.kind)


# --- rules, in the order in which they are asked


def _telephone(text: str, at: int, before: Before) -> Read | None:
    match = _PHONE.match(text, at)
    if match is None and at and text[at - 1] == "+":
        match = _ABROAD.match(text, at)
    if match is None:
        calls = before.earlier if before.last == "số" else before.last
        match = _HOTLINE.match(text, at) if calls in words.CALL_BEFORE else None
    return None if match is None else Read(match.end(), numbers.digits(match[0]), "phone")


def _document(text: str, at: int, before: Before) -> Read | None:
    match = _DOCUMENT.match(text, at)
    # 5/A is none, nor is 2/Km: at least two capitals stand in what is the number of a document.
    if match is None or sum(c.isupper() for c in match[3]) < 2:
        return None
    parts = re.split("[-–]", match[3])
    kind, bodies = words.DOCUMENTS.get(parts[0], ""), parts
    if kind:
        bodies = parts[1:]
    spoken = numbers.whole(match[1].lstrip("0") or "0")
    if match[2]:
        spoken += f" năm {numbers.number(int(match[2]))}"
    if kind and kind not in before.tail:
        spoken += f", {kind}"
    if bodies:
        spoken += " của " + ", ".join(_body(body) for body in bodies)
    return Read(match.end(), spoken, "document")


def _body(code: str) -> str:
    letters = code.rstrip("0123456789")
    term = code[len(letters) :]
    known = words.BODIES.get(letters) or words.ABBREVIATIONS.get(letters)
    said = known or spelled(letters)
    if not term:
        return said
    return f"{said} khóa {numbers.number(int(term))}" if letters == "QH" else (
        f"{said} {numbers.number(int(term))}"
    )  # fmt: skip


def _date(text: str, at: int, before: Before) -> Read | None:
    if match := _DATE.match(text, at):
        if _is_day(match[1], match[3], match[4]):
            return Read(match.end(), _day(match[1], match[3], match[4], before), "date")
        return None
    if (match := _ISO.match(text, at)) and _is_day(match[3], match[2], match[1]):
        return Read(match.end(), _day(match[3], match[2], match[1], before), "date")
    if (match := _DAYS.match(text, at)) and _is_day(match[2], match[3], match[4]):
        said = "" if before.last in words.DAY_SAID else "ngày "
        last = _day(match[2], match[3], match[4], Before("ngày", "", ""))
        return Read(match.end(), f"{said}{numbers.number(int(match[1]))} đến {last}", "date")
    match = _SHORT.match(text, at)
    if match is None or not _is_day(match[1], match[3], None):
        return None
    first, second = int(match[1]), int(match[3])
    said_so = (
        before.last in words.DAY_BEFORE
        or (before.last in ("đến", "tới", "và") and f"tháng {before.earlier}" in before.tail)
        or _TO_SHORT.match(text, match.end()) is not None
    )
    if match[2] == "-":
        if text[match.end() : match.end() + 7].lstrip().startswith("tháng"):
            return None
        if before.last == "số" and before.earlier in ("tỷ", "tỉ"):
            spoken = f"{numbers.number(first)} {numbers.number(second)}"
            return Read(match.end(), spoken, "number")
    if not said_so and (first <= second or second > 12):
        return None
    return Read(match.end(), _day(match[1], match[3], None, before), "date")


def _is_day(day: str, month: str, year: str | None) -> bool:
    leap = year is None or (int(year) % 4 == 0 and (int(year) % 100 != 0 or int(year) % 400 == 0))
    most = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return int(day) <= most[int(month) - 1]


def _day(day: str, month: str, year: str | None, before: Before) -> str:
    spoken = "" if before.last in words.DAY_SAID else "ngày "
    spoken += f"{numbers.number(int(day))} tháng {_month(int(month))}"
    return spoken if year is None else f"{spoken} năm {numbers.number(int(year))}"


def _month(month: int) -> str:
    return "tư" if month == 4 else numbers.number(month)


def _month_year(text: str, at: int, before: Before) -> Read | None:
    match = _MONTH_YEAR.match(text, at)
    if match is None:
        return None
    first = int(match[1])
    if match[2] == "-" and (len(match[1]) > 2 or not 1 <= first <= 12):
        return None  # 2020-2025: from … to
    year = f"năm {numbers.number(int(match[3]))}"
    if before.last in words.MONTH_SAID:
        spoken = _month(first) if before.last == "tháng" else numbers.number(first)
    elif 1 <= first <= 12:
        spoken = f"tháng {_month(first)}"
    else:
        spoken = numbers.number(first)
    return Read(match.end(), f"{spoken} {year}", "date")


def _time(text: str, at: int, before: Before) -> Read | None:
    match = _CLOCK.match(text, at) or _HOUR.match(text, at)
    if match is None:
        return None
    # 7g30 is a time in the south; 7g alone is seven grams.
    if match[0].endswith(("g", "G")):
        return None
    spoken = f"{numbers.number(int(match[1]))} giờ"
    if match[2] and (int(match[2]) or (match.re is _CLOCK and match[3])):
        spoken += f" {numbers.number(int(match[2]))} phút"
    if match.re is _CLOCK and match[3]:
        spoken += f" {numbers.number(int(match[3]))} giây"
    return Read(match.end(), spoken, "time")


def _fraction(text: str, at: int, before: Before) -> Read | None:
    match = _FRACTION.match(text, at)
    if match is None:
        return None
    above, below = (numbers.whole(part.lstrip("0") or "0") for part in match.groups())
    low = int(match[2])
    part = 1 < low <= 10 or low in (100, 1000)
    word = "phần" if part and int(match[1]) < low else "trên"
    if word == "phần" and low == 4:
        below = "tư"
    return Read(match.end(), f"{above} {word} {below}", "fraction")


_RULES: tuple[Rule, ...] = (_telephone, _document, _date, _month_year, _time, _fraction)


def _amount(text: str, at: int, before: Before) -> Read:
    """Return the number there: 1.500.000 and 3,5 as they are written here; 3.5 and 1.2.3 too."""
    if (match := _GROUPED.match(text, at)) and match[0][0] != "0":
        plain, fraction = match[0].partition(",")[0].replace(".", ""), match[1]
        return Read(match.end(), _number(plain, fraction), "number")
    if (match := _ENGLISH.match(text, at)) and match[0][0] != "0":
        plain, fraction = match[0].partition(".")[0].replace(",", ""), match[1] or match[2]
        return Read(match.end(), _number(plain, fraction), "number")
    if (match := _SPACED.match(text, at)) and match[0][0] != "0":
        return Read(match.end(), _number(re.sub("[^0-9]", "", match[0]), None), "number")
    if match := _DECIMAL.match(text, at):
        return Read(match.end(), _number(match[1], match[2]), "number")
    match = _DOTTED.match(text, at)
    assert match is not None  # there is a digit
    parts = match[0].split(".")
    if len(parts) == 1:
        return Read(match.end(), _ordinal(parts[0], before), "number")
    return Read(match.end(), " chấm ".join(numbers.whole(part) for part in parts), "number")


def _number(plain: str, fraction: str | None) -> str:
    spoken = numbers.whole(plain)
    return spoken if fraction is None else f"{spoken} phẩy {numbers.decimals(fraction)}"


def _ordinal(digits: str, before: Before) -> str:
    if before.last == "thứ" and digits in ("1", "4"):
        return "nhất" if digits == "1" else "tư"
    if before.last == "tháng" and digits.lstrip("0") == "4":
        return "tư"
    # 05 giờ, 08 hộ: forms are filled in like this, and nobody says the zero.
    return numbers.whole(digits[1:] if len(digits) == 2 and digits[0] == "0" else digits)


def spelled(letters: str) -> str:
    """Return the names of letters: ``bê xê ca``."""
    return " ".join(words.LETTERS.get(char.upper(), char) for char in letters)
