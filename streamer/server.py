"""The server, assembled in one place: what there is, what knows of what, and in which order it ends."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from loa.native.engine import TICKS_A_SECOND, ChainConfig, Engine, EventKind
from loa.streamer import logs
from loa.streamer.air import state
from loa.streamer.air.director import Director
from loa.streamer.air.listeners import ListenerConfig, Listeners
from loa.streamer.config import AreaSetting, Config
from loa.streamer.core.arbiter import Content, Policies
from loa.streamer.core.areas import AreaDraft, AreaTree, place
from loa.streamer.core.rights import BulletinClass, SourceToken, SourceTokens, digest
from loa.streamer.core.timeline import start_tick
from loa.streamer.counters import Counters
from loa.streamer.http import clock, health, metrics
from loa.streamer.http.pages import add_pages
from loa.streamer.ingest.decoders import default_decoders
from loa.streamer.ingest.files import Library
from loa.streamer.ingest.frontdoor import Door, DoorConfig, networks
from loa.streamer.ingest.icecast import IcecastDoor
from loa.streamer.ingest.relay import Relay, RelayConfig
from loa.streamer.ingest.studio import StudioDoor
from loa.streamer.ingest.tls import Certificate

HIGH_WATER_EVERY = 10.0
HIGH_WATER_AHEAD = 15 * TICKS_A_SECOND
"""The mark is written so far ahead that a crash before the next writing is covered."""
DRAIN_MS = 2000

log = logs.get("server")


@dataclass(frozen=True, slots=True)
class Ready:
    """What a script needs to know of a server that is up; ``password`` only if this start made it."""

    version: str
    url: str
    mounts: tuple[str, ...]
    user: str
    password: str | None
    data: Path

    def as_json(self) -> dict[str, object]:
        """Return the line that ``--json`` prints (the names are an interface)."""
        line: dict[str, object] = {
            "version": self.version,
            "url": self.url,
            "mounts": list(self.mounts),
            "data": str(self.data),
        }
        if self.password is not None:
            line["source"] = {"user": self.user, "password": self.password}
        return line


@dataclass(frozen=True, slots=True)
class Plan:
    """What the configuration says of areas: the tree, what each plays, who may go live where.

    ``relays``: the alternative URL of each relay, or None.
    """

    areas: AreaTree
    contents: Mapping[str, Content]
    tokens: tuple[SourceToken, ...]
    relays: Mapping[str, str | None]


def plan(settings: Sequence[AreaSetting]) -> Plan:
    """Read the configured areas. Raises ``AreaError``."""
    areas = place([AreaDraft(a.name, a.path, a.parent, a.station, a.aliases) for a in settings])
    contents: dict[str, Content] = {}
    tokens: list[SourceToken] = []
    relays: dict[str, str | None] = {}
    for area, setting in zip(areas, settings, strict=True):
        if setting.relay is not None or setting.file is not None:
            file = str(setting.file) if setting.file is not None else None
            contents[area.path] = Content(setting.relay, file)
        if setting.relay is not None:
            relays.setdefault(setting.relay, setting.relay_alternative)
        for token in setting.tokens:
            secret = token.sha256 or token.password
            assert secret is not None  # config has checked it
            sha256 = secret.get_secret_value()
            if token.sha256 is None:
                sha256 = digest(sha256)
            tokens.append(SourceToken(sha256, area.path, BulletinClass[token.class_.upper()]))
    return Plan(AreaTree(areas), contents, tuple(tokens), relays)


class Server:
    """A running server: ``await Server.start(config)``, later ``await server.stop()``, once."""

    def __init__(self, config: Config, version: str) -> None:
        self.config = config
        self.counters = Counters()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()

        state.prepare(config.data)
        made_sha256, made = state.read_or_make_token(config.data)
        self.plan = plan(config.areas)
        tokens = SourceTokens([*self.plan.tokens, SourceToken(made_sha256, "/")])
        self.engine = Engine(
            start_tick(time.time(), state.read_high_water(config.data)),
            max_mounts=max(1, len(self.plan.areas)),
            max_listeners=config.listeners.total,
            kept_ticks=round(config.kept_minutes * 60 * TICKS_A_SECOND),
        )
        self.director = Director(
            self.engine,
            self.plan.areas,
            tokens,
            self.plan.contents,
            self.counters,
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
            ),
        )
        self.icecast = IcecastDoor(self.director, self.counters, default_decoders())
        self.studio = StudioDoor(self.director, self.counters, Speech)
        self.library = Library(config.data, config.sound)
        self.relays = [
            Relay(url, other, self.director, self.counters, config.relays.allow_private)
            for url, other in self.plan.relays.items()
        ]
        self.metrics = metrics.Metrics(
            self.engine.stats, self.counters.snapshot, self.director.sources_by_kind
        )
        self.door = Door(
            self.listeners,
            self.icecast.source_protocol,
            self.counters,
            DoorConfig(proxies=networks(config.proxy_protocol)),
        )
        self._runner: web.AppRunner | None = None
        self._missing: list[str] = []
        self.ready = Ready(version, "", tuple(a.path for a in self.plan.areas), made, config.data)
