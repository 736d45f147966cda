"""Files of kept packets: Ogg Opus that players take at any moment, however its writing ended.

Packet number n of a file is of the tick ``first + n``: what could not be kept is silence in its
place. Pages are appended whole, at most a second each; a damaged end is cut off before writing on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loa.codecs.ogg import BOS, EOS, crc32, make_page
from loa.codecs.opus import FRAME, SILENCE, VENDOR, OpusHead, OpusTags, header_pages

PAGE = 50
_HEADER = 27
_HEADERS = 2
"""Pages before the first packet."""


class KeptFile:
    """One file while it is written. Every method may raise ``OSError``; then ``append`` may be
    called again with the same packets: nothing of them is in the file.
    """

    def __init__(self, path: Path, title: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        tags = OpusTags(VENDOR, (("TITLE", title),) if title else ())
        self.ticks = 0
        """Packets in the file."""
        self._sequence = _HEADERS
        self._good = 0
        try:
            self._put(header_pages(OpusHead(1), tags))
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise

    def append(self, data: bytes, sizes: npt.NDArray[np.uint16]) -> None:
        """Append packets and wait until the disk has them."""
        self._put_packets(data, sizes, 0)

    def silence(self, ticks: int) -> None:
        """Append silence in the place of what could not be kept."""
        while ticks > 0:
            some = min(ticks, 60 * PAGE)
            self._put_packets(SILENCE * some, np.full(some, len(SILENCE), np.uint16), 0)
            ticks -= some

    def finish(self) -> None:
        """Say that this is the end, and close the file."""
        try:
            self._put(make_page(b"", [], FRAME * self.ticks, self._sequence, flags=EOS))
        finally:
            self.close()

    def close(self) -> None:
        """Close the file as it is."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def _put_packets(self, data: bytes, sizes: npt.NDArray[np.uint16], flags: int) -> None:
        pages, ticks, sequence = bytearray(), self.ticks, self._sequence
        ends = np.cumsum(sizes, dtype=np.int64)
        lacing = np.cumsum(sizes // 255 + 1, dtype=np.int64)
        at = 0
        while at < len(sizes):
            before = int(lacing[at - 1]) if at else 0
            fit = int(np.searchsorted(lacing, before + 255, side="right"))
            end = min(at + PAGE, fit)
            start = int(ends[at - 1]) if at else 0
            ticks += end - at
            pages += make_page(
                data[start : int(ends[end - 1])],
                sizes[at:end],
                FRAME * ticks,
                sequence,
                flags=flags,
            )
            sequence += 1
            at = end
        self._put(bytes(pages))
        self.ticks, self._sequence = ticks, sequence

    def _put(self, pages: bytes) -> None:
        try:
            written = 0
            while written < len(pages):
                written += os.pwrite(self._file, pages[written:], self._good + written)
            os.fsync(self._file)
        except OSError:
            # What was written of it is written over the next time, or cut off here if that can be.
            os.ftruncate(self._file, self._good)
            raise
        self._good += len(pages)


def read_pages(path: Path, first: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    """Give the packets of each page with the number of its first, from packet ``first`` on.

    Stops at the end of what is whole; the file may be being written. Raises ``OSError``.
    """
    with path.open("rb") as file:
        count = pages = 0
        while True:
            head = file.read(_HEADER)
            if len(head) < _HEADER or head[:4] != b"OggS":
                return
            lacing = file.read(head[26])
            size = sum(lacing)
            packets = sum(value < 255 for value in lacing)
            pages += 1
            wanted = pages > _HEADERS and count + packets > first
            if not wanted:
                # Only looked over: its CRC counts where its packets do.
                if file.seek(size, os.SEEK_CUR) > os.fstat(file.fileno()).st_size:
                    return
                count += packets if pages > _HEADERS else 0
                continue
            body = file.read(size)
            blank = head[:22] + bytes(4) + head[26:]
            if len(body) < size or crc32(blank, lacing, body) != int.from_bytes(
                head[22:26], "little"
            ):
                return
            yield count, _split(lacing, body)
            count += packets


def count_and_mend(path: Path) -> int:
    """Cut a damaged end off a file that was not finished; return the packets that are in it.

    Raises ``OSError``.
    """
    good = count = pages = 0
    with path.open("r+b") as file:
        while True:
            head = file.read(_HEADER)
            lacing = file.read(head[26]) if len(head) == _HEADER and head[:4] == b"OggS" else b""
            size = sum(lacing)
            body = file.read(size)
            blank = head[:22] + bytes(4) + head[26:]
            whole = len(head) == _HEADER and len(lacing) == head[26] and len(body) == size
            if not whole or crc32(blank, lacing, body) != int.from_bytes(head[22:26], "little"):
                break
            if pages == 0 and not head[5] & BOS:
                break
            pages += 1
            good += _HEADER + len(lacing) + size
            count += sum(value < 255 for value in lacing) if pages > _HEADERS else 0
        file.truncate(good)
    return count


def _split(lacing: bytes, body: bytes) -> list[bytes]:
    packets = []
    start = at = 0
    for value in lacing:
        at += value
        if value < 255:
            packets.append(body[start:at])
            start = at
    return packets
