"""What boxes of one process may share although each has its own: audio that is the same for all.

Every box fetches for itself, piece by piece, and checks what it has as a box does. Once a file is
whole, it is one file of the disk (a hard link) and one ``Prepared`` in memory for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from loa.codecs.control.frames import Audio, Piece, unpack
from loa.receivers.cache import Cache
from loa.receivers.fetching import Fetching
from loa.receivers.parts import Prepared

MOST = 64
"""Files that are in memory as packets, the newest used."""

T = TypeVar("T")


class Shelf:
    """What was fetched by any box; ``folder`` is on the same disk as the boxes' state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._prepared: OrderedDict[bytes, Prepared] = OrderedDict()

    def get(self, hash: bytes, read: Callable[[], Prepared | None]) -> Prepared | None:
        """Return the packets of a file that a box has."""
        found = self._prepared.get(hash)
        if found is None:
            found = read()
            if found is None:
                return None
            self._prepared[hash] = found
            while len(self._prepared) > MOST:
                self._prepared.popitem(last=False)
        self._prepared.move_to_end(hash)
        return found

    def share(self, path: Path) -> None:
        """Let a whole file be the one that another box has already."""
        common = self.folder / path.name
        with contextlib.suppress(OSError):
            if common.exists():
                new = path.with_suffix(".same")
                os.link(common, new)
                os.replace(new, path)
            else:
                os.link(path, common)


class SharedCache(Cache):
    """A box's cache; its files are those of the shelf."""

    def __init__(self, folder: Path, quota: int, shelf: Shelf) -> None:
        super().__init__(folder, quota)
        self._place = folder
        self._shelf = shelf

    def read(self, hash: bytes) -> Prepared | None:
        if not self.has(hash):
            return None
        return self._shelf.get(hash, lambda: Cache.read(self, hash))

    def finish(self, hash: bytes) -> bool:
        done = super().finish(hash)
        if done:
            self._shelf.share(self._place / f"{hash.hex()}.opus")
        return done


class QuietFetching(Fetching):
    """Fetches; what lies in memory is not read again and again to find damage."""

    async def _scrub(self) -> None:
        await asyncio.Event().wait()


class Unpacking:
    """Reads what many boxes are sent alike once for all of them."""

    MOST = 1024

    def __init__(self) -> None:
        self._known: dict[bytes, Audio] = {}

    def __call__(self, data: bytes) -> Audio | Piece:
        """Read a binary message. Raises ``FrameError``."""
        found: Audio | Piece | None = self._known.get(data)
        if found is None:
            found = unpack(data)
            if isinstance(found, Audio):
                if len(self._known) >= self.MOST:
                    self._known.clear()
                self._known[data] = found
        return found


def here(work: Callable[[], T], /) -> Awaitable[T]:
    """Do what a box does in a thread: its disk is memory."""

    async def done() -> T:
        return work()

    return done()


class SimulatedMachine:
    """What a box knows of time by itself (``timekeeping.Machine``): nothing, or something wrong.

    ``wrong``: by how many seconds its clock is off and says that it is in step; None: it says
    nothing, as a machine without NTP.
    """

    def __init__(self, boot: str, wrong: float | None) -> None:
        self.boot = boot
        self.wrong = wrong

    def synchronized(self) -> float | None:
        return None if self.wrong is None else time.time() + self.wrong

    def battery(self) -> float | None:
        return None
