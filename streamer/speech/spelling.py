"""Text as a voice must be given it: every number, date and abbreviation in words. Pure.

    spelling = Speller({"BQLDA": "ban quản lý dự án"})
    spelling.spell("UBND xã họp lúc 7h30 ngày 15/3").text
        ủy ban nhân dân xã họp lúc bảy giờ ba mươi phút ngày mười lăm tháng ba

The text is walked once, from one digit, word or sign to the next; what no rule knows stays as it
is. Contexts are read off what was already said, so that what is all words does not change: spelling
twice is spelling once. What was replaced is told, so that a page can show it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from loa.streamer.speech import numbers, reading, words
from loa.streamer.speech.reading import DASH, LETTER, Before, Read

MAX_TEXT = 20_000
"""Characters of a text: about half an hour of speech."""
MAX_WRITTEN = 60
"""Characters of an abbreviation in a table."""

_NEXT = re.compile(rf"[0-9]|{LETTER}+|[^\w\s]|[²³¹½¼¾_\x00-\x08\x0b-\x1f\x7f]")
_LETTERS = re.compile(rf"{LETTER}+")
_NEAR = re.compile(rf"{LETTER}[ \u00a0\t]?[:.(]?[ \u00a0\t]{{0,3}}$")
_DOMAIN = re.compile(rf"\.(?=(?:vn|com|org|net|gov|edu)(?!{LETTER}|[\u0300-\u036f]))")
_AMOUNTS = frozenset(
    {"number", "date", "time", "money", "unit", "fraction", "document", "range", "phone"}
)
_TAIL = 60


@dataclass(frozen=True, slots=True)
class Replacement:
    """``text[start:end]`` is ``written`` and is said as ``spoken``.

    ``kind``: table, number, date, time, money, unit, fraction, document, phone, range, roman,
    symbol, or letters for an abbreviation that no table has, whose letters are named one by one.
    """

    start: int
    end: int
    written: str
    spoken: str
    kind: str


@dataclass(frozen=True, slots=True)
class Spelled:
    """``source`` is the text in Unicode's composed form, which the places are counted in."""

    source: str
    text: str
    replacements: tuple[Replacement, ...]


class Table:
    """Abbreviations, found by where they begin. Later tables of ``layers`` win."""

    def __init__(self, *layers: Mapping[str, str]) -> None:
        self._exact: dict[str, str] = {}
        self._folded: dict[str, str] = {}
        self._lengths: dict[str, set[int]] = {}
        merged: dict[str, tuple[str, str]] = {}
        for layer in layers:
            for written, spoken in layer.items():
                written = unicodedata.normalize("NFC", written).strip()
                if 0 < len(written) <= MAX_WRITTEN:
                    merged[_small(written)] = (written, spoken)
        for folded, (written, spoken) in merged.items():
            if any(c.islower() for c in written):
                self._folded[folded] = spoken
            else:
                self._exact[written] = spoken
            self._lengths.setdefault(folded[0], set()).add(len(written))

    def find(self, text: str, small: str, at: int) -> Read | None:
        """Return the longest entry that stands at ``at`` as a word of its own."""
        for length in sorted(self._lengths.get(small[at], ()), reverse=True):
            end = at + length
            spoken = self._exact.get(text[at:end]) or self._folded.get(small[at:end])
            if spoken is not None and _apart(text, at, end):
                return Read(end, spoken, "table")
        return None


class Speller:
    """Spells texts of one language with an area's own table.

    ``own``: what the area has, and those above it, already merged. Rules and built-in abbreviations
    are Vietnamese; texts in other languages get ``own`` alone.
    """

    def __init__(self, own: Mapping[str, str] | None = None, language: str = "vi") -> None:
        self._vietnamese = language == "vi"
        builtin = words.ABBREVIATIONS if self._vietnamese else {}
        if own and self._vietnamese:
            # What an area wants said may have numbers in it, too.
            plain = Speller()
            own = {written: plain.spell(spoken).text for written, spoken in own.items()}
        self._table = Table(builtin, own or {})
        self._own = Table(own or {})

    def spell(self, text: str) -> Spelled:
        """Return the text in words. Raises ``ValueError`` when it is longer than ``MAX_TEXT``."""
        source = unicodedata.normalize("NFC", text)
        if len(source) > MAX_TEXT:
            raise ValueError(f"longer than {MAX_TEXT} characters")
        return _Walk(source, self._table, self._own, self._vietnamese).walk()


class _Walk:
    """One walk over one text."""

    def __init__(self, text: str, table: Table, own: Table, vietnamese: bool) -> None:
        self._text = text
        self._small = _small(text)
        self._table = table
        self._own = own
        self._vietnamese = vietnamese
        self._out: list[str] = []
        self._tail = ""
        self._replaced: list[Replacement] = []

    def walk(self) -> Spelled:
        text, at, copied = self._text, 0, 0
        while (match := _NEXT.search(text, at)) is not None:
            self._say(text[copied : match.start()])
            copied = match.start()
            found = self._at(match.start(), match[0])
            if found is None:
                at = match.end()
                continue
            self._replace(match.start(), found)
            at = copied = found.end
        self._say(text[copied:])
        return Spelled(text, "".join(self._out), tuple(self._replaced))

    def _say(self, text: str) -> None:
        if text:
            self._out.append(text)
            self._tail = (self._tail + text)[-_TAIL:]

    def _replace(self, start: int, found: Read) -> None:
        written = self._text[start : found.end]
        self._replaced.append(Replacement(start, found.end, written, found.spoken, found.kind))
        spoken = found.spoken or " "
        if self._tail and _clings(self._tail[-1]) and found.spoken:
            spoken = " " + spoken
        if found.end < len(self._text) and _clings(self._text[found.end]) and found.spoken:
            spoken += " "
        self._say(spoken)

    def _at(self, at: int, what: str) -> Read | None:
        """Return what begins at ``at``, where ``what`` (a digit, a word or a sign) stands."""
        text = self._text
        if (own := self._table.find(text, self._small, at)) is not None:
            return own
        if not self._vietnamese:
            return Read(at + 1, "", "symbol") if what < " " else None
        if "0" <= what <= "9":
            return reading.read(text, at, self._before(), self._unit)
        if what[0].isalpha():
            return self._word(at, what)
        return self._sign(at, what)

    def _before(self) -> Before:
        """Return the last two words that were said."""
        said = _LETTERS.findall(self._tail)
        near = _NEAR.search(self._tail)
        if not said or near is None:
            return Before("", "", self._tail.lower())
        earlier = said[-2] if len(said) > 1 else ""
        return Before(said[-1].lower(), earlier.lower(), self._tail.lower())

    def _unit(self, at: int) -> Read | None:
        """Return the unit that stands behind a number which ends at ``at``."""
        text = self._text
        start = at + 1 if text[at : at + 1] in (" ", "\u00a0") else at
        if start >= len(text):
            return None
        if start == at and (match := _LETTERS.match(text, at)) and match[0] in words.ATTACHED:
            return Read(match.end(), words.ATTACHED[match[0]], "number")
        for length in range(min(5, len(text) - start), 0, -1):
            written = text[start : start + length]
            spoken = words.UNITS.get(written)
            if spoken is None and length > 1:
                spoken = words.UNITS.get(written.lower())
            if spoken is None or not _apart(text, start, start + length):
                continue
            entry = self._table.find(text, self._small, start)
            own = self._own.find(text, self._small, start)
            if own is not None or (entry is not None and entry.end > start + length):
                return None
            kind = "money" if written in words.MONEY else "unit"
            return self._each(Read(start + length, spoken, kind))
        return None

    def _each(self, unit: Read) -> Read:
        """Take in what a unit is counted by: kg/ha, đ/hộ."""
        text, at = self._text, unit.end
        if text[at : at + 1] != "/" or not text[at + 1 : at + 2].isalpha():
            return unit
        match = _LETTERS.match(text, at + 1)
        second = words.UNITS.get(match[0]) if match else None
        if match is None or second is None or not _apart(text, at + 1, match.end()):
            return Read(at + 1, f"{unit.spoken} mỗi", unit.kind)
        return Read(match.end(), f"{unit.spoken} trên {second}", unit.kind)

    def _word(self, at: int, what: str) -> Read | None:
        text, end = self._text, at + len(what)
        for length in (len(what) + 2, len(what) + 1, len(what)):
            sign = text[at : at + length]
            if sign in words.ALONE and _apart(text, at, at + length):
                return Read(at + length, words.UNITS[sign], "unit")
        if what in words.BETWEEN and self._between(at, end):
            return Read(end, words.BETWEEN[what], "symbol")
        if not what.isupper():
            return None
        return self._roman(what, end) or self._unknown(what, end)

    def _roman(self, what: str, end: int) -> Read | None:
        value = numbers.roman(what)
        if value is None:
            return None
        last = self._before().last if self._tail[-1:] in (" ", "\u00a0") else ""
        if last not in words.ROMAN_BEFORE and (
            len(what) < 2 or set(what) - set("IVX") or what in words.ROMAN_NEVER_ALONE
        ):
            return None
        if last in ("thứ", "lần") and value in (1, 4):
            return Read(end, "nhất" if value == 1 else "tư", "roman")
        return Read(end, numbers.number(value), "roman")

    def _unknown(self, what: str, end: int) -> Read | None:
        """Name the letters of what cannot be read: a voice would make a noise of it."""
        if not 2 <= len(what) <= 10 or not words.CONSONANTS.issuperset(what):
            return None
        return Read(end, reading.spelled(what), "letters")

    def _sign(self, at: int, what: str) -> Read | None:
        text, end = self._text, at + len(what)
        if _DOMAIN.match(text, at):
            return Read(end, "chấm", "symbol")
        if what in DASH and self._ranges(at, end):
            return Read(end + len(text[end : end + 1].strip("0123456789")), "đến", "range")
        if what in words.BETWEEN and self._between(at, end):
            return Read(end, words.BETWEEN[what], "symbol")
        follows = text[end : end + 1]
        if what in words.BEFORE and "0" <= follows <= "9" and not _joined(text, at):
            return Read(end, words.BEFORE[what], "symbol")
        if what == "$" and "0" <= follows <= "9":
            amount = reading.read(text, end, self._before(), lambda _: None)
            return Read(amount.end, f"{amount.spoken} đô la", "money")
        for length in (2, 1):
            sign = text[at : at + length]
            if sign in words.ALONE and _apart(text, at, at + length):
                return Read(at + length, words.UNITS[sign], "unit")
        if what in words.SYMBOLS:
            return Read(end, words.SYMBOLS[what], "symbol")
        if what in words.DECORATION or what < " " or what == "\x7f":
            return Read(end, "", "symbol")
        return None

    def _ranges(self, at: int, end: int) -> bool:
        """Say whether a dash stands between two amounts, with or without one space around."""
        follows = self._text[end : end + 2].lstrip(" \u00a0")[:1]
        if not "0" <= follows <= "9" or not self._replaced:
            return False
        last = self._replaced[-1]
        return last.kind in _AMOUNTS and last.end <= at and not self._text[last.end : at].strip(
            " \u00a0"
        ) and at - last.end <= 1  # fmt: skip

    def _between(self, at: int, end: int) -> bool:
        """Say whether a sign stands between two numbers."""
        text = self._text
        before = text[max(0, at - 2) : at].rstrip(" \u00a0")[-1:]
        follows = text[end : end + 2].lstrip(" \u00a0")[:1]
        return "0" <= before <= "9" and "0" <= follows <= "9"


def _small(text: str) -> str:
    """Return the text in small letters, each of its characters in its place."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(low if len(low := c.lower()) == 1 else c for c in text)


def _apart(text: str, start: int, end: int) -> bool:
    """Say whether ``text[start:end]`` is no part of a longer word or number."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    if end > len(text):
        return False
    first, last = text[start], text[end - 1]
    if first.isalpha() and before.isalpha():
        return False
    if first.isdigit() and (
        before.isdigit() or (before in set("./,:-") and start > 1 and text[start - 2].isdigit())
    ):
        return False
    if last.isalpha() and after and (after.isalpha() or unicodedata.combining(after)):
        return False
    if last.isdigit() and after:
        return not (after.isdigit() or (after in "./,:-" and text[end + 1 : end + 2].isdigit()))
    return True


def _joined(text: str, at: int) -> bool:
    """Say whether what stands before ``at`` belongs to it: the dash of F-16 is no minus."""
    before = text[at - 1 : at] if at else ""
    return before.isalnum() or before in (")", "%", "]")


def _clings(char: str) -> bool:
    return char.isalnum() or unicodedata.combining(char) != 0
