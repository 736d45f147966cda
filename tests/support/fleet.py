"""Receivers' sessions without a network, for tests of the hub's topics."""

from __future__ import annotations

from dataclasses import dataclass, field

from loa.codecs.control import messages
from loa.codecs.control.messages import FromServer, Hello
from loa.streamer.counters import Counters
from loa.streamer.fleet.hub import Hub, Session

NONCE = bytes(range(32))


@dataclass
class RecordingWire:
    """A wire that keeps what it was given. ``waiting`` is what the test says."""

    waiting: int = 0
    sent: list[FromServer] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)
    closed: str | None = None
    bytes_sent: int = 0
    bytes_received: int = 0

    @property
    def unread(self) -> int:
        return self.waiting

    def send_text(self, data: bytes) -> None:
        self.sent.append(messages.from_server(data))
        self.bytes_sent += len(data)

    def send_frame(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.bytes_sent += len(frame)

    def close(self, why: str) -> None:
        self.closed = self.closed or why


def connected(
    hub: Hub, receiver: int = 1, area: int = 1, *, counters: Counters | None = None, **hello: object
) -> tuple[Session, RecordingWire]:
    """Return a session that has just joined, and its wire; ``hello``: fields of its ``Hello``."""
    wire = RecordingWire()
    said = {"version": 1, "receiver": receiver, "nonce": NONCE, "signature": bytes(64), **hello}
    session = Session(
        receiver, area, f"Cụm loa {receiver}", Hello(**said), wire, "127.0.0.1",  # type: ignore[arg-type]
        1_790_000_000.0, counters or hub.counters,
    )  # fmt: skip
    hub.join(session)
    return session, wire
