"""A voice that hums: a tenth of a second a word, at once and without a program."""

from __future__ import annotations

import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from loa.streamer.speech.voices import VoiceError

RATE = 16_000


@dataclass
class Hum:
    """See the module. What it was to speak stands in ``spoken``; ``broken`` is why it does not."""

    name: str = "hum-vi"
    language: str = "vi"
    broken: str = ""
    spoken: list[str] = field(default_factory=list)

    async def speak(self, text: str, to: Path) -> None:
        if self.broken:
            raise VoiceError(self.broken)
        self.spoken.append(text)
        t = np.arange(RATE // 10 * max(1, len(text.split()))) / RATE
        samples = (np.sin(2 * np.pi * 220 * t) * 8000).astype("<i2")
        with wave.open(str(to), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(samples.tobytes())
