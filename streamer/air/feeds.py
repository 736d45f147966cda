"""Feeds: what sources and relays fill. A feed is one programme of the engine and who writes to it.

A source's connection may break and come back; its feed outlives that, so that the studio goes on in
the same programme. ``FeedSession`` is one connection's hold on a feed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from loa.codecs.studio import Status
from loa.native.engine import ChainConfig, Engine, LiveProgramme
from loa.native.ring import RingConfig
from loa.streamer.core.cues import Presence
from loa.streamer.core.rights import BulletinClass
from loa.streamer.ingest.session import SourceKind

LEAD_TICKS = 4
"""Ticks between the first samples and the first tick made of them: time to tell the mounts, so that
the first word is not lost. The ring's depth passes meanwhile anyway."""

RINGS = {
    SourceKind.STUDIO: RingConfig(40, 400, 2000, pressure=False),
    SourceKind.OPUS: RingConfig(100, 800, 3000, pressure=True),
    SourceKind.STREAM: RingConfig(300, 1500, 4000, pressure=True),
    SourceKind.RELAY: RingConfig(1000, 4000, 8000, pressure=True),
}


class Keeper(Protocol):
    """Who keeps feeds (``sources.LiveSources``); called on the loop, but for ``started``."""

    def started(self, feed: Feed) -> None:
        """The first samples came. Any thread."""

    def dropped(self, feed: Feed, reason: str) -> None:
        """The connection was lost."""

    def ended(self, feed: Feed) -> None:
        """The source said goodbye."""

    def came_back(self, feed: Feed) -> None:
        """A new connection wrote its first samples. Any thread."""

    def carrying(self, feed: Feed) -> list[str]:
        """The paths of the areas whose mounts carry it."""

    def listeners(self, feed: Feed) -> int:
        """How many listen to those."""


class Feed:
    """One programme and its writer. ``area`` (its path when it was opened) and ``area_id`` are None
    for a relay, whose ``id`` is its URL.
    """

    def __init__(
        self,
        id: str,
        engine: Engine,
        keeper: Keeper,
        kind: SourceKind,
        chain: ChainConfig,
        *,
        area: str | None = None,
        area_id: int | None = None,
        secret: str = "",
        cls: BulletinClass = BulletinClass.ROUTINE,
    ) -> None:
        self.id = id
        self.kind = kind
        self.area = area
        self.area_id = area_id
        self.targets: frozenset[int] | None = None
        self.who = ""
        self.in_person = False
        """Somebody who signed in, and no token: who may be that is checked elsewhere."""
        self.secret = secret
        self.cls = cls
        self.name = ""
        self.title = ""
        self.presence = Presence()
        self.since = 0
        self.since_unix = 0.0
        self.start_tick = 0
        self.session: FeedSession | None = None
        self.programme: LiveProgramme | None = None
        self.last_write = time.monotonic()
        self.closing = False
        self._engine = engine
        self._keeper = keeper
        self._chain = chain
        self._lock = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether a connection is there that has written lately."""
        return self.session is not None and time.monotonic() - self.last_write < 2.0

    def write(self, pcm: npt.NDArray[np.float32], speech: bool) -> int:
        """Write samples; the first ones open the programme."""
        self.last_write = time.monotonic()
        programme = self.programme
        if programme is None:
            with self._lock:
                if self.closing:
                    return len(pcm)
                self.start_tick = self.since = self._engine.tick + LEAD_TICKS
                self.since_unix = time.time()
                programme = self._engine.open_live(self._chain, RINGS[self.kind], self.start_tick)
                self.programme = programme
            self._keeper.started(self)
        return programme.write(pcm, speech)

    @property
    def space(self) -> int:
        """Samples that fit now."""
        programme = self.programme
        return RINGS[self.kind].depth_ms * 48 if programme is None else programme.space

    def close(self) -> None:
        """Give the programme back to the engine: it plays out what it has."""
        with self._lock:
            self.closing = True
            programme, self.programme = self.programme, None
        if programme is not None:
            programme.close()


class FeedSession:
    """One connection's hold on a feed (``loa.streamer.ingest.session.Session``)."""

    def __init__(self, feed: Feed, keeper: Keeper, peer: str) -> None:
        self.feed = feed
        self.peer = peer
        self.live = feed.id
        self.returned = feed.programme is not None
        self.closed_by = ""
        self.on_close: Callable[[str], None] | None = None
        self._keeper = keeper
        self._open = True
        self._heard = not self.returned  # else it is told with the first samples
        self._lock = threading.Lock()

    @property
    def title(self) -> str:
        """What is said or played, for display."""
        return self.feed.title

    @title.setter
    def title(self, title: str) -> None:
        self.feed.title = title

    def settle(self, kind: SourceKind) -> None:
        """Say what the first bytes turned out to be; before the first ``write``."""
        if self.feed.programme is None:
            self.feed.kind = kind

    @property
    def space(self) -> int:
        """Samples that ``write`` would accept now."""
        return self.feed.space

    def write(self, pcm: npt.NDArray[np.float32], speech: bool) -> int:
        """Write samples; after the end they go nowhere."""
        with self._lock:  # against close: the programme must not go while it is written to
            if not self._open:
                return len(pcm)
            accepted = self.feed.write(pcm, speech)
        if not self._heard:
            self._heard = True
            self._keeper.came_back(self.feed)
        return accepted

    def drop(self, reason: str) -> None:
        """The connection was lost."""
        if self._shut():
            self._keeper.dropped(self.feed, reason)

    def end(self) -> None:
        """The source said goodbye."""
        if self._shut():
            self._keeper.ended(self.feed)

    def close(self, reason: str, by: str = "") -> None:
        """The server ends it, and tells the connection why."""
        self.closed_by = by
        if self._shut() and self.on_close is not None:
            self.on_close(reason)

    def _shut(self) -> bool:
        with self._lock:
            was_open, self._open = self._open, False
        if was_open and self.feed.session is self:
            self.feed.session = None
        return was_open

    def report(self) -> Status:
        """How it is doing, for whoever speaks."""
        feed = self.feed
        paths = self._keeper.carrying(feed)
        if feed.programme is None:
            return Status(note="waiting for sound")
        stats = feed._engine.programme_stats(feed.programme.handle)
        assert stats.ring is not None and stats.meters is not None
        ring, meters = stats.ring, stats.meters
        note = ""
        if not paths:
            note = "not on air: another source has the air, or this one must be steady first"
        return Status(
            on_air=tuple(paths[:64]),
            mounts=len(paths),
            listeners=self._keeper.listeners(feed),
            input_lufs=_value(meters.input_momentary_lufs),
            output_lufs=_value(meters.output_momentary_lufs),
            gain_db=_value(meters.gain_db),
            reduction_db=_value(meters.reduction_db),
            peak_dbfs=_value(meters.peak_dbfs),
            speech=meters.speech,
            ring_ms=round(ring.fill_ms, 1),
            depth_ms=round(ring.depth_ms, 1),
            trimmed_ms=round(ring.trimmed / 48, 1),
            note=note,
        )


def _value(level: float) -> float | None:
    return round(level, 1) if np.isfinite(level) else None
