"""Areas as tables: CSV that spreadsheets open and cannot be tricked by, and JSON.

What is written here is read here as it was. A cell or key that is empty says nothing, so that a
table may have some of the columns, and some of the areas. In CSV a cell that a spreadsheet would
take for a formula gets an apostrophe before it, which reading takes off again.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from loa.streamer.core.area_words import (
    WordRefused,
    check_path,
    clean_code,
    clean_name,
)
from loa.streamer.core.areas import Area, fold
from loa.streamer.core.cells import BOM, neutral

MAX_BYTES = 8 * 1024 * 1024
MAX_ROWS = 20_000
MAX_PROBLEMS = 100
MAX_RANK = 1_000_000
MAX_ALIASES = 200
SEPARATORS = ",;\t"

COLUMNS = ("id", "code", "path", "parent", "name", "station", "rank", "aliases")
HEADERS: Mapping[str, str] = {
    **{name: name for name in COLUMNS},
    "ma": "code",
    "duong dan": "path",
    "cap tren": "parent",
    "ten": "name",
    "dai": "station",
    "thu tu": "rank",
    "duong dan cu": "aliases",
}
"""What a column may be called, in small letters without marks."""
YES = frozenset({"1", "true", "yes", "x", "co", "dung"})
NO = frozenset({"0", "false", "no", "khong", "sai"})

_TRICKED = re.compile(r"'+[=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class TableProblem:
    """A mistake in a table: its line (1 is the first), the column or "", and why by code."""

    line: int
    column: str
    code: str
    values: Mapping[str, Any]


class TableRefused(Exception):
    """The table cannot be used; ``problems`` are the first hundred of its mistakes."""

    def __init__(self, *problems: TableProblem) -> None:
        super().__init__(f"{len(problems)} problems, first: {problems[:1]}")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class AreaLine:
    """What one line of a table says of an area; None where it says nothing."""

    line: int
    id: int | None = None
    code: str | None = None
    path: str | None = None
    parent: str | None = None
    name: str | None = None
    station: bool | None = None
    rank: int | None = None
    aliases: tuple[str, ...] | None = None


# --- writing


def write_csv(areas: Iterable[Area], separator: str = ",") -> bytes:
    """Return areas as CSV in UTF-8 with the mark that spreadsheets look for."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for area in areas:
        writer.writerow(
            [
                area.id,
                *map(neutral, (area.code, area.path, area.parent or "", area.name)),
                int(area.station),
                area.rank,
                " ".join(area.aliases),
            ]
        )
    return (BOM + text.getvalue()).encode()


def write_json(areas: Iterable[Area]) -> bytes:
    """Return areas as JSON: ``{"areas": [{"id": …}]}``."""
    items = [
        {
            "id": area.id,
            "code": area.code,
            "path": area.path,
            "parent": area.parent,
            "name": area.name,
            "station": area.station,
            "rank": area.rank,
            "aliases": list(area.aliases),
        }
        for area in areas
    ]
    return json.dumps({"areas": items}, ensure_ascii=False, indent=1).encode()


def _plain(cell: str) -> str:
    return cell[1:] if _TRICKED.match(cell) else cell


# --- reading


def read_csv(data: bytes) -> list[AreaLine]:
    """Read a table in CSV. Raises ``TableRefused``."""
    text = _decoded(data)
    collected = _Collected()
    try:
        for line, cells in _records(text):
            collected.add(line, {name: _plain(cell).strip() for name, cell in cells.items()})
    except csv.Error as error:
        line = getattr(error, "line", 0)
        collected.refuse(line, "", "import.csv", reason=str(error))
    return collected.finish()


def read_json(data: bytes) -> list[AreaLine]:
    """Read ``{"areas": […]}``; lines are counted by area. Raises ``TableRefused``."""
    try:
        value = json.loads(_decoded(data))
        items = value["areas"] if isinstance(value, dict) and value.keys() == {"areas"} else None
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise TableRefused(TableProblem(1, "", "import.json", {}))
    collected = _Collected()
    for line, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            collected.refuse(line, "", "field.not_object")
        else:
            collected.add(line, item)
        if collected.full:
            break
    return collected.finish()


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        limit = {"limit": MAX_BYTES // 1024 // 1024}
        raise TableRefused(TableProblem(1, "", "import.too_large", limit))
    for at, code in ((_bad_byte(data), "import.encoding"), (data.find(b"\0"), "import.nul")):
        if at >= 0:
            raise TableRefused(TableProblem(data.count(b"\n", 0, at) + 1, "", code, {}))
    return data.decode().removeprefix(BOM)


def _bad_byte(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return -1


def _records(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the lines of CSV below the header: their numbers, and their cells by column."""
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        header = next(reader, [])
        columns = _columns(header)
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if not any(cell.strip() for cell in cells):
                continue
            if any(cell.strip() for cell in cells[len(columns) :]):
                problem = {"columns": len(columns)}
                raise TableRefused(TableProblem(line, "", "import.too_wide", problem))
            yield line, {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    except csv.Error as error:
        error.line = reader.line_num  # type: ignore[attr-defined]
        raise


def _columns(header: Sequence[str]) -> list[str]:
    columns: list[str] = []
    for cell in header:
        word = " ".join(fold(cell[:100]).split())
        column = HEADERS.get(word, "")
        if word and (not column or column in columns):
            code = "import.column_twice" if column else "import.column_unknown"
            values = {"column": cell[:50], "columns": ", ".join(COLUMNS)}
            raise TableRefused(TableProblem(1, cell[:50], code, values))
        columns.append(column)
    while columns and not columns[-1]:
        columns.pop()
    if not {"id", "code", "path", "name"} & set(columns):
        raise TableRefused(
            TableProblem(1, "", "import.no_columns", {"columns": ", ".join(COLUMNS)})
        )
    return columns


class _Collected:
    """The lines so far, and their mistakes."""

    def __init__(self) -> None:
        self._lines: list[AreaLine] = []
        self._problems: list[TableProblem] = []
        self._count = 0

    @property
    def full(self) -> bool:
        return self._count > MAX_ROWS or len(self._problems) >= MAX_PROBLEMS

    def refuse(self, line: int, column: str, code: str, **values: Any) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(TableProblem(line, column, code, values))

    def add(self, line: int, given: Mapping[str, Any]) -> None:
        """Take what a line says; a string for whatever comes from CSV."""
        self._count += 1
        if self._count > MAX_ROWS:
            problem = TableProblem(line, "", "import.too_many", {"limit": MAX_ROWS})
            raise TableRefused(problem)
        if len(self._problems) >= MAX_PROBLEMS:
            raise TableRefused(*self._problems)
        values: dict[str, Any] = {}
        for key, value in given.items():
            if key not in _READ:
                self.refuse(line, ascii(key)[1:50], "field.unknown")
            elif value is not None and value != "":
                try:
                    values[key] = _READ[key](value)
                except WordRefused as error:
                    self.refuse(line, key, error.code, **error.values)
        self._lines.append(AreaLine(line, **values))

    def finish(self) -> list[AreaLine]:
        if self._problems:
            raise TableRefused(*self._problems)
        return self._lines


# --- cells


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise WordRefused("field.not_text")
    return value


def _whole(value: Any, least: int, most: int) -> int:
    if isinstance(value, str):
        word = value.strip()
        if not word.isascii() or not word.isdigit() or len(word) > 16:
            raise WordRefused("field.not_integer")
        value = int(word)
    if not isinstance(value, int) or isinstance(value, bool):
        raise WordRefused("field.not_integer")
    if value < least:
        raise WordRefused("field.too_small", limit=least)
    if value > most:
        raise WordRefused("field.too_large", limit=most)
    return value


def _yes_or_no(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = fold(_text(value)[:20]).strip()
    if word not in YES | NO:
        raise WordRefused("import.yes_or_no")
    return word in YES


def _paths(value: Any) -> tuple[str, ...]:
    words = value.split() if isinstance(value, str) else value
    if not isinstance(words, list):
        raise WordRefused("field.not_list")
    if len(words) > MAX_ALIASES:
        raise WordRefused("field.too_many", limit=MAX_ALIASES)
    return tuple(check_path(_text(word)) for word in words)


_READ: Mapping[str, Any] = {
    "id": lambda value: _whole(value, 1, 2**53 - 1),
    "code": lambda value: clean_code(_text(value)) or None,
    "path": lambda value: check_path(_text(value).rstrip("/")),
    "parent": lambda value: check_path(_text(value).rstrip("/")),
    "name": lambda value: clean_name(_text(value)),
    "station": _yes_or_no,
    "rank": lambda value: _whole(value, 0, MAX_RANK),
    "aliases": _paths,
}
assert {f.name for f in fields(AreaLine)} == {"line", *_READ}
