"""Examples of the calls about receivers."""

from __future__ import annotations

from support.desk import Office
from support.examples import ABOVE, BELOW, ELSEWHERE, HERE, Asked, Example, always, here
from support.examples.receiver_orders import about, enrolled


async def add(office: Office) -> Asked:
    return Asked(json={"area": here(office), "name": "Cột 1 (dữ liệu mẫu)", "horns": 2}, status=201)


async def add_list(office: Office) -> Asked:
    items = [{"area": HERE, "name": "Cột 1"}, {"area": BELOW, "name": "Cột 2", "serial": "B-2"}]
    return Asked(json={"items": items})


async def move(office: Office) -> Asked:
    return Asked(
        params={"receiver": await enrolled(office)}, json={"area": office.area(HERE).id}, version=1
    )


EXAMPLES: dict[str, Example] = {
    "GET /receivers": always(Asked()),
    "POST /receivers": add,
    "POST /receivers/list": add_list,
    "GET /receivers/identity": always(Asked()),
    "POST /receivers/identity": always(Asked(where=(ABOVE, ELSEWHERE), as_="server")),
    "GET /receivers/{receiver}": about(),
    "PATCH /receivers/{receiver}": about(json={"horns": 4}, version=1),
    "DELETE /receivers/{receiver}": about(),
    "POST /receivers/{receiver}/move": move,
    "POST /receivers/{receiver}/code": about(),
    "POST /receivers/{receiver}/revoke": about(),
}
