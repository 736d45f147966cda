"""Tables of receivers: what is to be added, and the codes that come of it. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from loa.streamer.core.areas import fold
from loa.streamer.core.cells import BOM, neutral

MAX_BYTES = 8 * 1024 * 1024
MOST = 5000
HEADERS: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "area", "name", "horns", "serial", "hardware", "latitude", "longitude",
            "installed_at", "handed_over_at", "notes",
        )
    },
    "dia ban": "area", "ten": "name", "so loa": "horns", "so may": "serial",
    "thiet bi": "hardware", "vi do": "latitude", "kinh do": "longitude",
    "ngay lap": "installed_at", "ngay ban giao": "handed_over_at", "ghi chu": "notes",
}  # fmt: skip
"""What a column may be called, in small letters without marks."""
NUMBERS = {"horns": int, "latitude": float, "longitude": float}
CODE_COLUMNS = ("id", "area", "name", "serial", "code", "expires_at")


class TableError(ValueError):
    """The table cannot be used; the text names the line."""


def read_table(data: bytes) -> list[tuple[int, dict[str, Any]]]:
    """Return the lines: their number in the file, and what the API is to be told.

    Raises ``TableError``.
    """
    if len(data) > MAX_BYTES:
        raise TableError("it is too large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TableError("it is not UTF-8: save it as CSV UTF-8") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise TableError(f"it is no table: {error}") from None
    if not rows:
        raise TableError("it is empty")
    columns = [
        HEADERS.get(fold(cell.strip()).replace("-", " ")) or _unknown(cell) for cell in rows[0]
    ]
    if len(set(columns)) < len(columns):
        raise TableError("two columns have one name")
    for needed in ("area", "name"):
        if needed not in columns:
            raise TableError(f"the column {needed} is missing")
    found = []
    for number, row in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in row):
            found.append((number, _fields(number, columns, row)))
    if not found:
        raise TableError("it has no lines")
    if len(found) > MOST:
        raise TableError(f"it has more than {MOST} lines: add them in parts")
    return found


def _unknown(cell: str) -> str:
    raise TableError(f"nobody knows the column {cell.strip()[:50]!r}")


def _fields(number: int, columns: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    if len(row) > len(columns):
        raise TableError(f"line {number} has more cells than there are columns")
    fields: dict[str, Any] = {}
    for column, cell in zip(columns, row, strict=False):
        value = cell.strip()
        if not value:
            continue
        try:
            fields[column] = NUMBERS[column](value) if column in NUMBERS else value
        except ValueError:
            raise TableError(f"line {number}: {column} must be a number, not {value!r}") from None
    for needed in ("area", "name"):
        if needed not in fields:
            raise TableError(f"line {number} has no {needed}")
    return fields


def write_codes(areas: Sequence[str], made: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of codes as a spreadsheet opens it."""
    out = io.StringIO(newline="")
    out.write(BOM)
    writer = csv.writer(out)
    writer.writerow(CODE_COLUMNS)
    for area, coded in zip(areas, made, strict=True):
        row = {**coded["receiver"], **coded, "area": area}
        writer.writerow([neutral(str(row[name])) for name in CODE_COLUMNS])
    return out.getvalue()
