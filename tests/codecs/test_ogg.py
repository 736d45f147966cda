"""The Ogg reader and page writer: any cutting of the bytes gives the same, no bytes break it."""

from __future__ import annotations

import itertools
import random
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.ogg import (
    BOS,
    CONTINUED,
    EOS,
    OggError,
    OggReader,
    Packet,
    make_page,
    read_clip,
)
from loa.codecs.opus import SILENCE, OpusHead, OpusTags, header_pages, timeline_headers

RULES = settings(deadline=None, derandomize=True, max_examples=60)


def plain_crc(data: bytes) -> int:
    """The CRC of RFC 3533 bit by bit, as the other opinion."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)
        crc &= 0xFFFFFFFF
    return crc


def raw_page(
    lacing: bytes, body: bytes, *, flags: int, granule: int, serial: int, seq: int
) -> bytes:
    """A page written by hand, so that it may be as odd as we like."""
    head = struct.pack("<4sBBqIII", b"OggS", 0, flags, granule, serial, seq, 0)
    page = bytearray(head + bytes((len(lacing),)) + lacing + body)
    page[22:26] = struct.pack("<I", plain_crc(bytes(page)))
    return bytes(page)


def stream(packets: list[bytes], *, serial: int, per_page: int, pages_of: int = 200) -> bytes:
    """An Ogg stream whose packets are laced over pages of at most ``pages_of`` lacing values."""
    out = []
    seq = 0
    lacing = bytearray()
    body = bytearray()
    continued = False
    granule = -1
    done = 0

    def flush(last: bool = False) -> None:
        nonlocal seq, continued, granule, done
        flags = (CONTINUED if continued else 0) | (BOS if seq == 0 else 0) | (EOS if last else 0)
        out.append(raw_page(bytes(lacing), bytes(body), flags=flags, granule=granule,
                            serial=serial, seq=seq))  # fmt: skip
        seq += 1
        continued = bool(lacing) and lacing[-1] == 255
        lacing.clear()
        body.clear()
        granule = -1
        done = 0

    for number, packet in enumerate(packets):
        values = [255] * (len(packet) // 255) + [len(packet) % 255]
        at = 0
        for value in values:
            if len(lacing) == pages_of:
                flush()
            lacing.append(value)
            body += packet[at : at + value]
            at += value
        granule = number + 1
        done += 1
        if number == 0 or done == per_page:
            flush(number == len(packets) - 1)
    if lacing:
        flush(True)
    return b"".join(out)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def read(parts: list[bytes], **options: int) -> tuple[list[Packet], bool, OggReader]:
    """Everything that a reader gives, and whether it raised the documented error."""
    reader = OggReader(b"head", **options)
    found: list[Packet] = []
    try:
        for part in parts:
            found += reader.feed(part)
        reader.finish()
    except OggError:
        return found, True, reader
    return found, False, reader


packet_lists = st.lists(
    st.one_of(st.binary(max_size=300), st.integers(254, 1100).map(bytes)),
    min_size=1,
    max_size=20,
).map(lambda packets: [b"head" + packets[0], *packets[1:]])


@RULES
@given(packet_lists, st.integers(1, 6), st.integers(1, 8), st.lists(st.integers(0, 10**6)))
def test_any_packets_on_any_pages_come_back(
    packets: list[bytes], per_page: int, pages_of: int, cuts: list[int]
) -> None:
    data = stream(packets, serial=7, per_page=per_page, pages_of=pages_of)
    found, failed, reader = read(pieces(data, cuts))
    assert not failed
    assert [packet.data for packet in found] == packets
    assert found[0].bos and not any(packet.bos for packet in found[1:])
    assert found[-1].eos and not any(packet.eos for packet in found[:-1])
    assert not any(packet.hole for packet in found)
    assert [p.granule for p in found if p.last] == [
        number + 1 for number, p in enumerate(found) if p.last
    ]
    assert reader.junk_bytes == reader.bad_pages == reader.holes == 0


@RULES
@given(
    packet_lists,
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 4), st.binary(max_size=40))),
)
def test_damage_gives_the_same_whole_and_byte_by_byte(
    packets: list[bytes], per_page: int, wounds: list[tuple[int, int, bytes]]
) -> None:
    # Invariant: packets or OggError, nothing else; how the bytes are cut changes neither.
    data = bytearray(stream(packets * 3, serial=1, per_page=per_page))
    for place, kind, junk in wounds:
        place %= len(data) + 1
        if kind == 0:
            data[place : place + len(junk)] = junk
        elif kind == 1:
            data[place:place] = junk
        elif kind == 2:
            del data[place : place + len(junk)]
        elif kind == 3:
            data[place:place] = b"OggS" + junk
        else:
            data[place:place] = data[: place // 2]
    whole = read([bytes(data)], max_junk=600)
    single = read([data[i : i + 1] for i in range(len(data))], max_junk=600)
    assert whole[0] == single[0]
    assert whole[1] == single[1]
    if not whole[1]:
        counts = [(r.pages, r.junk_bytes, r.bad_pages, r.holes) for r in (whole[2], single[2])]
        assert counts[0] == counts[1]


def test_crc_and_page_against_the_plain_form() -> None:
    packets = [bytes(range(200)), b"", bytes(255), bytes(1275)]
    page = make_page(b"".join(packets), [len(p) for p in packets], 123456789012, 2**32 + 5)
    lacing = bytes([200, 0, 255, 0, 255, 255, 255, 255, 255, 0])
    assert page == raw_page(lacing, b"".join(packets), flags=0, granule=123456789012,
                            serial=0x4C6F6121, seq=5)  # fmt: skip
    with pytest.raises(ValueError, match="one page"):
        make_page(bytes(256 * 255), [255] * 256, 0, 0)


def test_a_lost_page_is_a_hole_and_its_torn_packet_is_left_out() -> None:
    packets = [b"head", b"a" * 10, b"b" * 700, b"c" * 10, b"d" * 10]
    data = stream(packets, serial=3, per_page=1, pages_of=2)
    starts = [i for i in range(len(data)) if data[i : i + 4] == b"OggS"]
    cut = starts[3]  # the page on which b goes on
    found, failed, reader = read([data[:cut] + data[starts[4] :]])
    assert not failed
    assert [(p.data, p.hole) for p in found] == [
        (b"head", False), (b"a" * 10, False), (b"c" * 10, True), (b"d" * 10, False),
    ]  # fmt: skip
    assert reader.holes == 1


def test_junk_between_pages_is_skipped_and_counted_and_too_much_of_it_is_refused() -> None:
    good = stream([b"head", b"x", b"y"], serial=3, per_page=1)
    junk = random.Random(1).randbytes(5000)
    found, failed, reader = read([junk + good[:29] + junk + good])
    assert not failed and [p.data for p in found] == [b"head", b"x", b"y"]
    assert reader.junk_bytes == 10_000 + 29
    reader = OggReader(max_junk=4000)
    with pytest.raises(OggError, match="no Ogg stream"):
        reader.feed(junk)
    with pytest.raises(OggError):
        reader.feed(good)


def test_what_was_found_before_the_error_is_still_given() -> None:
    reader = OggReader(max_junk=100)
    assert len(reader.feed(stream([b"head", b"x"], serial=1, per_page=1) + bytes(200))) == 2
    with pytest.raises(OggError):
        reader.finish()


def test_pages_that_lie_cost_a_bounded_amount_of_work() -> None:
    # A header that claims the largest page, at every 27 bytes.
    lie = b"OggS\x00\x00" + b"\xff" * 21
    reader = OggReader(max_junk=10**9)
    with pytest.raises(OggError, match="damaged"):
        reader.feed(lie * 10_000)
    assert reader.bad_pages < 200


def test_memory_stays_within_a_page_and_a_packet() -> None:
    reader = OggReader(max_packet=100_000)
    big = stream([b"head", bytes(1_000_000), b"after"], serial=1, per_page=1, pages_of=255)
    held = 0
    found = []
    for at in range(0, len(big), 1000):
        found += reader.feed(big[at : at + 1000])
        held = max(held, len(reader._buffer) + len(reader._partial or b""))
    assert held < 66_000 + 100_000 + 1000
    assert [(len(p.data), p.truncated) for p in found] == [(4, False), (100_000, True), (5, False)]
    assert reader.truncated == 1


def test_a_chain_is_followed_and_other_streams_are_ignored() -> None:
    ours = stream([b"head1", b"a", b"b"], serial=1, per_page=1)
    other = stream([b"video", b"v", b"w"], serial=9, per_page=1)
    split = ours.index(b"OggS", 4)
    other_split = other.index(b"OggS", 4)
    mixed = other[:other_split] + ours[:split] + other[other_split:] + ours[split:]
    again = stream([b"head2", b"c"], serial=1, per_page=1)
    alien = stream([b"alien", b"z"], serial=1, per_page=1)
    found, failed, reader = read([mixed + alien + again])
    assert not failed
    assert [(p.data, p.bos, p.eos) for p in found] == [
        (b"head1", True, False), (b"a", False, False), (b"b", False, True),
        (b"head2", True, False), (b"c", False, True),
    ]  # fmt: skip
    assert reader.links == 2 and reader.ignored_pages == 5


def test_a_chain_without_a_last_page_is_followed_too() -> None:
    first = stream([b"head1", b"a", b"b"], serial=1, per_page=1)
    cut = first.rindex(b"OggS")
    found, _, _ = read([first[:cut] + stream([b"head2", b"c"], serial=2, per_page=1)])
    assert [p.data for p in found] == [b"head1", b"a", b"head2", b"c"]


def test_a_join_in_the_middle_reads_like_our_own_mounts() -> None:
    audio = make_page(SILENCE * 2, [3, 3], 3 * 10**12, 12345)
    reader = OggReader(b"OpusHead")
    found = reader.feed(timeline_headers() + audio)
    assert [p.data for p in found[2:]] == [SILENCE, SILENCE]
    assert found[3].granule == 3 * 10**12 and found[3].last and not found[2].last


def bulletin(packets: list[bytes], *, ended: bool = True) -> bytes:
    out = header_pages(OpusHead(1), OpusTags("loa"))
    for number, at in enumerate(range(0, len(packets), 50)):
        part = packets[at : at + 50]
        last = at + 50 >= len(packets)
        out += make_page(b"".join(part), [len(p) for p in part], 960 * (at + len(part)), number + 2,
                         flags=EOS if last and ended else 0)  # fmt: skip
    return out


def test_read_clip_gives_the_packets_of_a_bulletin(tmp_path: Path) -> None:
    rng = random.Random(2)
    packets = [
        bytes((rng.choice((0x08, 0x48, 0x68, 0xF8)),))
        + rng.randbytes(rng.choice((2, 60, 254, 600)))
        for _ in range(157)
    ]
    path = tmp_path / "a.opus"
    path.write_bytes(bulletin(packets))
    data, sizes = read_clip(path)
    assert data == b"".join(packets)
    assert sizes.dtype == np.uint16 and sizes.tolist() == [len(p) for p in packets]


@pytest.mark.parametrize(
    "packet", [b"\xf0ab", b"\xfcab", b"\xf9ab", b"\xe0ab", b"\x00ab", b"\x60ab"]
)
def test_read_clip_refuses_other_frames(tmp_path: Path, packet: bytes) -> None:
    path = tmp_path / "a.opus"
    path.write_bytes(bulletin([SILENCE, packet]))
    with pytest.raises(OggError, match="20 ms"):
        read_clip(path)


def test_read_clip_refuses_damage(tmp_path: Path) -> None:
    # Invariant: OggError for whatever is not exactly one whole stream.
    good = bulletin([SILENCE] * 120)
    path = tmp_path / "a.opus"
    rng = random.Random(3)
    damaged = [good[:cut] for cut in range(0, len(good), 37)]
    damaged += [good + b"x", good + good, bulletin([SILENCE] * 60, ended=False)]
    for _ in range(200):
        wrong = bytearray(good)
        wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(wrong))
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(OggError):
            read_clip(path)


def test_other_programs_accept_our_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.opus"
    path.write_bytes(bulletin([SILENCE] * 120))
    done = subprocess.run(["oggz-validate", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(["opusinfo", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "WARNING" not in done.stdout + done.stderr, done.stdout
