"""What an engine must send, computed by other means: packets that say what they are, a reader of
the stream that believes nothing, and a plain model of what a mount carries.
"""

from __future__ import annotations

import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from loa.native.engine import Clip

SILENCE = b"\xf8\xff\xfe"
SERIAL = 0x4C6F6121
NEVER = 2**62
EOS = 4

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_crc(page: bytes) -> int:
    """Return the CRC of RFC 3533 by way of zlib's, which is the same polynomial mirrored."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")


def tagged_packet(clip: int, index: int) -> bytes:
    """Return a packet that nobody else could have made; its size varies, also beyond one lacing.

    Those of every fourth clip are so large that small sockets take their pages in parts.
    """
    size = 9 + (index * 37 % 700 if clip % 4 == 3 else (clip * 31 + index * 17) % 60)
    if index % 41 == 7:
        size = (254, 255, 256, 509, 510, 511, 1275)[(clip + index // 41) % 7]
    return struct.pack("<BII", 0x78, clip, index) + bytes(size - 9)


def tagged_clip(clip: int, ticks: int) -> Clip:
    packets = [tagged_packet(clip, index) for index in range(ticks)]
    return Clip(b"".join(packets), np.array([len(p) for p in packets], np.uint16))


@dataclass(slots=True)
class Programme:
    """A programme of the model. ``packet`` is None where its packets cannot be computed."""

    start: int
    end: int
    own_start: int
    own_end: int
    packet: Callable[[int], bytes] | None

    def covers(self, tick: int) -> bool:
        return self.start <= tick < self.end


def clip_programme(clip: int, length: int, start: int, offset: int, count: int) -> Programme:
    return Programme(
        start,
        start + count,
        start if offset == 0 else NEVER,
        start + count if offset + count == length else NEVER,
        lambda tick: tagged_packet(clip, tick - start + offset),
    )


@dataclass(slots=True)
class Mount:
    """What one mount carries, tick by tick, by the words of DESIGN decision 2."""

    planned: list[tuple[int, Programme | None]] = field(default_factory=list)
    carried: Programme | None = None
    sounds: dict[int, Programme | None] = field(default_factory=dict)

    def plan(self, tick: int, programme: Programme | None) -> bool:
        self.planned = [change for change in self.planned if change[0] < tick]
        if len(self.planned) == 8:
            return False
        self.planned.append((tick, programme))
        return True

    def make(self, tick: int) -> None:
        gap = False
        due = [change for change in self.planned if change[0] <= tick]
        if due:
            self.planned = self.planned[len(due) :]
            before, after = self.carried, due[-1][1]
            if before is not after:
                sounded = before is not None and before.covers(tick - 1)
                ended = before is None or before.own_end <= tick
                starts = after is None or not after.covers(tick) or after.own_start == tick
                gap = sounded and not (ended and starts)
                self.carried = after
        now = self.carried
        self.sounds[tick] = now if now and now.covers(tick) and not gap else None


@dataclass(frozen=True, slots=True)
class Page:
    first: int
    """The first and the last tick that it holds."""
    last: int
    sequence: int
    flags: int
    packets: tuple[bytes, ...]
    raw: bytes


class Stream:
    """One listener's end of a connection: what came, cut into prefix and pages, all checked."""

    def __init__(self, sock: socket.socket, prefix: bytes) -> None:
        self.sock = sock
        self.prefix = prefix
        self.received = 0
        self.ended = False
        self._rest = b""
        self._has_prefix = False

    def close(self) -> None:
        self.sock.close()

    def read(self) -> list[Page]:
        """Return the pages that have come whole by now."""
        while not self.ended:
            try:
                data = self.sock.recv(1 << 20)
            except BlockingIOError:
                break
            except ConnectionResetError:
                data = b""
            self.ended = not data
            self.received += len(data)
            self._rest += data
        return list(self._pages())

    @property
    def rest(self) -> bytes:
        """What has come of a page that is not whole."""
        return self._rest

    def _pages(self) -> Iterator[Page]:
        if not self._has_prefix:
            if len(self._rest) < len(self.prefix):
                assert self.prefix.startswith(self._rest)
                return
            assert self._rest.startswith(self.prefix)
            self._rest = self._rest[len(self.prefix) :]
            self._has_prefix = True
        at = 0
        while (size := page_size(self._rest, at)) is not None:
            yield parse_page(self._rest[at : at + size])
            at += size
        self._rest = self._rest[at:]


def page_size(data: bytes, at: int) -> int | None:
    """Return the size of the page that begins there, None while it is not whole."""
    there = len(data) - at
    assert b"OggS"[:there] == data[at : at + 4]
    if there < 27 or there < 27 + data[at + 26]:
        return None
    size = 27 + data[at + 26] + sum(data[at + 27 : at + 27 + data[at + 26]])
    return size if size <= there else None


def parse_page(raw: bytes) -> Page:
    version, flags, granule, serial, sequence, crc, lacings = struct.unpack("<4xBBqIIIB", raw[:27])
    assert version == 0 and serial == SERIAL and flags in (0, EOS)
    assert crc == ogg_crc(raw[:22] + bytes(4) + raw[26:])
    packets, at, size = [], 27 + lacings, 0
    for lacing in raw[27 : 27 + lacings]:
        size += lacing
        if lacing < 255:
            packets.append(raw[at : at + size])
            at, size = at + size, 0
    assert size == 0 and at == len(raw), "the last packet goes on in the next page"
    assert granule % 960 == 0
    last = granule // 960 - 1
    return Page(last - len(packets) + 1, last, sequence, flags, tuple(packets), raw)
