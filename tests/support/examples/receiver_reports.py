"""Examples of the calls about data, coverage, inventory and dead zones."""

from __future__ import annotations

from support.desk import Office
from support.examples import Asked, Example, here
from support.examples.receiver_orders import about, enrolled


def report(**query: str) -> Example:
    async def example(office: Office) -> Asked:
        await enrolled(office)
        return Asked(query={"area": here(office), **query})

    return example


def dead_zone(**asked: object) -> Example:
    async def example(office: Office) -> Asked:
        return Asked({"area": here(office)}, **asked)  # type: ignore[arg-type]

    return example


EXAMPLES: dict[str, Example] = {
    "GET /reports/data": report(month="2026-09"),
    "GET /reports/data.csv": report(),
    "GET /reports/data.xlsx": report(**{"from": "2026-01-01", "to": "2026-12-31"}),
    "GET /reports/coverage": report(),
    "GET /reports/coverage.csv": report(),
    "GET /reports/coverage.xlsx": report(),
    "GET /reports/inventory": report(),
    "GET /reports/inventory.csv": report(),
    "GET /reports/inventory.xlsx": report(),
    "GET /receivers/{receiver}/data": about(),
    "GET /areas/{area}/dead-zone": dead_zone(),
    "PUT /areas/{area}/dead-zone": dead_zone(json={"dead_zone": True, "note": "sau núi"}),
}
