"""What every area carries and how its receivers are, for whoever watches; kept up by changes.

What many areas carry alike stands here once, as an *item*; an area is a row of six numbers. A look
costs what changed since the last one, not how many areas there are: the air says which it were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from loa.streamer.core.areas import AreaTree
from loa.streamer.core.rights import BulletinClass
from loa.streamer.desk.air import Air, OnAirNow

SILENCE = 0
"""The item of an area that carries nothing."""
GRACE = 15.0
"""Seconds after something came on that a receiver has to say that it sounds; until then, and where
it cannot tell, it counts as neither playing nor silent."""
TITLES_EVERY = 5.0
"""Seconds after which lives are looked at again: their title may be another one."""


class Item(NamedTuple):
    """What is on; see ``OnAirNow``. Times are Unix seconds, in tenths."""

    kind: str
    title: str
    cls: BulletinClass
    since: float | None
    until: float | None
    why: str
    origin: int | None
    live: str | None
    bulletin: int | None
    entry: int | None
    emergency: int | None
    drill: bool
    began: float | None
    programme: int | None


class Row(NamedTuple):
    """An area: what it carries, and how many listen; its receivers, how many of them are connected,
    and of those how many say that they sound, and that they do not though something is on."""

    item: int = SILENCE
    listeners: int = 0
    receivers: int = 0
    online: int = 0
    playing: int = 0
    silent: int = 0


NOTHING = Row()
Boxes = Callable[[], Iterable[tuple[int, bool, bool | None]]]
"""Gives of every receiver its area, whether it is connected, and whether it says it sounds."""


class AirBook:
    """See the module. ``rows`` has the areas of which there is anything to say."""

    def __init__(self, air: Air, tree: Callable[[], AreaTree], boxes: Boxes = lambda: ()) -> None:
        self.items: dict[int, Item] = {}
        self.rows: dict[int, Row] = {}
        self.version = 0
        """Counts the looks that found something."""
        self._air = air
        self._tree = tree
        self._boxes = boxes
        self._numbers: dict[Item, int] = {}
        self._next = 1
        self._titles = float("-inf")
        self._there = tree()

    def look(self, now: float, *, receivers: bool = True) -> set[int]:
        """Find out what changed; return the areas of which another row holds now.

        ``now``: Unix seconds. ``receivers``: look at those too.
        """
        there = self._tree()
        dirty = {id for id in self._air.changed() if there.get(id) is not None}
        if now - self._titles >= TITLES_EVERY or now < self._titles:
            self._titles = now
            dirty |= self._renamed()
        fresh: dict[int, Row] = {}
        for on in self._air.now(sorted(dirty)):
            before = self.rows.get(on.area, NOTHING)
            fresh[on.area] = before._replace(item=self._number(on), listeners=on.listeners)
        if receivers:
            self._count(now, fresh)
        if there is not self._there:
            self._there = there
            fresh.update((id, NOTHING) for id in self.rows if there.get(id) is None)
        changed = {id for id, row in fresh.items() if row != self.rows.get(id, NOTHING)}
        for id in changed:
            if fresh[id] == NOTHING:
                self.rows.pop(id, None)
            else:
                self.rows[id] = fresh[id]
        if changed:
            self.version += 1
            self._forget()
        return changed

    def levels(self) -> Mapping[int, float]:
        """Return how loud the lives and relays are that are on, by item; LUFS over 400 ms."""
        of = {n: item.programme for n, item in self.items.items() if item.programme is not None}
        if not of:
            return {}
        found = self._air.levels(set(of.values()))
        return {n: found[programme] for n, programme in of.items() if programme in found}

    def _number(self, on: OnAirNow) -> int:
        if on.kind == "silence":
            return SILENCE
        item = Item(
            on.kind, on.title, on.cls, _tenths(on.since), _tenths(on.until), on.why, on.origin,
            on.live, on.bulletin, on.entry, on.emergency, on.drill, _tenths(on.began),
            on.programme,
        )  # fmt: skip
        number = self._numbers.get(item)
        if number is None:
            number, self._next = self._next, self._next + 1
            self._numbers[item], self.items[number] = number, item
        return number

    def _renamed(self) -> set[int]:
        """Return the areas that carry a live or relay of which something is otherwise now."""
        one: dict[int, int] = {}
        for id, row in self.rows.items():
            if row.item and self.items[row.item].kind in ("live", "relay"):
                one.setdefault(row.item, id)
        other = set()
        for item, id in one.items():
            for on in self._air.now([id]):
                if self._number(on) != item:
                    other.add(item)
        return {id for id, row in self.rows.items() if row.item in other} if other else set()

    def _count(self, now: float, fresh: dict[int, Row]) -> None:
        counts: dict[int, list[int]] = {}
        for area, online, sounding in self._boxes():
            count = counts.get(area)
            if count is None:
                count = counts[area] = [0, 0, 0, 0]
            count[0] += 1
            if online:
                count[1] += 1
                if sounding is not None:
                    count[2 if sounding else 3] += 1
        for area in counts.keys() | {id for id, row in self.rows.items() if row.receivers}:
            row = fresh.get(area) or self.rows.get(area, NOTHING)
            known, there, playing, silent = counts.get(area, (0, 0, 0, 0))
            if row.item == SILENCE:
                playing = silent = 0
            elif silent:
                since = self.items[row.item].since
                if since is not None and now < since + GRACE:
                    silent = 0
            if row[2:] != (known, there, playing, silent):
                fresh[area] = Row(row.item, row.listeners, known, there, playing, silent)

    def _forget(self) -> None:
        """Forget items that no area carries any more."""
        if len(self.items) < 32:
            return
        used = {row.item for row in self.rows.values()}
        for number in self.items.keys() - used:
            del self._numbers[self.items.pop(number)]


def _tenths(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
