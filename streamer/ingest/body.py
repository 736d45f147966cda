"""How long a request's body is: until the connection closes, a given length, or chunked.

Pure: bytes in, audio bytes out. Sources mostly send neither a length nor chunks (PROTOCOLS.md), so
closing is then the end, and whether it was meant stays unknown.
"""

from __future__ import annotations

from typing import Protocol

_MAX_LINE = 256
_MAX_TRAILERS = 4096
_MAX_CHUNK = 1 << 40
_HEX = frozenset(b"0123456789abcdefABCDEF")


class BodyError(ValueError):
    """The peer framed its body wrongly; nothing more can be read from this connection."""


class Body(Protocol):
    """Turns what arrives into the body's bytes."""

    finished: bool
    """The framing said that the body is complete. Bytes that follow are not the body's."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the connection and return the body's; raise ``BodyError``."""


class UntilClose:
    """A body that ends when the connection does."""

    finished = False

    def feed(self, data: bytes) -> bytes:
        return data


class Sized:
    """A body of a length told beforehand."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.finished = length == 0

    def feed(self, data: bytes) -> bytes:
        data = data[: self._left]
        self._left -= len(data)
        self.finished = self._left == 0
        return data


class Chunked:
    """The chunked coding of RFC 9112 section 7.1; extensions and trailers are read over.

    Keeps at most one line (256 bytes) between calls; trailers may be 4 KB in all.
    """

    def __init__(self) -> None:
        self.finished = False
        self._line = bytearray()
        self._left = 0
        self._after_chunk = False
        self._in_trailers = False
        self._trailers = 0

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        at = 0
        while at < len(data) and not self.finished:
            if self._left:
                piece = data[at : at + self._left]
                out.append(piece)
                at += len(piece)
                self._left -= len(piece)
                self._after_chunk = self._left == 0
                continue
            end = data.find(b"\n", at)
            stop = len(data) if end < 0 else end + 1
            if len(self._line) + stop - at > _MAX_LINE:
                raise BodyError("a line of the chunked coding is too long")
            self._line += data[at:stop]
            at = stop
            if end >= 0:
                line = bytes(self._line)
                self._line.clear()
                self._take(line)
        return out[0] if len(out) == 1 else b"".join(out)

    def _take(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise BodyError("a line of the chunked coding does not end with CR LF")
        line = line[:-2]
        if self._in_trailers:
            self._trailers += len(line) + 2
            if self._trailers > _MAX_TRAILERS:
                raise BodyError("the trailers of the chunked coding are too long")
            self.finished = not line
        elif self._after_chunk:
            if line:
                raise BodyError("a chunk is longer than it said")
            self._after_chunk = False
        else:
            digits = line.partition(b";")[0].rstrip(b" \t")
            if not digits or not _HEX.issuperset(digits):
                raise BodyError("a chunk does not begin with its size")
            self._left = int(digits, 16)
            if self._left > _MAX_CHUNK:
                raise BodyError("a chunk is too large")
            self._in_trailers = self._left == 0


def framing(transfer_encoding: str | None, content_length: str | None) -> Body:
    """Choose the body's framing from the two headers; raise ``BodyError`` when they are wrong."""
    if transfer_encoding is not None:
        if content_length is not None:
            raise BodyError("Transfer-Encoding and Content-Length exclude each other")
        if transfer_encoding.strip().lower() != "chunked":
            raise BodyError("the only Transfer-Encoding understood is chunked")
        return Chunked()
    if content_length is not None:
        text = content_length.strip()
        if not text.isascii() or not text.isdigit() or len(text) > 15:
            raise BodyError("Content-Length is not a number")
        return Sized(int(text))
    return UntilClose()
