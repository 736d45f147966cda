"""A new chain that carries over what a journal has: all of its files or none, file by file.

The first file is written last. Where it is missing, the others are left over from a power cut, and
the chain that was to be replaced holds.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from loa.codecs.control.journal import (
    JournalError,
    Line,
    Lost,
    chain_line,
    encode_entry,
    first_hash,
)
from loa.receivers.files import sync, write_durably, write_plainly
from loa.receivers.journal.segments import Segment, head_of


def path_of(folder: Path, serial: int) -> Path:
    """Return the name of a journal's file."""
    return folder / f"{serial:08d}.journal"


def write_chain(
    folder: Path, serial: int, chain: bytes, receiver: int, bodies: Iterable[str], most: int
) -> list[Segment]:
    """Write the files of a chain of these entries, each of at most so many bytes; return them.

    ``serial``: the newest file's that there is. Raises ``OSError``: none of them is there then.
    """
    made: list[Segment] = []
    first = b""
    try:
        for segment, data in _filled(folder, serial, chain, receiver, bodies, most):
            made.append(segment)
            if len(made) == 1:
                first = data
            else:
                write_plainly(_unfinished(segment), data)
        for segment in made[1:]:
            sync(_unfinished(segment))
            os.replace(_unfinished(segment), segment.path)
        if made[1:]:
            sync(folder)
        write_durably(made[0].path, first)
    except OSError:
        for segment in made:
            for path in (segment.path, _unfinished(segment)):
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)
        raise
    return made


def left_over(found: Sequence[Segment]) -> list[Segment]:
    """Return the files that are to go, of those found (in the order of their serials): of a chain
    that another took the place of, or that was not finished. A file without a chain stays."""
    chains = [s.chain for s in found if s.chain]
    if not chains:
        return []
    holds = chains[-1]
    begins = next(s for s in found if s.chain == holds)
    if begins.first != 1 and chains[0] != holds:
        holds = next(chain for chain in reversed(chains) if chain != holds)
    return [s for s in found if s.chain not in (holds, b"")]


def _unfinished(segment: Segment) -> Path:
    return segment.path.with_name(segment.path.name + ".new")


def _filled(
    folder: Path, serial: int, chain: bytes, receiver: int, bodies: Iterable[str], most: int
) -> Iterator[tuple[Segment, bytes]]:
    """Give the files one after the other, and what is to be in them."""

    def begun(number: int, before: bytes) -> tuple[Segment, bytearray]:
        nonlocal serial
        serial += 1
        segment = Segment(
            path_of(folder, serial), chain, receiver, number, before, number - 1, before
        )
        return segment, bytearray(head_of(chain, receiver, number, before))

    segment, data = begun(1, first_hash(chain))
    for line in _chained(chain, bodies):
        text = line.text.encode() + b"\n"
        if len(data) + len(text) > most:
            segment.size = len(data)
            yield segment, bytes(data)
            segment, data = begun(line.number, segment.hash)
        data += text
        segment.last, segment.hash = line.number, line.hash
    segment.size = len(data)
    yield segment, bytes(data)


def _chained(chain: bytes, bodies: Iterable[str]) -> Iterator[Line]:
    hash = first_hash(chain)
    for number, body in enumerate(bodies, 1):
        try:
            line = chain_line(chain, hash, number, body)
        except JournalError:  # the number is a digit longer than it was, and the line too long
            line = chain_line(chain, hash, number, encode_entry(Lost(why="damaged")))
        hash = line.hash
        yield line
