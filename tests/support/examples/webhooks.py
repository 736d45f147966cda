"""Examples of the calls about webhooks."""

from __future__ import annotations

from loa.streamer.desk import webhooks
from loa.streamer.desk.webhooks import Wishes
from support.desk import Office
from support.examples import HERE, Asked, Example, always, here

URL = "https://example.org/loa"


async def make(office: Office) -> Asked:
    return Asked(json={"area": here(office), "url": URL, "kinds": ["bulletin."]}, status=201)


def about(**asked: object) -> Example:
    """Ask about a webhook that is made before."""

    async def example(office: Office) -> Asked:
        row = await webhooks.make(office.desk, office.server, office.area(HERE), Wishes(URL))
        return Asked(params={"webhook": row.id}, **asked)  # type: ignore[arg-type]

    return example


EXAMPLES: dict[str, Example] = {
    "GET /webhooks": always(Asked()),
    "POST /webhooks": make,
    "GET /webhooks/{webhook}": about(),
    "PATCH /webhooks/{webhook}": about(json={"enabled": False}, version=1),
    "DELETE /webhooks/{webhook}": about(),
    "POST /webhooks/{webhook}/secret": about(),
    "POST /webhooks/{webhook}/test": about(),
    "GET /webhooks/{webhook}/deliveries": about(),
}
