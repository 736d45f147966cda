"""Cells of tables that spreadsheets open: nothing in them may be run. Pure."""

from __future__ import annotations

import re

BOM = "\ufeff"
"""Spreadsheets take CSV for UTF-8 only when it begins with this."""
_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def neutral(cell: str) -> str:
    """Return a cell of CSV, with an apostrophe before what would be taken for a formula."""
    return "'" + cell if _FORMULA.match(cell) else cell
