"""Examples of the calls about how receivers are."""

from __future__ import annotations

from support.examples import Asked, Example, always
from support.examples.receiver_orders import about

EXAMPLES: dict[str, Example] = {
    "GET /receivers/status": always(Asked(query={"state": "offline"})),
    "GET /receivers/{receiver}/health": about(),
    "GET /alerts": always(Asked(query={"open": "true"})),
}
