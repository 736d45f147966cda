from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.control.frames import (
    MAX_PACKET,
    SILENT_PACKET,
    Audio,
    FrameError,
    Piece,
    pack_audio,
    pack_piece,
    unpack,
)

PACKETS = st.lists(st.binary(min_size=1, max_size=MAX_PACKET), min_size=1, max_size=12)


@settings(deadline=None, derandomize=True)
@given(st.integers(0, (1 << 48) - 1), PACKETS)
def test_audio_comes_back_as_it_was(tick: int, packets: list[bytes]) -> None:
    assert unpack(pack_audio(tick, packets)) == Audio(tick, tuple(packets))


def test_silence_costs_one_byte_a_tick() -> None:
    data = pack_audio(7, [SILENT_PACKET] * 10)
    assert len(data) == 18
    assert unpack(data) == Audio(7, (SILENT_PACKET,) * 10)


def test_200_ms_of_speech_cost_18_bytes_beside_the_packets() -> None:
    assert len(pack_audio(10**9, [b"x" * 60] * 10)) == 600 + 18


@pytest.mark.parametrize("size", [1, 251, 252, 253, 254, 255, 256, 1274, 1275])
def test_every_size_of_a_packet(size: int) -> None:
    assert unpack(pack_audio(1, [b"a" * size, b"b"])) == Audio(1, (b"a" * size, b"b"))


def test_a_piece_comes_back_as_it_was() -> None:
    piece = Piece(bytes(range(32)), 123_456, b"data")
    assert unpack(pack_piece(piece)) == piece


@settings(deadline=None, derandomize=True, max_examples=500)
@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda b: b"\x01" + b)))
def test_any_other_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    try:
        found = unpack(data)
    except FrameError:
        return
    assert isinstance(found, Piece) or sum(map(len, found.packets)) <= 3 * len(data)


def test_what_cannot_be_sent_is_an_error_here() -> None:
    for tick, packets in ((-1, [b"x"]), (1 << 48, [b"x"]), (1, []), (1, [b"x" * 1276])):
        with pytest.raises(ValueError):
            pack_audio(tick, packets)
    with pytest.raises(ValueError):
        pack_piece(Piece(b"short", 0, b""))
