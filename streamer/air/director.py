"""The director: keeps feeds, files and mounts together and does what the arbiter decides.

Everything runs on the loop, but for ``started`` and ``came_back``, which decoders call. The arbiter
is asked whenever something changed or a hold or take-back runs out. What it answers is compared
with what the mounts were last told, and only changes go to the engine, each for all its mounts at
one tick.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from loa.native.engine import SILENCE as SILENT_PROGRAMME
from loa.native.engine import TICKS_A_SECOND, ChainConfig, Clip, Engine, Event, EventKind
from loa.native.error import NativeError
from loa.streamer.air.feeds import Feed, FeedSession
from loa.streamer.air.mounts import SILENT, MountInfo, OnAir
from loa.streamer.air.playout import Playout
from loa.streamer.core.arbiter_first import (
    SILENCE,
    Choice,
    Content,
    Live,
    Policies,
    Presence,
    arbitrate,
    next_look,
)
from loa.streamer.core.areas import AreaTree
from loa.streamer.core.rights import BulletinClass, SourceTokens, digest
from loa.streamer.counters import Counters
from loa.streamer.ingest.session import AreaBusy, AreaUnknown, NotAllowed, SourceKind

LEAD_TICKS = 3
"""Ticks from a decision to the change: the engine takes the next but one at the earliest."""
RETURN_SECONDS = 60.0
"""A source that was given up and is back within this time must be steady before it takes back."""
CUT_DELAY = 1.0
TRY_AGAIN = 1.0
"""Seconds after which what the engine had no room for is asked of it again."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Mount:
    """What a mount was last told."""

    info: MountInfo
    choice: Choice = SILENCE
    handle: int = SILENT_PROGRAMME
    since: float = 0.0
    playout: Playout | None = None


@dataclass(slots=True)
class _GivenUp:
    """Sources whose hold ran out, by area and secret, and until when each is remembered."""

    until: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, area: str, secret: str, now: float) -> None:
        self.until = {key: end for key, end in self.until.items() if end > now}
        self.until[(area, secret)] = now + RETURN_SECONDS

    def take(self, area: str, secret: str, now: float) -> bool:
        return self.until.pop((area, secret), 0.0) > now


class Director:
    """See the module. Implements ``Sources`` of ingest, ``Mounts`` of listening and ``Keeper``."""

    def __init__(
        self,
        engine: Engine,
        areas: AreaTree,
        tokens: SourceTokens,
        contents: Mapping[str, Content],
        counters: Counters,
        *,
        policies: Policies | None = None,
        chain: ChainConfig | None = None,
    ) -> None:
        self._engine = engine
        self._areas = areas
        self._tokens = tokens
        self._contents = contents
        self._counters = counters
        self._policies = policies or Policies()
        self._chain = chain or ChainConfig()
        self._loop = asyncio.get_running_loop()
        self._mounts = {
            area.path: _Mount(MountInfo(engine.open_mount(), area.path, area.name))
            for area in areas
        }
        self._numbers = {mount.info.number: mount for mount in self._mounts.values()}
        self._lives: dict[str, Feed] = {}
        self._relays: dict[str, Feed] = {}
        self._clips: dict[str, Clip] = {}
        self._playouts: list[Playout] = []
        self._refused: set[Playout] = set()
        self._asked: asyncio.Handle | None = None
        self._given_up = _GivenUp()
        self._ids = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = False

    # --- Mounts: what listening asks

    def find(self, path: str) -> MountInfo | None:
        """Return the mount of an area path, a former one included; None when there is none."""
        area = self._areas.find(path)
        return None if area is None else self._mounts[area.path].info

    def all(self) -> Sequence[MountInfo]:
        """Return every mount, parents before children."""
        return [mount.info for mount in self._mounts.values()]

    def on_air(self, number: int) -> OnAir:
        """Return what a mount carries now."""
        mount = self._numbers[number]
        choice = mount.choice
        if choice.kind == "silence":
            return SILENT
        feed = self._feed_of(choice)
        title = (feed.title or feed.name) if feed is not None else ""
        return OnAir(choice.kind, title, mount.since)

    # --- Sources: what ingest asks

    def open(
        self,
        area_path: str,
        token: str,
        *,
        kind: SourceKind,
        name: str,
        peer: str,
        klass: str = "",
    ) -> FeedSession:
        """Open a session; raises ``NotAllowed``, ``AreaUnknown`` or ``AreaBusy``.

        ``klass``: at most the token's class may be asked for; nothing asks for just that one.
        """
        known = self._tokens.known(token)
        if not known or self._stopping:
            raise NotAllowed("the password is wrong")
        area = self._areas.find(area_path)
        if area is None:
            raise AreaUnknown(f"there is no area {area_path}")
        right = next((t for t in known if t.covers(area)), None)
        if right is None:
            raise NotAllowed(f"this token is not for {area.path}")
        cls = BulletinClass[klass.upper()] if klass else right.cls
        if cls > right.cls:
            raise NotAllowed(f"this token is for {right.cls.name.lower()} at most")
        secret = digest(token)
        feed = self._live_on(area.path)
        if feed is not None and (feed.secret != secret or feed.alive):
            raise AreaBusy(f"another source is live on {area.path}")
        studio = kind is SourceKind.STUDIO
        other = feed is not None and (
            feed.closing or feed.cls is not cls or (feed.kind is SourceKind.STUDIO) != studio
        )
        if feed is not None and other:
            self._give_up(feed, "replaced")
            feed = None
        if feed is None:
            self._ids += 1
            feed = Feed(
                f"{area.path}#{self._ids}", self._engine, self, kind, self._chain,
                area=area.path, secret=secret, cls=cls,
            )  # fmt: skip
            if self._given_up.take(area.path, secret, time.monotonic()):
                feed.presence = Presence(returned=self._engine.tick)
            self._lives[feed.id] = feed
        return self._attach(feed, name, peer)

    def open_relay(self, url: str) -> FeedSession:
        """Open the session through which a relay's puller writes; again after ``drop``."""
        feed = self._relays.get(url)
        if feed is None or feed.closing:
            feed = Feed(url, self._engine, self, SourceKind.RELAY, self._chain)
            if self._given_up.take(url, "", time.monotonic()):
                feed.presence = Presence(returned=self._engine.tick)
            self._relays[url] = feed
        # Listeners see the name: the rest of the URL may hold a key.
        return self._attach(feed, urlsplit(url).hostname or "", url)

    def _attach(self, feed: Feed, name: str, peer: str) -> FeedSession:
        if feed.session is not None:
            feed.session.close("replaced")
        feed.name = name
        feed.last_write = time.monotonic()
        feed.session = FeedSession(feed, self, peer)
        self._counters.add(f"sources.{feed.kind.value}")
        log.info("source connected", area=feed.area, kind=feed.kind.value, name=name, peer=peer)
        return feed.session

    # --- Keeper: what feeds tell

    def started(self, feed: Feed) -> None:
        """The first samples came. Any thread."""
        self._loop.call_soon_threadsafe(self._refresh, feed.start_tick)

    def came_back(self, feed: Feed) -> None:
        """A new connection wrote its first samples. Any thread."""
        self._loop.call_soon_threadsafe(self._well, feed)

    def dropped(self, feed: Feed, reason: str) -> None:
        """The connection was lost."""
        self._counters.add("sources.dropped")
        log.warning("source lost", area=feed.area, name=feed.name, reason=reason)
        if feed.programme is None:
            self._forget(feed)
            self._ask()  # it may have replaced one that was on air
            return
        feed.presence = feed.presence.lose(self._engine.tick, self._policies)
        self._ask()

    def ended(self, feed: Feed) -> None:
        """The source said goodbye: what its ring holds is played, then the engine tells the end."""
        self._counters.add("sources.ended")
        log.info("source ended", area=feed.area, name=feed.name)
        if feed.programme is None:
            self._forget(feed)
            self._ask()
            return
        feed.closing = True
        feed.programme.finish()

    def carrying(self, feed: Feed) -> list[str]:
        """The paths of the areas whose mounts carry it."""
        return [p for p, mount in self._mounts.items() if self._feed_of(mount.choice) is feed]

    def listeners(self, feed: Feed) -> int:
        """How many listen to those."""
        counts = self._engine.mount_listeners(len(self._numbers))
        return int(sum(counts[self._mounts[path].info.number] for path in self.carrying(feed)))

    def by_kind(self) -> dict[str, int]:
        """Return the sources that are connected now, by kind."""
        counts = {kind.value: 0 for kind in SourceKind}
        for feed in [*self._lives.values(), *self._relays.values()]:
            counts[feed.kind.value] += feed.session is not None
        return counts

    # --- the engine's events

    def on_event(self, event: Event) -> None:
        """Take an event that is about a programme; others are ignored."""
        if event.kind is EventKind.ENDED:
            self._programme_ended(event)
        elif event.kind in (EventKind.STALLED, EventKind.RESUMED):
            feed = self._feed_by_handle(event.id)
            if feed is None:
                return
            if event.kind is EventKind.RESUMED:
                self._well(feed)
                return
            self._counters.add("sources.stalls")
            feed.presence = feed.presence.lose(event.tick, self._policies)
            self._ask()

    def _programme_ended(self, event: Event) -> None:
        for playout in self._playouts:
            if playout.plays(event.id):
                self._play_on(playout)
                return
        feed = self._feed_by_handle(event.id)
        if feed is not None:
            self._forget(feed)
            self._ask()

    def _play_on(self, playout: Playout) -> None:
        try:
            playout.advance(self._engine.tick)
        except NativeError as error:
            # No later round may be left to end and to ask again, so a timer does.
            if playout not in self._refused:
                self._refused.add(playout)
                self._counters.add("carriage.failed")
                log.error("a file cannot be played on", file=playout.file, why=str(error))
                self._loop.call_later(TRY_AGAIN, self._play_again, playout)

    def _play_again(self, playout: Playout) -> None:
        self._refused.discard(playout)
        if not self._stopping and playout in self._playouts:
            self._play_on(playout)

    def sweep(self) -> None:
        """Look after what an event that was dropped would have told. Call it every few seconds."""
        tick = self._engine.tick
        for playout in list(self._playouts):
            self._play_on(playout)
        for feed in [*self._lives.values(), *self._relays.values()]:
            if feed.programme is None:
                continue
            if self._engine.programme_stats(feed.programme.handle).end_tick <= tick:
                self._forget(feed)
                self._ask()

    # --- files

    def add_clip(self, file: str, clip: Clip) -> None:
        """A file's packets are ready to be played (again, if it had others)."""
        self._clips[file] = clip
        self._refresh()

    # --- state of feeds

    def _live_on(self, area: str) -> Feed | None:
        for feed in self._lives.values():
            if feed.area == area and not feed.closing:
                return feed
        return None

    def _feed_of(self, choice: Choice) -> Feed | None:
        if choice.kind == "live":
            return self._lives.get(choice.id)
        return self._relays.get(choice.id) if choice.kind == "relay" else None

    def _handle_of(self, choice: Choice) -> int:
        """Return the programme of a live or relay; silence for everything else."""
        feed = self._feed_of(choice)
        if feed is None or feed.programme is None:
            return SILENT_PROGRAMME
        return feed.programme.handle

    def _feed_by_handle(self, handle: int) -> Feed | None:
        for feeds in (self._lives, self._relays):
            for feed in feeds.values():
                if feed.programme is not None and feed.programme.handle == handle:
                    return feed
        return None

    def _well(self, feed: Feed) -> None:
        if feed.session is None or feed.closing:
            return
        feed.presence = feed.presence.come_back(self._engine.tick, self._policies)
        self._ask()

    def _give_up(self, feed: Feed, reason: str) -> None:
        if feed.session is not None:
            feed.session.close(reason)
        self._forget(feed)

    def _forget(self, feed: Feed) -> None:
        if feed.area is None:
            if self._relays.get(feed.id) is feed:
                del self._relays[feed.id]
        else:
            self._lives.pop(feed.id, None)
        feed.close()

    def _expire(self, tick: int) -> None:
        """Forget sources that are gone and whose hold has run out."""
        for feed in [*self._lives.values(), *self._relays.values()]:
            lost = feed.presence.lost
            if lost is None or feed.session is not None or tick < lost + self._policies.hold:
                continue
            self._given_up.add(feed.area or feed.id, feed.secret, time.monotonic())
            log.warning("source given up", area=feed.area, name=feed.name)
            self._forget(feed)

    # --- the decision

    def _ask(self) -> None:
        """Ask the arbiter once for all that happened in this turn of the loop."""
        if self._asked is None:
            self._asked = self._loop.call_soon(self._refresh)

    def _refresh(self, at: int = 0) -> None:
        if self._asked is not None:
            self._asked.cancel()
            self._asked = None
        if self._stopping:
            return
        now = self._engine.tick
        tick = max(at, now + LEAD_TICKS)
        self._expire(tick)
        lives = [
            Live(feed.id, feed.area, feed.cls, feed.since, feed.presence)
            for feed in self._lives.values()
            if feed.area is not None and feed.programme is not None
        ]
        relays = {
            url: feed.presence for url, feed in self._relays.items() if feed.programme is not None
        }
        choices = arbitrate(self._areas, lives, self._contents, relays, self._policies, tick)
        changed: dict[Choice, list[_Mount]] = {}
        for path, choice in choices.items():
            mount = self._mounts[path]
            if choice.kind == "file" and choice.id not in self._clips:
                choice = SILENCE  # it is still being prepared, or could not be
            # Where a choice comes from does not matter to who hears it, but a relay that came back
            # is another programme.
            if (choice.kind, choice.id) != (
                mount.choice.kind,
                mount.choice.id,
            ) or self._handle_of(choice) != mount.handle:
                changed.setdefault(Choice(choice.kind, choice.id), []).append(mount)
        done = [self._change(choice, mounts, tick) for choice, mounts in changed.items()]
        due = next_look(lives, relays, self._policies, tick)
        if not all(done):
            again = tick + round(TRY_AGAIN * TICKS_A_SECOND)
            due = again if due is None else min(due, again)
        self._look_again(due, now)

    def _change(self, choice: Choice, mounts: list[_Mount], tick: int) -> bool:
        """Tell the engine; False when it has no room for that now."""
        numbers = {mount.info.number for mount in mounts}
        leaving = {mount.playout for mount in mounts if mount.playout is not None}
        playout: Playout | None = None
        try:
            if choice.kind == "file":
                playout = Playout(self._engine, choice.id, self._clips[choice.id], tick)
                playout.begin(numbers)
                self._playouts.append(playout)
            else:
                self._engine.carry(sorted(numbers), self._handle_of(choice), tick)
        except NativeError as error:
            # Too many programmes or changes at once: they keep what they have; asked again later.
            self._counters.add("carriage.failed")
            log.error("carriage could not be changed", to=choice.kind, id=choice.id, why=str(error))
            return False
        for left in leaving:
            idle = left.leave(numbers)
            if not left.mounts:
                self._playouts.remove(left)
            if idle:
                self._loop.call_later(CUT_DELAY, self._cut, idle)
        now = time.time()
        for mount in mounts:
            mount.choice, mount.since, mount.playout = choice, now, playout
            mount.handle = self._handle_of(choice)
        log.info(
            "on air",
            kind=choice.kind, id=choice.id, mounts=len(mounts), first=mounts[0].info.path,
            tick=tick,
        )  # fmt: skip
        return True

    def _cut(self, handles: list[int]) -> None:
        if self._stopping:
            return
        for handle in handles:
            with suppress(NativeError):  # it has ended and is gone
                self._engine.cut(handle)

    def _look_again(self, tick: int | None, now: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if tick is not None:
            delay = max(1, tick - LEAD_TICKS - now) / TICKS_A_SECOND
            self._timer = self._loop.call_later(delay, self._refresh)

    # --- the end

    def stop(self, reason: str = "shutdown") -> None:
        """End every session; nothing changes any more."""
        self._stopping = True
        for handle in (self._timer, self._asked):
            if handle is not None:
                handle.cancel()
        for feed in [*self._lives.values(), *self._relays.values()]:
            if feed.session is not None:
                feed.session.close(reason)
            feed.close()
