"""What the boxes of a process share."""

from __future__ import annotations

import pytest

from loa.codecs.control.frames import Audio, FrameError, Piece, pack_audio, pack_piece, unpack
from loa.receivers.fleet.keeping import Unpacking


def test_what_is_the_same_for_many_is_read_once() -> None:
    reads = Unpacking()
    one, other = pack_audio(7, [b"ab", b"c"]), pack_audio(8, [b"ab", b"c"])
    assert reads(one) == unpack(one) == Audio(7, (b"ab", b"c"))
    assert reads(bytes(bytearray(one))) is reads(one)
    assert reads(other) == unpack(other)


def test_pieces_and_what_cannot_be_read_are_not_kept() -> None:
    reads = Unpacking()
    piece = Piece(bytes(32), 0, b"x")
    assert reads(pack_piece(piece)) == piece
    with pytest.raises(FrameError):
        reads(b"\x01\x00")
    assert not reads._known


def test_what_is_kept_is_bounded() -> None:
    reads = Unpacking()
    for tick in range(2 * reads.MOST + 1):
        assert reads(pack_audio(tick, [b"x"])) == Audio(tick, (b"x",))
    assert len(reads._known) <= reads.MOST
