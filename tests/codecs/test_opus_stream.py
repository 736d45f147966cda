"""A source's Ogg Opus as samples: against other decoders, across links, holes and damage."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.codecs.errors import CodecError
from loa.codecs.ogg import EOS, OggError, OggReader, crc32, make_page
from loa.codecs.opus import (
    OpusError,
    OpusHead,
    OpusStream,
    OpusTags,
    Samples,
    has_fec,
    header_pages,
)
from loa.native.opus import LOOKAHEAD, OpusEncoder

RULES = settings(deadline=None, derandomize=True, max_examples=60)


def voice(seconds: float, seed: int = 1) -> Samples:
    """Something that Opus takes for speech: a buzzing pitch in syllables."""
    t = np.arange(round(seconds * 48_000)) / 48_000
    pitch = 120 + 20 * np.sin(2 * np.pi * 0.7 * t + seed)
    phase = 2 * np.pi * np.cumsum(pitch) / 48_000
    buzz = sum(np.sin(k * phase) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * 3 * t) + 0.4, 0, 1)
    return np.asarray(0.1 * buzz * syllables, dtype=np.float32)


def packets_of(audio: Samples) -> list[bytes]:
    data, sizes = OpusEncoder(24_000, 5).encode_many(audio[: len(audio) // 960 * 960])
    ends = np.cumsum(sizes)
    return [data[end - size : end] for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]


def pages_of(
    packets: list[bytes],
    *,
    pre_skip: int = 312,
    gain: float = 0.0,
    per_page: int = 1,
    trim: int = 0,
) -> list[bytes]:
    """An Ogg Opus stream as pages: two of headers, then audio."""
    headers = header_pages(OpusHead(1, pre_skip, gain=gain), OpusTags("test", (("TITLE", "x"),)))
    second = headers.index(b"OggS", 4)
    out = [headers[:second], headers[second:]]
    for at in range(0, len(packets), per_page):
        part = packets[at : at + per_page]
        last = at + per_page >= len(packets)
        granule = 960 * (at + len(part)) - (trim if last else 0)
        out.append(make_page(b"".join(part), [len(p) for p in part], granule, len(out),
                             flags=EOS if last else 0))  # fmt: skip
    return out


def decode(data: bytes, step: int = 0) -> tuple[Samples, OpusStream]:
    stream = OpusStream()
    blocks = [
        block
        for at in range(0, len(data), step or len(data))
        for block in stream.feed(data[at : at + (step or len(data))])
    ]
    assert all(block.dtype == np.float32 and len(block) for block in blocks)
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32), stream


def ffmpeg(*words: str | Path, data: bytes = b"") -> bytes:
    command = ["ffmpeg", "-v", "error", "-nostdin", *map(str, words)]
    if data:
        command.remove("-nostdin")
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


@pytest.mark.parametrize(
    "options",
    [
        "-ac 1 -b:a 24k",
        "-ac 2 -b:a 64k",
        "-ac 1 -b:a 16k -application voip -frame_duration 60",
        "-ac 2 -b:a 96k -application lowdelay -frame_duration 2.5",
        "-ac 1 -b:a 24k -page_duration 20000",
    ],
)
def test_sources_of_ffmpeg_decode_as_libopus_decodes_them(options: str) -> None:
    audio = voice(3.01)
    raw = np.stack([audio, 0.5 * audio[::-1]], axis=1).tobytes()
    made = ffmpeg("-f", "f32le", "-ar", 48000, "-ac", 2, "-i", "-", "-c:a", "libopus",
                  *options.split(), "-f", "ogg", "-", data=raw)  # fmt: skip
    got, stream = decode(made, 1000)
    assert len(got) == len(audio)
    peer = ffmpeg("-c:a", "libopus", "-f", "ogg", "-i", "-", "-f", "f32le", "-", data=made)
    want = np.frombuffer(peer, np.float32).reshape(-1, int(options.split()[1])).mean(axis=1)
    assert abs(len(want) - len(got)) <= 960
    size = min(len(want), len(got))
    # libopus mixes before its filters, which differs a little from mixing what it gives.
    assert np.sqrt(np.mean((got[:size] - want[:size]) ** 2)) < 0.05 * np.sqrt(np.mean(want**2))
    assert stream.damaged == stream.concealed == stream.reader.holes == 0


def test_length_gain_and_beginning_are_exact() -> None:
    audio = voice(1.0)
    packets = packets_of(np.concatenate([audio, np.zeros(960, np.float32)]))
    plain, stream = decode(b"".join(pages_of(packets, trim=960 - LOOKAHEAD)))
    assert len(plain) == len(audio)
    assert np.corrcoef(plain, audio)[0, 1] > 0.9
    louder, _ = decode(b"".join(pages_of(packets, trim=960 - LOOKAHEAD, gain=6.0)))
    np.testing.assert_allclose(louder, plain * 10 ** (6 / 20), rtol=1e-4, atol=1e-6)
    late, _ = decode(b"".join(pages_of(packets, trim=960 - LOOKAHEAD, pre_skip=312 + 960)))
    np.testing.assert_array_equal(late, plain[960:])
    assert stream.tags is not None and stream.tags.title == "x"


def test_links_follow_each_other_and_each_drops_its_own_pre_skip() -> None:
    packets = packets_of(voice(0.5))
    one = b"".join(pages_of(packets, per_page=7))
    first, _ = decode(one)
    chain, stream = decode(one * 3, 100)
    assert stream.reader.links == 3
    np.testing.assert_array_equal(chain, np.tile(first, 3))


@RULES
@given(st.integers(1, 50), st.integers(1, 3000), st.integers(0, 3))
def test_any_cutting_gives_the_same(per_page: int, step: int, lost: int) -> None:
    pages = pages_of(PACKETS, per_page=per_page)
    if len(pages) > 4 and lost:
        del pages[3 : 3 + lost]
    data = b"".join(pages)
    whole, _ = decode(data)
    parts, _ = decode(data, step)
    np.testing.assert_array_equal(whole, parts)


PACKETS = packets_of(voice(1.0))


@pytest.mark.parametrize("fec", [False, True])
def test_a_hole_is_filled_so_that_time_stays_right(fec: bool) -> None:
    if fec:
        made = ffmpeg("-f", "f32le", "-ar", 48000, "-ac", 1, "-i", "-", "-c:a", "libopus",
                      "-b:a", "24k", "-application", "voip", "-fec", 1, "-packet_loss", 25,
                      "-f", "ogg", "-", data=voice(2.0).tobytes())  # fmt: skip
        packets = [packet.data for packet in OggReader().feed(made)[2:]]
    else:
        packets = packets_of(voice(2.0))
    pages = pages_of(packets)
    whole, _ = decode(b"".join(pages))
    at = next(n for n in range(20, 90) if has_fec(packets[n]) == fec and np.abs(
        whole[n * 960 - 1300 : n * 960 - 300]).max() > 0.05)  # fmt: skip
    del pages[2 + at - 3 : 2 + at]
    got, stream = decode(b"".join(pages))
    assert len(got) == len(whole)
    assert stream.reader.holes == 1 and stream.lost == 0
    assert (stream.recovered, stream.concealed) == ((1, 1920) if fec else (0, 2880))
    after = slice((at + 20) * 960, None)
    np.testing.assert_allclose(got[after], whole[after], atol=0.05)
    if fec:
        lost = slice((at - 1) * 960 - 312, at * 960 - 312)
        assert np.corrcoef(got[lost], whole[lost])[0, 1] > 0.8


def test_a_large_hole_is_filled_up_to_a_second() -> None:
    packets = packets_of(voice(0.2)) * 20
    pages = pages_of(packets)
    del pages[10:110]
    got, stream = decode(b"".join(pages))
    assert stream.concealed == 48_000 and stream.lost == 48_000
    assert len(got) == len(packets) * 960 - 312 - 48_000


def test_a_join_in_the_middle_is_no_hole() -> None:
    headers = pages_of(PACKETS)[:2]
    far = [make_page(p, [len(p)], 3 * 10**12 + 960 * n, 1000 + n) for n, p in enumerate(PACKETS)]
    got, stream = decode(b"".join(headers + far))
    assert len(got) == 960 * len(PACKETS) - 312
    assert stream.concealed == stream.lost == 0


def test_a_damaged_packet_is_concealed_and_counted() -> None:
    packets = [*PACKETS[:10], b"\xfb\x00", b"\x83\x31" + bytes(9), *PACKETS[12:]]
    got, stream = decode(b"".join(pages_of(packets)))
    assert len(got) == 960 * len(packets) - 312
    assert stream.damaged == 2


def test_what_is_no_opus_is_refused() -> None:
    with pytest.raises(OggError):
        decode(random.Random(1).randbytes(600_000))
    head = b"OpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\x00\x01\x04\x02\x00\x04\x01\x02\x03\x05"
    with pytest.raises(OpusError, match="mono or stereo"):
        decode(make_page(head, [len(head)], 0, 0, flags=2))
    vorbis = make_page(b"\x01vorbis", [7], 0, 0, flags=2)
    page = make_page(bytes(60_000), [60_000], 0, 1)
    with pytest.raises(OpusError, match="no Opus"):
        decode(vorbis + page * 20)


def test_little_data_that_holds_much_audio_is_decoded_as_it_is_taken() -> None:
    packets = [b"\x19"] * 4000  # a byte each, 120 ms each
    stream = OpusStream()
    blocks = stream.feed(b"".join(pages_of(packets, per_page=200)))
    first = next(blocks)
    assert len(first) <= 5760
    assert stream.packets == 1


@settings(RULES, max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=12), st.booleans())
def test_damage_raises_nothing_but_the_documented_error(
    wounds: list[tuple[int, int]], repaired: bool
) -> None:
    # Invariant: finite samples or CodecError, also when the CRCs of what is damaged are right.
    pages = [bytearray(page) for page in pages_of(PACKETS, per_page=5)]
    for place, value in wounds:
        page = pages[place % len(pages)]
        page[place % len(page)] = value
        if repaired:
            page[22:26] = bytes(4)
            page[22:26] = crc32(page).to_bytes(4, "little")
    try:
        got, _ = decode(b"".join(pages), 700)
    except CodecError:
        return
    assert np.isfinite(got).all()
