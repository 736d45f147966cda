"""The live chain: levelling as DESIGN decision 11 wants it, fades, decoded peaks, packets."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from loa.codecs.loudness import measure
from loa.native.dsp import Chain, Leveller, Shaped
from loa.native.error import NativeError
from loa.native.opus import LOOKAHEAD, OpusDecoder, packet_samples
from support import ebur128
from support.speech import RATE, TICK, music, speech_flags, spoken, synthetic

QUICK = 0
"""Complexity of the encoder where only what it is given matters."""


@functools.lru_cache(maxsize=4)
def talker(voice: str) -> np.ndarray:
    """80 s of a steady talker at 0 LUFS."""
    one = {
        "vi": spoken,
        "vi+f3": lambda: spoken(voice="vi+f3", words_a_minute=180),
        "formula": lambda: synthetic(30),
    }[voice]()
    sound = np.tile(one, 80 * RATE // len(one) + 1)[: 80 * RATE]
    return at_lufs(sound, 0.0)


def at_lufs(sound: np.ndarray, lufs: float) -> np.ndarray:
    measured = measure([sound]).integrated_lufs
    assert measured is not None
    return (sound * 10 ** ((lufs - measured) / 20)).astype(np.float32)


def lufs_of(sound: np.ndarray, start: float, end: float) -> float:
    value = measure([sound[round(start * RATE) : round(end * RATE)]]).integrated_lufs
    assert value is not None
    return value


def packets_of(shaped: Shaped) -> list[bytes]:
    ends = np.cumsum(shaped.sizes.astype(int)).tolist()
    sizes = shaped.sizes.tolist()
    return [shaped.packets[end - size : end] for size, end in zip(sizes, ends, strict=True)]


# --- the loudness of a talker


LEVELS = {
    "vi": [-45.0, -38.0, -30.0, -23.0, -16.0, -10.0, -6.0],
    "vi+f3": [-45.0, -23.0, -6.0],
    "formula": [-45.0, -23.0, -6.0],
}


@pytest.mark.parametrize(
    ("voice", "lufs"), [(voice, lufs) for voice, levels in LEVELS.items() for lufs in levels]
)
def test_a_steady_talker_comes_out_at_the_target(voice: str, lufs: float) -> None:
    sound = talker(voice)[: 70 * RATE] * np.float32(10 ** (lufs / 20))
    shaped = Chain(complexity=QUICK).process(sound, speech_flags(sound))
    assert lufs_of(shaped.audio, 10, 70) == pytest.approx(-16.0, abs=1.0)
    # The first seconds are no worse than a listener can bear.
    assert lufs_of(shaped.audio, 2, 10) == pytest.approx(-16.0, abs=3.0)


@pytest.mark.parametrize(
    ("voice", "first", "then"),
    [("vi", -30, -18), ("vi", -33, -45), ("formula", -18, -30), ("formula", -18, -6)],
)
def test_a_step_of_12_db_is_followed_in_10_s(voice: str, first: int, then: int) -> None:
    sound = talker(voice)
    gains = np.where(np.arange(len(sound)) < 40 * RATE, 10 ** (first / 20), 10 ** (then / 20))
    sound = (sound * gains).astype(np.float32)
    shaped = Chain(complexity=QUICK).process(sound, speech_flags(sound))
    assert lufs_of(shaped.audio, 10, 40) == pytest.approx(-16.0, abs=1.0)
    assert lufs_of(shaped.audio, 50, 80) == pytest.approx(-16.0, abs=1.0)


def test_the_target_is_a_setting() -> None:
    sound = talker("vi")[: 30 * RATE] * np.float32(0.1)
    shaped = Chain(complexity=QUICK, target_lufs=-23).process(sound, speech_flags(sound))
    assert lufs_of(shaped.audio, 10, 30) == pytest.approx(-23.0, abs=1.0)


def test_without_levelling_only_the_limiter_works() -> None:
    sound = at_lufs(spoken()[: 10 * RATE], -30.0)
    sound = sound[: len(sound) // TICK * TICK]
    shaped = Chain(complexity=QUICK, level=False).process(sound, speech_flags(sound))
    assert np.array_equal(shaped.audio[144:], sound[:-144])
    assert not shaped.gains_db.any()


# --- how the gain moves


def levelled(sound: np.ndarray, flags: np.ndarray) -> np.ndarray:
    return Chain(complexity=QUICK).process(sound, flags).gains_db


def test_the_gain_keeps_to_its_rates_after_the_first_seconds() -> None:
    sound = talker("vi").copy()
    t = np.arange(len(sound)) / RATE
    for start, lufs in ((0, -40), (20, -20), (35, -35), (50, -8), (65, -30)):
        sound[t >= start] = talker("vi")[t >= start] * np.float32(10 ** (lufs / 20))
    flags = speech_flags(sound)
    gains = levelled(sound, flags)
    change = np.diff(gains) * 50
    spoken_ticks = np.cumsum(flags)
    settled = spoken_ticks[1:] > 3 * 50 + 1
    assert change[settled].max() <= 3.01
    assert change[settled].min() >= -10.01
    assert change[flags[1:] == 0].max() <= 0.0
    assert gains.min() >= -20.0 and gains.max() <= 30.0
    # It locks within the first 3 s of speech.
    assert gains[spoken_ticks > 3 * 50][0] == pytest.approx(40 - 16, abs=2.0)


def test_the_gain_keeps_to_its_range() -> None:
    sound = talker("vi")[: 15 * RATE]
    for lufs, bound in ((-58, 30.0), (10, -20.0)):
        one = sound * np.float32(10 ** (lufs / 20))
        gains = levelled(one, np.ones(len(one) // TICK, dtype=np.uint8))
        assert gains.min() >= -20.0 and gains.max() <= 30.0
        assert gains[-1] == pytest.approx(bound, abs=0.5)


def noise(seconds: float, dbfs: float) -> np.ndarray:
    rng = np.random.default_rng(4)
    return (rng.standard_normal(round(seconds * RATE)) * 10 ** (dbfs / 20)).astype(np.float32)


def test_without_speech_the_gain_never_rises() -> None:
    for dbfs in (-60, -40, -20):
        sound = noise(20, dbfs)
        gains = levelled(sound, np.zeros(len(sound) // TICK, dtype=np.uint8))
        assert np.diff(gains).max() <= 0.0
        assert gains.max() <= 0.0


def test_a_loud_room_is_turned_down_without_speech() -> None:
    sound = noise(10, -3)
    shaped = Chain(complexity=QUICK).process(sound, np.zeros(len(sound) // TICK, dtype=np.uint8))
    assert lufs_of(shaped.audio, 5, 10) == pytest.approx(-16.0, abs=1.0)


def test_after_5_s_without_speech_the_room_is_not_amplified() -> None:
    quiet = at_lufs(spoken()[: 15 * RATE], -38.0)
    sound = np.concatenate([quiet, noise(15, -65), quiet])
    sound = sound[: len(sound) // TICK * TICK]
    flags = speech_flags(sound)
    flags[15 * 50 : 30 * 50] = 0
    gains = levelled(sound, flags)
    assert gains[15 * 50 - 1] == pytest.approx(22.0, abs=2.0)
    pause = gains[15 * 50 : 30 * 50]
    assert np.diff(pause).max() <= 0.0
    assert pause[4 * 50] > 15.0  # a breath changes nothing
    assert pause[9 * 50 :].max() <= 0.0
    # The talker is back at the old loudness at once, and not above it.
    assert gains[33 * 50] == pytest.approx(22.0, abs=3.0)
    assert gains[30 * 50 : 33 * 50].max() <= 22.0 + 4.0


def test_a_noise_taken_for_speech_does_not_move_a_known_talker() -> None:
    voice = at_lufs(spoken()[: 15 * RATE], -20.0)
    sound = np.concatenate([voice, noise(4, -55)])
    sound = sound[: len(sound) // TICK * TICK]
    gains = levelled(sound, np.ones(len(sound) // TICK, dtype=np.uint8))
    assert abs(gains[-1] - gains[15 * 50 - 1]) < 1.0


def test_the_leveller_alone() -> None:
    sound = at_lufs(spoken()[: 20 * RATE], -30.0)
    sound = sound[: len(sound) // TICK * TICK]
    leveller = Leveller()
    out = leveller.process(sound, speech_flags(sound))
    assert out.shape == sound.shape
    assert lufs_of(out, 5, 20) == pytest.approx(-16.0, abs=1.0)
    assert leveller.talker_lufs == pytest.approx(-30.0, abs=1.5)
    assert leveller.gain_db == pytest.approx(14.0, abs=1.5)


# --- what listeners get


@pytest.mark.parametrize(
    ("name", "lufs"),
    [("vi", -40), ("vi", -8), ("vi+f3", -23), ("formula", -23), ("music", -23), ("music", -8)],
)
def test_decoded_live_stays_under_full_scale(name: str, lufs: float) -> None:
    sound = music(20) if name == "music" else talker(name)[: 20 * RATE]
    sound = at_lufs(sound, lufs)
    shaped = Chain().process(sound, speech_flags(sound), fade_in=True, fade_out=True)
    before = ebur128.measure(shaped.audio[:, None])
    heard = OpusDecoder().decode_many(packets_of(shaped))
    after = ebur128.measure(heard[:, None])
    assert before.true_peak_dbtp <= -2.9
    assert after.true_peak_dbtp <= 0.0
    assert after.integrated_lufs == pytest.approx(before.integrated_lufs, abs=0.7)


def test_every_packet_is_one_frame_within_the_bound() -> None:
    sound = np.concatenate([np.zeros(RATE), talker("vi")[:RATE], noise(1, 0), music(1)])
    sound = sound.astype(np.float32)
    for bitrate in (6_000, 24_000, 96_000):
        shaped = Chain(bitrate=bitrate).process(sound, speech_flags(sound))
        for packet in packets_of(shaped):
            assert packet[0] & 3 == 0  # code 0: one frame
            assert packet_samples(packet) == TICK
            assert 3 <= len(packet) <= max(120, 3 * bitrate // 400)


def test_fades_at_both_ends_of_a_programme() -> None:
    sound = np.full(10 * TICK, 0.1, dtype=np.float32) * np.sin(np.arange(10 * TICK) * 0.1)
    flags = np.zeros(10, dtype=np.uint8)
    plain = Chain(complexity=QUICK, level=False).process(sound, flags)
    faded = Chain(complexity=QUICK, level=False).process(sound, flags, fade_in=True, fade_out=True)
    assert np.array_equal(plain.audio[1000:-TICK], faded.audio[1000:-TICK])
    rising = np.abs(faded.audio[144 : 144 + 480])
    assert rising[:48].max() < 0.005 and rising[-100:].max() > 0.09
    # What the encoder still holds after the last packet is never heard: by then there is silence.
    assert np.abs(faded.audio[-TICK : -TICK + 200]).max() > 0.09
    assert not faded.audio[-LOOKAHEAD:].any()
    assert np.abs(faded.audio[-LOOKAHEAD - 48 : -LOOKAHEAD]).max() < 0.005
    both = Chain(level=False).process(sound[:TICK], flags[:1], fade_in=True, fade_out=True)
    assert len(both.sizes) == 1


def test_the_delay_is_that_of_limiter_and_encoder() -> None:
    sound = np.zeros(20 * TICK, dtype=np.float32)
    sound[5 * TICK] = 0.5
    shaped = Chain(bitrate=96_000, level=False).process(sound, np.zeros(20, dtype=np.uint8))
    heard = OpusDecoder().decode_many(packets_of(shaped))
    assert int(np.abs(heard).argmax()) - 5 * TICK == pytest.approx(144 + LOOKAHEAD, abs=2)


@pytest.mark.parametrize("nonsense", [np.nan, np.inf, -np.inf, 3e38, 1e-42])
def test_broken_samples_spoil_nothing(nonsense: float) -> None:
    sound = at_lufs(spoken()[: 10 * RATE], -20.0)
    sound = sound[: len(sound) // TICK * TICK]
    flags = speech_flags(sound)
    sound[3 * RATE : 3 * RATE + 100] = nonsense
    shaped = Chain(complexity=QUICK).process(sound, flags)
    assert np.isfinite(shaped.audio).all()
    assert np.isfinite(shaped.gains_db).all()
    assert ebur128.measure(shaped.audio[:, None]).true_peak_dbtp <= -2.9
    heard = OpusDecoder().decode_many(packets_of(shaped))
    assert np.isfinite(heard).all()


def test_silence_and_constant_level() -> None:
    for value in (0.0, 0.5, 1.0):
        sound = np.full(5 * RATE, value, dtype=np.float32)
        shaped = Chain(complexity=QUICK).process(sound, np.zeros(250, dtype=np.uint8))
        assert np.abs(shaped.audio).max() <= 10 ** (-2.9 / 20)
        assert shaped.gains_db.max() <= 0.0


def test_settings_out_of_range() -> None:
    for bad in (
        {"bitrate": 5_000},
        {"complexity": 11},
        {"target_lufs": 1.0},
        {"ceiling_dbtp": 0.5},
        {"target_lufs": float("nan")},
    ):
        with pytest.raises(NativeError):
            Chain(**bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="960 samples"):
        Chain().process(np.zeros(961, dtype=np.float32), np.zeros(1, dtype=np.uint8))
