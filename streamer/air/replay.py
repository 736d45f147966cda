"""Replay: any stretch of any mount as it went out, from the as-run log and what was kept.

Bulletins and files are read from where they lie by their content, lives and relays from the
archive; the rest is silence. The pages are made as they are asked for, so an hour costs no more
memory than a minute; their granules are those of the mount's own ticks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from loa.codecs.ogg import EOS, make_page, read_clip
from loa.codecs.opus import FRAME, SILENCE, VENDOR, OpusHead, OpusTags, header_pages
from loa.streamer import logs
from loa.streamer.air.kept_file import PAGE, read_pages
from loa.streamer.counters import Counters

CLIPS_KEPT = 2

log = logs.get("replay")


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of the archive: packet 0 is of tick ``first``; ``ticks`` 0: it is being written."""

    path: Path
    first: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Carried:
    """Ticks [first, end) of a mount: packets of prepared audio from ``skipped`` on, or ``kept``."""

    first: int
    end: int
    audio: str = ""
    skipped: int = 0
    round: bool = False
    """It begins anew at its end."""
    kept: tuple[Kept, ...] = ()


class Replay:
    """Makes streams out of stretches; ``stream`` is for a thread (it reads files)."""

    def __init__(self, data: Path, counters: Counters) -> None:
        self._audio = data / "audio"
        self._counters = counters
        self._clips: OrderedDict[str, tuple[bytes, npt.NDArray[np.int64]] | None] = OrderedDict()

    def stream(
        self, stretches: Sequence[Carried], first: int, end: int, title: str = ""
    ) -> Iterator[bytes]:
        """Give one Ogg Opus stream of the ticks [first, end), page by page: a second each.

        ``stretches`` are by tick and do not overlap. What cannot be read is silent, and counted.
        """
        tags = OpusTags(VENDOR, (("TITLE", title),) if title else ())
        yield header_pages(OpusHead(1), tags)
        sequence = 2
        page: list[bytes] = []
        tick = first
        for packet in self._packets(stretches, first, end):
            page.append(packet)
            tick += 1
            if tick % PAGE == 0 or tick == end:
                yield from _pages(page, tick, sequence, EOS if tick == end else 0)
                sequence += 1 + _extra(page)
                page = []

    def _packets(self, stretches: Sequence[Carried], first: int, end: int) -> Iterator[bytes]:
        """Give exactly one packet for every tick of [first, end)."""
        tick = first
        for carried in stretches:
            start, stop = max(carried.first, tick), min(carried.end, end)
            if start >= stop:
                continue
            while tick < start:
                yield SILENCE
                tick += 1
            for at, packets in self._runs(carried, start, stop):
                while tick < at:
                    yield SILENCE
                    tick += 1
                for packet in packets[max(0, tick - at) : stop - at]:
                    yield packet
                    tick += 1
                if tick >= stop:
                    break
            while tick < stop:
                yield SILENCE
                tick += 1
        while tick < end:
            yield SILENCE
            tick += 1

    def _runs(self, carried: Carried, start: int, stop: int) -> Iterable[tuple[int, list[bytes]]]:
        """Give runs of packets with the tick of their first, about from ``start`` on."""
        if carried.audio:
            return self._from_clip(carried, start, stop)
        return self._from_archive(carried, start, stop)

    def _from_clip(
        self, carried: Carried, start: int, stop: int
    ) -> Iterator[tuple[int, list[bytes]]]:
        clip = self._clip(carried.audio)
        if clip is None:
            return
        data, ends = clip
        tick = start
        while tick < stop:
            index = carried.skipped + tick - carried.first
            if carried.round:
                index %= len(ends)
            if index >= len(ends):
                return
            last = min(index + PAGE, len(ends), index + stop - tick)
            edges = [int(ends[index - 1]) if index else 0, *ends[index:last].tolist()]
            yield tick, [data[a:b] for a, b in pairwise(edges)]
            tick += last - index

    def _from_archive(
        self, carried: Carried, start: int, stop: int
    ) -> Iterator[tuple[int, list[bytes]]]:
        for kept in carried.kept:
            if kept.first >= stop or (kept.ticks and kept.first + kept.ticks <= start):
                continue
            try:
                for number, packets in read_pages(kept.path, max(0, start - kept.first)):
                    if kept.first + number >= stop:
                        return
                    yield kept.first + number, packets
            except OSError as error:
                self._counters.add("replay.missing")
                log.warning("kept packets cannot be read", file=kept.path.name, why=str(error))

    def _clip(self, audio: str) -> tuple[bytes, npt.NDArray[np.int64]] | None:
        if audio in self._clips:
            self._clips.move_to_end(audio)
            return self._clips[audio]
        clip = None
        try:
            data, sizes = read_clip(self._audio / f"{audio}.opus")
            clip = data, np.cumsum(sizes, dtype=np.int64)
        except Exception as error:  # whatever a file holds, the rest can be heard
            self._counters.add("replay.missing")
            log.warning("prepared audio cannot be read", audio=audio, why=str(error))
        self._clips[audio] = clip
        while len(self._clips) > CLIPS_KEPT:
            self._clips.popitem(last=False)
        return clip


def _lacing(packet: bytes) -> int:
    return len(packet) // 255 + 1


def _split(page: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Give what fits into one page each: nearly always all of it."""
    some: list[bytes] = []
    values = 0
    for packet in page:
        if values + _lacing(packet) > 255:
            yield some
            some, values = [], 0
        some.append(packet)
        values += _lacing(packet)
    yield some


def _extra(page: Sequence[bytes]) -> int:
    return sum(1 for _ in _split(page)) - 1


def _pages(page: Sequence[bytes], tick: int, sequence: int, flags: int) -> Iterator[bytes]:
    parts = list(_split(page))
    rest = len(page)
    for number, part in enumerate(parts):
        rest -= len(part)
        yield make_page(
            b"".join(part), [len(p) for p in part], FRAME * (tick - rest), sequence + number,
            flags=flags if not rest else 0,
        )  # fmt: skip
