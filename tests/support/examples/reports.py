"""Examples of the calls about reports."""

from __future__ import annotations

from support.desk import Office
from support.examples import Asked, Example, here


async def half(office: Office) -> Asked:
    return Asked({"area": here(office)}, query={"half": "2026-1"})


async def days(office: Office) -> Asked:
    return Asked({"area": here(office)}, query={"from": "2026-09-01", "to": "2026-09-21"})


EXAMPLES: dict[str, Example] = {
    "GET /areas/{area}/report": days,
    "GET /areas/{area}/report.csv": half,
    "GET /areas/{area}/report.xlsx": half,
}
