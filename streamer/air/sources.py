"""Who is live: sources and relays as they come, stall, are lost, held, and come back.

Everything runs on the loop, but for ``started`` and ``came_back``, which decoders call. What
changes here is told by ``changed``; what becomes of it is for the director.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from loa.native.engine import ChainConfig, Engine, Event, EventKind
from loa.streamer import logs
from loa.streamer.air.feeds import Feed, FeedSession
from loa.streamer.air.tokens import Tokens
from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.cues import Live, Policies, Presence
from loa.streamer.core.rights import BulletinClass, digest
from loa.streamer.counters import Counters
from loa.streamer.ingest.session import Admitted, AreaBusy, AreaUnknown, NotAllowed, SourceKind

RETURN_SECONDS = 60.0
"""A source that was given up and is back within this time must be steady before it takes back."""

log = logs.get("sources")


@dataclass(slots=True)
class _GivenUp:
    """Sources whose hold ran out, by area and secret, and until when each is remembered."""

    until: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, area: str, secret: str, now: float) -> None:
        self.until = {key: end for key, end in self.until.items() if end > now}
        self.until[(area, secret)] = now + RETURN_SECONDS

    def take(self, area: str, secret: str, now: float) -> bool:
        return self.until.pop((area, secret), 0.0) > now


@dataclass(slots=True)
class Hearing:
    """What sources tell whoever decides. ``carrying``: the ids of areas whose mounts carry it."""

    changed: Callable[[int], None]
    """Something changed: decide anew, for the tick given or (0) the next that can be had."""
    carrying: Callable[[Feed], Sequence[int]]
    listeners: Callable[[Sequence[int]], int]


class LiveSources:
    """See the module. Implements ``Sources`` of ingest and ``Keeper`` of feeds."""

    def __init__(
        self,
        engine: Engine,
        tokens: Tokens,
        counters: Counters,
        tree: Callable[[], AreaTree],
        hearing: Hearing,
        *,
        policies: Policies,
        chain: ChainConfig,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._tokens = tokens
        self._counters = counters
        self._tree = tree
        self._hearing = hearing
        self._policies = policies
        self._chain = chain
        self._wall = wall
        self._loop = asyncio.get_running_loop()
        self._ids = 0
        self._stopping = False
        self._given_up = _GivenUp()
        self.lives: dict[str, Feed] = {}
        self.relays: dict[str, Feed] = {}

    # --- what ingest asks

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
        now = self._wall()
        if not self._tokens.known(token, now) or self._stopping:
            raise NotAllowed("the password is wrong")
        tree = self._tree()
        area = tree.find(area_path)
        if area is None:
            raise AreaUnknown(f"there is no area {area_path}")
        secret = digest(token)
        right = self._tokens.right(secret, area, tree, now)
        if right is None:
            raise NotAllowed(f"this token is not for {area.path}")
        cls = BulletinClass[klass.upper()] if klass else right.cls
        if cls > right.cls:
            raise NotAllowed(f"this token is for {right.cls.name.lower()} at most")
        feed = self._live_on(area.id)
        if feed is not None and (feed.secret != secret or feed.alive):
            raise AreaBusy(f"another source is live on {area.path}", feed.who or feed.name)
        feed = self._feed(feed, area, secret, kind, cls)
        feed.targets, feed.who = right.targets, right.name
        return self._attach(feed, name, peer)

    def open_for(self, admitted: Admitted, *, peer: str) -> FeedSession:
        """Open a session for somebody in person; raises ``AreaUnknown`` or ``AreaBusy``.

        A key is one page's, which has one connection at a time: nobody is thrown off for ever by
        its taking over from one that still delivers.
        """
        area = self._tree().get(admitted.area)
        if area is None or self._stopping:
            raise AreaUnknown(f"there is no area {admitted.area}")
        # No token has a digest of this form.
        secret = f"account {admitted.account}: {digest(admitted.key)}"
        feed = self._live_on(area.id)
        if feed is not None and feed.secret != secret:
            raise AreaBusy(f"another source is live on {area.path}", feed.who or feed.name)
        feed = self._feed(feed, area, secret, SourceKind.STUDIO, admitted.cls)
        feed.in_person = True
        feed.targets, feed.who = admitted.targets, admitted.who
        return self._attach(feed, admitted.name, peer)

    def knows(self, key: str) -> bool:
        """Say whether somebody is live, or held, with this key."""
        end = f": {digest(key)}"
        return any(f.in_person and f.secret.endswith(end) for f in self.lives.values())

    def _feed(
        self, feed: Feed | None, area: Area, secret: str, kind: SourceKind, cls: BulletinClass
    ) -> Feed:
        """Return the feed to go on with, if that will do, or else a new one in its place."""
        studio = kind is SourceKind.STUDIO
        if feed is not None and (
            feed.closing or feed.cls is not cls or (feed.kind is SourceKind.STUDIO) != studio
        ):
            self._give_up(feed, "replaced")
            feed = None
        if feed is None:
            self._ids += 1
            feed = Feed(
                f"{area.id}.{self._engine.tick}.{self._ids}", self._engine, self, kind, self._chain,
                area=area.path, area_id=area.id, secret=secret, cls=cls,
            )  # fmt: skip
            if self._given_up.take(str(area.id), secret, time.monotonic()):
                feed.presence = Presence(returned=self._engine.tick)
            self.lives[feed.id] = feed
        return feed

    def open_relay(self, url: str) -> FeedSession:
        """Open the session through which a relay's puller writes; again after ``drop``."""
        feed = self.relays.get(url)
        if feed is None or feed.closing:
            feed = Feed(url, self._engine, self, SourceKind.RELAY, self._chain)
            if self._given_up.take(url, "", time.monotonic()):
                feed.presence = Presence(returned=self._engine.tick)
            self.relays[url] = feed
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
        self._loop.call_soon_threadsafe(self._hearing.changed, feed.start_tick)

    def came_back(self, feed: Feed) -> None:
        """A new connection wrote its first samples. Any thread."""
        self._loop.call_soon_threadsafe(self._well, feed)

    def dropped(self, feed: Feed, reason: str) -> None:
        """The connection was lost."""
        self._counters.add("sources.dropped")
        log.warning("source lost", area=feed.area, name=feed.name, reason=reason)
        if feed.programme is None:
            self._forget(feed)
            self._hearing.changed(0)  # it may have replaced one that was on air
            return
        feed.presence = feed.presence.lose(self._engine.tick, self._policies)
        self._hearing.changed(0)

    def ended(self, feed: Feed) -> None:
        """The source said goodbye: what its ring holds is played, then the engine tells the end."""
        self._counters.add("sources.ended")
        log.info("source ended", area=feed.area, name=feed.name)
        if feed.programme is None:
            self._forget(feed)
            self._hearing.changed(0)
            return
        feed.closing = True
        feed.programme.finish()

    def carrying(self, feed: Feed) -> list[str]:
        """The paths of the areas whose mounts carry it."""
        tree = self._tree()
        return [a.path for id in self._hearing.carrying(feed) if (a := tree.get(id)) is not None]

    def listeners(self, feed: Feed) -> int:
        """How many listen to those."""
        return self._hearing.listeners(self._hearing.carrying(feed))

    # --- what the director asks

    def all(self) -> Iterator[Feed]:
        """Give every feed, lives first."""
        yield from self.lives.values()
        yield from self.relays.values()

    def situation_lives(self, home: Callable[[int], int | None]) -> tuple[Live, ...]:
        """Return the lives that have sound; ``home`` says what became of an area, by id."""
        found = []
        for feed in self.lives.values():
            area = None if feed.area_id is None else home(feed.area_id)
            if area is not None and feed.programme is not None:
                found.append(Live(feed.id, area, feed.cls, feed.since, feed.presence, feed.targets))
        return tuple(found)

    def situation_relays(self) -> dict[str, Presence]:
        """Return the relays that deliver or did, by URL."""
        return {u: feed.presence for u, feed in self.relays.items() if feed.programme is not None}

    def feed_of(self, kind: str, id: str) -> Feed | None:
        """Return what a choice of the arbiter speaks of, if it is a live or a relay."""
        if kind == "live":
            return self.lives.get(id)
        return self.relays.get(id) if kind == "relay" else None

    @property
    def all_well(self) -> bool:
        """Whether no source is lost or has to prove itself, so that nothing of it runs out."""
        return all(f.presence.lost is None and f.presence.returned is None for f in self.all())

    def by_kind(self) -> dict[str, int]:
        """Return the sources that are connected now, by kind."""
        counts = {kind.value: 0 for kind in SourceKind}
        for feed in self.all():
            counts[feed.kind.value] += feed.session is not None
        return counts

    def on_event(self, event: Event) -> None:
        """Take an event of the engine that is about a live programme; others are ignored."""
        if event.kind not in (EventKind.ENDED, EventKind.STALLED, EventKind.RESUMED):
            return
        feed = self._by_handle(event.id)
        if feed is None:
            return
        if event.kind is EventKind.RESUMED:
            self._well(feed)
            return
        if event.kind is EventKind.ENDED:
            self._forget(feed)
        else:
            self._counters.add("sources.stalls")
            feed.presence = feed.presence.lose(event.tick, self._policies)
        self._hearing.changed(0)

    def sweep(self) -> None:
        """Look after what an event that was dropped would have told."""
        tick = self._engine.tick
        for feed in list(self.all()):
            if feed.programme is None:
                continue
            if self._engine.programme_stats(feed.programme.handle).end_tick <= tick:
                self._forget(feed)
                self._hearing.changed(0)

    def expire(self, tick: int) -> None:
        """Forget sources that are gone and whose hold has run out."""
        for feed in list(self.all()):
            lost = feed.presence.lost
            if lost is None or feed.session is not None or tick < lost + self._policies.hold:
                continue
            key = feed.id if feed.area_id is None else str(feed.area_id)
            self._given_up.add(key, feed.secret, time.monotonic())
            log.warning("source given up", area=feed.area, name=feed.name)
            self._forget(feed)

    def check_tokens(self) -> None:
        """End lives whose token is good no more: revoked, expired, or for another class."""
        tree, now = self._tree(), self._wall()
        for feed in list(self.lives.values()):
            area = None if feed.area_id is None else tree.get(feed.area_id)
            if area is None or feed.in_person:
                continue
            right = self._tokens.right(feed.secret, area, tree, now)
            if right is None or right.cls < feed.cls:
                self._counters.add("sources.revoked")
                self.cut(feed, "revoked")

    def cut(self, feed: Feed, reason: str, by: str = "") -> None:
        """End a live at once, with a fade; its source is told why, and ``by`` whom."""
        log.warning("source cut", area=feed.area, name=feed.name, reason=reason, by=by)
        if feed.programme is not None:
            feed.programme.cut()
        self._give_up(feed, reason, by)
        self._hearing.changed(0)

    def stop(self, reason: str) -> None:
        """End every session, and take no new one."""
        self._stopping = True
        for feed in self.all():
            if feed.session is not None:
                feed.session.close(reason)
            feed.close()

    # --- state of feeds

    def _live_on(self, area: int) -> Feed | None:
        for feed in self.lives.values():
            if feed.area_id == area and not feed.closing:
                return feed
        return None

    def _by_handle(self, handle: int) -> Feed | None:
        for feed in self.all():
            if feed.programme is not None and feed.programme.handle == handle:
                return feed
        return None

    def _well(self, feed: Feed) -> None:
        if feed.session is None or feed.closing:
            return
        feed.presence = feed.presence.come_back(self._engine.tick, self._policies)
        self._hearing.changed(0)

    def _give_up(self, feed: Feed, reason: str, by: str = "") -> None:
        if feed.session is not None:
            feed.session.close(reason, by)
        self._forget(feed)

    def _forget(self, feed: Feed) -> None:
        if feed.area_id is None:
            if self.relays.get(feed.id) is feed:
                del self.relays[feed.id]
        else:
            self.lives.pop(feed.id, None)
        feed.close()
