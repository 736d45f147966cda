"""What is sounding just now, noted every few seconds, for the next start after a power cut.

Two slots are written in turn, each with a hash: whichever the power tore, the other one is whole.
The file never grows, so that a note costs one block of flash and no change of the folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from loa.codecs.control.journal import (
    MAX_LINE,
    JournalError,
    Note,
    Played,
    read_entry,
    read_line,
    write_line,
)

SLOT = 4096
_NAME = bytes(16)


class Checkpoint:
    """The file. ``write`` raises ``OSError``; the others take what they find."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._number = 0
        self._clear = True

    def write(self, played: Played) -> None:
        """Note how far a stretch has come."""
        self._put(played)
        self._clear = False

    def clear(self) -> None:
        """Nothing is sounding. Not waited for: that it is over stands in the journal already."""
        if self._clear:
            return
        try:
            self._put(Note(what="nothing"), flush=False)
        except OSError:
            return
        self._clear = True

    def read(self) -> Played | None:
        """Return the newest note; None when nothing was sounding."""
        try:
            data = self._path.read_bytes()[: 2 * SLOT]
        except OSError:
            return None
        newest: Played | None = None
        for at in (0, SLOT):
            text = data[at : at + SLOT].split(b"\n")[0]
            try:
                line = read_line(text.decode())
                entry = read_entry(line.body)
            except (JournalError, UnicodeDecodeError):
                continue
            if line.follows(_NAME, _NAME) and line.number > self._number:
                self._number = line.number
                newest = entry if isinstance(entry, Played) else None
        self._clear = newest is None
        return newest

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _put(self, entry: Played | Note, flush: bool = True) -> None:
        if self._file < 0:
            if self._number == 0:
                self.read()
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
        number = self._number + 1
        data = write_line(_NAME, _NAME, number, entry).text.encode() + b"\n"
        assert len(data) <= 4 * MAX_LINE
        os.pwrite(self._file, data[:SLOT].ljust(SLOT, b" "), number % 2 * SLOT)
        self._number = number
        if flush:
            os.fdatasync(self._file)
