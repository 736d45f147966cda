"""Schedules and prepared audio for tests of the box, and the parts that it has around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np

from loa.codecs.control.agenda import (
    DAY_TICKS,
    FORMAT,
    Audio,
    Bulletin,
    Call,
    Hour,
    Schedule,
    Station,
    Turn,
    seal_schedule,
)
from loa.codecs.control.messages import Message
from loa.codecs.control.sealed import hash_of
from loa.codecs.control.signing import Purpose, SigningKey
from loa.codecs.opus import OpusFileWriter
from loa.native.opus import OpusEncoder
from loa.receivers.parts import Played, Wanted
from support.timeline import tagged_packet

AREA = 7
DAY = 86_400.0
MIDNIGHT = 1_790_010_000.0 - 1_790_010_000.0 % DAY - 7 * 3600
"""A local midnight in Vietnam."""
KEY = SigningKey(bytes(range(32)))


def opus_file(number: int, ticks: int) -> bytes:
    """Return prepared audio whose packets say what they are: small, and of any length."""
    packets = [b"\xf8" + tagged_packet(number * 4, i)[1:] for i in range(ticks)]
    file = BytesIO()
    writer = OpusFileWriter(file)
    writer.add(b"".join(packets), np.array([len(p) for p in packets], np.uint16))
    writer.finish(960 * ticks)
    return file.getvalue()


def real_opus(seconds: float, hertz: float = 440.0) -> bytes:
    """Return prepared audio of a tone, which any decoder plays."""
    samples = round(seconds * 50) * 960
    tone = (0.2 * np.sin(2 * np.pi * hertz * np.arange(samples) / 48_000)).astype(np.float32)
    data, sizes = OpusEncoder(24_000, 0).encode_many(tone)
    file = BytesIO()
    writer = OpusFileWriter(file)
    writer.add(data, sizes)
    writer.finish(samples - 3840)
    return file.getvalue()


def clock_time(day: int, text: str) -> float:
    """Return the Unix time of ``05:30`` or ``05:30:10`` on a day of the test, from 0 on."""
    parts = [int(part) for part in text.split(":")]
    seconds = sum(part * 60**n for part, n in zip(parts, (2, 1, 0), strict=False))
    return MIDNIGHT + day * DAY + seconds


def ticks_at(day: int, text: str) -> int:
    return round(clock_time(day, text) * DAY_TICKS)


@dataclass
class Programme:
    """A schedule by hand: ``play`` what is to be played, then ``schedule()``."""

    files: dict[bytes, bytes] = field(default_factory=dict)
    audios: list[Audio] = field(default_factory=list)
    turns: dict[int, list[Turn]] = field(default_factory=dict)
    priority: dict[int, list[Turn]] = field(default_factory=dict)
    hours: dict[int, list[Hour]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    bulletins: dict[int, Bulletin] = field(default_factory=dict)
    open: tuple[tuple[int, int], ...] | None = None

    def audio(self, number: int, ticks: int, real: bool = False) -> int:
        """Have audio; only ``real`` audio has a file."""
        data = opus_file(number, ticks) if real else b""
        hash = hash_of(data) if real else number.to_bytes(32)
        for index, known in enumerate(self.audios):
            if known.hash == hash:
                return index
        if real:
            self.files[hash] = data
        self.audios.append(Audio(hash, ticks, len(data) or ticks * 60))
        return len(self.audios) - 1

    def play(
        self, entry: int, day: int, at: str, ticks: int, until: str = "", number: int = 0,
        station: int = AREA, real: bool = False, **more: Any,
    ) -> str:  # fmt: skip
        """Plan entry ``entry`` at a time, in a slot that goes to ``until``; return its key."""
        key = f"entry/{entry}/{number}"
        start = ticks_at(day, at)
        last = max(start, ticks_at(day, until) - ticks) if until else None
        turn = Turn(
            key=key, audio=self.audio(entry, ticks, real), bulletin=entry, entry=entry,
            start=start, **{"last": last, **more},
        )  # fmt: skip
        where = self.priority if turn.cls else self.turns
        where.setdefault(station, []).append(turn)
        self.bulletins[entry] = Bulletin(id=entry, title=f"Bản tin {entry}", sign=f"Chữ {entry}")
        return key

    def schedule(
        self, version: int = 1, days: int = 8, stations: Iterable[int] = (AREA,), **more: Any
    ) -> Schedule:
        parts = tuple(
            Station(
                area=s, plays=tuple(sorted(self.turns.get(s, []), key=lambda t: t.start)),
                priority=tuple(self.priority.get(s, [])), hours=tuple(self.hours.get(s, [])),
                open=self.open,
            )
            for s in stations
        )  # fmt: skip
        return Schedule(
            **{
                "format": FORMAT, "version": version, "made": ticks_at(0, "00:00"),
                "until": ticks_at(days, "00:00"), "areas": (AREA,), "stations": parts,
                "audios": tuple(self.audios), "bulletins": tuple(self.bulletins.values()),
                "calls": tuple(self.calls), **more,
            }
        )  # fmt: skip


def signed(schedule: Schedule, key: SigningKey = KEY, purpose: Purpose = Purpose.SCHEDULE) -> bytes:
    return seal_schedule(schedule, key, purpose)


@dataclass
class FakeLine:
    """A line that keeps what is sent."""

    up: bool = True
    down_since: float | None = None
    sent: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> bool:
        if self.up:
            self.sent.append(message)
        return self.up

    def cut(self, now: float) -> None:
        self.up, self.down_since = False, now

    def mend(self) -> None:
        self.up, self.down_since = True, None


@dataclass
class FakeJournal:
    """A journal that keeps what is recorded."""

    kinds: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    stretches: list[Played] = field(default_factory=list)

    def record(self, kind: str, /, **details: object) -> None:
        self.kinds.append((kind, details))

    def playing(self, played: Played) -> None:
        pass

    def played(self, played: Played) -> None:
        self.stretches.append(played)


@dataclass
class FakeTimeline:
    """A timeline that a test moves: ``zero`` is the monotonic time of tick 0; None: unknown."""

    zero: float | None = None

    def tick(self, now: float) -> float | None:
        return None if self.zero is None else (now - self.zero) * 50

    def when(self, tick: float) -> float | None:
        return None if self.zero is None else self.zero + tick / 50

    def unix(self, now: float) -> float | None:
        return None

    def suppose(self, tick: float, now: float) -> None:
        if self.zero is None:
            self.zero = now - tick / 50


@dataclass
class FakeDay:
    """A time of day that a test says: monotonic plus ``ahead``; None: nobody knows."""

    ahead: float | None = 0.0

    def unix(self, now: float) -> float | None:
        return None if self.ahead is None else now + self.ahead


@dataclass
class FakeCache:
    """A cache that has what ``there`` says."""

    there: Callable[[bytes], bool] = lambda hash: True

    def has(self, hash: bytes) -> bool:
        return self.there(hash)

    def read(self, hash: bytes) -> None:
        return None


@dataclass
class Heard:
    """What a sequencer would have played: stretches of (key, first packet, from, to) by time."""

    wanted: list[Wanted] = field(default_factory=list)

    def __call__(self, wanted: Wanted) -> None:
        self.wanted.append(wanted)

    def stretches(self, zero: float, until: float) -> list[tuple[str, int, float, float]]:
        """Return them in Unix time; ``zero``: the time of tick 0; ``until``: the end of all."""
        found = []
        for number, one in enumerate(self.wanted):
            if one.kind != "bulletin":
                continue
            after = self.wanted[number + 1].tick if number + 1 < len(self.wanted) else 1 << 60
            begin = zero + one.tick / 50
            end = min(zero + min(after, one.tick + one.ticks - one.offset) / 50, until)
            if end > begin:
                found.append((one.play, one.offset, begin, end))
        return found
