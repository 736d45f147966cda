"""Areas: the administrative tree that is data, and its readable paths."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

RESERVED = frozenset(
    {"admin", "api", "assets", "healthz", "index", "live", "metrics", "readyz", "static", "status"}
)
"""First words of paths that are not areas: they have a meaning of their own on the server."""


class AreaError(ValueError):
    """These areas cannot be a tree; the text says which one and why."""


@dataclass(frozen=True, slots=True)
class Area:
    """A node of the tree. ``path`` (``/ha-giang/quang-binh``) names it, ``name`` is for people.

    ``aliases`` are paths it had before: they stay valid, for sources too. ``station``: it may put
    something on air. ``id`` stays the same whatever it is called and wherever it hangs; 0 before
    the store gave one. ``code``: the official code of the place, if it has one. ``rank`` orders
    siblings, before their names; ``version`` is the one that a change must name.
    """

    path: str
    name: str
    station: bool = False
    aliases: tuple[str, ...] = ()
    id: int = 0
    code: str = ""
    rank: int = 0
    version: int = 0

    @property
    def parent(self) -> str | None:
        """The path of the area above it, None at the top."""
        return self.path.rpartition("/")[0] or None


@dataclass(frozen=True, slots=True)
class AreaDraft:
    """An area before it has a place: ``path``, or its name below ``parent``, decides."""

    name: str
    path: str | None = None
    parent: str | None = None
    station: bool = False
    aliases: tuple[str, ...] = ()


def slug(name: str) -> str:
    """Return a name as a word of a path: ``Nà Khương`` is ``na-khuong``; "" if nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return text in lower case and without marks, to find and sort by: ``Đồng`` is ``dong``.

    Unicode decomposition takes the marks off every Vietnamese letter but đ, which is a letter of
    its own.
    """
    plain = text.replace("đ", "d").replace("Đ", "D")
    letters = unicodedata.normalize("NFKD", plain)
    return "".join(c for c in letters if not unicodedata.combining(c)).lower()


def normal_path(path: str) -> str:
    """Return a path as areas have it: NFC, no slash at the end."""
    return unicodedata.normalize("NFC", path).rstrip("/") or "/"


def sibling_order(area: Area) -> tuple[int, str, str, int]:
    """Return what siblings are sorted by: rank, then the name as people look for it."""
    return area.rank, fold(area.name), area.name, area.id


class AreaTree:
    """The areas, parents before children and otherwise in the order given. Immutable.

    Raises ``AreaError`` when an area's parent is missing or two share a path.
    """

    def __init__(self, areas: Iterable[Area]) -> None:
        given = list(areas)
        by_path: dict[str, Area] = {}
        for area in given:
            if area.path in by_path:
                raise AreaError(f"two areas have the path {area.path}")
            if area.path.split("/")[1] in RESERVED:
                raise AreaError(f"{area.path}: an address of the server begins with this word")
            by_path[area.path] = area
        for area in given:
            if area.parent is not None and area.parent not in by_path:
                raise AreaError(f"{area.path}: there is no area {area.parent} above it")
        ordered: list[Area] = []
        children: dict[str | None, list[Area]] = {}
        for area in given:
            children.setdefault(area.parent, []).append(area)
        self._children = {path: len(below) for path, below in children.items()}
        waiting = list(reversed(children.get(None, [])))
        while waiting:
            area = waiting.pop()
            ordered.append(area)
            waiting.extend(reversed(children.get(area.path, [])))
        self._areas = tuple(ordered)
        # What is below an area stands right behind it: a subtree is a slice.
        self._first = {area.path: number for number, area in enumerate(ordered)}
        self._size = {area.path: 1 for area in ordered}
        for area in reversed(ordered):
            if area.parent is not None:
                self._size[area.parent] += self._size[area.path]
        self._by_path: Mapping[str, Area] = by_path
        self._by_id = {area.id: area for area in ordered if area.id}
        self._aliases: dict[str, Area] = {}
        for area in ordered:
            for alias in area.aliases:
                # Where a new area has taken an old path, the path is the new area's.
                if alias not in by_path:
                    self._aliases.setdefault(alias, area)

    def __iter__(self) -> Iterator[Area]:
        return iter(self._areas)

    def __len__(self) -> int:
        return len(self._areas)

    def find(self, path: str) -> Area | None:
        """Return the area with this path or former path, or None."""
        path = normal_path(path)
        return self._by_path.get(path) or self._aliases.get(path)

    def get(self, id: int) -> Area | None:
        """Return the area with this id, or None."""
        return self._by_id.get(id)

    def station_of(self, area: Area) -> Area | None:
        """Return the nearest station at or above an area, or None."""
        return next((a for a in self.lineage(area) if a.station), None)

    def children(self, area: Area) -> int:
        """Return how many areas hang right below one."""
        return self._children.get(area.path, 0)

    def lineage(self, area: Area) -> list[Area]:
        """Return the area and those above it, nearest first.

        An area as it was in an older tree is taken as it is now.
        """
        found = [self._by_id.get(area.id, area)]
        while (parent := found[-1].parent) is not None and parent in self._by_path:
            found.append(self._by_path[parent])
        return found

    def below(self, area: Area) -> list[Area]:
        """Return the area and everything below it; nothing for one that is not there."""
        first, end = self.span(area)
        return list(self._areas[first:end])

    def span(self, area: Area) -> tuple[int, int]:
        """Return where the area and everything below it stand among all: from … up to, without.

        Two areas are one in the other, or apart, as their spans are.
        """
        first = self._first.get(area.path, 0)
        return first, first + self._size.get(area.path, 0)

    def within(self, spans: Iterable[tuple[int, int]]) -> list[Area]:
        """Return the areas that stand in any of these spans, each once, parents first."""
        found: list[Area] = []
        done = 0
        for first, end in sorted(spans):
            found += self._areas[max(first, done) : max(end, done)]
            done = max(done, end)
        return found


def place(drafts: Sequence[AreaDraft]) -> list[Area]:
    """Give every draft its path; the areas are in the order of the drafts.

    A path made from a name that another area has already gets a number: ``xuan-minh-2``. Raises
    ``AreaError`` when a name leaves nothing to make a path of.
    """
    taken = {draft.path for draft in drafts if draft.path is not None}
    areas = []
    for draft in drafts:
        path = draft.path
        if path is None:
            word = slug(draft.name)
            if not word:
                raise AreaError(f"{draft.name!r}: no letter of it can stand in a path; give a path")
            if draft.parent is None and word in RESERVED:
                word += "-2"
            base = path = f"{draft.parent or ''}/{word}"
            number = 2
            while path in taken:
                path = f"{base}-{number}"
                number += 1
            taken.add(path)
        areas.append(
            Area(path, unicodedata.normalize("NFC", draft.name), draft.station, draft.aliases)
        )
    return areas
