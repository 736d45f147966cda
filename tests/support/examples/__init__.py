"""An example of every call of the API, by topic: a test fails for a route that has none.

    async def rename(office: Office) -> Asked:
        return Asked(params={"area": here(office)}, json={"name": "Mới"}, version=1)

    EXAMPLES = {"PATCH /areas/{area}": rename}

Each makes what it needs (a bulletin to approve) and says how to ask for it, so that the
administrator of ``/ha-giang`` succeeds. Whatever permission the route declares must be needed on
``HERE`` (or on the areas that ``where`` names), for that is what the test of rights looks at.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from support.desk import Office

HERE = "/ha-giang/quang-binh"
ABOVE = "/ha-giang"
BELOW = "/ha-giang/quang-binh/na-khuong"
ELSEWHERE = "/tuyen-quang"


@dataclass
class Asked:
    """One request. ``where``: the areas on which the declared permission is needed."""

    params: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    query: dict[str, Any] = field(default_factory=dict)
    data: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    version: int | None = None
    where: tuple[str, ...] = (HERE,)
    as_: str = "administrator@/ha-giang"
    """Who succeeds."""
    status: int | None = None
    """What whoever succeeds is answered; None: whatever the route says."""

    def request(self) -> dict[str, Any]:
        """Return what ``office.ask`` is to be given."""
        headers = dict(self.headers)
        if self.version is not None:
            headers["If-Match"] = f'"{self.version}"'
        given: dict[str, Any] = {"headers": headers}
        if self.json is not None:
            given["json"] = self.json
        if self.query:
            given["params"] = self.query
        if self.data is not None:
            given["data"] = self.data
        return given


Example = Callable[[Office], Awaitable[Asked]]


def always(asked: Asked) -> Example:
    """Make an example that needs nothing to be there."""

    async def make(_: Office) -> Asked:
        return asked

    return make


def here(office: Office) -> int:
    """Return the id of the area that examples are about."""
    return office.area(HERE).id


def everything() -> Mapping[str, Example]:
    """Return the examples of all topics, by ``METHOD /path``."""
    from support.examples import (
        air,
        airing,
        areas,
        bulletins,
        heard,
        https,
        people,
        receiver_health,
        receiver_orders,
        receiver_packs,
        receiver_reports,
        receivers,
        reports,
        schedule,
        sims,
        speech,
        webhooks,
    )

    topics = (
        areas, people, bulletins, schedule, speech, reports, air, airing, webhooks, receivers,
        receiver_orders, receiver_packs, heard, receiver_health, receiver_reports, sims, https,
    )  # fmt: skip
    return {name: example for topic in topics for name, example in topic.EXAMPLES.items()}
