"""The server, assembled in one place: what there is, what knows of what, how it starts and ends."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from aiohttp import web

from loa.native.engine import TICKS_A_SECOND, ChainConfig, Engine, EventKind
from loa.streamer import logs
from loa.streamer.air import state
from loa.streamer.air.archive import Archive
from loa.streamer.air.asrun import AsRun
from loa.streamer.air.clips import Clips
from loa.streamer.air.clock import TickClock
from loa.streamer.air.director import Director
from loa.streamer.air.listeners import ListenerConfig, Listeners
from loa.streamer.air.staff import StaffAir
from loa.streamer.air.tokens import Tokens
from loa.streamer.air.watch import Watch
from loa.streamer.config import Config
from loa.streamer.core.cues import Policies
from loa.streamer.core.rights import SourceToken
from loa.streamer.core.timeline import start_tick
from loa.streamer.counters import Counters
from loa.streamer.desk.air_book import AirBook
from loa.streamer.desk.bulletin_audio import run_sweep
from loa.streamer.desk.deliveries import Deliveries
from loa.streamer.desk.desk import Desk, Happening
from loa.streamer.desk.identity import Identity
from loa.streamer.desk.people import ensure_setup_code
from loa.streamer.desk.preparer import Preparer
from loa.streamer.desk.queue_list import run_settling
from loa.streamer.desk.seed import seed
from loa.streamer.desk.services import Services
from loa.streamer.desk.uploads import UploadLimits, Uploads
from loa.streamer.fleet.carriage import Carriage
from loa.streamer.fleet.fleet import Air, Fleet, FleetSettings
from loa.streamer.fleet.health_store import Keep
from loa.streamer.http import clock, health, metrics
from loa.streamer.http.api.dispatch import Api
from loa.streamer.http.api.identify import identify
from loa.streamer.http.api.table import ROUTES
from loa.streamer.http.pages import Pages
from loa.streamer.http.push import Push
from loa.streamer.http.studio import StudioStaff
from loa.streamer.https import office
from loa.streamer.https.offer import Offer
from loa.streamer.https.port import TlsPort
from loa.streamer.ingest.apart import Preparation
from loa.streamer.ingest.decoders import Decoders, standard
from loa.streamer.ingest.files import FileUnusable, Library
from loa.streamer.ingest.frontdoor import Door, DoorConfig, networks
from loa.streamer.ingest.icecast import IcecastDoor
from loa.streamer.ingest.relay import Relays
from loa.streamer.ingest.studio import StudioDoor
from loa.streamer.ingest.tls import Certificate
from loa.streamer.ingest.uploads import UploadFiles
from loa.streamer.ready import Ready
from loa.streamer.speech.voices import Settings as VoiceSettings
from loa.streamer.speech.voices import Voices, probe
from loa.streamer.standing import standing
from loa.streamer.store.lock import DataLock
from loa.streamer.store.store import COPIES, Store, database_url
from loa.streamer.tasks import Tasks
from loa.streamer.web.site import Site

HIGH_WATER_EVERY = 10.0
HIGH_WATER_AHEAD = 15 * TICKS_A_SECOND
"""The mark is written so far ahead that a crash before the next writing is covered."""
DRAIN_MS = 2000
ROOM_FOR_AREAS = 24_000
"""The engine's table of mounts has a fixed size, and an import may make a province at any time; the
table costs memory only where it is used (1 MB in all, measured when empty)."""

log = logs.get("server")


class Server:
    """A running server: ``await Server.start(config)``, later ``await server.stop()``, once."""

    def __init__(
        self, config: Config, version: str, desk: Desk, lock: DataLock, voices: Voices
    ) -> None:
        self.config = config
        self._lock = lock
        self.desk = desk
        self.counters = desk.counters
        self._tasks = Tasks(self.counters, log)
        self._loop = asyncio.get_running_loop()

        self.standing = standing(config.areas, desk.tree)
        tokens, made = list(self.standing.tokens), None
        if not tokens:  # nobody could go live: make one for every area
            sha256, made = state.read_or_make_token(config.data)
            tokens = [SourceToken(sha256, "/")]
        kept = round(config.kept_minutes * 60 * TICKS_A_SECOND)
        self.engine = Engine(
            start_tick(time.time(), state.read_high_water(config.data)),
            max_mounts=min(65_536, len(desk.tree) + ROOM_FOR_AREAS),
            max_programmes=65_535,
            max_listeners=config.listeners.total,
            kept_ticks=kept,
        )
        tick_clock = TickClock(self.engine)
        self.archive = Archive(
            self.engine, desk.store, config.data, tick_clock, self.counters,
            months=config.archive.months,
        )  # fmt: skip
        self.asrun = AsRun(
            desk.store, config.data, tick_clock, self.counters,
            self._area_of, self.archive,
        )  # fmt: skip
        self.clips = Clips(
            config.data / "audio", self.counters, config.air.clip_megabytes * 1024 * 1024
        )
        carriage = Carriage(self.engine, self.counters, kept)
        source_tokens = Tokens(tokens)
        self.director = Director(
            self.engine,
            desk.tree,
            source_tokens,
            self.standing.contents,
            self.counters,
            clips=self.clips,
            clock=tick_clock,
            asrun=self.asrun,
            follower=carriage,
            policies=Policies(
                round(config.sources.hold_seconds * TICKS_A_SECOND),
                round(config.sources.take_back_seconds * TICKS_A_SECOND),
            ),
            chain=ChainConfig(
                bitrate=config.sound.bitrate,
                complexity=config.sound.complexity,
                target_lufs=config.sound.target_lufs,
            ),
        )
        self.listeners = Listeners(
            self.engine,
            self.director,
            self.counters,
            ListenerConfig(
                max_listeners=config.listeners.total,
                max_a_mount=config.listeners.per_mount,
                burst=config.listeners.burst_seconds,
                max_lag=config.listeners.lag_seconds,
                drop_laggards=config.listeners.lag_policy == "drop",
                bitrate=config.sound.bitrate,
            ),
        )
        self.library = Library(
            config.data / "audio",
            self.counters,
            Preparation(config.sound.target_lufs, config.sound.bitrate, config.sound.complexity),
        )
        codecs = standard(self.counters)
        # Each closes its own: to wait for the other's threads before those are told to end is long.
        self.icecast = IcecastDoor(self.director, self.counters, Decoders(codecs))
        self.relays = Relays(
            self.standing.relays,
            self.director.open_relay,
            Decoders(codecs),
            self.counters,
            networks(config.relays.allow_private),
        )
        self.watch = Watch(desk, self.director, source_tokens, self.relays)
        self.metrics = metrics.Metrics(
            version=version,
            engine=self.engine.stats,
            counters=self.counters.snapshot,
            sources=self.director.by_kind,
            receivers=lambda: (len(self.fleet), asdict(self.fleet.audio_counts())),
        )
        self.door = Door(
            self.listeners,
            self.icecast.source_protocol,
            self.counters,
            DoorConfig(proxies=networks(config.proxy_protocol)),
        )
        identity = Identity(desk)
        staff = StudioStaff(desk, identity)
        self.studio = StudioDoor(self.director, self.counters, codecs.speech, staff)
        desk.bus.subscribe(self._people_changed)
        self.deliveries = Deliveries(desk, networks(config.webhooks.allow_private))
        given = config.bulletins
        reserve = given.disk_reserve_mb * 1_000_000
        files = UploadFiles(config.data / "uploads", reserve, self.counters)
        self.uploads = Uploads(
            desk,
            files,
            UploadLimits(
                given.max_upload_mb * 1_000_000,
                given.unfinished,
                given.unfinished_mb * 1_000_000,
                given.upload_hours * 3600,
            ),
        )
        self.preparer = Preparer(
            desk,
            files,
            Preparation(config.sound.target_lufs, config.sound.bitrate, config.sound.complexity),
            workers=given.workers,
            time_limit=given.prepare_minutes * 60,
            reserve=reserve,
        )
        self.fleet = Fleet(
            desk,
            self.engine,
            config.data,
            FleetSettings(
                config.receivers.code_days,
                config.receivers.identity_days,
                config.receivers.journal_months,
                config.receivers.fetch_kilobytes * 1000,
                Keep(config.receivers.health_days, config.receivers.health_months * 31),
            ),
            air=Air(self.engine, carriage, self._mount_of, self._take_events, kept),
        )
        self.air = StaffAir(self.director, tick_clock, self.asrun, self.archive)
        self.push = Push(desk, AirBook(self.air, lambda: desk.tree, self.fleet.boxes))
        self.https = Offer(config.data)
        services = Services(
            air=self.air,
            identity=identity,
            uploads=self.uploads,
            preparer=self.preparer,
            voices=voices,
            deliveries=self.deliveries,
            fleet=self.fleet,
            push=self.push,
            https=self.https,
        )
        self.api = Api(desk, services, ROUTES, identify(identity))
        self._runner: web.AppRunner | None = None
        self._missing: list[str] = ["starting"]
        self.ready = Ready(
            version,
            "",
            tuple(area.path for area in desk.tree),
            state.SOURCE_USER,
            made,
            config.data,
        )

    @classmethod
    async def start(cls, config: Config, version: str) -> Server:
        """Start everything; ports are open when it returns.

        Raises ``StateError``, ``StoreError`` and ``AreaError`` with advice, ``OSError`` when a port
        is taken or a certificate cannot be read.
        """
        state.prepare(config.data)
        lock = DataLock.take(config.data)
        url = config.database.url.get_secret_value() if config.database.url is not None else None
        try:
            store = await Store.open(database_url(url, config.data), copies=config.data / COPIES)
        except BaseException:
            lock.release()
            raise
        try:
            desk = Desk(store, config.data, Counters())
            await desk.load()
            await seed(desk, config.areas)
            voices = await probe(VoiceSettings(**config.speech.model_dump()))
            server = cls(config, version, desk, lock, voices)
        except BaseException:
            await store.close()
            lock.release()
            raise
        try:
            await server._open()
        except BaseException:
            await server.stop(drain_ms=0)
            raise
        return server

    async def _open(self) -> None:
        await self.archive.recover()
        self.director.restore(await self.asrun.recover())
        self._loop.add_reader(self.engine.event_fd, self._take_events)
        await self.watch.load()
        self._store_tick(self.engine.tick + HIGH_WATER_AHEAD)
        config, app = self.config, web.Application()
        self.icecast.add_routes(app.router)
        self.studio.add_routes(app.router)
        app.router.add_get("/metrics", self.metrics.handle)
        app.router.add_get("/healthz", health.healthz(self.engine))
        app.router.add_get("/readyz", health.readyz(lambda: self._missing))
        app.router.add_get("/api/v1/clock", clock.clock(self.engine))
        self.fleet.add_routes(app.router)
        self.api.add_routes(app.router)
        Pages(
            self.director, self.listeners, self.ready.version, time.time(), config.sound.bitrate
        ).add_routes(app.router)
        self.https.add_routes(app.router)
        Site().add_routes(app.router)
        app.router.add_route("*", "/{path:.*}", self.door.late)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()

        certificate = None
        if config.tls.cert is not None and config.tls.key is not None:
            certificate = Certificate(config.tls.cert, config.tls.key, self.counters)
        await self.fleet.start()
        port = await self.door.open(self._runner, config.host, config.port, certificate=certificate)
        if config.plain_port is not None:
            await self.door.open(self._runner, config.host, config.plain_port)
        url = _url(config.host, port, certificate is not None)
        receivers = url.replace("https:", "wss:")
        self.https.port = port
        if certificate is None:
            at = config.receivers
            host = at.host or config.host
            if (
                at.host is None
                and "host" not in config.model_fields_set
                and office.there(config.data)
            ):
                host = office.EVERYWHERE
            own = TlsPort(config.data, self.counters, host, at.port)
            receivers = await own.open(self.door, self._runner, any_port=config.port == 0)
            self.https.port, self.https.own = own.port, True
            self._tasks.spawn(own.run())
        self.ready = replace(
            self.ready,
            url=url,
            receivers=receivers,
            https=self.https.url,
            setup_code=await ensure_setup_code(self.desk),
        )
        self.relays.start()
        self.deliveries.start()
        for file in sorted({c.file for c in self.standing.contents.values() if c.file is not None}):
            self._tasks.spawn(self._play(file))
        self._tasks.spawn(self._keep_high_water())
        await self.preparer.start()
        self._tasks.spawn(self.uploads.run())
        self._tasks.spawn(run_sweep(self.desk, config.bulletins.unused_days * 86_400))
        self._tasks.spawn(self.watch.run())
        self._tasks.spawn(self.asrun.run())
        self._tasks.spawn(self.archive.run())
        self._tasks.spawn(run_settling(self.desk))
        self._tasks.spawn(self.metrics.watch_loop())
        self._missing.clear()
        log.info("ready", url=self.ready.url, mounts=len(self.ready.mounts))

    async def _play(self, file: str) -> None:
        with suppress(FileUnusable):  # it has been logged and counted; its areas stay silent
            self.director.add_clip(file, *await self.library.prepared(Path(file)))

    def _people_changed(self, happening: Happening) -> None:
        if happening.kind.startswith(("account.", "grant.", "session.", "area.")):
            self.studio.recheck()

    def _mount_of(self, area: int) -> int | None:
        mount = self.director.mounts.own.get(area)
        return None if mount is None else mount.info.number

    def _area_of(self, mount: int) -> int | None:
        return self.director.mounts.area_of(mount)

    # --- the engine's events

    def _take_events(self) -> None:
        while events := self.engine.events():
            for event in events:
                if event.kind is EventKind.LEFT:
                    self.listeners.left(event)
                elif event.kind is EventKind.SKIPPED:
                    log.error("the engine was stopped and skipped ticks", ticks=event.value)
                else:
                    self.director.on_event(event)
                    self.archive.on_event(event)
                    self.air.on_event(event)
                    self.fleet.on_event(event)

    # --- the high-water mark

    def _store_tick(self, tick: int) -> None:
        try:
            state.write_high_water(self.config.data, tick)
        except OSError as error:
            # A full disk does not take anyone off the air; a start after it may repeat ticks.
            self.counters.add("state.write_failed")
            log.error("the newest tick cannot be stored", why=str(error))

    async def _keep_high_water(self) -> None:
        while True:
            await asyncio.sleep(HIGH_WATER_EVERY)
            tick = self.engine.tick + HIGH_WATER_AHEAD
            await asyncio.to_thread(self._store_tick, tick)
            self.director.sweep()
            self.asrun.sweep(self.engine.events_dropped)

    # --- the end

    async def stop(self, drain_ms: int = DRAIN_MS) -> None:
        """End gracefully: sources are told, listeners get the end of the stream, ports close."""
        self._missing.append("stopping")
        await self.door.stop_accepting()
        await self.push.close()
        await self._tasks.stop()
        await self.preparer.close()
        await self.relays.close()
        await self.deliveries.stop()
        await self.icecast.close()
        await self.studio.close()
        await self.fleet.stop()
        self.watch.close()
        self.director.stop()
        await self.clips.close()
        # In a thread: listeners over TLS get their last pages through this loop.
        await asyncio.to_thread(self.engine.stop, drain_ms)
        await self.listeners.close()
        self._loop.remove_reader(self.engine.event_fd)
        self._take_events()
        await self.asrun.close()
        await self.archive.close()
        if self._runner is not None:
            await self._runner.cleanup()
        await self.door.close()
        self._store_tick(self.engine.tick)
        self.engine.close()
        await self.desk.store.close()
        self._lock.release()
        log.info("stopped")


def _url(host: str, port: int, secure: bool) -> str:
    if host in ("0.0.0.0", "::", ""):
        host = "127.0.0.1"
    if ":" in host:
        host = f"[{host}]"
    return f"http{'s' if secure else ''}://{host}:{port}"
