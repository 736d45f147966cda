"""What every mount carries and is going to, as boxes are told it (``messages.Change``).

The director says what a programme is and tells the engine ahead; the engine's events say what
really came. A change is announced as soon as the engine was told of it, so that a box can play from
its cache at the very tick, however slow its line; what it is told is taken back or corrected by the
rule of ``Change``: one that comes later replaces all at or after its tick. The event rules: where
it says what was announced, nothing more is sent.

``announce`` is called for each change that a mount's boxes are to be told, in the order in which
they are to be told it, and ``reached`` when a mount has come to one. Everything is on the loop.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from loa.codecs.control import messages
from loa.codecs.control.messages import Change
from loa.native.engine import SILENCE, Engine, Event, EventKind
from loa.streamer import logs
from loa.streamer.air.asrun import REMEMBERED, Airing
from loa.streamer.counters import Counters

NEVER = 1 << 62
MOST_PAST = 128
"""Changes of a mount that are kept for boxes which come back; the engine knows no more either."""
SHARED = 4096
"""Changes that are kept by what they are, so that mounts share them."""
OVER_REMEMBERED = 4096
OVERDUE = 25
"""Ticks after which what was announced and did not come is taken back."""

log = logs.get("fleet")


@dataclass(slots=True, eq=False)
class Entry:
    """A change of any number of mounts: the engine's programme, and what boxes are told.

    ``end``: the first tick at which nothing of it is left, as far as its length says. The texts of
    its message are made once.
    """

    change: Change
    handle: int
    end: int = NEVER
    _texts: list[bytes] = field(default_factory=list)

    @property
    def tick(self) -> int:
        """From when on it is carried."""
        return self.change.tick

    def text(self, stream: bool) -> bytes:
        """Return its message, for boxes that are sent its audio and for the others."""
        if not self._texts:
            c = self.change
            self._texts = [messages.encode(_with(c, stream=s)) for s in (False, True)]
        return self._texts[stream]


@dataclass(slots=True)
class _Mount:
    past: list[Entry]
    """What was carried, by tick; the last one is on now."""
    ahead: list[Entry] = field(default_factory=list)
    """What was announced and has not come yet, by tick."""
    expected: dict[int, Airing] = field(default_factory=dict)


class Carriage:
    """See the module. A ``Follower`` of the director. ``kept``: ticks that are looked back."""

    def __init__(self, engine: Engine, counters: Counters, kept: int) -> None:
        self._engine = engine
        self._counters = counters
        self._kept = kept
        self._mounts: dict[int, _Mount] = {}
        self._shared: OrderedDict[tuple[int, int, bool, Airing | None], Entry] = OrderedDict()
        self._silent = Entry(Change(tick=0, kind="silence"), SILENCE)
        self._started: OrderedDict[int, int] = OrderedDict()
        self._ended: OrderedDict[int, int] = OrderedDict()
        self._dropped = 0
        self.announce: Callable[[int, Entry], None] = lambda mount, entry: None
        self.reached: Callable[[int, Entry], None] = lambda mount, entry: None

    def of(self, mount: int, tick: int) -> list[Entry]:
        """Return what a mount carries at ``tick`` and after, as far as it is known; never empty."""
        known = self._mounts.get(mount)
        if known is None:
            return [self._silent]
        past = known.past
        first = len(past) - 1
        while first > 0 and past[first].tick > tick:
            first -= 1
        return [*past[first:], *known.ahead]

    # --- what the director says

    def expect(self, mounts: Sequence[int], handle: int, airing: Airing) -> None:
        """These mounts are about to carry this programme, which is this to all of them."""
        for number in mounts:
            expected = self._mount(number).expected
            expected[handle] = airing
            if len(expected) > REMEMBERED:
                del expected[next(iter(expected))]

    def told(self, mounts: Sequence[int], handle: int, tick: int) -> None:
        """The engine was told to let these mounts carry a programme from ``tick`` on."""
        tick = max(tick, self._engine.tick + 1)
        for number in mounts:
            mount = self._mount(number)
            kept = len(mount.ahead)
            while kept and mount.ahead[kept - 1].tick >= tick:
                kept -= 1
            gone = mount.ahead[kept:]
            del mount.ahead[kept:]
            last = mount.ahead[-1] if mount.ahead else mount.past[-1]
            if last.handle == handle:
                if gone:
                    self.announce(number, self._going_on(last, gone[0].tick))
                continue
            entry = self._entry(mount, handle, tick, self._gap(mount, last, handle, tick))
            mount.ahead.append(entry)
            if gone != [entry]:
                self.announce(number, entry)

    # --- what the engine says

    def on_event(self, event: Event) -> None:
        """Take an event."""
        if event.kind is EventKind.CARRIED:
            self._carried(event.mount, event.id, event.tick, bool(event.value))
        elif event.kind is EventKind.STARTED:
            _note(self._started, event.id, event.tick)
        elif event.kind is EventKind.ENDED:
            _note(self._ended, event.id, event.tick)

    def _carried(self, number: int, handle: int, tick: int, gap: bool) -> None:
        mount = self._mount(number)
        due = 0
        while due < len(mount.ahead) and mount.ahead[due].tick <= tick:
            due += 1
        came, mount.ahead = mount.ahead[:due], mount.ahead[due:]
        last = mount.past[-1]
        as_told = False
        if came and (came[-1].tick, came[-1].handle) == (tick, handle):
            as_told = came[-1].change.gap == gap
            wrong = came[:-1]
        else:
            wrong = came
        if wrong:
            self.announce(number, self._going_on(last, wrong[0].tick))
        if last.handle != handle:
            entry = came[-1] if as_told else self._entry(mount, handle, tick, gap)
            self._keep(mount, entry)
            if wrong or not as_told:
                self.announce(number, entry)
                wrong = wrong or [entry]
        if wrong:
            for later in mount.ahead:
                self.announce(number, later)
        self.reached(number, mount.past[-1])

    def sweep(self) -> None:
        """Put right what events that were dropped did not tell; call it every few seconds."""
        now = self._engine.tick
        for number, mount in self._mounts.items():
            if mount.ahead and mount.ahead[0].tick < now - OVERDUE:
                self._counters.add("fleet.carriage.overdue")
                gone = mount.ahead.pop(0)
                self.announce(number, self._going_on(mount.past[-1], gone.tick))
                for later in mount.ahead:
                    self.announce(number, later)
        dropped = self._engine.events_dropped
        if dropped != self._dropped:
            self._dropped = dropped
            self._look(now)

    def _look(self, now: int) -> None:
        numbers = list(self._mounts)
        for number, row in zip(numbers, self._engine.sounding(numbers, now, 1) or [], strict=False):
            handle = SILENCE if row is None else int.from_bytes(row, "little")
            last = self._mounts[number].past[-1]
            if handle != last.handle and last.tick < now and (handle or last.end > now):
                self._counters.add("fleet.carriage.repaired")
                self._carried(number, handle, now, False)

    # --- changes

    def _mount(self, number: int) -> _Mount:
        mount = self._mounts.get(number)
        if mount is None:
            mount = self._mounts[number] = _Mount([self._silent])
        return mount

    def _keep(self, mount: _Mount, entry: Entry) -> None:
        past = mount.past
        past.append(entry)
        oldest = entry.tick - self._kept
        gone = 0
        while gone + 1 < len(past) and (
            past[gone + 1].tick <= oldest or len(past) - gone > MOST_PAST
        ):
            gone += 1
        if gone:
            del past[:gone]
        expected = mount.expected
        for old in [h for h, what in expected.items() if what.over(entry.tick)]:
            del expected[old]

    def _entry(self, mount: _Mount, handle: int, tick: int, gap: bool) -> Entry:
        airing = mount.expected.get(handle) if handle else None
        if handle and airing is None:
            self._counters.add("fleet.carriage.unexpected")
        key = (handle, tick, gap, airing)
        entry = self._shared.get(key)
        if entry is None:
            entry = self._shared[key] = _made(handle, tick, gap, airing)
            if len(self._shared) > SHARED:
                self._shared.popitem(last=False)
        return entry

    def _gap(self, mount: _Mount, last: Entry, handle: int, tick: int) -> bool:
        """Foresee whether the engine will make the first tick silent (``needs_gap`` in mount.c)."""
        end = min(last.end, self._ended.get(last.handle, NEVER))
        if last.handle == SILENCE or end < tick:
            return False
        airing = mount.expected.get(handle)
        if handle == SILENCE:
            begins = True
        elif airing is None or airing.live:
            begins = self._started.get(handle, tick) >= tick
        else:
            begins = airing.start == tick and airing.offset == 0
        return not (end <= tick and begins)

    def _going_on(self, entry: Entry, tick: int) -> Entry:
        """Return what tells that this is still carried at ``tick``."""
        change = entry.change
        offset = change.offset
        if change.ticks:
            offset = min(change.ticks, offset + max(0, tick - change.tick))
        return Entry(_with(change, tick=tick, offset=offset, gap=False), entry.handle, entry.end)


def _made(handle: int, tick: int, gap: bool, airing: Airing | None) -> Entry:
    if handle == SILENCE:
        return Entry(Change(tick=tick, kind="silence", gap=gap), handle)
    if airing is None:
        return Entry(Change(tick=tick, kind="live", gap=gap), handle)
    change = Change(
        tick=tick, kind=airing.kind, cls=airing.cls, play=airing.play[:200],  # type: ignore[arg-type]
        gap=gap, bulletin=airing.bulletin or 0, emergency=airing.cue or 0, drill=airing.drill,
        sign=airing.sign[:200],
    )  # fmt: skip
    if airing.live:
        return Entry(change, handle)
    offset = max(0, airing.offset + tick - airing.start)
    audio = bytes.fromhex(airing.audio) if len(airing.audio) == 64 else None
    change = _with(change, audio=audio, offset=offset, ticks=airing.ticks)
    return Entry(change, handle, airing.start + airing.ticks - airing.offset)


def _with(change: Change, **fields: object) -> Change:
    return msgspec.structs.replace(change, **fields)


def _note(table: OrderedDict[int, int], handle: int, tick: int) -> None:
    table[handle] = tick
    if len(table) > OVER_REMEMBERED:
        table.popitem(last=False)
