"""Voices for tests: Vietnamese by espeak-ng, speech-like noise and music by formula.

All is mono float32 at 48 kHz.
"""

from __future__ import annotations

import functools
import io
import subprocess
import wave

import numpy as np
import numpy.typing as npt
import webrtcvad

RATE = 48_000
TICK = 960
Samples = npt.NDArray[np.float32]

BULLETIN = (
    "Đây là đài truyền thanh xã Nà Khương, huyện Quang Bình, tỉnh Hà Giang. "
    "Kính thưa toàn thể bà con và các đồng chí. "
    "Sáng nay, Uỷ ban nhân dân xã họp bàn về việc phòng chống lũ quét và sạt lở đất. "
    "Trong ba ngày tới có mưa to đến rất to, lượng mưa có nơi trên hai trăm mi li mét. "
    "Đề nghị các hộ sống ven suối và dưới chân đồi chủ động di chuyển người và tài sản. "
    "Trưởng thôn báo cáo tình hình về xã trước mười bảy giờ hàng ngày. "
    "Tiếp theo là thông báo của trạm y tế. "
    "Thứ năm tuần này trạm tổ chức tiêm chủng cho trẻ em dưới năm tuổi. "
    "Bà con nhớ mang theo sổ tiêm chủng và đưa các cháu đến đúng giờ. "
    "Về sản xuất vụ đông, bà con cần che chắn chuồng trại, dự trữ thức ăn cho trâu bò. "
    "Không thả rông gia súc khi nhiệt độ xuống dưới mười hai độ. "
    "Chương trình truyền thanh của xã đến đây là hết, xin kính chào và hẹn gặp lại."
)


@functools.lru_cache(maxsize=16)
def spoken(text: str = BULLETIN, voice: str = "vi", words_a_minute: int = 150) -> Samples:
    """Speak a text with espeak-ng, at its own loudness."""
    try:
        made = subprocess.run(
            ["espeak-ng", "-v", voice, "-s", str(words_a_minute), "--stdout", text],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        raise AssertionError("espeak-ng is missing: apt-get install espeak-ng") from None
    with wave.open(io.BytesIO(made.stdout)) as reader:
        rate = reader.getframerate()
        # espeak cannot know the length when it writes to a pipe: the header's is wrong.
        raw = np.frombuffer(made.stdout[44:], dtype="<i2").astype(np.float64) / 32768
    length = round(len(raw) * RATE / rate)
    # Band-limited, so without the images of the lower rate; the ends are silent.
    spectrum = np.fft.rfft(raw, len(raw))
    return (np.fft.irfft(spectrum, length) * (length / len(raw))).astype(np.float32)


def synthetic(seconds: float, seed: int = 1) -> Samples:
    """A voice by formula: a gliding pitch through three formants, in syllables and breaths."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    pitch = 130 * (1 + 0.15 * np.sin(2 * np.pi * 0.4 * t) + 0.05 * np.sin(2 * np.pi * 1.7 * t))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    # Harmonics with phases of their own: a mouth's are not aligned either.
    voiced = np.zeros(n)
    for harmonic in range(1, 28):
        hertz = 130.0 * harmonic
        formants = sum(
            gain / (1 + ((hertz - centre) / width) ** 2)
            for gain, centre, width in ((1.0, 500, 150), (0.5, 1500, 200), (0.25, 2500, 250))
        )
        voiced += formants * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
    hiss = np.diff(rng.standard_normal(n + 1)) * 0.05
    syllable = np.maximum(0, np.sin(2 * np.pi * 2.1 * t))
    strength = np.repeat(rng.uniform(0.5, 1.0, n // (RATE // 4) + 1), RATE // 4)[:n]
    breath = ((t % 3.7) < 3.1).astype(np.float64)
    window = np.hanning(RATE // 50)
    envelope = np.convolve(strength * breath, window / window.sum(), "same")
    sound = (voiced * (0.1 + syllable) + hiss * (1 - syllable)) * envelope
    return (sound / np.abs(sound).max() * 0.5).astype(np.float32)


def music(seconds: float, seed: int = 2) -> Samples:
    """Chords with drums: dense, steady in level, with hard onsets."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    sound = np.zeros_like(t)
    roots = [220.0, 174.6, 261.6, 196.0]
    for bar in range(int(seconds // 2) + 1):
        inside = (t >= 2 * bar) & (t < 2 * bar + 2)
        local = t[inside] - 2 * bar
        for ratio in (1, 1.25, 1.5, 2, 3):
            for harmonic in range(1, 6):
                hertz = roots[bar % 4] * ratio * harmonic
                sound[inside] += np.sin(2 * np.pi * hertz * local) / harmonic**1.5 * np.exp(-local)
        for beat in range(8):
            hit = (local >= beat / 4) & (local < beat / 4 + 0.12)
            since = local[hit] - beat / 4
            drum = (
                np.sin(2 * np.pi * 60 * since) if beat % 2 == 0 else rng.standard_normal(hit.sum())
            )
            index = np.flatnonzero(inside)[hit]
            sound[index] += 4 * drum * np.exp(-since * 30)
    return (sound / np.abs(sound).max() * 0.9).astype(np.float32)


def speech_flags(samples: Samples, mode: int = 2) -> npt.NDArray[np.uint8]:
    """webrtcvad's flag for each whole block of 960 samples, uint8 of shape ``(n // 960,)``."""
    vad = webrtcvad.Vad(mode)
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    blocks = pcm[: len(pcm) // TICK * TICK].reshape(-1, TICK)
    return np.array([vad.is_speech(block.tobytes(), RATE) for block in blocks], dtype=np.uint8)
