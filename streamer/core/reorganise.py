"""Reorganising the tree: areas are made, renamed, moved, merged and removed, as values.

    plan = Reorganisation(tree)
    plan.rename(area.id, "Nà Khương mới")
    plan.changes()      what is different: to be stored, or only shown
    plan.tree()         the areas as they would be

An id never changes. A path that an area had becomes an alias of it, or of what took its place,
unless another area has taken the path for itself: a path is always of the last who got it. New
areas have negative ids until the store gives them theirs. Raises ``ReorganiseError`` with what a
change collides with; the plan is not to be used any more then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from loa.streamer.core.area_words import (
    MAX_PATH,
    check_word,
    clean_code,
    clean_name,
    word_of,
)
from loa.streamer.core.areas import RESERVED, Area, AreaError, AreaTree, sibling_order


class ReorganiseError(AreaError):
    """This cannot be done. ``others``: what it collides with; ``values`` fill the text of ``code``.

    ``area``: the id of the area that was to change, where there were several.
    """

    def __init__(self, code: str, *others: Area, area: int = 0, **values: object) -> None:
        super().__init__(f"{code} {[other.path for other in others]}")
        self.code = code
        self.others = others
        self.area = area
        self.values = values


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one area. ``before`` None: it is new; ``after`` None: it is removed.

    ``parent`` and ``former_parent`` are the ids of the areas above it, after and before.
    ``successor``: the area that takes the place of a removed one.
    """

    id: int
    before: Area | None
    after: Area | None
    parent: int | None
    former_parent: int | None
    successor: int | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Say what was done to it; empty where it only follows what was done above it."""
        before, after = self.before, self.after
        if after is None:
            return ("removed" if self.successor is None else "merged",)
        if before is None:
            return ("created",)
        word, former_word = after.path.rpartition("/")[2], before.path.rpartition("/")[2]
        # Somewhere else its word may have to get a number, and its rank is among others.
        moved = self.parent != self.former_parent
        done = {
            "renamed": before.name != after.name or (word != former_word and not moved),
            "moved": moved,
            "station": before.station != after.station,
            "code": before.code != after.code,
            "ordered": before.rank != after.rank and not moved,
        }
        return tuple(kind for kind, is_so in done.items() if is_so)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an area is to hang: its parent's id and its word there.

    ``chosen``: somebody wants this very word; else it gets a number where it is taken.
    """

    parent: int | None
    word: str
    chosen: bool = False


@dataclass(slots=True)
class _Node:
    area: Area
    parent: int | None
    word: str
    children: dict[str, int] = field(default_factory=dict)


class Reorganisation:
    """See the module. Costs what it touches, not what there is."""

    def __init__(self, tree: AreaTree) -> None:
        self._nodes: dict[int, _Node] = {}
        self._top: dict[str, int] = {}
        self._paths: dict[str, int] = {}
        self._aliases: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        self._before: dict[int, tuple[Area | None, int | None]] = {}
        self._successors: dict[int, int | None] = {}
        self._next = -1
        for area in tree:
            parent = self._paths[area.parent] if area.parent is not None else None
            word = area.path.rpartition("/")[2]
            self._nodes[area.id] = _Node(area, parent, word)
            self._words(parent)[word] = area.id
            self._paths[area.path] = area.id
            if area.code:
                self._codes[area.code] = area.id
        for area in tree:
            for alias in area.aliases:
                if alias not in self._paths:
                    self._aliases.setdefault(alias, area.id)

    # --- what staff do

    def create(
        self,
        name: str,
        parent: int | None,
        *,
        word: str | None = None,
        code: str = "",
        station: bool = False,
    ) -> int:
        """Make an area below ``parent`` (None: at the top); return its negative id."""
        id = self.add(name, station=station)
        self.set_codes({id: code})
        self.arrange({id: self.place(parent, name, word)})
        self.last_in_rank(id)
        return id

    def rename(
        self, id: int, name: str, *, word: str | None = None, keep_path: bool = False
    ) -> None:
        """Give an area another name. Its path follows, to ``word`` if given, and all below it."""
        self.set_name(id, name)
        node = self._nodes[id]
        if not keep_path:
            self.arrange({id: self.place(node.parent, name, word)})

    def move(self, id: int, parent: int | None) -> None:
        """Hang an area with everything below it somewhere else."""
        node = self._nodes[id]
        if parent == node.parent:
            return
        self.arrange({id: Place(parent, node.word)})
        self.last_in_rank(id)

    def merge(self, id: int, into: int) -> None:
        """Have an area taken in by another: what is below it, its path and its aliases go there.

        What takes in a station is a station.
        """
        merged, target = self._nodes[id], self._nodes[into]
        if id == into:
            raise ReorganiseError("area.merge_self", merged.area)
        if id in self._above(into):
            raise ReorganiseError("area.merge_below", target.area)
        self._dissolve(id, into, into)
        if merged.area.station:
            self.set_station(into, True)

    def remove_level(self, id: int) -> None:
        """Remove an area; what is below it goes up to the area above, and so do its paths."""
        node = self._nodes[id]
        if node.parent is None:
            raise ReorganiseError("area.level_top", node.area)
        self._dissolve(id, node.parent, None)

    def remove(self, id: int, *, subtree: bool = False) -> None:
        """Remove an area, which has nothing below it, or together with all that is."""
        node = self._nodes[id]
        if node.children and not subtree:
            below = (self._nodes[child].area for child in list(node.children.values())[:20])
            raise ReorganiseError("area.not_empty", *below)
        ids = list(self._subtree(id))
        if len(ids) == len(self._nodes):
            raise ReorganiseError("area.last", node.area)
        del self._words(node.parent)[node.word]
        for gone in reversed(ids):
            self._forget(gone, None)

    def set_name(self, id: int, name: str) -> None:
        """Change a name alone."""
        self._change(id, name=clean_name(name))

    def set_station(self, id: int, station: bool) -> None:
        """Say whether an area is a station."""
        self._change(id, station=station)

    def set_codes(self, codes: Mapping[int, str]) -> None:
        """Give areas their official codes; each code is of one area."""
        cleaned = {id: clean_code(code) for id, code in codes.items()}
        for id in cleaned:
            self._codes.pop(self._nodes[id].area.code, None)
        for id, code in cleaned.items():
            if code:
                holder = self._codes.setdefault(code, id)
                if holder != id:
                    other = self._nodes[holder].area
                    raise ReorganiseError("area.code_taken", other, area=id, taken=code)
            self._change(id, code=code)

    def order(self, parent: int | None, ids: Sequence[int]) -> None:
        """Put all areas below ``parent`` into this order."""
        if sorted(ids) != sorted(self._words(parent).values()):
            raise ReorganiseError("area.order_incomplete")
        for rank, id in enumerate(ids, start=1):
            self.set_rank(id, rank)

    def set_rank(self, id: int, rank: int) -> None:
        """Give an area its place among its siblings."""
        self._change(id, rank=rank)

    def last_in_rank(self, id: int) -> None:
        """Put an area behind siblings that somebody has put in order, else by its name."""
        siblings = self._words(self._nodes[id].parent).values()
        last = max((self._nodes[s].area.rank for s in siblings if s != id), default=0)
        self.set_rank(id, last + 1 if last else 0)

    def add_alias(self, id: int, alias: str) -> None:
        """Have a path find an area, unless it is an area's own."""
        if alias not in self._paths:
            self._alias(alias, id)

    # --- in bulk

    def add(self, name: str, *, station: bool = False) -> int:
        """Make an area that hangs nowhere yet: ``arrange`` has to place it."""
        id = self._next
        self._next -= 1
        self._nodes[id] = _Node(Area("", clean_name(name), station, id=id), None, "")
        return id

    def place(self, parent: int | None, name: str, word: str | None = None) -> Place:
        """Return the place for a name below ``parent``, with a word that was chosen or none."""
        if word is not None:
            return Place(parent, check_word(word, top=parent is None), chosen=True)
        return Place(parent, word_of(clean_name(name)))

    def arrange(self, places: Mapping[int, Place]) -> None:
        """Hang areas, with everything below them, where they are to be: all of them at once.

        So two may swap places or words. Raises ``ReorganiseError`` on a cycle, a chosen word that
        is taken, or a path that grows too long.
        """
        new = {id for id in places if not self._nodes[id].area.path}
        for id in places.keys() - new:
            node = self._nodes[id]
            del self._words(node.parent)[node.word]
        for id, place in places.items():
            self._remember(id)
            self._nodes[id].parent = place.parent
        self._refuse_cycles(places)
        numbers: dict[tuple[int | None, str], int] = {}
        for chosen in (True, False):
            for id, place in places.items():
                if place.chosen is chosen:
                    self._settle(id, place, numbers)
        roots = [id for id in places if places.keys().isdisjoint(self._above(id)[1:])]
        moved = [id for root in roots for id in self._subtree(root)]
        former = {id: self._nodes[id].area.path for id in moved}
        for id, path in former.items():
            if path:
                self._remember(id)
                del self._paths[path]
        for id in moved:
            node = self._nodes[id]
            above = self._nodes[node.parent].area.path if node.parent is not None else ""
            path = f"{above}/{node.word}"
            if len(path) > MAX_PATH:
                raise ReorganiseError("area.path_too_long", node.area, area=id, limit=MAX_PATH)
            node.area = replace(node.area, path=path)
            self._paths[path] = id
            self._unalias(path)
        for id, path in former.items():
            if path and path not in self._paths:
                self._alias(path, id)

    # --- what came of it

    def changes(self) -> list[Change]:
        """Return what is different, parents before children; what is removed comes last."""
        found = []
        for area in self.tree():
            node = self._nodes[area.id]
            before, former = self._before.get(area.id, (None, None))
            if area.id in self._before and (before != area or former != node.parent):
                found.append(Change(area.id, before, area, node.parent, former))
        for id, successor in self._successors.items():
            before, former = self._before[id]
            if before is not None:
                found.append(Change(id, before, None, former, former, successor))
        return found

    def tree(self) -> AreaTree:
        """Return the areas as they are now. Raises ``AreaError`` when one was never placed."""
        areas = [node.area for node in self._nodes.values()]
        areas.sort(key=sibling_order)
        return AreaTree(areas)

    def find(self, path: str) -> int | None:
        """Return the id of the area with this path or former path, or None."""
        return self._paths.get(path, self._aliases.get(path))

    def children(self, parent: int | None) -> Mapping[str, int]:
        """Return what hangs below an area, or at the top: ids by their words."""
        return self._words(parent)

    def area(self, id: int) -> Area:
        """Return an area as it is now."""
        return self._nodes[id].area

    def parent(self, id: int) -> int | None:
        """Return the id of the area above one, None at the top."""
        return self._nodes[id].parent

    # --- pieces

    def _words(self, parent: int | None) -> dict[str, int]:
        return self._top if parent is None else self._nodes[parent].children

    def _above(self, id: int) -> list[int]:
        """Return an area and those above it."""
        found = [id]
        while (parent := self._nodes[found[-1]].parent) is not None:
            found.append(parent)
        return found

    def _subtree(self, id: int) -> Iterator[int]:
        """Yield an area and everything below it, parents first."""
        waiting = [id]
        while waiting:
            waiting.extend(self._nodes[found := waiting.pop()].children.values())
            yield found

    def _remember(self, id: int) -> None:
        """Keep what an area was before its first change."""
        if id not in self._before:
            node = self._nodes[id]
            self._before[id] = (node.area, node.parent) if id > 0 else (None, None)

    def _change(self, id: int, **values: object) -> None:
        node = self._nodes[id]
        self._remember(id)
        node.area = replace(node.area, **values)  # type: ignore[arg-type]

    def _alias(self, path: str, id: int) -> None:
        self._unalias(path)
        self._aliases[path] = id
        self._change(id, aliases=tuple(sorted({*self._nodes[id].area.aliases, path})))

    def _unalias(self, path: str) -> None:
        holder = self._aliases.pop(path, None)
        if holder is not None:
            kept = tuple(a for a in self._nodes[holder].area.aliases if a != path)
            self._change(holder, aliases=kept)

    def _refuse_cycles(self, ids: Collection[int]) -> None:
        sound: set[int] = set()
        for id in ids:
            way: list[int] = []
            at: int | None = id
            while at is not None and at not in sound:
                if at in way:
                    around = (self._nodes[i].area for i in way[1:] or way)
                    raise ReorganiseError("area.cycle", *around, area=id)
                way.append(at)
                at = self._nodes[at].parent
            sound.update(way)

    def _settle(self, id: int, place: Place, numbers: dict[tuple[int | None, str], int]) -> None:
        """Give an area its word; ``numbers``: how far each word was counted (of thousands)."""
        words = self._words(place.parent)
        word = place.word
        if place.chosen:
            if word in words:
                other = self._nodes[words[word]].area
                raise ReorganiseError("area.path_taken", other, area=id, word=word)
        else:
            number = numbers.get((place.parent, word), 1)
            while word in words or (place.parent is None and word in RESERVED):
                number += 1
                word = f"{place.word}-{number}"
            numbers[place.parent, place.word] = number
        words[word] = id
        self._nodes[id].word = word

    def _dissolve(self, id: int, heir: int, successor: int | None) -> None:
        """Remove an area whose children and paths go to ``heir``."""
        node = self._nodes[id]
        area = node.area
        ids = self._in_order(node.children.values())
        children = {child: Place(heir, self._nodes[child].word) for child in ids}
        # Its own word is free for a child of the same name; its paths are the heir's otherwise.
        del self._words(node.parent)[node.word]
        self.arrange(children)
        for child in children:
            self.last_in_rank(child)
        taken = self._paths.get(area.path) != id
        aliases = self._nodes[id].area.aliases
        self._forget(id, successor)
        for path in (*aliases, *(() if taken else (area.path,))):
            self._alias(path, heir)

    def _forget(self, id: int, successor: int | None) -> None:
        self._remember(id)
        area = self._nodes.pop(id).area
        if self._paths.get(area.path) == id:
            del self._paths[area.path]
        for alias in area.aliases:
            self._aliases.pop(alias, None)
        self._codes.pop(area.code, None)
        self._successors[id] = successor

    def _in_order(self, ids: Iterable[int]) -> list[int]:
        return sorted(ids, key=lambda id: sibling_order(self._nodes[id].area))
