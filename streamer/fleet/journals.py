"""Checking what a box sends of its journal: pure, so that it can be done in a thread.

A message is one thing that its box signed: its lines follow from each other, and the seal names the
receiver, the chain and both ends. Whether it follows from what is kept is another question: where
lines are missing they are found to be (and the rest is taken), where there are others than those
that are kept it is a fork (and the box begins another chain).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from loa.codecs.control.journal import (
    Entries,
    JournalError,
    Line,
    Lost,
    Opened,
    Unknown,
    first_hash,
    read_entry,
    read_line,
    seal_text,
)
from loa.codecs.control.messages import Journal
from loa.codecs.control.signing import PublicKey, Purpose


class Refused(Exception):
    """This is nothing that the receiver signed; the text is the finding's kind."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest line of a chain that is kept."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a journal; see ``JournalFindingRow``."""

    kind: str
    first: int = 0
    last: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One line and what it says; ``entry`` None: nothing that can be read."""

    line: Line
    entry: Entries | Unknown | None

    @property
    def digest(self) -> bytes:
        """What tells this entry from another, whichever chain it stands in."""
        return hashlib.sha256(self.line.body.encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message that was checked; ``key`` made its signature."""

    chain: bytes
    before: bytes
    told: tuple[Told, ...]
    signature: bytes
    key: bytes

    @property
    def first(self) -> int:
        """The number of its first line."""
        return self.told[0].line.number

    @property
    def last(self) -> Line:
        """Its last line."""
        return self.told[-1].line


def check(receiver: int, message: Journal, keys: Sequence[PublicKey]) -> Sealed:
    """Check a message by itself. Raises ``Refused``."""
    lines: list[Line] = []
    before = message.before
    for text in message.lines:
        try:
            line = read_line(text)
        except JournalError:
            raise Refused("altered") from None
        if not line.follows(message.chain, before) or (lines and line.number <= lines[-1].number):
            raise Refused("altered")
        lines.append(line)
        before = line.hash
    seal = seal_text(
        receiver, message.chain, message.before, lines[0].number, lines[-1].number, before
    )
    for key in keys:
        if key.verifies(Purpose.JOURNAL, seal, message.signature):
            break
    else:
        raise Refused("signature")
    told = tuple(Told(line, _entry(line.body)) for line in lines)
    opened = told[0].entry
    if isinstance(opened, Opened) and opened.receiver != receiver:
        raise Refused("receiver")
    return Sealed(message.chain, message.before, told, message.signature, key.data)


def _entry(body: str) -> Entries | Unknown | None:
    try:
        return read_entry(body)
    except JournalError:
        return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands in its chain: ``fresh`` are its lines that are new.

    ``fork``: it does not follow, and nothing of it is taken. ``known``: all of it is kept already,
    if the line of its last number is this one; that is still to be looked up.
    """

    fresh: tuple[Told, ...] = ()
    findings: tuple[Finding, ...] = ()
    fork: bool = False
    known: bool = False


@dataclass(slots=True)
class _Gaps:
    told: Sequence[Told]
    found: list[Finding] = field(default_factory=list)

    def missing(self, first: int, last: int) -> None:
        """Lines are missing: if the box says so itself, with why."""
        if first > last:
            return
        for told in self.told:
            entry = told.entry
            if isinstance(entry, Lost) and entry.first <= first and entry.last >= last:
                self.found.append(Finding("missing", first, last, entry.why[:40]))
                return
        self.found.append(Finding("missing", first, last))


def place(head: Head | None, sealed: Sealed, others: bool = False) -> Place:
    """Put a message behind what is kept of its chain.

    ``others``: the receiver has other chains, so that a new one is something to be told of.
    """
    told = sealed.told
    gaps = _Gaps(told)
    if head is None:
        if sealed.first == 1 and sealed.before != first_hash(sealed.chain):
            return Place(findings=(Finding("fork", 1, 1),), fork=True)
        newest = 0
    else:
        newest = head.number
        if sealed.last.number < newest:
            return Place(known=True)
        if sealed.first <= newest:
            at = next((t.line for t in told if t.line.number == newest), None)
            if at is None or at.hash != head.hash:
                return Place(findings=(Finding("fork", sealed.first, newest),), fork=True)
            told = tuple(t for t in told if t.line.number > newest)
        elif sealed.first == newest + 1 and sealed.before != head.hash:
            return Place(findings=(Finding("fork", sealed.first, sealed.first),), fork=True)
    number = newest
    for one in told:
        gaps.missing(number + 1, one.line.number - 1)
        number = one.line.number
    opened = told[0].entry if told else None
    why = opened.why if isinstance(opened, Opened) else ""
    if head is None and (others or why not in ("", "new")):
        gaps.found.append(Finding("anew", 1, 0, why[:40]))
    return Place(told, tuple(gaps.found))


@dataclass(frozen=True, slots=True)
class Batch:
    """What is kept of one message: see ``JournalBatchRow``."""

    chain: bytes
    first: int
    last: int
    fresh: int
    before: bytes
    lines: tuple[str, ...]
    signature: bytes
    key: bytes


def audit(receiver: int, batches: Sequence[Batch]) -> tuple[int, list[Finding]]:
    """Check what is kept of a receiver's journals, in the order in which it came.

    Returns how many lines are as their box signed them, and what is wrong: lines that were altered
    or whose signature is none (in what is kept here, that is), and those that are missing.
    """
    heads: dict[bytes, Head] = {}
    good = 0
    wrong: list[Finding] = []
    for batch in batches:
        message = Journal(
            chain=batch.chain, before=batch.before, lines=batch.lines, signature=batch.signature
        )
        try:
            sealed = check(receiver, message, (PublicKey(batch.key),))
        except Refused as refused:
            wrong.append(Finding(str(refused), batch.first, batch.last))
            continue
        head = heads.get(batch.chain)
        # What is older than it is to be kept is gone: a chain may begin anywhere.
        if head is not None:
            where = place(head, sealed)
            wrong += where.findings
            if where.fork:
                continue
        fresh = [told for told in sealed.told if told.line.number >= batch.fresh]
        good += len(fresh)
        heads[batch.chain] = Head(sealed.last.number, sealed.last.hash)
    return good, wrong
