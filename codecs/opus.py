"""Opus in Ogg (RFC 7845): its headers, its packets' lengths, and a source's stream as samples."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from loa.codecs.ogg import BOS, make_page

RATE = 48_000
FRAME = 960
"""Samples of our packets: one frame of 20 ms."""

PRE_SKIP = 3840
"""What every stream and file of ours tells players to drop: 80 ms, in which decoders converge."""

SILENCE = b"\xf8\xff\xfe"
"""20 ms of silence, mono: a whole CELT frame, so that no decoder conceals."""

VENDOR = "loa"

MAX_PACKET_SAMPLES = 5760
"""120 ms: the longest packet there is."""

_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
# Samples of one frame by the TOC's configuration number (RFC 6716, table 2).
_FRAMES = _SILK * 3 + _HYBRID * 2 + _CELT * 4


class OpusError(Exception):
    """The peer's bytes are no Opus that we accept; says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class OpusHead:
    """The identification header (RFC 7845, 5.1).

    ``gain`` is in dB; ``pre_skip`` in samples at 48 kHz. ``mapping`` gives for each channel the
    decoded channel that it is (255: silence); the first ``coupled`` of the ``streams`` are stereo.
    """

    channels: int
    pre_skip: int = PRE_SKIP
    input_rate: int = RATE
    gain: float = 0.0
    family: int = 0
    streams: int = 1
    coupled: int = 0
    mapping: bytes = b"\x00"

    def pack(self) -> bytes:
        """Return the header packet."""
        head = b"OpusHead" + struct.pack(
            "<BBHIhB",
            1,
            self.channels,
            self.pre_skip,
            self.input_rate,
            round(self.gain * 256),
            self.family,
        )
        if self.family:
            head += bytes((self.streams, self.coupled)) + self.mapping
        return head


@dataclass(frozen=True, slots=True)
class OpusTags:
    """The comment header: who wrote the stream, and its comments as (NAME, value)."""

    vendor: str
    comments: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str | None:
        """``ARTIST - TITLE``, or whichever of them there is, for display."""
        found: dict[str, str] = {}
        for name, value in self.comments:
            found.setdefault(name, value)
        parts = [found[name] for name in ("ARTIST", "TITLE") if found.get(name)]
        return " - ".join(parts) or None

    def pack(self) -> bytes:
        """Return the comment packet."""
        vendor = self.vendor.encode()
        out = b"OpusTags" + struct.pack("<I", len(vendor)) + vendor
        out += struct.pack("<I", len(self.comments))
        for name, value in self.comments:
            comment = f"{name}={value}".encode()
            out += struct.pack("<I", len(comment)) + comment
        return out


def parse_head(packet: bytes) -> OpusHead:
    """Parse an OpusHead packet. Raises ``OpusError``."""
    if len(packet) < 19 or packet[:8] != b"OpusHead":
        raise OpusError("the stream does not begin with an OpusHead")
    version, channels, pre_skip, rate, gain, family = struct.unpack_from("<BBHIhB", packet, 8)
    if version > 15:
        raise OpusError(f"OpusHead of version {version} is not known")
    if channels == 0:
        raise OpusError("OpusHead has no channels")
    if family == 0:
        if channels > 2:
            raise OpusError(f"OpusHead has {channels} channels in family 0")
        mapping = bytes(range(channels))
        return OpusHead(channels, pre_skip, rate, gain / 256, 0, 1, channels - 1, mapping)
    if family == 1 and channels > 8:
        raise OpusError(f"OpusHead has {channels} channels in family 1")
    if family not in (1, 255):
        raise OpusError(f"OpusHead has the channel mapping family {family}, which is not known")
    if len(packet) < 21 + channels:
        raise OpusError("OpusHead ends within its channel mapping")
    streams, coupled = packet[19], packet[20]
    mapping = packet[21 : 21 + channels]
    if streams == 0 or coupled > streams or streams + coupled > 255:
        raise OpusError(f"OpusHead has {streams} streams, {coupled} of them coupled")
    if any(value != 255 and value >= streams + coupled for value in mapping):
        raise OpusError("OpusHead maps a channel to a stream that it does not have")
    return OpusHead(channels, pre_skip, rate, gain / 256, family, streams, coupled, mapping)


def parse_tags(packet: bytes, *, truncated: bool = False) -> OpusTags:
    """Parse an OpusTags packet; of a ``truncated`` one what is there. Raises ``OpusError``."""
    if packet[:8] != b"OpusTags":
        raise OpusError("the second packet is no OpusTags")
    at = 8

    def take() -> str | None:
        nonlocal at
        if at + 4 > len(packet):
            return None
        (size,) = struct.unpack_from("<I", packet, at)
        if size > len(packet) - at - 4:
            return None
        text = packet[at + 4 : at + 4 + size].decode("utf-8", "replace")
        at += 4 + size
        return text

    vendor = take()
    comments: list[tuple[str, str]] = []
    complete = vendor is not None and at + 4 <= len(packet)
    if complete:
        (count,) = struct.unpack_from("<I", packet, at)
        at += 4
        for _ in range(count):
            text = take()
            if text is None:
                complete = False
                break
            name, equals, value = text.partition("=")
            if equals:
                comments.append((name.upper(), value))
    if not complete and not truncated:
        raise OpusError("OpusTags ends before its comments do")
    return OpusTags(vendor or "", tuple(comments))


def packet_samples(packet: bytes) -> int:
    """Return the samples at 48 kHz that a packet decodes to (RFC 6716, 3.1), 120 to 5760.

    Raises ``OpusError`` when it is empty or longer than 120 ms.
    """
    if not packet:
        raise OpusError("an empty packet")
    frame = _FRAMES[packet[0] >> 3]
    code = packet[0] & 3
    if code < 3:
        return frame if code == 0 else 2 * frame
    count = packet[1] & 63 if len(packet) > 1 else 0
    if count == 0 or count * frame > MAX_PACKET_SAMPLES:
        raise OpusError(f"a packet of {count} frames of {frame / 48} ms")
    return count * frame


def header_pages(head: OpusHead, tags: OpusTags) -> bytes:
    """Return the two pages that begin a stream of ours; its audio pages have sequence 2 and on."""
    first, second = head.pack(), tags.pack()
    return make_page(first, [len(first)], 0, 0, flags=BOS) + make_page(second, [len(second)], 0, 1)


def timeline_headers() -> bytes:
    """Return what comes before the pages of any mount: one constant for all of them."""
    return header_pages(OpusHead(1), OpusTags(VENDOR))
