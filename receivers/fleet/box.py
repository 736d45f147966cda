"""One simulated box: the real parts of a box around a line that is simulated and no sound card.

What a power cut leaves is what lies in its state directory, as on a box.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from loa.codecs.control.signing import PublicKey
from loa.receivers.backoff import Backoff
from loa.receivers.clock import Clock
from loa.receivers.fleet.dialing import Road
from loa.receivers.fleet.fate import Fate, Mishap
from loa.receivers.fleet.playing import Heard, Playing, Reference
from loa.receivers.fleet.profile import Profile
from loa.receivers.identity import BoxIdentity
from loa.receivers.journal import BoxJournal
from loa.receivers.keeping import KeptSettings
from loa.receivers.link import Link
from loa.receivers.obeying import Obeying
from loa.receivers.orders import Bound, OrderBook

POLL = 1.0


@dataclass(slots=True)
class Shared:
    """What the boxes of a process share."""

    tls: ssl.SSLContext
    reference: Reference = field(default_factory=Reference)


@dataclass(slots=True)
class Life:
    """What happened to a box; times are this machine's monotonic seconds. ``ups`` and ``downs``:
    when its sessions began and ended."""

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
        self.journal: BoxJournal | None = None
        self._shared = shared
        self._clock = LocalClock(fate.drift)
        self._random = Random(f"{profile.seed}/{number}/line")
        self._road = Road(profile.line, fate.delay, self._random)
        self._power: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        """Whether it has a session."""
        return self.link is not None and self.link.up

    async def run(self, start: float) -> None:
        """Live through what is to happen."""
        self._switch_on()
        try:
            for mishap in self.fate.mishaps:
                await _until(start + mishap.start)
                begun = time.monotonic()
                self._road.cut()
                if mishap.kind == "power":
                    await self._switch_off()
                await _until(start + mishap.end)
                self._road.mend()
                if mishap.kind == "power":
                    self._switch_on()
                self.life.mishaps.append(Mishap(begun, time.monotonic(), mishap.kind))
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
        booted = self._clock()
        settings = KeptSettings(self.state / "settings.json")
        book = OrderBook(self.state / "orders.json")
        identity = self.identity = BoxIdentity.load(self.state)
        clock = Clock()

        def greeting() -> dict[str, object]:
            return {
                "resume": playing.resume(), "commands": book.newest,
                "settings": settings.now.version, "booted": round(self._clock() - booted, 1),
            }  # fmt: skip

        link = self.link = Link(
            identity, greeting=greeting, backoff=Backoff(self._random), clock=self._clock,
            dial=self._road.opened, tls=self._shared.tls,
        )  # fmt: skip
        journal = self.journal = BoxJournal(
            self.state / "journal", identity.kept.receiver, lambda: link.identity.keys[0], link,
            clock, self._clock,
        )  # fmt: skip
        playing: Playing
        playing = self.playing = Playing(
            link, clock, None, journal, self._shared.reference, self.heard, self._clock,
            time.monotonic,
        )  # fmt: skip
        settings.subscribe(lambda now: setattr(playing, "settings", now))
        obeying = Obeying(book, link, _Bound(link), clock.unix, journal, {})
        for part in (playing, journal, obeying):
            link.add(part)
        journal.started(boot="fleet")
        works: list[Coroutine[None, None, None]] = [
            link.run(),
            self._watch(link),
            self._poll(journal),
        ]
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

    async def _poll(self, journal: BoxJournal) -> None:
        while True:
            await asyncio.sleep(POLL)
            journal.poll(self._clock())


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
