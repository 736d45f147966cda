"""The server's side of a session's beginning: bytes in, decisions out; no sockets, no database.

::

    shake = Handshake(identity, certificate, unix)
    send(shake.challenge)
    asked = shake.read(data)               a Hello or an Enrol; raises Refusal
    shake.check_hello(asked, keys)         the key that it was signed with; raises Refusal
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from loa.codecs.control import messages
from loa.codecs.control.dialects import DIALECTS, Dialect
from loa.codecs.control.messages import (
    Challenge,
    Enrol,
    Hello,
    Identity,
    MessageError,
    Refused,
    session_text,
)
from loa.codecs.control.signing import PublicKey, Purpose

MAX_FIRST = 8 * 1024
"""Bytes of a box's first message."""


class Refusal(Exception):
    """There is no session; ``refused`` is what the box is told."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.refused = Refused(code=code, why=why)


class Handshake:
    """One session's beginning. ``certificate``: SHA-256 of its connection's certificate's key.

    ``dialects``: the versions that are spoken here.
    """

    def __init__(
        self,
        identities: Sequence[Identity],
        certificate: bytes,
        unix: float,
        nonce: bytes | None = None,
        dialects: Mapping[int, Dialect] = DIALECTS,
    ) -> None:
        self._keys = [PublicKey(identity.key) for identity in identities]
        self._certificate = certificate
        self._nonce = nonce or secrets.token_bytes(32)
        self._dialects = dialects
        self.trusted: PublicKey | None = None
        """The identity that the box signed for, once that was checked."""
        self.dialect = dialects[max(dialects)]
        """What the box chose to speak, once it said so."""
        self._challenge = Challenge(
            oldest=min(dialects), newest=max(dialects), nonce=self._nonce,
            identities=tuple(identities), unix=unix,
        )  # fmt: skip

    @property
    def challenge(self) -> Challenge:
        """The server's first words."""
        return self._challenge

    def read(self, data: bytes | str) -> Hello | Enrol:
        """Read the box's first message. Raises ``Refusal``."""
        if len(data) > MAX_FIRST:
            raise Refusal("message", "the first message is too long")
        try:
            asked = messages.from_box(data)
        except MessageError as error:
            raise Refusal("message", f"this is no beginning of a session: {error}"[:200]) from None
        if not isinstance(asked, Hello | Enrol):
            raise Refusal("message", "a session begins with hello or enrol")
        if asked.version not in self._dialects:
            oldest, newest = min(self._dialects), max(self._dialects)
            raise Refusal(
                "version",
                f"this server speaks versions {oldest} to {newest} of the protocol, the box "
                f"{asked.version}: update "
                + ("the server" if asked.version > newest else "the box"),
            )
        self.dialect = self._dialects[asked.version]
        return asked

    def check_hello(self, hello: Hello, keys: Sequence[PublicKey]) -> PublicKey:
        """Return which of the receiver's ``keys`` it was signed with. Raises ``Refusal``."""
        for server in self._keys:
            text = session_text(
                self._nonce, hello.nonce, self._certificate, server.data, hello.receiver
            )
            for key in keys:
                if key.verifies(Purpose.SESSION, text, hello.signature):
                    self.trusted = server
                    return key
        raise Refusal("signature", "the box's key is not the one that it was enrolled with")

    def check_enrol(self, enrol: Enrol) -> PublicKey:
        """Return the new box's key, which it has. Raises ``Refusal``."""
        key = PublicKey(enrol.key)
        for server in self._keys:
            text = session_text(self._nonce, enrol.nonce, self._certificate, server.data, 0)
            if key.verifies(Purpose.ENROLMENT, text, enrol.signature):
                self.trusted = server
                return key
        raise Refusal("signature", "the enrolment is not signed by the box's new key")
