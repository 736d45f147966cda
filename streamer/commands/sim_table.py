"""Tables of SIMs as spreadsheets write them. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from loa.streamer.core.areas import fold
from loa.streamer.core.billing import MB

MAX_BYTES = 8 * 1024 * 1024
MOST = 5000
COLUMNS = (
    "iccid", "area", "operator", "number", "tariff", "quota_mb", "cycle", "cycle_day", "cycle_days",
    "cycle_from", "state", "receiver", "installed_on", "handed_over_on", "notes",
)  # fmt: skip
HEADERS: Mapping[str, str] = {
    **{name: name for name in COLUMNS},
    **{name.replace("_", " "): name for name in COLUMNS},
    "dia ban": "area", "nha mang": "operator", "so thue bao": "number", "goi cuoc": "tariff",
    "han muc (mb)": "quota_mb", "han muc": "quota_mb", "chu ky": "cycle",
    "ngay dau chu ky": "cycle_day", "so ngay": "cycle_days", "tu ngay": "cycle_from",
    "tinh trang": "state", "cum thu": "receiver", "ngay lap": "installed_on",
    "ngay ban giao": "handed_over_on", "ghi chu": "notes",
}  # fmt: skip
"""What a column may be called, in small letters without marks."""
_STATES = {
    "trong kho": "stock", "dang dung": "active", "tam khoa": "suspended", "thoi dung": "retired",
}  # fmt: skip
_CYCLES = {"thang": "month", "goi": "package"}


class TableError(ValueError):
    """The table cannot be used; the text names the line."""


def read_table(data: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Return the lines: their number in the file, and what the API is to be told.

    An empty cell says nothing. Raises ``TableError``.
    """
    if len(data) > MAX_BYTES:
        raise TableError("it is too large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TableError("it is not UTF-8: save it as CSV UTF-8") from None
    separator = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise TableError(f"it is no table: {error}") from None
    if not rows:
        raise TableError("it is empty")
    columns = [_column(cell) for cell in rows[0]]
    if len(set(columns)) < len(columns):
        raise TableError("two columns have one name")
    if "iccid" not in columns:
        raise TableError("the column iccid is missing")
    lines = [
        (number, _fields(number, columns, row))
        for number, row in enumerate(rows[1:], start=2)
        if any(cell.strip() for cell in row)
    ]
    if not lines:
        raise TableError("it has no lines")
    if len(lines) > MOST:
        raise TableError(f"it has more than {MOST} lines: take them in parts")
    return lines


def _column(cell: str) -> str:
    column = HEADERS.get(" ".join(fold(cell).split()))
    if column is None:
        raise TableError(f"nobody knows the column {cell.strip()[:50]!r}")
    return column


def _fields(number: int, columns: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    if any(cell.strip() for cell in row[len(columns) :]):
        raise TableError(f"line {number} has more cells than there are columns")
    fields: dict[str, Any] = {}
    for column, cell in zip(columns, row, strict=False):
        # Spreadsheets keep long numbers and formulas apart by an apostrophe.
        value = cell.strip().removeprefix("'").strip()
        if not value:
            continue
        key, read = _READ.get(column, (column, _text))
        try:
            fields[key] = read(value)
        except ValueError as error:
            raise TableError(f"line {number}, {column}: {error}") from None
    if "iccid" not in fields:
        raise TableError(f"line {number} has no iccid")
    return fields


def _text(value: str) -> str:
    return value


def _iccid(value: str) -> str:
    digits = value.replace(" ", "").upper().removesuffix("F")
    if not (digits.isascii() and digits.isdigit() and 10 <= len(digits) <= 22):
        raise ValueError(
            f"{value!r} is no ICCID of 10 to 22 digits (was the column formatted as text?)"
        )
    return digits


def _whole(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise ValueError(f"must be a whole number, not {value!r}")
    return int(value)


def _megabytes(value: str) -> int:
    try:
        found = float(value.replace(",", "."))
    except ValueError:
        raise ValueError(f"must be a number of megabytes, not {value!r}") from None
    if not 0 <= found <= 1e9:
        raise ValueError(f"cannot be {value}")
    return round(found * MB)


def _date(value: str) -> str:
    for form in ("%Y-%m-%d", "%d/%m/%Y"):
        try:
            return datetime.strptime(value, form).date().isoformat()
        except ValueError:
            continue
    raise ValueError(f"must be a date such as {date(2026, 9, 21)} or 21/09/2026, not {value!r}")


def _one_of(words: Mapping[str, str]) -> Callable[[str], str]:
    def read(value: str) -> str:
        word = fold(value)
        if word in words.values():
            return word
        if word not in words:
            raise ValueError(f"must be one of {', '.join(words.values())}, not {value!r}")
        return words[word]

    return read


_READ: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "iccid": ("iccid", _iccid),
    "tariff": ("tariff_name", _text),
    "quota_mb": ("quota_bytes", _megabytes),
    "cycle": ("cycle", _one_of(_CYCLES)),
    "cycle_day": ("cycle_day", _whole),
    "cycle_days": ("cycle_days", _whole),
    "cycle_from": ("cycle_from", _date),
    "state": ("state", _one_of(_STATES)),
    "receiver": ("receiver", _whole),
    "installed_on": ("installed_on", _date),
    "handed_over_on": ("handed_over_on", _date),
}
"""What the API calls a column, and how its cells are read."""
