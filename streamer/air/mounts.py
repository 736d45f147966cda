"""Mounts: what listening needs to know of them, and the table of those that there are.

A mount belongs to an area by its id, so a renamed or moved area keeps its mount, and its listeners
notice nothing. The mount of an area that was merged follows its successor, until the next start:
nobody is disconnected. That of one that was removed without a successor is silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loa.native.engine import SILENCE as SILENT_PROGRAMME
from loa.native.error import NativeError
from loa.streamer import logs
from loa.streamer.air.playout import Playout
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.cues import SILENCE, Choice
from loa.streamer.counters import Counters

log = logs.get("mounts")


@dataclass(frozen=True, slots=True)
class MountInfo:
    """A mount: the engine's ``number``, its area's ``path`` (``/ha-giang``) and its ``name``."""

    number: int
    path: str
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class OnAir:
    """What a mount carries, for display. ``kind``: ``live``, ``bulletin``, ``file``,
    ``relay`` or ``silence``.
    """

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


@dataclass(frozen=True, slots=True)
class Planned:
    """A change that the engine was told of beforehand."""

    tick: int
    choice: Choice
    handle: int
    playout: Playout | None = None


@dataclass(slots=True)
class Mount:
    """One mount, and what it was told last.

    ``area``: the id of the area whose choice it carries (0: of none any more); ``own``: it is that
    area's own mount. ``planned``: by tick.
    """

    info: MountInfo
    area: int
    own: bool = True
    choice: Choice = SILENCE
    handle: int = SILENT_PROGRAMME
    since: float = 0.0
    playout: Playout | None = None
    """What plays its file round and round; None: it carries something else."""
    planned: list[Planned] = field(default_factory=list)


class MountTable:
    """All mounts, by number and by area; see the module."""

    def __init__(self, open_mount: Callable[[], int], counters: Counters, tree: AreaTree) -> None:
        self._open = open_mount
        self._counters = counters
        self.tree = AreaTree([])
        self.by_number: dict[int, Mount] = {}
        self.own: dict[int, Mount] = {}
        """By area: its own mount."""
        self._carrying: dict[int, tuple[Mount, ...]] = {}
        self.follow(tree, {})

    def __iter__(self) -> Iterator[Mount]:
        return iter(self.by_number.values())

    def follow(self, tree: AreaTree, successors: Mapping[int, int | None]) -> None:
        """Take another tree: new areas get a mount, those that are gone follow their successor.

        ``successors``: what each area that is gone was merged into, by id.
        """
        refused = 0
        for area in tree:
            mount = self.own.get(area.id)
            if mount is not None:
                mount.info = MountInfo(mount.info.number, area.path, area.name)
                continue
            try:
                number = self._open()
            except NativeError:
                refused += 1
                continue
            mount = Mount(MountInfo(number, area.path, area.name), area.id)
            self.by_number[number] = self.own[area.id] = mount
        if refused:
            self._counters.add("mounts.refused", refused)
            log.error(
                "there is no room for more mounts: new areas are heard after the next start",
                areas=refused, mounts=len(self.by_number),
            )  # fmt: skip
        for mount in self.by_number.values():
            if tree.get(mount.area) is not None:
                continue
            self.own.pop(mount.area, None)
            heir = heir_of(mount.area, tree, successors)
            mount.own = False
            mount.area = 0 if heir is None else heir
        self.tree = tree
        carrying: dict[int, list[Mount]] = {}
        for mount in self.by_number.values():
            carrying.setdefault(mount.area, []).append(mount)
        self._carrying = {area: tuple(mounts) for area, mounts in carrying.items()}

    def of(self, area: int) -> tuple[Mount, ...]:
        """Return the mounts that carry what an area does; 0: those of no area any more."""
        return self._carrying.get(area, ())

    def area_of(self, number: int) -> int | None:
        """Return the area whose own mount this is; None: it keeps no log of its own."""
        mount = self.by_number[number]
        return mount.area if mount.own else None

    def find(self, path: str) -> MountInfo | None:
        """Return the mount of an area path, a former one included; None when there is none."""
        area: Area | None = self.tree.find(path)
        mount = None if area is None else self.own.get(area.id)
        return None if mount is None else mount.info

    def all(self) -> Sequence[MountInfo]:
        """Return every area's mount, parents before children."""
        return [self.own[area.id].info for area in self.tree if area.id in self.own]


def heir_of(area: int, tree: AreaTree, successors: Mapping[int, int | None]) -> int | None:
    """Return the living area that an area has become, by ids; None: none."""
    seen = set()
    at: int | None = area
    while at is not None and at not in seen:
        if tree.get(at) is not None:
            return at
        seen.add(at)
        at = successors.get(at)
    return None
