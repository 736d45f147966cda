"""Chooses and starts the decoder of a source, and knows which threads are still decoding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loa.codecs import media
from loa.codecs.errors import CodecError
from loa.codecs.opus import OpusStream
from loa.codecs.vad import FRAME, Vad
from loa.streamer.counters import Counters
from loa.streamer.ingest.containers import Container
from loa.streamer.ingest.decoding import (
    Decoding,
    OpusDecoding,
    OpusSamples,
    Samples,
    Speech,
    ThreadDecoding,
    Undecodable,
)
from loa.streamer.ingest.pipe import BytePipe
from loa.streamer.ingest.session import Session

_FEW_DAMAGED = 20
_PACKET = 1152
"""Samples in a packet: those of MP3, and about those of the others."""


@dataclass(frozen=True, slots=True)
class Codecs:
    """What decodes: makers of an Ogg Opus stream, of FFmpeg's samples, and of a speech detector."""

    opus: Callable[[], OpusSamples]
    media: Callable[[BytePipe, str], Iterable[Samples]]
    speech: Callable[[], Speech]


class OpusSource:
    """An Ogg Opus stream whose errors are the source's fault."""

    def __init__(self) -> None:
        self._stream = OpusStream()

    @property
    def title(self) -> str | None:
        """What the comments of the present link say."""
        return self._stream.tags.title if self._stream.tags is not None else None

    def feed(self, data: bytes) -> Iterator[Samples]:
        """See ``OpusSamples``."""
        try:
            yield from self._stream.feed(data)
        except CodecError as error:
            raise Undecodable(str(error)) from None


class SpeechRuns:
    """Samples cut where speech begins or ends, in frames of 20 ms."""

    def __init__(self) -> None:
        self._vad = Vad()
        self._kept = np.zeros(0, dtype=np.float32)
        self._last = False

    def runs(self, pcm: Samples) -> Iterator[tuple[Samples, bool]]:
        """See ``Speech``."""
        flags = self._vad.process(pcm)
        if len(self._kept):
            pcm = np.concatenate([self._kept, pcm])
        whole = len(flags) * FRAME
        self._kept = pcm[whole:].copy()
        if not len(flags):
            return
        self._last = bool(flags[-1])
        starts = [0, *(np.flatnonzero(np.diff(flags)) + 1).tolist(), len(flags)]
        for start, end in pairwise(starts):
            yield pcm[start * FRAME : end * FRAME], bool(flags[start])

    def rest(self) -> Iterator[tuple[Samples, bool]]:
        """See ``Speech``."""
        if len(self._kept):
            yield self._kept, self._last


def _mostly_damaged(packets: int, samples: int) -> bool:
    """Say whether more packets were damaged than gave sound: garbage has sync words, too."""
    return packets > _FEW_DAMAGED and samples < packets * _PACKET


def standard(counters: Counters) -> Codecs:
    """Return the real codecs; what they had to skip is counted."""

    def decode(pipe: BytePipe, format: str) -> Iterator[Samples]:
        try:
            with media.decode(pipe, format) as decoder:
                try:
                    for block in decoder:
                        if _mostly_damaged(decoder.damaged, decoder.samples):
                            raise Undecodable("most of what it sends is damaged")
                        yield block
                finally:
                    if decoder.damaged:
                        counters.add("sources.damaged_packets", decoder.damaged)
        except CodecError as error:
            raise Undecodable(str(error)) from None

    return Codecs(opus=OpusSource, media=decode, speech=SpeechRuns)


class Decoders:
    """Starts decoders; belongs to the loop."""

    def __init__(self, codecs: Codecs) -> None:
        self._codecs = codecs
        self._threads: set[ThreadDecoding] = set()

    def start(
        self,
        container: Container,
        session: Session,
        on_space: Callable[[], None],
        on_done: Callable[[str | None], None],
    ) -> Decoding:
        """Start decoding into ``session``; the callbacks come on the loop (see ``Decoding``)."""
        speech = self._codecs.speech()
        if container is Container.OGG_OPUS:
            return OpusDecoding(session, speech, self._codecs.opus(), on_space, on_done)
        media = self._codecs.media
        decoding = ThreadDecoding(
            session, speech, lambda pipe: media(pipe, container.value), on_space, on_done
        )
        self._threads = {one for one in self._threads if one.thread.is_alive()}
        self._threads.add(decoding)
        return decoding

    @property
    def threads(self) -> int:
        """Threads that are decoding now."""
        return sum(one.thread.is_alive() for one in self._threads)

    async def join(self) -> None:
        """Wait until every thread has ended; whoever started them has aborted them before."""
        loop = asyncio.get_running_loop()
        for decoding in list(self._threads):
            await loop.run_in_executor(None, decoding.thread.join, 10.0)
        self._threads.clear()
