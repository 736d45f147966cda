"""Tables for people as files: CSV, and XLSX with a sheet a table.

No cell can be a formula: in CSV those that look like one get an apostrophe, in XLSX text is typed
as text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from loa.streamer.core.cells import BOM, neutral

Cell = str | int | float | None
Head = Sequence[tuple[str, ...]]
MOST_CHARACTERS = 32_000
"""Of one cell; a spreadsheet takes little more."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def csv_of(head: Head, tables: Iterable[Sheet]) -> bytes:
    """Return tables as CSV, one below the other, empty lines between; ``head`` above all."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for line in head:
        writer.writerow([neutral(cell) for cell in line])
    for sheet in tables:
        writer.writerows([[], [neutral(sheet.title)], [neutral(h) for h in sheet.headings]])
        for row in sheet.rows:
            writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
    return (BOM + text.getvalue()).encode()


def xlsx_of(head: Head, tables: Iterable[Sheet]) -> bytes:
    """Return tables as a workbook, a sheet each; ``head`` stands above the first one."""
    book = Workbook(write_only=True)
    for number, sheet in enumerate(tables):
        page = book.create_sheet(sheet.title[:31])
        widths = [
            max([len(str(heading))] + [len(str(row[i])) for row in sheet.rows[:200]])
            for i, heading in enumerate(sheet.headings)
        ]
        for index, width in enumerate(widths):
            page.column_dimensions[chr(ord("A") + index)].width = min(60, width + 3)
        if number == 0:
            for line in head:
                page.append([_cell(page, cell, bold=line is head[0]) for cell in line])
            page.append([])
        page.append([_cell(page, heading, bold=True) for heading in sheet.headings])
        for row in sheet.rows:
            page.append([_cell(page, cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(page: object, value: Cell, bold: bool = False) -> object:
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)[:MOST_CHARACTERS]
    cell = WriteOnlyCell(page, value=value)
    if isinstance(value, str):
        # Else text that begins with = would be a formula.
        cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    return cell
