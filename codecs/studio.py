"""What a studio and the server say to each other over the studio WebSocket, version 1.

Pure: values to bytes and back. The studio asks for ``/api/v1/live/<area path>`` with its token in
the ``Authorization`` header (Basic or Bearer); a page of ours, opened by somebody who signed in,
comes with its session's cookie instead, and says the session's word in ``Hello``. Then:

1. studio → ``Hello``; server → ``Ready``, or ``Closed`` with the reason in plain words.
2. studio → ``Audio`` as binary messages of one to eight Opus packets of 20 ms (or ``Pcm``, where
   there is no encoder), and ``Title`` when it likes; server → ``Status`` at most twice a second.
   ``Ping`` is answered with ``Pong`` at once, whoever sends it.
3. studio → ``End``: what it sent plays out; server → ``Closed``. A connection that is lost without
   ``End`` is held on air for a while, and the studio may come back.

Text messages are JSON objects with a ``type``; fields that are not known are read over, so that
either side may be the newer one. Everything is bounded, and what is malformed raises
``StudioError``.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, fields
from typing import Any, ClassVar

VERSION = 1
MAX_PACKETS = 8
MAX_PACKET = 1275
MAX_TEXT = 8192
MAX_AUDIO = 14 + MAX_PACKETS * (2 + MAX_PACKET)
PCM = 2
"""The first byte of a binary message of samples; that of packets is ``VERSION``."""
BLOCK = 960
"""Samples of a block of PCM: 20 ms at 48 kHz, mono."""
MAX_PCM = 14 + MAX_PACKETS * 2 * BLOCK
MAX_AREAS = 500
"""Areas that a hello may name."""
CLASSES = ("routine", "priority", "emergency")

_AUDIO = struct.Struct(">BBIQ")
_SIZE = struct.Struct(">H")
_MAX_WORDS = 400
_MAX_PATHS = 64
_MAX_COUNT = 2**53


class StudioError(ValueError):
    """The peer sent a message that is not of this protocol; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Audio:
    """Packets of 20 ms each, in order.

    ``sequence`` counts packets and is that of the first one (modulo 2³²); ``captured_us`` is when
    its first sample was captured, in µs of the studio's own monotonic clock.
    """

    sequence: int
    captured_us: int
    packets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Pcm:
    """Blocks of 20 ms in order: 960 samples of 16 bits each, little-endian, mono, 48 kHz.

    ``sequence`` and ``captured_us`` as in ``Audio``.
    """

    sequence: int
    captured_us: int
    blocks: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Hello:
    """A studio wants to go live. ``name`` is shown to others.

    ``klass`` is one of ``CLASSES``, or empty for the highest that the token is for.

    What follows is for those who come with a session instead of a token. ``csrf``: the session's
    word. ``key``: random, made by the studio for this one broadcast: with it, it comes back into
    the same one. ``targets``: the ids of the areas that it is for, none for the whole area.
    ``reason``: why, where the rules ask for one. ``language``: of what it is told, ``vi`` or
    ``en``.
    """

    type: ClassVar[str] = "hello"
    name: str = ""
    klass: str = ""
    software: str = ""
    version: int = VERSION
    csrf: str = ""
    key: str = ""
    targets: tuple[int, ...] = ()
    reason: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Title:
    """What is being said or played now."""

    type: ClassVar[str] = "title"
    text: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The studio says goodbye; what it sent is still played."""

    type: ClassVar[str] = "end"


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a ``Pong`` with the same number."""

    type: ClassVar[str] = "ping"
    number: int = 0


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ``Ping``."""

    type: ClassVar[str] = "pong"
    number: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """The studio is connected to ``area``; audio may follow.

    ``live`` names the broadcast, for the calls of the API; ``returned``: it goes on in the one that
    it was lost from, and ``next`` is the sequence number that is expected then (None: any).
    """

    type: ClassVar[str] = "ready"
    area: str = ""
    version: int = VERSION
    live: str = ""
    returned: bool = False
    next: int | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How the studio is doing: where it is on air, levels, the ring on the server.

    ``on_air`` names at most 64 mounts' paths, ``mounts`` counts them all. Levels are LUFS over
    400 ms and dB, None where there is no value. ``note`` is a sentence for the announcer.
    """

    type: ClassVar[str] = "status"
    on_air: tuple[str, ...] = ()
    mounts: int = 0
    listeners: int = 0
    input_lufs: float | None = None
    output_lufs: float | None = None
    gain_db: float | None = None
    reduction_db: float | None = None
    peak_dbfs: float | None = None
    speech: bool = False
    ring_ms: float = 0.0
    depth_ms: float = 0.0
    lost: int = 0
    trimmed_ms: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Closed:
    """The server ends the session. ``again``: trying once more later may work.

    ``reason`` is one word for programs: ``ended``, ``busy``, ``unknown_area``, ``not_allowed``,
    ``replaced``, ``stopped``, ``revoked``, ``timed_out``, ``full``, ``protocol``, ``shutdown``; for
    those who come with a session also ``signed_out``, ``outside_hours`` and ``second_person`` (both
    pass with a ``reason`` in the hello, unless ``final``). ``by``: who stopped it, or has the air.
    """

    type: ClassVar[str] = "closed"
    reason: str = ""
    text: str = ""
    again: bool = False
    by: str = ""
    final: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message of a type that this version does not know; to be read over."""

    kind: str = ""


Message = Hello | Title | End | Ping | Pong | Ready | Status | Closed
_TYPES: dict[str, type[Message]] = {
    "hello": Hello,
    "title": Title,
    "end": End,
    "ping": Ping,
    "pong": Pong,
    "ready": Ready,
    "status": Status,
    "closed": Closed,
}


def encode_audio(audio: Audio) -> bytes:
    """Write a binary message; ``ValueError`` when it breaks the bounds."""
    if not 1 <= len(audio.packets) <= MAX_PACKETS:
        raise ValueError("a message holds 1 to 8 packets")
    if not all(1 <= len(packet) <= MAX_PACKET for packet in audio.packets):
        raise ValueError("a packet has 1 to 1275 bytes")
    parts = [_AUDIO.pack(VERSION, len(audio.packets), audio.sequence, audio.captured_us)]
    for packet in audio.packets:
        parts += (_SIZE.pack(len(packet)), packet)
    return b"".join(parts)


def parse_audio(data: bytes) -> Audio:
    """Read a binary message; ``StudioError`` when it is malformed."""
    if len(data) < _AUDIO.size:
        raise StudioError("an audio message is too short")
    version, count, sequence, captured_us = _AUDIO.unpack_from(data)
    if version != VERSION:
        raise StudioError(f"audio of version {version}; this server speaks {VERSION}")
    if not 1 <= count <= MAX_PACKETS:
        raise StudioError("an audio message holds 1 to 8 packets")
    packets = []
    at = _AUDIO.size
    for _ in range(count):
        if at + 2 > len(data):
            raise StudioError("an audio message ends early")
        (size,) = _SIZE.unpack_from(data, at)
        at += 2
        if not 1 <= size <= MAX_PACKET or at + size > len(data):
            raise StudioError("a packet's size is wrong")
        packets.append(bytes(data[at : at + size]))
        at += size
    if at != len(data):
        raise StudioError("bytes follow the last packet of an audio message")
    return Audio(sequence, captured_us, tuple(packets))


def encode_pcm(pcm: Pcm) -> bytes:
    """Write a binary message of samples; ``ValueError`` when it breaks the bounds."""
    if not 1 <= len(pcm.blocks) <= MAX_PACKETS:
        raise ValueError("a message holds 1 to 8 blocks")
    if not all(len(block) == 2 * BLOCK for block in pcm.blocks):
        raise ValueError(f"a block has {2 * BLOCK} bytes")
    return b"".join((_AUDIO.pack(PCM, len(pcm.blocks), pcm.sequence, pcm.captured_us), *pcm.blocks))


def parse_sound(data: bytes) -> Audio | Pcm:
    """Read a binary message of packets or of samples; ``StudioError`` when it is malformed."""
    if not data or data[0] != PCM:
        return parse_audio(data)
    if len(data) < _AUDIO.size:
        raise StudioError("an audio message is too short")
    _, count, sequence, captured_us = _AUDIO.unpack_from(data)
    if not 1 <= count <= MAX_PACKETS:
        raise StudioError("an audio message holds 1 to 8 blocks")
    if len(data) != _AUDIO.size + count * 2 * BLOCK:
        raise StudioError("the size of an audio message is wrong")
    starts = range(_AUDIO.size, len(data), 2 * BLOCK)
    return Pcm(sequence, captured_us, tuple(bytes(data[at : at + 2 * BLOCK]) for at in starts))


def encode(message: Message) -> str:
    """Write a text message."""
    words: dict[str, Any] = {"type": message.type}
    for about in fields(message):
        name = about.name
        value = getattr(message, name)
        if isinstance(value, float):
            value = round(value, 2) if math.isfinite(value) else None
        words["class" if name == "klass" else name] = value
    return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def parse(text: str) -> Message | Unknown:
    """Read a text message; ``StudioError`` when it is malformed."""
    if len(text) > MAX_TEXT:
        raise StudioError("a message is too long")
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        raise StudioError("a message is not JSON") from None
    if not isinstance(words, dict):
        raise StudioError("a message is not a JSON object")
    kind = words.get("type")
    if not isinstance(kind, str):
        raise StudioError("a message has no type")
    made = _TYPES.get(kind)
    if made is None:
        return Unknown(kind[:32])
    values: dict[str, Any] = {}
    for about in fields(made):
        name = about.name
        key = "class" if name == "klass" else name
        if key in words:
            values[name] = _checked(key, str(about.type), words[key])
    message = made(**values)
    if isinstance(message, Hello) and message.klass not in ("", *CLASSES):
        raise StudioError(f"the class is one of {', '.join(CLASSES)}")
    return message


def _checked(name: str, kind: str, value: Any) -> Any:
    """Return a field's value when it has the type ``kind`` (as written above) and fits."""
    if kind == "str" and isinstance(value, str) and len(value) <= _MAX_WORDS:
        # What is shown on a terminal or in a log carries no control characters.
        return "".join(char if char.isprintable() else " " for char in value)
    if kind == "bool" and isinstance(value, bool):
        return value
    if isinstance(value, bool):
        raise StudioError(f"{name} is wrong")
    if value is None and kind == "int | None":
        return None
    if kind.startswith("int") and isinstance(value, int) and 0 <= value <= _MAX_COUNT:
        return value
    if kind.startswith("float"):
        if value is None and kind.endswith("None"):
            return None
        if isinstance(value, int | float) and abs(value) <= _MAX_COUNT:
            return float(value)
    if kind == "tuple[int, ...]" and isinstance(value, list) and len(value) <= MAX_AREAS:
        return tuple(_checked(name, "int", item) for item in value)
    if (
        kind == "tuple[str, ...]"
        and isinstance(value, list)
        and len(value) <= _MAX_PATHS
        and all(isinstance(item, str) for item in value)
    ):
        return tuple(_checked(name, "str", item) for item in value)
    raise StudioError(f"{name} is wrong")
