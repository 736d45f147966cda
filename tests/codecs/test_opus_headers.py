"""Opus headers and packet lengths, against hand-made packets and against mutations of them."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.opus import (
    OpusError,
    OpusHead,
    OpusTags,
    packet_samples,
    parse_head,
    parse_tags,
    timeline_headers,
)

RULES = settings(deadline=None, derandomize=True, max_examples=300)
PLAIN = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
SURROUND = b"OpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\xff\x01\x04\x02\x00\x04\x01\x02\x03\x05"


def test_heads_of_sources() -> None:
    assert parse_head(PLAIN) == OpusHead(2, 312, 48000, 0.0, 0, 1, 1, b"\x00\x01")
    head = parse_head(SURROUND)
    assert (head.channels, head.family, head.streams, head.coupled) == (6, 1, 4, 2)
    assert head.gain == -1.0
    assert head.mapping == b"\x00\x04\x01\x02\x03\x05"
    for packet in (PLAIN, SURROUND):
        assert parse_head(packet).pack() == packet


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        PLAIN[:18],
        b"OpusTags" + PLAIN[8:],
        PLAIN[:8] + b"\x10" + PLAIN[9:],
        PLAIN[:9] + b"\x00" + PLAIN[10:],
        PLAIN[:9] + b"\x03" + PLAIN[10:],
        PLAIN[:18] + b"\x03",
        SURROUND[:-1],
        SURROUND[:9] + b"\x09" + SURROUND[10:] + bytes(3),
        SURROUND[:19] + b"\x00" + SURROUND[20:],
        SURROUND[:20] + b"\x05" + SURROUND[21:],
        SURROUND[:-1] + b"\x06",
    ],
)
def test_heads_that_cannot_be(packet: bytes) -> None:
    with pytest.raises(OpusError):
        parse_head(packet)


def test_a_silent_channel_and_newer_minor_versions_are_fine() -> None:
    assert parse_head(SURROUND[:-1] + b"\xff").mapping[-1] == 255
    assert parse_head(PLAIN[:8] + b"\x0f" + PLAIN[9:]).channels == 2


@RULES
@given(
    st.sampled_from([PLAIN, SURROUND]), st.lists(st.tuples(st.integers(8, 40), st.integers(0, 255)))
)
def test_any_head_is_parsed_or_refused(packet: bytes, wounds: list[tuple[int, int]]) -> None:
    # Invariant: a head whose values are in range, or OpusError.
    data = bytearray(packet)
    for place, value in wounds:
        data[place % len(data)] = value
    try:
        head = parse_head(bytes(data))
    except OpusError:
        return
    assert 1 <= head.channels <= 255 and len(head.mapping) == head.channels
    assert head.streams >= 1 and head.coupled <= head.streams
    assert parse_head(head.pack()) == head


def test_tags_and_their_title() -> None:
    tags = OpusTags("loa", (("TITLE", "Bản tin sáng"), ("ARTIST", "Đài xã"), ("TITLE", "x")))
    assert parse_tags(tags.pack()) == tags
    assert tags.title == "Đài xã - Bản tin sáng"
    assert OpusTags("x").title is None
    packed = tags.pack()
    with pytest.raises(OpusError):
        parse_tags(packed[:-1])
    assert parse_tags(packed[:-1], truncated=True).comments == tags.comments[:2]
    lying = b"OpusTags" + struct.pack("<I", 0) + struct.pack("<I", 0xFFFFFFFF)
    with pytest.raises(OpusError):
        parse_tags(lying)


@RULES
@given(st.binary(max_size=80), st.booleans())
def test_any_tags_are_parsed_or_refused(data: bytes, truncated: bool) -> None:
    # Invariant: tags, or OpusError, in time that depends on the bytes that are there.
    with contextlib.suppress(OpusError):
        parse_tags(b"OpusTags" + data, truncated=truncated)


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\xf8\xff\xfe", 960),
        (b"\x00", 480),
        (b"\x18", 2880),
        (b"\x19", 5760),
        (b"\x60", 480),
        (b"\x68", 960),
        (b"\x80", 120),
        (b"\x9a", 1920),
        (b"\x83\x30", 5760),
        (b"\xfb\x03", 2880),
    ],
)
def test_packet_lengths(packet: bytes, samples: int) -> None:
    assert packet_samples(packet) == samples


@pytest.mark.parametrize("packet", [b"", b"\x83", b"\x83\x00", b"\x83\x31", b"\xfb\x07"])
def test_packets_that_cannot_be(packet: bytes) -> None:
    with pytest.raises(OpusError):
        packet_samples(packet)


def test_the_timeline_begins_with_one_constant() -> None:
    pages = timeline_headers()
    assert pages.count(b"OggS") == 2 and pages == timeline_headers()
    second = pages.index(b"OggS", 4)
    assert pages[5] == 2 and pages[second + 5] == 0
    assert pages[28:47] == b"OpusHead\x01\x01\x00\x0f\x80\xbb\x00\x00\x00\x00\x00"
    assert pages[6:14] == bytes(8) == pages[second + 6 : second + 14]
