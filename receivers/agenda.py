"""The last signed schedule, kept across power cuts; and what of it has to be fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loa.codecs.control.agenda import DAY_TICKS, Schedule, open_schedule
from loa.codecs.control.sealed import SealError, hash_of
from loa.codecs.control.signing import PublicKey, Purpose
from loa.receivers.files import write_durably

PURPOSES = (Purpose.SCHEDULE, Purpose.PACK)


class ScheduleRefused(Exception):
    """This schedule is not taken: unsigned, older, or for another area. The text says which."""


class KeptSchedule:
    """The newest schedule that the pinned server signed for this box's area.

    ``keys``: whose signature is good; ``area``: the id of the box's area, 0 while it is unknown:
    what the server then says by the line is this box's own, and what is on a stick is not. The
    signature is checked at every start too, for a disk may hold anything.
    """

    def __init__(
        self, path: Path, keys: Callable[[], Sequence[PublicKey]], area: Callable[[], int]
    ) -> None:
        self._path = path
        self._keys = keys
        self._area = area
        self._hearers: list[Callable[[], None]] = []
        self.counters: Counter[str] = Counter()
        self.newest: Schedule | None = None
        self.hash: bytes | None = None
        self._purpose = Purpose.SCHEDULE
        self._read()
        self._told = self.now

    @property
    def now(self) -> Schedule | None:
        """The schedule that holds; None: there is none for this area."""
        if self.newest is None or not self._is_ours(self.newest, self._purpose):
            return None
        return self.newest

    def subscribe(self, hearer: Callable[[], None]) -> None:
        """Call ``hearer`` whenever another schedule holds, or none any more."""
        self._hearers.append(hearer)

    def check(self, data: bytes, purpose: Purpose = Purpose.SCHEDULE) -> Schedule | None:
        """Return what a file holds; None when it is the one that is here already.

        Raises ``ScheduleRefused``.
        """
        if hash_of(data) == self.hash:
            return None
        try:
            schedule = open_schedule(data, self._keys(), purpose)
        except SealError as error:
            self.counters["schedule.unsigned"] += 1
            raise ScheduleRefused(str(error)) from None
        if not self._is_ours(schedule, purpose):
            self.counters["schedule.elsewhere"] += 1
            known = self._area() != 0
            raise ScheduleRefused(
                "it is for another area" if known else "which area the box is in, it does not know"
            )
        # Of another area's schedule, from before the box was moved here, the number says nothing;
        # and what the server says by the line goes before any stick.
        by_line = purpose is Purpose.SCHEDULE and self._purpose is Purpose.PACK
        if self.now is not None and not by_line and schedule.version <= self.now.version:
            self.counters["schedule.older"] += 1
            raise ScheduleRefused("it is not newer than what is here")
        return schedule

    def write(self, data: bytes) -> None:
        """Keep a file that was checked. Raises ``OSError``; waits for the disk."""
        write_durably(self._path, data)

    def adopt(self, schedule: Schedule, hash: bytes, purpose: Purpose = Purpose.SCHEDULE) -> None:
        """Go by what was checked and written, from now on."""
        self.newest, self.hash, self._purpose = schedule, hash, purpose
        self._tell()

    def review(self) -> None:
        """The box's area may be another one: what is here may hold no more, or again."""
        if self.now is not self._told:
            self._tell()

    def _tell(self) -> None:
        self._told = self.now
        for hearer in self._hearers:
            hearer()

    def take(self, data: bytes, purpose: Purpose = Purpose.SCHEDULE) -> bool:
        """All of this at once; False when it was here already."""
        schedule = self.check(data, purpose)
        if schedule is None:
            return False
        self.write(data)
        self.adopt(schedule, hash_of(data), purpose)
        return True

    def _is_ours(self, schedule: Schedule, purpose: Purpose) -> bool:
        area = self._area()
        return area in schedule.areas if area else purpose is Purpose.SCHEDULE

    def _read(self) -> None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError:
            self.counters["schedule.unreadable"] += 1
            return
        for purpose in PURPOSES:
            try:
                self.newest = open_schedule(data, self._keys(), purpose)
            except SealError:
                continue
            self.hash, self._purpose = hash_of(data), purpose
            return
        self.counters["schedule.unsigned"] += 1


@dataclass(frozen=True, slots=True)
class Need:
    """Audio that will be played next at ``due`` (Unix seconds); ``size`` in bytes."""

    hash: bytes
    size: int
    due: float
    cls: int = 0


def needs(schedule: Schedule, unix: float, days: int) -> list[Need]:
    """Return what audio will be played within ``days``, and when first; each once, by time."""
    now, end = unix * DAY_TICKS, (unix + days * 86_400) * DAY_TICKS
    found: dict[int, tuple[float, int]] = {}

    def add(audio: int, due: float, cls: int) -> None:
        known = found.get(audio)
        if known is not None:
            due, cls = min(due, known[0]), max(cls, known[1])
        found[audio] = (due, cls)

    for call in schedule.calls:
        last = call.expires if call.repeat_until is None else min(call.expires, call.repeat_until)
        if now < call.expires:
            add(call.audio, min(max(now, call.start), last), 2)
    for station in schedule.stations:
        for turn in (*station.priority, *station.plays):
            ticks = schedule.audios[turn.audio].ticks
            # What is on, or was cut, is wanted for its whole length after its last beginning.
            over = None if turn.last is None else turn.last + ticks
            if turn.expires is not None:
                over = turn.expires if over is None else min(over, turn.expires)
            if (over is None or now < over) and turn.start < end:
                add(turn.audio, max(now, turn.start), turn.cls)
    audios = schedule.audios
    wanted = [
        Need(audios[number].hash, audios[number].size, due / DAY_TICKS, cls)
        for number, (due, cls) in found.items()
    ]
    return sorted(wanted, key=lambda need: (need.due, need.size, need.hash))
