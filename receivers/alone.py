"""One program at a time goes by a box's state: two boxes with one identity would throw each other
off the line for ever, and what one keeps the other would write over."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class AnotherRuns(Exception):
    """This box runs already."""


@contextlib.contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the lock of a state folder. Raises ``AnotherRuns`` and ``OSError``."""
    file = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if os.geteuid() == 0:  # root enrols a box that runs as somebody else
            owner = state.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherRuns(f"this box runs already (its state is {state})") from None
        yield
    finally:
        os.close(file)
