"""The schedule of an area as a box keeps it: what is to be heard there in the next days.

It is made from the same planning as what the server itself carries, for one mount: the area's own
station and, where slots are given to it, those above. What is not for this area is not in it. Lives
and relays cannot be had without a network; of relays only the hours are here, so that the box can
say what it is silent about.

Times are *day ticks*: Unix time × 50, whole. A tick of the server's timeline lies so and so many
ticks from it, by the clock as it is when it is needed. A schedule travels as a signed file
(``sealed``, ``Purpose.SCHEDULE``), named by its SHA-256; a stick's manifest (``Purpose.PACK``) is
the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from loa.codecs.control.messages import Class, Count, Hash, Short
from loa.codecs.control.sealed import SealError, seal, unseal
from loa.codecs.control.signing import PublicKey, Purpose, SigningKey

FORMAT = 1
DAY_TICKS = 50
"""A second of day ticks."""
MAX_FILE = 1024 * 1024
"""Bytes of a schedule's file."""
MAX_PLAYS = 20_000

Moment = Annotated[int, Meta(ge=0, lt=1 << 48)]


class ScheduleError(SealError):
    """What was signed is no schedule that can be read."""


class Audio(Struct, frozen=True, array_like=True):
    """Prepared audio: the file of this SHA-256, of ``size`` bytes and ``ticks`` packets."""

    hash: Hash
    ticks: Annotated[int, Meta(ge=1, lt=1 << 31)]
    size: Annotated[int, Meta(ge=1, lt=1 << 31)]


class Bulletin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be known of a bulletin. ``origin``: the id of the area that made it."""

    id: Count
    cls: Class = 0
    origin: Count = 0
    title: Short = ""
    language: Annotated[str, Meta(max_length=20)] = ""
    sign: Annotated[str, Meta(max_length=200)] = ""


class Turn(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One playing (``streamer.core.cues.Play``). ``audio``: which of the schedule's.

    It may begin from ``start`` to ``last`` (None: no limit); nothing sounds from ``expires`` on.
    """

    key: Annotated[str, Meta(min_length=1, max_length=80)]
    audio: Annotated[int, Meta(ge=0)]
    bulletin: Count
    entry: Count
    start: Moment
    cls: Class = 0
    last: Moment | None = None
    expires: Moment | None = None


class Hour(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An occurrence of a slot that is filled by a relay or by the level above: [start, end)."""

    slot: Count
    start: Moment
    end: Moment
    content: Literal["upper", "relay"]


class Station(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a station plays on the area's mount (its own: on the station's).

    ``priority``: in the order that the commune wants, within ``open`` only (None: at any time).
    """

    area: Count
    routine_live: Annotated[str, Meta(max_length=20)] = "idle"
    priority: Annotated[tuple[Turn, ...], Meta(max_length=MAX_PLAYS)] = ()
    plays: Annotated[tuple[Turn, ...], Meta(max_length=MAX_PLAYS)] = ()
    hours: Annotated[tuple[Hour, ...], Meta(max_length=MAX_PLAYS)] = ()
    open: Annotated[tuple[tuple[Moment, Moment], ...], Meta(max_length=400)] | None = None


class Call(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An emergency that was called to be repeated (``streamer.core.cues.Emergency``).

    It is in the schedule so that its repeats are heard where the network is gone, too. ``every`` is
    in ticks.
    """

    id: Count
    audio: Annotated[int, Meta(ge=0)]
    bulletin: Count
    start: Moment
    expires: Moment
    every: Annotated[int, Meta(ge=1, lt=1 << 31)]
    severity: Annotated[int, Meta(ge=0, le=100)] = 3
    drill: bool = False
    repeat_until: Moment | None = None


class Schedule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A schedule. ``version`` only ever rises; ``until``: it says nothing of what comes after that.

    ``areas``: whose mounts it is for (villages that hear the same share it). ``stations``: the
    nearest first, then those above it that it has slots of.
    """

    format: int
    version: Count
    made: Moment
    until: Moment
    areas: Annotated[tuple[Count, ...], Meta(min_length=1, max_length=50_000)]
    timezone: Annotated[str, Meta(max_length=64)] = "Asia/Ho_Chi_Minh"
    stations: Annotated[tuple[Station, ...], Meta(max_length=20)] = ()
    audios: Annotated[tuple[Audio, ...], Meta(max_length=MAX_PLAYS)] = ()
    bulletins: Annotated[tuple[Bulletin, ...], Meta(max_length=MAX_PLAYS)] = ()
    calls: Annotated[tuple[Call, ...], Meta(max_length=200)] = ()

    def bulletin(self, id: int) -> Bulletin:
        """Return what is known of a bulletin."""
        return next((b for b in self.bulletins if b.id == id), Bulletin(id=id))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Schedule)


def day_tick(unix: float) -> int:
    """Return the day tick nearest to a time (Unix seconds)."""
    return max(0, round(unix * DAY_TICKS))


def encode_schedule(schedule: Schedule) -> bytes:
    """Return what is signed."""
    return _encoder.encode(schedule)


def decode_schedule(body: bytes) -> Schedule:
    """Read what was signed. Raises ``ScheduleError``."""
    try:
        schedule = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ScheduleError(f"no schedule: {error}") from None
    if schedule.format != FORMAT:
        raise ScheduleError(f"a schedule of format {schedule.format}, which is not known here")
    count = len(schedule.audios)
    used = [t.audio for s in schedule.stations for t in (*s.priority, *s.plays)]
    if any(number >= count for number in (*used, *(c.audio for c in schedule.calls))):
        raise ScheduleError("a schedule that plays what it has not got")
    return schedule


def seal_schedule(
    schedule: Schedule, key: SigningKey, purpose: Purpose = Purpose.SCHEDULE
) -> bytes:
    """Return the file of a schedule."""
    return seal(purpose, encode_schedule(schedule), key)


def open_schedule(
    data: bytes, keys: Iterable[PublicKey], purpose: Purpose = Purpose.SCHEDULE
) -> Schedule:
    """Read a file. Raises ``SealError`` (``ScheduleError`` where what was signed is at fault)."""
    if len(data) > MAX_FILE:
        raise SealError("a schedule's file is smaller than that")
    return decode_schedule(unseal(purpose, data, keys))
