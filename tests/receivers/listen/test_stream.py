"""Bytes of a mount into packets by tick: whole, byte by byte, and damaged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.ogg import make_page
from loa.codecs.opus import OpusHead, OpusTags, header_pages, timeline_headers
from loa.receivers.listen.stream import Arrived, StreamError, StreamReader, check_content_type
from support.mount import START, packet, page, pages, stream

WHOLE = stream(START + 3, START + 31, 10)


@pytest.mark.parametrize("piece", [1, 7, 1000, len(WHOLE)])
def test_ticks_come_from_granules(piece: int) -> None:
    reader = StreamReader()
    found: list[Arrived] = []
    for at in range(0, len(WHOLE), piece):
        found += reader.feed(WHOLE[at : at + piece])
    assert found == [Arrived(tick, packet(tick)) for tick in range(START + 3, START + 31)]
    assert reader.last_tick == START + 30 and not reader.ended and reader.odd == 0
    reader.finish()


def test_the_end_is_seen() -> None:
    reader = StreamReader()
    reader.feed(timeline_headers() + b"".join(pages(START, START + 4, end=True)))
    assert reader.ended


def test_a_lost_page_loses_only_itself() -> None:
    some = pages(START, START + 10)
    del some[2]
    reader = StreamReader()
    found = reader.feed(timeline_headers() + b"".join(some))
    assert [each.tick - START for each in found] == [0, 1, 2, 3, 6, 7, 8, 9]
    assert reader.holes >= 1


def test_packets_of_another_length_are_no_mount() -> None:
    reader = StreamReader()
    reader.feed(timeline_headers())
    sixty = bytes([(packet(0)[0] & 0xFC) | 3, 3]) + bytes(30)
    with pytest.raises(StreamError, match="60 ms"):
        reader.feed(make_page(sixty, [len(sixty)], 2880, 2))


@pytest.mark.parametrize(
    "data",
    [
        b"<html>" * 20_000,
        header_pages(OpusHead(6, family=1, streams=4, coupled=2, mapping=bytes(6)), OpusTags("")),
        make_page(b"OpusHead", [8], 0, 0, flags=2),
    ],
)
def test_what_is_no_mount_is_an_error(data: bytes) -> None:
    with pytest.raises(StreamError):
        StreamReader().feed(data)


def test_a_connection_without_a_stream_is_an_error() -> None:
    reader = StreamReader()
    reader.feed(b"OggS")
    with pytest.raises(StreamError):
        reader.finish()


@pytest.mark.parametrize("granule", [-1, 0, 960, 2**62])
def test_positions_that_cannot_be_are_left_out(granule: int) -> None:
    reader = StreamReader()
    reader.feed(timeline_headers())
    some = b"".join(packet(tick) for tick in range(3))
    odd = make_page(some, [len(packet(tick)) for tick in range(3)], granule, 2)
    assert reader.feed(odd) == [] and reader.odd == 3
    assert len(reader.feed(page(START, START + 2))) == 2, "and the next page is heard"


def test_content_types() -> None:
    check_content_type("audio/ogg; codecs=opus")
    check_content_type("Application/OGG")
    for bad in ("audio/mpeg", "", "text/html; charset=utf-8"):
        with pytest.raises(StreamError, match="not Ogg Opus"):
            check_content_type(bad)


damages = st.lists(
    st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.sampled_from("xdi")),
    max_size=12,
)


@given(damages, st.integers(1, 2000))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_damage_is_an_error_or_a_hole(damage: list[tuple[int, int, str]], piece: int) -> None:
    """Invariant: StreamError or success; what is delivered was sent, for its own tick, in order;
    whole and in pieces alike."""
    data = bytearray(WHOLE)
    for at, value, kind in damage:
        at %= len(data)
        if kind == "x":
            data[at] = value
        elif kind == "d":
            del data[at]
        else:
            data.insert(at, value)

    def read(size: int) -> tuple[list[Arrived], bool]:
        reader, found = StreamReader(), []
        try:
            for at in range(0, len(data), size):
                found += reader.feed(bytes(data[at : at + size]))
        except StreamError:
            return found, True
        return found, False

    found, failed = read(piece)
    ticks = [each.tick for each in found]
    assert ticks == sorted(set(ticks))
    assert all(each.packet == packet(each.tick) for each in found)
    if not failed:
        assert read(len(data))[0] == found


@given(st.binary(max_size=400), st.integers(1, 50))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_garbage_after_the_headers(garbage: bytes, piece: int) -> None:
    """Invariant: StreamError or success, and no packet that nobody sent."""
    reader = StreamReader()
    reader.feed(timeline_headers())
    for at in range(0, len(garbage), piece):
        assert reader.feed(garbage[at : at + piece]) == []
