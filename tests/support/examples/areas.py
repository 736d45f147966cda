"""Examples of the calls about areas."""

from __future__ import annotations

from support.desk import Office
from support.examples import ABOVE, BELOW, HERE, Asked, Example, always, here

HOURS = {"weekdays": [0, 1, 2, 3, 4], "start": "05:00", "end": "06:30"}


async def listed(office: Office) -> Asked:
    return Asked(query={"q": "quang binh", "under": str(office.area(ABOVE).id)})


async def one(office: Office) -> Asked:
    return Asked(params={"area": here(office)})


async def create(office: Office) -> Asked:
    return Asked(json={"name": f"Xã mới {len(office.happened)}", "parent": here(office)})


async def edit(office: Office) -> Asked:
    area = office.area(HERE)
    return Asked(params={"area": area.id}, json={"code": "034"}, version=area.version)


async def order(office: Office) -> Asked:
    areas = [a.id for a in office.desk.tree if a.parent == HERE]
    return Asked(json={"parent": here(office), "areas": areas[::-1]})


async def remove(office: Office) -> Asked:
    area = office.area(HERE)
    query = {"subtree": "true", "dry_run": "true"}
    return Asked(params={"area": area.id}, query=query, version=area.version)


async def move(office: Office) -> Asked:
    area = office.area(HERE)
    body = {"parent": office.area(ABOVE).id}
    return Asked(params={"area": area.id}, json=body, version=area.version, where=(HERE, ABOVE))


async def merge(office: Office) -> Asked:
    area, into = office.area(BELOW), office.area(HERE)
    return Asked(
        params={"area": area.id}, json={"into": into.id}, query={"dry_run": "true"},
        version=area.version, where=(BELOW, HERE),
    )  # fmt: skip


async def remove_level(office: Office) -> Asked:
    area = office.area(HERE)
    return Asked(params={"area": area.id}, query={"dry_run": "true"}, version=area.version)


async def set_policy(office: Office) -> Asked:
    body = {"hours": [HOURS], "approve_own": False, "routine_live": "slots"}
    return Asked(params={"area": here(office)}, json=body, version=0)


CSV = "name,parent\r\nThôn mới,/ha-giang/quang-binh\r\n"


EXAMPLES: dict[str, Example] = {
    "GET /areas": listed,
    "GET /areas/tree": always(Asked()),
    "GET /areas/removed": always(Asked()),
    "POST /areas": create,
    "POST /areas/order": order,
    "GET /areas/export": always(Asked(query={"separator": "semicolon"})),
    "POST /areas/import": always(
        Asked(data=CSV.encode(), headers={"Content-Type": "text/csv; charset=utf-8"})
    ),
    "GET /areas/{area}": one,
    "PATCH /areas/{area}": edit,
    "DELETE /areas/{area}": remove,
    "POST /areas/{area}/move": move,
    "POST /areas/{area}/merge": merge,
    "POST /areas/{area}/remove-level": remove_level,
    "GET /areas/{area}/history": one,
    "GET /areas/{area}/policy": one,
    "PUT /areas/{area}/policy": set_policy,
}
