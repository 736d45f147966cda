"""Ed25519 keys and what is signed with them (RFC 8032, by the ``cryptography`` package).

Every signature is over a purpose and the bytes: what was signed for one thing is worth nothing for
another. Keys are named by their fingerprint, the SHA-256 of the 32 public bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_BYTES = 32
SIGNATURE_BYTES = 64


class Purpose(Enum):
    """What a signature is for."""

    CERTIFICATE = b"loa certificate 1"
    """The public key of a TLS certificate, by the server."""
    SUCCESSOR = b"loa successor 1"
    """The key that follows the signing one: a server's or a box's."""
    SESSION = b"loa session 1"
    """The challenge of a session, by a box."""
    ENROLMENT = b"loa enrolment 1"
    """The challenge of an enrolment, by a box's new key."""
    COMMAND = b"loa command 1"
    SCHEDULE = b"loa schedule 1"
    PACK = b"loa pack 1"
    """The manifest of a stick."""
    JOURNAL = b"loa journal 1"
    """Entries of a box's journal."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Somebody's public key: 32 bytes. Raises ``ValueError`` for anything else."""

    data: bytes

    def __post_init__(self) -> None:
        if len(self.data) != KEY_BYTES:
            raise ValueError("an Ed25519 public key has 32 bytes")

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the key, 32 bytes."""
        return hashlib.sha256(self.data).digest()

    def verifies(self, purpose: Purpose, data: bytes, signature: bytes) -> bool:
        """Say whether this key signed ``data`` for ``purpose``."""
        try:
            key = Ed25519PublicKey.from_public_bytes(self.data)
            key.verify(signature, _signed(purpose, data))
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """A private key. ``secret`` is its 32 bytes: keep them where nobody else can read."""

    def __init__(self, secret: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(secret)
        self.secret = secret
        self.public = PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new one."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw())

    def sign(self, purpose: Purpose, data: bytes) -> bytes:
        """Return the signature, 64 bytes."""
        return self._key.sign(_signed(purpose, data))


def _signed(purpose: Purpose, data: bytes) -> bytes:
    # The purposes have no zero byte, so no purpose and data can be read as another pair.
    return purpose.value + b"\x00" + data
