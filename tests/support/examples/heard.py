"""Examples of the calls about what receivers played."""

from __future__ import annotations

from support.desk import Office
from support.examples import HERE, Asked, Example, here
from support.examples.air import about
from support.examples.airing import span
from support.examples.receiver_orders import enrolled
from support.schedule import add_bulletin


async def bulletin(office: Office) -> Asked:
    id = await add_bulletin(office, office.area(HERE))
    return Asked(params={"bulletin": id}, query={"outcome": "whole"})


async def play(office: Office) -> Asked:
    await span(office)
    await enrolled(office)
    return Asked(params={"area": here(office)}, query={"play": "7.1"})


async def journal(office: Office) -> Asked:
    return Asked(params={"receiver": await enrolled(office)})


async def proof(office: Office) -> Asked:
    await enrolled(office)
    days = {"from": "2026-09-20", "to": "2026-09-21"}
    return Asked(params={"area": here(office)}, query=days)


EXAMPLES: dict[str, Example] = {
    "GET /bulletins/{bulletin}/heard": bulletin,
    "GET /emergencies/{emergency}/heard": about(),
    "GET /areas/{area}/heard": play,
    "GET /receivers/{receiver}/journal": journal,
    "GET /receivers/{receiver}/journal/check": journal,
    "GET /areas/{area}/proof": proof,
    "GET /areas/{area}/proof.csv": proof,
    "GET /areas/{area}/proof.xlsx": proof,
}
