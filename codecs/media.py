"""Audio of any kind into blocks of samples at 48 kHz, by FFmpeg (PyAV), with flat memory.

FFmpeg gets bytes that we opened, never an address: from a file it may find out the format itself,
among those in ``DEMUXERS`` (no playlist, no concatenation, nothing that names other files); from a
byte pipe it is told the format, so that it need not wait for more than the first packets.

**Downmix to one channel**: left and right at one half each, so speech that is the same in both
keeps its level (EBU R 128 s1 practice). More channels are first folded down to stereo as in ITU-R
BS.775-4, table 2 (centre and surrounds at -3 dB, LFE left out), without rescaling.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from loa.codecs.errors import CodecError

Samples = npt.NDArray[np.float32]

RATE = 48_000

DEMUXERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,"
    "ogg,rm,tta,w64,wav,wv"
)
"""What a file may be."""

FORMATS = {
    "mp3": "mp3",
    "aac": "aac",
    "adts": "aac",
    "ogg": "ogg",
    "flac": "flac",
    "webm": "matroska",
    "matroska": "matroska",
    "wav": "wav",
}
"""What the stream of a byte pipe may be, and FFmpeg's name for it."""

MIN_RATE, MAX_RATE = 4_000, 768_000
MAX_CHANNELS = 16
MAX_LEVEL = 1000.0
"""Samples of a damaged floating-point file are held within this (+60 dBFS)."""

# Parts of left + right, halved, that a named channel has in the downmix.
_DOWNMIX = {
    "FL": 0.5, "FR": 0.5, "FC": 0.7071, "LFE": 0.0, "LFE2": 0.0,
    "BL": 0.35355, "BR": 0.35355, "SL": 0.35355, "SR": 0.35355, "BC": 0.5,
    "FLC": 0.5, "FRC": 0.5, "DL": 0.5, "DR": 0.5, "WL": 0.35355, "WR": 0.35355,
}  # fmt: skip
# Layouts whose channels stand where BS.1770 (libebur128) expects them.
_MEASURED = ("mono", "stereo", "3.0", "quad", "5.0", "5.0(side)", "5.1", "5.1(side)")
# Damaged packets in a row after which the rest is given up.
_PATIENCE = 500


class MediaError(CodecError):
    """This cannot be decoded; the message says why and what to do.

    ``code`` and ``values`` say the same for those who have words of their own.
    """

    def __init__(self, message: str, code: str = "unreadable", **values: object) -> None:
        super().__init__(message)
        self.code = code
        self.values = values


class ByteSource(Protocol):
    """What bytes come from: an opened file or a pipe. ``read`` may return fewer than asked for."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes, ``b""`` at the end; may block."""
        ...


def decode(
    source: str | os.PathLike[str] | ByteSource, format: str | None = None, *, mono: bool = True
) -> Decoder:
    """Open audio; iterate over what is returned for its blocks.

    ``source`` is a path, a seekable binary file, or a byte pipe, which needs its ``format`` (a key
    of ``FORMATS``). Raises ``MediaError`` (also for a file that cannot be opened); what the
    pipe's ``read`` raises passes through.
    """
    return Decoder(source, format, mono=mono)


class Decoder:
    """The blocks of one source: float32 at 48 kHz, finite, of shape ``(n,)`` with n > 0.

    With ``mono=False`` shape ``(n, channels)``: the source's own channels as they are at its
    beginning, at most 5.1. Changes of sample rate or channels are followed. Iterate once, on one
    thread; close it, or use it as a context manager.
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | ByteSource,
        format: str | None = None,
        *,
        mono: bool = True,
    ) -> None:
        import av.error
        import av.logging

        av.logging.set_level(av.logging.PANIC)
        self._mono = mono
        self._forced = format is not None
        self._name = "the stream"
        self._file: Any = None
        self._container: Any = None
        self._graph: _Graph | None = None
        self._layout: str | None = None
        self._errors: Any = av.error.FFmpegError

        self.damaged = 0
        """Packets that could not be decoded."""
        self.not_finite = 0
        """Samples that were NaN or infinite, and became 0."""
        self.channels = 0
        """Channels of the blocks; 0 before the first one."""
        self.samples = 0
        """Samples a channel given so far."""

        if isinstance(source, str | os.PathLike):
            self._name = Path(source).name
            try:
                self._file = source = open(source, "rb")  # noqa: SIM115
            except OSError as error:
                raise MediaError(f"{self._name}: {error.strerror}", "missing") from error
        self._format = format
        self._links: _Links | None = None
        if format is not None and format not in FORMATS:
            raise MediaError(f"{self._name}: the format {format} is not accepted")
        try:
            if format == "ogg" or (format is None and _is_ogg(source)):
                self._format = "ogg"
                source = self._links = _Links(source)
            elif hasattr(source, "seek"):
                source = _Seekable(source)
            self._open(source)
        except BaseException:
            self.close()
            raise

    def _open(self, source: object) -> None:
        import av
        from av.stream import Discard

        options = {"protocol_whitelist": "none", "format_whitelist": DEMUXERS}
        if self._forced:
            # Enough for a codec's parameters; the defaults wait for seconds of audio.
            options |= {"probesize": "2048", "analyzeduration": "1"}
        try:
            self._container = av.open(
                source,
                format=FORMATS[self._format] if self._format else None,
                options=options,
                metadata_errors="replace",
                buffer_size=4096 if self._forced else 65536,
            )
        except (self._errors, ValueError) as error:
            raise MediaError(
                f"{self._name}: no audio that we can read ({_reason(error)}); "
                "make it WAV, FLAC, MP3, M4A or Ogg"
            ) from error
        streams = self._container.streams
        if not streams.audio:
            raise MediaError(f"{self._name}: there is no audio in it", "no_audio")
        self._stream = streams.audio[0]
        for other in streams:
            if other is not self._stream:
                other.discard = Discard.all

    @property
    def progress(self) -> float | None:
        """How much has been read of a file, 0 to 1; None for a pipe."""
        if self._file is None:
            return None
        size = os.fstat(self._file.fileno()).st_size
        return min(1.0, self._file.tell() / size) if size else 1.0

    def close(self) -> None:
        """Free everything. Idempotent."""
        self._graph = None
        if self._container is not None:
            self._container.close()
            self._container = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Samples]:
        """Yield the blocks. Raises ``MediaError`` when nothing at all could be decoded."""
        pushed = pending = 0
        for frame in self._frames():
            graph = self._graph
            if graph is None or not graph.takes(frame):
                if graph is not None:
                    yield from self._given(graph.finish())
                graph = self._graph = self._build(frame)
            graph.push(frame)
            # Asking in vain costs more than samples do. A file's come half a second at a time; a
            # stream's frames give one block each at most, those below 20 ms are taken together.
            pushed += 1
            pending += frame.samples
            if pending * (50 if self._forced else 2) >= frame.sample_rate:
                yield from self._given(graph.pull(pushed if self._forced else None))
                pushed = pending = 0
        if self._graph is not None:
            yield from self._given(self._graph.finish())
        if self.samples == 0 and self.damaged:
            raise MediaError(f"{self._name}: all of its audio is damaged", "damaged")

    def _frames(self) -> Iterator[Any]:
        bad = 0
        packets = self._container.demux(self._stream)
        while bad < _PATIENCE:
            try:
                packet = next(packets)
            except (StopIteration, EOFError):
                if self._next_link():
                    packets = self._container.demux(self._stream)
                    continue
                return
            except self._errors:
                bad += 1
                self.damaged += 1
                packets = self._container.demux(self._stream)
                continue
            try:
                frames = packet.decode()
            except EOFError:
                continue
            except self._errors:
                bad += 1
                self.damaged += 1
                continue
            if frames:
                bad = 0
            yield from frames

    def _next_link(self) -> bool:
        """Open the next stream of an Ogg chain; False when there is none that can be read."""
        while self._links is not None and self._links.advance():
            self._container.close()
            try:
                self._open(self._links)
            except MediaError:
                self.damaged += 1
                continue
            return True
        return False

    def _build(self, frame: Any) -> _Graph:
        channels = frame.layout.nb_channels
        if not MIN_RATE <= frame.sample_rate <= MAX_RATE:
            rate = frame.sample_rate
            raise MediaError(f"{self._name}: a sample rate of {rate} Hz", "rate", rate=rate)
        if not 1 <= channels <= MAX_CHANNELS:
            words = f"{self._name}: {channels} channels; make it stereo"
            raise MediaError(words, "channels", channels=channels)
        if self._mono:
            layout = "mono"
        elif self._layout is not None:
            layout = self._layout
        else:
            layout = frame.layout.name
            if layout not in _MEASURED:
                layout = {1: "mono", 2: "stereo"}.get(channels, "5.1")
            self._layout = layout
        try:
            return _Graph(frame, layout, mono=self._mono, batch=not self._forced)
        except (self._errors, ValueError) as error:
            words = f"{self._name}: {channels} channels that cannot be mixed"
            raise MediaError(words, "channels", channels=channels) from error

    def _given(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        for block in blocks:
            fine = np.isfinite(block)
            if not fine.all():
                wrong = ~fine
                self.not_finite += int(np.count_nonzero(wrong))
                block[wrong] = 0.0
            np.clip(block, -MAX_LEVEL, MAX_LEVEL, out=block)
            self.samples += len(block)
            self.channels = 1 if block.ndim == 1 else block.shape[1]
            yield block


class _Seekable:
    """A file whose ``seek`` to where nothing can be is refused instead of raising."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.read = file.read
        self.tell = file.tell

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of files; -1 for where the file cannot go."""
        try:
            return int(self._file.seek(offset, whence))
        except (OSError, ValueError, OverflowError):
            return -1


class _Links:
    """An Ogg chain as one file-like object for each of its links.

    FFmpeg cannot follow a chain whose sample rate, channels or codec change. ``read`` ends where
    another link begins; ``advance`` goes on with it.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._held = bytearray()
        self._left = 0
        self._has_data = False
        self._over = False
        self._between = False

    def read(self, size: int) -> bytes:
        """Return bytes of this link, ``b""`` at its end."""
        while self._left == 0 and not self._between:
            if not self._header():
                # What the end of the source leaves behind is no page.
                rest, self._held = bytes(self._held), bytearray()
                return rest
        if self._between:
            return b""
        if not self._held:
            self._fill(size)
        piece = bytes(self._held[: min(size, self._left)])
        del self._held[: len(piece)]
        self._left -= len(piece)
        return piece

    def advance(self) -> bool:
        """Go on with the next link; False at the end of the source."""
        if not self._between:
            # The reader gave this link up; look for another one behind it.
            while self.read(65536):
                pass
        go_on = self._between
        self._between = self._has_data = False
        return go_on

    def _fill(self, size: int) -> bool:
        more = b"" if self._over else self._source.read(size)
        self._over = not more
        self._held += more
        return bool(more)

    def _header(self) -> bool:
        """Look at the next page's header, which stays held; False at the end of the source."""
        while len(self._held) < 27 or (
            self._held[:4] == b"OggS" and len(self._held) < 27 + self._held[26]
        ):
            if not self._fill(4096):
                return False
        held = self._held
        if held[:4] != b"OggS":
            junk = held.find(b"OggS")
            self._left = junk if junk > 0 else len(held) - 3
            return True
        begins = bool(held[5] & 2)
        if begins and self._has_data:
            self._between = True
            return True
        self._has_data |= not begins
        self._left = 27 + held[26] + sum(held[27 : 27 + held[26]])
        return True


class _Graph:
    """FFmpeg's filters from one kind of frame to our blocks."""

    def __init__(self, frame: Any, layout: str, *, mono: bool, batch: bool) -> None:
        import av.error
        import av.filter

        self._nothing_yet = (av.error.BlockingIOError, av.error.EOFError)
        self._mono = mono
        self._kind = self._kind_of(frame)
        self._channels = av.AudioLayout(layout).nb_channels
        graph = av.filter.Graph()
        chain: list[Any] = [
            graph.add(
                "abuffer",
                f"sample_rate={frame.sample_rate}:sample_fmt={frame.format.name}:"
                f"channels={frame.layout.nb_channels}:time_base=1/{frame.sample_rate}"
                + ("" if _unnamed(frame) else f":channel_layout={frame.layout.name}"),
            )
        ]
        if mono and frame.layout.nb_channels > 1:
            chain.append(graph.add("pan", "mono|c0=" + _downmix(frame)))
        chain.append(graph.add("aresample", str(RATE)))
        wanted = f"sample_rates={RATE}:sample_fmts=flt:channel_layouts={layout}"
        chain.append(graph.add("aformat", wanted))
        if batch:
            chain.append(graph.add("asetnsamples", f"n={RATE // 2}:p=0"))
        chain.append(graph.add("abuffersink"))
        graph.link_nodes(*chain).configure()
        self._graph = graph

    @staticmethod
    def _kind_of(frame: Any) -> tuple[int, str, str]:
        return frame.sample_rate, frame.format.name, frame.layout.name

    def takes(self, frame: Any) -> bool:
        """Is this frame of the kind that the filters were made for?"""
        return self._kind_of(frame) == self._kind

    def push(self, frame: Any) -> None:
        # Broken timestamps must not make the filters drop or add samples.
        frame.pts = None
        self._graph.push(frame)

    def pull(self, most: int | None = None) -> Iterator[Samples]:
        for _ in itertools.count() if most is None else range(most):
            try:
                frame: Any = self._graph.pull()
            except self._nothing_yet:
                return
            block: Samples = frame.to_ndarray().reshape(-1, self._channels)
            if len(block):
                yield block[:, 0] if self._mono else block

    def finish(self) -> Iterator[Samples]:
        self._graph.push(None)
        yield from self.pull()


def _is_ogg(source: Any) -> bool:
    if not hasattr(source, "seek"):
        return False
    begin = source.read(4)
    source.seek(0)
    return bool(begin == b"OggS")


def _unnamed(frame: Any) -> bool:
    return not all(channel.name in _DOWNMIX for channel in frame.layout.channels)


def _downmix(frame: Any) -> str:
    """Return FFmpeg's ``pan`` expression for one channel out of the frame's."""
    count = frame.layout.nb_channels
    if _unnamed(frame):
        return "+".join(f"{1 / count:.5f}*c{index}" for index in range(count))
    names = [channel.name for channel in frame.layout.channels]
    return "+".join(f"{_DOWNMIX[name]}*c{index}" for index, name in enumerate(names))


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
