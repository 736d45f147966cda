"""What ingest needs of whoever keeps the sources: the interface, and nothing of how it is done.

``streamer/air/sources.py`` is the real one; tests use a fake of exactly this form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from loa.codecs.studio import Status
from loa.streamer.core.rights import BulletinClass


class SourceKind(Enum):
    """How a source's audio comes, and so how its ring is kept."""

    STUDIO = "studio"
    """A studio WebSocket: 40 ms, trimmed when it runs ahead."""
    OPUS = "opus"
    """Ogg Opus: 100 ms, paused by back-pressure."""
    STREAM = "stream"
    """Whatever FFmpeg decodes: 300 ms, paused by back-pressure."""
    RELAY = "relay"
    """Pulled from elsewhere: 1 s, paused by back-pressure."""


class SourceRefused(Exception):
    """A source may not go live; the text says why, for whoever runs it."""


class AreaUnknown(SourceRefused):
    """There is no such area."""


class AreaBusy(SourceRefused):
    """Another source is live there; ``by``: whose."""

    def __init__(self, text: str, by: str = "") -> None:
        super().__init__(text)
        self.by = by


class NotAllowed(SourceRefused):
    """The token is wrong, or not for this area."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody who signed in and may go live on an area (its id): that was checked.

    ``who`` is for records, ``name`` for those who hear it; ``key`` tells this broadcast from any
    other of his. ``targets``: ids of areas that it is for, None for the whole area.
    """

    area: int
    account: int
    who: str
    name: str
    key: str
    cls: BulletinClass
    targets: frozenset[int] | None = None


class Session(Protocol):
    """One source on one area, from ``open`` until ``drop`` or ``end``."""

    live: str
    """What the broadcast is known by."""
    returned: bool
    """Whether it goes on in the one that it was lost from."""
    closed_by: str
    """Who had it ended, where that was somebody."""
    title: str
    """What is said or played, for display."""
    on_close: Callable[[str], None] | None
    """Called on the loop with a reason when the server ends it; nothing is to be called after."""

    def settle(self, kind: SourceKind) -> None:
        """Say what the first bytes turned out to be, where the request's type said otherwise.

        Before the first ``write``. Loop only.
        """

    @property
    def space(self) -> int:
        """Samples that ``write`` would accept now."""

    def write(self, pcm: npt.NDArray[np.float32], speech: bool) -> int:
        """Write mono 48 kHz samples; return how many were accepted. Any one thread at a time."""

    def drop(self, reason: str) -> None:
        """The connection was lost; it may come back. Loop only."""

    def end(self) -> None:
        """It said goodbye: what is left plays out. Loop only."""

    def report(self) -> Status:
        """How it is doing. Loop only."""


class Sources(Protocol):
    """All sources, and who may be one."""

    def open(
        self,
        area_path: str,
        token: str,
        *,
        kind: SourceKind,
        name: str,
        peer: str,
        klass: str = "",
    ) -> Session:
        """Open a session; raises ``AreaUnknown``, ``AreaBusy`` or ``NotAllowed``. Loop only.

        ``klass``: routine, priority or emergency, at most what the token is for; empty: just that.
        """

    def open_for(self, admitted: Admitted, *, peer: str) -> Session:
        """Open a session for somebody in person; raises ``AreaUnknown`` or ``AreaBusy``. Loop only.

        The same key takes over from its own connection, be that dead or not.
        """

    def knows(self, key: str) -> bool:
        """Say whether somebody is live, or held, with this key. Loop only."""
