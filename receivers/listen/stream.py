"""The bytes of one mount, as one connection delivers them, turned into packets by tick; no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loa.codecs.errors import CodecError
from loa.codecs.ogg import OggReader, Packet
from loa.codecs.opus import OpusHead, packet_samples, parse_head
from loa.receivers.listen.jitter import LAST_TICK

TICK_SAMPLES = 960
MAX_JUNK = 64 * 1024
MAX_PACKET = 8 * 1024
CONTENT_TYPES = ("audio/ogg", "application/ogg", "audio/opus", "application/x-ogg")


class StreamError(Exception):
    """What the peer sends is not a mount's stream; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """One packet and the tick it is for."""

    tick: int
    packet: bytes


def check_content_type(value: str) -> None:
    """Raise ``StreamError`` unless a response's Content-Type can be Ogg Opus."""
    kind = value.partition(";")[0].strip().lower()
    if kind not in CONTENT_TYPES:
        raise StreamError(f"this address serves {kind or 'nothing known'}, not Ogg Opus audio")


class StreamReader:
    """One connection's bytes in, packets with their ticks out.

    A page whose granule is 960·(t+1) ends with tick t, and its packets are the ticks before it
    (DESIGN decision 1). Raises ``StreamError`` from ``feed`` for what is no such stream; do not
    feed it any more then.
    """

    def __init__(self) -> None:
        self._ogg = OggReader(b"OpusHead", max_packet=MAX_PACKET, max_junk=MAX_JUNK)
        self._page: list[bytes] = []
        self._tags_follow = False
        self.head: OpusHead | None = None
        """The stream's header; None before it came."""
        self.odd = 0
        """Packets left out because they were damaged, or their page's position cannot be."""
        self.last_tick: int | None = None
        """The last page's last tick; ``last_tick + 1`` is what ``?from=`` asks for."""

    @property
    def ended(self) -> bool:
        """The server said that the stream ends here."""
        return self._ogg.ended

    @property
    def holes(self) -> int:
        """Times that pages were missing."""
        return self._ogg.holes

    def feed(self, data: bytes) -> list[Arrived]:
        """Take the next bytes; return the packets they complete."""
        try:
            packets = self._ogg.feed(data)
            return [arrived for packet in packets for arrived in self._take(packet)]
        except CodecError as error:
            raise StreamError(f"this is no Ogg Opus stream: {error}") from None

    def finish(self) -> None:
        """The connection ended. Raises ``StreamError`` if what came before it was no stream."""
        if self.head is None:
            raise StreamError("the connection ended before an Opus stream began")

    def _take(self, packet: Packet) -> Iterator[Arrived]:
        if packet.bos:
            self.head = parse_head(packet.data)
            if self.head.streams != 1:
                raise StreamError(f"it has {self.head.channels} channels; a mount has one or two")
            self._tags_follow = True
            self._page.clear()
            return
        if self._tags_follow:
            self._tags_follow = False
            if packet.data[:8] == b"OpusTags":
                return
        if packet.hole:
            self._page.clear()
        self._page.append(packet.data)
        if not packet.last:
            return
        page, self._page = self._page, []
        end = packet.granule // TICK_SAMPLES
        if not len(page) <= end < LAST_TICK:
            self.odd += len(page)
            return
        self.last_tick = end - 1
        for tick, data in enumerate(page, end - len(page)):
            if self._is_one_tick(data):
                yield Arrived(tick, data)
            else:
                self.odd += 1

    def _is_one_tick(self, data: bytes) -> bool:
        try:
            samples = packet_samples(data)
        except CodecError:
            return False
        if samples != TICK_SAMPLES:
            raise StreamError(
                f"its packets hold {samples / 48:g} ms; a mount's hold 20 ms: this is no Loa mount"
            )
        return True
