"""A request head is either read or refused with a status; how its bytes are cut changes nothing."""

from __future__ import annotations

import random
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.ingest.request import (
    MAX_HEAD,
    MAX_HEADERS,
    MAX_TARGET,
    BadRequest,
    RequestHead,
    RequestParser,
)


def whole(data: bytes) -> RequestHead | None:
    return RequestParser().feed(data)


def outcome(data: bytes, cuts: list[int]) -> object:
    """What comes of ``data`` when it arrives in pieces: a head and its size, a status, or None."""
    parser, start = RequestParser(), 0
    for end in [*sorted(cuts), len(data)]:
        try:
            head = parser.feed(data[start:end])
        except BadRequest as error:
            return error.status, error.text
        if head is not None:
            size = len(parser.received) - len(parser.rest)
            assert parser.received == data[:end]
            return head, size
        start = end
    return None


def test_a_listener_of_today() -> None:
    parser = RequestParser()
    head = parser.feed(
        b"GET /ha-giang/quang-binh.opus?cadence=low&burst=1.5 HTTP/1.1\r\nHost: loa:8000\r\n"
        b"Icy-MetaData:1\r\nX-Name:  Qu\xe1\xba\xa3ng B\xc3\xacnh \t\r\n\r\nleft over"
    )
    assert head is not None
    assert (head.method, head.path, head.version) == ("GET", "/ha-giang/quang-binh.opus", (1, 1))
    assert head.arguments() == {"cadence": "low", "burst": "1.5"}
    assert head.headers.get("icy-metadata") == "1"
    assert head.headers.get("x-name") == "Quảng Bình"
    assert head.headers.get("absent") is None and "host" in head.headers
    assert parser.rest == b"left over"


def test_a_source_of_the_last_century() -> None:
    head = whole(b"SOURCE /na-khuong HTTP/1.0\nice-name: N\xe0\n\n")
    assert head is not None
    assert (head.method, head.path, head.version) == ("SOURCE", "/na-khuong", (1, 0))
    assert head.headers.get("ice-name") == "Nà"  # not UTF-8: taken as Latin-1


def test_a_path_is_decoded_to_nfc() -> None:
    composed = "/hà-giang"
    for form in ("NFC", "NFD"):
        raw = unicodedata.normalize(form, composed).encode()
        escaped = b"".join(b"%%%02X" % byte for byte in raw[1:])
        for target in (raw, b"/" + escaped):
            head = whole(b"GET " + target + b" HTTP/1.1\r\n\r\n")
            assert head is not None and head.path == composed


def test_a_proxy_may_name_the_whole_address() -> None:
    for target, path, query in (
        (b"http://loa.example/a.opus?from=3", "/a.opus", "from=3"),
        (b"http://loa.example", "/", ""),
        (b"http://loa.example?x=/y", "/", "x=/y"),
        (b"/a#b", "/a", ""),
        (b"*", "*", ""),
    ):
        head = whole(b"GET " + target + b" HTTP/1.1\r\n\r\n")
        assert head is not None and (head.path, head.query) == (path, query)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01", 400),
        (b"hello\r\n", 400),
        (b"GET /\r\n", 400),
        (b"GET / HTTP/1.1 \r\n", 400),
        (b"G\x00T / HTTP/1.1\r\n", 400),
        (b"GET /\x01 HTTP/1.1\r\n", 400),
        (b"GET /%zz HTTP/1.1\r\n\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\n\r\n", 400),
        (b"GET /%ff HTTP/1.1\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n\r\n", 400),
        (b"GET a.opus HTTP/1.1\r\n\r\n", 400),
        (b"GET ftp://x/ HTTP/1.1\r\n\r\n", 400),
        (b"GET / ICE/1.0\r\n", 400),
        (b"PRI * HTTP/2.0\r\n", 505),
        (b"GET / HTTP/3.0\r\n", 505),
        (b"GET / HTTP/1.1\r\n folded: x\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n", 400),
        (b"GET / HTTP/1.1\r\nspace : x\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: a\rb\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: a\x00b\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /" + b"a" * MAX_TARGET + b" HTTP/1.1\r\n", 414),
        (b"A" * MAX_HEAD, 414),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * MAX_HEAD, 431),
        (b"GET / HTTP/1.1\r\n" + b"x: 1\r\n" * (MAX_HEADERS + 1), 431),
    ],
)
def test_what_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(BadRequest) as caught:
        whole(data)
    assert caught.value.status == status
    assert caught.value.text
    assert outcome(data, list(range(len(data)))) == (status, caught.value.text)


def test_the_limits_themselves_are_allowed() -> None:
    assert whole(b"GET /" + b"a" * (MAX_TARGET - 1) + b" HTTP/1.1\r\n\r\n") is not None
    assert whole(b"GET / HTTP/1.1\r\n" + b"x: 1\r\n" * MAX_HEADERS + b"\r\n") is not None
    start, end = b"GET / HTTP/1.1\r\nx: ", b"\r\n\r\n"
    full = start + b"a" * (MAX_HEAD - len(start) - len(end)) + end
    assert whole(full) is not None
    with pytest.raises(BadRequest):
        whole(full.replace(b"x: ", b"xx: "))


@pytest.mark.parametrize("query", ["cadence=low&cadence=low", "a=%ff", "&".join("a" * 60)])
def test_arguments_that_cannot_be_read(query: str) -> None:
    head = whole(b"GET /a?" + query.encode() + b" HTTP/1.1\r\n\r\n")
    assert head is not None
    with pytest.raises(BadRequest) as caught:
        head.arguments()
    assert caught.value.status == 400


TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABC-_.!0123456789", min_size=1, max_size=20)
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_characters="\x7f"), max_size=40
)


@settings(deadline=None, derandomize=True)
@given(
    st.sampled_from(["GET", "HEAD", "PUT", "SOURCE", "OPTIONS"]),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30),
    st.lists(st.tuples(TOKENS.filter(lambda name: name.lower() != "host"), VALUES), max_size=10),
    st.sampled_from([b"\r\n", b"\n"]),
)
def test_what_was_written_is_read(
    method: str, path: str, fields: list[tuple[str, str]], end: bytes
) -> None:
    escaped = b"".join(b"%%%02x" % byte for byte in path.encode())
    lines = [method.encode() + b" /" + escaped + b" HTTP/1.1"]
    lines += [name.encode() + b": " + value.encode() for name, value in fields]
    head = whole(end.join([*lines, b"", b""]))
    assert head is not None
    assert (head.method, head.path) == (method, unicodedata.normalize("NFC", "/" + path))
    assert list(head.headers) == [(name.lower(), value.strip(" \t")) for name, value in fields]


SEEDS = (
    b"GET /a/b.opus?from=12&cadence=low HTTP/1.1\r\nHost: x\r\nRange: bytes=0-\r\n\r\nrest",
    b"SOURCE /a HTTP/1.0\r\nAuthorization: Basic eA==\r\nContent-Type: audio/ogg\r\n\r\nOggS",
    b"\r\nPUT http://h/%C4%91%C3%A0.ogg HTTP/1.1\nExpect: 100-continue\n\nx",
    b"OPTIONS * HTTP/1.1\r\nUpgrade: TLS/1.0\r\n\r\n",
)


def test_mutated_heads() -> None:
    """A head or a documented status comes out, the same whole, in any pieces and byte by byte."""
    rng = random.Random(20)
    bits = [b"\r\n", b"\n", b":", b" ", b"%", b"%2F", b"\x00", b"HTTP/", b"GET ", b"\xc3", b"\xff"]
    for _ in range(3000):
        data = bytearray(rng.choice(SEEDS))
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(data) + 1)
            match rng.randrange(4):
                case 0:
                    data[at : at + rng.randrange(9)] = b""
                case 1:
                    data[at:at] = rng.choice(bits)
                case 2:
                    data[at : at + 1] = bytes([rng.randrange(256)])
                case 3:
                    data[at:at] = data[:at] * rng.randrange(3)
        data = data[: MAX_HEAD + 100]
        expected = outcome(bytes(data), [])
        if isinstance(expected, tuple) and isinstance(expected[0], int):
            assert expected[0] in (400, 414, 431, 505)
        cuts = [rng.randrange(len(data) + 1) for _ in range(3)]
        assert outcome(bytes(data), cuts) == expected
        if len(data) < 500:
            assert outcome(bytes(data), list(range(len(data)))) == expected
