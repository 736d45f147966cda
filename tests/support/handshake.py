"""Both sides of a session's beginning, without a network."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loa.codecs.control import messages
from loa.codecs.control.codes import Code
from loa.codecs.control.dialects import DIALECTS, NEWEST, Dialect
from loa.codecs.control.signing import SigningKey
from loa.receivers import handshake as box_side
from loa.receivers.handshake import Trust
from loa.streamer.fleet import handshake as server_side
from loa.streamer.fleet.identity import ServerIdentity

CERTIFICATE = hashlib.sha256(b"the key of a certificate").digest()
ANOTHER = hashlib.sha256(b"somebody else's").digest()
NOW = 1_790_000_000.0


def dialects(*versions: int) -> dict[int, Dialect]:
    """Invent versions whose messages are those of the newest."""
    return {v: Dialect(v, NEWEST.encode, NEWEST.from_box, NEWEST.from_server) for v in versions}


@dataclass
class Meeting:
    """A server, and a box that trusts its identity. ``seen``: the certificate the box saw."""

    folder: Path
    seen: bytes = CERTIFICATE
    servers: Mapping[int, Dialect] = field(default_factory=lambda: DIALECTS)
    boxes: Mapping[int, Dialect] = field(default_factory=lambda: DIALECTS)
    key: SigningKey = field(default_factory=SigningKey.generate)

    def __post_init__(self) -> None:
        self.identity = ServerIdentity.load(self.folder, NOW)

    def code(self) -> Code:
        return Code.make(self.identity.key.public)

    def meet(
        self, trust: Trust | None = None, challenge: bytes | None = None
    ) -> tuple[server_side.Handshake, box_side.Handshake]:
        """Bring both together, up to where the box has checked the server."""
        server = server_side.Handshake(
            self.identity.identities(CERTIFICATE, NOW), CERTIFICATE, NOW, dialects=self.servers
        )
        box = box_side.Handshake(
            self.seen, trust or (lambda key: key == self.identity.key.public), dialects=self.boxes
        )
        box.read(challenge or messages.encode(server.challenge))
        return server, box
