"""Files of the box that must survive a power cut: whole and new, or whole and old."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a file so that after a power cut either the old or the new content is there.

    Raises ``OSError``; the old content is there then, too.
    """
    new = path.with_name(path.name + ".new")
    try:
        write_plainly(new, data, mode, sync=True)
        os.replace(new, path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_plainly(path: Path, data: bytes, mode: int = 0o600, *, sync: bool = False) -> None:
    """Write a file; ``sync``: it is on the disk when this returns. Raises ``OSError``."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        os.fchmod(file, mode)
        if os.geteuid() == 0:  # root enrols a box that runs as somebody else
            owner = path.parent.stat()
            os.fchown(file, owner.st_uid, owner.st_gid)
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        if sync:
            os.fsync(file)
    finally:
        os.close(file)


def sync(path: Path) -> None:
    """Have a file's contents, or the names in a folder, on the disk. Raises ``OSError``."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
