"""Short answers of the front door: plain text, complete in one write, and the connection closes."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

Fields = Iterable[tuple[str, str]]

CORS: tuple[tuple[str, str], ...] = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Expose-Headers",
        "content-range, icy-br, icy-description, icy-genre, icy-name, icy-pub, icy-url",
    ),
)
"""What lets a page of another site read a stream."""


def header_block(status: int, fields: Fields, version: tuple[int, int] = (1, 1)) -> bytes:
    """Return a status line, the fields and the empty line.

    Values are UTF-8; what could end a line is taken out of them.
    """
    lines = [f"HTTP/{version[0]}.{version[1]} {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {clean(value)}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode()


def clean(value: str, limit: int = 300) -> str:
    """Return ``value`` without control characters, at most ``limit`` characters of it."""
    value = value[:limit]
    if value.isprintable():
        return value
    return "".join(character if character.isprintable() else " " for character in value)


def text_reply(status: int, text: str, fields: Fields = (), *, body: bool = True) -> bytes:
    """Return a whole answer with ``text`` (without it for ``body=False``: HEAD)."""
    content = (text + "\n").encode()
    head = header_block(
        status,
        [
            ("Server", "Loa"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(content))),
            ("Cache-Control", "no-cache, no-store"),
            ("Connection", "close"),
            *fields,
        ],
    )
    return head + content if body else head
