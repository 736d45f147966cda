"""Examples of the calls about SIMs and tariffs."""

from __future__ import annotations

import itertools

from loa.streamer.desk import sims
from loa.streamer.desk.sims import SimWish, TariffWish
from support.desk import Office
from support.examples import BELOW, HERE, Asked, Example, always, here
from support.examples.receiver_orders import enrolled

_numbers = itertools.count(1)


def iccid() -> str:
    """Return one that no SIM has yet."""
    return f"8984048{next(_numbers):012}"


def about_sim(**asked: object) -> Example:
    """Ask about a SIM that is made before."""

    async def example(office: Office) -> Asked:
        area = office.area(HERE)
        row = await sims.make(office.desk, office.server, area, SimWish(iccid=iccid()))
        return Asked(params={"sim": row.id}, **asked)  # type: ignore[arg-type]

    return example


def about_tariff(**asked: object) -> Example:
    """Ask about a tariff that is made before."""

    async def example(office: Office) -> Asked:
        area = office.area(HERE)
        row = await sims.make_tariff(office.desk, office.server, area, TariffWish(name="V90"))
        return Asked(params={"tariff": row.id}, **asked)  # type: ignore[arg-type]

    return example


async def make_tariff(office: Office) -> Asked:
    body = {"area": here(office), "name": "V90", "package_bytes": 10**9, "package_price": 90000}
    return Asked(json=body, status=201)


async def make_sim(office: Office) -> Asked:
    body = {"area": here(office), "iccid": iccid(), "cycle": "package", "cycle_days": 30,
            "cycle_from": "2026-09-10"}  # fmt: skip
    return Asked(json=body, status=201)


async def make_list(office: Office) -> Asked:
    items = [{"iccid": iccid(), "area": HERE}, {"iccid": iccid(), "area": BELOW}]
    return Asked(json={"items": items})


async def assign(office: Office) -> Asked:
    receiver = await enrolled(office)
    return await about_sim(json={"receiver": receiver}, version=1)(office)


async def move(office: Office) -> Asked:
    return await about_sim(json={"area": office.area(HERE).id}, version=1)(office)


EXAMPLES: dict[str, Example] = {
    "GET /tariffs": always(Asked()),
    "POST /tariffs": make_tariff,
    "GET /tariffs/{tariff}": about_tariff(),
    "PATCH /tariffs/{tariff}": about_tariff(json={"package_price": 70000}, version=1),
    "DELETE /tariffs/{tariff}": about_tariff(),
    "GET /sims": always(Asked()),
    "POST /sims": make_sim,
    "POST /sims/list": make_list,
    "GET /sims/{sim}": about_sim(),
    "PATCH /sims/{sim}": about_sim(json={"number": "0981234567"}, version=1),
    "POST /sims/{sim}/move": move,
    "PUT /sims/{sim}/receiver": assign,
}
