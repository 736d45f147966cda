"""Examples of the calls about emergencies."""

from __future__ import annotations

from typing import Any

from loa.streamer.core.policy import Policy
from loa.streamer.desk import emergencies
from loa.streamer.desk.emergencies import Wanted
from loa.streamer.desk.policies import policy_version, set_policy
from support.desk import Office
from support.examples import HERE, Asked, Example, always, here
from support.schedule import add_bulletin

CALLER = f"emergency@{HERE}"


async def ready(office: Office, **more: Any) -> int:
    """Add an emergency bulletin that is ready to be called; return its id."""
    given = {"cls": 2, "seconds": 20.0, "title": "Lũ trên sông (dữ liệu mẫu)", **more}
    return await add_bulletin(office, office.area(HERE), **given)


async def make(office: Office) -> Asked:
    return Asked(
        json={
            "area": here(office), "bulletin": await ready(office), "severity": 4,
            "every_minutes": 20, "repeat_until": "2026-09-22T06:00:00+07:00",
        },
        status=201,
    )  # fmt: skip


def about(waiting: bool = False, **asked: Any) -> Example:
    """Ask about an emergency that somebody calls before."""

    async def example(office: Office) -> Asked:
        area = office.area(HERE)
        version = await policy_version(office.desk, area)
        policy = Policy(second_person=waiting)
        await set_policy(office.desk, office.server, area, policy, version)
        bulletin = await ready(office)
        row = await emergencies.call(
            office.desk, await office.actor(CALLER), area, Wanted(bulletin, drill=True)
        )
        if "correct" in asked:
            asked["json"] = {"bulletin": await ready(office), "reason": "nhầm địa bàn"}
        return Asked(
            params={"emergency": row.id}, **{k: v for k, v in asked.items() if k != "correct"}
        )  # fmt: skip

    return example


EXAMPLES: dict[str, Example] = {
    "GET /emergencies": always(Asked(query={"state": "standing"})),
    "POST /emergencies": make,
    "GET /emergencies/{emergency}": about(),
    "POST /emergencies/{emergency}/confirm": about(waiting=True, version=1),
    "POST /emergencies/{emergency}/stop": about(json={"reason": "hết nguy hiểm"}),
    "POST /emergencies/{emergency}/correct": about(correct=True, version=1, status=201),
}
