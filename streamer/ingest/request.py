"""The head of an HTTP/1.x request, as bytes come in: no sockets, no clock.

The server's one port is shared by web clients, listeners and Icecast sources, so the head is read
before anyone knows who is to answer. ``RequestParser`` says when it is complete and refuses what is
not HTTP (RFC 9112), with the status that the peer should be answered. How the bytes are cut into
pieces never changes the outcome.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_to_bytes

MAX_HEAD = 16 * 1024
"""Bytes of a whole head, its empty line included."""
MAX_TARGET = 8 * 1024
"""Bytes of the request target."""
MAX_HEADERS = 100
"""Header fields of a head."""
MAX_METHOD = 32

_TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_VERSION = re.compile(rb"HTTP/([0-9])\.([0-9])")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_BAD_TARGET_BYTES = re.compile(rb"[\x00-\x20\x7f]")


class BadRequest(Exception):
    """The peer's request cannot be served: answer ``status`` with ``text``, then close."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in the order they came, names in lower case; a name may come more than once."""

    pairs: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of ``name`` (lower case), or ``default``."""
        return next((value for key, value in self.pairs if key == name), default)

    def all(self, name: str) -> list[str]:
        """Return every value of ``name`` (lower case)."""
        return [value for key, value in self.pairs if key == name]

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self.pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What a request asks for.

    ``target`` is as it was sent; ``path`` is its path, percent-decoded, UTF-8, in NFC; ``query`` is
    what follows the question mark, still encoded; ``version`` is ``(1, 0)`` or ``(1, 1)``. The
    path of ``OPTIONS *`` is ``*``.
    """

    method: str
    target: str
    path: str
    query: str = ""
    version: tuple[int, int] = (1, 1)
    headers: Headers = field(default_factory=Headers)

    def arguments(self) -> dict[str, str]:
        """Return the query's arguments; raise ``BadRequest`` when one is unreadable or repeats."""
        try:
            pairs = parse_qsl(
                self.query, keep_blank_values=True, errors="strict", max_num_fields=50
            )
        except ValueError:
            raise BadRequest(400, "the part after the question mark cannot be read") from None
        found = dict(pairs)
        if len(found) != len(pairs):
            raise BadRequest(400, "an argument is given twice")
        return found


class RequestParser:
    """Reads one request head. Feed it until it returns the head or raises ``BadRequest``.

    After either, ``received`` holds every byte it was fed and ``rest`` those behind the head; it
    must not be fed again.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self._position = 0
        self._request_line: tuple[str, bytes, tuple[int, int]] | None = None
        self._fields: list[tuple[str, str]] = []

    @property
    def rest(self) -> bytes:
        """The bytes after the head; meaningful once the head has been returned."""
        return bytes(self.received[self._position :])

    def feed(self, data: bytes) -> RequestHead | None:
        """Take bytes from the peer; return the head when it is complete, None while it is not.

        Raises ``BadRequest``: 400 (not HTTP, or malformed), 414 (target too long), 431 (head too
        long, or too many fields), 505 (another version of HTTP).
        """
        self.received += data
        # An outcome depends only on the bytes before it, line by line, so that it does not matter
        # how they were cut.
        while True:
            start = self._position
            if start < len(self.received) and self._request_line is None:
                first = self.received[start]
                if first not in _TOKEN and first not in b"\r\n":
                    raise BadRequest(400, _not_http(first))
            # As for whole lines: a line may end at most at the limit.
            end = self.received.find(b"\n", start, MAX_HEAD)
            if end < 0:
                if len(self.received) >= MAX_HEAD:
                    raise self._too_long()
                return None
            self._position = end + 1
            line = bytes(self.received[start:end]).removesuffix(b"\r")
            if self._request_line is None:
                if line:
                    self._request_line = _request_line(line)
            elif line:
                if len(self._fields) == MAX_HEADERS:
                    raise BadRequest(431, f"more than {MAX_HEADERS} header fields")
                self._fields.append(_field(line))
            else:
                method, target, version = self._request_line
                return _head(method, target, version, Headers(tuple(self._fields)))

    def _too_long(self) -> BadRequest:
        if self._request_line is None:
            return BadRequest(414, f"the request line is longer than {MAX_HEAD} bytes")
        return BadRequest(431, f"the request's head is longer than {MAX_HEAD} bytes")


def _not_http(first: int) -> str:
    if first == 0x16:
        return "this looks like TLS; this port expects plain HTTP"
    return "this is not HTTP"


def _request_line(line: bytes) -> tuple[str, bytes, tuple[int, int]]:
    parts = line.split(b" ")
    if len(parts) != 3:
        raise BadRequest(400, "a request line is a method, a path and a version")
    method, target, version = parts
    if not method or len(method) > MAX_METHOD or not _TOKEN.issuperset(method):
        raise BadRequest(400, "the method is not one")
    match = _VERSION.fullmatch(version)
    if match is None:
        raise BadRequest(400, "the request line does not end with HTTP/1.0 or HTTP/1.1")
    if match[1] != b"1":
        raise BadRequest(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
    if len(target) > MAX_TARGET:
        raise BadRequest(414, f"the address is longer than {MAX_TARGET} bytes")
    if not target or _BAD_TARGET_BYTES.search(target):
        raise BadRequest(400, "the address holds a character that must be percent-encoded")
    # RFC 9112 section 2.3: a higher minor version is understood as the highest we know.
    return method.decode("ascii"), target, (1, min(1, int(match[2])))


def _field(line: bytes) -> tuple[str, str]:
    if line[:1] in (b" ", b"\t"):
        raise BadRequest(400, "a header field is folded over several lines")
    name, colon, value = line.partition(b":")
    if not colon or not name or not _TOKEN.issuperset(name):
        raise BadRequest(400, "a header line has no valid name before a colon")
    value = value.strip(b" \t")
    if _CONTROL_BYTES.search(value):
        raise BadRequest(400, "a header field holds a control character")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    return name.decode("ascii").lower(), text


def _head(method: str, target: bytes, version: tuple[int, int], headers: Headers) -> RequestHead:
    if len(set(headers.all("host"))) > 1:
        raise BadRequest(400, "the Host field is given twice")
    try:
        text = target.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(400, "the address is not UTF-8") from None
    if method == "CONNECT":
        return RequestHead(method, text, text, "", version, headers)
    path, query = split_target(text)
    return RequestHead(method, text, path, query, version, headers)


def split_target(target: str) -> tuple[str, str]:
    """Return the decoded path and the raw query of a request target, with or without a host.

    Raises ``BadRequest``.
    """
    if target == "*":
        return target, ""
    location = target.partition("#")[0]
    if not location.startswith("/"):
        scheme, found, after = location.partition("://")
        if not found or scheme.lower() not in ("http", "https"):
            raise BadRequest(400, "the address does not start with a slash")
        slash = re.search(r"[/?]", after)
        location = after[slash.start() :] if slash else "/"
        if location.startswith("?"):
            location = "/" + location
    raw, _, query = location.partition("?")
    return _path(raw), query


def _path(raw: str) -> str:
    if _BAD_ESCAPE.search(raw):
        raise BadRequest(400, "a percent sign in the address is not followed by two hex digits")
    try:
        path = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest(400, "the address is not UTF-8") from None
    if _CONTROL.search(path):
        raise BadRequest(400, "the address holds a control character")
    return unicodedata.normalize("NFC", path)
