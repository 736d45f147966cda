"""A disk of a few megabytes that a test can fill up.

Where root may mount one it is a file system of its own, and full means full. Elsewhere a folder's
writes are refused, as the kernel would do.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

MEGABYTES = 4


class SmallDisk:
    """``fill`` it and make ``room`` again; ``real``: it is a file system of its own."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch | None) -> None:
        self.folder = folder
        self.real = patch is None
        self._patch = patch
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """From now on nothing can be written."""
        if self._patch is not None:
            for name in ("write", "pwrite"):
                self._patch.setattr(os, name, self._refusing(getattr(os, name)))
            return
        with self._ballast.open("wb", buffering=0) as file:
            for size in (1 << 16, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def room(self) -> None:
        """There is room again."""
        if self._patch is not None:
            self._patch.undo()
        self._ballast.unlink(missing_ok=True)

    def _refusing(self, write: Callable[..., int]) -> Callable[..., int]:
        def refuse(file: int, *more: Any) -> int:
            if os.readlink(f"/proc/self/fd/{file}").startswith(f"{self.folder}/"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(file, *more)

        return refuse


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Have such a disk at ``folder``, which is made."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    with pytest.MonkeyPatch.context() as patch:
        try:
            yield SmallDisk(folder, None if mounted else patch)
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", str(folder)], check=True)
