"""Decoding of anything: real encodes of every kind, changes in mid-stream, damage."""

from __future__ import annotations

import io
import random
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from loa.codecs.errors import CodecError
from loa.codecs.media import MediaError, Samples, decode


def encode(options: str, tone: int = 400, *, seconds: float = 2, rate: int = 44100,
           channels: int = 2) -> bytes:  # fmt: skip
    """A tone at -6 dBFS, the same in all channels, as ffmpeg encodes it."""
    expression = "|".join([f"0.5*sin(2*PI*{tone}*t)"] * channels)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
    source = f"aevalsrc={expression}:s={rate}:d={seconds}:c={layout}"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", source]
    return subprocess.run([*command, *options.split(), "-"], check=True, capture_output=True).stdout


class Pipe:
    """Bytes in short reads, without seeking."""

    def __init__(self, data: bytes, step: int = 700) -> None:
        self._file = io.BytesIO(data)
        self._step = step
        self.taken = 0

    def read(self, size: int) -> bytes:
        piece = self._file.read(min(size, self._step))
        self.taken += len(piece)
        return piece


def whole(source: object, format: str | None = None, **options: bool) -> tuple[Samples, int]:
    with decode(source, format, **options) as decoder:  # type: ignore[arg-type]
        blocks = list(decoder)
    assert all(block.dtype == np.float32 and np.isfinite(block).all() for block in blocks)
    assert sum(map(len, blocks)) == decoder.samples
    empty = np.zeros(0, np.float32)
    return (np.concatenate(blocks) if blocks else empty), decoder.damaged


def tones(audio: Samples) -> list[int]:
    """The loudest frequency of each whole second."""
    seconds = audio[: len(audio) // 48_000 * 48_000].reshape(-1, 48_000)
    return [int(np.abs(np.fft.rfft(second)).argmax()) for second in seconds]


def level(audio: Samples) -> float:
    """The level of the middle in dB, 0 for a full sine."""
    middle = audio[len(audio) // 4 : -len(audio) // 4]
    return float(20 * np.log10(np.sqrt(2 * np.mean(middle.astype(np.float64) ** 2))))


KINDS = {
    "mp3": "-c:a libmp3lame -b:a 128k -f mp3",
    "aac": "-c:a aac -b:a 128k -f adts",
    "flac": "-c:a flac -f flac",
    "wav": "-f wav",
    "vorbis.ogg": "-c:a libvorbis -f ogg",
    "flac.ogg": "-c:a flac -f ogg",
    "opus.ogg": "-c:a libopus -ar 48000 -f ogg",
    "webm": "-c:a libopus -ar 48000 -f webm",
}
MORE_FILES = {
    "m4a": "-c:a aac -movflags frag_keyframe+empty_moov -f mp4",
    "float.wav": "-c:a pcm_f32le -f wav",
    "mka": "-c:a pcm_s24le -f matroska",
    "au": "-f au",
    "wma": "-c:a wmav2 -f asf",
    "ts": "-c:a mp2 -f mpegts",
}


@pytest.mark.parametrize("kind", [*KINDS, *MORE_FILES])
def test_files_of_every_kind(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.bin"  # the name says nothing
    path.write_bytes(encode((KINDS | MORE_FILES)[kind]))
    audio, damaged = whole(path)
    assert damaged == 0
    assert abs(len(audio) - 96_000) < 4000
    assert set(tones(audio)) == {400}
    assert level(audio) == pytest.approx(-6.02, abs=0.5)  # LAME scales by 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_byte_pipes_start_soon_and_lose_nothing(kind: str) -> None:
    data = encode(KINDS[kind], seconds=6)
    pipe = Pipe(data)
    with decode(pipe, kind.rpartition(".")[2]) as decoder:
        blocks: Iterator[Samples] = iter(decoder)
        first = next(blocks)
        # Before the first audio: a page or some packets, and for FLAC the parser's ten frames.
        assert pipe.taken < len(data) * (0.4 if "ogg" in kind or "flac" in kind else 0.1)
        audio = np.concatenate([first, *blocks])
    assert abs(len(audio) - 6 * 48_000) < 4000
    assert decoder.damaged == 0
    assert set(tones(audio)) == {400}


def test_the_downmix_keeps_the_level_of_speech_in_both_and_folds_surround(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    rate = 48_000
    t = np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    gains = {1: [1.0], 2: [0.5, 0.5], 6: [0.5, 0.5, 0.7071, 0.0, 0.35355, 0.35355]}
    for channels, mix in gains.items():
        for active, gain in enumerate(mix):
            pcm = np.zeros((rate, channels), "<f4")
            pcm[:, active] = 0.5 * t
            path.write_bytes(wav(pcm, rate))
            audio, _ = whole(path)
            assert np.abs(audio).max() == pytest.approx(0.5 * gain, abs=2e-4)
            own, _ = whole(path, mono=False)
            assert own.shape == (rate, channels)
            np.testing.assert_allclose(own, pcm, atol=1e-6)


def test_more_channels_than_5_1_are_measured_as_5_1(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(wav(np.full((4800, 8), 0.1, "<f4"), 48_000))
    own, _ = whole(path, mono=False)
    assert own.shape == (4800, 6)


def wav(pcm: np.ndarray, rate: int) -> bytes:
    """A floating-point WAV; with more than two channels, of the usual 5.1 or 7.1 layout."""
    channels = pcm.shape[1]
    data = pcm.astype("<f4").tobytes()
    mask = {1: 4, 2: 3, 6: 0x3F, 8: 0x63F}.get(channels, 0)
    fmt = struct.pack("<HHIIHH", 0xFFFE, channels, rate, rate * 4 * channels, 4 * channels, 32)
    fmt += struct.pack("<HHI", 22, 32, mask) + bytes.fromhex("0300000000001000800000aa00389b71")
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data))
    return b"RIFF" + struct.pack("<I", len(body) + len(data)) + body + data


CHANGES = {
    "mp3": ["-f mp3", "-f mp3", "-f mp3"],
    "aac": ["-f adts"] * 3,
    "ogg": ["-c:a libvorbis -f ogg", "-c:a flac -f ogg", "-c:a libopus -f ogg"],
    "vorbis": ["-c:a libvorbis -f ogg"] * 3,
}


@pytest.mark.parametrize("kind", CHANGES)
def test_rate_channels_and_codec_may_change_in_mid_stream(tmp_path: Path, kind: str) -> None:
    shapes = [(400, 44100, 2), (900, 48000 if kind == "ogg" else 22050, 1), (700, 48000, 2)]
    data = b"".join(
        encode(options, tone, rate=rate, channels=channels)
        for options, (tone, rate, channels) in zip(CHANGES[kind], shapes, strict=True)
    )
    audio, damaged = whole(Pipe(data), "ogg" if kind == "vorbis" else kind)
    assert tones(audio) == [400, 400, 900, 900, 700, 700]
    assert damaged <= 2
    path = tmp_path / "x"
    path.write_bytes(data)
    own, _ = whole(path, mono=False)
    assert own.shape[1] == 2 and abs(len(own) - 6 * 48_000) < 12_000


def test_samples_that_are_no_numbers_become_silence(tmp_path: Path) -> None:
    pcm = np.full((48_000, 1), 0.25, "<f4")
    pcm[1000] = np.nan
    pcm[2000] = np.inf
    pcm[3000] = 3e38
    path = tmp_path / "x.wav"
    path.write_bytes(wav(pcm, 48_000))
    with decode(path) as decoder:
        audio = np.concatenate(list(decoder))
    assert decoder.not_finite == 2
    assert audio[1000] == audio[2000] == 0 and audio[3000] == 1000
    path.write_bytes(wav(pcm, 44_100))
    assert np.isfinite(whole(path)[0]).all()


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_skipped_and_counted(kind: str) -> None:
    rng = random.Random(kind)
    data = bytearray(encode(KINDS[kind], seconds=6))
    for _ in range(12):
        at = rng.randrange(len(data) // 3, len(data) - 200)
        data[at : at + 100] = rng.randbytes(100)
    audio, _ = whole(Pipe(bytes(data)), kind.rpartition(".")[2])
    assert len(audio) > 48_000
    assert tones(audio)[0] == 400


@pytest.mark.parametrize("kind", [*KINDS, *MORE_FILES])
def test_truncated_and_mutated_files_give_audio_or_the_documented_error(
    tmp_path: Path, kind: str
) -> None:
    # Invariant: finite blocks or CodecError, whatever the bytes.
    rng = random.Random(kind)
    good = encode((KINDS | MORE_FILES)[kind], seconds=0.5)
    path = tmp_path / "x"
    for turn in range(40):
        data = bytearray(good[: rng.randrange(len(good))] if turn % 2 else good)
        for _ in range(rng.randrange(8)):
            at = rng.randrange(min(len(data), 300 if turn % 3 else 10**9) or 1)
            data[at : at + 1] = rng.randbytes(1)
        path.write_bytes(data)
        format = kind.rpartition(".")[2] if kind in KINDS and turn % 4 == 0 else None
        try:
            audio, _ = whole(Pipe(bytes(data)) if format else path, format)
        except CodecError:
            continue
        assert len(audio) < 48_000 * 60


HOSTILE = {
    "nothing": b"",
    "zeros": bytes(100_000),
    "noise": random.Random(1).randbytes(100_000),
    "a page": b"<html><body>404</body></html>" * 100,
    "a playlist": b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "HLS": b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/a.ts\n",
    "a concatenation": b"ffconcat version 1.0\nfile /etc/hosts\n",
    "SDP": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "DASH": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    "a picture": bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    ),
    "1 Hz": wav(np.zeros((1000, 1)), 1),
    "too fast": wav(np.zeros((1000, 1)), 900_000_000),
    "headers alone": encode("-c:a libvorbis -f ogg")[:4000],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_audio_is_refused_with_the_file_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "tin.mp3"
    path.write_bytes(HOSTILE[name])
    with pytest.raises(MediaError, match=r"^tin\.mp3: "):
        whole(path)


def test_other_mistakes_are_named_too(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"x\.wav: No such file"):
        decode(tmp_path / "x.wav")
    with pytest.raises(MediaError, match="directory"):
        decode(tmp_path)
    with pytest.raises(MediaError, match="format hls is not accepted"):
        decode(Pipe(b""), "hls")
    with pytest.raises(MediaError):
        decode(Pipe(b"this is text" * 1000), "webm")


class Aborted(Exception):
    pass


@pytest.mark.parametrize("format", ["mp3", "ogg", "flac"])
@pytest.mark.parametrize("after", [0, 3000, 30_000])
def test_what_the_pipe_raises_passes_through(format: str, after: int) -> None:
    kind = "vorbis.ogg" if format == "ogg" else format
    pipe = Pipe(encode(KINDS[kind], seconds=4, rate=44100)[:after])
    original = pipe.read

    def read(size: int) -> bytes:
        piece = original(size)
        if not piece:
            raise Aborted
        return piece

    pipe.read = read  # type: ignore[method-assign]
    with pytest.raises(Aborted):
        whole(pipe, format)
