"""The files of a box's journal: appended to, never rewritten, and read back after a power cut.

Segments of about 64 KiB in one folder, each with a first line that says whose it is and where in
the chain it begins. So what the server has is given up by removing whole files, and flash is
written once for each line. Only the newest segment is written to; a line is on the disk when
``append`` returns. What a power cut tore is cut off at the next start, and its numbers are not used
again (``Lost``).
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain as joined
from itertools import pairwise
from pathlib import Path

from msgspec.structs import replace

from loa.codecs.control.journal import (
    CHAIN_BYTES,
    MOST_LINES,
    Entry,
    JournalError,
    Line,
    Lost,
    Opened,
    chain_line,
    encode_entry,
    read_entry,
)
from loa.receivers.files import write_durably
from loa.receivers.journal.chain import left_over, path_of, write_chain
from loa.receivers.journal.segments import (
    Mending,
    Segment,
    bodies_of,
    check_segment,
    head_of,
    kind_of,
    lines_of,
    read_head,
)

SEGMENT = 64 * 1024
QUOTA = 20 * 1_000_000
"""Bytes of all segments (a box's ``journal_mb``): well over a year of a box that nobody reaches."""
_NAME = re.compile(r"([0-9]{8})\.journal")


class JournalStore:
    """See the module. Raises ``OSError`` when the folder cannot be used.

    ``chain``, ``number`` and ``hash`` are of the newest line.
    """

    def __init__(
        self, folder: Path, receiver: int, now: Entry, quota: int = QUOTA, segment: int = SEGMENT
    ) -> None:
        self.folder = folder
        self.receiver = receiver
        self._quota = max(quota, 2 * segment)
        self._segment = segment
        self._segments: list[Segment] = []
        self._file = -1
        self._spoilt = False
        self._serial = 0
        self.chain = b""
        self.number = 0
        self.hash = b""
        self.owed: list[Lost] = []
        """What the next lines are to say, before anything else."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._load(now)

    def close(self) -> None:
        """Close the file; nothing is appended after this."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    # --- writing

    def append(self, entry: Entry) -> Line:
        """Write an entry; it is on the disk when this returns.

        Raises ``OSError``: nothing of it is kept then, and its number is free. Raises
        ``JournalError`` when it is too long.
        """
        while self.owed:
            self._append(self.owed[0])
            del self.owed[0]
        return self._append(entry)

    def _append(self, entry: Entry) -> Line:
        line = chain_line(self.chain, self.hash, self.number + 1, encode_entry(entry))
        data = line.text.encode() + b"\n"
        if self._spoilt or self._segments[-1].size + len(data) > self._segment:
            self._begin_segment()
        segment = self._segments[-1]
        try:
            if self._file < 0:
                self._file = os.open(segment.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            self._take_back(segment)
            raise
        segment.last, segment.hash = line.number, line.hash
        segment.size += len(data)
        self.number, self.hash = line.number, line.hash
        return line

    def _take_back(self, segment: Segment) -> None:
        # A line that is only half there would spoil those after it.
        try:
            if self._file >= 0:
                os.ftruncate(self._file, segment.size)
        except OSError:
            self._spoilt = True

    def _begin_segment(self) -> None:
        self._serial += 1
        first = self.number + 1
        data = head_of(self.chain, self.receiver, first, self.hash)
        segment = Segment(
            path_of(self.folder, self._serial), self.chain, self.receiver, first, self.hash,
            self.number, self.hash, len(data),
        )  # fmt: skip
        write_durably(segment.path, data)
        self.close()
        self._segments.append(segment)
        self._spoilt = False

    def begin_anew(self, now: Entry, why: str) -> None:
        """Begin another chain, and carry over all that is there."""
        self._begin_chain(now, why, (line.body for s in self._segments for line in lines_of(s)))

    def _begin_chain(self, now: Entry, why: str, bodies: Iterable[str], lines: int = 0) -> None:
        """``bodies``: entries that the new chain begins with, behind the one that opens it, and the
        one that says how many ``lines`` of the former chain are no more."""
        chain = os.urandom(CHAIN_BYTES)
        opened = Opened(
            at=now.at, up=now.up, receiver=self.receiver, why=why, former=self.chain,
            last=self.number,
        )  # fmt: skip
        entries = [encode_entry(opened)]
        if lines:
            lost = Lost(at=now.at, up=now.up, why=why, counts={"lines": lines})
            entries.append(encode_entry(lost))
        # Numbers of the former chain say nothing in this one.
        entries += [
            encode_entry(
                replace(lost, first=0, last=0, counts={"lines": lost.last - lost.first + 1})
            )
            for lost in self.owed
        ]
        made = write_chain(
            self.folder, self._serial, chain, self.receiver, joined(entries, bodies), self._segment
        )
        self._serial += len(made)
        old, self._segments = self._segments, made
        self.close()
        self._spoilt = False
        self.owed.clear()
        self.chain, self.number, self.hash = chain, made[-1].last, made[-1].hash
        # What is left of these after a power cut is removed at the next start: another chain's.
        for segment in old:
            segment.path.unlink(missing_ok=True)

    # --- giving up

    def forget(self, upto: int) -> None:
        """Remove files of which everything up to the number ``upto`` is kept elsewhere."""
        while len(self._segments) > 1 and self._segments[0].last <= upto:
            if self._segments[1].last < self._segments[1].first:
                return  # the newest line is in the older file still
            self._remove()

    def make_room(self, now: Entry) -> Lost | None:
        """When the quota is used up, give up the oldest file, and write down what was in it."""
        if len(self._segments) < 2 or sum(s.size for s in self._segments) <= self._quota:
            return None
        oldest = self._segments[0]
        counts: Counter[str] = Counter()
        for line in lines_of(oldest):
            counts[kind_of(line.body)] += 1
        lost = Lost(
            at=now.at, up=now.up, why="full", first=oldest.first, last=oldest.last,
            counts=dict(counts.most_common(40)),
        )  # fmt: skip
        self.append(lost)
        self._remove()
        return lost

    def _remove(self) -> None:
        self._segments.pop(0).path.unlink(missing_ok=True)

    # --- reading

    @property
    def oldest(self) -> int:
        """The number of the oldest line that is there."""
        return self._segments[0].first

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(segment.size for segment in self._segments)

    def after(self, number: int, limit: int = MOST_LINES) -> tuple[bytes, list[Line]]:
        """Return the lines that follow ``number``, at most ``limit`` of one file, and the hash
        before them. Where they are missing, the next ones that there are."""
        for segment in self._segments:
            if segment.last > number and segment.last >= segment.first:
                before = segment.before
                found: list[Line] = []
                for line in lines_of(segment):
                    if line.number <= number:
                        before = line.hash
                    elif len(found) < limit:
                        found.append(line)
                if found:
                    return before, found
        return self.hash, []

    def newest(self, count: int) -> list[Line]:
        """Return up to ``count`` of the newest lines, oldest first."""
        newest: list[Line] = []
        for segment in reversed(self._segments):
            newest = [*lines_of(segment), *newest][-count:]
            if len(newest) == count:
                break
        return newest

    # --- at the start

    def _load(self, now: Entry) -> None:
        named = sorted(
            (int(match[1]), path)
            for path in self.folder.iterdir()
            if (match := _NAME.fullmatch(path.name))
        )
        for left in self.folder.glob("*.journal.new"):
            left.unlink(missing_ok=True)
        if not named:
            return self._begin_chain(now, "new", [])
        self._serial = named[-1][0]
        mending = Mending()
        found: list[Segment] = []
        spoilt = False
        for _, path in named:
            segment = read_head(path)
            if segment is None:
                spoilt = True
                mending.damaged += 1
                found.append(Segment(path, b"", self.receiver, 1, b""))
                continue
            found.append(segment)
        for segment in left_over(found):
            segment.path.unlink(missing_ok=True)
            found.remove(segment)
        self._segments = found
        for segment in found:
            if segment.chain:
                ended = check_segment(segment, mending, segment is found[-1])
                spoilt = spoilt or not ended
        good = [s for s in found if s.chain]
        if good:
            last = good[-1]
            self.chain, self.number, self.hash = last.chain, last.last, last.hash
            if last.receiver != self.receiver:
                # What another receiver played is not for this one to say.
                gone = sum(max(0, s.last - s.first + 1) for s in found)
                return self._begin_chain(now, "enrolled", [], gone)
        # At the end of a file that is not the newest: the flash lost what it had said was written.
        gaps = [(a.last + 1, b.first - 1) for a, b in pairwise(good) if a.last + 1 < b.first]
        if spoilt:
            missing = mending.damaged + mending.torn + sum(last - first + 1 for first, last in gaps)
            bodies = (body for segment in good for body in bodies_of(segment))
            return self._begin_chain(now, "damaged", bodies, missing)
        if gaps:
            said = self._said_lost()
            self.owed += [
                Lost(at=now.at, up=now.up, why="damaged", first=first, last=last)
                for first, last in gaps
                if not any(lost.first <= first and last <= lost.last for lost in said)
            ]
        if mending.torn:
            first = self.number + 1
            self.number += mending.torn
            self.owed.append(Lost(at=now.at, up=now.up, why="torn", first=first, last=self.number))

    def _said_lost(self) -> list[Lost]:
        """Return what the lines themselves say is no more; read only where numbers are missing."""
        said: list[Lost] = []
        for segment in self._segments:
            for line in lines_of(segment):
                if '"lost"' in line.body:
                    with contextlib.suppress(JournalError):
                        entry = read_entry(line.body)
                        said += [entry] if isinstance(entry, Lost) else []
        return said
