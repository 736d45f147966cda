"""The box's side of a session's beginning: bytes in, bytes out; no sockets, no files.

Nothing but the versions that it speaks is decided before the server has proved that the certificate
of this very connection is its own, by an identity that the box trusts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

from loa.codecs.control import messages
from loa.codecs.control.dialects import DIALECTS, Dialect, common
from loa.codecs.control.messages import (
    Challenge,
    Enrol,
    Hello,
    MessageError,
    session_text,
)
from loa.codecs.control.signing import PublicKey, Purpose, SigningKey

Trust = Callable[[PublicKey], bool]
"""Says whether an identity is one that the box trusts."""


class HandshakeError(Exception):
    """There can be no session; the text says why in plain words."""


class Untrusted(HandshakeError):
    """Whoever answers is not the server that the box belongs to, or stands between them."""


class NoCommonVersion(HandshakeError):
    """Box and server speak no version in common."""


class Handshake:
    """Read the challenge with ``read``; then ``hello`` or ``enrol`` gives the answer.

    ``certificate``: SHA-256 of the public key of the certificate that this connection showed.
    """

    def __init__(
        self,
        certificate: bytes,
        trust: Trust,
        nonce: bytes | None = None,
        dialects: Mapping[int, Dialect] = DIALECTS,
    ) -> None:
        self._certificate = certificate
        self._trust = trust
        self._dialects = dialects
        self.nonce = nonce or secrets.token_bytes(32)
        """The box's challenge: commands of this session repeat it."""
        self.server: PublicKey | None = None
        """The server's identity, once it was checked."""
        self.dialect = dialects[max(dialects)]
        """What is spoken after the beginning, once the challenge was read."""
        self.unix = 0.0
        """The server's clock as it sent the challenge."""
        self._challenge = b""

    def read(self, data: bytes | str) -> PublicKey:
        """Check the server's first words; return its identity. Raises ``HandshakeError``."""
        try:
            challenge = messages.from_server(data)
        except MessageError as error:
            raise Untrusted(f"this is no server of ours: {error}"[:300]) from None
        if not isinstance(challenge, Challenge):
            raise Untrusted("this is no server of ours: it does not begin with a challenge")
        known = [i for i in challenge.identities if self._trust(PublicKey(i.key))]
        if not known:
            raise Untrusted("this is not the server that the box belongs to: its key is another")
        for identity in known:
            key = PublicKey(identity.key)
            if key.verifies(Purpose.CERTIFICATE, self._certificate, identity.signature):
                break
        else:
            raise Untrusted(
                "somebody stands between the box and its server: the certificate of this "
                "connection is not the server's"
            )
        dialect = common(self._dialects, challenge.oldest, challenge.newest)
        if dialect is None:
            oldest, newest = min(self._dialects), max(self._dialects)
            raise NoCommonVersion(
                f"the server speaks versions {challenge.oldest} to {challenge.newest} of the "
                f"protocol, this box {oldest} to {newest}: update "
                + ("the box" if challenge.oldest > newest else "the server")
            )
        self.server, self.dialect = key, dialect
        self.unix, self._challenge = challenge.unix, challenge.nonce
        return key

    def hello(self, receiver: int, key: SigningKey, **said: object) -> Hello:
        """Return what an enrolled box says; ``said``: the other fields of ``Hello``."""
        return Hello(
            version=self.dialect.version, receiver=receiver, nonce=self.nonce,
            signature=key.sign(Purpose.SESSION, self._text(receiver)),
            **said,  # type: ignore[arg-type]
        )  # fmt: skip

    def enrol(self, secret: str, key: SigningKey, **said: object) -> Enrol:
        """Return what a new box says; ``said``: the other fields of ``Enrol``."""
        return Enrol(
            version=self.dialect.version, secret=secret, key=key.public.data, nonce=self.nonce,
            signature=key.sign(Purpose.ENROLMENT, self._text(0)),
            **said,  # type: ignore[arg-type]
        )  # fmt: skip

    def _text(self, receiver: int) -> bytes:
        assert self.server is not None, "the server has not been checked"
        return session_text(
            self._challenge, self.nonce, self._certificate, self.server.data, receiver
        )
