"""Who may go live where: the one place where a source's secret is checked.

Secrets are long and random or chosen by an administrator and checked with a rate limit before this;
only their SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from loa.streamer.core.areas import Area


class BulletinClass(IntEnum):
    """The classes of what is put on air, by rank (Circular 39/2020)."""

    ROUTINE = 0
    PRIORITY = 1
    EMERGENCY = 2


@dataclass(frozen=True, slots=True)
class SourceToken:
    """The right to go live on ``area`` (a path) and every area below it, with one fixed class."""

    sha256: str
    area: str
    cls: BulletinClass = BulletinClass.ROUTINE

    def covers(self, area: Area) -> bool:
        """Say whether this token is good for ``area``."""
        return area.path == self.area or area.path.startswith(self.area.rstrip("/") + "/")


def digest(secret: str) -> str:
    """Return the SHA-256 of a secret in hex, as tokens keep it."""
    return hashlib.sha256(secret.encode()).hexdigest()


class SourceTokens:
    """All tokens. A secret may stand in several, for several areas."""

    def __init__(self, tokens: Iterable[SourceToken]) -> None:
        self._tokens = tuple(tokens)

    def known(self, secret: str) -> list[SourceToken]:
        """Return the tokens of this secret; takes the same time whether there are any."""
        sha256 = digest(secret)
        return [token for token in self._tokens if hmac.compare_digest(token.sha256, sha256)]
