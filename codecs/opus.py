"""Opus in Ogg (RFC 7845): its headers, its packets' lengths, and a source's stream as samples."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from loa.codecs.errors import CodecError
from loa.codecs.ogg import BOS, EOS, OggReader, Packet, make_page
from loa.native.error import NativeError
from loa.native.opus import OpusDecoder

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


Samples = npt.NDArray[np.float32]


class OpusError(CodecError):
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


class OpusFileWriter:
    """Writes an ordinary Ogg Opus file: one channel, whole 20 ms packets, a page a second.

    Call ``add`` with packets as ``OpusEncoder.encode_many`` gives them, then ``finish``; the file
    remains the caller's. What the file raises passes through.
    """

    PAGE = 50
    """Packets of a full page: a second."""

    def __init__(self, file: BinaryIO, tags: OpusTags | None = None) -> None:
        self._file = file
        self._data = bytearray()
        self._sizes: list[int] = []
        self._sequence = 2
        self.packets = 0
        """Packets added so far."""
        self.bytes = file.write(header_pages(OpusHead(1), tags or OpusTags(VENDOR)))
        """Bytes written so far."""

    def add(self, data: bytes, sizes: npt.NDArray[np.uint16]) -> None:
        """Add packets that lie one behind the other in ``data``."""
        self._data += data
        self._sizes += sizes.tolist()
        self.packets += len(sizes)
        # The last page waits, since it must say that it is the last.
        while len(self._sizes) > self.PAGE:
            self._write(0, 0)

    def finish(self, samples: int) -> None:
        """Write the rest. ``samples``: what is to be heard, without pre-skip and padding.

        Raises ``ValueError`` when there are no packets.
        """
        if not self._sizes:
            raise ValueError("no packets")
        while self._sizes:
            self._write(EOS, PRE_SKIP + samples)

    def _write(self, flags: int, end: int) -> None:
        """Write a page; the one with nothing behind it gets ``flags`` and ends at ``end``."""
        count = values = 0
        for size in self._sizes[: self.PAGE]:
            values += size // 255 + 1
            if values > 255:
                break
            count += 1
        sizes, self._sizes = self._sizes[:count], self._sizes[count:]
        size = sum(sizes)
        last = flags and not self._sizes
        granule = end if last else FRAME * (self.packets - len(self._sizes))
        page = make_page(
            bytes(self._data[:size]), sizes, granule, self._sequence, flags=flags if last else 0
        )
        del self._data[:size]
        self._sequence += 1
        self.bytes += self._file.write(page)


def has_fec(packet: bytes) -> bool:
    """Say whether a packet carries in-band FEC (LBRR) for the one before it (RFC 6716, 4.2.4)."""
    if not packet or packet[0] >> 3 >= 16:
        return False  # CELT alone has none
    at = 1
    if packet[0] & 3 == 2:
        at += 1 if len(packet) > 1 and packet[1] < 252 else 2
    elif packet[0] & 3 == 3:
        if len(packet) < 2:
            return False
        count, variable, padded = packet[1] & 63, packet[1] & 128, packet[1] & 64
        at = 2
        while padded and at < len(packet):
            at += 1
            if packet[at - 1] != 255:
                break
        if variable:
            for _ in range(count - 1):
                at += 1 if at < len(packet) and packet[at] < 252 else 2
    if at >= len(packet):
        return False
    # A VAD flag for each SILK frame of at most 20 ms, then the LBRR flag; the side channel's after.
    frames = max(1, _FRAMES[packet[0] >> 3] // FRAME)
    bits = packet[at]
    mid = bits >> (7 - frames) & 1
    side = bits >> (6 - 2 * frames) & 1 if packet[0] & 4 else 0
    return bool(mid | side)


class OpusStream:
    """A source's Ogg Opus, in pieces of any size, as mono samples at 48 kHz.

    Chained streams follow each other; pre-skip and what the last page trims are dropped, the output
    gain is applied, stereo is mixed as (L + R) / 2. After lost pages the packet before a
    packet with FEC is recovered, and the rest of the hole is concealed up to ``MAX_CONCEALED``.
    """

    MAX_CONCEALED = RATE
    """Samples that one hole is filled with at most; what is missing beyond that stays out."""
    MAX_BEFORE = 1 << 20
    """Bytes that may pass before an Opus stream begins."""

    def __init__(self) -> None:
        self._reader = OggReader(b"OpusHead")
        self._decoder: OpusDecoder | None = None
        self._wants_tags = False
        self._page: list[Packet] = []
        self._skip = 0
        self._position: int | None = None
        self._duration = FRAME
        self._bytes = 0

        self.head: OpusHead | None = None
        """The header of the present link; None before the first."""
        self.tags: OpusTags | None = None
        """Its comments; None before they came, or when they could not be read."""
        self.packets = 0
        """Audio packets decoded."""
        self.damaged = 0
        """Packets that libopus refused, or that were too large; they were concealed."""
        self.recovered = 0
        """Lost packets that FEC gave back."""
        self.concealed = 0
        """Samples made up."""
        self.lost = 0
        """Samples missing beyond what was concealed."""

    @property
    def reader(self) -> OggReader:
        """The Ogg reader, for its counters."""
        return self._reader

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Samples]:
        """Take the next bytes and yield blocks of samples (float32, shape ``(n,)``, n > 0).

        The bytes are taken at once; exhaust the iterator before feeding more. Packets may hold
        far more audio than bytes, so decode no further than there is room. While it runs it
        raises ``OggError`` or ``OpusError`` when the stream cannot be read any further.
        """
        self._bytes += len(data)
        packets = self._reader.feed(data)
        if self._reader.links == 0 and self._bytes > self.MAX_BEFORE:
            raise OpusError("there is no Opus stream in this Ogg")
        return self._decode(packets)

    def _decode(self, packets: list[Packet]) -> Iterator[Samples]:
        for packet in packets:
            if packet.bos:
                self._begin(packet)
            elif self._wants_tags:
                self._wants_tags = False
                # An unreadable comment is no reason to refuse the audio behind it.
                if packet.data[:8] == b"OpusTags":
                    try:
                        self.tags = parse_tags(packet.data, truncated=packet.truncated)
                    except OpusError:
                        self.damaged += 1
                else:
                    self._page.append(packet)
            else:
                self._page.append(packet)
            if packet.last and self._page:
                page, self._page = self._page, []
                yield from self._audio(page)

    def _begin(self, packet: Packet) -> None:
        head = parse_head(packet.data)
        if head.streams > 1 or head.channels > 2:
            raise OpusError(f"Opus with {head.channels} channels; send mono or stereo")
        self.head = head
        self.tags = None
        self._decoder = OpusDecoder(1, gain_q8=round(head.gain * 256))
        self._wants_tags = True
        self._page = []
        self._skip = head.pre_skip
        self._position = None

    def _audio(self, page: list[Packet]) -> Iterator[Samples]:
        """Decode the packets that end on one page."""
        durations = [self._samples(packet) for packet in page]
        end = page[-1].granule
        total = sum(durations)
        position = self._position
        if position is None:
            # Streams may begin anywhere; one that ends on its first page begins at zero.
            position = 0 if page[-1].eos and end < total else end - total
        left = total
        for packet, duration in zip(page, durations, strict=True):
            if packet.hole and self._position is not None:
                missing = end - left - position
                for block in self._fill(missing, packet, duration):
                    yield from self._heard(block)
                position += max(0, missing)
            block = self._one(packet, duration)
            left -= duration
            position += duration
            if page[-1].eos and position > end >= 0:
                block = block[: max(0, len(block) - (position - end))]
            yield from self._heard(block)
        self._position = end if end >= 0 else position

    def _heard(self, block: Samples) -> Iterator[Samples]:
        """Yield what of a block lies behind the pre-skip."""
        skipped = min(self._skip, len(block))
        self._skip -= skipped
        if skipped < len(block):
            yield block[skipped:]

    def _samples(self, packet: Packet) -> int:
        if not packet.truncated:
            # One that has no length will be refused by the decoder, too, and concealed.
            with contextlib.suppress(OpusError):
                self._duration = packet_samples(packet.data)
        return self._duration

    def _one(self, packet: Packet, duration: int) -> Samples:
        assert self._decoder is not None
        if not packet.truncated:
            try:
                block = self._decoder.decode(packet.data)
            except NativeError:
                pass
            else:
                self.packets += 1
                return block
        self.damaged += 1
        self.concealed += duration
        return self._decoder.conceal(duration)

    def _fill(self, missing: int, packet: Packet, duration: int) -> Iterator[Samples]:
        """Make up what is missing before ``packet``, the last of it from its FEC."""
        assert self._decoder is not None
        if missing < 120:
            return
        filled = min(missing, self.MAX_CONCEALED) // 120 * 120
        self.lost += missing - filled
        fec = duration if filled >= duration and has_fec(packet.data) else 0
        made_up = filled - fec
        self.concealed += made_up
        while made_up > 0:
            step = min(made_up, MAX_PACKET_SAMPLES)
            yield self._decoder.conceal(step)
            made_up -= step
        if fec:
            try:
                block = self._decoder.fec(packet.data, fec)
                self.recovered += 1
            except NativeError:
                block = self._decoder.conceal(fec)
                self.concealed += fec
            yield block
