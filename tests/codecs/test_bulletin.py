"""Bulletins: loudness and peaks of what comes out, for speech, music, extremes and bad input."""

from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from loa.codecs.bulletin import MAX_GAIN, BulletinReport, prepare
from loa.codecs.media import MediaError, decode
from loa.codecs.ogg import OggReader, read_clip
from loa.codecs.opus import PRE_SKIP, OpusStream, Samples
from loa.native.dsp import Loudness
from loa.native.opus import OpusDecoder

RATE = 48_000


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """Some 12 s spoken by espeak-ng at its own level."""
    path = tmp_path_factory.mktemp("speech") / "a.wav"
    text = (
        "Đây là đài truyền thanh xã. Sau đây là bản tin sáng nay. Trời nhiều mây, có mưa rào rải "
        "rác ở vùng núi. Bà con chú ý đề phòng lũ quét và sạt lở đất. Xin cảm ơn bà con."
    )
    subprocess.run(["espeak-ng", "-v", "vi", "-w", path, text], check=True)
    with decode(path) as decoder:
        return np.concatenate(list(decoder))


def loudness(audio: Samples) -> float:
    meter = Loudness(1)
    meter.add(audio)
    return meter.read().integrated_lufs


def at_level(audio: Samples, lufs: float) -> Samples:
    return np.asarray(audio * 10 ** ((lufs - loudness(audio)) / 20), dtype=np.float32)


def make(tmp_path: Path, audio: np.ndarray, rate: int = RATE) -> tuple[BulletinReport, Path]:
    source, out = tmp_path / "in.wav", tmp_path / "out.opus"
    soundfile.write(source, audio, rate, subtype="FLOAT")
    report = prepare(source, out, complexity=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.opus"]
    return report, out


def check(report: BulletinReport, out: Path) -> Samples:
    """What holds for every bulletin; returns its audio."""
    data, sizes = read_clip(out)
    assert report.ticks == len(sizes) and report.bytes == out.stat().st_size
    decoder = OpusDecoder()
    ends = np.cumsum(sizes).tolist()
    audio = np.concatenate(
        [
            decoder.decode(data[end - size : end])
            for end, size in zip(ends, sizes.tolist(), strict=True)
        ]
    )
    end = PRE_SKIP + round(report.seconds * RATE)
    assert len(audio) - end in range(960)
    # Also what boxes play of it: whole packets, pre-skip and padding included.
    meter = Loudness(1)
    meter.add(audio)
    assert meter.read().true_peak_dbtp <= 0.0
    assert report.decoded.true_peak_dbtp <= 0.0
    assert report.reached == (abs(report.normalized.integrated_lufs + 16) <= 0.3)
    assert report.reached or report.notes
    stream = OpusStream()
    np.testing.assert_array_equal(np.concatenate(list(stream.feed(out.read_bytes()))),
                                  audio[PRE_SKIP:end])  # fmt: skip
    return audio[PRE_SKIP:end]


@pytest.mark.parametrize("level", [-45, -33, -23, -16, -6])
def test_speech_of_any_level_comes_out_at_the_target(
    tmp_path: Path, speech: Samples, level: float
) -> None:
    report, out = make(tmp_path, at_level(speech, level))
    audio = check(report, out)
    assert report.source.integrated_lufs == pytest.approx(level, abs=0.05)
    assert report.reached and report.notes == ()
    assert report.decoded.integrated_lufs == pytest.approx(-16, abs=0.7)
    assert report.normalized.true_peak_dbtp <= -2.9
    assert np.corrcoef(audio, speech)[0, 1] > 0.8  # in time, to the sample


def music(seconds: float = 8) -> Samples:
    t = np.arange(round(seconds * RATE)) / RATE
    notes = sum(
        np.sin(2 * np.pi * f * t + f) * np.exp(-(t * b % 1) * 6)
        for f, b in ((220, 2), (277, 1.5), (330, 3), (55, 4), (1760, 8), (3520, 5))
    )
    return np.asarray(0.08 * notes, dtype=np.float32)


def noise(seconds: float = 5) -> Samples:
    return np.asarray(np.random.default_rng(1).normal(0, 0.1, round(seconds * RATE)), np.float32)


def square(seconds: float = 4) -> Samples:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(np.where(np.sin(2 * np.pi * 441 * t) > 0, 0.9, -0.9), dtype=np.float32)


@pytest.mark.parametrize(
    "build",
    [
        music,
        noise,
        square,
        lambda: np.clip(20 * music(), -1, 1),
        lambda: music() + np.float32(0.5),
        lambda: np.clip(music() * 1e4, -1e3, 1e3).astype(np.float32),
    ],
    ids=["music", "noise", "square", "clipped", "DC", "far over full scale"],
)
def test_other_sounds_reach_it_too_and_never_pass_full_scale(
    tmp_path: Path, build: Callable[[], Samples]
) -> None:
    report, out = make(tmp_path, build())
    check(report, out)
    assert report.reached, report


def test_silence_gets_no_gain_and_is_reported(tmp_path: Path) -> None:
    report, out = make(tmp_path, np.zeros(RATE * 3, np.float32))
    assert np.abs(check(report, out)).max() < 1e-4
    assert report.gain_db == 0.0 and not report.reached
    assert "silence" in report.notes[0]


def test_what_is_nearly_silent_gets_at_most_30_db_and_is_reported(
    tmp_path: Path, speech: Samples
) -> None:
    report, out = make(tmp_path, at_level(speech, -52))
    check(report, out)
    assert report.gain_db >= MAX_GAIN and not report.reached
    assert report.normalized.integrated_lufs == pytest.approx(-22, abs=0.3)
    assert "too quiet" in report.notes[0]


def test_peaks_that_keep_it_from_the_target_are_reported(tmp_path: Path) -> None:
    clicks = np.zeros(RATE * 5, np.float32)
    clicks[::4800] = 1.0
    report, out = make(tmp_path, clicks)
    check(report, out)
    assert not report.reached and "peaks allow" in report.notes[0]


@pytest.mark.parametrize("samples", [1, 100, 959, 960, 961, 4800, 20_000])
def test_the_shortest_recordings_keep_their_length(tmp_path: Path, samples: int) -> None:
    audio = music()[10_000 : 10_000 + samples]
    report, out = make(tmp_path, audio)
    assert len(check(report, out)) == samples
    if samples < RATE * 2 // 5:
        assert "too short" in report.notes[0]


def test_beginning_and_end_are_faded(tmp_path: Path) -> None:
    report, out = make(tmp_path, square(1.0))
    audio = check(report, out)
    middle = np.abs(audio[20_000:30_000]).max()
    assert np.abs(audio[:60]).max() < 0.3 * middle
    assert np.abs(audio[-60:]).max() < 0.3 * middle


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
def test_any_sample_rate_and_channels(tmp_path: Path, rate: int) -> None:
    t = np.arange(rate * 3) / rate
    tone = 0.1 * np.sin(2 * np.pi * 500 * t)
    report, out = make(tmp_path, np.stack([tone, tone, tone, tone * 0, tone, tone], axis=1), rate)
    check(report, out)
    assert report.reached and report.seconds == pytest.approx(3, abs=0.001)


def test_mp3_in_and_the_readers_of_others_agree(tmp_path: Path, speech: Samples) -> None:
    wav, mp3, out = tmp_path / "a.wav", tmp_path / "a.mp3", tmp_path / "a.opus"
    soundfile.write(wav, np.stack([speech, speech * 0.5], axis=1), RATE)
    subprocess.run(["ffmpeg", "-v", "error", "-i", wav, "-b:a", "96k", mp3], check=True)
    told: list[float] = []
    report = prepare(mp3, out, progress=told.append)
    check(report, out)
    assert told == sorted(told) and told[-1] == 1.0 and len(told) > 10
    done = subprocess.run(
        ["ffmpeg", "-nostats", "-i", out, "-af", "ebur128=peak=true", "-f", "null", "-"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    summary = done.stderr[done.stderr.rindex("Summary:") :].split()
    assert float(summary[summary.index("I:") + 1]) == pytest.approx(
        report.decoded.integrated_lufs, abs=0.11
    )
    assert float(summary[summary.index("Peak:") + 1]) <= 0
    assert subprocess.run(["oggz-validate", out], check=False).returncode == 0
    info = subprocess.run(["opusinfo", out], check=True, capture_output=True, text=True).stdout
    assert "WARNING" not in info and "Packet duration:   20.0ms (max),   20.0ms (avg)" in info
    packets = OggReader(b"OpusHead").feed(out.read_bytes())
    assert packets[-1].eos and packets[-1].granule == PRE_SKIP + round(report.seconds * RATE)


def test_recordings_that_cannot_be_read_leave_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "out.opus"
    bad = tmp_path / "bad.mp3"
    for data in (b"", b"no audio" * 5000, b"RIFF\x24\x00\x00\x00WAVEfmt "):
        bad.write_bytes(data)
        with pytest.raises(MediaError):
            prepare(bad, out)
    soundfile.write(bad, np.zeros((0, 1), np.float32), RATE, format="WAV")
    with pytest.raises(MediaError, match="no audio"):
        prepare(bad, out)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.mp3"]


class Enough(Exception):
    pass


@pytest.mark.parametrize("when", [0.0, 0.25, 0.5, 1.0])
def test_progress_may_stop_it_and_the_old_file_stays(tmp_path: Path, when: float) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.opus"
    soundfile.write(source, np.clip(10 * music(4), -1, 1), RATE)
    out.write_bytes(b"old")

    def tell(part: float) -> None:
        if part >= when:
            raise Enough

    with pytest.raises(Enough):
        prepare(source, out, complexity=0, progress=tell)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.opus"]
    if when < 1.0:
        assert out.read_bytes() == b"old"


def test_a_full_disk_is_an_oserror_and_leaves_nothing(tmp_path: Path) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.opus"
    soundfile.write(source, music(4), RATE)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, limits[1]))
        with pytest.raises(OSError, match="large"):
            prepare(source, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(tmp_path) == ["in.wav"]


def test_the_same_recording_makes_the_same_bytes(tmp_path: Path) -> None:
    _, out = make(tmp_path, music(2))
    first = out.read_bytes()
    _, out = make(tmp_path, music(2))
    assert out.read_bytes() == first


def test_samples_that_are_no_numbers_do_no_harm(tmp_path: Path) -> None:
    audio = music(3)
    audio[1000:1100] = np.nan
    audio[50_000] = np.inf
    report, out = make(tmp_path, audio)
    assert math.isfinite(report.decoded.integrated_lufs) and report.reached
    check(report, out)


def test_a_long_recording_is_judged_by_a_part_of_it_and_corrected_by_the_whole(
    tmp_path: Path, speech: Samples
) -> None:
    # Loud peaks in a third of it, and only there.
    calm = np.tile(at_level(np.tanh(speech * 8).astype(np.float32), -24), 8)
    lively = np.tile(at_level(speech, -18), 5)
    source, out = tmp_path / "in.wav", tmp_path / "out.opus"
    soundfile.write(source, np.concatenate([calm, lively, calm]), RATE, subtype="FLOAT")
    report = prepare(source, out, complexity=0)
    assert report.seconds > 180 and report.reached
    check(report, out)


def test_large_packets_take_more_pages(tmp_path: Path) -> None:
    source, out = tmp_path / "in.wav", tmp_path / "out.opus"
    soundfile.write(source, noise(3), RATE, subtype="FLOAT")
    report = prepare(source, out, bitrate=128_000, complexity=0)
    check(report, out)
    assert subprocess.run(["oggz-validate", out], check=False).returncode == 0
