"""Opus frames and what comes of them when packets are lost, malformed, or of other shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loa.native.error import NativeError
from loa.native.opus import (
    FRAME,
    LOOKAHEAD,
    OpusDecoder,
    OpusEncoder,
    packet_samples,
)


def tone(frames: int, hertz: float = 440.0, level: float = 0.3) -> np.ndarray:
    t = np.arange(frames * FRAME) / 48_000
    return (level * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def test_round_trip_keeps_tone_and_delay() -> None:
    sound = tone(50)
    data, sizes = OpusEncoder().encode_many(sound)
    assert len(sizes) == 50 and sizes.sum() == len(data)
    ends = np.cumsum(sizes)
    heard = OpusDecoder().decode_many(
        data[end - size : end] for size, end in zip(sizes.tolist(), ends.tolist(), strict=True)
    )
    assert heard.shape == sound.shape and heard.dtype == np.float32
    a, b = sound[FRAME * 10 : FRAME * 40], heard[FRAME * 10 + LOOKAHEAD : FRAME * 40 + LOOKAHEAD]
    assert np.corrcoef(a, b)[0, 1] > 0.99


def test_batch_and_single_frames_give_the_same_packets() -> None:
    sound = tone(20)
    data, sizes = OpusEncoder().encode_many(sound)
    one = OpusEncoder()
    singles = [one.encode(frame) for frame in sound.reshape(-1, FRAME)]
    assert b"".join(singles) == data
    assert [len(packet) for packet in singles] == sizes.tolist()


@pytest.mark.parametrize("bitrate", [6_000, 24_000, 64_000, 128_000])
def test_packets_stay_within_the_bound(bitrate: int) -> None:
    rng = np.random.default_rng(1)
    encoder = OpusEncoder(bitrate)
    noise = rng.uniform(-1, 1, FRAME * 100).astype(np.float32)
    noise[: FRAME * 50] *= np.repeat(rng.integers(0, 2, 50), FRAME)
    _, sizes = encoder.encode_many(noise)
    assert sizes.max() <= encoder.max_packet <= 1275
    assert encoder.max_packet <= max(120, 3 * bitrate // 400)
    assert sizes.mean() == pytest.approx(bitrate / 400, rel=0.35)


def test_silence_is_never_a_packet_that_makes_decoders_conceal() -> None:
    _, sizes = OpusEncoder().encode_many(np.zeros(FRAME * 100, dtype=np.float32))
    assert sizes.min() >= 3


def test_concealment_continues_and_then_fades() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for frame in tone(25).reshape(-1, FRAME):
        last = decoder.decode(encoder.encode(frame))
    first = decoder.conceal()
    assert np.sqrt(np.mean(first**2)) > 0.3 * np.sqrt(np.mean(last**2))
    for _ in range(50):
        end = decoder.conceal()
    assert np.sqrt(np.mean(end**2)) < 0.2 * np.sqrt(np.mean(last**2))
    assert len(decoder.conceal(120)) == 120
    for wrong in (0, 119, 5880, -960):
        with pytest.raises(NativeError):
            decoder.conceal(wrong)


def test_fec_recovers_better_than_concealment() -> None:
    rng = np.random.default_rng(3)
    t = np.arange(FRAME * 60) / 48_000
    # Voice-like: a pulse train whose pitch and loudness change, so that a guess is wrong.
    phase = np.cumsum(120 + 60 * np.sin(2 * np.pi * 3 * t)) / 48_000
    sound = 0.1 * sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 20))
    sound *= 0.6 + 0.4 * np.sin(2 * np.pi * 7 * t)
    sound = (sound + 0.001 * rng.standard_normal(len(t))).astype(np.float32)
    encoder = OpusEncoder(24_000, fec=True, loss_percent=20)
    packets = [encoder.encode(frame) for frame in sound.reshape(-1, FRAME)]
    whole, fec, plc = OpusDecoder(), OpusDecoder(), OpusDecoder()
    errors = {"fec": 0.0, "plc": 0.0}
    for i, packet in enumerate(packets):
        truth = whole.decode(packet)
        if i > 10 and i % 5 == 0:  # this one is lost
            errors["fec"] += float(np.sum((fec.fec(packets[i + 1]) - truth) ** 2)) if i < 59 else 0
            errors["plc"] += float(np.sum((plc.conceal() - truth) ** 2)) if i < 59 else 0
        else:
            fec.decode(packet)
            plc.decode(packet)
    assert errors["fec"] < 0.5 * errors["plc"]


@pytest.mark.parametrize(("channels", "shape"), [(1, (FRAME,)), (2, (FRAME, 2))])
def test_mono_packets_for_either_channel_count(channels: int, shape: tuple[int, ...]) -> None:
    packet = OpusEncoder().encode(tone(1))
    assert packet_samples(packet) == FRAME
    assert OpusDecoder(channels).decode(packet).shape == shape


def test_output_gain_is_applied() -> None:
    encoder, plain, louder = OpusEncoder(), OpusDecoder(), OpusDecoder(gain_q8=6 * 256)
    for frame in tone(10, level=0.1).reshape(-1, FRAME):
        packet = encoder.encode(frame)
        a, b = plain.decode(packet), louder.decode(packet)
    assert np.sqrt(np.mean(b**2)) == pytest.approx(
        np.sqrt(np.mean(a**2)) * 10 ** (6 / 20), rel=0.01
    )


def test_silence_packet_of_the_timeline_decodes_to_silence() -> None:
    assert np.abs(OpusDecoder().decode(bytes.fromhex("f8fffe"))).max() < 1e-20


@pytest.mark.parametrize("bad", [{"bitrate": 5_000}, {"bitrate": 200_000}, {"complexity": 11}])
def test_settings_out_of_range(bad: dict[str, int]) -> None:
    with pytest.raises(NativeError):
        OpusEncoder(**bad)


def test_wrong_shapes() -> None:
    with pytest.raises(ValueError, match="960"):
        OpusEncoder().encode(np.zeros(961, dtype=np.float32))
    with pytest.raises(ValueError, match="960"):
        OpusEncoder().encode_many(np.zeros((2, FRAME), dtype=np.float32))
    with pytest.raises(NativeError):
        OpusDecoder(3)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(st.binary(max_size=400), max_size=6), st.sampled_from([1, 2]))
def test_any_bytes_give_samples_or_a_documented_error(packets: list[bytes], channels: int) -> None:
    # Invariant: NativeError, or as many finite samples as the packet says; a good one follows.
    decoder = OpusDecoder(channels)
    for packet in packets:
        try:
            heard = decoder.decode(packet)
        except NativeError:
            continue
        assert np.isfinite(heard).all() and len(heard) == packet_samples(packet)
    assert len(decoder.decode(OpusEncoder().encode(tone(1)))) == FRAME


@pytest.mark.parametrize("channels", [1, 2])
def test_frames_decoded_in_one_call_are_those_decoded_singly(channels: int) -> None:
    rng = np.random.default_rng(1)
    data, sizes = OpusEncoder().encode_many(rng.normal(0, 0.1, 20 * 960).astype(np.float32))
    ends = np.cumsum(sizes).tolist()
    packets = [data[end - size : end] for end, size in zip(ends, sizes.tolist(), strict=True)]
    decoder = OpusDecoder(channels)
    at_once = decoder.decode_frames(data, sizes)
    np.testing.assert_array_equal(at_once, OpusDecoder(channels).decode_many(packets))
    assert len(decoder.decode_frames(b"", sizes[:0])) == 0
    with pytest.raises(NativeError):
        decoder.decode_frames(data[:-1], sizes)
    with pytest.raises(NativeError):
        decoder.decode_frames(b"\xf9\xff\xfe" * 2, np.array([3, 3], np.uint16))  # 40 ms
