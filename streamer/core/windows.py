"""One occurrence of a slot. (``core/slots.py`` makes them, ``core/planner.py`` fills them.)"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SlotContent(StrEnum):
    """What fills a slot."""

    QUEUE = "queue"
    RELAY = "relay"
    UPPER = "upper"


@dataclass(frozen=True, slots=True)
class Window:
    """One occurrence of a slot: [start, end) in Unix seconds. ``relay`` and ``alternative``: URLs
    of what a relay slot carries."""

    slot: int
    start: float
    end: float
    content: SlotContent = SlotContent.QUEUE
    relay: str = ""
    alternative: str = ""
