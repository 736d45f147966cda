"""Numbers as they are said in Vietnamese. Pure.

    number(1_000_105)   một triệu không nghìn một trăm linh năm is said without its empty group:
                        một triệu một trăm linh năm

In the north ``linh`` stands for a missing ten (the south says ``lẻ``); after a ten, 1 is ``mốt``, 4
is ``tư`` and 5 is ``lăm``.
"""

from __future__ import annotations

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
BILLION = 10**9
MAX_DIGITS = 36
"""Longer ones are read digit by digit."""


def number(value: int) -> str:
    """Return a number in words; at most ``MAX_DIGITS`` digits make sense to an ear."""
    if value < 0:
        return "âm " + number(-value)
    if value == 0:
        return DIGITS[0]
    return " ".join(_words(value, False))


def digits(text: str) -> str:
    """Return each digit of ``text`` in words; what is no digit is a pause."""
    groups: list[list[str]] = [[]]
    for char in text:
        if "0" <= char <= "9":
            groups[-1].append(DIGITS[ord(char) - 48])
        elif groups[-1]:
            groups.append([])
    return ", ".join(" ".join(group) for group in groups if group)


def whole(text: str) -> str:
    """Return digits as a number; those that begin with 0, or are too many, digit by digit."""
    if (len(text) > 1 and text[0] == "0") or len(text) > MAX_DIGITS:
        return digits(text)
    return number(int(text))


def decimals(text: str) -> str:
    """Return what stands behind the comma: 05 is ``không năm``, 25 ``hai mươi lăm``, 125 singly."""
    rest = text.lstrip("0")
    if not rest or len(rest) > 2:
        return digits(text)
    zeros = [DIGITS[0]] * (len(text) - len(rest))
    return " ".join([*zeros, number(int(rest))])


def roman(text: str) -> int | None:
    """Return the value of a Roman numeral in capitals, None when it is not written as one is."""
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
    if not text or len(text) > 15 or any(c not in values for c in text):
        return None
    total = 0
    for index, char in enumerate(text):
        value = values[char]
        total += -value if any(values[c] > value for c in text[index + 1 : index + 2]) else value
    return total if text == _as_roman(total) else None


def _as_roman(value: int) -> str:
    parts = (
        (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
        (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
    )  # fmt: skip
    text = ""
    for worth, letters in parts:
        count, value = divmod(value, worth)
        text += letters * count
    return text


def _words(value: int, padded: bool) -> list[str]:
    """Return the words; ``padded``: something larger stands before, so its zeros are said."""
    if value >= BILLION:
        high, low = divmod(value, BILLION)
        words = [*_words(high, padded), "tỷ"]
        return words + _words(low, True) if low else words
    words = []
    for name, worth in (("triệu", 10**6), ("nghìn", 1000), ("", 1)):
        group, value = divmod(value, worth)
        if group:
            words += _hundreds(group, padded or bool(words))
            if name:
                words.append(name)
    return words


def _hundreds(value: int, padded: bool) -> list[str]:
    hundreds, rest = divmod(value, 100)
    tens, ones = divmod(rest, 10)
    words = [DIGITS[hundreds], "trăm"] if hundreds or padded else []
    if tens == 0:
        if ones:
            words += ["linh", DIGITS[ones]] if words else [DIGITS[ones]]
        return words
    words += ["mười"] if tens == 1 else [DIGITS[tens], "mươi"]
    if ones == 5:
        words.append("lăm")
    elif ones == 1 and tens > 1:
        words.append("mốt")
    elif ones == 4 and tens > 1:
        words.append("tư")
    elif ones:
        words.append(DIGITS[ones])
    return words
