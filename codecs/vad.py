"""Is it speech? WebRTC's detector over frames of 20 ms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 48_000
FRAME = 960


class Vad:
    """One stream's detector; it adapts to the stream's noise. One thread at a time.

    ``strictness`` 0 takes much for speech, 3 little.
    """

    def __init__(self, strictness: int = 2) -> None:
        import webrtcvad

        self._vad: Any = webrtcvad.Vad(strictness)
        self._rest = np.zeros(0, dtype=np.int16)

    @property
    def pending(self) -> int:
        """Samples that wait for the rest of their frame, fewer than 960."""
        return len(self._rest)

    def process(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        """Take mono samples at 48 kHz (float32, shape ``(n,)``); return a flag for each frame.

        Frame k of all frames so far holds samples 960·k … 960·(k+1); what does not fill a frame
        is kept for the next call. Samples out of range are clipped, NaN counts as 0.
        """
        scaled = np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0) * np.float32(32767)
        pcm = np.concatenate([self._rest, scaled.astype(np.int16)])
        count = len(pcm) // FRAME
        self._rest = pcm[count * FRAME :]
        raw = memoryview(pcm[: count * FRAME].tobytes())
        is_speech = self._vad.is_speech
        size = 2 * FRAME
        return np.fromiter(
            (is_speech(bytes(raw[at : at + size]), RATE) for at in range(0, len(raw), size)),
            dtype=np.bool_,
            count=count,
        )
