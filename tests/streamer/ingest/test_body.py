import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.streamer.ingest.body import Body, BodyError, Chunked, Sized, UntilClose, framing


def encode(chunks: list[bytes], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(c), extension, c) for c in chunks if c)
    return body + b"0\r\n" + trailers + b"\r\n"


def feed(body: Body, data: bytes, size: int) -> bytes:
    return b"".join(body.feed(data[i : i + size]) for i in range(0, len(data), size))


@given(
    st.lists(st.binary(max_size=40), max_size=8),
    st.sampled_from([b"", b";name=value", b" ; x"]),
    st.sampled_from([b"", b"X: y\r\n", b"A: 1\r\nB: 2\r\n"]),
    st.integers(1, 50),
)
@settings(deadline=None, derandomize=True, max_examples=200)
def test_chunks_come_back_however_they_are_cut(
    chunks: list[bytes], extension: bytes, trailers: bytes, size: int
) -> None:
    body = Chunked()
    assert feed(body, encode(chunks, extension, trailers) + b"more", size) == b"".join(chunks)
    assert body.finished


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"x\r\nabc",
        b"-1\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"3\nabc",
        b"3\r\nabcd\r\n",
        b"3\r\nabc3\r\n",
        b"1" * 300,
        b"1;" + b"e" * 300,
        b"fffffffffffff\r\n",
        b"0\r\n" + b"X: y\r\n" * 2000,
    ],
)
def test_wrong_chunks_are_refused(wire: bytes) -> None:
    for size in (1, len(wire)):
        with pytest.raises(BodyError):
            feed(Chunked(), wire, size)


@given(st.binary(max_size=300), st.integers(1, 40))
@settings(deadline=None, derandomize=True, max_examples=500)
def test_any_bytes_are_chunks_or_refused(data: bytes, size: int) -> None:
    """A BodyError or bytes, the same whole and piece by piece, and never more kept than a line."""
    results: list[bytes | None] = []
    for step in (size, max(1, len(data))):
        body = Chunked()
        try:
            results.append(feed(body, data, step))
            assert len(body._line) <= 256
        except BodyError:
            results.append(None)
    assert results[0] == results[1]


def test_a_sized_body_ends_at_its_size() -> None:
    body = Sized(5)
    assert body.feed(b"abc") == b"abc" and not body.finished
    assert body.feed(b"defg") == b"de" and body.finished
    assert body.feed(b"x") == b""


def test_framing_follows_the_headers() -> None:
    assert isinstance(framing(None, None), UntilClose)
    assert isinstance(framing("Chunked", None), Chunked)
    assert isinstance(framing(None, " 12 "), Sized)
    assert framing(None, "0").finished
    for encoding, length in [
        ("chunked", "5"),
        ("gzip, chunked", None),
        ("identity", None),
        (None, "-1"),
        (None, "1e3"),
        (None, "²"),
        (None, "9" * 20),
        (None, "1, 1"),
    ]:
        with pytest.raises(BodyError):
            framing(encoding, length)
