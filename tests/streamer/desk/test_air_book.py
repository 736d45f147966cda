"""What every area carries, kept up by changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.rights import BulletinClass
from loa.streamer.desk.air import OnAirNow, Quiet
from loa.streamer.desk.air_book import GRACE, AirBook, Row

NOW = 1_790_000_000.0


class FakeAir(Quiet):
    def __init__(self) -> None:
        super().__init__()
        self.carried: dict[int, OnAirNow] = {}
        self.dirty: set[int] = set()
        self.asked = 0
        self.loud: dict[int, float] = {}

    def carry(self, *areas: int, **what: object) -> None:
        for area in areas:
            self.carried[area] = OnAirNow(area, **what)  # type: ignore[arg-type]
            self.dirty.add(area)

    def now(self, areas: Collection[int]) -> Sequence[OnAirNow]:
        self.asked += len(areas)
        return [self.carried.get(area, OnAirNow(area)) for area in areas]

    def changed(self) -> Collection[int]:
        dirty, self.dirty = self.dirty, set()
        return dirty

    def levels(self, programmes: Iterable[int]) -> Mapping[int, float]:
        return {p: self.loud[p] for p in programmes if p in self.loud}


def tree(count: int = 5) -> AreaTree:
    below = [Area(f"/a/{n}", f"Xã {n}", True, id=n) for n in range(2, count + 1)]
    return AreaTree([Area("/a", "A", True, id=1), *below])


class Boxes:
    def __init__(self) -> None:
        self.all: list[tuple[int, bool, bool | None]] = []

    def __call__(self) -> Iterable[tuple[int, bool, bool | None]]:
        return self.all


def test_what_many_carry_is_one_item_and_only_what_changed_is_asked() -> None:
    air, places = FakeAir(), tree()
    book = AirBook(air, lambda: places)
    air.carry(2, 3, 4, kind="bulletin", title="Tin", since=NOW, bulletin=7)
    assert book.look(NOW) == {2, 3, 4}
    assert len({book.rows[a].item for a in (2, 3, 4)}) == 1
    assert [item.title for item in book.items.values()] == ["Tin"]
    asked = air.asked
    assert book.look(NOW + 1) == set() and air.asked == asked
    air.carry(3)
    assert book.look(NOW + 2) == {3} and 3 not in book.rows


def test_receivers_that_play_that_do_not_and_that_said_nothing() -> None:
    air, boxes, places = FakeAir(), Boxes(), tree()
    book = AirBook(air, lambda: places, boxes)
    boxes.all = [(2, True, True), (2, True, False), (2, True, None), (2, False, None)]
    book.look(NOW)
    assert book.rows[2] == Row(0, 0, 4, 3, 0, 0), "without a programme nobody is silent"
    air.carry(2, kind="live", since=NOW, live="7.1", cls=BulletinClass.PRIORITY)
    book.look(NOW + 1)
    assert book.rows[2][2:] == (4, 3, 1, 0), "it may be about to sound"
    assert book.look(NOW + GRACE) == {2}
    assert book.rows[2][2:] == (4, 3, 1, 1)
    boxes.all = []
    assert book.look(NOW + GRACE + 1) == {2}


def test_a_live_that_is_renamed_is_another_item() -> None:
    air, places = FakeAir(), tree()
    book = AirBook(air, lambda: places)
    air.carry(2, 3, kind="live", title="Sáng", live="7.1", programme=9)
    book.look(NOW)
    air.carried = {a: OnAirNow(a, "live", "Trưa", live="7.1", programme=9) for a in (2, 3)}
    assert book.look(NOW + 1) == set()
    assert book.look(NOW + 10) == {2, 3}
    assert book.items[book.rows[2].item].title == "Trưa"
    air.loud = {9: -17.5}
    assert set(book.levels().values()) == {-17.5}


def test_an_area_that_is_gone_is_nothing() -> None:
    air, boxes = FakeAir(), Boxes()
    places = [tree()]
    book = AirBook(air, lambda: places[0], boxes)
    air.carry(*range(1, 6), kind="relay", title="VOV")
    book.look(NOW)
    places[0] = tree(3)
    assert {4, 5} <= book.look(NOW + 1)
    assert set(book.rows) == {1, 2, 3}
