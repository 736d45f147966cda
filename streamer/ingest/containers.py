"""What a source sends: which Content-Types are accepted, and what the first bytes really are.

Pure. FFmpeg never guesses: it is given the one format that is chosen here.
"""

from __future__ import annotations

from enum import Enum


class Container(Enum):
    """A way of packing audio; the value is FFmpeg's name of the demuxer."""

    OGG_OPUS = "ogg/opus"
    """Ogg with Opus: decoded by libopus without FFmpeg."""
    OGG = "ogg"
    MP3 = "mp3"
    AAC = "aac"
    FLAC = "flac"
    WEBM = "webm"


ACCEPTED = {
    "audio/ogg": Container.OGG,
    "application/ogg": Container.OGG,
    "application/x-ogg": Container.OGG,
    "audio/opus": Container.OGG,
    "audio/vorbis": Container.OGG,
    "audio/x-vorbis": Container.OGG,
    "audio/mpeg": Container.MP3,
    "audio/mp3": Container.MP3,
    "audio/aac": Container.AAC,
    "audio/aacp": Container.AAC,
    "audio/x-aac": Container.AAC,
    "audio/flac": Container.FLAC,
    "audio/x-flac": Container.FLAC,
    "audio/webm": Container.WEBM,
    "video/webm": Container.WEBM,
}
"""Content-Types, and what their audio is when its first bytes do not say."""

SHOWN = (
    "audio/ogg",
    "application/ogg",
    "application/x-ogg",
    "audio/mpeg",
    "audio/aac",
    "audio/aacp",
    "audio/flac",
    "audio/webm",
)
"""What a refusal names."""

SNIFF = 36
"""Bytes that ``container`` needs: an Ogg page's header with one lacing value, and 8 of a packet."""


def base_type(content_type: str) -> str:
    """Return a Content-Type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def container(content_type: str, start: bytes) -> Container:
    """Say what a stream is from its (accepted) type and its first ``SNIFF`` bytes.

    Bytes that say it for certain go before the type, which many clients get wrong: ffmpeg says
    audio/mpeg unless it is told otherwise.
    """
    if start.startswith(b"OggS"):
        return Container.OGG_OPUS if start[28:36] == b"OpusHead" else Container.OGG
    if start.startswith(b"fLaC"):
        return Container.FLAC
    if start.startswith(b"\x1aE\xdf\xa3"):
        return Container.WEBM
    return ACCEPTED[base_type(content_type)]


PLAYLISTS = frozenset((
    "audio/x-mpegurl", "audio/mpegurl", "application/x-mpegurl", "application/mpegurl",
    "application/vnd.apple.mpegurl", "audio/x-scpls", "application/pls+xml",
    "application/xspf+xml", "video/x-ms-asf", "application/dash+xml",
))  # fmt: skip
"""Types that name streams instead of being one."""


def looks_like_a_playlist(start: bytes) -> bool:
    """Say whether text begins that names streams, whatever its type says."""
    begin = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:32].lower()
    return begin.startswith((b"#extm3u", b"[playlist]", b"<", b"http://", b"https://"))


def guess(start: bytes) -> Container | None:
    """Say what a stream is by its first bytes alone; None when they do not tell."""
    if start.startswith((b"OggS", b"fLaC", b"\x1aE\xdf\xa3")):
        return container("audio/ogg", start)
    if start.startswith(b"ID3"):
        return Container.MP3
    if len(start) >= 2 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0:
        # The two layer bits are zero in ADTS, and in no MPEG audio layer.
        return Container.AAC if start[1] & 0x06 == 0 else Container.MP3
    return None


class OggTail:
    """Watches a byte stream of Ogg pages for how it ends, without reading what is in them."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._skip = 0
        self._last = False
        self._lost = False

    @property
    def ended(self) -> bool:
        """The bytes so far end with a whole page that is marked as the end of its stream."""
        return self._last and not self._lost and not self._skip and not self._head

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        at = 0
        while at < len(data) and not self._lost:
            step = min(self._skip, len(data) - at)
            at += step
            self._skip -= step
            if at == len(data):
                return
            wanted = 27 if len(self._head) < 27 else 27 + self._head[26]
            take = data[at : at + wanted - len(self._head)]
            self._head += take
            at += len(take)
            if len(self._head) < 27 or len(self._head) < 27 + self._head[26]:
                continue
            if self._head[:4] != b"OggS":
                self._lost = True
                return
            self._last = bool(self._head[5] & 4)
            self._skip = sum(self._head[27:])
            self._head.clear()
