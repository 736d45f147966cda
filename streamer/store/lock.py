"""One server for one data directory: a lock on a file in it, held for as long as the server runs.

The kernel gives it back when the process ends, however it ends; nothing stale is left behind.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from loa.streamer.store.store import StoreError

FILE = "lock"


class DataInUse(StoreError):
    """Another process works on this data directory. ``pid``: which one, None if it does not say."""

    def __init__(self, data: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"another Loa (process {pid})"
        super().__init__(
            f"the data directory {data} is in use by {who}: stop that one, or choose another "
            "directory with --data"
        )
        self.pid = pid


class DataLock:
    """The lock; ``release`` it at the end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, data: Path) -> Self:
        """Lock a data directory that exists. Raises ``DataInUse``, or ``OSError``."""
        descriptor = os.open(data / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise DataInUse(data, int(said) if said.isdigit() else None) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        return cls(descriptor)

    def release(self) -> None:
        """Give it back; once is enough, more do nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def holder(data: Path) -> int | None:
    """Return the process that works on a data directory, None when nobody does (or may be asked).

    Takes nothing: somebody may begin right after.
    """
    try:
        descriptor = os.open(data / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.read(descriptor, 20).decode("ascii", "replace").strip()
        return int(said) if said.isdigit() else 0
    finally:
        os.close(descriptor)
    return None
