"""Audio made by ourselves for tests."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loa.codecs.ogg import EOS, make_page
from loa.codecs.opus import PRE_SKIP, OpusHead, OpusTags
from loa.native.opus import FRAME, OpusEncoder

Samples = npt.NDArray[np.float32]


def tone(seconds: float, hertz: float = 440.0, level: float = 0.3) -> Samples:
    """Return a sine at 48 kHz, one channel."""
    at = np.arange(round(seconds * 48_000)) / 48_000
    return (level * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def opus_packets(pcm: Samples, bitrate: int = 64_000) -> list[bytes]:
    """Encode whole frames of 20 ms."""
    encoder = OpusEncoder(bitrate)
    return [encoder.encode(pcm[i : i + FRAME]) for i in range(0, len(pcm) - FRAME + 1, FRAME)]


def ogg_opus(
    pcm: Samples,
    *,
    eos: bool = True,
    packets_a_page: int = 5,
    serial: int = 7,
    title: str = "",
    bitrate: int = 64_000,
) -> bytes:
    """Return an Ogg Opus stream as a source would send it; it decodes to len(pcm) - 80 ms."""
    packets = opus_packets(pcm, bitrate)
    comments = (("TITLE", title),) if title else ()
    first = OpusHead(1, PRE_SKIP).pack()
    second = OpusTags("test", comments).pack()
    pages = [
        make_page(first, [len(first)], 0, 0, serial=serial, flags=2),
        make_page(second, [len(second)], 0, 1, serial=serial),
    ]
    for number, start in enumerate(range(0, len(packets), packets_a_page)):
        some = packets[start : start + packets_a_page]
        last = start + packets_a_page >= len(packets)
        pages.append(
            make_page(
                b"".join(some),
                [len(packet) for packet in some],
                (start + len(some)) * FRAME,
                number + 2,
                serial=serial,
                flags=EOS if last and eos else 0,
            )
        )
    return b"".join(pages)


def frequency(pcm: Samples) -> float:
    """Return the strongest frequency of samples at 48 kHz, in Hz."""
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum) * 48_000 / len(pcm))


__all__ = ["frequency", "ogg_opus", "opus_packets", "tone"]
