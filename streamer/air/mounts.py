"""What listening needs to know of mounts; ``streamer/air`` implements it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class MountInfo:
    """A mount: the engine's ``number``, its area's ``path`` (``/ha-giang``) and its ``name``."""

    number: int
    path: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class OnAir:
    """What a mount carries, for display. ``kind``: ``live``, ``file``, ``relay`` or ``silence``."""

    kind: str
    title: str = ""
    since: float = 0.0
    """Seconds since the epoch; 0 when unknown."""


SILENT = OnAir("silence")


class Mounts(Protocol):
    """All mounts there are."""

    def find(self, path: str) -> MountInfo | None:
        """Return the mount of an area path, a former one included; None when there is none."""

    def all(self) -> Sequence[MountInfo]:
        """Return every mount, in the order in which people should see them."""

    def on_air(self, number: int) -> OnAir:
        """Return what a mount carries now."""
