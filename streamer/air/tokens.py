"""Who may go live where: tokens of the configuration, and those that were given out since."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from loa.streamer.core.areas import Area, AreaTree
from loa.streamer.core.rights import BulletinClass, SourceToken, digest


@dataclass(frozen=True, slots=True)
class Given:
    """A token of the store. ``targets``: ids of areas that its lives are for, None: all below.

    ``expires``: Unix seconds, None: never.
    """

    id: int
    sha256: str
    area: int
    name: str
    cls: BulletinClass
    targets: frozenset[int] | None = None
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class Right:
    """What a token allows on an area that it covers."""

    cls: BulletinClass
    targets: frozenset[int] | None = None
    name: str = ""
    token: int = 0
    """The id of a token of the store; 0: of the configuration."""


class Tokens:
    """All tokens. A secret may stand in several, for several areas."""

    def __init__(self, configured: Iterable[SourceToken] = ()) -> None:
        self._configured = tuple(configured)
        self._given: tuple[Given, ...] = ()

    def give(self, given: Iterable[Given]) -> None:
        """Take the tokens of the store, in place of those before."""
        self._given = tuple(given)

    def known(self, secret: str, now: float) -> bool:
        """Say whether there is such a secret; takes the same time whether there is."""
        sha256 = digest(secret)
        found = [hmac.compare_digest(token.sha256, sha256) for token in self._configured]
        found += [
            hmac.compare_digest(token.sha256, sha256) and not _over(token, now)
            for token in self._given
        ]
        return any(found)

    def right(self, sha256: str, area: Area, tree: AreaTree, now: float) -> Right | None:
        """Return what a secret (its SHA-256) allows on an area; None: nothing."""
        lineage = tree.lineage(area)
        for configured in self._configured:
            if configured.sha256 == sha256 and _covers(configured, lineage, tree):
                return Right(configured.cls)
        for given in self._given:
            mine = given.sha256 == sha256 and not _over(given, now)
            if mine and any(above.id == given.area for above in lineage):
                return Right(given.cls, given.targets, given.name, given.id)
        return None


def _over(token: Given, now: float) -> bool:
    return token.expires is not None and token.expires <= now


def _covers(token: SourceToken, lineage: list[Area], tree: AreaTree) -> bool:
    """Say whether a token of the configuration, whose area may have moved since, is for these."""
    if token.area == "/":
        return True
    home = tree.find(token.area)
    return home is not None and any(area.path == home.path for area in lineage)
