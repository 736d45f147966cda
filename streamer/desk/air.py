"""What the desk needs of what is on air; ``streamer/air`` implements it."""

from __future__ import annotations

from typing import Protocol


class Air(Protocol):
    """The mounts, as staff see them."""
