"""What of the schedules has to be looked at again, gathered from what happens at the desk. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from loa.streamer.core.areas import AreaTree
from loa.streamer.desk.desk import Happening
from loa.streamer.desk.receiver_settings import CHANGED as SETTINGS_CHANGED

MOST_WITHDRAWN = 1000


@dataclass(slots=True)
class Wishes:
    """What has to be looked at. ``stations`` and ``bulletins`` by id; ``calls``: the emergencies
    that repeat; ``now``: it must not wait."""

    everything: bool = False
    stations: set[int] = field(default_factory=set)
    bulletins: set[int] = field(default_factory=set)
    calls: bool = False
    now: bool = False

    def __bool__(self) -> bool:
        return bool(self.everything or self.stations or self.bulletins or self.calls)

    def add(self, other: Wishes) -> None:
        """Add what others are."""
        self.everything |= other.everything
        self.stations |= other.stations
        self.bulletins |= other.bulletins
        self.calls |= other.calls
        self.now |= other.now


class Gathered:
    """``open``: what has to be looked at, at the beginning everything. ``withdrawn``: bulletins
    that are to be in no schedule any more, not even where their time was."""

    def __init__(self, tree: Callable[[], AreaTree]) -> None:
        self.open = Wishes(everything=True, now=True)
        self.withdrawn: dict[int, None] = {}
        self._tree = tree

    def take(self) -> Wishes:
        """Return what is open; it is so no more. Give it back (``open.add``) if it fails."""
        taken, self.open = self.open, Wishes()
        return taken

    def heard(self, happening: Happening) -> bool:
        """Add what has to be looked at because of this; return whether there is anything."""
        topic, wishes = happening.kind.partition(".")[0], self.open
        if topic in ("emergency", "cue"):
            wishes.calls = wishes.now = True
        elif topic == "area" or happening.kind in ("receiver.enrolled", "receiver.moved"):
            wishes.everything = True
        elif topic == "receivers":  # another identity: everything is signed again
            wishes.everything = wishes.now = True
        elif topic in ("slot", "queue", "entry") or happening.kind == SETTINGS_CHANGED:
            self.near(happening.area)
        elif topic in ("holiday", "policy"):
            self._below(happening.area)
        elif topic == "bulletin":
            number = happening.subject.rpartition("/")[2]
            if not number.isdigit():
                return False
            wishes.bulletins.add(int(number))
            if happening.kind == "bulletin.withdrawn":
                self.withdrawn[int(number)] = None
                while len(self.withdrawn) > MOST_WITHDRAWN:
                    del self.withdrawn[next(iter(self.withdrawn))]
                wishes.now = True
        else:
            return False
        return True

    def near(self, area: int | None) -> None:
        """Something is another one in an area: its station is to be looked at."""
        found = None if area is None else self._tree().get(area)
        station = None if found is None else self._tree().station_of(found)
        if station is None:
            self.open.everything = True
        else:
            self.open.stations.add(station.id)

    def _below(self, area: int | None) -> None:
        found = None if area is None else self._tree().get(area)
        if found is None:
            self.open.everything = True
        else:
            self.open.stations |= {a.id for a in self._tree().below(found) if a.station}
