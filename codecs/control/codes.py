"""Enrolment codes: a one-time secret and the fingerprint of the server that the box may trust.

``LOA1-`` and nine groups of four: 80 bits of secret, 95 bits of fingerprint, five of check sum, in
Crockford's base 32. Letters may be small, I and L are read as 1, O as 0; dashes and spaces may be
left out. Who types it wrong is told so before anything is sent.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from loa.codecs.control.signing import PublicKey
from loa.codecs.errors import CodecError

SECRET_BITS = 80
PRINT_BITS = 95
_CHECK_BITS = 5
_LENGTH = (SECRET_BITS + PRINT_BITS + _CHECK_BITS) // 5
_PREFIX = "LOA1"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans("ILO", "110")


class CodeError(CodecError):
    """This is no enrolment code; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code in its parts: the secret, and the first bits of the server key's fingerprint."""

    secret: int
    fingerprint: int

    @classmethod
    def make(cls, server: PublicKey) -> Code:
        """Make a new one for boxes of this server."""
        return cls(secrets.randbits(SECRET_BITS), _first_bits(server))

    @classmethod
    def parse(cls, text: str) -> Code:
        """Read what somebody typed. Raises ``CodeError``."""
        letters = re.sub(r"[\s-]", "", text[:200].upper())
        letters = letters.translate(_READ_AS)
        if not letters.startswith(_PREFIX.translate(_READ_AS)):
            raise CodeError("an enrolment code begins with LOA1-")
        letters = letters[len(_PREFIX) :]
        if len(letters) != _LENGTH or any(c not in _ALPHABET for c in letters):
            raise CodeError(f"an enrolment code has {_LENGTH} letters and digits after LOA1")
        value = 0
        for letter in letters:
            value = value << 5 | _ALPHABET.index(letter)
        value, check = value >> _CHECK_BITS, value & 31
        if check != _check(value):
            raise CodeError("this enrolment code has a typing mistake")
        return cls(value >> PRINT_BITS, value & (1 << PRINT_BITS) - 1)

    def __str__(self) -> str:
        value = self.secret << PRINT_BITS | self.fingerprint
        value = value << _CHECK_BITS | _check(value)
        letters = "".join(_ALPHABET[value >> 5 * n & 31] for n in reversed(range(_LENGTH)))
        return "-".join([_PREFIX, *(letters[n : n + 4] for n in range(0, _LENGTH, 4))])

    def trusts(self, server: PublicKey) -> bool:
        """Say whether this is the server that the code was made for."""
        return self.fingerprint == _first_bits(server)

    @property
    def digest(self) -> str:
        """What the server keeps of the secret: SHA-256 in hex."""
        return hashlib.sha256(self.secret_text.encode()).hexdigest()

    @property
    def secret_text(self) -> str:
        """The secret as it is sent: 20 hex digits."""
        return f"{self.secret:020x}"


def digest_of(secret_text: str) -> str:
    """Return the digest of a secret as it is sent."""
    return hashlib.sha256(secret_text.encode()).hexdigest()


def _first_bits(server: PublicKey) -> int:
    return int.from_bytes(server.fingerprint) >> (256 - PRINT_BITS)


def _check(value: int) -> int:
    data = value.to_bytes((SECRET_BITS + PRINT_BITS + 7) // 8)
    return hashlib.sha256(data).digest()[0] & 31
