"""The files of a box's journal, read: what is whole, what a power cut tore, what is damaged."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loa.codecs.control.journal import JournalError, Line, Note, Played, link, read_entry, read_line
from loa.receivers.files import sync

_HEAD = re.compile(rb"loa-journal 1 ([0-9a-f]{32}) ([0-9]{1,15}) ([0-9]{1,15}) ([0-9a-f]{32}) (.+)")


@dataclass(slots=True)
class Segment:
    """One file: the lines ``first`` … ``last`` of a chain (``last`` < ``first``: none yet).

    ``before`` is the hash before its first line, ``hash`` that of its last one.
    """

    path: Path
    chain: bytes
    receiver: int
    first: int
    before: bytes
    last: int = 0
    hash: bytes = b""
    size: int = 0


@dataclass(slots=True)
class Mending:
    """What was found when the files were read. ``torn``: lines that a power cut took off the end;
    ``damaged``: places at which nothing can be read."""

    torn: int = 0
    damaged: int = 0


def check_segment(segment: Segment, mending: Mending, newest: bool) -> bool:
    """Read a segment whose head is good; cut off what is torn at its end. False: it is damaged."""
    segment.last, segment.hash = segment.first - 1, segment.before
    segment.size = len(head_of(segment.chain, segment.receiver, segment.first, segment.before))
    pieces = 0
    loose = False
    for line, end in _pieces(segment):
        if line is None:
            pieces += 1
        elif pieces:
            loose = True  # there is something good behind what is not
            segment.last = line.number
        else:
            segment.last, segment.hash, segment.size = line.number, line.hash, end
    if loose:
        mending.damaged += pieces
        return False
    if pieces and newest:
        mending.torn += pieces
        with open(segment.path, "r+b") as file:
            file.truncate(segment.size)
            file.flush()
            os.fsync(file.fileno())
        sync(segment.path.parent)
    return True


def bodies_of(segment: Segment) -> Iterator[str]:
    """Give what can be read of a segment whose head is good, behind damaged places, too."""
    for line, _ in _pieces(segment):
        if line is not None:
            yield line.body


def _pieces(segment: Segment) -> Iterator[tuple[Line | None, int]]:
    """Give each piece of a file behind its head: the line, None for what is none that follows the
    one before it; and where it ends."""
    data = segment.path.read_bytes()
    at = data.index(b"\n") + 1
    claimed: bytes | None = segment.before
    seen = segment.first - 1
    while at < len(data):
        end = data.find(b"\n", at)
        raw = data[at:] if end < 0 else data[at:end]
        at = len(data) if end < 0 else end + 1
        line = _line(raw) if end >= 0 else None
        if (
            line is not None
            and claimed is not None
            and line.number > seen
            and line.follows(segment.chain, claimed)
        ):
            claimed, seen = line.hash, line.number
            yield line, at
        else:
            claimed = None if line is None else line.hash
            yield None, at


def _line(raw: bytes) -> Line | None:
    try:
        return read_line(raw.decode())
    except (JournalError, UnicodeDecodeError):
        return None


def lines_of(segment: Segment) -> Iterator[Line]:
    """Give the lines of a segment that are good."""
    try:
        data = segment.path.read_bytes()[: segment.size]
    except OSError:
        return
    hash = segment.before
    for raw in data.split(b"\n")[1:]:
        line = _line(raw) if raw else None
        if line is None or not line.follows(segment.chain, hash):
            return
        hash = line.hash
        yield line


def kind_of(body: str) -> str:
    try:
        entry = read_entry(body)
    except JournalError:
        return "unknown"
    if isinstance(entry, Note):
        return entry.what
    if isinstance(entry, Played):
        return "played" if not entry.why_not else "not_played"
    return type(entry).__name__.lower()


def head_of(chain: bytes, receiver: int, first: int, before: bytes) -> bytes:
    text = f"loa-journal 1 {chain.hex()} {receiver} {first} {before.hex()}"
    return f"{text} {link(chain, before, first, text).hex()}\n".encode()


def read_head(path: Path) -> Segment | None:
    with open(path, "rb") as file:
        first = file.readline(400)
    match = _HEAD.fullmatch(first.rstrip(b"\n"))
    if match is None or not first.endswith(b"\n"):
        return None
    chain, before = bytes.fromhex(match[1].decode()), bytes.fromhex(match[4].decode())
    segment = Segment(path, chain, int(match[2]), int(match[3]), before)
    if head_of(chain, segment.receiver, segment.first, before) != first:
        return None
    return segment
