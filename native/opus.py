"""Opus as Python sees it: 20 ms frames out, any packet in; 48 kHz float32 throughout.

Encoders and decoders are used by one thread at a time. libopus runs without the GIL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from loa.native import _loa
from loa.native.error import NativeError, check

ffi: Any = _loa.ffi
lib: Any = _loa.lib

Samples = npt.NDArray[np.float32]

RATE = 48_000
FRAME = 960
"""Samples of the frames that ``OpusEncoder`` makes: 20 ms."""
LOOKAHEAD = 312
"""Samples by which the encoder delays what it is given (6.5 ms)."""
MAX_FRAMES = 5_760
"""Samples a channel that one packet can hold: 120 ms."""


def packet_samples(packet: bytes) -> int:
    """Return a packet's samples a channel, at 48 kHz; ``NativeError`` when it is malformed."""
    return check(lib.loa_opus_packet_samples(ffi.from_buffer("uint8_t[]", packet), len(packet)))


class OpusEncoder:
    """One channel, constrained VBR, one 20 ms frame a packet.

    ``bitrate`` 6,000 to 128,000 bit/s, ``complexity`` 0 to 10. ``fec`` adds in-band FEC made for
    ``loss_percent``; it serves only links that lose packets. Raises ``NativeError`` when one is out
    of range.
    """

    def __init__(
        self,
        bitrate: int = 24_000,
        complexity: int = 10,
        *,
        fec: bool = False,
        loss_percent: int = 0,
    ) -> None:
        config = ffi.new("loa_opus_config *")
        config.bitrate = bitrate
        config.complexity = complexity
        config.fec = fec
        config.loss_percent = loss_percent
        pointer = lib.loa_opus_encoder_create(config)
        if pointer == ffi.NULL:
            raise NativeError("these settings cannot be an Opus encoder")
        self._pointer = ffi.gc(pointer, lib.loa_opus_encoder_destroy)
        self._packet = bytearray(self.max_packet)
        self._c_packet = ffi.from_buffer("uint8_t[]", self._packet)

    @property
    def max_packet(self) -> int:
        """Bytes of the largest packet it makes."""
        return int(lib.loa_opus_encoder_max_packet(self._pointer))

    def encode(self, samples: Samples) -> bytes:
        """Encode 960 finite samples (float32, shape ``(960,)``) to one packet."""
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if samples.shape != (FRAME,):
            raise ValueError(f"a frame has shape ({FRAME},), not {samples.shape}")
        size = check(
            lib.loa_opus_encode(
                self._pointer,
                ffi.from_buffer("float[]", samples),
                self._c_packet,
                len(self._packet),
            )
        )
        return bytes(self._packet[:size])

    def encode_many(self, samples: Samples) -> tuple[bytes, npt.NDArray[np.uint16]]:
        """Encode ``n`` frames (float32, shape ``(n * 960,)``) in one call.

        Returns the packets one behind the other, and their sizes (uint16, shape ``(n,)``).
        """
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        if samples.ndim != 1 or len(samples) % FRAME:
            raise ValueError(f"frames have shape (n * {FRAME},), not {samples.shape}")
        count = len(samples) // FRAME
        sizes = np.zeros(count, dtype=np.uint16)
        out = bytearray(count * self.max_packet)
        total = check(
            lib.loa_opus_encode_many(
                self._pointer,
                ffi.from_buffer("float[]", samples),
                count,
                ffi.from_buffer("uint8_t[]", out),
                len(out),
                ffi.from_buffer("uint16_t[]", sizes),
            )
        )
        return bytes(out[:total]), sizes

    def reset(self) -> None:
        """Forget all audio, as if just made."""
        lib.loa_opus_encoder_reset(self._pointer)


class OpusDecoder:
    """Decodes packets of any frame size, mode and channel count, and what was lost between them.

    ``channels`` 1 (stereo is mixed down: shapes are ``(n,)``) or 2 (shapes are ``(n, 2)``).
    ``gain_q8`` is the output gain of an OpusHead, in dB · 256. Raises ``NativeError`` for others.
    """

    def __init__(self, channels: int = 1, *, gain_q8: int = 0) -> None:
        pointer = lib.loa_opus_decoder_create(channels, gain_q8)
        if pointer == ffi.NULL:
            raise NativeError("these settings cannot be an Opus decoder")
        self._pointer = ffi.gc(pointer, lib.loa_opus_decoder_destroy)
        self.channels = channels
        self._out = np.zeros(MAX_FRAMES * channels, dtype=np.float32)
        self._c_out = ffi.from_buffer("float[]", self._out)

    def decode(self, packet: bytes) -> Samples:
        """Decode one packet; ``NativeError`` when it is malformed, and the next may follow."""
        return self._taken(
            lib.loa_opus_decode(
                self._pointer,
                ffi.from_buffer("uint8_t[]", packet),
                len(packet),
                self._c_out,
                MAX_FRAMES,
            )
        )

    def decode_many(self, packets: Iterable[bytes]) -> Samples:
        """Decode packets into one array; the first malformed one raises ``NativeError``."""
        parts = [self.decode(packet) for packet in packets]
        return np.concatenate(parts) if parts else self._out[:0].copy()

    def decode_frames(self, data: bytes, sizes: npt.NDArray[np.uint16]) -> Samples:
        """Decode packets of 20 ms as ``OpusEncoder.encode_many`` gives them, in one call.

        Raises ``NativeError`` when one is malformed or longer, or the sizes exceed the data.
        """
        sizes = np.ascontiguousarray(sizes, dtype=np.uint16)
        out = np.empty(len(sizes) * FRAME * self.channels, dtype=np.float32)
        count = check(
            lib.loa_opus_decode_many(
                self._pointer,
                ffi.from_buffer("uint8_t[]", data),
                len(data),
                ffi.from_buffer("uint16_t[]", sizes),
                len(sizes),
                ffi.from_buffer("float[]", out),
                len(sizes) * FRAME,
            )
        )
        out = out[: count * self.channels]
        return out if self.channels == 1 else out.reshape(-1, self.channels)

    def conceal(self, samples: int = FRAME) -> Samples:
        """Make up ``samples`` (a multiple of 120, up to 5,760) for a packet that was lost."""
        return self._taken(lib.loa_opus_conceal(self._pointer, self._c_out, samples))

    def fec(self, packet: bytes, samples: int = FRAME) -> Samples:
        """Recover the lost packet *before* ``packet`` from its FEC, or conceal it if it has none.

        Call ``decode(packet)`` afterwards. ``samples`` is the lost packet's length.
        """
        return self._taken(
            lib.loa_opus_decode_fec(
                self._pointer,
                ffi.from_buffer("uint8_t[]", packet),
                len(packet),
                self._c_out,
                samples,
            )
        )

    def reset(self) -> None:
        """Forget all audio, as if just made."""
        lib.loa_opus_decoder_reset(self._pointer)

    def _taken(self, result: int) -> Samples:
        out = self._out[: check(result) * self.channels].copy()
        return out if self.channels == 1 else out.reshape(-1, self.channels)
