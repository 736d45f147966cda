"""Speech for the benchmarks, spoken by espeak-ng and kept under build/."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.load import BUILD
from benchmarks.rows import Missing
from loa.native.opus import OpusEncoder

RATE = 48_000
FRAME = 960
TEXT = (
    "Đây là đài truyền thanh xã. Sau đây là bản tin sáng nay. Trời hôm nay nhiều mây, có mưa rào "
    "rải rác ở vùng núi. Bà con chú ý đề phòng lũ quét và sạt lở đất. Trạm y tế xã tiêm chủng cho "
    "trẻ em vào thứ năm tuần này, từ bảy giờ rưỡi đến mười một giờ. Mời bà con đưa các cháu đến "
    "đúng giờ và mang theo sổ tiêm chủng. Hợp tác xã nhận đăng ký giống ngô vụ đông đến hết ngày "
    "hai mươi. Chúc bà con một ngày làm việc vui khỏe. "
)


def wav(seconds: float) -> Path:
    """Return a WAV file (48 kHz, mono, 16 bit) with at least so much speech, made when missing."""
    path = BUILD / f"speech-{seconds:g}.wav"
    if path.exists():
        return path
    speaker = shutil.which("espeak-ng")
    if speaker is None:
        raise Missing("espeak-ng is not installed")
    BUILD.mkdir(parents=True, exist_ok=True)
    spoken = BUILD / "spoken.wav"
    subprocess.run([speaker, "-v", "vi", "-w", str(spoken), TEXT], check=True)
    samples, rate = soundfile.read(spoken, dtype="float32")
    spoken.unlink()
    # Linear interpolation is enough here: the encoder sees speech-like audio up to 11 kHz.
    length = int(len(samples) * RATE / rate)
    at = np.arange(length) * (rate / RATE)
    full = np.interp(at, np.arange(len(samples)), samples)
    repeats = int(np.ceil(seconds * RATE / len(full)))
    soundfile.write(path, np.tile(full, repeats), RATE, subtype="PCM_16")
    return path


def samples(seconds: float) -> npt.NDArray[np.float32]:
    """Return exactly so much speech: float32, mono, 48 kHz, shape ``(seconds * 48000,)``."""
    found, _ = soundfile.read(wav(seconds), dtype="float32")
    return np.asarray(found[: int(seconds * RATE)], dtype=np.float32)


def packets(seconds: float) -> tuple[bytes, npt.NDArray[np.uint16]]:
    """Return so much speech as our Opus packets (24 kb/s, complexity 5) and their sizes."""
    audio = samples(seconds)
    data, sizes = OpusEncoder(complexity=5).encode_many(audio[: len(audio) // FRAME * FRAME])
    return data, sizes
