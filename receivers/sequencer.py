"""Which packet sounds next: what is wanted, what came, what lies in the cache, and now. Pure.

The box goes along the mount's timeline at its own place. Usually that is the target (the timeline
less the box's delay). What is missing makes it stand still, and so late; a bulletin stays late
rather than lose a word, whatever else is late leaves out what is too late. A bulletin that was on
before the box was is joined at its present, as by anybody who turns on a radio. A change of
carriage is a change of what lies ahead of it, wherever it is: each is a ``Run`` in a queue.
Emergencies cut: as soon as there is something of them to be heard, they go before all that is
waiting.

Nothing here decodes, reads a file or a clock. ``place`` and ``target`` are places on the timeline.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from loa.codecs.control.frames import SILENT_PACKET, Audio
from loa.receivers.buffer import Buffer
from loa.receivers.parts import Cause, Prepared, Wanted
from loa.receivers.runs import EMERGENCY, Run, Stretch

MADE_UP = 5
"""Blocks that are made up for one hole: 100 ms; then there is silence."""
ASK_PATIENCE = 250
"""Ticks that the lost part of a bulletin is waited for once the server was asked for it."""
STARVED = 150
"""Ticks that a bulletin stands still before the server is asked for it though nothing is lost."""
TOO_EARLY = 50
"""Ticks ahead of its place beyond which what is on waits; less is left to the player."""
KEPT_BY_SERVER = 5900
MOST_RUNS = 64
CATCH_UP = 0.015
"""By how much faster than the timeline ``advance`` lets a live come that lags."""
TOO_MUCH = "too much waits to be played"
_SILENCE = Wanted(0, "silence")


class What(Enum):
    """What a block is made of."""

    SILENT = 0
    PACKETS = 1
    MADE_UP = 2


@dataclass(frozen=True, slots=True)
class Step:
    """What to do for ``count`` blocks. ``place``: where the first is due; ``cut``: it does not
    follow from what was before. A silence that is not ``cut`` follows a programme's own end."""

    what: What
    count: int
    place: float
    run: Run | None = None
    packets: Sequence[bytes] = ()
    cut: bool = False


@dataclass(slots=True)
class Counters:
    """Ticks since the start, unless named otherwise."""

    unasked: int = 0
    """Came, and nothing that is wanted needs them."""
    missed: int = 0
    made_up: int = 0
    cuts: int = 0
    """Times that an emergency went before what was on."""
    asked: int = 0
    """Times that the server was asked for what is missing."""
    refused: int = 0
    """Things wanted beyond ``MOST_RUNS``."""


class Sequencer:
    """See the module. ``lead``: the box's delay in ticks; ``together``: it plays in a group;
    ``thrift``: only emergencies are streamed to it, so nothing else is asked for.

    Call ``want`` and ``audio`` with what comes, ``next`` (or ``advance``) with the target. Then
    ``asks`` is the tick to send in a ``Want``, and ``ended`` what is over and goes to the journal.
    """

    def __init__(self) -> None:
        self.lead = 0.0
        self.together = False
        self.thrift = False
        self.since = -math.inf
        """The place at which the box was switched on."""
        self.counters = Counters()
        self.buffer = Buffer()
        self.asks: int | None = None
        self.ended: list[Stretch] = []
        self.orders_over: list[tuple[Wanted, str]] = []
        """What was to be played by order and is over, and what kept it from its own end."""
        self._queue: deque[Run] = deque()
        self._orders: list[Run] = []
        self._urgent: Run | None = None
        self._void: list[tuple[Run, str]] = []
        """What a change made void, and by whom: it may be told again at once."""
        self._past: OrderedDict[tuple[str, str, int], int] = OrderedDict()
        """How far what is over was heard."""
        self._untidy = False
        self._session = 0
        self._barred: deque[str] = deque(maxlen=64)
        self._done: deque[str] = deque(maxlen=64)
        """Prepared audio that was heard to its end: said again, it is not played again."""
        self._broke = False
        """Whether what was on last ended before its end."""
        self._made = 0
        self._now = -math.inf
        self._follows: int | None = None
        """The tick that would follow what was given last; None after silence."""

    # --- what is wanted

    def want(self, wanted: Wanted, prepared: Prepared | None = None) -> None:
        """From its tick on the mount carries this (or, by order, this is to be played then).

        ``prepared``: its audio, where the cache has it. What was wanted of the mount from that tick
        on is no longer.
        """
        if wanted.play and (wanted.play in self._barred or wanted.play in self._done):
            if wanted.cause is Cause.ORDER:
                stopped = wanted.play in self._barred
                self.orders_over.append((wanted, "stop" if stopped else "it was played before"))
                return
            wanted = replace(_SILENCE, tick=wanted.tick, cause=wanted.cause)
        packets = prepared.packets if prepared is not None else None
        run = Run(wanted, wanted.tick, None, packets, session=self._session)
        if run.streamed and wanted.cause is not Cause.SERVER:
            self._never(run, "not in the cache")
            return
        if run.ordered:
            if len(self._orders) >= MOST_RUNS:
                self.counters.refused += 1
                self.orders_over.append((wanted, TOO_MUCH))
                return
            self._orders.append(run)
            self._orders.sort(key=lambda each: each.at)
            return
        self._untidy = True
        if self._goes_on(run):
            return
        self._cut_at(wanted)
        run = self._told_again(run)
        run.joins = run.whole and run.stretch is None and run.at < self.since
        self._queue.append(run)
        while len(self._queue) > MOST_RUNS:
            self.counters.refused += 1
            if self._queue[1].ordered:
                self.orders_over.append((self._queue[1].wanted, TOO_MUCH))
            del self._queue[1]
        if wanted.cls == EMERGENCY and not run.silent:
            self._urgent = run
            if run.stretch is not None:
                self._cut_to(run, self._now)
        if run.streamed and run.prepared and not wanted.stream:
            self._ask(run, run.at)

    def stop(self, play: str = "") -> bool:
        """Silence what ``play`` names, for good; without a name, what is on and waits, until the
        mount carries something else. Returns whether there was anything."""
        found = False
        if play:
            self._barred.append(play)
        self._tidy()
        for run in [*self._queue, *self._orders]:
            if run.silent or (play and run.wanted.play != play):
                continue
            found = True
            if run.wanted.play:
                self._barred.append(run.wanted.play)
            self._finish(run, "stop")
            if run in self._orders:
                self._orders.remove(run)
            elif run.ordered:
                self._queue.remove(run)
                self._resumed(self._now)
            else:
                i = self._queue.index(run)
                quiet = Run(replace(_SILENCE, tick=run.at, cause=run.wanted.cause), run.at, run.end)
                self._queue[i] = quiet
            if run is self._urgent:
                self._urgent = None
        self._untidy = True
        return found

    def audio(self, audio: Audio) -> int:
        """Take packets that came; return how many of them are wanted and new."""
        new = 0
        after = audio.tick + len(audio.packets)
        wanted = 0
        for run in self._queue:
            if not run.streamed:
                continue
            first = max(audio.tick, run.at)
            last = after if run.end is None else min(after, run.end)
            if first < last:
                wanted += last - first
                packets = audio.packets[first - audio.tick : last - audio.tick]
                new += self.buffer.put(first, packets)
        self.counters.unasked += max(0, len(audio.packets) - wanted)
        return new

    def welcomed(self) -> None:
        """A session begins: what is wanted from now on is by its timeline."""
        self._session += 1

    def leapt(self, ticks: float) -> None:
        """The timeline was another one all at once. What was wanted by the one before goes on,
        neither later nor earlier for it; what this session said stands where it said."""
        for run in (*self._queue, *self._orders):
            run.asked += ticks
            if run.session < self._session:
                run.shift += ticks
            if run.paused is not None:
                run.paused += ticks
        self._now += ticks
        self.since += ticks

    # --- what is known

    @property
    def current(self) -> Run | None:
        """What is on or would be, did it not stand still; None in silence."""
        if not self._queue or self._queue[0].silent or self._queue[0].stretch is None:
            return None
        return self._queue[0]

    @property
    def coming(self) -> Run | None:
        """What is on, or will be next; None: nothing is known."""
        if self._urgent is not None:
            return self._urgent
        runs = [run for run in (*self._queue, *self._orders) if not (run.silent or run.over)]
        return min(runs, key=lambda run: run.at + run.shift, default=None)

    def begins(self, target: float) -> float | None:
        """Return the place at which something will sound next, as far as it is known."""
        if self._urgent is not None:
            return target
        return self._begins(target)

    @property
    def urgent(self) -> bool:
        """Whether an emergency is wanted that is not on yet."""
        return self._urgent is not None

    def wakes(self, target: float) -> float | None:
        """Return the place at which something will sound next if no audio comes until then: what
        ``begins`` says, but for an emergency that has still to come."""
        run = self._urgent
        if run is not None and not run.streamed:
            return max(target, run.at - self.lead)
        if run is not None and self.buffer.next(run.at) is not None:
            return target
        return self._begins(target)

    def _begins(self, target: float) -> float | None:
        places = [run.at + run.shift for run in self._orders]
        for run in self._queue:
            there = run.packets is not None or self.buffer.next(run.at) is not None
            if not (run.silent or run.over) and (there or run.lag(target) < 0):
                places.append(run.at + run.shift)
        return max(target, min(places)) if places else None

    def resume(self, target: float) -> int | None:
        """Return the tick from which audio is missing and would still be played, if any."""
        present = target + self.lead
        for run in self._queue:
            if not run.streamed or (self.thrift and run.wanted.cls < EMERGENCY):
                continue
            missing = run.at + self.buffer.ahead(run.at)
            if run.end is not None and missing >= run.end:
                continue
            if run.joins:
                return max(missing, math.ceil(target))
            if run.whole:
                if run.end is not None and run.end < present - KEPT_BY_SERVER:
                    continue
                return max(missing, math.ceil(present) - KEPT_BY_SERVER, 0)
            if not run.slid and present - missing <= run.most_lag + self.lead:
                return missing
            return max(0, math.ceil(target))
        return None

    # --- what sounds

    def next(self, target: float) -> Step:
        """Return what sounds in the next block, whose place should be ``target``."""
        return self.take(target, 1)

    def advance(self, target: float) -> None:
        """Let time pass up to ``target`` without a sound: all is as if it had been played."""
        place = self._now
        if not math.isfinite(place):
            place = target - 1
        while place + 1 <= target:
            step = self.take(place + 1, int(target - place))
            place += step.count
            if step.what is What.PACKETS and step.run is not None and not step.run.whole:
                more = int(min(max(step.run.lag(place), 0), math.ceil(CATCH_UP * step.count)))
                if more and step.run is self.current:
                    self.take(place, more)
            self._now = place

    def take(self, target: float, most: int) -> Step:
        """Return what sounds in the next blocks, at most so many, all alike."""
        self._now = target
        self._tidy()
        for _ in range(4 * MOST_RUNS):
            run = self._head(target)
            if run is None:
                return self._silent(target, self._until(target, most))
            lag = run.lag(target)
            if run.silent:
                run.at = max(run.at, math.floor(target))
                return self._silent(target, self._until(target, most))
            if run.joins:
                run.joins = False
                self._skip(run, math.ceil(target - run.shift), joined=True)
                continue
            if not run.at_once and lag <= (-TOO_EARLY if run.settled else -1):
                return self._silent(target, min(most, max(1, math.ceil(-lag) - 1)), run)
            joined, run.fresh = run.fresh, False
            if lag > run.most_lag:
                run.slid = True
                self._skip(run, self._not_too_late(run, target), joined)
                continue
            step = self._packets(run, target, most) or self._missing(run, target, most)
            if step is not None:
                return step
        return self._silent(target, 1)

    # --- inside: the queue

    def _head(self, target: float) -> Run | None:
        """Return what is to be on now, having put everything in its order."""
        if self._urgent is not None and self._ready(self._urgent, target):
            self._cut_to(self._urgent, target)
        while self._orders and target > self._orders[0].at + self._orders[0].shift - 1:
            self._insert(self._orders.pop(0), target)
        while self._queue:
            run = self._queue[0]
            if run.silent:
                if run.end is None or target <= run.end + run.shift - 1:
                    return run
            elif not run.over:
                return run
            else:
                self._finish(run)
            self._queue.popleft()
            self._resumed(target)
            self._untidy = True
        return None

    def _resumed(self, target: float) -> None:
        """What was cut goes on: for it no time has passed."""
        for run in self._queue:
            if run.paused is not None:
                run.shift += target - run.paused
                run.paused = None

    def _ready(self, run: Run, target: float) -> bool:
        if run not in self._queue or run is self._queue[0]:
            self._urgent = None
            run.at_once = True
            return False
        if run.over:
            self._urgent = None
            return False
        if run.streamed:
            there = self.buffer.next(run.at)
            return there is not None and (run.end is None or there < run.end)
        return target + self.lead >= run.at

    def _cut_to(self, run: Run, target: float) -> None:
        """An emergency: it is on now, and what it interrupts goes on after it, if it is to."""
        self._urgent = None
        self.counters.cuts += 1
        before = []
        while self._queue[0] is not run:
            before.append(self._queue.popleft())
        self._queue.popleft()
        for other in reversed(before):
            if other.whole and not other.over and not other.silent:
                self._pause(other, run, target)
                self._queue.appendleft(other)
            else:
                self._finish(other, run.wanted.play or "emergency")
        run.at_once = True
        self._queue.appendleft(run)
        self._untidy = True

    def _insert(self, run: Run, target: float) -> None:
        """By order: it is on now, or after what is on and is not less."""
        run.shift = max(0.0, target - run.at) if run.lag(target) > 150 else run.shift
        head = self._queue[0] if self._queue else None
        if head is None or head.silent or head.over or run.wanted.cls > head.wanted.cls:
            for other in self._queue:
                if not other.silent:
                    self._pause(other, run, target)
            self._queue.appendleft(run)
        else:
            self._queue.insert(1, run)

    def _pause(self, run: Run, by: Run, target: float) -> None:
        if run.stretch is not None:
            self._end(run, by.wanted.play or "emergency")
        if run.paused is None and run.whole and run.lag(target) > -1:
            run.paused = target

    def _goes_on(self, new: Run) -> bool:
        """Whether this is what is on or waits already, said again: then it goes on."""
        wanted = new.wanted
        for run in reversed(self._queue):
            if run.ordered or run.silent or not run.same_as(wanted):
                continue
            if run.end is not None and run.end < wanted.tick and run.cut_by is not None:
                return False  # something else lay between
            elsewhere = run.prepared and run.base != new.base
            if elsewhere and run.end is not None and run.end <= wanted.tick:
                return False  # it comes round again
            if elsewhere:
                self._rebase(run, new)
            else:
                run.wanted = replace(wanted, tick=run.wanted.tick, offset=run.wanted.offset)
                run.end = new.end
            run.cut_by = None
            if run.streamed and new.packets is not None:
                run.packets = new.packets
            elif run.streamed and run.prepared and not wanted.stream:
                self._ask(run, run.at + self.buffer.ahead(run.at))
            for later in list(self._queue):
                if later is not run and not later.ordered and later.wanted.tick >= wanted.tick:
                    self._queue.remove(later)
                    self._void.append((later, wanted.play or wanted.kind))
            return True
        return False

    def _told_again(self, new: Run) -> Run:
        """Return what was void only because what lies before it was told again, as it was; what was
        over for this box already goes on with what it has not heard of it."""
        for number, (run, _) in enumerate(self._void):
            if run.same_as(new.wanted) and run.base == new.base and run.silent == new.silent:
                del self._void[number]
                run.wanted, run.end, run.cut_by = new.wanted, new.end, None
                run.packets = new.packets if run.packets is None else run.packets
                return run
        if not new.silent:
            new.at = max(new.at, self._past.get(_name(new), new.at))
        return new

    def _tidy(self) -> None:
        """What is void and was not told again is over; packets that nothing needs are forgotten."""
        if not self._untidy:
            return
        self._untidy = False
        for run, by in self._void:
            self._finish(run, by)
        self._void.clear()
        self.buffer.keep((run.at, run.end) for run in self._queue if run.streamed)

    def _rebase(self, run: Run, new: Run) -> None:
        """The same playing at other ticks (its server began anew): it goes on with the packet that
        it is at, or what had to be left out meanwhile was not missed after all."""
        if run.whole:
            run.at = new.base + (run.at - run.base)
        else:
            after = run.wanted.tick if run.given is None else run.given
            run.at = max(new.wanted.tick, new.base + (after - run.base))
        run.wanted, run.end, run.content_end = new.wanted, new.end, new.content_end
        run.shift = 0.0
        run.session = self._session
        if math.isfinite(self._now) and run.lag(self._now) < -TOO_EARLY and run.stretch is not None:
            run.shift = self._now - run.at
        if run.packets is None:
            run.packets = new.packets
        if self._follows is not None:
            self._follows = run.at

    def _cut_at(self, wanted: Wanted) -> None:
        """What was wanted of the mount ends where this begins."""
        by = wanted.play or wanted.kind
        for run in list(self._queue):
            if run.ordered:
                continue
            if run.wanted.tick >= wanted.tick:
                self._queue.remove(run)
                self._void.append((run, by))
            elif run.end is None or run.end > wanted.tick:
                run.end, run.cut_by = wanted.tick, by

    # --- inside: what sounds

    def _packets(self, run: Run, target: float, most: int) -> Step | None:
        count = most if run.end is None else min(most, run.end - run.at)
        if run.packets is None:
            count = min(count, self.buffer.ahead(run.at))
            if count <= 0:
                return None
            packets: Sequence[bytes] = self.buffer.take(run.at, count)
        else:
            at = run.at - run.base
            packets = run.packets[at : at + count] if at >= 0 else ()
            if run.wanted.gap and run.at == run.wanted.tick:
                packets = (SILENT_PACKET,)
            count = len(packets)
            if not count:
                self._skip(run, run.end if run.end is not None else run.at)
                run.end = run.at
                return None
        if run.stretch is None:
            late = max(0.0, run.lag(target))
            run.stretch = Stretch(run.wanted, run.origin, run.at, target, late, run.at)
            run.stretch.missed = run.missed
        place = run.at + run.shift
        cut = self._follows is not None and self._follows != run.at
        run.at += count
        run.stretch.delivered += count
        run.stretch.next = self._follows = run.at
        run.given = run.at
        run.asked, run.slid, run.settled = -math.inf, False, True
        self._made = 0
        return Step(What.PACKETS, count, place, run, packets, cut)

    def _missing(self, run: Run, target: float, most: int) -> Step | None:
        """What to do where a packet is not there: make it up, stand still, or go on without it."""
        if run.over or run.packets is not None:
            return None
        there = self.buffer.next(run.at)
        if there is not None:
            hole = (there if run.end is None else min(there, run.end)) - run.at
            if run.whole and not math.isfinite(run.asked):
                self._ask(run, run.at, target)
            if not run.whole or target - run.asked > ASK_PATIENCE:
                if run.stretch is None or self._follows is None or hole > MADE_UP:
                    self._skip(run, run.at + hole)
                    return None
                run.at += 1
                run.stretch.next = run.given = run.at
                self._follows = run.at
                return self._make_up(run, 1, run.at - 1 + run.shift)
        elif run.whole and run.lag(target) > STARVED and target - run.asked > 2 * ASK_PATIENCE:
            self._ask(run, run.at, target)
        if self._follows is not None and run.stretch is not None and self._made < MADE_UP:
            return self._make_up(run, min(most, MADE_UP - self._made), target)
        wait = run.most_lag - run.lag(target)
        if run.whole:
            wait = min(wait, ASK_PATIENCE)
        return self._silent(target, min(most, max(1, math.ceil(wait))), run)

    def _make_up(self, run: Run, count: int, place: float) -> Step:
        assert run.stretch is not None
        self._made += count
        run.stretch.concealed += count
        self.counters.made_up += count
        return Step(What.MADE_UP, count, place, run)

    def _silent(self, place: float, count: int, run: Run | None = None) -> Step:
        """Silence; ``run`` is what is waited for. It is cut unless a programme came to its end."""
        cut = self._follows is not None and (run is not None or self._broke)
        self._follows = None
        self._made = MADE_UP
        return Step(What.SILENT, count, place, run, (), cut)

    def _until(self, target: float, most: int) -> int:
        """Return how many blocks of silence there are at least, at most ``most``."""
        if most == 1:
            return 1
        urgent = self._urgent
        # What is streamed and has not come by now does not come while these blocks go by.
        awaited = urgent is not None and urgent.streamed
        place = self._begins(target) if awaited else self.begins(target)
        return most if place is None else min(most, max(1, math.ceil(place - target) - 1))

    def _not_too_late(self, run: Run, target: float) -> int:
        """Return the tick to go on with where it has become too late."""
        begun_whole = run.whole and run.stretch is not None
        most = run.most_lag if begun_whole else 0
        there = math.ceil(target - run.shift) - most
        return max(run.at + 1, there)

    def _skip(self, run: Run, to: int, joined: bool = False) -> None:
        """Go on with a later tick of it; ``joined``: that is where it is found."""
        to = to if run.end is None else min(to, run.end)
        missed = max(0, to - run.at)
        run.at = max(run.at, to)
        run.settled = False
        self.counters.missed += 0 if joined else missed
        if run.stretch is None:
            run.missed += missed
        else:
            run.stretch.missed += missed
            run.stretch.next = run.at

    # --- inside: ends

    def _finish(self, run: Run, interrupted: str = "") -> None:
        """It is over."""
        if run.silent:
            return
        if run.ordered:
            heard = run.given is not None
            self.orders_over.append((run.wanted, interrupted or ("" if heard else "too late")))
        else:
            self._past[_name(run)] = run.at
            if len(self._past) > MOST_RUNS:
                self._past.popitem(last=False)
        if run.stretch is not None:
            self._end(run, interrupted)
        elif not interrupted and run.missed:
            self._never(run, "too late" if run.packets is not None else "no audio came")

    def _end(self, run: Run, interrupted: str) -> None:
        stretch = run.stretch
        assert stretch is not None
        run.stretch = None
        run.missed = 0
        content_end = run.content_end
        if interrupted and not run.over:
            stretch.interrupted = interrupted
        elif content_end is not None and (run.given or 0) < content_end:
            # What it lacks may still come: a server that begins anew says it again.
            stretch.interrupted = run.cut_by or interrupted
        else:
            stretch.whole = True
            if run.wanted.kind == "bulletin" and run.wanted.play:
                self._done.append(run.wanted.play)
        self._broke = not run.over or bool(stretch.interrupted)
        self.ended.append(stretch)

    def _never(self, run: Run, why: str) -> None:
        """It was due and will not sound."""
        ticks = run.missed
        if not ticks:
            ticks = max(0, run.content_end - run.at) if run.content_end is not None else 0
        place = self._now if math.isfinite(self._now) else float(run.at)
        first = run.wanted.tick
        stretch = Stretch(run.wanted, run.origin, first, place, 0.0, first + ticks)
        stretch.missed, stretch.why_not = ticks, why
        self.ended.append(stretch)

    def _ask(self, run: Run, tick: int, target: float | None = None) -> None:
        run.asked = self._now if target is None else target
        if self.thrift and run.wanted.cls < EMERGENCY:
            return
        self.counters.asked += 1
        self.asks = tick if self.asks is None else min(tick, self.asks)


def _name(run: Run) -> tuple[str, str, int]:
    return run.wanted.kind, run.wanted.play, run.base
