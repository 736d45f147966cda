"""The messages of a receiver's connection, version 1; JSON, each with its name in ``t``.

The server speaks first: a ``Challenge``, which proves that the certificate of this connection is
its own. The box answers with ``Hello`` (or ``Enrol``), and a session begins with ``Welcome``, or
there is none (``Refused``). What is not known in a message is passed over, so that a later minor
change disturbs nobody; an unknown message is counted and passed over too. Audio and pieces of files
are binary (``frames``).

Times: ``tick`` is a place on the server's timeline, ``unix`` seconds by the server's clock, and
``sent`` seconds by a clock of whoever sent it, which only he reads. Bytes travel as base 64.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta, Struct

from loa.codecs.errors import CodecError

VERSION = 1
"""The newest version; which ones are spoken, ``dialects`` says."""
MAX_TEXT = 256 * 1024
"""Bytes of a JSON message."""

T = TypeVar("T")
Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Nonce = Annotated[bytes, Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
Chain = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""The name of a box's journal: random bytes, made when it was begun."""
ChainHash = Annotated[bytes, Meta(min_length=16, max_length=16)]
"""The hash of a journal's line, which the hash of the next one depends on."""
Short = Annotated[str, Meta(max_length=200)]
Tick = Annotated[int, Meta(ge=0, lt=1 << 48)]
Count = Annotated[int, Meta(ge=0, lt=1 << 48)]
Class = Annotated[int, Meta(ge=0, le=2)]


class MessageError(CodecError):
    """This is no message of ours, or a field of it cannot be."""


class UnknownMessage(MessageError):
    """A message of a later version; its name is the text."""


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="t"):
    """The base of all messages."""


# --- a session's beginning


class Identity(Struct, frozen=True, kw_only=True):
    """A key of the server's, and its signature of the certificate's public key.

    Signed is the SHA-256 of the certificate's SubjectPublicKeyInfo (``Purpose.CERTIFICATE``).
    """

    key: Key
    signature: Signature


class Challenge(Message, frozen=True, tag="challenge"):
    """The server's first words. ``identities``: its key, then former ones that still are good."""

    oldest: int
    newest: int
    nonce: Nonce
    identities: Annotated[tuple[Identity, ...], Meta(min_length=1, max_length=4)]
    unix: float


class Hello(Message, frozen=True, tag="hello"):
    """A box that is enrolled. ``signature``: by its key, of ``session_text`` (``Purpose.SESSION``).

    ``nonce`` is the box's challenge: commands of this session repeat it. ``resume``: the tick from
    which it misses audio, if any; it gets that as far back as it is kept. ``commands``: the number
    of the newest command that it took. ``settings``, ``mark``: the version and the mark of the
    settings that it has (``settings.Settings``). ``inventory``: the digest of what is in its cache
    (``inventory_digest``); see ``Recount``.
    """

    version: int
    receiver: Count
    nonce: Nonce
    signature: Signature
    software: Short = ""
    resume: Tick | None = None
    commands: Count = 0
    settings: Count = 0
    mark: Annotated[str, Meta(max_length=64)] = ""
    inventory: Hash | None = None
    booted: float = 0.0
    """Seconds since the box was started."""


class Enrol(Message, frozen=True, tag="enrol"):
    """A new box. ``signature``: by ``key``, of ``session_text`` (``Purpose.ENROLMENT``)."""

    version: int
    secret: Annotated[str, Meta(pattern="^[0-9a-f]{20}$")]
    key: Key
    nonce: Nonce
    signature: Signature
    software: Short = ""
    hardware: Short = ""
    serial: Short = ""


class Enrolled(Message, frozen=True, tag="enrolled"):
    """It worked: who the box is from now on. The connection ends after this.

    ``area_id``: the area whose schedules are the box's until its first settings say so; 0 from
    servers of before.
    """

    receiver: Count
    name: Short
    area: Annotated[str, Meta(max_length=500)]
    area_name: Short
    area_id: Count = 0


class Welcome(Message, frozen=True, tag="welcome"):
    """A session begins. What the server has of the journal, a ``Receipt`` says right after it.

    ``heartbeat``: seconds of silence after which the box is to send a ``Ping``; without anything
    from the box for three of them the server ends the session.
    """

    version: int
    tick: float
    unix: float
    heartbeat: float = 50.0


class Refused(Message, frozen=True, tag="refused"):
    """There is no session, and ``why``; the connection ends after this.

    ``code``: version, message, unknown, revoked, signature, secret, expired, busy or stopping. Only
    after ``busy`` and ``stopping`` is there any use in trying again soon.
    """

    code: Short
    why: Short = ""


# --- time and life


class Ping(Message, frozen=True, tag="ping"):
    """The box is there; it also asks what time it is.

    ``on``: whether something sounds now: the device takes it and the volume is above zero. Said
    with the first of a session and soon after it changed; None: as it was said last, or nobody
    measures it.
    """

    sent: float
    on: bool | None = None


class Pong(Message, frozen=True, tag="pong"):
    """The timeline's position and the server's clock as this was sent."""

    sent: float
    tick: float
    unix: float


# --- what is on air


class Change(Message, frozen=True, tag="change"):
    """From ``tick`` on the box's mount carries this. It replaces whatever was told before of ticks
    at or after its own: every change with such a tick is void.

    At the beginning of a session comes what is on, with the tick since when, and what follows. A
    change that is known beforehand is told ahead, when its tick is still to come; if it is taken
    back, a change at or before that tick says what is carried instead, which may be what was
    carried before, gone on with (the same ``play``, and ``offset`` that of the new tick). What the
    mount really carried rules: where it came otherwise than told, the change is told again.

    ``kind``: silence, live, relay, file or bulletin. ``audio`` is the prepared audio of a bulletin
    or file, whose packet number ``offset`` is that of ``tick``; it has ``ticks`` packets in all.
    ``stream``: audio messages follow, because the box has not got it or nobody has; otherwise it
    plays from its cache, and asks by ``Want`` if it cannot. When the box says meanwhile that it has
    it now (``Inventory``), the change is told again, without ``stream``. The tick itself is silent
    if ``gap``.
    ``play`` names the playing, as in the as-run log.
    """

    tick: Tick
    kind: Literal["silence", "live", "relay", "file", "bulletin"]
    cls: Class = 0
    play: Short = ""
    audio: Hash | None = None
    offset: Count = 0
    ticks: Count = 0
    stream: bool = False
    gap: bool = False
    bulletin: Count = 0
    emergency: Count = 0
    drill: bool = False
    sign: Annotated[str, Meta(max_length=200)] = ""


class Want(Message, frozen=True, tag="want"):
    """The box has not got what it was to play: it wants the mount's audio from ``tick`` on.

    It gets that as far back as it is kept, else from now on; so it does after ``Enough``.
    """

    tick: Tick


class Enough(Message, frozen=True, tag="enough"):
    """The box wants no audio messages for now (its data is used up): changes only, until it says
    ``Want`` or its session ends. Emergencies are streamed all the same."""


# --- the cache


class Recount(Message, frozen=True, tag="recount"):
    """The server does not know what the box has in its cache: it is to send all its ``Inventory``.

    Sent right after the welcome when ``Hello.inventory`` is not what the server has in mind (or is
    missing, or the server was restarted); without it the digest was right and nothing is to be
    sent. Until the inventory came the box counts as having nothing, so that audio is streamed.
    """


class Inventory(Message, frozen=True, tag="inventory"):
    """What the box has in its cache, whole and checked, by the hash of the audio.

    ``all``: this and nothing else; what does not fit into one message follows in others that only
    add. Later ones tell what was added and removed, as it happens.
    """

    add: Annotated[tuple[Hash, ...], Meta(max_length=2000)] = ()
    remove: Annotated[tuple[Hash, ...], Meta(max_length=2000)] = ()
    all: bool = False


class Agenda(Message, frozen=True, tag="agenda"):
    """The newest schedule for the box is the file of this hash; it has ``size`` bytes."""

    hash: Hash
    size: Count


class Fetch(Message, frozen=True, tag="fetch"):
    """The box wants a piece of a file: at most 64 KiB, one at a time."""

    hash: Hash
    offset: Count
    length: Annotated[int, Meta(ge=1, le=64 * 1024)]


class Gone(Message, frozen=True, tag="gone"):
    """The server has no such file (any more)."""

    hash: Hash


# --- commands, reports


class Command(Message, frozen=True, tag="command"):
    """A signed command: ``body`` is an ``Order`` (``orders``)."""

    body: Annotated[bytes, Meta(max_length=16 * 1024)]
    signature: Signature


class Ack(Message, frozen=True, tag="ack"):
    """What became of a command: received, started, finished, failed or refused.

    ``number`` 0: what was refused was no readable command of ours.
    """

    number: Count
    state: Literal["received", "started", "finished", "failed", "refused"]
    reason: Short = ""
    result: Annotated[str, Meta(max_length=4000)] = ""


class Journal(Message, frozen=True, tag="journal"):
    """Lines of the box's journal (``journal``), one right after the other, as they are kept.

    ``chain``: of which journal of the box's they are; ``before``: the hash of the line before the
    first one. ``signature``: by the box's key, of ``journal.seal_text`` (``Purpose.JOURNAL``).
    """

    chain: Chain
    before: ChainHash
    lines: Annotated[
        tuple[Annotated[str, Meta(max_length=4000)], ...], Meta(min_length=1, max_length=200)
    ]
    signature: Signature


class Sounding(Message, frozen=True, tag="sounding"):
    """An emergency is sounding on this box: said at its beginning, and in a session that begins
    while it goes on. The proof is the journal's, which comes when it is over.

    ``tick``: of its first sound, ``late_ms`` later than due. ``device``: whether the sound device
    takes it, with the relay on; None where there is none that could tell.
    """

    emergency: Count
    play: Short
    tick: Tick
    late_ms: int = 0
    device: bool | None = None


class Receipt(Message, frozen=True, tag="receipt"):
    """All entries of ``chain`` up to this number are kept by the server: the box may forget them.

    One is sent at the beginning of each session (with no chain and 0: the server has nothing), and
    after each ``Journal``. ``anew``: what the box sent does not follow from what the server has; it
    is to begin another chain, and to send what it still has in that.
    """

    chain: Annotated[bytes, Meta(max_length=16)] = b""
    journal: Count = 0
    anew: bool = False


class Health(Message, frozen=True, tag="health"):
    """How the box is: numbers and words by name, only what it can read."""

    at: float
    values: Annotated[dict[Annotated[str, Meta(max_length=40)], float], Meta(max_length=60)]
    texts: Annotated[dict[Annotated[str, Meta(max_length=40)], Short], Meta(max_length=30)] = {}


# --- keys


class Rotate(Message, frozen=True, tag="rotate"):
    """The box's next key, signed by the one it has (``Purpose.SUCCESSOR``) and by itself."""

    key: Key
    by_old: Signature
    by_new: Signature


class Rotated(Message, frozen=True, tag="rotated"):
    """The server keeps that key; the old one is good until the new one was used."""

    key: Key


class Successor(Message, frozen=True, tag="successor"):
    """The server's next identity, signed by the one that the box trusts (``Purpose.SUCCESSOR``)."""

    key: Key
    by: Key
    signature: Signature


FromServer = (
    Challenge | Enrolled | Welcome | Refused | Pong | Change | Recount | Agenda | Gone | Command
    | Receipt | Rotated | Successor
)  # fmt: skip
FromBox = (
    Hello | Enrol | Ping | Want | Enough | Inventory | Fetch | Ack | Journal | Sounding | Health
    | Rotate
)  # fmt: skip


class _Tagged(Struct):
    t: Short


_encoder = msgspec.json.Encoder()
_tagged = msgspec.json.Decoder(_Tagged)
_NAMES = {kind.__struct_config__.tag for union in (FromServer, FromBox) for kind in get_args(union)}
_server: msgspec.json.Decoder[FromServer] = msgspec.json.Decoder(FromServer)
_box: msgspec.json.Decoder[FromBox] = msgspec.json.Decoder(FromBox)


def encode(message: Message) -> bytes:
    """Return a message as it is sent: UTF-8 JSON."""
    return _encoder.encode(message)


def from_server(data: bytes | str) -> FromServer:
    """Read what a server sent. Raises ``MessageError``; ``UnknownMessage`` if it is newer."""
    return _decode(_server, data)


def from_box(data: bytes | str) -> FromBox:
    """Read what a box sent. Raises ``MessageError``; ``UnknownMessage`` if it is newer."""
    return _decode(_box, data)


def _decode(decoder: msgspec.json.Decoder[T], data: bytes | str) -> T:
    if len(data) > MAX_TEXT:
        raise MessageError("a message is longer than a message may be")
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        if (name := _name_of(data)) is not None and name not in _NAMES:
            raise UnknownMessage(name) from None
        raise MessageError(f"no message: {error}") from None


def _name_of(data: bytes | str) -> str | None:
    try:
        return _tagged.decode(data).t
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def session_text(
    challenge: Nonce, nonce: Nonce, certificate: Hash, server: Key, receiver: int
) -> bytes:
    """Return what a box signs: both challenges, the certificate it saw (SHA-256 of its public key),
    the server it takes it for, and who it is (0 at enrolment)."""
    return challenge + nonce + certificate + server + receiver.to_bytes(8)


def inventory_digest(hashes: Iterable[Hash]) -> Hash:
    """Return what tells one content of a cache from another."""
    return hashlib.sha256(b"".join(sorted(hashes))).digest()
