"""The fleet, assembled in one place: identity, door, hub, and the topics that deal with boxes.

What happens at the desk reaches the sessions here: who was revoked is cut off, who was moved begins
anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from loa.codecs.control.messages import Refused
from loa.codecs.control.signing import PublicKey, Purpose
from loa.native.engine import Engine, Event
from loa.streamer import logs
from loa.streamer.air.clock import Timeline
from loa.streamer.desk.desk import Actor, Desk, Happening, server_actor
from loa.streamer.desk.errors import Conflict
from loa.streamer.fleet.agendas import Agendas
from loa.streamer.fleet.audio import Audio, AudioCounts
from loa.streamer.fleet.carriage import Carriage
from loa.streamer.fleet.distribution import RATE, Distribution
from loa.streamer.fleet.door import DoorSettings, FleetDoor
from loa.streamer.fleet.health import HealthTopic
from loa.streamer.fleet.health_store import Keep
from loa.streamer.fleet.hub import Hub, Session
from loa.streamer.fleet.identity import ServerIdentity
from loa.streamer.fleet.keys import Keys
from loa.streamer.fleet.ledger import Ledger
from loa.streamer.fleet.orders import Orders
from loa.streamer.fleet.packs import Packs
from loa.streamer.fleet.position import Position
from loa.streamer.fleet.proof import Proof
from loa.streamer.fleet.registry import Registry, receiver_of
from loa.streamer.fleet.settings import SettingsTopic
from loa.streamer.tasks import Tasks

WRITE_SEEN_EVERY = 10.0
SWEEP_EVERY = 5.0
DAY = 86_400.0

log = logs.get("fleet")


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """``code_days``: how long an enrolment code is good. ``identity_days``: how long a former
    identity of the server's is good beside its successor. ``journal_months``: how long what boxes
    said of themselves is kept."""

    code_days: float = 14.0
    identity_days: float = 90.0
    journal_months: float = 12.0
    fetch_bytes: int = RATE
    """Bytes a second that all boxes together may fetch ahead."""
    health: Keep = field(default_factory=Keep)
    door: DoorSettings = field(default_factory=DoorSettings)


@dataclass(frozen=True, slots=True)
class Air:
    """What the audio of boxes comes from.

    ``mount_of``: the engine's mount of an area, None: it has none. ``take_events``: has those
    events of the engine taken that wait. ``kept``: ticks that it keeps.
    """

    engine: Engine
    carriage: Carriage
    mount_of: Callable[[int], int | None]
    take_events: Callable[[], None]
    kept: int


class Fleet:
    """See the module: ``add_routes``, ``await start()``, ``on_event``, ``await stop()``."""

    def __init__(
        self,
        desk: Desk,
        timeline: Timeline,
        data: Path,
        settings: FleetSettings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        air: Air | None = None,
    ) -> None:
        self.desk, self.counters = desk, desk.counters
        self.settings = settings or FleetSettings()
        self.identity = ServerIdentity.load(data, desk.clock())
        self.hub = Hub(self.counters)
        self.registry = Registry(desk)
        self.position = Position(timeline, monotonic)
        self.hub.add(Keys(desk, self.registry))
        self.orders = Orders(desk, self.hub, self._sign)
        self.hub.add(self.orders)
        self.box_settings = SettingsTopic(desk, self.orders.settings_open)
        self.hub.add(self.box_settings)
        self.audio: Audio | None = None
        if air is not None:
            self.audio = Audio(
                air.engine, air.carriage, self.counters, air.mount_of,
                settings_of=lambda session: self.box_settings.of(session.receiver),
                take_events=air.take_events, kept=air.kept,
            )  # fmt: skip
            self.hub.add(self.audio)
            self.box_settings.renewed = self.audio.renew
        self.health = HealthTopic(
            desk, self.hub, keep=self.settings.health, heartbeat=self.settings.door.heartbeat,
            clock=monotonic,
        )  # fmt: skip
        self.hub.add(self.health)
        self.ledger = Ledger(desk, self.hub)
        self.hub.add(self.ledger)
        self.health.reported.append(self.ledger.reported)
        self.proof = Proof(desk, self._keys, self.settings.journal_months)
        self.hub.add(self.proof)
        self.agendas = Agendas(desk, self.hub, data, lambda: self.identity.key, self._good)
        self.hub.add(self.agendas)
        self.packs = Packs(desk, self.agendas, data)
        self.distribution = Distribution(
            self.agendas, data, self.counters, self.settings.fetch_bytes,
            ordered=self.orders.to_play,
        )  # fmt: skip
        self.hub.add(self.distribution)
        self.door = FleetDoor(
            desk, self.hub, self.identity, self.registry, self.position, self.counters,
            self.settings.door,
        )  # fmt: skip
        self.door.was_over = self._was_over
        self._tasks = Tasks(self.counters, log)
        self._unsubscribe = desk.bus.subscribe(self._hear)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the receivers' address."""
        self.door.add_routes(router)

    async def start(self) -> None:
        """Read what there is, before the first box comes."""
        await self.registry.load()
        await self.orders.load()
        await self.box_settings.load()
        await self.health.load()
        await self.ledger.load()
        await self.proof.load()
        await self.agendas.load()
        self._tasks.spawn(self.orders.run())
        self._tasks.spawn(self.box_settings.run())
        self._tasks.spawn(self.health.run())
        self._tasks.spawn(self.ledger.run())
        self._tasks.spawn(self.proof.run())
        self._tasks.spawn(self.agendas.run())
        self._tasks.spawn(self.distribution.run())
        self._tasks.spawn(self.door.run())
        self._tasks.spawn(self._write_seen())
        if self.audio is not None:
            self._tasks.spawn(self._sweep(self.audio))

    def on_event(self, event: Event) -> None:
        """Take an event of the engine's."""

    async def stop(self) -> None:
        """End all sessions."""
        self._unsubscribe()
        self.agendas.close()
        await self.door.close()
        if self.audio is not None:
            self.audio.close()
        await self._tasks.stop()
        await self.orders.write()
        await self.health.close()
        await self.ledger.close()
        await self.registry.write_seen()

    def _good(self) -> list[PublicKey]:
        return [key.public for key in self.identity.good(self.desk.clock())]

    def _sign(self, session: Session, purpose: Purpose, data: bytes) -> bytes:
        return self.identity.trusted(session.trusts, self.desk.clock()).sign(purpose, data)

    # --- for the desk and the API

    async def new_identity(self, actor: Actor) -> None:
        """Prepare a new identity; or, when one is prepared and a backup holds it, go over to it.

        Raises ``Conflict``: it is in no backup yet, or cannot be written.
        """
        if self.identity.prepared is not None:
            if not self.identity.in_backup():
                raise Conflict("receiver.identity_not_in_backup")
            await self.go_over(actor)
            return
        try:
            self.identity.prepare(self.desk.clock())
        except OSError as error:
            raise Conflict("receiver.identity_not_written", reason=error.strerror) from None
        assert self.identity.prepared is not None
        async with self.desk.work(actor) as work:
            work.record(
                "receivers.identity_prepared",
                key=self.identity.prepared.public.fingerprint.hex(),
            )

    async def go_over(self, actor: Actor) -> None:
        """Use the new identity, and tell every box that is there. Raises ``Conflict``."""
        now = self.desk.clock()
        former = self.identity.key.public
        try:
            self.identity.rotate(now, self.settings.identity_days * DAY)
        except OSError as error:
            raise Conflict("receiver.identity_not_written", reason=error.strerror) from None
        async with self.desk.work(actor) as work:
            work.record(
                "receivers.identity_changed",
                former=former.fingerprint.hex(), key=self.identity.key.public.fingerprint.hex(),
            )  # fmt: skip
        successor = self.identity.successor(former, now)
        if successor is not None:
            for session in self.hub:
                session.send(successor)

    async def _was_over(self) -> None:
        """A box trusts what is only prepared here: this is a backup that was made before."""
        if self.identity.prepared is None:
            return
        log.warning("a receiver trusts the prepared identity already: it is used from now on")
        try:
            await self.go_over(server_actor(self.desk.tree))
        except Conflict:
            self.counters.add("fleet.identity_not_written")

    @property
    def code_seconds(self) -> float:
        """How long a new code is good."""
        return self.settings.code_days * DAY

    # --- what happens at the desk

    def _hear(self, happening: Happening) -> None:
        kind = happening.kind
        if kind.startswith(("area.", "areas.")):
            self.registry.forget()
            self._tasks.spawn(self._follow_areas())
        elif kind.startswith("receiver.") and (id := receiver_of(happening)) is not None:
            self.registry.forget(id)
            if (refused := _ENDS.get(kind)) is not None:
                self.door.end(id, refused)

    async def _follow_areas(self) -> None:
        """End the sessions of receivers whose area is another one now: they begin anew."""
        there = {session.receiver: session for session in self.hub}
        known = await self.registry.some(list(there))
        for id, session in there.items():
            if (now := known.get(id)) is None or now.area != session.area:
                self.hub.move(session)

    # --- for the metrics

    def __len__(self) -> int:
        return len(self.hub)

    def boxes(self) -> Iterator[tuple[int, bool, bool | None]]:
        """Give of every enrolled receiver its area, whether it is connected, and whether it says
        that something sounds (None: it says nothing of it)."""
        book, hub = self.health.book, self.hub
        for one in book.known.values():
            session = hub.of(one.id)
            if session is None or not book.connected(one.id):
                yield one.area, False, None
            else:
                yield one.area, True, session.sounding

    def audio_counts(self) -> AudioCounts:
        """Return what was sent of audio so far."""
        return AudioCounts() if self.audio is None else self.audio.read_counts()

    # --- its own work

    async def _keys(self, receivers: Sequence[int]) -> dict[int, Sequence[PublicKey]]:
        known = await self.registry.some(receivers)
        return {id: receiver.keys for id, receiver in known.items()}

    async def _sweep(self, audio: Audio) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            audio.sweep()

    async def _write_seen(self) -> None:
        while True:
            await asyncio.sleep(WRITE_SEEN_EVERY)
            await self.registry.write_seen()


_ENDS = {
    "receiver.revoked": Refused(code="revoked", why="this receiver was revoked"),
    "receiver.removed": Refused(code="unknown", why="this receiver was removed"),
    "receiver.enrolled": Refused(code="signature", why="another box was enrolled in its place"),
    "receiver.moved": Refused(code="busy", why="this receiver belongs to another area now"),
}
