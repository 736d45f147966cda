"""What the desk needs of what is on air; ``streamer/air`` implements it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Air(Protocol):
    """The mounts, as staff see them."""

    def sounding(self) -> Mapping[int, int]:
        """Return on how many areas each emergency sounds now, by its id."""
