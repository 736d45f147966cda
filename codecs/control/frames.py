"""The binary messages: audio by ticks, and pieces of files. The first byte says which.

::

    audio   01 | first tick, 6 bytes | count, 1 | sizes: 1 or 2 bytes each | packets
    piece   02 | hash, 32 bytes | offset, 4 | data

Numbers are big-endian. A size below 252 is one byte, a larger one two (as in RFC 6716, 3.2.1); 0
stands for the packet of silence, and has no bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loa.codecs.errors import CodecError

SILENT_PACKET = b"\xf8\xff\xfe"
"""20 ms of silence (DESIGN decision 2)."""
MAX_TICKS = 250
MAX_PACKET = 1275
MAX_PIECE = 64 * 1024
_AUDIO, _PIECE = 1, 2
_MAX_TICK = 1 << 48


class FrameError(CodecError):
    """This is no frame of ours."""


@dataclass(frozen=True, slots=True)
class Audio:
    """The packets of consecutive ticks from ``tick`` on, one a tick."""

    tick: int
    packets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of the file with this SHA-256 (32 bytes), from ``offset`` on."""

    hash: bytes
    offset: int
    data: bytes


def pack_audio(tick: int, packets: Sequence[bytes]) -> bytes:
    """Return the message of these ticks: 1 … 250 of them, packets of at most 1275 bytes.

    Raises ``ValueError`` for others.
    """
    if not 0 < len(packets) <= MAX_TICKS or not 0 <= tick < _MAX_TICK:
        raise ValueError("a message of audio has 1 to 250 ticks of the timeline")
    sizes = bytearray()
    data = []
    for packet in packets:
        size = 0 if packet == SILENT_PACKET else len(packet)
        if size > MAX_PACKET:
            raise ValueError("a packet has at most 1275 bytes")
        if size < 252:
            sizes.append(size)
        else:
            sizes += bytes((252 + (size & 3), (size - 252) >> 2))
        if size:
            data.append(packet)
    head = bytes((_AUDIO,)) + tick.to_bytes(6) + bytes((len(packets),))
    return b"".join((head, sizes, *data))


def pack_piece(piece: Piece) -> bytes:
    """Return the message of a piece. Raises ``ValueError`` when it is too large."""
    if len(piece.hash) != 32 or len(piece.data) > MAX_PIECE or not 0 <= piece.offset < 1 << 32:
        raise ValueError("a piece has a hash of 32 bytes, and at most 64 KiB")
    return bytes((_PIECE,)) + piece.hash + piece.offset.to_bytes(4) + piece.data


def unpack(data: bytes) -> Audio | Piece:
    """Read a binary message. Raises ``FrameError``."""
    if data[:1] == bytes((_PIECE,)) and 37 <= len(data) <= 37 + MAX_PIECE:
        return Piece(data[1:33], int.from_bytes(data[33:37]), data[37:])
    if data[:1] != bytes((_AUDIO,)) or len(data) < 9:
        raise FrameError("an unknown binary message")
    tick, count, at = int.from_bytes(data[1:7]), data[7], 8
    sizes = []
    for _ in range(count):
        if at >= len(data):
            raise FrameError("a message of audio ends in its sizes")
        size, at = data[at], at + 1
        if size >= 252:
            if at >= len(data):
                raise FrameError("a message of audio ends in its sizes")
            size, at = size + 4 * data[at], at + 1
        sizes.append(size)
    if not 0 < count <= MAX_TICKS or at + sum(sizes) != len(data) or max(sizes) > MAX_PACKET:
        raise FrameError("a message of audio whose sizes do not fit")
    packets = []
    for size in sizes:
        packets.append(data[at : at + size] if size else SILENT_PACKET)
        at += size
    return Audio(tick, tuple(packets))
