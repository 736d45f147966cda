"""What a table of areas would change in a tree: worked out as a whole, with every mistake.

A line is about the area with its id, else with its code, else with its path (or the path that its
name has below its parent); without one it makes a new area. It says how the area is to be, so what
it has as the area has it changes nothing:

- ``path``, when it is another one than the area has, is where the area is to be;
- else ``parent``, when that is another one, is below what it is to hang;
- else, when the table has no path for it, the path follows a new name.

Areas that the table does not have stay as they are. Paths that lines refer to may be those before
or after the change. An id whose area has nothing in common with the line is of another server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loa.streamer.core.area_tables import MAX_PROBLEMS, AreaLine, TableProblem
from loa.streamer.core.area_words import WordRefused, word_of
from loa.streamer.core.areas import Area, AreaTree, slug
from loa.streamer.core.reorganise import Change, Place, Reorganisation, ReorganiseError


@dataclass(slots=True)
class ImportPlan:
    """What would change; nothing while there are ``problems``. ``untouched``: how many areas that
    are there stay as they are."""

    changes: list[Change] = field(default_factory=list)
    problems: list[TableProblem] = field(default_factory=list)
    untouched: int = 0


def plan_import(tree: AreaTree, lines: Sequence[AreaLine]) -> ImportPlan:
    """Work out what a table would change."""
    work = _Import(tree)
    work.match(lines)
    if not work.problems:
        work.claim()
        work.settle()
        work.check()
    if work.problems:
        work.problems.sort(key=lambda problem: problem.line)
        return ImportPlan(problems=work.problems, untouched=len(tree))
    try:
        changes = work.carry_out()
    except ReorganiseError as error:
        work.refuse(work.line_of.get(error.area), "", error.code, **error.values)
        return ImportPlan(problems=work.problems, untouched=len(tree))
    touched = sum(change.before is not None for change in changes)
    return ImportPlan(changes, untouched=len(tree) - touched)


class _Import:
    def __init__(self, tree: AreaTree) -> None:
        self.tree = tree
        self.plan = Reorganisation(tree)
        self.problems: list[TableProblem] = []
        self._refused: set[tuple[int, str]] = set()
        self.line_of: dict[int, AreaLine] = {}
        self.id_of: dict[int, int] = {}
        """By line."""
        self._by_path: set[int] = set()
        """Areas that were found by their path, which is then no wish."""
        self._claims: dict[str, int] = {}
        self._places: dict[int, Place] = {}

    def refuse(self, line: AreaLine | None, column: str, code: str, **values: object) -> None:
        """Put a mistake down; one for each cell is enough."""
        at = 1 if line is None else line.line
        if len(self.problems) < MAX_PROBLEMS and (at, column) not in self._refused:
            self._refused.add((at, column))
            self.problems.append(TableProblem(at, column, code, values))

    # --- which area a line is about

    def match(self, lines: Sequence[AreaLine]) -> None:
        by_code = {area.code: area for area in self.tree if area.code}
        for line in lines:
            area = None if line.id is None else self.tree.get(line.id)
            if area is not None and not self._agrees(line, area):
                self.refuse(line, "id", "import.other_area", name=area.name, path=area.path)
                continue
            if area is None and line.code is not None:
                area = by_code.get(line.code)
            if area is None:
                area = self._by_place(line)
                if area is not None:
                    self._by_path.add(area.id)
            if area is None:
                if line.name is None:
                    self.refuse(line, "name", "field.missing")
                    continue
                id = self.plan.add(line.name, station=bool(line.station))
            else:
                id = area.id
            if id in self.line_of:
                self.refuse(line, "", "import.twice", other=self.line_of[id].line)
                continue
            self.line_of[id] = line
            self.id_of[line.line] = id

    def _agrees(self, line: AreaLine, area: Area) -> bool:
        if line.name in (None, area.name) or (line.code is not None and line.code == area.code):
            return True
        path = None if line.path is None else self.tree.find(line.path)
        if path is area or (line.parent is not None and line.parent == area.parent):
            return True
        return line.path is None and line.parent is None

    def _by_place(self, line: AreaLine) -> Area | None:
        if line.path is not None:
            return self.tree.find(line.path)
        above = None if line.parent is None else self.tree.find(line.parent)
        if (line.parent is None) == (above is None) and line.name is not None:
            path = f"{above.path if above is not None else ''}/{slug(line.name)}"
            area = self.tree.find(path)
            if area is not None and (area.name, area.path) == (line.name, path):
                return area
        return None

    # --- where it is to be

    def _wanted(self, id: int) -> str | None:
        """Return the path that a line wishes for its area, None when it has no wish."""
        path = self.line_of[id].path
        if id in self._by_path or path == self.plan.area(id).path:
            return None
        return path

    def claim(self) -> None:
        """See which paths areas are to have, so that other lines can refer to those."""
        for id, line in self.line_of.items():
            wanted = self._wanted(id)
            if wanted is not None:
                other = self._claims.setdefault(wanted, id)
                if other != id:
                    self.refuse(line, "path", "import.twice", other=self.line_of[other].line)
        for id, line in self.line_of.items():
            if id < 0 and line.path is None:
                try:
                    word = word_of(line.name or "")
                except WordRefused as error:
                    self.refuse(line, "name", error.code, **error.values)
                    continue
                self._claims.setdefault(f"{line.parent or ''}/{word}", id)

    def _refers(self, path: str) -> int | None:
        found = self._claims.get(path)
        return self.plan.find(path) if found is None else found

    def settle(self) -> None:
        """Find the place of every area that is new or is to be elsewhere."""
        for id, line in self.line_of.items():
            area, wanted = self.plan.area(id), self._wanted(id)
            upper = line.parent if id < 0 or line.parent != area.parent else None
            if wanted is not None:
                prefix, word = wanted.rsplit("/", 1)
                parent = self._refers(prefix) if prefix else None
                if prefix and parent is None:
                    self.refuse(line, "path", "import.parent_unknown", path=prefix)
                elif upper is not None and self._refers(upper) != parent:
                    self.refuse(line, "parent", "import.parent_differs", path=wanted)
                else:
                    self._places[id] = Place(parent, word, chosen=True)
            elif upper is not None or id < 0:
                parent = None if upper is None else self._refers(upper)
                if upper is not None and parent is None:
                    self.refuse(line, "parent", "import.parent_unknown", path=upper)
                elif id < 0:
                    self._places[id] = Place(parent, word_of(area.name))
                elif parent != self.plan.parent(id):
                    self._places[id] = Place(parent, area.path.rpartition("/")[2])
            elif line.path is None and line.name not in (None, area.name):
                try:
                    word = word_of(line.name or "")
                except WordRefused as error:
                    self.refuse(line, "name", error.code, **error.values)
                else:
                    self._places[id] = Place(self.plan.parent(id), word)

    # --- whether all of it can be

    def check(self) -> None:
        """See what collides."""
        self._check_words()
        self._check_cycles()
        self._check_codes()
        self._check_aliases()

    def _check_words(self) -> None:
        taken: dict[tuple[int | None, str], int] = {}
        for parent in {place.parent for place in self._places.values()}:
            for word, id in self.plan.children(parent).items():
                if id not in self._places:
                    taken[parent, word] = id
        for id, place in self._places.items():
            if place.chosen:
                other = taken.setdefault((place.parent, place.word), id)
                if other != id:
                    self.refuse(
                        self.line_of[id], "path", "import.path_taken", other=self._called(other)
                    )

    def _check_cycles(self) -> None:
        sound: set[int] = set()
        for id in self._places:
            way: list[int] = []
            at: int | None = id
            while at is not None and at not in sound:
                if at in way:
                    self.refuse(self.line_of[id], "parent", "area.cycle")
                    break
                way.append(at)
                at = self._places[at].parent if at in self._places else self.plan.parent(at)
            sound.update(way)

    def _check_codes(self) -> None:
        codes = {a.code: a.id for a in self.tree if a.code and not self._says_code(a.id)}
        for id, line in self.line_of.items():
            if line.code is not None:
                other = codes.setdefault(line.code, id)
                if other != id:
                    self.refuse(line, "code", "import.code_taken", other=self._called(other))

    def _says_code(self, id: int) -> bool:
        return id in self.line_of and self.line_of[id].code is not None

    def _check_aliases(self) -> None:
        aliases = {alias: area.id for area in self.tree for alias in area.aliases}
        for id, line in self.line_of.items():
            for alias in line.aliases or ():
                other = aliases.setdefault(alias, id)
                if other != id:
                    self.refuse(line, "aliases", "import.alias_taken", other=self._called(other))

    def _called(self, id: int) -> str:
        line = self.line_of.get(id)
        area = self.plan.area(id)
        return f"{area.name} ({line.line})" if line is not None else f"{area.name} ({area.path})"

    # --- doing it

    def carry_out(self) -> list[Change]:
        plan = self.plan
        plan.set_codes({id: line.code for id, line in self.line_of.items() if line.code})
        plan.arrange(self._places)
        for id, line in self.line_of.items():
            area: Area = plan.area(id)
            if line.name is not None and line.name != area.name:
                plan.set_name(id, line.name)
            if line.station is not None and line.station != area.station:
                plan.set_station(id, line.station)
            if line.rank is not None:
                if line.rank != area.rank:
                    plan.set_rank(id, line.rank)
            elif id in self._places and self._elsewhere(id):
                plan.last_in_rank(id)
            for alias in line.aliases or ():
                if alias not in area.aliases:
                    plan.add_alias(id, alias)
        return plan.changes()

    def _elsewhere(self, id: int) -> bool:
        before = self.tree.get(id)
        if before is None:
            return True
        above = None if before.parent is None else self.tree.find(before.parent)
        return self.plan.parent(id) != (None if above is None else above.id)
