"""The box on the pole, put together: what hangs on what is here, and nothing else.

::

    link ─► carriage (clock, sequencer, player) ─► horn ─► output, relay
      ├──► fetching ─► schedule, cache ─► offline ─┘ wants
      ├──► obeying ─► deeds
      └──► journal, vitals

Every part has its own task. One that fails is written down and begun again: a sign that hangs
silences nobody. Only a sound card that can neither play nor be closed ends the program, for the
service manager to start it anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from loa.codecs.control.messages import inventory_digest
from loa.codecs.control.settings import Settings
from loa.codecs.control.signing import PublicKey
from loa.receivers import boxstatus, network, selftest
from loa.receivers.agenda import KeptSchedule
from loa.receivers.cache import MEGABYTE, Cache
from loa.receivers.carriage import Carriage
from loa.receivers.clock import Clock
from loa.receivers.config import Config
from loa.receivers.doing import deeds
from loa.receivers.ears import Ears
from loa.receivers.enrol import software
from loa.receivers.fetching import Fetching
from loa.receivers.home import tidy
from loa.receivers.horn import Horn, SilentHorn
from loa.receivers.identity import BoxIdentity
from loa.receivers.journal.journal import BoxJournal
from loa.receivers.keeping import KeptSettings
from loa.receivers.link import Link
from loa.receivers.machine import machine_vitals
from loa.receivers.modem import DataCounter
from loa.receivers.modem_probe import ModemProbe
from loa.receivers.ntp import keep_asking
from loa.receivers.obeying import Obeying
from loa.receivers.offline import Offline
from loa.receivers.orders import OrderBook
from loa.receivers.outputs import look_again, output_named
from loa.receivers.relay import relay_of
from loa.receivers.sign import Sign
from loa.receivers.stick import Sticks
from loa.receivers.timekeeping import LOOK_EVERY as TIME_EVERY
from loa.receivers.timekeeping import DayTime, LinuxMachine, Machine
from loa.receivers.vitals import Vitals

AGAIN = 5.0
"""Seconds after which a part that failed is begun again."""
TEST_EVERY = 30.0
LOOK_EVERY = 0.5
STATUS_EVERY = 5.0
"""Seconds after which the status is written; what matters most makes that sooner."""

log = logging.getLogger("loa.box")


class Box:
    """See the module. ``run`` it; ``end`` ends it. Raises ``OSError`` where its state cannot be."""

    def __init__(
        self,
        config: Config,
        identity: BoxIdentity,
        *,
        clock: Callable[[], float] = time.monotonic,
        machine: Machine | None = None,
    ) -> None:
        self.config, self.identity, self.clock = config, identity, clock
        self.started = clock()
        self.ending: str | None = None
        """Why it ends: "" in order, restart or reboot; None: it runs."""
        self.failures: list[str] = []
        self._over = asyncio.Event()
        state, limits = config.state, config.limits
        tidy(state, identity.kept.home)
        own = _folder(identity.home)

        self.settings = KeptSettings(own / "settings.json")
        self.timeline = Clock()
        self.day = DayTime(
            state / "time.json", machine or LinuxMachine(config.clock.battery),
            self.timeline.unix, clock(), least=identity.kept.made_at,
        )  # fmt: skip
        self.link = Link(identity, greeting=self._greeting, clock=clock)
        self.journal = BoxJournal(
            _folder(own / "journal"), identity.kept.receiver, lambda: identity.keys[0],
            self.link, self.day, clock, up=uptime, quota=limits.journal_mb * MEGABYTE,
        )  # fmt: skip
        self.cache = Cache(
            _folder(state / "cache"), self._quota(), limits.disk_reserve_mb * MEGABYTE
        )
        self.horn = Horn(
            lambda: output_named(config.sound, config.device),
            relay_of(config.relay), self.journal, self.day.unix,
            warm_up=config.relay.warm_up_ms / 1000, hold=config.relay.hold_seconds,
            # An amplifier that nothing switches is on, as a keyed transmitter is.
            carrier=config.transmitter or config.relay.kind == "none",
            tells=config.sound != "null",
            look_again=look_again if config.sound == "device" else lambda: None,
            clock=clock,
        )  # fmt: skip
        self.carriage = Carriage(
            self.link, self.cache, self.journal, self.day, clock=self.timeline, horn=self.horn,
            settings=self.settings.now, monotonic=clock, sounds=lambda: self.horn.sounds,
        )  # fmt: skip
        self.horn.sound = self.carriage.player
        self.schedule = KeptSchedule(
            own / "schedule",
            self._servers,
            lambda: self.settings.now.area or identity.kept.area_id,
        )
        self.offline = Offline(
            own / "played.json", self.link, self.schedule, self.cache, self.timeline, self.day,
            self.journal, self.carriage.want, monotonic=clock,
        )  # fmt: skip
        self.fetching = Fetching(
            own / "fetching.json", self.link, self.cache, self.schedule, self.day,
            lambda: self.settings.now, self.journal, most=limits.cache_mb * MEGABYTE,
            changed=self.offline.poke, busy=self._streams, monotonic=clock,
        )  # fmt: skip
        self.sticks = Sticks(
            config.stick.folders, self.cache, self.schedule, self._servers, self.journal,
            changed=self._stick_taken,
        )  # fmt: skip
        self.sign = Sign(
            config.sign.command, config.sign.timeout_seconds, own / "sign.json",
            self._sign_on_air, self.unix, self.journal,
        )  # fmt: skip
        self.ears = Ears(config.sensors, self.horn, clock)
        self.self_test = selftest.SelfTest(
            state / "self-test.json", boxstatus.checks(self), self.journal, self.unix
        )
        self.book = OrderBook(own / "orders.json")
        self.obeying = Obeying(
            self.book, self.link, self.link, self.timeline.unix, self.journal, deeds(self)
        )
        self.data = DataCounter(state / "data.json", config.modem.interface)
        self.vitals = Vitals(self.link, self.day, clock)
        self.vitals.add(lambda: boxstatus.vitals(self))
        self.vitals.add_slow(self._machine)
        self.vitals.add_slow(ModemProbe(clock, self.data, config.modem.signal or None))
        # The time comes first: what the others do with a message depends on it.
        for part in (
            self.carriage, self.offline, self.obeying, self.fetching, self.journal, self.vitals,
        ):  # fmt: skip
            self.link.add(part)
        self.settings.subscribe(self._use)

    # --- what parts ask

    def unix(self) -> float | None:
        """Return the trusted time of day; None: unknown."""
        return self.day.unix(self.clock())

    def end(self, why: str = "") -> None:
        """End in order: "", or to ``restart``, or because the machine will ``reboot``."""
        if self.ending is None:
            self.ending = why
        self._over.set()

    def _greeting(self) -> dict[str, object]:
        return {
            "resume": self.carriage.resume(), "commands": self.book.newest,
            "settings": self.settings.now.version, "mark": self.settings.now.mark,
            "booted": uptime(), "inventory": inventory_digest(self.cache.hashes()),
        }  # fmt: skip

    def _servers(self) -> list[PublicKey]:
        return [PublicKey(key) for key in self.identity.kept.servers]

    def _quota(self) -> int:
        return min(self.settings.now.cache_mb, self.config.limits.cache_mb) * MEGABYTE

    def _stick_taken(self) -> None:
        self.fetching.tell()
        self.offline.poke()

    def _streams(self) -> bool:
        current = self.carriage.current
        return current is not None and current.stream

    def _sign_on_air(self) -> str:
        current = self.carriage.current
        return "" if current is None else current.sign

    def _use(self, settings: Settings) -> None:
        self.horn.use(settings)
        self.carriage.use(settings)
        self.cache.quota = self._quota()
        self.vitals.set_every(settings.health_every)
        self.schedule.review()
        self.fetching.sync()
        self.offline.poke()

    def _machine(self) -> dict[str, float | str]:
        given = self.config.sensors
        found = machine_vitals(
            self.config.state, temperature=given.temperature, mains=given.mains,
            battery=given.battery,
        )  # fmt: skip
        return {**found}

    # --- its life

    async def run(self) -> None:
        """Run until ``end``, or until this is cancelled. Raises ``SilentHorn``."""
        self.journal.started(software=software(), boots=self.day.boots)
        self.obeying.started()
        work: dict[str, Callable[[], Awaitable[None]]] = {
            "horn": self.horn.run,
            "carriage": self.carriage.run,
            "link": self.link.run,
            "network": lambda: network.watch(self.link.hurry),
            "offline": self.offline.run,
            "fetching": self.fetching.run,
            "stick": self.sticks.run,
            "sign": self.sign.run,
            "ears": self.ears.run,
            "vitals": self.vitals.run,
            "journal": _every(1.0, lambda: self.journal.poll(self.clock())),
            "time": _every(TIME_EVERY, lambda: self.day.look(self.clock())),
            "ntp": self._ask_ntp,
            "self-test": self._test_weekly,
            "status": self._write_status,
        }
        why = "failed"
        try:
            async with asyncio.TaskGroup() as tasks:
                kept = [tasks.create_task(self._keep(*item), name=item[0]) for item in work.items()]
                await self._over.wait()
                for task in kept:
                    task.cancel()
            why = self.ending or ""
        except BaseExceptionGroup as group:
            why = str(group.exceptions[0])
            raise group.exceptions[0] from None
        except asyncio.CancelledError:
            why = self.ending or ""
            raise
        finally:
            await self._close(why)

    async def _keep(self, name: str, part: Callable[[], Awaitable[None]]) -> None:
        """Have a part run; should it fail, tell, and have it run again."""
        while True:
            try:
                await part()
                return
            except* SilentHorn as hangs:
                raise hangs.exceptions[0] from None
            except* Exception as group:
                error = group.exceptions[0]
                log.exception("%s failed", name, exc_info=error)
                self.failures = [*self.failures, f"{name}: {error!r}"[:200]][-10:]
                self.journal.record("part_failed", part=name, why=repr(error)[:200])
            await asyncio.sleep(AGAIN)

    async def _ask_ntp(self) -> None:
        servers = self.config.clock.ntp
        await keep_asking(servers, lambda: not self.link.up, self.day.heard, self.clock)

    async def _test_weekly(self) -> None:
        while True:
            await asyncio.sleep(TEST_EVERY)
            if not self.horn.state().sounding and self.self_test.due(self.settings.now):
                await self.self_test.test("weekly")

    async def _write_status(self) -> None:
        seen: object = None
        written = float("-inf")
        while True:
            horn, now = self.horn.state(), self.clock()
            if now - written >= STATUS_EVERY or seen != (horn.sounding, horn.relay, self.link.up):
                seen, written = (horn.sounding, horn.relay, self.link.up), now
                boxstatus.write(self)
            await asyncio.sleep(LOOK_EVERY)

    async def _close(self, why: str) -> None:
        await self.obeying.close()
        self.offline.close()
        self.data.close()
        self.day.close(self.clock())
        self.journal.stopped(why)
        with suppress(OSError):
            boxstatus.write(self, ended=why)


def _every(seconds: float, do: Callable[[], object]) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        while True:
            do()
            await asyncio.sleep(seconds)

    return work


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def uptime() -> float:
    """Return the seconds since the machine was started."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
