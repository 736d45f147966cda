"""The hub: every receiver that is connected, and the topics that deal with them.

A topic (commands, audio, schedules, journals, health, data) says which messages it takes. The door
makes a session once a box has proved who it is, tells all topics that it joined, and from then on
gives each message to its topic, one after the other, so that a box that sends faster than it is
dealt with is slowed down by TCP and nothing else. Everything here belongs to the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loa.codecs.control.dialects import NEWEST, Dialect
from loa.codecs.control.messages import FromBox, Hello, Message
from loa.streamer import logs
from loa.streamer.counters import Counters

MOST_WAITING = 512 * 1024
"""Bytes that may wait for a box; one that takes less than it is sent is let go (it comes back)."""

log = logs.get("fleet")


class Wire(Protocol):
    """A session's connection. Nothing here waits; after the end it all does nothing."""

    @property
    def waiting(self) -> int:
        """Bytes that were written and the kernel has not taken yet."""

    @property
    def unread(self) -> int:
        """Bytes that were written and the box's kernel has not taken yet; it costs a system call.

        What lies between TLS layer and socket may be missing (``frontdoor``: at most 4 KiB).
        """

    def send_text(self, data: bytes) -> None:
        """Send a text message."""

    def send_frame(self, frame: bytes) -> None:
        """Send a whole WebSocket frame as ``binary_frame`` made it: the bytes are shared."""

    def close(self, why: str) -> None:
        """End the connection."""

    @property
    def bytes_sent(self) -> int:
        """Bytes of messages sent in this session, frames' heads included."""

    @property
    def bytes_received(self) -> int:
        """Bytes of messages received."""


@dataclass(slots=True, eq=False)
class Session:
    """One connection of one receiver, from its welcome to its end.

    ``area``: the id of its area, ``hello`` what it said of itself, ``cached`` the audio that it
    has (topics keep that up), ``since`` Unix seconds.
    """

    receiver: int
    area: int
    name: str
    hello: Hello
    wire: Wire
    peer: str
    since: float
    counters: Counters
    trusts: bytes = b""
    """The server's key that this box trusts: what it is to believe is signed by that one."""
    dialect: Dialect = NEWEST
    """The version that the box speaks."""
    cached: set[bytes] = field(default_factory=set)
    sounding: bool | None = None
    """Whether something sounds there, as the box said last; None: it did not say."""
    ended: bool = False

    def send(self, message: Message) -> None:
        """Send a message; after the end it goes nowhere."""
        if self.ended:
            return
        if self.wire.waiting > MOST_WAITING:
            self.counters.add("fleet.too_slow")
            self.wire.close("too slow")
            return
        self.wire.send_text(self.dialect.encode(message))

    def close(self, why: str) -> None:
        """End it; the box may come back."""
        self.wire.close(why)


class Topic(Protocol):
    """Deals with some of the messages."""

    takes: Sequence[type[Message]]

    def joined(self, session: Session) -> None:
        """A session began; it is in the hub."""

    def left(self, session: Session) -> None:
        """It ended; it is no longer in the hub."""

    async def take(self, session: Session, message: FromBox) -> None:
        """Deal with a message of one of the types that ``takes`` names."""


class Hub:
    """See the module."""

    def __init__(self, counters: Counters) -> None:
        self.counters = counters
        self._topics: list[Topic] = []
        self._by_type: dict[type[Message], Topic] = {}
        self._sessions: dict[int, Session] = {}
        self._in_area: dict[int, set[Session]] = {}

    def add(self, topic: Topic) -> None:
        """Add a topic, before the first session."""
        self._topics.append(topic)
        for kind in topic.takes:
            assert kind not in self._by_type, f"two topics take {kind.__name__}"
            self._by_type[kind] = topic

    # --- who is there

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def of(self, receiver: int) -> Session | None:
        """Return a receiver's session, None when it is not connected."""
        return self._sessions.get(receiver)

    def within(self, areas: Iterable[int]) -> Iterator[Session]:
        """Give the sessions of receivers of these areas (themselves, not below them)."""
        for area in areas:
            yield from list(self._in_area.get(area, ()))

    # --- what the door tells

    def join(self, session: Session) -> None:
        """A session begins; an older one of the same receiver ends, for that one is dead."""
        old = self._sessions.get(session.receiver)
        if old is not None:
            self.counters.add("fleet.replaced")
            old.close("replaced")
            self.leave(old)
        self._sessions[session.receiver] = session
        self._in_area.setdefault(session.area, set()).add(session)
        for topic in self._topics:
            self._safely(topic.joined, session)

    def leave(self, session: Session) -> None:
        """A session is over; idempotent."""
        if session.ended:
            return
        session.ended = True
        if self._sessions.get(session.receiver) is session:
            del self._sessions[session.receiver]
        together = self._in_area.get(session.area, set())
        together.discard(session)
        if not together:
            self._in_area.pop(session.area, None)
        for topic in self._topics:
            self._safely(topic.left, session)

    def move(self, session: Session) -> None:
        """Its receiver belongs to another area now: it begins anew."""
        session.close("moved")

    async def take(self, session: Session, message: FromBox) -> None:
        """Give a message to its topic."""
        topic = self._by_type.get(type(message))
        if topic is None:
            self.counters.add("fleet.messages.nobody")
            return
        await topic.take(session, message)

    def _safely(self, tell: object, session: Session) -> None:
        # One topic's mistake must not keep a receiver from the others.
        try:
            tell(session)  # type: ignore[operator]
        except Exception:
            self.counters.add("fleet.topics.failed")
            log.exception("a topic failed with a session", receiver=session.receiver)


def binary_frame(payload: bytes) -> bytes:
    """Return the WebSocket frame of a server's binary message (RFC 6455, 5.2), to be shared."""
    size = len(payload)
    if size < 126:
        return bytes((0x82, size)) + payload
    if size < 65_536:
        return b"\x82\x7e" + size.to_bytes(2) + payload
    return b"\x82\x7f" + size.to_bytes(8) + payload
