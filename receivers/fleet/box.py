"""One simulated box: the real parts of a box around a line that is simulated and no sound card.

What a power cut leaves is what lies in its state directory, as on a box.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from loa.codecs.control import orders
from loa.codecs.control.messages import inventory_digest
from loa.codecs.control.orders import Action, Order
from loa.codecs.control.settings import Settings
from loa.codecs.control.signing import PublicKey
from loa.receivers.agenda import KeptSchedule
from loa.receivers.backoff import Backoff
from loa.receivers.cache import MEGABYTE
from loa.receivers.clock import TICK, Clock
from loa.receivers.fetching import Fetching
from loa.receivers.fleet.dialing import Road
from loa.receivers.fleet.fate import Fate, Mishap
from loa.receivers.fleet.keeping import (
    QuietFetching,
    SharedCache,
    Shelf,
    SimulatedMachine,
    Unpacking,
    here,
)
from loa.receivers.fleet.playing import Heard, Playing, Reference
from loa.receivers.fleet.profile import Profile
from loa.receivers.fleet.turns import Turns
from loa.receivers.identity import BoxIdentity
from loa.receivers.journal.journal import BoxJournal
from loa.receivers.keeping import KeptSettings
from loa.receivers.link import Link
from loa.receivers.obeying import CannotDo, Do, Later, Obeying
from loa.receivers.offline import Offline
from loa.receivers.ordered import MOST_AHEAD, heard
from loa.receivers.orders import Bound, OrderBook
from loa.receivers.parts import Cause, Wanted
from loa.receivers.timekeeping import DayTime
from loa.receivers.vitals import Vitals

POLL = 1.0
TIME_EVERY, VITALS_EVERY = 15, 10
"""Seconds."""
CONNECTING, CONNECTING_SECONDS = 50, 1.0
"""Boxes of a process that connect at a time; after so long one keeps no other waiting."""


@dataclass(slots=True)
class Shared:
    """What the boxes of a process share."""

    tls: ssl.SSLContext
    shelf: Shelf
    reference: Reference = field(default_factory=Reference)
    unpack: Unpacking = field(default_factory=Unpacking)
    turns: Turns = field(default_factory=lambda: Turns(CONNECTING, CONNECTING_SECONDS))


@dataclass(slots=True)
class Life:
    """What happened to a box; times are this machine's monotonic seconds. ``on``: when it was
    switched on first; ``ups`` and ``downs``: when its sessions began and ended."""

    on: float = 0.0
    ups: list[float] = field(default_factory=list)
    downs: list[float] = field(default_factory=list)
    mishaps: list[Mishap] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed: int = 0


class LocalClock:
    """A box's monotonic clock, which runs a little fast or slow."""

    def __init__(self, drift: float) -> None:
        self._base = time.monotonic()
        self._rate = 1 + drift

    def __call__(self) -> float:
        return self._base + (time.monotonic() - self._base) * self._rate


class SimulatedBox:
    """See the module: ``await run(start)`` until cancelled. ``start``: when the fleet began."""

    def __init__(
        self, number: int, state: Path, profile: Profile, fate: Fate, shared: Shared
    ) -> None:
        self.number = number
        self.state = state
        self.fate = fate
        self.heard = Heard()
        self.life = Life()
        self.identity = BoxIdentity.load(state)
        self.playing: Playing | None = None
        self.link: Link | None = None
        self.start = time.monotonic()
        self._shared = shared
        self._boots = 0
        self._clock = LocalClock(fate.drift)
        self._random = Random(f"{profile.seed}/{number}/line")
        self._road = Road(profile.line, fate.delay, self._random, shared.turns)
        self._power: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether it has a session."""
        return self.link is not None and self.link.up

    async def run(self, start: float) -> None:
        """Live through what is to happen."""
        self.start = start
        self.life.on = time.monotonic()
        self._switch_on()
        try:
            for mishap in self.fate.mishaps:
                await _until(start + mishap.start)
                begun = time.monotonic()
                self.life.mishaps.append(Mishap(begun, start + mishap.end, mishap.kind))
                self._road.cut()
                if mishap.kind == "power":
                    await self._switch_off()
                await _until(start + mishap.end)
                self._road.mend()
                if mishap.kind == "power":
                    self._switch_on()
                self.life.mishaps[-1] = Mishap(begun, time.monotonic(), mishap.kind)
            await asyncio.Event().wait()
        finally:
            self._road.mend()
            await self._switch_off()
            await self._road.close()

    # --- power

    def _switch_on(self) -> None:
        self._power = asyncio.ensure_future(self._live())

    async def _switch_off(self) -> None:
        """Everything stops where it stands."""
        if self._power is not None:
            self._power.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._power
            self._power = None

    async def _live(self) -> None:
        now = booted = self._clock()
        self._boots += 1
        state, shared = self.state, self._shared
        settings = KeptSettings(state / "settings.json")
        book = OrderBook(state / "orders.json")
        identity = self.identity = BoxIdentity.load(state)
        receiver, keys = identity.kept.receiver, _keys(identity)
        clock = Clock()
        machine = SimulatedMachine(f"boot {self._boots}", self.fate.clock or None)
        day = DayTime(state / "time.json", machine, clock.unix, now)

        def greeting() -> dict[str, object]:
            return {
                "resume": playing.resume(), "commands": book.newest,
                "settings": settings.now.version, "mark": settings.now.mark,
                "booted": round(self._clock() - booted, 1),
                "inventory": inventory_digest(cache.hashes()),
            }  # fmt: skip

        link = self.link = Link(
            identity, greeting=greeting, backoff=Backoff(self._random), clock=self._clock,
            dial=self._road.opened, tls=shared.tls, unpack=shared.unpack,
        )  # fmt: skip
        journal = BoxJournal(
            state / "journal", receiver, lambda: identity.keys[0], link, day, self._clock
        )
        cache = SharedCache(state / "cache", settings.now.cache_mb * MEGABYTE, shared.shelf)
        playing = self.playing = Playing(
            link, clock, cache, journal, shared.reference, self.heard, self._clock,
            time.monotonic, day.unix,
        )  # fmt: skip
        schedule = KeptSchedule(
            state / "schedule", keys, lambda: settings.now.area or identity.kept.area_id
        )
        offline = Offline(
            state / "played.json", link, schedule, cache, clock, day, journal, playing.want,
            monotonic=self._clock, in_place=True,
        )  # fmt: skip
        fetching = QuietFetching(
            state / "fetching.json", link, cache, schedule, day, lambda: settings.now, journal,
            changed=offline.poke, busy=lambda: playing.streams, monotonic=self._clock, apart=here,
        )  # fmt: skip
        vitals = Vitals(link, day, self._clock)
        vitals.add(
            lambda: made_up(self.number, playing.sequencer.current is not None, journal.waiting)
        )
        obeying = Obeying(
            book, link, _Bound(link), clock.unix, journal, deeds(settings, playing, fetching, link)
        )

        def use(now: Settings) -> None:
            playing.settings = now
            cache.quota = now.cache_mb * MEGABYTE
            vitals.set_every(now.health_every)
            schedule.review()
            fetching.sync()
            offline.poke()

        settings.subscribe(use)
        for part in (playing, offline, obeying, fetching, journal, vitals):
            link.add(part)
        journal.started(software="loa fleet", boots=day.boots)
        works: list[Coroutine[None, None, None]] = [
            link.run(), offline.run(), fetching.run(), self._watch(link),
            self._look(journal, day, machine, vitals),
        ]  # fmt: skip
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if (error := task.exception()) is not None:
                    self.life.failed += 1
                    self.life.failures.append(f"{type(error).__name__}: {error}"[:200])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if len(self.life.ups) > len(self.life.downs):
                self.life.downs.append(time.monotonic())
            self.life.failed += link.counters["link.parts_failed"]
            self.life.failures += link.failures
            playing.close()
            await obeying.close()

    async def _watch(self, link: Link) -> None:
        """Note when sessions begin and end."""
        while True:
            await link.changed.wait()
            link.changed.clear()
            now = time.monotonic()
            if link.up and len(self.life.ups) == len(self.life.downs):
                self.life.ups.append(now)
            elif not link.up and len(self.life.ups) > len(self.life.downs):
                self.life.downs.append(now)

    async def _look(
        self, journal: BoxJournal, day: DayTime, machine: SimulatedMachine, vitals: Vitals
    ) -> None:
        """What has to be done every second, and leaps of the box's clock."""
        leaps = [leap for leap in self.fate.leaps if self.start + leap[0] > time.monotonic()]
        looks = 0
        while True:
            await asyncio.sleep(POLL)
            now = self._clock()
            while leaps and self.start + leaps[0][0] <= time.monotonic():
                machine.wrong = (machine.wrong or 0.0) + leaps.pop(0)[1]
            looks += 1
            if looks % TIME_EVERY == 0:
                day.look(now)
            if looks % VITALS_EVERY == 0:
                await vitals.look()
            journal.poll(now)


def made_up(number: int, sounds: bool, waiting: int) -> dict[str, float | str]:
    """Return what a simulated box tells of itself: what it knows, the rest made up, and said so."""
    return {
        "on_air": int(sounds), "journal_waiting": waiting, "output_trouble": 0, "mains": 1,
        "temperature_c": 40 + number % 15, "signal_percent": 50 + number % 40,
        "storage_free_mb": 8000, "memory_free_mb": 300, "network": "simulated",
        "operator": "simulated",
    }  # fmt: skip


def _keys(identity: BoxIdentity) -> Callable[[], list[PublicKey]]:
    return lambda: [PublicKey(key) for key in identity.kept.servers]


def deeds(
    settings: KeptSettings, playing: Playing, fetching: Fetching, link: Link
) -> dict[type[Action], Do]:
    """Return what a simulated box can be ordered to do."""

    async def play(action: Action, order: Order) -> str | Later:
        assert isinstance(action, orders.Play)
        wanted = Wanted(
            action.start, "bulletin", action.cls, action.play, action.audio, 0, action.ticks,
            bulletin=action.bulletin, sign=action.sign, cause=Cause.ORDER,
        )  # fmt: skip
        end = playing.ordered.begin(wanted)
        if not playing.want(wanted):
            end.cancel()
            raise CannotDo("it is not in the cache")
        return heard(end, MOST_AHEAD + action.ticks * TICK)

    async def stop(action: Action, order: Order) -> str:
        assert isinstance(action, orders.Stop)
        return "" if playing.stop(action.play) else "nothing was on"

    async def use(action: Action, order: Order) -> str:
        assert isinstance(action, orders.Set)
        settings.replace(action.settings)
        return f"version {settings.now.version}"

    async def sync(action: Action, order: Order) -> str:
        fetching.sync()
        return ""

    async def new_key(action: Action, order: Order) -> str:
        link.keys.rotate(0.0)
        return ""

    return {
        orders.Play: play, orders.Stop: stop, orders.Set: use, orders.Sync: sync,
        orders.NewKey: new_key,
    }  # fmt: skip


class _Bound:
    """What orders of the session are bound to."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def bound(self) -> Bound | None:
        link = self._link
        if not link.up:
            return None
        keys = link.identity.kept.servers

        return Bound(link.identity.kept.receiver, link.nonce, tuple(PublicKey(key) for key in keys))


async def _until(at: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))
