"""Ogg pages, read and written without I/O (RFC 3533), and the clips that bulletins are kept as.

The reader takes bytes in pieces of any size and gives packets; it survives garbage, lost pages,
chained and multiplexed streams, and never holds more than a page, a packet and what was just fed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from loa.codecs.errors import CodecError
from loa.native import _loa

_ffi: Any = _loa.ffi
_lib: Any = _loa.lib

SERIAL = 0x4C6F6121
"""The one serial of every stream that we write: ``Loa!``."""

CONTINUED = 1
BOS = 2
EOS = 4

MAX_PAGE = 27 + 255 + 255 * 255
"""The largest page: 65,307 bytes."""

_HEADER = 27
_CAPTURE = b"OggS"
_ZEROES = _ffi.new("uint8_t[4]")
# Bytes that failed CRCs may cost for each byte of the stream: hostile junk could otherwise make us
# compute the CRC of a whole page at every 27 bytes of it.
_WORK_A_BYTE = 16


class OggError(CodecError):
    """The peer's bytes are no Ogg stream that we could go on reading."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of the stream being read.

    ``granule`` is the position of the page on which it ends, and counts for the page's ``last``
    packet: -1 where the page has none. ``bos``: the first packet of a (chained) stream. ``eos``:
    the last one, if the stream says so. ``hole``: something was lost before it. ``truncated``: it
    was larger than the reader's ``max_packet``, and this is its beginning.
    """

    data: bytes
    serial: int
    granule: int
    bos: bool = False
    eos: bool = False
    last: bool = False
    hole: bool = False
    truncated: bool = False


def crc32(*parts: bytes | bytearray | memoryview) -> int:
    """Return the CRC of an Ogg page that lies in parts (its CRC field must be zero)."""
    crc = 0
    for part in parts:
        crc = _lib.loa_crc_update(crc, _ffi.from_buffer("uint8_t[]", part), len(part))
    return crc


def _page_crc(page: memoryview) -> int:
    crc = _lib.loa_crc_update(0, _ffi.from_buffer("uint8_t[]", page[:22]), 22)
    crc = _lib.loa_crc_update(crc, _ZEROES, 4)
    return int(_lib.loa_crc_update(crc, _ffi.from_buffer("uint8_t[]", page[26:]), len(page) - 26))


class OggReader:
    """Bytes of an Ogg stream in, packets of one logical stream at a time out.

    The stream that is read is the first one whose first packet begins with ``magic``; others that
    are multiplexed with it are ignored. Another one that begins later with ``magic`` is a link of
    a chain, and takes over.

    ``max_junk``: bytes that may lie between two good pages. Zero allows none.
    """

    def __init__(
        self, magic: bytes = b"", *, max_packet: int = 256 * 1024, max_junk: int = 512 * 1024
    ) -> None:
        self._magic = magic
        self._max_packet = max_packet
        self._max_junk = max_junk
        self._buffer = bytearray()
        self._error: OggError | None = None
        self._junk_run = 0
        self._work = 0
        self._consumed = 0

        self._serial: int | None = None
        self._sequence = 0
        self._has_data = False
        self._fresh = False
        self._hole = False
        self._partial: bytearray | None = None
        self._cut = False

        self.pages = 0
        """Pages of the stream that was read."""
        self.ignored_pages = 0
        """Good pages of other streams."""
        self.bad_pages = 0
        """What looked like a page and had the wrong CRC."""
        self.junk_bytes = 0
        """Bytes skipped between pages."""
        self.holes = 0
        """Times that pages or parts of packets were missing."""
        self.truncated = 0
        """Packets larger than ``max_packet``."""
        self.links = 0
        """Streams begun: more than one when it is chained."""
        self.ended = False
        """The stream being read had its last page; only a new link goes on."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[Packet]:
        """Take the next bytes and return the packets that they complete.

        Raises ``OggError`` when more than ``max_junk`` bytes are no pages; if packets were found
        before it, they are returned, and the next call (or ``finish``) raises.
        """
        if self._error:
            raise self._error
        self._buffer += data
        packets: list[Packet] = []
        at = 0
        with memoryview(self._buffer) as view:
            try:
                while (after := self._step(view, at, packets)) > at:
                    at = after
            except OggError as error:
                # Without its traceback, whose frames would hold views of the buffer.
                self._error = error.with_traceback(None)
                at = len(view)
        del self._buffer[:at]
        self._consumed += at
        if self._error and not packets:
            raise self._error
        return packets

    def finish(self) -> None:
        """Say that no more bytes come. Raises the ``OggError`` that ``feed`` still owes."""
        if self._error:
            raise self._error
        if self._buffer or self._partial is not None:
            self.junk_bytes += len(self._buffer)
            self._buffer.clear()
            self._partial = None
            self._hole = True

    def _step(self, view: memoryview, at: int, packets: list[Packet]) -> int:
        """Take one page, or skip junk; return where to go on: ``at`` when bytes are missing."""
        rest = len(view) - at
        if rest < 4:
            return at
        if view[at : at + 4] != _CAPTURE:
            found = self._buffer.find(_CAPTURE, at + 1)
            return self._skip(at, found if found >= 0 else len(view) - 3)
        if rest < _HEADER:
            return at
        segments = view[at + 26]
        # A version or flags that do not exist: not a page, whatever its CRC.
        if view[at + 4] != 0 or view[at + 5] > 7:
            return self._skip(at, at + 1)
        if rest < _HEADER + segments:
            return at
        size = _HEADER + segments + sum(view[at + _HEADER : at + _HEADER + segments])
        if rest < size:
            return at
        page = view[at : at + size]
        if _page_crc(page) != int.from_bytes(page[22:26], "little"):
            self.bad_pages += 1
            self._work += size
            if self._work > _WORK_A_BYTE * (self._consumed + at) + 64 * MAX_PAGE:
                raise OggError("too much of this is damaged Ogg")
            return self._skip(at, at + 1)
        self._junk_run = 0
        self._take(page, segments, packets)
        return at + size

    def _skip(self, at: int, to: int) -> int:
        self.junk_bytes += to - at
        self._junk_run += to - at
        if self._junk_run > self._max_junk:
            raise OggError(f"{self._junk_run} bytes without an Ogg page: this is no Ogg stream")
        return to

    def _take(self, page: memoryview, segments: int, packets: list[Packet]) -> None:
        flags = page[5]
        serial = int.from_bytes(page[14:18], "little")
        sequence = int.from_bytes(page[18:22], "little")
        lacing = page[_HEADER : _HEADER + segments]
        body = page[_HEADER + segments :]
        if flags & BOS:
            if not self._begins(lacing, body):
                self.ignored_pages += 1
                # Another codec took over this serial: a link of a chain that is not for us.
                self.ended |= serial == self._serial and self._has_data
                return
            self._start(serial, sequence)
            flags &= ~CONTINUED
        elif serial != self._serial or self.ended:
            self.ignored_pages += 1
            return
        self.pages += 1
        if sequence != self._sequence:
            self._lose()
        self._sequence = (sequence + 1) & 0xFFFFFFFF
        self._has_data |= not flags & BOS
        self._split(page, lacing, body, flags, packets)
        if flags & EOS:
            self.ended = True

    def _begins(self, lacing: memoryview, body: memoryview) -> bool:
        """Is this first page the beginning of a stream that we want to read now?"""
        if self._serial is not None and not self.ended and not self._has_data:
            return False  # one of the same group was chosen already
        first = min(sum(lacing), len(self._magic))
        return len(lacing) > 0 and bytes(body[:first]) == self._magic

    def _start(self, serial: int, sequence: int) -> None:
        self._serial = serial
        self._sequence = sequence
        self._has_data = False
        self._fresh = True
        self._hole = False
        self._partial = None
        self.ended = False
        self.links += 1

    def _lose(self) -> None:
        self._partial = None
        if not self._hole:
            self.holes += 1
        self._hole = True

    def _split(
        self,
        page: memoryview,
        lacing: memoryview,
        body: memoryview,
        flags: int,
        packets: list[Packet],
    ) -> None:
        continued = bool(flags & CONTINUED)
        if continued != (self._partial is not None):
            self._lose()
        # The end of a packet whose beginning is not there.
        orphan = continued and self._partial is None
        serial = int.from_bytes(page[14:18], "little")
        granule = int.from_bytes(page[6:14], "little", signed=True)
        found = len(packets)
        start = at = 0
        for value in lacing:
            at += value
            if value == 255:
                continue
            if orphan:
                orphan = False
            else:
                data, cut = self._whole(body[start:at])
                packets.append(
                    Packet(data, serial, granule, bos=self._fresh, hole=self._hole, truncated=cut)
                )
                self._hole = self._fresh = False
            start = at
        if len(lacing) > 0 and lacing[-1] == 255 and not orphan:
            self._keep(body[start:at])
        if len(packets) > found:
            end = packets[-1]
            packets[-1] = Packet(
                end.data, serial, granule, end.bos, bool(flags & EOS), True, end.hole, end.truncated
            )

    def _keep(self, piece: memoryview) -> None:
        """Keep the beginning of a packet that goes on in the next page."""
        if self._partial is None:
            self._partial = bytearray()
            self._cut = False
        room = self._max_packet - len(self._partial)
        if len(piece) > room:
            self._cut = True
        self._partial += piece[: max(0, room)]

    def _whole(self, piece: memoryview) -> tuple[bytes, bool]:
        if self._partial is None and len(piece) <= self._max_packet:
            return bytes(piece), False
        self._keep(piece)
        assert self._partial is not None
        data, cut = bytes(self._partial), self._cut
        self._partial = None
        self.truncated += cut
        return data, cut


def make_page(
    data: bytes | memoryview,
    sizes: Sequence[int] | npt.NDArray[np.uint16],
    granule: int,
    sequence: int,
    *,
    serial: int = SERIAL,
    flags: int = 0,
) -> bytes:
    """Return a page of whole packets, which lie one behind the other in ``data``.

    Raises ``ValueError`` when they need more than 255 lacing values.
    """
    table = np.asarray(sizes, dtype=np.int64)
    if table.size and table.max() < 255:
        lacing = table.astype(np.uint8).tobytes()
    else:
        lacing = b"".join(b"\xff" * (size // 255) + bytes((size % 255,)) for size in table.tolist())
    if len(lacing) > 255:
        raise ValueError("these packets do not fit into one page")
    if int(table.sum()) != len(data):
        raise ValueError("the sizes do not add up")
    head = bytearray(_CAPTURE)
    head += bytes((0, flags))
    head += granule.to_bytes(8, "little", signed=True)
    head += serial.to_bytes(4, "little")
    head += (sequence & 0xFFFFFFFF).to_bytes(4, "little")
    head += bytes(4)
    head.append(len(lacing))
    head += lacing
    head[22:26] = crc32(head, data).to_bytes(4, "little")
    return bytes(head) + bytes(data)


def read_clip(path: str | os.PathLike[str]) -> tuple[bytes, npt.NDArray[np.uint16]]:
    """Read one of our bulletin files into what ``loa.native.engine.Clip`` takes.

    Returns the packets one behind the other and their sizes (uint16, shape ``(n,)``). Raises
    ``OggError`` when the file is damaged or is not one mono Ogg Opus stream of single 20 ms
    frames, and ``OSError``.
    """
    with open(path, "rb") as file:
        raw = file.read()
    return parse_clip(raw, os.fspath(path))


def parse_clip(raw: bytes, name: str) -> tuple[bytes, npt.NDArray[np.uint16]]:
    """Read the bytes of such a file, which errors call ``name``. Raises ``OggError``."""
    view = memoryview(raw)
    lacings: list[memoryview] = []
    bodies: list[memoryview] = []
    at = 0
    ended = False
    while at < len(raw):
        segments = raw[at + 26] if at + _HEADER <= len(raw) else 0
        body = at + _HEADER + segments
        lacing = view[at + _HEADER : body]
        end = body + sum(lacing)
        page = view[at:end]
        if (
            ended
            or end > len(raw)
            or segments == 0
            or page[:4] != _CAPTURE
            or int.from_bytes(page[18:22], "little") != len(bodies)
            or int.from_bytes(page[22:26], "little") != _page_crc(page)
        ):
            raise OggError(f"{name}: damaged at byte {at}; prepare it again")
        ended = bool(page[5] & EOS)
        lacings.append(lacing)
        bodies.append(view[body:end])
        at = end
    if not ended or len(bodies) < 3 or bytes(bodies[0][:8]) != b"OpusHead" or bodies[0][9] != 1:
        raise OggError(f"{name}: no complete bulletin file; prepare it again")
    values = np.frombuffer(b"".join(lacings[2:]), dtype=np.uint8)
    data = b"".join(bodies[2:])
    ends = np.cumsum(values, dtype=np.int64)[values < 255]
    sizes = np.diff(ends, prepend=0)
    if values[-1] == 255 or sizes.min() < 1 or sizes.max() > 1275:
        raise OggError(f"{name}: packets that cannot be; prepare it again")
    toc = np.frombuffer(data, dtype=np.uint8)[ends - sizes]
    # SILK 20 ms: x01, hybrid 20 ms: 13, 15; CELT 20 ms: 19, 23, 27, 31; one frame, one channel.
    config = toc >> 3
    twenty = np.where(config < 12, config % 4 == 1, np.where(config < 16, config % 2 == 1,
                                                             config % 4 == 3))  # fmt: skip
    if not bool(np.all(twenty & ((toc & 7) == 0))):
        raise OggError(f"{name}: not one 20 ms mono frame a packet; prepare it again")
    return data, sizes.astype(np.uint16)
