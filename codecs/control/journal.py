"""A box's journal: numbered lines, each chained to the one before; what is sent is sealed.

::

    17 {"k":"note","at":1790000000.5,"what":"started"} 3q2-7wAAAAAAAAAAAAAAAA

A line is its number, an entry as JSON, and 16 bytes of SHA-256 (base64url) over the chain's name,
the hash before, the number and the entry. So whoever has a line's hash can tell whether anything
before it was altered or left out, and a torn line is recognised. A signature is made once a
message (``seal_text``) and not once a line: a box that writes hundreds of lines a day without a
network signs when it sends, and its flash keeps 22 letters a line for it and no more. Before it is
sent, a line is as safe as the box's key, which lies on the same disk.

Numbers rise by one. A number that is missing is told of by a ``Lost`` that follows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from loa.codecs.control.messages import Chain, Class, Count, Hash, Short, Tick
from loa.codecs.errors import CodecError

HASH_BYTES = 16
CHAIN_BYTES = 16
MAX_LINE = 4000
"""Characters of a line."""
MOST_LINES = 200
"""Lines of a message."""
MOST_NUMBER = 1 << 48
_HASH_LETTERS = 22


class JournalError(CodecError):
    """This is no line of a journal, or not the one that follows."""


Percent = Annotated[int, Meta(ge=0, le=100)]


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="k"):
    """The base of all entries. ``at``: Unix seconds by the box's most trusted clock, None while
    nobody knew; ``up``: seconds since the box was switched on."""

    at: float | None = None
    up: float = 0.0


class Played(Entry, frozen=True, tag="played"):
    """A stretch that is over: what was to be heard, as ``messages.Change`` says it, and what was.

    ``started``: Unix seconds of its first sound; ``first`` its tick, ``ended`` the tick after its
    last one. Counts are ticks, None where nobody measured; what they mean, and everything else, is
    in ``parts.Played``. ``checkpoint``: the power failed in the middle of it, and this is what was
    known a few seconds before.
    """

    kind: Short
    cls: Class = 0
    play: Short = ""
    audio: Hash | None = None
    bulletin: Count = 0
    emergency: Count = 0
    drill: bool = False
    origin: Short = "live"
    cause: Short = "server"
    started: float | None = None
    first: Tick = 0
    ended: Tick = 0
    delivered: Count = 0
    decoded: Count = 0
    device: Count | None = None
    sounded: Count | None = None
    concealed: Count = 0
    missed: Count = 0
    volume: Percent = 0
    late_ms: Annotated[int, Meta(ge=-(1 << 31), lt=1 << 31)] = 0
    whole: bool = False
    interrupted: Short = ""
    why_not: Short = ""
    checkpoint: bool = False


class Opened(Entry, frozen=True, tag="chain"):
    """The first entry of a chain. ``why``: new, behind, fork, damaged or enrolled. ``former`` is
    the chain that it takes the place of, ``last`` the newest number of that one."""

    receiver: Count
    why: Short
    former: Annotated[bytes, Meta(max_length=CHAIN_BYTES)] = b""
    last: Count = 0


class Lost(Entry, frozen=True, tag="lost"):
    """Entries that are no more. ``why``: torn (the power failed while they were written), full
    (the box's quota), disk (it could not be written) or damaged.

    ``first`` … ``last`` are their numbers; 0 for what never had one. ``counts``: how many there
    were of each kind, as far as is known.
    """

    why: Short
    first: Count = 0
    last: Count = 0
    counts: Annotated[dict[Annotated[str, Meta(max_length=40)], Count], Meta(max_length=60)] = {}


class Note(Entry, frozen=True, tag="note"):
    """Anything else, by name: started, stopped, power_lost, clock_set, orders, tests, faults."""

    what: Annotated[str, Meta(max_length=40)]
    details: Annotated[
        dict[Annotated[str, Meta(max_length=40)], str | int | float | bool | None],
        Meta(max_length=40),
    ] = {}


class Unknown(Entry, frozen=True):
    """An entry of a later version; its line is kept all the same."""


Entries = Played | Opened | Lost | Note
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Entries] = msgspec.json.Decoder(Entries)


class _Tagged(Struct):
    k: Short
    at: float | None = None
    up: float = 0.0


_tagged = msgspec.json.Decoder(_Tagged)
_TAGS = {kind.__struct_config__.tag for kind in (Played, Opened, Lost, Note)}


@dataclass(frozen=True, slots=True)
class Line:
    """One line in its parts; ``hash`` is what it says, not checked yet."""

    number: int
    body: str
    hash: bytes
    text: str

    def follows(self, chain: bytes, before: bytes) -> bool:
        """Say whether it is a line of ``chain`` and what came before it had the hash ``before``."""
        return link(chain, before, self.number, self.body) == self.hash


def link(chain: bytes, before: bytes, number: int, body: str) -> bytes:
    """Return the hash of a line."""
    data = b"loa journal line 1\x00" + chain + before + number.to_bytes(8) + body.encode()
    return hashlib.sha256(data).digest()[:HASH_BYTES]


def first_hash(chain: bytes) -> bytes:
    """Return what stands in the place of a hash before the first line of a chain."""
    return hashlib.sha256(b"loa journal 1\x00" + chain).digest()[:HASH_BYTES]


def seal_text(
    receiver: int, chain: Chain, before: bytes, first: int, last: int, hash: bytes
) -> bytes:
    """Return what a box signs when it sends the lines ``first`` … ``last``; ``hash`` is of the last
    one, and holds all of them."""
    numbers = receiver.to_bytes(8) + first.to_bytes(8) + last.to_bytes(8)
    return chain + numbers + before + hash


def write_line(chain: bytes, before: bytes, number: int, entry: Entry) -> Line:
    """Return the line of an entry. Raises ``JournalError`` when it is too long for one."""
    return chain_line(chain, before, number, encode_entry(entry))


def encode_entry(entry: Entry) -> str:
    """Return an entry as it stands in a line."""
    return _encoder.encode(entry).decode()


def chain_line(chain: bytes, before: bytes, number: int, body: str) -> Line:
    """Return the line of an entry as ``encode_entry`` made it. Raises ``JournalError``."""
    hash = link(chain, before, number, body)
    text = f"{number} {body} {_letters(hash)}"
    if len(text) > MAX_LINE:
        raise JournalError("an entry is longer than a line may be")
    return Line(number, body, hash, text)


def read_line(text: str) -> Line:
    """Read a line without its line end; its hash is to be checked by ``Line.follows``.

    Raises ``JournalError``.
    """
    number, space, rest = text.partition(" ")
    body, gap, letters = rest.rpartition(" ")
    if len(text) > MAX_LINE or not space or not gap or len(letters) != _HASH_LETTERS:
        raise JournalError("no line of a journal")
    if not (number.isascii() and number.isdigit()) or number[0] == "0" or len(number) > 15:
        raise JournalError("a line without a number")
    value = int(number)
    try:
        hash = base64.b64decode(letters + "==", altchars=b"-_", validate=True)
        body.encode()
    except (binascii.Error, ValueError):
        raise JournalError("a line without a hash") from None
    if value >= MOST_NUMBER or len(hash) != HASH_BYTES or _letters(hash) != letters:
        raise JournalError("a line without a hash")
    if any(c < " " for c in body):
        raise JournalError("control characters in a line")
    return Line(value, body, hash, text)


def read_entry(body: str) -> Entries | Unknown:
    """Read what stands in a line. Raises ``JournalError``; what is of a later version is
    ``Unknown``."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        try:
            said = _tagged.decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            said = None
        if said is not None and said.k not in _TAGS:
            return Unknown(at=said.at, up=said.up)
        raise JournalError(f"no entry: {error}") from None


def _letters(hash: bytes) -> str:
    return base64.urlsafe_b64encode(hash).decode().rstrip("=")
